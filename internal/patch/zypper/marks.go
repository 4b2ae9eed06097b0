package zypper

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/plan"
)

// setAuto writes zypper's list of packages that were installed because others
// need them. There is no command for it. What is not ours to say stays.
func (b *backend) setAuto(want []plan.Package) error {
	lines, err := b.autoLines()
	if err != nil {
		return err
	}
	marked := slices.Clone(lines)
	for _, w := range want {
		at := slices.Index(marked, w.Name)
		switch auto := w.Auto && w.Version != ""; {
		case auto && at < 0:
			marked = append(marked, w.Name)
		case !auto && at >= 0:
			marked = slices.DeleteFunc(marked, func(line string) bool { return line == w.Name })
		}
	}
	if slices.Equal(marked, lines) {
		return nil
	}
	file := filepath.Join(b.root, autoInstalled)
	if err := hostfs.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("cannot mark packages: %w", err)
	}
	err = hostfs.Replace(file, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(marked, "\n")+"\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot mark packages: %w", err)
	}
	return nil
}
