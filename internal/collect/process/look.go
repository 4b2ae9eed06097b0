package process

import (
	"bytes"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// maxSmall limits small files of /proc, in bytes; the largest, cgroup and
// status, have a few thousand.
const maxSmall = 256 << 10

// looker looks into one process after the other.
type looker struct {
	host   collect.Host
	seen   sight
	mount  string // our own mount namespace, as its link says
	root   fileID
	paths  map[string]string // one copy of each path for all processes
	intact map[Mapping]bool  // deleted says the kernel, but the file has its name
}

func newLooker(host collect.Host) *looker {
	l := &looker{host: host, paths: map[string]string{}, intact: map[Mapping]bool{}}
	// Not being able to read one's own namespace means not telling containers
	// apart by it; their control groups still do.
	l.mount, _ = fs.ReadLink(host.FS, "proc/self/ns/mnt")
	l.root, _ = identify(host.FS, ".")
	return l
}

// process looks into one process and notes what it saw, also that it could not.
func (l *looker) process(pid int) {
	dir := "proc/" + strconv.Itoa(pid)
	exe, err := fs.ReadLink(l.host.FS, dir+"/exe")
	switch {
	case errors.Is(err, fs.ErrNotExist): // ended, a zombie, or a thread of the kernel
		return
	case errors.Is(err, fs.ErrPermission):
		if !l.kernelThread(dir) {
			l.seen.hidden++
		}
		return
	case err != nil:
		l.note(err)
		return
	}
	p := running{Process: inventory.Process{PID: pid}}
	p.Exe, _ = strings.CutSuffix(exe, " (deleted)")
	err = l.describe(dir, &p)
	switch {
	case errors.Is(err, errContained):
		l.seen.contained++
	case errors.Is(err, fs.ErrPermission):
		l.seen.hidden++
	case gone(err):
	case err != nil:
		l.note(err)
	default:
		l.seen.processes = append(l.seen.processes, p)
	}
}

func (l *looker) note(err error) {
	if !gone(err) {
		l.seen.broken = append(l.seen.broken, err.Error())
	}
}

// errContained says that a process runs in a container.
var errContained = errors.New("in a container")

func (l *looker) describe(dir string, p *running) error {
	comm, err := hostfs.ReadLimited(l.host.FS, dir+"/comm", maxSmall)
	if err != nil {
		return err
	}
	p.Command = string(bytes.TrimRight(comm, "\n"))
	groups, err := hostfs.ReadLimited(l.host.FS, dir+"/cgroup", maxSmall)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without control groups has no file
		return err
	}
	group, err := ParseCgroup(groups, dir+"/cgroup")
	if err != nil {
		return err
	}
	p.Unit = group.Unit
	if l.contained(dir, p.Exe, group) {
		return errContained
	}
	return l.maps(dir, p)
}

// maps reads the executable mappings.
func (l *looker) maps(dir string, p *running) error {
	file, err := l.host.FS.Open(dir + "/maps")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	known := map[string]bool{}
	err = ParseMaps(file, "/"+dir+"/maps", func(m Mapping) {
		switch {
		case m.Deleted && !l.unchanged(m):
			p.replaced = append(p.replaced, m.Path)
		case !known[m.Path]:
			known[m.Path] = true
			p.files = append(p.files, l.intern(m.Path))
		}
	})
	p.replace()
	return err
}

func (l *looker) intern(path string) string {
	if one, ok := l.paths[path]; ok {
		return one
	}
	l.paths[path] = path
	return path
}

// unchanged reports whether the very file that is mapped has its name again, or
// still: a hard link that was put back, or a file whose name ends so.
func (l *looker) unchanged(m Mapping) bool {
	if same, ok := l.intact[m]; ok {
		return same
	}
	mapped := fileID{device: m.Device, inode: m.Inode}
	name := strings.TrimPrefix(m.Path, "/")
	same := false
	for _, candidate := range [...]string{name, name + " (deleted)"} {
		if !fs.ValidPath(candidate) {
			continue
		}
		id, ok := identify(l.host.FS, candidate)
		same = same || ok && id == mapped
	}
	l.intact[m] = same
	return same
}

// contained reports whether a process runs in a container: its root is not
// ours. Only being in another mount namespace says nothing, as systemd's
// sandboxes are (PrivateTmp= and its kin), and a service may well shut itself
// into a directory: then its program is still one of the host's.
func (l *looker) contained(dir, exe string, group Group) bool {
	mount, err := fs.ReadLink(l.host.FS, dir+"/ns/mnt")
	if err != nil || l.mount == "" {
		return group.Container
	}
	if mount == l.mount {
		return false
	}
	root, ok := identify(l.host.FS, dir+"/root")
	if ok && root == l.root {
		return false
	}
	ours, ok1 := identify(l.host.FS, strings.TrimPrefix(strings.TrimSuffix(exe, " (deleted)"), "/"))
	its, ok2 := identify(l.host.FS, dir+"/exe")
	if ok1 && ok2 && ours == its {
		return false
	}
	return group.Container || group.Unit == "" || l.nested(dir)
}

// nested reports whether a process has a process namespace below ours: then its
// status lists more than one id (proc_pid_status(5), NSpid).
func (l *looker) nested(dir string) bool {
	data, err := hostfs.ReadLimited(l.host.FS, dir+"/status", maxSmall)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(data) {
		if ids, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			return len(bytes.Fields(ids)) > 1
		}
	}
	return false
}

// kernelThread reports whether the kernel marks a process as its own thread
// (PF_KTHREAD in the flags of proc_pid_stat(5)). Everybody may read that.
func (l *looker) kernelThread(dir string) bool {
	const flagsField, kthread = 6, 0x00200000 // counted behind the name in parentheses
	data, err := hostfs.ReadLimited(l.host.FS, dir+"/stat", maxSmall)
	if err != nil {
		return gone(err)
	}
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return false
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= flagsField {
		return false
	}
	flags, err := strconv.ParseUint(fields[flagsField], 10, 64)
	return err == nil && flags&kthread != 0
}

// hidesProcesses reports whether /proc is mounted so that it lists only one's
// own processes (proc(5), hidepid).
func hidesProcesses(fsys fs.FS) bool {
	data, err := hostfs.ReadLimited(fsys, "proc/self/mounts", 8<<20)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		if len(fields) < 4 || fields[1] != "/proc" || fields[2] != "proc" {
			continue
		}
		for option := range strings.SplitSeq(fields[3], ",") {
			value, found := strings.CutPrefix(option, "hidepid=")
			if found && value != "0" && value != "off" && value != "1" && value != "noaccess" {
				return true
			}
		}
	}
	return false
}

func status(problems []string) inventory.Status {
	if len(problems) == 0 {
		return inventory.Status{Outcome: inventory.Succeeded}
	}
	return inventory.Status{Outcome: inventory.Partial, Reason: strings.Join(problems, "; ")}
}

// fileID tells files apart.
type fileID struct{ device, inode uint64 }
