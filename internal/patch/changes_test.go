package patch_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// manager is a package manager and what launches its programs.
type manager struct {
	name     string
	have     map[string]plan.Package
	asked    []patch.Ref // by State, the last time
	orders   []patch.Order
	repairs  []patch.Order
	install  func(o patch.Order) error
	repair   func() ([]patch.Broken, error)
	stateErr error
	running  []string // units that were asked about
	runs     int      // how often something still runs
	runErr   error
}

func (m *manager) Name() string { return m.name }

func (m *manager) State(_ context.Context, refs []patch.Ref) ([]plan.Package, error) {
	m.asked = refs
	var list []plan.Package
	for _, r := range refs {
		p := m.have[r.Name]
		p.Name, p.Arch = r.Name, r.Arch
		list = append(list, p)
	}
	return list, m.stateErr
}

func (m *manager) Install(_ context.Context, o patch.Order) error {
	m.orders = append(m.orders, o)
	if m.install == nil {
		return nil
	}
	return m.install(o)
}

func (m *manager) Repair(_ context.Context, o patch.Order) ([]patch.Broken, error) {
	m.repairs = append(m.repairs, o)
	if m.repair == nil {
		return nil, nil
	}
	return m.repair()
}

func (*manager) Audit(context.Context) ([]patch.Broken, error) { return nil, nil }

func (*manager) Verify(context.Context, []string) ([]patch.Difference, error) { return nil, nil }

func (*manager) Launch(context.Context, patch.Job) (int, error) {
	return 0, errors.New("nothing is launched here")
}

func (m *manager) Running(_ context.Context, unit string) (bool, error) {
	m.running = append(m.running, unit)
	return len(m.running) <= m.runs, m.runErr
}

func changes(m *manager) *patch.Changes {
	return &patch.Changes{
		Installer: m, Launcher: m, Cache: "/var/cache/lockfast", Log: func(tx string) string { return "/var/log/" + tx },
		Observe: func(path string) (plan.File, error) {
			info, err := os.Lstat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return plan.File{Type: plan.Absent}, nil
			}
			if err != nil {
				return plan.File{}, err
			}
			if info.Mode().Type() == fs.ModeSymlink {
				return plan.File{Type: plan.Link}, nil
			}
			return plan.File{Type: plan.Regular, Size: info.Size()}, nil
		},
	}
}

// says reports whether an error is there and has words in it.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v: does not say %q", err, w)
		}
	}
}

// config is a folder of configuration files.
func config(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"a.conf": "a", "sub/deep/b.conf": "bb", "sub/c": ""} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("a.conf", filepath.Join(dir, "link")), os.Symlink("nowhere", filepath.Join(dir, "broken"))); err != nil {
		t.Skip(err)
	}
	return dir
}

