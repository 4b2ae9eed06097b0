package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/config"
)

const head = "schema: lockfast.config/1\n"

func TestBadValuesNameLineAndField(t *testing.T) {
	for text, want := range map[string]string{
		"stay_secure:\n  mode: automatic\n":                      `line 3: stay_secure.mode: "automatic": want auto, download or notify`,
		"stay_secure:\n  mode: auto\n  reboot: sometimes\n":      "line 4: stay_secure.reboot",
		"stay_secure:\n  check: 1m\n":                            "line 3: stay_secure.check: 1m: want at least 10m",
		"stay_secure:\n  check: often\n":                         `line 3: stay_secure.check: "often" is no age`,
		"stay_secure:\n  windows: [Someday 02:00-03:00]\n":       "line 3: stay_secure.windows",
		"stay_secure:\n  exploited:\n    windows: [\"25:00\"]\n": "line 4: stay_secure.exploited.windows",
		"stay_secure:\n  rate_limit: fast\n":                     "line 3: stay_secure.rate_limit",
		"stay_secure:\n  give_up_after: -1\n":                    "line 3: stay_secure.give_up_after",
		"stay_secure:\n  give_up_after: few\n":                   "line 3: stay_secure.give_up_after",
		"stay_secure:\n  windws: []\n":                           "line 3: field windws not found",
		"notify:\n  to: [pigeon:home]\n":                         "line 3: notify.to",
		"notify:\n  at: noon\n":                                  "line 3: notify.at",
		"notify:\n  mail:\n    server: smtp.example.org\n":       "line 4: notify.mail.server",
		"notify:\n  mail:\n    password_file: password\n":        "line 4: notify.mail.password_file",
		"max_data_age: soon\n":                                   `line 2: max_data_age: "soon" is no age`,
	} {
		_, err := config.Parse([]byte(head + text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, want)
		}
	}
}

// What a later file sets replaces what an earlier one set; the rest stays.
func TestLayers(t *testing.T) {
	first, err := config.Parse([]byte(head + "advisories: /a\nstay_secure:\n  mode: notify\n  windows: [\"daily 01:00-02:00\", \"daily 03:00-04:00\"]\n  check: 12h\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := first.Layer([]byte(head + "stay_secure:\n  mode: auto\n  windows: [\"daily 05:00-06:00\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := c.StaySecure
	if c.Advisories != "/a" || s.Mode != "auto" || len(s.Windows) != 1 || time.Duration(s.Check) != 12*time.Hour {
		t.Errorf("got %+v", c)
	}
	if len(first.StaySecure.Windows) != 2 {
		t.Error("the first file's settings were changed")
	}
	if _, err := c.Layer([]byte("stay_secure:\n  mode: auto\n")); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("a layer without a schema: %v", err)
	}
}

func TestTextIsReadAgain(t *testing.T) {
	yes := true
	c := config.Config{
		Fix:        config.Fix{Exclude: []string{"mysql-*"}, MinAge: config.Age(72 * time.Hour)},
		StaySecure: config.StaySecure{Mode: "auto", Windows: []string{"Sun 02:00-05:00 Europe/Berlin"}, RebootWithUsers: &yes, Check: config.Age(90 * time.Minute)},
		Notify:     config.Notify{To: []string{"mail:root", "motd"}},
	}
	text, err := c.Text("one\ntwo")
	if err != nil || !strings.HasPrefix(text, "# one\n# two\nschema: ") {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := config.Parse([]byte(text))
	c.Schema = config.Schema
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%s\n%+v", err, text, again)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "stay_secure:\n  mode: auto\n  check: 6h\n"))
	f.Add([]byte(head + "fix: {all: true, exclude: [a], min_age: 3d}\nnotify: {to: [motd]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
			return
		}
		text, err := c.Text("")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse([]byte(text)); err != nil {
			t.Errorf("what was read cannot be read again: %v\n%s", err, text)
		}
	})
}
