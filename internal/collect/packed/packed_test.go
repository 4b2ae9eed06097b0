package packed_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/lockfast/lockfast/internal/collect/packed"
)

// bzipped is "text\n": the standard library only reads bzip2.
const bzipped = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xc0\x6f\xe0\x65\x00\x00\x01\xc1\x80\x00\x10\x02\x00\x04\x40\x20\x00\x21\x8c\x83\x34\xd0\x88\xf1\x77\x24\x53\x85\x09\x0c\x06\xfe\x06\x50"

// pack compresses as an ending says.
func pack(tb testing.TB, ending, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ending {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	case ".lz4":
		w = lz4.NewWriter(&b)
	default:
		return []byte(text)
	}
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func read(name string, data []byte) (string, error) {
	r, err := packed.NewReader(bytes.NewReader(data), name)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(packed.Limit(r, 1<<20))
	return string(text), err
}

func TestEveryEnding(t *testing.T) {
	text := strings.Repeat("some text\n", 10000)
	for _, ending := range packed.Endings() {
		if ending == ".bz2" {
			continue
		}
		data := pack(t, ending, text)
		if got, err := read("Packages"+ending, data); err != nil || got != text {
			t.Errorf("%s: %d bytes, %v", ending, len(got), err)
		}
		if _, err := read("Packages"+ending, data[:len(data)-len(data)/3]); err == nil && ending != "" {
			t.Errorf("%s: cut short without an error", ending)
		}
		if _, err := read("Packages"+ending, []byte("garbage garbage garbage")); err == nil && ending != "" {
			t.Errorf("%s: garbage without an error", ending)
		}
		if _, err := read("Packages"+ending, pack(t, ending, strings.Repeat("x", 2<<20))); err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%s: a bomb is read: %v", ending, err)
		}
	}
}

func TestBzip2(t *testing.T) {
	if got, err := read("a.bz2", []byte(bzipped)); err != nil || got != "text\n" {
		t.Errorf("%q %v", got, err)
	}
}

func FuzzNewReader(f *testing.F) {
	for i, ending := range packed.Endings() {
		f.Add(uint8(i), pack(f, ending, "text\n"))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		endings := packed.Endings()
		text, _ := read("x"+endings[int(which)%len(endings)], data)
		if len(text) > 2<<20 {
			t.Fatal("beyond the limit")
		}
	})
}
