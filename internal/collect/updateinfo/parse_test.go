package updateinfo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/collect/updateinfo"
)

func parse(text string) (all []*updateinfo.Advisory, err error) {
	err = updateinfo.Parse("u", strings.NewReader(text), func(a *updateinfo.Advisory) { all = append(all, a) })
	return all, err
}

func TestParse(t *testing.T) {
	got, err := parse("<updates>" + update("security", "A-1", "Low", "2024-01-10 12:00:00", "CVE-2024-1111", "a 0 1.0 2.el9", "b 2 1.0 2.el9") + "</updates>")
	if err != nil || len(got) != 1 || len(got[0].Builds) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	b := got[0].Builds[1]
	if b.Version != "2:1.0-2.el9" || b.Source != "2:1.0-2.el9" || got[0].Builds[0].Version != "1.0-2.el9" || got[0].Issued.Hour() != 12 {
		t.Errorf("%+v", got[0])
	}
}

func TestBadUpdateinfoNamesItsLine(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "html": "<html></html>", "cut": "<updates>" + update("security", "A", "", "", "", "a 0 1 1")[:60],
		"no end": "<updates>", "no id": "<updates>" + update("security", "", "", "", ""), "no version": "<updates><update><id>A</id><pkglist><collection><package name=\"a\"/></collection></pkglist></update></updates>",
		"no date": "<updates>" + update("security", "A", "", "soon", "") + "</updates>", "text": "updates",
	} {
		if got, err := parse(text); err == nil || !strings.HasPrefix(err.Error(), "u:") {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("<updates>" + update("security", "A-1", "Low", "2024-01-10", "CVE-2024-1111", "a 0 1.0 2.el9") + "</updates>")
	f.Add("<updates><update><id>A</id></update></updates>")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parse(text)
		for _, a := range all {
			for _, b := range a.Builds {
				if a.ID == "" || b.Name == "" || !strings.Contains(b.Version, "-") {
					t.Fatalf("%+v %v", a, err)
				}
			}
		}
	})
}

func FuzzParseRepomd(f *testing.F) {
	f.Add([]byte(`<repomd><revision>1700000000</revision><data type="updateinfo"><location href="repodata/x.xml.gz"/></data></repomd>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := updateinfo.ParseRepomd("r", data)
		if err == nil && r.Updateinfo != nil && strings.Contains(r.Updateinfo.File, "/") {
			t.Fatalf("%+v", r.Updateinfo)
		}
	})
}

func FuzzParseRepositories(f *testing.F) {
	f.Add([]byte("[a]\nname=x\nenabled=0\n ; y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		repos, err := updateinfo.ParseRepositories("r", data)
		for _, r := range repos {
			if err == nil && r.ID == "" {
				t.Fatal(repos)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var text strings.Builder
	text.WriteString("<updates>")
	for i := range 2000 {
		builds := make([]string, 20)
		for j := range builds {
			builds[j] = fmt.Sprintf("package-%d-%d 0 1.%d 2.el9", i, j, i)
		}
		text.WriteString(update("security", fmt.Sprintf("ALSA-2024:%04d", i), "Important", "2024-01-10", "CVE-2024-1111 CVE-2024-2222", builds...))
	}
	text.WriteString("</updates>")
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if all, err := parse(text.String()); err != nil || len(all) != 2000 {
			b.Fatal(err)
		}
	}
}
