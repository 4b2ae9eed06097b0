package change_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/change"
)

func FuzzMerge(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nX\nc\n", "a\nb\nY\n")
	f.Add("", "a", "\n")
	f.Fuzz(func(t *testing.T, base, theirs, ours string) { laws(t, base, theirs, ours) })
}

func TestMergeLaws(t *testing.T) {
	checks(t, 5_000)
	lines := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "d"}), 0, 7), func(list []string) string {
		text := ""
		for _, l := range list {
			text += l
		}
		return text
	})
	rapid.Check(t, func(t *rapid.T) { laws(t, lines.Draw(t, "base"), lines.Draw(t, "theirs"), lines.Draw(t, "ours")) })
}

func laws(t rapid.TB, base, theirs, ours string) {
	t.Helper()
	b, x, y := []byte(base), []byte(theirs), []byte(ours)
	for _, c := range []struct {
		name               string
		base, theirs, ours []byte
		want               []byte
	}{
		{"only ours changed", b, b, y, y},
		{"only theirs changed", b, x, b, x},
		{"both did the same", b, x, x, x},
	} {
		got, ok := change.MergeLines(c.base, c.theirs, c.ours)
		if !ok || !bytes.Equal(got, c.want) {
			t.Fatalf("%s: merge(%q, %q, %q) is %q, %v", c.name, c.base, c.theirs, c.ours, got, ok)
		}
	}
	one, clean := change.MergeLines(b, x, y)
	other, too := change.MergeLines(b, y, x)
	if clean != too || !bytes.Equal(one, other) {
		t.Fatalf("merge(%q, %q, %q) depends on the order: %q, %v and %q, %v", base, theirs, ours, one, clean, other, too)
	}
}
