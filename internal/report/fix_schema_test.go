package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
)

// changeDocuments are the documents of verbs that change a host.
var changeDocuments = []struct {
	name, title string
	of          reflect.Type
	sample      any
}{
	{"plan", "Lockfast plan", reflect.TypeFor[plan.Plan](), samplePlan()},
	{"fix-plan", "Lockfast fix plan", reflect.TypeFor[result.FixPlan](), sampleFixPlan()},
	{"fix", "Lockfast fix", reflect.TypeFor[result.Fix](), sampleFix()},
	{"undo", "Lockfast undo", reflect.TypeFor[result.Undo](), sampleUndo()},
	{"history", "Lockfast history", reflect.TypeFor[result.History](), sampleHistory()},
}

func samplePlan() *plan.Plan {
	file := func(sum string) plan.State {
		return plan.State{File: &plan.File{Type: plan.Regular, Size: 1, SHA256: sum, Mode: 0o644, Xattrs: map[string][]byte{"user.a": []byte("b")}, MTime: time.Unix(1, 0).UTC()}}
	}
	set := func(version string) plan.State {
		return plan.State{Packages: &plan.PackageSet{
			Packages: []plan.Package{{Name: "nginx", Arch: "amd64", Version: version, Auto: true, Archive: "nginx.deb", SHA256: "00"}}, Conffiles: map[string]plan.File{"/etc/x": {Type: plan.Absent}},
		}}
	}
	return &plan.Plan{
		Schema: plan.Schema, Kind: "fix", Title: "one", Created: time.Unix(1, 0).UTC(), Tool: "lockfast", Host: "web1",
		Steps: []plan.Step{
			{Kind: plan.WriteFile, Object: "/etc/a", Why: "b", Expect: file("aa"), Want: file("bb"), Content: []byte("x"), Allow: []plan.Allowance{plan.AllowHardLinks}},
			{Kind: plan.Service, Object: "a.service", Why: "b", Want: plan.State{Service: &plan.Unit{UnitFile: "masked", Active: "inactive", Links: map[string]string{"/etc/systemd/system/a.service": "/dev/null"}}}},
			{Kind: plan.Sysctl, Object: "net.ipv4.ip_forward", Why: "b", Want: plan.State{Sysctl: &plan.Parameter{Value: "0"}}, OneWay: "why"},
			{Kind: plan.Packages, Object: "apt", Why: "b", Expect: set("1"), Want: set("2")},
			{Kind: plan.Reboot, Object: "host", Why: "b"},
		},
	}
}

func sampleUpdates() []result.Update {
	yes, epss := true, 0.5
	return []result.Update{
		{Package: "nginx", Arch: "amd64", Source: "nginx", From: "1", To: "2", Size: 1 << 20, Why: "it is exposed", Closes: []string{"debian:nginx@1"}, IDs: []string{"CVE-2026-0001"}, KEV: true, EPSS: &epss, Severity: "high", Exposed: &yes, Previous: "archive"},
		{Package: "redis-server", Arch: "amd64", Source: "redis", From: "1", To: "2", Why: "an update", Closes: []string{"debian:redis@1"}, Previous: "none", OneWay: "its data"},
		{Package: "libnew\x1b[31m", Arch: "all", To: "1", Why: "another update needs it", Previous: "new", Necessary: "another update needs it"},
	}
}

func sampleFixPlan() *result.FixPlan {
	return &result.FixPlan{
		Schema: result.FixPlanSchema, Generated: time.Unix(1, 0).UTC(), Tool: result.Tool{Name: "lockfast", Version: "1"}, Host: result.Host{Name: "web1", ReleaseName: "Debian GNU/Linux 12 (bookworm)"}, Manager: "apt",
		Updates: sampleUpdates(), Left: []result.Left{{Finding: "k", Package: "curl", Reason: "it is held", KEV: true}, {Package: "tar", Reason: "no fix exists yet"}},
		Restarts: []string{"nginx.service"}, RestartPID: []result.Process{{PID: 1, Command: "screen"}}, Reboot: true, RebootWhy: "a new kernel", Download: 5 << 20, Disk: -3 << 20,
		BootNeeds: 100 << 20, BootFree: 200 << 20, Broken: []string{"x (unpacked)"}, Conffiles: []string{"/etc/nginx/nginx.conf"}, Consent: []string{"redis-server cannot be undone"},
		Refused: []string{"it would remove x"}, Unknown: []result.Unknown{{What: "age", Why: "old", Blocking: true}}, Limits: []string{"apt cannot fly"}, Plan: samplePlan(), Exit: result.Exit{Code: 2, Reasons: []string{"refused"}},
	}
}

