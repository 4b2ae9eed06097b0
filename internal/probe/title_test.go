package probe_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lockfast/lockfast/internal/probe"
)

func TestTitle(t *testing.T) {
	for page, want := range map[string]string{
		"<html><head><title>Welcome to nginx!</title></head>": "Welcome to nginx!",
		"<TITLE lang=en>\n  It\t works \n</Title >":           "It works",
		"<title>a</title><title>b</title>":                    "a",
		"<titles>no</titles><title>yes</title>":               "yes",
		"<title>a < b</titles></title>":                       "a < b</titles>",
		"<title>a &lt; b &#233;</title>":                      "a < b é",
		"<title></title>":                                     "",
		"<title>breaks off":                                   "",
		"<title>breaks off</title":                            "",
		"<title":                                              "",
		"<title>x</title>":                                    "x",
		"":                                                    "",
		"no page":                                             "",
		"<title>\xff\x1b[2J</title>":                          "\uFFFD\uFFFD[2J",
		"<title>" + strings.Repeat("ä", 300) + "</title>":     strings.Repeat("ä", 200),
	} {
		if got := probe.Title([]byte(page)); got != want {
			t.Errorf("%q: got %q, want %q", page, got, want)
		}
	}
}

// A page of nothing but beginnings is read once, not once for each.
func TestTitleThatNeverEnds(t *testing.T) {
	began := time.Now()
	if got := probe.Title([]byte(strings.Repeat("<title>", 150_000))); got != "" || time.Since(began) > 5*time.Second {
		t.Errorf("got %q after %v", got, time.Since(began))
	}
}

// A title is one short line of text, and what comes after it has no part in it.
func FuzzTitle(f *testing.F) {
	f.Add("<html><title>Welcome</title>", "<p>")
	f.Add("<title>&#27;&nbsp;\xff</title>", "</title>")
	f.Add("<title <title></TITLE\t>", "<title>x</title>")
	f.Fuzz(func(t *testing.T, page, more string) {
		got := probe.Title([]byte(page))
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 200 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %q", page, got)
		}
		if got != "" {
			if with := probe.Title([]byte(page + more)); with != got {
				t.Errorf("%q and %q: got %q, without the end %q", page, more, with, got)
			}
		}
		if got != "" && !strings.Contains(strings.ToLower(page), "<title") {
			t.Errorf("%q: has no title, got %q", page, got)
		}
	})
}
