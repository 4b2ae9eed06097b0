package lifecycle_test

import (
	"testing"
	"time"

	"github.com/lockfast/lockfast/content"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/lifecycle"
)

func TestShippedTable(t *testing.T) {
	table, err := lifecycle.Parse(content.Lifecycles)
	if err != nil {
		t.Fatal(err)
	}
	if table.Source == "" || table.Date == "" {
		t.Error("the table must say where its dates come from and when they were looked up")
	}
	cases := []struct {
		id, version string
		end         string
		found       bool
	}{
		{"debian", "12", "2028-06-30", true},
		{"almalinux", "9.4", "2032-05-31", true},
		{"alpine", "3.20.3", "2026-04-01", true},
		{"alpine", "3.2", "", false},
		{"debian", "", "", false},
		{"debian", "1", "", false},
	}
	for _, c := range cases {
		got, ok := table.Find(inventory.Release{ID: c.id, VersionID: c.version})
		if ok != c.found || got.End != c.end {
			t.Errorf("%s %s: got %q, %v; want %q, %v", c.id, c.version, got.End, ok, c.end, c.found)
		}
	}
}

func TestEndedTheDayAfter(t *testing.T) {
	r := lifecycle.Release{End: "2026-08-31"}
	if r.Ended(time.Date(2026, 8, 31, 23, 59, 0, 0, time.UTC)) {
		t.Error("the last day still counts")
	}
	if !r.Ended(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("the day after, it has ended")
	}
}

func TestBadTables(t *testing.T) {
	for _, data := range []string{"", "{", `{"schema":"lockfast.lifecycles/2"}`, `{"schema":"lockfast.lifecycles/1","releases":[{"id":"x","version":"1","end":"soon"}]}`} {
		if _, err := lifecycle.Parse([]byte(data)); err == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}