func sampleFix() *result.Fix {
	after := result.Summary{BySeverity: map[string]int{}, Fixable: 1}
	return &result.Fix{
		Schema: result.FixSchema, Generated: time.Unix(1, 0).UTC(), Host: "web1", Transaction: "20261123-114501-ab12", Status: "partly taken back", Updates: sampleUpdates(),
		GoneBack: []result.GoneBack{{Packages: []string{"site"}, From: "2", To: "1", Why: "nginx.service", Transaction: "20261123-114502-ab12"}},
		Kept:     []result.Kept{{Path: "/etc/app.conf", New: "/etc/app.conf.dpkg-dist"}}, Restarted: []string{"ssh.service"}, StillOld: []result.Process{{PID: 7, Command: "dbus-daemon"}},
		Health: []result.Judgement{{Subject: "http://127.0.0.1:80/", State: "ok"}, {Subject: "nginx.service", State: "broken", Why: "has failed"}, {Subject: "tcp://127.0.0.1:22", State: "not judged", Why: "it did not answer"}},
		Altered: []string{"nginx: /usr/sbin/nginx ??5??????"}, Repacked: []string{"tar"}, Left: []result.Left{{Package: "curl", Reason: "it is held"}}, After: &after, Log: "/var/log/x", Reboot: true, RebootWhy: "a kernel",
		Exit: result.Exit{Code: 4, Reasons: []string{"taken back"}},
	}
}

func sampleUndo() *result.Undo {
	return &result.Undo{
		Schema: result.UndoSchema, Of: "20261123-114501-ab12", Title: "27 updates", Transaction: "20261123-114502-ab12", Status: "done", Compared: 206, Kept: []string{"/etc/x: changed"},
		Merged: []string{"/etc/y"}, OneWay: []string{"sysctl kernel.kexec_load_disabled: only a reboot"}, Altered: []string{"a: /b"}, Plan: samplePlan(),
	}
}

func sampleHistory() *result.History {
	ended := time.Unix(2, 0).UTC()
	return &result.History{Schema: result.HistorySchema, NeedsPerson: true, Transactions: []result.Transaction{
		{
			ID: "20261123-114501-ab12", Kind: "fix", Title: "27 updates", Status: "done", Started: time.Unix(1, 0).UTC(), Ended: &ended, Tool: "lockfast 1", Plan: "ab",
			Steps: []result.Step{{Kind: "write-file", Object: "/etc/a", Why: "b", Status: "done", Changes: []string{"mode 0644 → 0600"}, Diff: "--- a\n+++ b\n-old\n+new\n"}},
		},
		{ID: "20261123-114500-ab12", Kind: "lockdown", Title: "x\x1b[2J", Status: "interrupted", Note: "why", Started: time.Unix(1, 0).UTC()},
	}}
}

func TestChangeSchemasArePublished(t *testing.T) {
	for _, d := range changeDocuments {
		file := filepath.Join("../../docs/formats", d.name+".schema.json")
		defs := map[string]any{}
		root := derive(d.of, defs)
		schema := map[string]any{
			"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://github.com/lockfast/lockfast/docs/formats/" + d.name + ".schema.json", "title": d.title, "$defs": defs, "allOf": []any{root},
		}
		data, err := json.MarshalIndent(schema, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, '\n')
		if *update {
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		published, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(published, data) {
			t.Errorf("%s is not what its Go type says: run make golden, and raise the schema number if readers could break (%v)", file, err)
			continue
		}
		compiled := compile(t, map[string]string{d.name: file}, d.name)
		for what, v := range map[string]any{"sample": d.sample, "empty": reflect.New(d.of).Interface()} {
			var out bytes.Buffer
			if err := report.Document(&out, v); err != nil {
				t.Fatal(err)
			}
			if what == "empty" && d.name != "plan" { // a plan's kinds are a closed set
				validate(t, compiled, d.name+" "+what, out.Bytes())
			}
			if what == "sample" {
				validate(t, compiled, d.name+" "+what, out.Bytes())
			}
		}
	}
}

// What people read: each document at two widths, and nothing in it can control
// a terminal.
func TestChangeDocumentsForPeople(t *testing.T) {
	for _, width := range []int{60, 100} {
		var out bytes.Buffer
		o := report.Options{Width: width, All: true}
		for _, write := range []func() error{
			func() error { return report.FixPlan(&out, sampleFixPlan(), o) },
			func() error { return report.FixPlan(&out, &result.FixPlan{Manager: "apt"}, o) },
			func() error { return report.Fix(&out, sampleFix(), o) },
			func() error { return report.Fix(&out, &result.Fix{Status: "nothing to do"}, o) },
			func() error { return report.Undo(&out, sampleUndo(), o) },
			func() error {
				return report.Undo(&out, &result.Undo{Status: "done", Exact: true, Compared: 1, Plan: samplePlan()}, o)
			},
			func() error { return report.History(&out, sampleHistory(), o) },
			func() error { return report.History(&out, &result.History{}, report.Options{Width: width}) },
		} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
			out.WriteString("----\n")
		}
		if bytes.ContainsAny(out.Bytes(), "\x1b\x07\r") {
			t.Error("text from elsewhere reached the terminal as it was")
		}
		golden(t, map[int]string{60: "change-60.txt", 100: "change-100.txt"}[width], out.Bytes())
	}
}
