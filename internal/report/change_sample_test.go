package report_test

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

const transaction, undoing = "20261123-114501-ab12", "20261123-120000-cd34"

// changeSamples are the documents of verbs that change a host, by name.
func changeSamples() map[string]any {
	return map[string]any{
		"plan":             samplePlan(),
		"fixplan.nothing":  nothingToFix(),
		"fixplan.typical":  typicalFixPlan(),
		"fixplan.grave":    graveFixPlan(),
		"fix.nothing":      nothingFixed(),
		"fix.done":         fixDone(),
		"fix.reboot":       fixWaits(),
		"fix.partly":       fixPartly(),
		"fix.person":       fixPerson(),
		"fix.unseen":       fixUnseen(),
		"undo.planned":     undoPlanned(),
		"undo.exact":       undoExact(),
		"undo.inexact":     undoInexact(),
		"undo.failed":      undoFailed(),
		"history.none":     &result.History{Schema: result.HistorySchema},
		"history":          sampleHistory(false),
		"history.detailed": sampleHistory(true),
		"stay.off":         &stay.Status{Schema: stay.StatusSchema, Generated: stayNow, Host: "web1", Reboot: stay.RebootNever, Level: "unknown: the host has not been looked at yet"},
		"stay.waits":       stayWaits(),
		"stay.given-up":    stayGivenUp(),
	}
}

