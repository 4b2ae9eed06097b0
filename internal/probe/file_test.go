package probe_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

const head = "schema: lockfast.probes/1\nprobes:\n"

func TestParseTargets(t *testing.T) {
	got, err := probe.ParseTargets([]byte(head + `
  - url: https://127.0.0.1/health?full=1
    status: 204
    within: 2s
    insecure: true
    host: shop.example:8443
  - url: tcp://localhost:25
    contains: ESMTP
`))
	want := []probe.Target{
		{URL: "https://127.0.0.1/health?full=1", Status: 204, Within: 2 * time.Second, Insecure: true, Host: "shop.example:8443"},
		{URL: "tcp://localhost:25", Contains: "ESMTP"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = probe.ParseTargets([]byte(head)); err != nil || len(got) != 0 {
		t.Errorf("no probes: got %+v, %v", got, err)
	}
}

func TestBadTargetsNameLineAndField(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "empty",
		"schema: lockfast.probes/2\n":     `schema: is "lockfast.probes/2"`,
		"probes: []\n":                    `schema: is ""`,
		"schema: [\n":                     "line",
		head + "  - url: http://a\n---\n": "more than one",
		head + "  - url: http://a\n    stauts: 200\n":                                  "line 4: field stauts not found",
		head + "  - url: http://a\n    detected: true\n":                               "line 4: field detected not found",
		head + "  - url: http://a\n    status: many\n":                                 "line 4",
		head + "  - url: http://a\n    within: 5\n":                                    "line 4",
		head + "  - just text\n":                                                       "line 3",
		head + "  -\n":                                                                 "line 3: a probe is",
		head + "  - url: http://a\n  - ~\n":                                            "line 4: a probe is",
		head + "  - status: 200\n":                                                     `line 3: url: "" is no address`,
		head + "  - url: http://a\n  - url: ftp://a\n":                                 "line 4: url: \"ftp://a\" has a scheme",
		head + "  - url: a:80\n":                                                       "line 3: url",
		head + "  - url: http://\n":                                                    "names no host",
		head + "  - url: http://u:secret@a\n":                                          "name or password",
		head + "  - url: http://a:0\n":                                                 "needs a port",
		head + "  - url: http://a:99999\n":                                             "needs a port",
		head + "  - url: tcp://a\n":                                                    "needs a port",
		head + "  - url: tcp://a:1/x\n":                                                "more than a host and a port",
		head + "  - status: 100\n    url: http://a\n":                                  "line 3: status: is 100",
		head + "  - url: http://a\n    status: 600\n":                                  "line 4: status: is 600",
		head + "  - url: tcp://a:1\n    status: 200\n":                                 "line 4: status",
		head + "  - url: tcp://a:1\n    contains: " + strings.Repeat("x", 5000) + "\n": "line 4: contains",
		head + "  - url: http://a\n    contains: !!binary /w==\n":                      "line 4: contains: is no UTF-8",
		head + "  - url: !!binary aHR0cDovL2Ev/w==\n":                                  "line 3: url",
		head + "  - url: tcp://a:1\n    host: b\n":                                     "line 4: host",
		head + "  - url: http://a\n    host: b/c\n":                                    "line 4: host",
		head + "  - url: http://a\n    host: ':80'\n":                                  "line 4: host",
		head + "  - url: http://a\n    host: ü\n":                                      "line 4: host",
		head + "  - url: http://a\n    insecure: true\n":                               "line 4: insecure",
		head + "  - url: http://a\n    within: -1s\n":                                  "line 4: within: is -1s",
		head + "  - &x\n    url: http://a\n    status: 1\n  - *x\n":                    "line 5: status",
		head + strings.Repeat("#", 1<<20):                                              "over 1 MiB",
	} {
		got, err := probe.ParseTargets([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || got != nil {
			t.Errorf("%.80q: got %v, %v, want %q", text, got, err, want)
		}
	}
}

// What cannot be asked is an answer with an error, however the target was made.
func TestAskChecks(t *testing.T) {
	if a := ask(t, probe.Target{URL: "http://127.0.0.1", Status: 7}); a.OK || !strings.Contains(a.Error, "status: is 7") {
		t.Errorf("got %+v", a)
	}
}

// What can be read can be asked, and survives being stored.
func FuzzParseTargets(f *testing.F) {
	f.Add(head + "  - url: http://localhost\n    status: 200\n    within: 1s\n")
	f.Add(head + "  - &x {url: 'tcp://[::1]:22', contains: SSH}\n  - *x\n")
	f.Add(head + "  - url: https://a/\n    insecure: yes\n    host: b:1\n")
	f.Add("schema: lockfast.probes/1\nprobes: [{<<: {url: http://a}}, ]")
	f.Fuzz(func(t *testing.T, text string) {
		targets, err := probe.ParseTargets([]byte(text))
		if err != nil {
			if targets != nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v with %q", targets, err)
			}
			return
		}
		for _, target := range targets {
			stored, err := json.Marshal(target)
			if err != nil || target.Check() != nil || target.Detected {
				t.Fatalf("%+v: %v, %v", target, err, target.Check())
			}
			var back probe.Target
			if err := json.Unmarshal(stored, &back); err != nil || back != target {
				t.Errorf("%s: got %+v, want %+v, %v", stored, back, target, err)
			}
		}
	})
}
