package power

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

const (
	patience = 10 * time.Second // of which the answer itself may take half
	answer   = 4096             // bytes; it is one line
)

// askForMetered asks NetworkManager, the only one that knows of volume:
// systemd-networkd and ifupdown have no word for it.
// https://networkmanager.dev/docs/api/latest/nm-dbus-types.html#NMMetered
func (s *State) askForMetered(ctx context.Context, fsys fs.FS, run hostexec.Runner) {
	if _, err := fs.Stat(fsys, "run/NetworkManager"); err != nil {
		s.note("whether the connection is paid for by volume is known to NetworkManager only, which does not run here")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const bus = "org.freedesktop.NetworkManager"
	r, err := run.Run(ctx, hostexec.Cmd{Name: "busctl", MaxOutput: answer, Args: []string{
		"--system", "--timeout=5", "--auto-start=no", "get-property", bus, "/org/freedesktop/NetworkManager", bus, "Metered",
	}})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("busctl failed (exit %d)", r.Code)
	}
	if err != nil {
		s.note(fmt.Sprintf("NetworkManager does not say whether the connection is paid for by volume: %v", err))
		return
	}
	switch strings.TrimSpace(string(r.Stdout)) {
	case "u 1", "u 3": // yes, and guessed so
		s.Metered = new(true)
	case "u 2", "u 4":
		s.Metered = new(false)
	case "u 0":
		s.note("NetworkManager does not know whether the connection is paid for by volume")
	default:
		s.note("NetworkManager's answer whether the connection is paid for by volume is none that we know")
	}
}