// samplePlan has steps of several kinds, with all that a state can hold.
func samplePlan() *plan.Plan {
	digest := func(content string) string {
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	file := func(content string, mode uint32) plan.State {
		return plan.State{File: &plan.File{
			Type: plan.Regular, Size: int64(len(content)), SHA256: digest(content), Mode: mode, UID: 0, GID: 42, Flags: 0x10, Links: 2, MTime: when,
			Xattrs: map[string][]byte{"user.a": {0, 1}, "user.empty": {}},
		}}
	}
	set := func(version, archive string) plan.State {
		return plan.State{Packages: &plan.PackageSet{
			Packages:  []plan.Package{{Name: "nginx", Arch: "amd64", Version: version, Auto: true, Held: true, Archive: archive, SHA256: digest(archive)}},
			Conffiles: map[string]plan.File{"/etc/nginx/nginx.conf": {Type: plan.Absent}},
		}}
	}
	return &plan.Plan{
		Schema: plan.Schema, Kind: "fix", Title: "1 update, 1 of them close holes", Created: when, Tool: "lockfast 0.2.0", Host: "web1",
		Steps: []plan.Step{
			{Kind: plan.WriteFile, Object: "/etc/sysctl.d/90-lockfast.conf", Why: "forwarding is off", Expect: file("old\n", 0o644), Want: file("new\n", 0o600), Content: []byte("new\n"), Allow: []plan.Allowance{plan.AllowImmutable}},
			{Kind: plan.RemoveFile, Object: "/etc/old", Why: "unused", Expect: plan.State{File: &plan.File{Type: plan.Link, Target: "/dev/null"}}, Want: plan.State{File: &plan.File{Type: plan.Absent}}, OneWay: "it was encrypted with a key that is gone"},
			{Kind: plan.Service, Object: "telnet.socket", Why: "unused", Expect: plan.State{Service: &plan.Unit{UnitFile: "enabled", Active: "active"}}, Want: plan.State{Service: &plan.Unit{UnitFile: "masked", Active: "inactive", Links: map[string]string{"/etc/systemd/system/telnet.socket": "/dev/null"}}}},
			{Kind: plan.Sysctl, Object: "net.ipv4.ip_forward", Why: "no router", Expect: plan.State{Sysctl: &plan.Parameter{Value: "1"}}, Want: plan.State{Sysctl: &plan.Parameter{Value: "0"}}},
			{Kind: plan.Packages, Object: "apt", Why: "missing fixes", Expect: set("1.22-1", "nginx_1.22-1_amd64.deb"), Want: set("1.22-2", "nginx_1.22-2_amd64.deb")},
			{Kind: plan.Reboot, Object: "host", Why: "a new kernel"},
			{Kind: plan.Probe, Object: "http://127.0.0.1/", Why: "it answered before"},
		},
	}
}

func baseFixPlan() *result.FixPlan {
	s := base()
	return &result.FixPlan{Schema: result.FixPlanSchema, Generated: when, Tool: s.Tool, Host: s.Host, Manager: "apt", Before: s.Summary}
}

func nothingToFix() *result.FixPlan {
	d := baseFixPlan()
	d.Left = []result.Left{{Finding: "debian:tar@1.34#no-fix", Package: "tar", Reason: "no fix exists yet", IDs: []string{"CVE-2026-77000"}, Severity: "low"}}
	return d
}

func typicalUpdates() []result.Update {
	openssl := result.Update{
		Package: "libssl3", Arch: "amd64", Source: "openssl", From: "3.0.14-1~deb12u1", To: "3.0.15-1~deb12u1", Archive: "Debian bookworm-security main", Size: 2 << 20,
		Why: "High severity; nginx listens with it on every address, port 443 (tcp); the fix has existed for 41 days.", Closes: []string{"debian:openssl@3.0.14-1~deb12u1"}, IDs: []string{"DSA-5764-1", "CVE-2024-6119"},
		EPSS: new(0.02), Severity: "high", Exposed: new(true), Previous: "archive",
	}
	other := openssl
	other.Arch = "i386"
	tool := openssl
	tool.Package = "openssl"
	return []result.Update{
		openssl, other, tool,
		{Package: "tzdata", Arch: "all", Source: "tzdata", From: "2024a-0+deb12u1", To: "2024b-0+deb12u1", Size: 300 << 10, Why: "a newer version is on offer", Exposed: new(false), Previous: "cache"},
	}
}

func typicalFixPlan() *result.FixPlan {
	d := baseFixPlan()
	d.Updates = typicalUpdates()
	d.Left = []result.Left{
		{Finding: "debian:tar@1.34#no-fix", Package: "tar", Reason: "no fix exists yet", Severity: "low"},
		{Finding: "debian:bash@5.2#no-fix", Package: "bash", Reason: "no fix exists yet", Severity: "low"},
		{Package: "curl", Reason: "it is held at its version; release it, or name the package with --only", Severity: "high"},
	}
	d.Restarts = []string{"nginx.service", "ssh.service"}
	d.Download, d.Disk = 4500<<10, 12<<10
	d.Unknown = []result.Unknown{{What: "what runs", Why: "not root"}}
	d.Before.Fixable, d.Plan = 2, samplePlan()
	return d
}

// graveFixPlan has everything that a person has to decide.
func graveFixPlan() *result.FixPlan {
	d := typicalFixPlan()
	for i := range d.Updates[:3] {
		d.Updates[i].KEV, d.Updates[i].EPSS = true, new(0.62)
	}
	d.Updates = append(d.Updates,
		result.Update{Package: "redis-server", Arch: "amd64", Source: "redis", From: "5:7.0.15-1", To: "5:7.0.15-2", Why: "Medium severity; it runs.", Closes: []string{"debian:redis@5:7.0.15-1"}, Severity: "medium", Previous: "none", OneWay: "the newer version may have written a snapshot format that the earlier one cannot read"},
		result.Update{Package: "vim-tiny", Arch: "amd64", Source: "vim", From: "2:9.0-1", To: "2:9.0-2", Why: "a security update is on offer", IDs: []string{"DSA-9000-1"}, Severity: "", Previous: "repacked"},
		result.Update{Package: "linux-image-6.1.0-41-amd64", Arch: "amd64", Source: "linux", To: "6.1.200-1", Why: "another update needs it", Previous: "new", Necessary: "another update needs it", OneWay: "a new package has no way back to lose"},
	)
	d.Left[2].KEV = true
	d.RestartPID = []result.Process{{PID: 4711, Command: "screen"}, {PID: 4712, Command: "my tool"}}
	d.Reboot, d.RebootWhy = true, "a new kernel runs only after a reboot"
	d.Download, d.Disk, d.BootNeeds, d.BootFree = 80<<20, -3<<30, 140<<20, 90<<20
	d.Broken = []string{"mysql-common (half-installed)"}
	d.Conffiles = []string{"/etc/redis/redis.conf"}
	d.Consent = []string{"redis-server 5:7.0.15-1 → 5:7.0.15-2 cannot be undone: no archive has version 5:7.0.15-1 any more, and it cannot be repacked"}
	d.Refused = []string{"a new kernel needs 140 MiB on /boot, and 90 MiB are free; make room first"}
	d.Unknown = append(d.Unknown, result.Unknown{What: "advisories of Debian 12", Why: "they are 9 days old; run lockfast advisories sync", Blocking: true})
	d.Limits = []string{"files that were changed below /usr are not compared"}
	d.Exit = result.Exit{Code: 2, Reasons: d.Refused}
	return d
}

func baseFix(status string) *result.Fix {
	before := result.Summary{Fixable: 2, NotRunning: 1, BySeverity: map[string]int{"high": 2}}
	return &result.Fix{
		Schema: result.FixSchema, Generated: when, Tool: base().Tool, Host: "web1", Transaction: transaction, Status: status, Updates: typicalUpdates(), Before: before, After: &result.Summary{BySeverity: map[string]int{}},
		Left: []result.Left{{Finding: "debian:tar@1.34#no-fix", Package: "tar", Reason: "no fix exists yet"}}, Log: "/var/lib/lockfast/journal/" + transaction + "/output.log", Seconds: 12.5,
	}
}

func nothingFixed() *result.Fix {
	d := baseFix("nothing to do")
	d.Transaction, d.Log, d.Updates, d.Left = "", "", nil, nil
	return d
}

func fixDone() *result.Fix {
	d := baseFix("done")
	d.Restarted = []string{"nginx.service", "ssh.service"}
	d.Kept = []result.Kept{{Path: "/etc/ssl/openssl.cnf", New: "/etc/ssl/openssl.cnf.dpkg-dist"}, {Path: "/etc/other.conf"}}
	d.Health = []result.Judgement{{Subject: "https://127.0.0.1/", State: "ok", Why: "as before: 200"}, {Subject: "tcp://127.0.0.1:22", State: "ok"}, {Subject: "http://127.0.0.1:8080/", State: "not judged", Why: "it flaps: 200, then 503"}}
	d.Repacked = []string{"vim-tiny"}
	return d
}

func fixWaits() *result.Fix {
	d := baseFix("waits for a reboot")
	d.StillOld = []result.Process{{PID: 40, Command: "dbus-daemon", Unit: "dbus.service", Replaced: true}}
	d.Health = []result.Judgement{{Subject: "https://127.0.0.1/", State: "ok"}}
	d.Reboot, d.RebootWhy = true, "kernel 6.1.0-41-amd64 is installed, 6.1.0-40-amd64 runs"
	d.After.NotRunning = 1
	d.Exit = result.Exit{Code: 7, Reasons: []string{"a reboot is needed: " + d.RebootWhy}}
	return d
}

func fixPartly() *result.Fix {
	d := baseFix("partly taken back")
	d.GoneBack = []result.GoneBack{{Packages: []string{"libssl3", "openssl"}, From: "3.0.15-1~deb12u1", To: "3.0.14-1~deb12u1", Why: "with it this did not work any more: https://127.0.0.1/", Transaction: undoing}}
	d.Health = []result.Judgement{{Subject: "https://127.0.0.1/", State: "ok"}}
	d.After.Fixable = 1
	d.Exit = result.Exit{Code: 4, Reasons: []string{"openssl broke https://127.0.0.1/"}}
	return d
}

func fixPerson() *result.Fix {
	d := baseFix("needs a person")
	d.Health = []result.Judgement{{Subject: "nginx.service", State: "broken", Why: "was active, is failed"}, {Subject: "https://127.0.0.1/", State: "broken", Why: "connection refused"}}
	d.Altered = []string{"libssl3: /usr/lib/x86_64-linux-gnu/libssl.so.3 ??5??????"}
	d.Exit = result.Exit{Code: 5, Reasons: []string{"nginx.service does not work any more since the update"}}
	return d
}

func fixUnseen() *result.Fix {
	d := baseFix("rolled back")
	d.After, d.Left = nil, nil
	d.Exit = result.Exit{Code: 4, Reasons: []string{"rolled back"}}
	return d
}

func baseUndo(status string) *result.Undo {
	return &result.Undo{Schema: result.UndoSchema, Of: transaction, Title: "4 updates, 3 of them close holes", Status: status, Plan: samplePlan()}
}

func undoPlanned() *result.Undo {
	d := baseUndo("planned")
	d.Exact = true
	return d
}

func undoExact() *result.Undo {
	d := baseUndo("done")
	d.Transaction, d.Exact, d.Compared, d.Log, d.Seconds = undoing, true, 206, "/var/lib/lockfast/journal/"+undoing+"/output.log", 3.25
	return d
}

func undoInexact() *result.Undo {
	d := undoExact()
	d.Exact, d.Compared, d.AlteredBefore = false, 1, 2
	d.Kept = []string{"/etc/nginx/nginx.conf: content 0011 (10 bytes) → 2233 (12 bytes)"}
	d.Merged = []string{"/etc/ssh/sshd_config"}
	d.OneWay = []string{"sysctl kernel.kexec_load_disabled: only a reboot sets it back"}
	d.Altered = []string{"nginx: /usr/sbin/nginx ??5??????"}
	return d
}

func undoFailed() *result.Undo {
	d := undoExact()
	d.Status, d.Exact, d.Compared = "failed", false, 0
	d.Exit = result.Exit{Code: 4, Reasons: []string{"rolled back"}}
	return d
}

func sampleHistory(detailed bool) *result.History {
	ended := when.Add(time.Minute)
	p := samplePlan()
	d := &result.History{Schema: result.HistorySchema, Busy: true, NeedsPerson: true, Transactions: []result.Transaction{
		{ID: undoing, Kind: "undo", Title: "undo of " + transaction + ": 4 updates", Status: "failed", Note: "it is neither as before nor as it should become: somebody else changed it (/etc/x); bring it in order by hand, then run lockfast recover", Started: when, Ended: &ended, Tool: "lockfast 0.2.0", Plan: "ab", Reverts: transaction},
		{ID: transaction, Kind: "fix", Title: "4 updates, 3 of them close holes", Status: "undone by " + undoing, Started: when, Ended: &ended, Tool: "lockfast 0.2.0", Plan: "cd", UndoneBy: undoing},
		{ID: "20261120-080000-ef56", Kind: "lockdown", Title: "profile web", Status: "interrupted", Started: when.AddDate(0, 0, -3), Tool: "lockfast 0.2.0", Plan: "ef"},
	}}
	if !detailed {
		return d
	}
	d.Transactions = d.Transactions[1:2]
	d.Transactions[0].Steps = []result.Step{
		{
			Kind: "write-file", Object: "/etc/nginx/nginx.conf", Why: "old protocols are off", Status: "done", Changes: []string{"content 0011 (10 bytes) → 2233 (12 bytes)", "mode 0644 → 0600"},
			Diff: "--- /etc/nginx/nginx.conf before\n+++ /etc/nginx/nginx.conf after\n@@ -1,2 +1,2 @@\n http {\n-\tssl_protocols TLSv1 TLSv1.2;\n+\tssl_protocols TLSv1.2 TLSv1.3;\n", Before: p.Steps[0].Expect, After: p.Steps[0].Want,
		},
		{Kind: "packages", Object: "apt", Why: "missing fixes", Status: "done", Changes: []string{"libssl3 3.0.14-1~deb12u1 → 3.0.15-1~deb12u1", "tzdata 2024a-0+deb12u1 → 2024b-0+deb12u1"}, Before: p.Steps[4].Expect, After: p.Steps[4].Want},
		{Kind: "wait-for-reboot", Object: "host", Why: "a new kernel", Status: "done", Changes: []string{"boot 0f0e → 1a1b"}, Before: plan.State{Boot: &plan.Boot{ID: "0f0e"}}, After: plan.State{Boot: &plan.Boot{ID: "1a1b"}}},
		{Kind: "sysctl", Object: "kernel.kexec_load_disabled", Why: "no other kernel is to be loaded", Status: "do", Note: "found not done", OneWay: "only a reboot sets it back"},
	}
	return d
}
