package courier_test

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/courier"
)

// What is read is printed as messages that read the same: nothing in a value can
// become a message or field of its own.
func FuzzMessages(f *testing.F) {
	f.Add("601 Configuration\nConfig-Item: APT::Architecture=amd64\nConfig-Item: a=%20b\n\n\n600 URI Acquire\nURI: http://h/f\nFilename: /f\n\n")
	f.Add("100 Capabilities\r\nVersion: 1.2\r\nA: b\n c\n\td\n\n")
	f.Add("\n\n600\nA:\n\n")
	f.Add("600 x\n\x00: \x7f\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := courier.ParseMessages(text)
		if err == nil {
			t.Fatal("it never ends")
		}
		for _, m := range first {
			again, err := courier.ParseMessages(m)
			if !errors.Is(err, io.EOF) || len(again) != 1 || again[0] != m {
				t.Fatalf("%q reads as %q, %v", m, again, err)
			}
		}
	})
}

func TestMessageLimits(t *testing.T) {
	field := "A: " + strings.Repeat("x", 60_000) + "\n"
	for name, text := range map[string]string{
		"long line":    "600 a\nA: " + strings.Repeat("x", 70_000) + "\n\n",
		"long message": "600 a\n" + strings.Repeat(field, 150) + "\n",
		"many fields":  "600 a\n" + strings.Repeat("A: b\n", 100_001) + "\n",
		"no end":       "600 a\nA: b",
		"no last line": "600 a\nA: b\n",
		"no number":    "sixhundred\n\n",
		"large number": "70000 a\n\n",
		"no name":      "600 a\n: b\n\n",
	} {
		if got, err := courier.ParseMessages(text); err == nil || errors.Is(err, io.EOF) || len(got) > 0 {
			t.Errorf("%s: %d messages, %v", name, len(got), err)
		}
	}
	if got, err := courier.ParseMessages("600 a\n" + strings.Repeat(field, 100) + "\n"); !errors.Is(err, io.EOF) || len(got) != 1 {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

// A login changes who asks, never what is asked for where.
func FuzzLogins(f *testing.F) {
	f.Add("https://example.org/debian", "machine example.org login apt password debian")
	f.Add("http://h:80/", "machine http://h:80/ password p\nmachine\nlogin")
	f.Fuzz(func(t *testing.T, uri, text string) {
		before, err := url.Parse(uri)
		if err != nil {
			return
		}
		got := courier.LoggedIn(uri, text)
		if got == uri {
			return
		}
		after, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q makes %q of %q: %v", text, got, uri, err)
		}
		if after.Host != before.Host || after.Scheme != before.Scheme || after.Path != before.Path || before.User != nil {
			t.Fatalf("%q makes %q of %q", text, got, uri)
		}
	})
}

// An error about an address never quotes what may be secret in it.
func TestErrorsTellNoSecrets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "s3cret" + rapid.StringMatching(`[a-zA-Z0-9%@:/?#\[\] ]{0,12}`).Draw(t, "secret")
		uri := rapid.SampledFrom([]string{"http", "https", "ftp", "", "http:"}).Draw(t, "scheme") + "://user:" + secret + "@" +
			rapid.SampledFrom([]string{"h", "h:80", "h:x", "", "[::1", "%zz"}).Draw(t, "host") + "/f"
		err := courier.Check(courier.Request{URI: uri, Size: -1})
		if err == nil {
			t.Fatalf("%q is a request", uri)
		}
		u, perr := url.Parse(uri)
		if perr == nil && (u.User == nil || strings.Contains(u.Path, "s3cret")) {
			return // a password that ends the host is none, and nobody can know it
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Fatalf("%q: %v", uri, err)
		}
	})
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\nb\x1b[2J\u0085\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := courier.OneLine(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) || len(got) > 610 || !utf8.ValidString(got) {
			t.Fatalf("got %q", got)
		}
	})
}

func TestSmallParsers(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "90": 90 * time.Second, " 5 ": 5 * time.Second, "-1": 0, "much": 0, "99999999": 24 * time.Hour, "99999999999999999999": 0,
		"Tue, 14 Nov 2023 22:14:20 GMT": time.Minute, "Tue, 14 Nov 2000 22:14:20 GMT": 0, "Tue, 14 Nov 2090 22:14:20 GMT": 24 * time.Hour,
	} {
		if got := courier.RetryAfter(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	for header, want := range map[string]int64{"bytes 100-199/200": 100, "bytes 0-0/*": 0, "": -1, "bytes */200": -1, "bytes -5": -1, "octets 1-2/3": -1} {
		if got := courier.RangeStart(header); got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
	for text, want := range map[string]string{"": "", "%20": " ", "a%2": "a%2", "%zz%41": "%zzA", "%": "%", "%%41": "%A"} {
		if got := courier.Unquote(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
