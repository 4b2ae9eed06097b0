package dnf

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// dnfLocks hold the number of the process that uses dnf; one whose process is
// gone is no lock.
var dnfLocks = []string{ //nolint:gochecknoglobals // a constant list
	"var/lib/dnf/rpmdb_lock.pid", "var/cache/dnf/metadata_lock.pid", "var/cache/dnf/download_lock.pid", "var/log/log_lock.pid",
}

// rpmLocks are locked while a program changes rpm's database: where it lies, and
// where newer hosts have it.
var rpmLocks = []string{"var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock"} //nolint:gochecknoglobals // a constant list

const pidLimit = 64 // bytes; dnf itself reads 20

// unseen is somebody who holds a lock in a way that does not name them.
const unseen = "another program"

// locked is the error of a run that dnf refused because of a lock.
func (b *backend) locked(r hostexec.Result) error {
	said := string(r.Stderr) + "\n" + string(r.Stdout)
	if strings.Contains(said, "Malformed lock file") { // nobody holds it: waiting does not help
		return failure("dnf", r)
	}
	return &patch.LockedError{Manager: "dnf", Holder: b.holder(said)}
}

// holder is who uses dnf or rpm, as far as that can be seen: dnf mostly says it.
func (b *backend) holder(said string) string {
	here, err := hostfs.Open("/")
	if err != nil {
		return unseen
	}
	defer func() { _ = here.Close() }()
	if pid := parseHolder(said); pid > 0 {
		return program(here, pid)
	}
	host, err := b.open()
	if err != nil {
		return unseen
	}
	defer func() { _ = host.Close() }()
	for _, file := range dnfLocks {
		data, err := hostfs.ReadLimited(host, file, pidLimit)
		pid := parsePID(string(data))
		if err != nil || pid == 0 {
			continue
		}
		if alive, err := hostfs.Exists(here, fmt.Sprintf("proc/%d", pid)); err == nil && alive {
			return program(here, pid)
		}
	}
	if who, err := rpmHolder(host, here); err == nil && who != "" {
		return who
	}
	return unseen
}

// holderForm is what dnf says of who holds a lock, untranslated: "metadata
// already locked by 812".
var holderForm = regexp.MustCompile(`\balready locked by ([0-9]{1,10})\b`)

// parseHolder is the process that dnf names; 0 if it names none.
func parseHolder(said string) int {
	m := holderForm.FindStringSubmatch(said)
	if m == nil {
		return 0
	}
	return parsePID(m[1])
}

// parsePID reads the number of a process; 0 is none.
func parsePID(text string) int {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n <= 0 {
		return 0
	}
	return int(n)
}

// program names a process for people: "packagekitd (pid 812)".
func program(here fs.FS, pid int) string {
	const most = 256 // the kernel keeps 15 bytes
	data, err := hostfs.ReadLimited(here, fmt.Sprintf("proc/%d/comm", pid), most)
	name := strings.Map(func(r rune) rune { // a process names itself as it likes
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(data), ""))
	if err != nil || name == "" {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s (pid %d)", name, pid)
}

// unlocked makes sure that nobody is changing rpm's database right now: dnf and
// rpm would wait for them in silence, in a unit of their own.
func (b *backend) unlocked() error {
	host, err := b.open()
	if err != nil {
		return err
	}
	defer func() { _ = host.Close() }()
	here, err := hostfs.Open("/")
	if err != nil {
		return err
	}
	defer func() { _ = here.Close() }()
	who, err := rpmHolder(host, here)
	if err != nil {
		return fmt.Errorf("cannot see whether rpm is in use: %w; nothing was installed", err)
	}
	if who != "" {
		return &patch.LockedError{Manager: "rpm", Holder: who}
	}
	return nil
}

// rpmHolder is who holds rpm's lock, "" if nobody does.
func rpmHolder(host, here fs.FS) (string, error) {
	for _, name := range rpmLocks {
		pid, held, err := lockOwner(host, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case held && pid > 0:
			return program(here, pid), nil
		case held:
			return unseen, nil
		}
	}
	return "", nil
}
