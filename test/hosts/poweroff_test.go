//go:build e2e

package hosts_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// A power cut loses what was only written, and keeps what was written down.
func TestPowerCut(t *testing.T) {
	var where string
	t.Run("disk", func(t *testing.T) {
		dir, cut := hosts.LoopDisk(t, 64<<20)
		where = dir
		text := bytes.Repeat([]byte("lockfast"), 4096)
		for round := range 3 {
			kept, lost := filepath.Join(dir, "kept"+string(rune('0'+round))), filepath.Join(dir, "lost"+string(rune('0'+round)))
			writeDown(t, kept, text)
			if err := os.WriteFile(lost, text, 0o600); err != nil {
				t.Fatal(err)
			}
			cut()
			if got, err := os.ReadFile(kept); err != nil || !bytes.Equal(got, text) {
				t.Errorf("round %d: of the file with fsync are left %d bytes: %v", round, len(got), err)
			}
			if got, err := os.ReadFile(lost); err != nil && !errors.Is(err, fs.ErrNotExist) || len(got) != 0 {
				t.Errorf("round %d: of the file without fsync are left %d bytes: %v", round, len(got), err)
			}
		}
	})
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), where) {
		t.Errorf("%s is still mounted: %v", where, err)
	}
}

// writeDown writes a file the way that survives: it and its folder's entry.
func writeDown(t *testing.T, path string, text []byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	syncAndClose(t, f)
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	syncAndClose(t, dir)
}

func syncAndClose(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
