package hostfs_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// No room left is played by a limit on the size of files: the kernel stops the
// write in its middle, as a full disk does, and no privilege is needed.
func TestReplaceWithoutRoomKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store")
	must(t, os.WriteFile(path, []byte("old"), 0o600))

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 200_000, Max: was.Max}))
	err := hostfs.Replace(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("new"), 1<<20))
		return err
	})
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))

	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v", err)
	}
	data, err := os.ReadFile(path)
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if string(data) != "old" || len(entries) != 1 {
		t.Errorf("left %q and %v", data, entries)
	}
}
