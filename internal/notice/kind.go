package notice

import "slices"

// Kind says what an item is about. The list is closed; docs/formats/notices.md
// explains each.
type Kind string

// The kinds, the most important first.
const (
	ExploitedExposed Kind = "exploited-exposed" // a known exploited hole that can be reached here is open
	Failure          Kind = "failure"           // a fix failed or was rolled back
	GivenUp          Kind = "given-up"          // nothing is changed any more until a person says so
	NeedsPerson      Kind = "needs-person"      // held, a conflict of configuration, not undoable, half installed
	Stale            Kind = "stale"             // archive or advisories are old, badly signed, or cannot be looked at
	RebootWaits      Kind = "reboot-waits"      // a fix only works after a reboot
	RestartWaits     Kind = "restart-waits"     // services still run replaced code
	Paused           Kind = "paused"            // a person stopped changes for a while
	Available        Kind = "available"         // fixes are on offer, and the mode leaves installing them to people
	Applied          Kind = "applied"           // what was installed
	Recovered        Kind = "recovered"         // a problem is over
)

// kindRow is how items of a kind are treated.
type kindRow struct {
	kind    Kind
	label   string // before the title
	once    bool   // does not wait for the digest
	problem bool   // stands until it is over, which is told
	event   bool   // happened: told once, never again
	quiet   bool   // told also on a site that wants only failures and what needs a person
}

var kindTable = [...]kindRow{
	{kind: ExploitedExposed, label: "Exploited and reachable", once: true, problem: true, quiet: true},
	{kind: Failure, label: "Failed", once: true, problem: true, quiet: true},
	{kind: GivenUp, label: "Given up", once: true, problem: true, quiet: true},
	{kind: NeedsPerson, label: "Needs a person", problem: true, quiet: true},
	{kind: Stale, label: "Cannot look", once: true, problem: true, quiet: true},
	{kind: RebootWaits, label: "Waits for a reboot", once: true, problem: true, quiet: true},
	{kind: RestartWaits, label: "Waits for a restart", problem: true},
	{kind: Paused, label: "Paused", problem: true},
	{kind: Available, label: "Available"},
	{kind: Applied, label: "Installed", event: true},
	{kind: Recovered, label: "Over", event: true, quiet: true},
}

// Kinds are all kinds, the most important first.
func Kinds() []Kind {
	list := make([]Kind, 0, len(kindTable))
	for _, r := range kindTable {
		list = append(list, r.kind)
	}
	return list
}

// row is how a kind is treated. One that is not in the table, as a memory of a
// newer program may hold, is treated as a problem: rather told than swallowed.
func (k Kind) row() kindRow {
	if i := k.rank(); i < len(kindTable) {
		return kindTable[i]
	}
	return kindRow{kind: k, label: "Other", once: true, problem: true, quiet: true}
}

// rank is the place of a kind among [Kinds].
func (k Kind) rank() int {
	if i := slices.IndexFunc(kindTable[:], func(r kindRow) bool { return r.kind == k }); i >= 0 {
		return i
	}
	return len(kindTable)
}
