package notice_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/notice"
)

func TestParseSink(t *testing.T) {
	good := map[string]notice.Sink{
		"mail:root":                                {Kind: notice.Mail, Target: "root"},
		"mail:a.b+c@mx.example.org":                {Kind: notice.Mail, Target: "a.b+c@mx.example.org"},
		"webhook:https://hooks.example.org/x?y=z":  {Kind: notice.Webhook, Target: "https://hooks.example.org/x?y=z"},
		"webhook:http://127.0.0.1:8080/":           {Kind: notice.Webhook, Target: "http://127.0.0.1:8080/"},
		"webhook:http://[::1]:8080":                {Kind: notice.Webhook, Target: "http://[::1]:8080"},
		"webhook:http://localhost/x":               {Kind: notice.Webhook, Target: "http://localhost/x"},
		"exec:/usr/local/sbin/tell":                {Kind: notice.Exec, Target: "/usr/local/sbin/tell"},
		"motd":                                     {Kind: notice.Motd},
		"desktop":                                  {Kind: notice.Desktop},
		"prometheus:/var/lib/node_exporter/l.prom": {Kind: notice.Prometheus, Target: "/var/lib/node_exporter/l.prom"},
	}
	for s, want := range good {
		got, err := notice.ParseSink(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("%s: got %+v (%s), %v", s, got, got, err)
		}
	}
}

func TestSinksThatAreRefused(t *testing.T) {
	bad := map[string]string{
		"":                                     "write mail:root",
		"Mail:root":                            "write mail:root",
		"slack:x":                              "write mail:root",
		"root@example.org":                     "write mail:root",
		"mail":                                 "mail:admin@example.org",
		"mail:":                                "mail:admin@example.org",
		"mail:-oQ":                             "mail:admin@example.org",
		"mail:|/bin/sh":                        "mail:admin@example.org",
		"mail:/etc/passwd":                     "mail:admin@example.org",
		"mail:a@b, c@d":                        "mail:admin@example.org",
		"mail:a@b\r\nBcc: c@d":                 "mail:admin@example.org",
		"mail:a@b@c":                           "mail:admin@example.org",
		"mail:a@":                              "mail:admin@example.org",
		"mail:a@b..c":                          "mail:admin@example.org",
		"mail:Ä@b.c":                           "mail:admin@example.org",
		"mail:" + strings.Repeat("a", 65):      "mail:admin@example.org",
		"webhook:http://hooks.example.org/x":   "write https://",
		"webhook:http://192.0.2.1/":            "write https://",
		"webhook:http://localhost.example.org": "write https://",
		"webhook:http://127.0.0.1.example.org": "write https://",
		"webhook:https://u:secret@h/":          "secret_file",
		"webhook:https://h/#secret":            "#",
		"webhook:https://":                     "write webhook:https://",
		"webhook:ftp://h/":                     "write webhook:https://",
		"webhook:h/x":                          "write webhook:https://",
		"webhook:https://h/a b":                "write webhook:https://",
		"webhook:https://h/a\r\nX: y":          "write webhook:https://",
		"webhook:https://h:/":                  "write webhook:https://",
		"webhook:https://h:0/":                 "port",
		"webhook:https://h:66666/":             "port",
		"webhook:https://h/" + strings.Repeat("a", 2048): "longer than",
		"exec:tell":           "exec:/usr/local/sbin/tell",
		"exec:/a/../b":        "exec:/usr/local/sbin/tell",
		"exec:/a\nb":          "exec:/usr/local/sbin/tell",
		"exec:/":              "exec:/usr/local/sbin/tell",
		"motd:":               "write motd",
		"desktop:jane":        "write desktop",
		"prometheus:/a/b.txt": ".prom",
		"prometheus:/a/.prom": ".prom",
		"prometheus:b.prom":   "whole path",
	}
	for s, want := range bad {
		got, err := notice.ParseSink(s)
		if err == nil {
			t.Errorf("%q is accepted as %+v", s, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.ContainsAny(text, "\n\r") || strings.Contains(text, "secret@") || len(text) > 400 {
			t.Errorf("%q: got %v, want one line with %q", s, err, want)
		}
	}
}

// A webhook's path is often a password.
func TestNameKeepsTheSecret(t *testing.T) {
	s, err := notice.ParseSink("webhook:https://hooks.example.org/services/T0KEN?key=T0KEN")
	if err != nil || s.Name() != "webhook to hooks.example.org" {
		t.Errorf("got %q, %v", s.Name(), err)
	}
	for _, bad := range []string{"webhook:http://hooks.example.org/T0KEN", "webhook:https://u:T0KEN@h/T0KEN", "webhook:https://h?T0KEN#", "webhook:https://h#T0KEN"} {
		if _, err := notice.ParseSink(bad); err == nil || strings.Contains(err.Error(), "T0KEN") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestSinkAsText(t *testing.T) {
	var list []notice.Sink
	if err := json.Unmarshal([]byte(`["mail:root","motd"]`), &list); err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if data, err := json.Marshal(list); err != nil || string(data) != `["mail:root","motd"]` {
		t.Errorf("got %s, %v", data, err)
	}
	if err := json.Unmarshal([]byte(`["sms:1"]`), &list); err == nil {
		t.Error("sms is accepted")
	}
}

func FuzzParseSink(f *testing.F) {
	for _, s := range []string{"mail:root", "mail:a@b", "webhook:https://h:1/x", "webhook:http://[::1]/", "exec:/a", "motd", "desktop", "prometheus:/a.prom", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sink, err := notice.ParseSink(s)
		if err != nil {
			if strings.ContainsFunc(err.Error(), hidden) {
				t.Errorf("error %q", err)
			}
			return
		}
		if sink.String() != s || notice.Clean(s) != s || strings.ContainsFunc(sink.Name(), hidden) {
			t.Errorf("%q becomes %q", s, sink)
		}
	})
}
