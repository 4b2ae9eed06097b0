// Package gaps lists what is on a host that Lockfast does not look into:
// containers and images, snaps, flatpaks, jars, language packages, software
// beside the package manager. It only looks whether they are there.
package gaps

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// maxEntries bounds how many entries of one folder are counted.
const maxEntries = 10_000

// place is where one kind of thing lies. Elements of dir may be patterns.
type place struct {
	what   string
	dir    string
	suffix string // entries that count; "" counts folders
}

// places is written out: what is not here is not said to be unseen.
var places = [...]place{
	{"container images (Docker)", "var/lib/docker/overlay2", ""},
	{"containers (Docker)", "var/lib/docker/containers", ""},
	{"container images (Podman, CRI-O)", "var/lib/containers/storage/overlay", ""},
	{"containers (containerd)", "var/lib/containerd/io.containerd.runtime.v2.task", ""},
	{"containers (Kubernetes)", "var/lib/kubelet/pods", ""},
	{"machines (systemd-nspawn)", "var/lib/machines", ""},
	{"virtual machines (libvirt)", "var/lib/libvirt/images", ".qcow2"},
	{"snaps", "var/lib/snapd/snaps", ".snap"},
	{"flatpaks", "var/lib/flatpak/app", ""},
	{"jars", "usr/share/java", ".jar"},
	{"jars", "opt/*/lib", ".jar"},
	{"language packages (Python)", "usr/local/lib/python3*/dist-packages", ".dist-info"},
	{"language packages (Python)", "usr/local/lib/python3*/site-packages", ".dist-info"},
	{"language packages (Node.js)", "usr/local/lib/node_modules", ""},
	{"language packages (Node.js)", "usr/lib/node_modules", ""},
	{"language packages (Ruby)", "var/lib/gems/*/gems", ""},
	{"language packages (Ruby)", "usr/local/bundle/gems", ""},
	{"language packages (Perl)", "usr/local/share/perl/*", ""},
	{"language packages (Rust)", "root/.cargo/bin", "*"},
	{"language packages (Go)", "root/go/bin", "*"},
	{"software beside the package manager", "opt", ""},
	{"software beside the package manager", "usr/local/bin", "*"},
	{"software beside the package manager", "usr/local/sbin", "*"},
}

// Collector looks for them.
type Collector struct{}

// Name is "gaps".
func (Collector) Name() string { return "gaps" }

// Collect fills Gaps.
func (Collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	for _, p := range places {
		if ctx.Err() != nil {
			return inventory.Status{Outcome: inventory.Partial, Reason: "stopped: " + ctx.Err().Error()}
		}
		for _, dir := range expand(host.FS, p.dir) {
			count, unseen := countIn(host.FS, dir, p.suffix)
			if count > 0 || unseen {
				inv.Gaps = append(inv.Gaps, inventory.Gap{What: p.what, Where: "/" + dir, Count: count})
			}
		}
	}
	return inventory.Status{Outcome: inventory.Succeeded}
}

// expand resolves the pattern elements of a folder.
func expand(fsys fs.FS, dir string) []string {
	if !strings.ContainsAny(dir, "*") {
		return []string{dir}
	}
	found := []string{"."}
	for element := range strings.SplitSeq(dir, "/") {
		var next []string
		for _, base := range found {
			next = append(next, step(fsys, base, element)...)
		}
		found = next
	}
	return found
}

func step(fsys fs.FS, base, element string) []string {
	if !strings.Contains(element, "*") {
		return []string{path.Join(base, element)}
	}
	entries, err := fs.ReadDir(fsys, base)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries[:min(len(entries), maxEntries)] {
		if ok, err := path.Match(element, e.Name()); err == nil && ok {
			found = append(found, path.Join(base, e.Name()))
		}
	}
	return found
}

// countIn counts what matters in a folder; unseen: it is there and may not be
// looked into.
func countIn(fsys fs.FS, dir, suffix string) (count int, unseen bool) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		_, gone := fs.Stat(fsys, dir)
		return 0, gone == nil
	}
	for _, e := range entries[:min(len(entries), maxEntries)] {
		switch {
		case suffix == "*":
			if !e.IsDir() {
				count++
			}
		case suffix == "":
			if e.IsDir() && e.Name() != "l" && !strings.HasPrefix(e.Name(), ".") {
				count++
			}
		case strings.HasSuffix(e.Name(), suffix):
			count++
		}
	}
	return count, false
}
