package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/config"
)

func TestParse(t *testing.T) {
	c, err := config.Parse([]byte("schema: lockfast.config/1\nadvisories: /a\nmax_data_age: 1d12h\nfeeds:\n  ecosystems: [Debian]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Advisories != "/a" || time.Duration(c.MaxDataAge) != 36*time.Hour || c.Feeds.Ecosystems[0] != "Debian" {
		t.Errorf("got %+v", c)
	}
}

func TestBadFilesNameLineAndField(t *testing.T) {
	cases := map[string]string{
		"":                          "empty",
		"schema: lockfast.config/2": "schema",
		"schema: lockfast.config/1\nadvisors: x\n":           "line 2: field advisors not found",
		"schema: lockfast.config/1\nmax_data_age: soon\n":    "soon",
		"schema: lockfast.config/1\n---\nschema: x\n":        "more than one",
		"schema: lockfast.config/1\naccept_partial: perhaps": "line 2",
	}
	for text, want := range cases {
		_, err := config.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, want)
		}
	}
}

func TestVariablesWinOverTheFile(t *testing.T) {
	c, err := config.Config{Advisories: "/file"}.Override([]string{"HOME=/root", "LOCKFAST_ADVISORIES=/variable", "LOCKFAST_ACCEPT_PARTIAL=true"})
	if err != nil || c.Advisories != "/variable" || !c.AcceptPartial {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, bad := range []string{"LOCKFAST_ADVISORS=/x", "LOCKFAST_MAX_DATA_AGE=never", "LOCKFAST_ACCEPT_PARTIAL=maybe"} {
		if _, err := (config.Config{}).Override([]string{bad}); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestAge(t *testing.T) {
	good := map[string]time.Duration{"7d": 168 * time.Hour, "36h": 36 * time.Hour, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute}
	for s, want := range good {
		if got, err := config.ParseAge(s); err != nil || got != want {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0d", "-1d", "d", "7", "1w", "99999999999d", "1d-25h"} {
		if got, err := config.ParseAge(s); err == nil {
			t.Errorf("%q was accepted as %v", s, got)
		}
	}
}
