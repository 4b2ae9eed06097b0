package probe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

// Measurements to judge.
var (
	page     = probe.Answer{OK: true, Status: 200, Title: "Shop", Took: 10 * time.Millisecond, SHA256: "1"}
	broken   = probe.Answer{Error: "connection refused"}
	stopped  = probe.Answer{Error: "was stopped", Stopped: true}
	redirect = probe.Answer{OK: true, Status: 302, Location: "https://shop/login?n=1"}
	silent   = probe.Answer{OK: true}
	ssh      = probe.Answer{OK: true, Banner: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"}
	mail     = probe.Answer{OK: true, Banner: "220 mx ESMTP Postfix"}
	database = probe.Answer{OK: true, Banner: "J\uFFFD8.0.36"}
)

// with returns an answer with some of it changed.
func with(a probe.Answer, change func(*probe.Answer)) probe.Answer {
	change(&a)
	return a
}

func status(n int) func(*probe.Answer)    { return func(a *probe.Answer) { a.Status = n } }
func title(s string) func(*probe.Answer)  { return func(a *probe.Answer) { a.Title = s } }
func banner(s string) func(*probe.Answer) { return func(a *probe.Answer) { a.Banner = s } }
func took(d time.Duration) func(*probe.Answer) {
	return func(a *probe.Answer) { a.Took = d }
}
func leads(s string) func(*probe.Answer) { return func(a *probe.Answer) { a.Location = s } }

func TestCompare(t *testing.T) {
	wanted := probe.Target{URL: "http://localhost", Contains: "text"}
	cases := []struct {
		name                 string
		target               probe.Target
		first, second, after probe.Answer
		state, why           string
	}{
		{"the same", probe.Target{}, page, page, page, probe.StateOK, "as before: 200"},
		{"another body", probe.Target{}, page, page, with(page, func(a *probe.Answer) { a.SHA256, a.Size = "2", 9 }), probe.StateOK, "as before"},
		{"another title", probe.Target{}, page, page, with(page, title("It works!")), probe.StateBroken, `title is "It works!", before "Shop"`},
		{"no title", probe.Target{}, page, page, with(page, title("")), probe.StateBroken, `title is ""`},
		{"another version in the title", probe.Target{}, with(page, title("PHP 8.2.7-1~deb12u1 - info")), with(page, title("PHP 8.2.7-1~deb12u1 - info")), with(page, title("PHP 8.2.28 - info")), probe.StateOK, "as before"},
		{"another title, the text counts", wanted, page, page, with(page, title("other")), probe.StateOK, "as before"},
		{"another status", probe.Target{}, page, page, with(page, status(404)), probe.StateBroken, "answers 404, before 200"},
		{"no answer", probe.Target{}, page, page, broken, probe.StateBroken, "connection refused"},
		{"an error before, none now", probe.Target{}, with(page, status(502)), with(page, status(502)), with(page, title("Home")), probe.StateOK, "answered 502 before, now 200"},
		{"an error before, another now", probe.Target{}, with(page, status(502)), with(page, status(502)), with(page, status(500)), probe.StateBroken, "answers 500, before 502"},
		{"an error before and now", probe.Target{}, with(page, status(502)), with(page, status(502)), with(page, status(502)), probe.StateOK, "as before: 502"},

		{"as slow as is always allowed", probe.Target{}, page, page, with(page, took(2*time.Second)), probe.StateOK, "as before"},
		{"slower than that", probe.Target{}, page, page, with(page, took(2*time.Second+time.Millisecond)), probe.StateBroken, "took 2.001s, before 10ms"},
		{"ten times the slower one", probe.Target{}, page, with(page, took(time.Second)), with(page, took(10*time.Second)), probe.StateOK, "as before"},
		{"ten times the slower one, the other way", probe.Target{}, with(page, took(time.Second)), page, with(page, took(10*time.Second)), probe.StateOK, "as before"},
		{"more than ten times", probe.Target{}, page, with(page, took(time.Second)), with(page, took(11*time.Second)), probe.StateBroken, "took 11s, before 1s"},

		{"redirects with another nonce", probe.Target{}, redirect, with(redirect, leads("https://shop/login?n=2")), with(redirect, leads("https://shop/login;j=1")), probe.StateOK, "as before: 302"},
		{"redirects elsewhere", probe.Target{}, redirect, redirect, with(redirect, leads("https://shop/setup")), probe.StateBroken, `redirects to "https://shop/setup"`},
		{"redirects elsewhere, the text counts", wanted, redirect, redirect, with(redirect, leads("/")), probe.StateBroken, "redirects"},

		{"another version in the greeting", probe.Target{}, ssh, ssh, with(ssh, banner("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7")), probe.StateOK, "as before"},
		{"another server", probe.Target{}, ssh, ssh, with(ssh, banner("Exceeded MaxStartups")), probe.StateBroken, "Exceeded MaxStartups"},
		{"a greeting that refuses", probe.Target{}, mail, mail, with(mail, banner("421 too busy")), probe.StateBroken, "421 too busy"},
		{"a greeting in parts", probe.Target{}, mail, mail, with(mail, banner("220-mx here")), probe.StateOK, "as before"},
		{"a greeting with random numbers", probe.Target{}, database, database, with(database, banner("K\uFFFD8.0.40")), probe.StateOK, "as before"},
		{"no longer greets", probe.Target{}, mail, mail, silent, probe.StateBroken, `connects, before: greets with "220 mx`},
		{"silent", probe.Target{}, silent, silent, silent, probe.StateOK, "as before: connects"},
		{"ends connections", probe.Target{}, silent, silent, with(silent, func(a *probe.Answer) { a.Closed = true }), probe.StateBroken, "ends the connection, before: connects"},

		{"did not answer", probe.Target{}, broken, broken, page, probe.StateNotJudged, "it did not answer before: connection refused"},
		{"did not hold", wanted, broken, broken, page, probe.StateNotJudged, "it did not hold before: connection refused"},
		{"did not have its status", probe.Target{Status: 200}, broken, broken, page, probe.StateNotJudged, "it did not hold before"},
		{"flaps", probe.Target{}, page, broken, broken, probe.StateNotJudged, "it flaps: 200, then connection refused"},
		{"flaps, up", probe.Target{}, broken, page, broken, probe.StateNotJudged, "it flaps: connection refused, then 200"},
		{"status flaps", probe.Target{}, page, with(page, status(502)), page, probe.StateNotJudged, "it flaps: 200, then 502"},
		{"title flaps", probe.Target{}, page, with(page, title("Now")), page, probe.StateNotJudged, `it flaps: the title is "Now"`},
		{"greeting flaps", probe.Target{}, mail, silent, mail, probe.StateNotJudged, "it flaps: connects"},
		{"stopped before", probe.Target{}, page, stopped, broken, probe.StateNotJudged, "could not be asked before"},
		{"stopped afterwards", probe.Target{}, page, page, stopped, probe.StateNotJudged, "could not be asked again: was stopped"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.first.Target, c.second.Target, c.after.Target = c.target, c.target, c.target
			got := probe.Compare(probe.Baseline{First: []probe.Answer{c.first}, Second: []probe.Answer{c.second}}, []probe.Answer{c.after})
			if len(got) != 1 || got[0].State != c.state || !strings.Contains(got[0].Why, c.why) {
				t.Fatalf("got %+v\nwant %s: %s", got, c.state, c.why)
			}
			if got[0].Target != c.target || got[0].Before != c.second || got[0].After != c.after {
				t.Errorf("got %+v", got[0])
			}
		})
	}
}

// Answers are matched by their target, not by their place; what is missing is
// not judged.
func TestCompareMatches(t *testing.T) {
	at := func(a probe.Answer, url string) probe.Answer {
		a.Target.URL = url
		return a
	}
	b := probe.Baseline{
		First:  []probe.Answer{at(page, "a"), at(silent, "b"), at(page, "c"), at(page, "d")},
		Second: []probe.Answer{at(page, "d"), at(silent, "b"), at(page, "a")},
	}
	got := probe.Compare(b, []probe.Answer{at(silent, "b"), at(broken, "a"), at(page, "x")})
	want := []string{"a broken: connection refused", "b ok: as before: connects", "c not judged: it was asked only once before", "d not judged: it was not asked again"}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, v := range got {
		if s := v.Target.URL + " " + v.State + ": " + v.Why; s != want[i] {
			t.Errorf("got %q, want %q", s, want[i])
		}
	}
}
