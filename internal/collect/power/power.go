package power

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// State is what was seen; nil is not known.
type State struct {
	OnBattery *bool
	Metered   *bool
	Notes     []string // why something is not known, where that is of interest
}

// Look looks at the host whose "/" fsys is.
func Look(ctx context.Context, fsys fs.FS, run hostexec.Runner) State {
	var s State
	s.OnBattery = onBattery(fsys, &s)
	s.Metered = metered(ctx, fsys, run, &s)
	return s
}

const supplies = "sys/class/power_supply"

// onBattery: some battery of the host (not of a mouse) gives current, and no
// mains does. https://docs.kernel.org/power/power_supply_class.html
func onBattery(fsys fs.FS, s *State) *bool {
	entries, err := fs.ReadDir(fsys, supplies)
	if err != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("power supplies: %v", err))
		return nil
	}
	mains, discharging := false, false
	for _, e := range entries {
		read := func(name string) string { return property(fsys, path.Join(supplies, e.Name(), name)) }
		switch kind := read("type"); {
		case read("scope") == "Device": // of a mouse or a headset
		case kind == "Mains", strings.HasPrefix(kind, "USB"), kind == "Wireless":
			mains = mains || read("online") == "1"
		case kind == "Battery", kind == "UPS":
			discharging = discharging || read("status") == "Discharging"
		}
	}
	yes := discharging && !mains
	return &yes
}

// property is a file of one line; "" is none.
func property(fsys fs.FS, name string) string {
	const limit = 4096
	data, err := hostfs.ReadLimited(fsys, name, limit)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// metered asks NetworkManager, the only one that knows of volume.
// https://networkmanager.dev/docs/api/latest/nm-dbus-types.html#NMMetered
func metered(ctx context.Context, fsys fs.FS, run hostexec.Runner, s *State) *bool {
	if _, err := fs.Stat(fsys, "run/NetworkManager"); err != nil {
		return nil
	}
	const bus = "org.freedesktop.NetworkManager"
	r, err := run.Run(ctx, hostexec.Cmd{Name: "busctl", Args: []string{"--system", "--timeout=5", "get-property", bus, "/org/freedesktop/NetworkManager", bus, "Metered"}})
	if err != nil || r.Code != 0 {
		s.Notes = append(s.Notes, "NetworkManager does not say whether the connection is paid for by volume")
		return nil
	}
	var yes bool
	switch strings.TrimSpace(string(r.Stdout)) {
	case "u 1", "u 3": // yes, and guessed so
		yes = true
	case "u 2", "u 4":
	default:
		return nil
	}
	return &yes
}
