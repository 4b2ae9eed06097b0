package apt_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect/apt"
)

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRealRelease(t *testing.T) {
	r, err := apt.ParseRelease("r", testdata(t, "bookworm-security_InRelease"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Label != "Debian-Security" || r.Codename != "bookworm-security" || r.ValidUntil.Sub(r.Date) != 7*24*time.Hour {
		t.Errorf("%+v", r)
	}
	list, ok := r.Indexes["main/binary-amd64/Packages"]
	if !ok || !list.Hashed || list.Size < 1<<20 || r.Indexes["main/binary-amd64/Packages.xz"].Size >= list.Size {
		t.Errorf("%+v", r.Indexes)
	}
}

func TestRealPackages(t *testing.T) {
	got := map[string]string{}
	sources := map[string]string{}
	err := apt.ParsePackages("p", bytes.NewReader(testdata(t, "bookworm-security_Packages")), func(pkg, source []byte) bool {
		sources[string(pkg)] = string(source)
		return true
	}, func(s apt.Stanza) error {
		got[string(s.Field("Package"))+" "+string(s.Field("Version"))] = string(s.Field("Source"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"libssl3 3.0.22-1~deb12u2": "openssl", "openssl 3.0.22-1~deb12u2": "", "linux-headers-amd64 6.1.192-2": "linux-signed-amd64 (6.1.192+2)",
		"linux-image-amd64 6.1.192-2": "linux-signed-amd64 (6.1.192+2)", "postgresql 15+248+deb12u2": "postgresql-common (248+deb12u2)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if sources["linux-image-amd64"] != "linux-signed-amd64" || sources["openssl"] != "" {
		t.Errorf("%+v", sources)
	}
}
