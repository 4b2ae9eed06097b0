package secure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

// DefaultHooks is the folder of programs that run before and after a fix.
const DefaultHooks = "/etc/lockfast/hooks.d"

// hookTime bounds how long one hook may run.
const hookTime = 10 * time.Minute

// hooks runs the programs of a folder in order of their names, with the moment
// ("pre-fix", "post-fix", "pre-reboot") and the transaction as arguments. A hook
// that fails stops those after it.
func (m *machine) hooks(ctx context.Context, o FixOptions, moment, tx string) error {
	folder := cmp.Or(o.Hooks, DefaultHooks)
	var runner hostexec.Runner = hostexec.System{}
	if o.Sandboxed {
		runner = hostsvc.Outside(runner)
	}
	dir := strings.TrimPrefix(folder, "/")
	entries, err := m.root.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read hooks: %w", err)
	}
	if err := m.ownedByRoot(dir); err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		info, err := m.root.Stat(name)
		switch {
		case err != nil:
			return fmt.Errorf("cannot read hook: %w", err)
		case strings.HasPrefix(e.Name(), "."), !info.Mode().IsRegular(), info.Mode()&0o111 == 0:
			continue
		}
		if err := m.ownedByRoot(name); err != nil {
			return err
		}
		if err := runHook(ctx, runner, "/"+name, moment, tx); err != nil {
			return err
		}
	}
	return nil
}

// ownedByRoot refuses what others than root could put their programs into.
func (m *machine) ownedByRoot(name string) error {
	info, err := m.root.Stat(name)
	if err != nil {
		return fmt.Errorf("cannot read hook: %w", err)
	}
	if !hostfs.RootOnly(info) {
		return fmt.Errorf("hook /%s is not run: others than root may write it (chown root, chmod go-w)", name)
	}
	return nil
}

func runHook(ctx context.Context, runner hostexec.Runner, file, moment, tx string) error {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	r, err := runner.Run(ctx, hostexec.Cmd{Name: file, Args: []string{moment, tx}, Env: []string{"LOCKFAST_HOOK=" + moment, "LOCKFAST_TRANSACTION=" + tx}})
	if err != nil {
		return fmt.Errorf("hook %s (%s): %w", file, moment, err)
	}
	if r.Code != 0 {
		text := strings.TrimSpace(string(r.Stderr))
		return fmt.Errorf("hook %s (%s) failed with exit code %d: %s", file, moment, r.Code, text[max(0, len(text)-300):])
	}
	return nil
}

// portOf is the port of a URL, 0 if it has none.
func portOf(text string) uint16 {
	u, err := url.Parse(text)
	if err != nil {
		return 0
	}
	switch {
	case u.Port() != "":
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return 0
		}
		return uint16(n)
	case u.Scheme == "https":
		return 443
	case u.Scheme == "http":
		return 80
	}
	return 0
}
