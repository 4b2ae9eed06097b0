package secure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/apk"
	"github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/collect/dpkg"
	"github.com/lockfast/lockfast/internal/collect/firewall"
	"github.com/lockfast/lockfast/internal/collect/gaps"
	"github.com/lockfast/lockfast/internal/collect/process"
	"github.com/lockfast/lockfast/internal/collect/release"
	"github.com/lockfast/lockfast/internal/collect/rpm"
	"github.com/lockfast/lockfast/internal/collect/socket"
	"github.com/lockfast/lockfast/internal/collect/updateinfo"
	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// collectors are all there are, in the order in which each can use what the
// ones before it found.
func collectors() []collect.Collector {
	debs, rpms, apks := dpkg.Collector{}, rpm.Collector{RPM: hostexec.System{}}, apk.Collector{}
	return []collect.Collector{
		release.Release{},
		debs, rpms, apks,
		release.Kernel{},
		apt.New(), updateinfo.NewDNF(), updateinfo.NewZypper(), updateinfo.NewAPK(),
		process.New(debs, rpms, apks),
		dpkg.Log{},
		socket.Collector{Owners: []collect.Owners{debs, rpms, apks}},
		firewall.Collector{},
		gaps.Collector{},
	}
}

// scanned is the host under scan.
type scanned struct {
	root *hostfs.Root
	host collect.Host
}

func openHost(o ScanOptions) (*scanned, error) {
	dir := o.Root
	if dir == "" {
		dir = "/"
	}
	root, err := hostfs.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &scanned{root: root, host: collect.Host{FS: root, Live: o.Root == "", Privileged: os.Geteuid() == 0, Changelogs: o.Changelogs}}
	if s.host.Live {
		s.host.Exec = hostexec.System{}
	}
	return s, nil
}

func (s *scanned) close() { _ = s.root.Close() } // only read from

func (s *scanned) gather(ctx context.Context, o ScanOptions) *inventory.Inventory {
	inv := &inventory.Inventory{Taken: o.Now.UTC(), Live: s.host.Live}
	collect.Run(ctx, s.host, inv, collectors())
	return inv
}

// staleNow sees what runs replaced code at this moment, and nothing else.
func staleNow(ctx context.Context, o ScanOptions) ([]exposure.Stale, error) {
	s, err := openHost(o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	debs, rpms, apks := dpkg.Collector{}, rpm.Collector{RPM: hostexec.System{}}, apk.Collector{}
	inv := &inventory.Inventory{Taken: time.Now().UTC(), Live: s.host.Live}
	collect.Run(ctx, s.host, inv, []collect.Collector{release.Release{}, debs, rpms, apks, process.New(debs, rpms, apks)})
	for _, c := range inv.Statuses {
		if c.Outcome == inventory.Failed {
			return nil, fmt.Errorf("%s: %s", c.Collector, c.Reason)
		}
	}
	return exposure.NotRunning(inv), ctx.Err()
}

// HostRelease is the release of the running host.
func HostRelease(ctx context.Context) (inventory.Release, error) {
	s, err := openHost(ScanOptions{})
	if err != nil {
		return inventory.Release{}, err
	}
	defer s.close()
	inv := &inventory.Inventory{}
	if status := (release.Release{}).Collect(ctx, s.host, inv); status.Outcome != inventory.Succeeded {
		return inventory.Release{}, errors.New(status.Reason)
	}
	return inv.Release, nil
}
