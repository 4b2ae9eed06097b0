package hostsvc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// Booted reports whether systemd is the service manager of a running host; it
// is what sd_booted(3) does.
func Booted(fsys fs.FS) bool {
	ok, err := hostfs.Exists(fsys, "run/systemd/system")
	return ok && err == nil
}

// systemd runs systemctl and systemd-run.
type systemd struct{ run hostexec.Runner }

// tool runs one of systemd's programs, which must succeed.
func (s systemd) tool(ctx context.Context, name string, args ...string) ([]byte, error) {
	r, err := s.run.Run(ctx, hostexec.Cmd{Name: name, Args: args, Env: []string{"SYSTEMD_COLORS=0", "SYSTEMD_LOG_COLOR=0", "SYSTEMD_PAGER="}})
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		said := bytes.TrimSpace(r.Stderr)
		return nil, fmt.Errorf("%s %s: exit %d: %s", name, args[0], r.Code, said[:min(len(said), 1000)])
	}
	return r.Stdout, nil
}

// do runs a verb of systemctl on one unit.
func (s systemd) do(ctx context.Context, unit, verb string, options ...string) error {
	args := append([]string{verb}, options...)
	_, err := s.tool(ctx, "systemctl", append(args, "--", unit)...)
	return err
}

// show asks for properties of units: one map a unit.
func (s systemd) show(ctx context.Context, properties, pattern string) ([]map[string]string, error) {
	out, err := s.tool(ctx, "systemctl", "show", "--no-pager", "--property="+properties, "--", pattern)
	if err != nil {
		return nil, err
	}
	return parseShow(out)
}

// showOne is show of one unit, which may not exist.
func (s systemd) showOne(ctx context.Context, properties, unit string) (map[string]string, error) {
	if err := valid(unit); err != nil {
		return nil, err
	}
	blocks, err := s.show(ctx, properties, unit)
	if err != nil {
		return nil, fmt.Errorf("cannot look at %s: %w", unit, err)
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("cannot look at %s: systemctl show described %d units", unit, len(blocks))
	}
	return blocks[0], nil
}

// parseShow reads "Key=value" lines, with an empty line between units. Only
// properties without line breaks are asked for, so any other line means that
// we do not understand the output.
func parseShow(out []byte) ([]map[string]string, error) {
	var list []map[string]string
	var block map[string]string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			block = nil
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("systemctl show printed %.80q, which is no property", line)
		}
		if block == nil {
			block = map[string]string{}
			list = append(list, block)
		}
		if _, twice := block[key]; twice {
			return nil, fmt.Errorf("systemctl show printed %s twice for one unit", key)
		}
		block[key] = value
	}
	if err := complete(list); err != nil {
		return nil, err
	}
	return list, nil
}

// complete makes sure of what every description of a unit has.
func complete(list []map[string]string) error {
	for _, block := range list {
		if block["Id"] == "" || block["ActiveState"] == "" {
			return errors.New("systemctl show printed no Id or no ActiveState of a unit")
		}
	}
	return nil
}

// valid refuses what systemctl would take for something else: a pattern that
// matches several units, or a name that it completes.
func valid(unit string) error {
	pattern := regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]+\.(service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$`)
	if len(unit) > 255 || !pattern.MatchString(unit) {
		return fmt.Errorf("%.80q is no name of a unit; give it in full, as in nginx.service", unit)
	}
	return nil
}
