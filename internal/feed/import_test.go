package feed_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/feed"
	"github.com/lockfast/lockfast/internal/hostfs"
)

func options() feed.Options {
	return feed.Options{Now: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), Tool: "test"}
}

func mustImport(t *testing.T, o feed.Options, out string, paths ...string) advisory.Meta {
	t.Helper()
	meta, err := feed.Import(context.Background(), o, out, paths)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

func lookup(t *testing.T, path string, eco advisory.Ecosystem, pkg string) []advisory.Row {
	t.Helper()
	data, unmap, err := hostfs.Map(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unmap() }()
	s, err := advisory.OpenStore(data)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Lookup(eco, pkg)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func packed(t *testing.T, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestImportSeesWhatAFileIsByItsContent(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "deep", ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"deep/a.json": record("DEBIAN-CVE-2024-0003", "curl", "1.4"), "README.md": "no advisory", "deep/.git/x.json": "{",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const cve = `{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-0001","state":"PUBLISHED","dateUpdated":"2026-01-01T00:00:00Z"},
		"containers":{"cna":{"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}}}`
	out := filepath.Join(t.TempDir(), "new", "store")
	meta := mustImport(t, options(), out,
		file(t, "misnamed.csv", zipOf(t, map[string]string{"a.json": record("DSA-1-1", "curl", "1.2"), "note.txt": "no advisory"})),
		file(t, "one.json", []byte(record("DEBIAN-CVE-2024-0002", "curl", "1.3"))),
		folder,
		file(t, "kev.txt", []byte(kevText)), file(t, "epss.json", packed(t, epssText)), file(t, "cve.json", []byte(cve)))
	if n := len(lookup(t, out, "Debian:12", "curl")); n != 3 {
		t.Errorf("%d rows of curl, not 3", n)
	}
	var names []string
	for _, s := range meta.Sources {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "cve epss kev osv/Debian" {
		t.Errorf("sources %s", got)
	}
	if s := sourceNamed(t, meta, "osv/Debian"); s.Records != 3 || s.SHA256 != "" || s.Fetched != "" || !s.Checked.IsZero() {
		t.Errorf("source %+v", s)
	}
	if s := sourceNamed(t, meta, "kev"); len(s.SHA256) != 64 || s.Records != 1 {
		t.Errorf("source %+v", s)
	}
}

// A person who gives the wrong thing is told what and where, in one line, and
// the old store stays.
func TestImportRefusals(t *testing.T) {
	whole := zipOf(t, map[string]string{"a.json": record("DSA-1-1", "curl", "1.2")})
	damaged := bytes.Clone(whole)
	damaged[len("PK..")+60] ^= 0xff
	empty := t.TempDir()
	cases := map[string]struct{ path, want string }{
		"missing":           {filepath.Join(t.TempDir(), "no.zip"), "no such file"},
		"empty file":        {file(t, "e.zip", nil), "it is empty"},
		"blank file":        {file(t, "b.json", []byte(" \n")), "it is empty"},
		"truncated zip":     {file(t, "t.zip", whole[:len(whole)-30]), "cut off"},
		"damaged member":    {file(t, "d.zip", damaged), "d.zip: \"a.json\""},
		"gzip named zip":    {file(t, "g.zip", packed(t, "ustar archive")), "it is none of"},
		"truncated gzip":    {file(t, "g.gz", packed(t, epssText)[:40]), "ends too early"},
		"zip without json":  {file(t, "n.zip", zipOf(t, map[string]string{"a.txt": "x"})), "no .json file"},
		"folder of nothing": {empty, "the folder holds no"},
		"other ecosystem":   {file(t, "npm.json", []byte(recordIn("npm", "GHSA-1", "left-pad", "1.0", "2026-01-01T00:00:00Z"))), "of a distribution Lockfast knows"},
		"bad record":        {file(t, "r.zip", zipOf(t, map[string]string{"bad.json": `{"id":"X-1","affected":[]}`})), `bad.json": cannot read OSV record "X-1": it has no modified time`},
		"text":              {file(t, "x.json", []byte("hello")), "it is none of"},
		"device":            {os.DevNull, "no regular file"},
		"bomb":              {file(t, "bomb.zip", zipOf(t, map[string]string{"a.json": strings.Repeat(" ", 8<<20)})), "would unpack to"},
	}
	out := file(t, "store", []byte("the old store"))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := feed.Import(context.Background(), options(), out, []string{c.path})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v\nwant %s", err, c.want)
			}
		})
	}
	if got := read(t, out); string(got) != "the old store" {
		t.Error("the old store changed")
	}
}

