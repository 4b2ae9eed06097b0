package notify

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/notice"
)

// MotdFile is shown at each login by pam_motd since 1.3.1, which reads the
// folder on Debian, Ubuntu, Fedora and its relatives. It is in /run: what it says is
// only true until the host is looked at again, at the latest after a reboot.
const MotdFile = "/run/motd.d/50-lockfast"

// motd shows what stands in up to three lines, and nothing if nothing stands.
func motd(file string, msg *notice.Message) error {
	if file == "" {
		file = MotdFile
	}
	var lines []string
	if msg != nil {
		lines = notice.Brief(msg)
	}
	if len(lines) == 0 {
		if err := hostfs.RemoveAll(file); err != nil {
			return fmt.Errorf("cannot take it back: %w", err)
		}
		return nil
	}
	if err := hostfs.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return hostfs.Replace(file, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
		return err
	})
}
