package exposure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

func web() *inventory.Inventory {
	return &inventory.Inventory{
		Live: true,
		Processes: []inventory.Process{
			{PID: 1, Command: "systemd", Package: "systemd", Mapped: []string{"libc6", "systemd"}, Replaced: []inventory.Replaced{{Path: "/usr/lib/systemd/systemd", Package: "systemd"}}},
			{PID: 10, Command: "nginx", Unit: "nginx.service", Package: "nginx", Mapped: []string{"libc6", "libssl3", "nginx"}},
			{PID: 20, Command: "redis", Unit: "redis.service", Package: "redis", Mapped: []string{"libc6", "redis"}},
			{PID: 30, Command: "bash", Package: "bash", Mapped: []string{"bash"}, Replaced: []inventory.Replaced{{Path: "/usr/bin/bash", Package: "bash"}, {Path: "/home/x"}}},
		},
		Listeners: []inventory.Listener{
			{Protocol: "tcp", Address: "0.0.0.0", Port: 443, Scope: inventory.ScopeAny, Filter: inventory.FilterOpen, PID: 10, Process: "nginx", Package: "nginx"},
			{Protocol: "tcp", Address: "127.0.0.1", Port: 6379, Scope: inventory.ScopeLoopback, Filter: inventory.FilterOpen, PID: 20, Process: "redis", Package: "redis"},
			{Protocol: "tcp", Address: "0.0.0.0", Port: 9999, Scope: inventory.ScopeAny, Filter: inventory.FilterFiltered, PID: 20, Process: "redis", Package: "redis"},
		},
		Statuses: []inventory.Status{{Collector: "processes", Outcome: inventory.Succeeded}, {Collector: "sockets", Outcome: inventory.Succeeded}},
	}
}

func show(p *bool) string {
	switch {
	case p == nil:
		return "unknown"
	case *p:
		return "yes"
	}
	return "no"
}

func TestOf(t *testing.T) {
	blind := web()
	blind.Statuses = []inventory.Status{{Collector: "processes", Outcome: inventory.Partial}, {Collector: "sockets", Outcome: inventory.Partial}}
	cases := []struct {
		name             string
		inv              *inventory.Inventory
		pkg              string
		running, exposed string
	}{
		{"program that listens", web(), "nginx", "yes", "yes"},
		{"library of a program that listens", web(), "libssl3", "yes", "yes"},
		{"loopback and filtered only", web(), "redis", "yes", "no"},
		{"runs without a socket", web(), "bash", "yes", "no"},
		{"only installed", web(), "vim", "no", "no"},
		{"seen although not everything was", blind, "nginx", "yes", "yes"},
		{"not seen, and not everything was", blind, "vim", "unknown", "unknown"},
		{"unpacked root", &inventory.Inventory{}, "nginx", "unknown", "unknown"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := exposure.Of(c.inv, []string{c.pkg})
			if show(f.Running) != c.running || show(f.Exposed) != c.exposed {
				t.Errorf("running %s, exposed %s", show(f.Running), show(f.Exposed))
			}
		})
	}
	if f := exposure.Of(web(), []string{"libc6"}); !slices.Equal(f.Restart, []string{"nginx.service", "redis.service", "systemctl daemon-reexec"}) {
		t.Errorf("restart %v", f.Restart)
	}
}

func TestNotRunning(t *testing.T) {
	want := []exposure.Stale{
		{Package: "bash", Files: []string{"/usr/bin/bash"}, Processes: []result.Process{{PID: 30, Command: "bash", Replaced: true}}, Restart: []string{"bash (pid 30)"}},
		{Package: "systemd", Files: []string{"/usr/lib/systemd/systemd"}, Processes: []result.Process{{PID: 1, Command: "systemd", Replaced: true}}, Restart: []string{"systemctl daemon-reexec"}},
	}
	if diff := cmp.Diff(want, exposure.NotRunning(web())); diff != "" {
		t.Error(diff)
	}
}