func TestImportSkipsBadRecordsAndSaysSo(t *testing.T) {
	path := file(t, "a.zip", zipOf(t, map[string]string{"a.json": record("DSA-1-1", "curl", "1.2"), "b.json": `{"id":"X"}`}))
	out := filepath.Join(t.TempDir(), "store")
	var told []error
	o := options()
	o.SkipBad, o.Skipped = true, func(err error) { told = append(told, err) }
	meta := mustImport(t, o, out, path)
	if len(told) != 1 || len(meta.Coverage) != 1 || !strings.Contains(meta.Coverage[0].Partial, "1 unreadable records") {
		t.Errorf("told %v, coverage %+v", told, meta.Coverage)
	}
}

func TestImportNewestOfARecordGivenTwice(t *testing.T) {
	older := file(t, "old.json", []byte(recordIn("Debian:12", "DSA-1-1", "curl", "1.2", "2026-01-01T00:00:00Z")))
	newer := file(t, "new.json", []byte(recordIn("Debian:12", "DSA-1-1", "curl", "1.3", "2026-01-02T00:00:00Z")))
	for _, paths := range [][]string{{older, newer}, {newer, older}} {
		out := filepath.Join(t.TempDir(), "store")
		mustImport(t, options(), out, paths...)
		rows := lookup(t, out, "Debian:12", "curl")
		if len(rows) != 1 || rows[0].Ranges[0].Fixed != "1.3" {
			t.Errorf("rows %+v", rows)
		}
	}
}

func TestImportAddKeepsOtherSources(t *testing.T) {
	out := filepath.Join(t.TempDir(), "store")
	o := options()
	o.Partial = map[advisory.Ecosystem]string{"Debian:12": "only a few"}
	mustImport(t, o, out, file(t, "d.json", []byte(record("DSA-1-1", "curl", "1.2"))), file(t, "k.json", []byte(kevText)))
	o = options()
	o.Add = true
	meta := mustImport(t, o, out, file(t, "a.json", []byte(recordIn("Alpine:v3.20", "ALPINE-CVE-2024-1000", "curl", "8-r1", "2026-01-01T00:00:00Z"))), file(t, "e.csv", []byte(epssText)))
	if len(meta.Sources) != 4 || len(meta.Coverage) != 2 || meta.Coverage[1].Partial != "only a few" {
		t.Errorf("meta %+v", meta)
	}
	if len(lookup(t, out, "Debian:12", "curl")) != 1 || len(lookup(t, out, "Alpine:v3.20", "curl")) != 1 {
		t.Error("rows were lost")
	}
	mustImport(t, o, out, file(t, "d.json", []byte(record("DSA-2-1", "nginx", "1.2"))))
	if len(lookup(t, out, "Debian:12", "curl")) != 0 || len(lookup(t, out, "Debian:12", "nginx")) != 1 {
		t.Error("a source that is imported again was not replaced")
	}
	if err := os.WriteFile(out, []byte("no store"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := feed.Import(context.Background(), o, out, []string{file(t, "k.json", []byte(kevText))}); err == nil {
		t.Error("added to a store that cannot be read")
	}
}

func TestImportPartialNeedsRecords(t *testing.T) {
	o := options()
	o.Partial = map[advisory.Ecosystem]string{"Debian:99": "typing mistake"}
	_, err := feed.Import(context.Background(), o, filepath.Join(t.TempDir(), "store"), []string{file(t, "d.json", []byte(record("DSA-1-1", "curl", "1.2")))})
	if err == nil || !strings.Contains(err.Error(), "Debian:99") {
		t.Errorf("error %v", err)
	}
}

func TestImportSameInputSameBytes(t *testing.T) {
	members := map[string]string{}
	for i := range 2000 {
		id := "DEBIAN-CVE-2024-" + string(rune('1'+i/1000)) + strings.Repeat("0", 2) + string(rune('0'+i%10))
		members[id+string(rune('a'+i%26))+string(rune('a'+i/26%26))+".json"] = record(id, "pkg"+string(rune('a'+i%26)), "1")
	}
	path := file(t, "a.zip", zipOf(t, members))
	first, second := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "2")
	mustImport(t, options(), first, path)
	mustImport(t, options(), second, path)
	if !bytes.Equal(read(t, first), read(t, second)) {
		t.Error("the same input gave two different stores")
	}
}

func TestStatusOfNoStore(t *testing.T) {
	if _, err := feed.Status(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error")
	}
	if _, err := feed.Status(file(t, "s", []byte("LFSTORE\n"))); err == nil || !strings.Contains(err.Error(), "import or sync it again") {
		t.Errorf("error %v", err)
	}
}
