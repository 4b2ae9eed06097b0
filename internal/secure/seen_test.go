package secure_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/secure"
)

var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func openSeen(t *testing.T, state string, now time.Time) *secure.Seen {
	t.Helper()
	s, err := secure.OpenSeen(state, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSeenSince(t *testing.T) {
	state := filepath.Join(t.TempDir(), "not", "yet")
	first := openSeen(t, state, day.In(time.FixedZone("", 3600)))
	for range 2 {
		if got := first.At("nginx", "1:1.22"); got != day {
			t.Errorf("a new version: %v", got)
		}
	}
	if err := first.Keep(); err != nil {
		t.Fatal(err)
	}
	later := openSeen(t, state, day.AddDate(0, 0, 5))
	for key, want := range map[[2]string]time.Time{
		{"nginx", "1:1.22"}: day, {"nginx", "1:1.23"}: day.AddDate(0, 0, 5), {"curl", "1:1.22"}: day.AddDate(0, 0, 5),
	} {
		if got := later.At(key[0], key[1]); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	if got := openSeen(t, state, day.AddDate(0, 0, 9)).At("nginx", "1:1.23"); !got.Equal(day.AddDate(0, 0, 9)) {
		t.Errorf("it was kept before it was to be: %v", got)
	}
	if err := later.Keep(); err != nil {
		t.Fatal(err)
	}
	if got := openSeen(t, state, day.AddDate(0, 0, 9)).At("nginx", "1:1.23"); !got.Equal(day.AddDate(0, 0, 5)) {
		t.Errorf("kept: %v", got)
	}
}

// Who only looks leaves no trace.
func TestSeenIsNotWrittenWithoutNews(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if err := openSeen(t, state, day).Keep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("%s was made: %v", state, err)
	}
	s := openSeen(t, state, day)
	s.At("a", "1")
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(state, "seen.json")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	again := openSeen(t, state, day.AddDate(0, 0, 1))
	again.At("a", "1")
	if err := again.Keep(); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("what is known was written again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(state, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := openSeen(t, filepath.Join(state, "sub"), day)
	blocked.At("a", "1")
	if err := os.WriteFile(filepath.Join(state, "sub"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := blocked.Keep(); err == nil {
		t.Error("it cannot be written, and that is no error")
	}
}

func write(t *testing.T, content string) (state string) {
	t.Helper()
	state = t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "seen.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestSeenRefusesOtherFiles(t *testing.T) {
	for _, content := range []string{
		"", "{", "[]", "null", `{"since":{}}`, `{"schema":"lockfast.seen/2","since":{}}`, `{"schema":"lockfast.seen/1","since":{"a@1":"yesterday"}}`, `{"schema":"lockfast.seen/1","since":{}} more`,
	} {
		state := write(t, content)
		_, err := secure.OpenSeen(state, day)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(state, "seen.json")) || !strings.Contains(err.Error(), "lockfast.seen/1") || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%q: %v", content, err)
		}
	}
	state := t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "seen.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := secure.OpenSeen(state, day); err == nil || !strings.Contains(err.Error(), "cannot read since when fixes have been seen") {
		t.Error(err)
	}
}

func TestSeenOfFilesThatAreOdd(t *testing.T) {
	for content, want := range map[string]time.Time{
		`{"schema":"lockfast.seen/1"}`:                                                day,
		`{"schema":"lockfast.seen/1","since":null}`:                                   day,
		`{"schema":"lockfast.seen/1","since":{"a@1":"2026-11-20T00:00:00Z"},"new":1}`: day.Truncate(24*time.Hour).AddDate(0, 0, -3),
		`{"schema":"lockfast.seen/1","since":{"a@1":"2099-01-01T00:00:00Z"}}`:         day, // a clock was wrong: the fix must not wait for it
	} {
		s := openSeen(t, write(t, content), day)
		if got := s.At("a", "1"); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", content, got, want)
		}
	}
}