//go:fix inline
func TestRankAndReason(t *testing.T) {
	list := []result.Finding{
		{Key: "rest", Severity: "low", Running: new(false), Exposed: new(false), KEV: new(false)},
		{Key: "leftover", Status: result.StatusLeftover, Severity: "critical", KEV: new(true)},
		{Key: "high installed", Severity: "high", Running: new(false), Exposed: new(false)},
		{Key: "unseen", Severity: "high"},
		{Key: "exposed unknown", Severity: "unknown", Running: new(true), Exposed: new(true), ExposedOn: []result.Socket{{Process: "sshd", Address: "::", Port: 22, Protocol: "tcp", Filter: "unknown"}}},
		{Key: "kev installed", Severity: "medium", Running: new(false), Exposed: new(false), KEV: new(true)},
		{Key: "high exposed", Severity: "high", Running: new(true), Exposed: new(true), GapDays: new(3), ExposedOn: []result.Socket{{Process: "nginx", Address: "0.0.0.0", Port: 443, Protocol: "tcp", Filter: "open"}}},
		{Key: "kev exposed", Severity: "medium", Running: new(true), Exposed: new(true), KEV: new(true), Ransomware: true, GapDays: new(41)},
		{Key: "restart", Status: result.StatusRestart, Severity: "high", Running: new(true), Exposed: new(false), Restart: []string{"ssh.service"}},
	}
	got := []string{}
	for _, f := range exposure.Rank(list) {
		got = append(got, f.Key)
	}
	want := []string{"kev exposed", "high exposed", "kev installed", "exposed unknown", "restart", "unseen", "high installed", "rest", "leftover"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for key, part := range map[string]string{
		"kev exposed": "also by ransomware", "high exposed": "nginx listens with it on every address, port 443", "unseen": "could not be seen",
		"restart": "until ssh.service is restarted", "exposed unknown": "packet filter lets others in is unknown", "leftover": "does not run",
	} {
		f := list[slices.IndexFunc(list, func(f result.Finding) bool { return f.Key == key })]
		reason := exposure.Reason(f)
		if !strings.Contains(reason, part) || !strings.HasSuffix(reason, ".") || strings.Contains(reason, "\n") {
			t.Errorf("%s: %q lacks %q", key, reason, part)
		}
	}
}

func anyFinding(t *rapid.T) result.Finding {
	tri := rapid.SampledFrom([]*bool{nil, new(true), new(false)})
	f := result.Finding{
		Key: rapid.StringMatching("[a-z]{3}").Draw(t, "key"), Severity: rapid.SampledFrom([]string{"unknown", "none", "low", "medium", "high", "critical"}).Draw(t, "severity"),
		Status: rapid.SampledFrom([]string{result.StatusOpen, result.StatusNoFix, result.StatusRestart, result.StatusLeftover}).Draw(t, "status"),
		KEV:    tri.Draw(t, "kev"), Exposed: tri.Draw(t, "exposed"), Running: tri.Draw(t, "running"),
	}
	if rapid.Bool().Draw(t, "has epss") {
		f.EPSS = new(rapid.Float64Range(0, 1).Draw(t, "epss"))
	}
	if rapid.Bool().Draw(t, "has gap") {
		f.GapDays = new(rapid.IntRange(0, 900).Draw(t, "gap"))
	}
	return f
}

// The order is total, does not depend on the order given, and knowing that a
// hole is exploited never lowers it.
func TestRankIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(anyFinding), 2, 6).Draw(t, "findings")
		for i := range list {
			list[i].Key += string(rune('0' + i))
			if exposure.Reason(list[i]) == "" {
				t.Fatal("no reason")
			}
		}
		first := exposure.Rank(list)
		slices.Reverse(list)
		if diff := cmp.Diff(first, exposure.Rank(list)); diff != "" {
			t.Fatal(diff)
		}
		at := rapid.IntRange(0, len(list)-1).Draw(t, "at")
		key := list[at].Key
		place := func(l []result.Finding) int {
			return slices.IndexFunc(exposure.Rank(l), func(f result.Finding) bool { return f.Key == key })
		}
		before := place(list)
		list[at].KEV = new(true)
		if after := place(list); after > before {
			t.Fatalf("place %d became %d", before, after)
		}
	})
}
