package dpkg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// logFiles are dpkg's logs, older first; logrotate keeps the one before.
var logFiles = [...]string{"var/log/dpkg.log.1", "var/log/dpkg.log"}

// Log finds out which version of a package ran before its last upgrade, for
// packages whose replaced files still run. It runs after the processes.
type Log struct{}

// Name is "dpkg-log".
func (Log) Name() string { return "dpkg-log" }

// Collect fills Previous. Without a log the old version stays unknown, which
// hides nothing: what runs replaced files is listed all the same.
func (Log) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	stale := inv.Replaced()
	if len(stale) == 0 {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	previous := map[string]string{}
	for _, name := range logFiles {
		data, err := hostfs.ReadLimited(host.FS, name, maxStatus)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return inventory.Status{Outcome: inventory.Partial, Reason: fmt.Sprintf("cannot tell which versions still run: %v", err)}
		}
		ParseLog(data, func(pkg, from string) {
			if stale[pkg] {
				previous[pkg] = from
			}
		})
	}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Manager == inventory.Dpkg && p.State.Present() {
			p.Previous = previous[p.Name]
		}
	}
	return inventory.Status{Outcome: inventory.Succeeded}
}

// ParseLog calls each for every upgrade of a dpkg log, in order:
// "2026-11-23 09:50:12 upgrade libssl3:amd64 3.0.14-1 3.0.15-1". Other lines,
// and lines that a crash cut short, say nothing.
func ParseLog(data []byte, each func(pkg, from string)) {
	for line := range bytes.Lines(data) {
		if !bytes.Contains(line, []byte(" upgrade ")) || line[len(line)-1] != '\n' {
			continue
		}
		w := strings.Fields(string(line))
		if len(w) != 6 || w[2] != "upgrade" {
			continue
		}
		name, _, _ := strings.Cut(w[3], ":")
		each(name, w[4])
	}
}
