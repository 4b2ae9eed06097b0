//go:build unix

package hostfs_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

func TestPart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.part")
	p, err := hostfs.OpenPart(path, 0)
	must(t, err)
	_, err = p.Write([]byte("hello, wor"))
	must(t, err)
	must(t, p.Close())

	p, err = hostfs.OpenPart(path, 7) // what came after a checkpoint is not trusted
	must(t, err)
	head, err := io.ReadAll(p.Head())
	if err != nil || string(head) != "hello, " {
		t.Errorf("kept %q, %v", head, err)
	}
	_, err = p.Write([]byte("you"))
	must(t, err)
	must(t, p.Sync())
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("an old one, much longer"), 0o644))
	must(t, p.Finish("f"))
	data, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil || string(data) != "hello, you" {
		t.Errorf("got %q, %v", data, err)
	}
	info, err := os.Stat(filepath.Join(dir, "f"))
	must(t, err)
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("its mode is %s", info.Mode())
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the part is still there")
	}
}

func TestPartThatIsTooShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.part")
	must(t, os.WriteFile(path, []byte("short"), 0o600))
	if p, err := hostfs.OpenPart(path, 6); err == nil {
		_ = p.Close()
		t.Error("a part was continued that has not what it should have")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "short" {
		t.Errorf("left %q, %v", data, err)
	}
	if _, err := hostfs.OpenPart(t.TempDir(), 0); err == nil {
		t.Error("a folder was opened as a part")
	}
}

func TestSetModified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, nil, 0o600))
	when := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, hostfs.SetModified(path, when))
	if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(when) {
		t.Errorf("got %v, %v", info.ModTime(), err)
	}
}
