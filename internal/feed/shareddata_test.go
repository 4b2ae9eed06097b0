package feed_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/feed"
)

// sharedData is the folder of larger real data; empty where there is none.
func sharedData() string {
	folder := os.Getenv("LOCKFAST_SHARED_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(folder, "osv", "Debian", "all.zip")); err != nil {
		return ""
	}
	return folder
}

// TestImportRealData imports everything there is and counts it again by other
// means. It looks at real data where they are, and has nothing to look at elsewhere.
func TestImportRealData(t *testing.T) {
	folder := sharedData()
	if folder == "" {
		t.Log("no shared data here")
		return
	}
	debian, alma := filepath.Join(folder, "osv", "Debian", "all.zip"), filepath.Join(folder, "osv", "AlmaLinux", "all.zip")
	scores, err := filepath.Glob(filepath.Join(folder, "epss", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "store")
	meta := mustImport(t, options(), out, append(scores, debian, alma, filepath.Join(folder, "kev"))...)
	for name, path := range map[string]string{"osv/Debian": debian, "osv/AlmaLinux": alma} {
		if got, want := sourceNamed(t, meta, name).Records, members(t, path); got != want {
			t.Errorf("%s: %d records of %d", name, got, want)
		}
	}
	if got := sourceNamed(t, meta, "kev").Records; got < 1400 {
		t.Errorf("KEV: %d entries", got)
	}
	releases := map[advisory.Ecosystem]advisory.Coverage{}
	for _, c := range meta.Coverage {
		releases[c.Ecosystem] = c
	}
	if c := releases["Debian:12"]; c.Packages != 85 || !strings.Contains(c.Partial, "only the 85 packages") {
		t.Errorf("Debian:12 %+v", c)
	}
	if c := releases["Debian:11"]; !strings.Contains(c.Partial, "records end 2023-") {
		t.Errorf("Debian:11 %+v", c)
	}
	if c, ok := releases["Debian:13"]; ok {
		t.Errorf("Debian:13 %+v", c)
	}
	if c := releases["AlmaLinux:9"]; c.Partial != "" || c.Records < 1000 {
		t.Errorf("AlmaLinux:9 %+v", c)
	}
	if _, err := feed.Status(out); err != nil {
		t.Error(err)
	}
}

func members(t *testing.T, path string) int {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	return len(archive.File)
}
