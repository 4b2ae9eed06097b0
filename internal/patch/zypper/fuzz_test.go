package zypper_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/patch/zypper"
)

// The parsers must end, with an answer or an error, on whatever they are given.

func FuzzStream(f *testing.F) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) { _ = zypper.ParseStream(data) })
}

func unzipped(tb testing.TB, pattern string) []byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/raw/*/repodata/" + pattern)
	if err != nil || len(files) == 0 {
		tb.Fatal(files, err)
	}
	packed, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		tb.Fatal(err)
	}
	if !strings.HasSuffix(pattern, ".gz") {
		return packed
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func FuzzRepomd(f *testing.F) {
	f.Add(unzipped(f, "repomd.xml"))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = zypper.ParseRepomd(data) })
}

func FuzzPrimary(f *testing.F) {
	f.Add(unzipped(f, "*-primary.xml.gz"))
	f.Add([]byte(`<metadata xmlns="x" packages="0"/>`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = zypper.ParsePrimary(bytes.NewReader(data), "alpha", "") })
}

func FuzzUpdateinfo(f *testing.F) {
	f.Add(unzipped(f, "*-updateinfo.xml.gz"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = zypper.ParseUpdateinfo(bytes.NewReader(data)) })
}

func FuzzRPM(f *testing.F) {
	qa, err := os.ReadFile("testdata/rpm-qa.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(qa), "S.5....T.  c /etc/a\nmissing     /b\n", "17\t/etc/a\n", "/a.rpm: digests signatures OK\n", crashed, "[main]\nmultiversion = provides:multiversion(kernel), a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = zypper.ParseDatabase(text)
		_, _ = zypper.ParseConffiles(text)
		_, _ = zypper.ParseVerify("a", text)
		_, _ = zypper.ParseSignatures(text, "/a.rpm")
		_ = zypper.Unended(text)
		_ = zypper.Multiversion(text)
		if limited := zypper.LimitRate(text, 12345); strings.Count(limited, "download.max_download_speed = 12345\n") != 1 {
			t.Errorf("the limit does not stand once in %q", limited)
		}
	})
}
