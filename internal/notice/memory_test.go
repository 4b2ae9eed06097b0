package notice_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/notice"
)

func TestMemoryThatIsNotRead(t *testing.T) {
	head := `{"schema":"lockfast.notices/1","began":"2026-11-23T07:30:00Z","digest":{"looked":"2026-11-23T07:30:00Z","keys":[]},"told":`
	entry := func(key string) string {
		return `{"key":"` + key + `","kind":"failure","title":"t","print":"p","urgent":false,"at":"2026-11-23T07:30:00Z"}`
	}
	bad := map[string]string{
		"":                                      "unexpected end",
		"null":                                  `schema is ""`,
		"[]":                                    "cannot unmarshal",
		`{"schema":"lockfast.notices/2"}`:       "use the version of lockfast that wrote it",
		`{"schema":"a\nb"}`:                     "schema",
		`{"schema":"lockfast.notices/1","x":1}`: "unknown field",
		head + `[]} {}`:                         "invalid",
		head + `[]}` + "\x00":                   "invalid",
		head + `[` + entry("") + `]}`:           "is no key",
		head + `[` + entry(`a\n`) + `]}`:        "is no key",
		head + `[` + entry("b") + `,` + entry("a") + `]}`:                     "out of order",
		head + `[` + entry("a") + `,` + entry("a") + `]}`:                     "out of order",
		head + strings.Replace(`[`+entry("a")+`]}`, "2026", "0026", 1):        "the year 26",
		head + strings.Replace(`[`+entry("a")+`]}`, `"2026-11`, `"soon`, 1):   "cannot read memory",
		head + `[` + strings.Repeat(" ", 17<<20) + `]}`:                       "larger than",
		head + `[` + strings.Repeat(entry("a")+",", 5000) + entry("a") + `]}`: "more than 5000",
	}
	for text, want := range bad {
		_, err := notice.ParseMemory([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("%.150q: got %v, want one line with %q", text, err, want)
		}
	}
	if _, err := notice.ParseMemory([]byte(head + `[` + entry("a") + `]}`)); err != nil {
		t.Error(err)
	}
}

func FuzzParseMemory(f *testing.F) {
	msg, m := notice.Due([]notice.Item{item(notice.Failure, "f"), item(notice.ExploitedExposed, "e")}, notice.Memory{}, daily(), morning)
	for _, m := range []notice.Memory{{}, m, m.Delivered(msg, morning)} {
		data, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := notice.ParseMemory(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("not one clean line: %q", err)
			}
			return
		}
		first, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		second, err := kept(t, m).Marshal()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("written twice it differs: %v\n%s\n%s", err, first, second)
		}
		// Whatever it holds, it can be worked with and kept.
		msg, m := notice.Due([]notice.Item{item(notice.Failure, "f")}, m, daily(), morning)
		kept(t, m.Delivered(msg, morning))
	})
}
