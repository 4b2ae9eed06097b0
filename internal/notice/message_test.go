package notice_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/notice"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func rich() *notice.Message {
	return &notice.Message{
		ID: "0a1b2c3d4e5f60718293a4b5", Host: "web1.example.org", At: morning, Urgent: true, Digest: true,
		Items: []notice.Item{
			{
				Kind: notice.ExploitedExposed, Key: "debian:nginx@1.22.1-9", Title: "nginx 1.22.1-9 listens with a hole that is being exploited",
				Text: "nginx.service listens on 0.0.0.0:443, which nothing filters. The fix 1.22.1-9+deb12u3 is on offer and waits for the window on Sunday, 02:00.",
				Do:   "lockfast fix apply nginx", Since: morning.AddDate(0, 0, -2), IDs: []string{"DSA-5678-1", "CVE-2026-12345"},
			},
			{Kind: notice.NeedsPerson, Key: "conffile:/etc/ssh/sshd_config", Title: "/etc/ssh/sshd_config was changed here and by the update", Text: "Yours was kept; Grüße von „sshd“.",
				Do: "compare it with /etc/ssh/sshd_config.dpkg-dist and remove that file, whose-name-is-long-enough-to-need-another-line", Since: morning.Add(-5 * time.Hour)},
			{Kind: notice.Applied, Key: "20261123-034501-ab12", Title: "12 updates were installed", IDs: []string{"20261123-034501-ab12"}},
		},
		Recovered: []notice.Item{{Kind: notice.Stale, Key: "archive", Title: "deb.debian.org cannot be reached", Since: morning.Add(-26 * time.Hour)}},
		Standing:  1, More: 3,
	}
}

func TestGolden(t *testing.T) {
	data, err := notice.JSON(rich())
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "digest.json", indented.Bytes())
	over := &notice.Message{ID: "0a1b", Host: "web1", At: morning, Recovered: rich().Recovered}
	golden(t, "digest.txt", []byte(notice.Text(rich())))
	golden(t, "over.txt", []byte(notice.Text(over)))
	golden(t, "lines.txt", []byte(strings.Join([]string{
		notice.Subject(rich()), notice.Subject(over), notice.Subject(&notice.Message{}), strings.Join(notice.Brief(rich()), "\n"), strings.Join(notice.Brief(over), "\n"),
	}, "\n--\n")))
}

// What others wrote cannot add a line, a header or a command to a terminal.
func TestForgery(t *testing.T) {
	bad := "x\r\nBcc: thief@example.org\r\n\r\nURGENT: call 123\x1b[2J\u202egpj.exe\u2028\u0085\x00\xff\u200b"
	m := rich()
	m.ID, m.Host = bad, bad
	m.Items = []notice.Item{{Kind: notice.Kind(bad), Key: bad, Title: bad, Text: bad, Do: bad, IDs: []string{bad}}, {Kind: notice.Applied, Title: bad}}
	m.Recovered = m.Items
	data, err := notice.JSON(m)
	if err != nil {
		t.Fatal(err)
	}
	if s := notice.Subject(m); strings.ContainsFunc(s, hidden) || utf8.RuneCountInString(s) > 120 {
		t.Errorf("subject %q", s)
	}
	if strings.ContainsFunc(strings.TrimSuffix(string(data), "\n"), hidden) || bytes.Contains(data, []byte(`\u00`)) || bytes.Contains(data, []byte(`\n`)) {
		t.Errorf("JSON %s", data)
	}
	for _, text := range append(notice.Brief(m), strings.Split(notice.Text(m), "\n")...) {
		if strings.HasPrefix(text, "Bcc") || strings.HasPrefix(text, "URGENT: call") || strings.ContainsFunc(text, hidden) {
			t.Errorf("line %q", text)
		}
	}
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func TestTextIsWithin78Columns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rich()
		words := rapid.Map(rapid.SliceOfN(rapid.StringMatching(`[a-zäß€/.-]{1,20}`), 0, 60), func(w []string) string { return strings.Join(w, " ") })
		m.Items[0].Title, m.Items[0].Text, m.Items[0].Do = words.Draw(t, "title"), words.Draw(t, "text"), words.Draw(t, "do")
		m.Recovered[0].Title = words.Draw(t, "over")
		text := notice.Text(m)
		for line := range strings.SplitSeq(text, "\n") {
			long := utf8.RuneCountInString(line) > 78
			if long && strings.Contains(strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(line, "  To do: "), "  - "), " "), " ") || strings.TrimRight(line, " ") != line {
				t.Fatalf("line %q", line)
			}
		}
		for _, line := range notice.Brief(m) {
			if utf8.RuneCountInString(line) > 78 {
				t.Fatalf("line %q", line)
			}
		}
		if len(notice.Brief(m)) > 3 || utf8.RuneCountInString(notice.Subject(m)) > 120 {
			t.Fatalf("%q, %q", notice.Brief(m), notice.Subject(m))
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("a\r\nb\x1b\u202e \u00a0\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := notice.Clean(s)
		if strings.ContainsFunc(got, hidden) || !utf8.ValidString(got) || notice.Clean(got) != got || strings.TrimSpace(got) != got {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
