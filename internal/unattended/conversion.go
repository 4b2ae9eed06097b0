package unattended

// Mode is what happens unattended with an update.
type Mode string

// Modes. All but [Off] are values of stay_secure.mode.
const (
	Auto     Mode = "auto"     // it is installed
	Download Mode = "download" // it is downloaded
	Notify   Mode = "notify"   // it is only seen: lists are fetched
	Off      Mode = "off"      // nothing ran unattended
)

// Conversion is what became of a set-up. Every option that was seen is in
// Settings, Not or Same.
type Conversion struct {
	Mode     Mode
	Config   []byte     // YAML, lockfast.config/1
	Settings []Mapped   // what Config was made from
	Not      []Unmapped // what has no counterpart
	Same     []Kept     // what Lockfast does without being told
}

// Mapped is an option that became a setting.
type Mapped struct {
	Option string `json:"option"` // "Unattended-Upgrade::Mail", "apt-daily-upgrade.timer: OnCalendar"
	Value  string `json:"value"`
	To     string `json:"to"` // "notify.to: [\"mail:root\"]"
	Note   string `json:"note,omitempty"`
}

// Unmapped is an option that did not.
type Unmapped struct {
	Option string `json:"option"`
	Value  string `json:"value"`
	Why    string `json:"why"`
	Do     string `json:"do"`
	// More: without it Lockfast installs what was not installed before, or at
	// other times.
	More bool `json:"more"`
}

// Kept is an option that needs no setting.
type Kept struct {
	Option string `json:"option"`
	Value  string `json:"value"`
	Note   string `json:"note,omitempty"`
}

// More reports whether Lockfast would install what was not installed before, or
// at other times: a person should read Not before the switch.
func (c *Conversion) More() bool {
	for _, n := range c.Not {
		if n.More {
			return true
		}
	}
	return false
}
