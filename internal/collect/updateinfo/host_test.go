package updateinfo_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lockfast/lockfast/internal/inventory"
)

// update writes one <update> with builds of x86_64 "name epoch version release".
func update(kind, id, severity, issued, cves string, builds ...string) string {
	return updateIn("", kind, id, severity, issued, cves, builds...)
}

func updateIn(module, kind, id, severity, issued, cves string, builds ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<update from=\"x\" status=\"final\" type=%q version=\"1\"><id>%s</id><title>t &amp; u</title><severity>%s</severity><issued date=%q/><references>", kind, id, severity, issued)
	for cve := range strings.FieldsSeq(cves) {
		fmt.Fprintf(&b, "<reference href=\"h\" id=%q type=\"cve\" title=\"\"/>", cve)
	}
	b.WriteString("</references><pkglist><collection short=\"s\"><name>n</name>" + module)
	for _, build := range builds {
		f := strings.Fields(build)
		fmt.Fprintf(&b, "<package name=%q epoch=%q version=%q release=%q arch=\"x86_64\" src=\"src-%s-%s-%s.src.rpm\"><filename>f</filename></package>", f[0], f[1], f[2], f[3], f[0], f[2], f[3])
	}
	b.WriteString("</collection></pkglist></update>\n")
	return b.String()
}

// host is an AlmaLinux 9 made of files.
type host struct {
	fs  fstest.MapFS
	inv *inventory.Inventory
}

func alma(packages ...inventory.Package) *host {
	return &host{
		fs: fstest.MapFS{"etc/yum.repos.d/alma.repo": file("[baseos]\nname=AlmaLinux BaseOS\nmirrorlist=https://m.example.org/$releasever\nenabled=1\n# no\n[debug]\nenabled=0\n")},
		inv: &inventory.Inventory{
			Arch: "x86_64", Packages: packages,
			Release: inventory.Release{ID: "almalinux", VersionID: "9.4", IDLike: []string{"rhel", "centos", "fedora"}},
		},
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func rpm(name, version string) inventory.Package {
	return inventory.Package{
		Manager: inventory.RPM, Name: name, Version: version, Arch: "x86_64", Source: "src-" + name, SourceVersion: version,
		State: inventory.StateInstalled, Vendor: "AlmaLinux",
	}
}

// metadata adds the cached metadata of a repository below dir.
func (h *host) metadata(tb testing.TB, dir, ending string, updates ...string) {
	tb.Helper()
	data := packed(tb, ending, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>\n"+strings.Join(updates, "")+"</updates>\n")
	name := "abc-updateinfo.xml" + ending
	h.fs[dir+"/repodata/"+name] = &fstest.MapFile{Data: data}
	h.fs[dir+"/repodata/repomd.xml"] = file(fmt.Sprintf("<?xml version=\"1.0\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>9.4</revision>"+
		"<data type=\"primary\"><checksum type=\"sha256\">00</checksum><location href=\"repodata/p.xml.gz\"/><timestamp>1700000000</timestamp></data>"+
		"<data type=\"updateinfo\"><checksum type=\"sha256\">%x</checksum><location href=\"repodata/%s\"/><timestamp>1700000500</timestamp><size>%d</size></data></repomd>", sha256.Sum256(data), name, len(data)))
}

func packed(tb testing.TB, ending, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	switch ending {
	case ".gz":
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	case ".zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	default:
		return []byte(text)
	}
	return b.Bytes()
}

func wantStatus(t *testing.T, got inventory.Status, outcome inventory.Outcome, words ...string) {
	t.Helper()
	if got.Outcome != outcome {
		t.Fatalf("outcome %d, want %d (%s)", got.Outcome, outcome, got.Reason)
	}
	for _, w := range words {
		if !strings.Contains(got.Reason, w) {
			t.Errorf("reason %q does not say %q", got.Reason, w)
		}
	}
}