func TestStateLooksAtConfigurationFiles(t *testing.T) {
	dir := config(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	file := func(size int64) plan.File { return plan.File{Type: plan.Regular, Size: size} }
	link := plan.File{Type: plan.Link}
	for name, test := range map[string]struct{ named, want map[string]plan.File }{
		"none named": {nil, map[string]plan.File{in("a.conf"): file(1), in("sub/deep/b.conf"): file(2), in("sub/c"): file(0), in("link"): link, in("broken"): link}},
		"named":      {map[string]plan.File{in("sub/c"): {}, in("gone"): {}}, map[string]plan.File{in("sub/c"): file(0), in("gone"): {Type: plan.Absent}}},
		"no names":   {map[string]plan.File{}, map[string]plan.File{}},
	} {
		m := &manager{name: "apt", have: map[string]plan.Package{"a": {Version: "1", Auto: true}}}
		c := changes(m)
		c.Config = dir
		got, err := c.State(t.Context(), plan.PackageSet{Packages: []plan.Package{{Name: "a", Arch: "amd64", Version: "2"}, {Name: "b", Arch: "all"}}, Conffiles: test.named})
		want := plan.PackageSet{Packages: []plan.Package{{Name: "a", Arch: "amd64", Version: "1", Auto: true}, {Name: "b", Arch: "all"}}, Conffiles: test.want}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		if diff := cmp.Diff([]patch.Ref{{Name: "a", Arch: "amd64"}, {Name: "b", Arch: "all"}}, m.asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestStateWithoutConfigurationFiles(t *testing.T) {
	c := changes(&manager{name: "apt"})
	if got, err := c.State(t.Context(), plan.PackageSet{}); err != nil || len(got.Conffiles) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	c.Config = filepath.Join(t.TempDir(), "nowhere")
	if got, err := c.State(t.Context(), plan.PackageSet{}); err != nil || len(got.Conffiles) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestStateCannotLook(t *testing.T) {
	broken := errors.New("input/output error")
	for name, change := range map[string]func(*patch.Changes){
		"packages":    func(c *patch.Changes) { c.Installer = &manager{stateErr: broken} },
		"named files": func(c *patch.Changes) { c.Observe = func(string) (plan.File, error) { return plan.File{}, broken } },
		"all of /etc": func(c *patch.Changes) { c.Observe = func(string) (plan.File, error) { return plan.File{}, broken } },
	} {
		c := changes(&manager{})
		c.Config = config(t)
		want := plan.PackageSet{}
		if name == "named files" {
			want.Conffiles = map[string]plan.File{"/etc/a": {}}
		}
		if _, err := c.State(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		change(c)
		if _, err := c.State(t.Context(), want); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the running system writes is not taken back.
func TestStateLeavesOutWhatPasses(t *testing.T) {
	if _, err := os.ReadDir("/etc"); err != nil {
		t.Skip(err)
	}
	c := changes(&manager{})
	c.Config = "/etc"
	c.Observe = func(string) (plan.File, error) { return plan.File{Type: plan.Regular}, nil }
	got, err := c.State(t.Context(), plan.PackageSet{})
	if errors.Is(err, fs.ErrPermission) {
		t.Skip(err)
	}
	if err != nil || len(got.Conffiles) == 0 {
		t.Fatalf("%d files, %v", len(got.Conffiles), err)
	}
	for _, path := range []string{"/etc/resolv.conf", "/etc/mtab", "/etc/hostname", "/etc/ld.so.cache", "/etc/machine-id"} {
		if _, there := got.Conffiles[path]; there {
			t.Errorf("%s is among them", path)
		}
	}
}

func TestSetOrders(t *testing.T) {
	file := func(p plan.Package) plan.Package { p.Archive, p.SHA256 = p.Name+".deb", "sum of "+p.Name; return p }
	archive := func(name, version string) patch.Archive {
		return patch.Archive{Ref: patch.Ref{Name: name, Arch: "amd64", Version: version}, Path: filepath.Join("/var/cache/lockfast", name+".deb"), SHA256: "sum of " + name}
	}
	pkg := func(version string) plan.Package { return plan.Package{Name: "a", Arch: "amd64", Version: version} }
	for name, test := range map[string]struct {
		manager   string
		have      plan.Package
		want      plan.Package
		files     []patch.Archive
		remove    []patch.Ref
		downgrade bool
		words     string
	}{
		"as wanted":             {"apt", pkg("1"), pkg("1"), nil, nil, false, ""},
		"as wanted, absent":     {"apt", pkg(""), pkg(""), nil, nil, false, ""},
		"marks only":            {"apt", plan.Package{Version: "1", Auto: true}, pkg("1"), nil, nil, false, ""},
		"update":                {"apt", pkg("1"), file(pkg("2")), []patch.Archive{archive("a", "2")}, nil, false, ""},
		"new":                   {"apt", pkg(""), file(pkg("2")), []patch.Archive{archive("a", "2")}, nil, false, ""},
		"remove":                {"apt", pkg("1"), pkg(""), nil, []patch.Ref{{Name: "a", Arch: "amd64", Version: "1"}}, false, ""},
		"broken":                {"apt", plan.Package{Version: "1", Broken: "unpacked"}, file(pkg("1")), []patch.Archive{archive("a", "1")}, nil, false, ""},
		"broken, remove":        {"apt", plan.Package{Version: "1", Broken: "unpacked"}, pkg(""), nil, []patch.Ref{{Name: "a", Arch: "amd64", Version: "1"}}, false, ""},
		"broken, no file":       {"apt", plan.Package{Version: "1", Broken: "unpacked"}, pkg("1"), nil, nil, false, "no package file for a 1"},
		"downgrade":             {"apt", pkg("1:1"), file(pkg("2")), []patch.Archive{archive("a", "2")}, nil, true, ""},
		"from before a tilde":   {"apt", pkg("2~rc1"), file(pkg("2")), []patch.Archive{archive("a", "2")}, nil, false, ""},
		"to before a tilde":     {"apt", pkg("2"), file(pkg("2~rc1")), []patch.Archive{archive("a", "2~rc1")}, nil, true, ""},
		"numbers, not letters":  {"apt", pkg("9"), file(pkg("10")), []patch.Archive{archive("a", "10")}, nil, false, ""},
		"dpkg: + after nothing": {"apt", pkg("1.0-1"), file(pkg("1.0+-1")), []patch.Archive{archive("a", "1.0+-1")}, nil, false, ""},
		"rpm: caret":            {"dnf", pkg("2^git1-1"), file(pkg("2-1")), []patch.Archive{archive("a", "2-1")}, nil, true, ""},
		"zypper":                {"zypper", pkg("2-1"), file(pkg("1-1")), []patch.Archive{archive("a", "1-1")}, nil, true, ""},
		"no archive":            {"apt", pkg("1"), plan.Package{Name: "a", Arch: "amd64", Version: "2", SHA256: "x"}, nil, nil, false, "no package file for a 2"},
		"no digest":             {"apt", pkg("1"), plan.Package{Name: "a", Arch: "amd64", Version: "2", Archive: "a.deb"}, nil, nil, false, "no package file for a 2"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manager{name: test.manager, have: map[string]plan.Package{"a": test.have}}
			wish := plan.PackageSet{Packages: []plan.Package{test.want}}
			err := changes(m).Set(t.Context(), "tx-1", wish)
			if test.words != "" {
				says(t, err, test.words)
				if len(m.orders) > 0 {
					t.Errorf("%+v", m.orders)
				}
				return
			}
			want := []patch.Order{{ID: "tx-1", Log: "/var/log/tx-1", Files: test.files, Remove: test.remove, Want: wish.Packages, Downgrade: test.downgrade}}
			if diff := cmp.Diff(want, m.orders, cmpopts.IgnoreFields(patch.Order{}, "Progress")); diff != "" || err != nil || len(m.repairs) > 0 {
				t.Errorf("%v, %d repairs\n%s", err, len(m.repairs), diff)
			}
		})
	}
}

// One downgrade among updates is enough.
func TestSetOrdersSeveral(t *testing.T) {
	m := &manager{name: "apt", have: map[string]plan.Package{"a": {Version: "2"}, "b": {Version: "1"}, "c": {Version: "1"}}}
	wish := plan.PackageSet{Packages: []plan.Package{
		{Name: "a", Version: "1", Archive: "a.deb", SHA256: "x"}, {Name: "b", Version: "2", Archive: "b.deb", SHA256: "y"}, {Name: "c"},
	}}
	if err := changes(m).Set(t.Context(), "tx-1", wish); err != nil || len(m.orders) != 1 || len(m.orders[0].Files) != 2 || len(m.orders[0].Remove) != 1 || !m.orders[0].Downgrade {
		t.Errorf("%v, %+v", err, m.orders)
	}
}

func TestSetTriesOnceMore(t *testing.T) {
	wish := plan.PackageSet{Packages: []plan.Package{{Name: "a", Version: "2", Archive: "a.deb", SHA256: "x"}, {Name: "b", Version: "2", Archive: "b.deb", SHA256: "y"}}}
	begin := func() *manager {
		return &manager{name: "apt", have: map[string]plan.Package{"a": {Version: "1"}, "b": {Version: "1"}}}
	}
	m := begin()
	m.install = func(patch.Order) error {
		if len(m.orders) > 1 {
			return nil
		}
		m.have["a"] = plan.Package{Version: "2"} // half of it
		return errors.New("first")
	}
	if err := changes(m).Set(t.Context(), "tx-1", wish); err != nil || len(m.repairs) != 1 || len(m.orders) != 2 || len(m.orders[1].Files) != 1 || m.orders[1].Files[0].Name != "b" {
		t.Errorf("%v, %d repairs, %+v", err, len(m.repairs), m.orders)
	}
	m = begin()
	m.install = func(patch.Order) error {
		return errors.New(map[bool]string{true: "first", false: "second"}[len(m.orders) == 1])
	}
	m.repair = func() ([]patch.Broken, error) { return nil, errors.New("of the repair") }
	says(t, changes(m).Set(t.Context(), "tx-1", wish), "first", "second")
	if len(m.orders) != 2 {
		t.Errorf("%d orders", len(m.orders))
	}
	m = begin()
	m.install = func(patch.Order) error { m.stateErr = errors.New("no database"); return errors.New("first") }
	says(t, changes(m).Set(t.Context(), "tx-1", wish), "first", "no database")
}

// Who else uses the package manager is left alone.
func TestSetLeavesALockedManagerAlone(t *testing.T) {
	m := &manager{name: "apt", have: map[string]plan.Package{}}
	m.install = func(patch.Order) error { return &patch.LockedError{Manager: "apt", Holder: "apt-get (pid 812)"} }
	err := changes(m).Set(t.Context(), "tx-1", plan.PackageSet{Packages: []plan.Package{{Name: "a", Version: "2", Archive: "a.deb", SHA256: "x"}}})
	if _, locked := errors.AsType[*patch.LockedError](err); !locked || len(m.repairs) > 0 || len(m.orders) != 1 {
		t.Errorf("%v, %d repairs, %d orders", err, len(m.repairs), len(m.orders))
	}
	says(t, err, "apt is in use by apt-get (pid 812)")
}

func TestSettleWaitsThenRepairs(t *testing.T) {
	m := &manager{runs: 2}
	m.repair = func() ([]patch.Broken, error) {
		if len(m.running) != 3 {
			t.Errorf("repaired after %d looks", len(m.running))
		}
		return nil, nil
	}
	if err := changes(m).Settle(t.Context(), "tx-1"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"lockfast-tx-1", "lockfast-tx-1", "lockfast-tx-1"}, m.running); diff != "" || len(m.repairs) != 1 {
		t.Error(len(m.repairs), diff)
	}
	if o := m.repairs[0]; o.ID != "tx-1" || o.Log != "/var/log/tx-1" || len(o.Files) != 1 || filepath.Dir(o.Files[0].Path) != filepath.Clean("/var/cache/lockfast") || o.Files[0].Name != "" {
		t.Errorf("%+v", o)
	}
}

func TestSettleFails(t *testing.T) {
	half := []patch.Broken{{Package: "a", State: "half-configured"}}
	for name, test := range map[string]struct {
		m     manager
		words []string
	}{
		"cannot see":           {manager{runErr: errors.New("no bus")}, []string{"cannot see", "no bus"}},
		"cannot repair":        {manager{repair: func() ([]patch.Broken, error) { return nil, errors.New("no way") }}, []string{"no way"}},
		"broken":               {manager{repair: func() ([]patch.Broken, error) { return half, errors.New("script failed") }}, []string{"a stays half-configured", "script failed"}},
		"broken without words": {manager{repair: func() ([]patch.Broken, error) { return half, nil }}, []string{"a stays half-configured"}},
	} {
		err := changes(&test.m).Settle(t.Context(), "tx-1")
		says(t, err, test.words...)
		if err != nil && strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := &manager{runs: 1000}
	err := changes(m).Settle(ctx, "tx-1")
	says(t, err, "tx-1 still runs")
	if !errors.Is(err, context.Canceled) || len(m.repairs) > 0 {
		t.Errorf("%v, %d repairs", err, len(m.repairs))
	}
}

func TestNewConffile(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/a.conf.dpkg-dist": "/etc/a.conf", "/etc/a.ucf-dist": "/etc/a", "/etc/a.rpmnew": "/etc/a",
		"/etc/a.conf": "", "/etc/a.dpkg-old": "", "/etc/a.rpmsave": "", "/etc/dpkg-dist": "",
	} {
		got, ok := patch.NewConffile(path)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
}
