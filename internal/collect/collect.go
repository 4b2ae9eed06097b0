package collect

import (
	"context"
	"io/fs"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Host is the machine to look at.
type Host struct {
	// FS is the host's "/" without the leading slash ("var/lib/dpkg/status").
	// It resolves symlinks as in a chroot and implements fs.ReadLinkFS.
	FS fs.FS
	// Live is true when FS is the running system: then proc/ and sys/ are its
	// own, and Exec runs its programs.
	Live bool
	// Exec starts programs. Nil when programs must not be started: under --root.
	Exec hostexec.Runner
	// Privileged is true when the collector may see every process (root).
	Privileged bool
	// Changelogs asks the package manager for changelogs of pending updates,
	// over the network if need be (--changelogs).
	Changelogs bool
}

// Collector answers one question about a host.
//
// Collect adds what it saw to inv and reports how it fared; it never panics on
// what it reads, honours ctx, and never removes what another collector added.
// Collectors run one after the other, in the order of the list given to [Run]:
// a later one may use what an earlier one found.
type Collector interface {
	Name() string
	Collect(ctx context.Context, host Host, inv *inventory.Inventory) inventory.Status
}

// Run runs the collectors in order and appends a status for each to inv.
func Run(ctx context.Context, host Host, inv *inventory.Inventory, collectors []Collector) {
	for _, c := range collectors {
		if err := ctx.Err(); err != nil {
			inv.Statuses = append(inv.Statuses, inventory.Status{Collector: c.Name(), Outcome: inventory.Failed, Reason: "stopped: " + err.Error()})
			continue
		}
		status := c.Collect(ctx, host, inv)
		status.Collector = c.Name()
		inv.Statuses = append(inv.Statuses, status)
	}
}

// Owners finds which installed package ships a file.
type Owners interface {
	// Owners returns the binary package name of each path that a package of
	// its database ships; paths are absolute, as the running system shows them
	// (both /lib/x and /usr/lib/x name the same file on a merged-/usr host).
	// Paths no package ships are left out. An error means "could not look".
	Owners(ctx context.Context, host Host, paths []string) (map[string]string, error)
}
