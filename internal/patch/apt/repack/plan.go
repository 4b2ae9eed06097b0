package repack

import (
	"archive/tar"
	"crypto/md5" //nolint:gosec // the digest that dpkg records; it proves nothing here
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"
)

// packer is one package on its way into an archive.
type packer struct {
	root      Root
	stanza    stanza
	info      map[string]script
	conffiles map[string]*conffile
	digests   map[string]string // MD5 that were shipped, by path
	moved     map[string]string // diverted files: where they lie
	users     map[int]string
	groups    map[int]string
	entries   []*entry
	report    Report
}

// entry is one path of the data archive.
type entry struct {
	name     string // "/lib/x", as the list has it
	at       string // where it lies, a name of io/fs
	info     fs.FileInfo
	owner    owner
	kind     byte   // tar.TypeReg …
	target   string // of a symbolic link
	first    *entry // of a hard link: the name that carries the content
	conffile *conffile
	digest   string // MD5 of what was read
	capable  bool   // has capabilities(7)
}

func (e *entry) isFile() bool { return e.kind == tar.TypeReg || e.kind == tar.TypeLink }

// content is the entry that carries the bytes.
func (e *entry) content() *entry {
	if e.first != nil {
		return e.first
	}
	return e
}

// look reads what dpkg knows of a package.
func look(root Root, name, arch string) (*packer, error) {
	s, err := installed(root, name, arch)
	if err != nil {
		return nil, err
	}
	p := &packer{root: root, stanza: s, report: Report{Name: name, Arch: s.get("Architecture"), Version: s.get("Version")}}
	if p.info, err = infoFiles(root, name, p.report.Arch); err != nil {
		return nil, err
	}
	p.conffiles = conffiles(s.get("Conffiles"), string(p.info["conffiles"].data))
	p.digests = digests(string(p.info["md5sums"].data))
	if p.moved, err = diversions(root, name); err != nil {
		return nil, err
	}
	if p.users, err = namesOf(root, "etc/passwd"); err != nil {
		return nil, err
	}
	p.groups, err = namesOf(root, "etc/group")
	return p, err
}

// plan looks at every path of the list. Symbolic links come last, as in what
// dpkg-deb builds: dpkg makes them at once, but files only at the end.
func (p *packer) plan(leaveChanged bool) error {
	names, err := listed(p.info["list"].data, p.conffiles)
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, name := range names {
		folders[path.Dir(name)] = true
	}
	var links []*entry
	seen := map[inode]*entry{}
	for _, name := range names {
		e, err := p.entry(name, folders[name], leaveChanged)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch {
		case e == nil:
			continue
		case e.kind == tar.TypeSymlink:
			links = append(links, e)
			continue
		case e.owner.shared && e.conffile == nil: // dpkg puts each configuration file in its place by itself
			if first := seen[e.owner.inode]; first != nil {
				e.kind, e.first = tar.TypeLink, first
			} else {
				seen[e.owner.inode] = e
			}
		}
		p.entries = append(p.entries, e)
	}
	p.entries = append(p.entries, links...)
	return nil
}

// entry looks at one path; nil means that the archive does not carry it.
func (p *packer) entry(name string, folder, leaveChanged bool) (*entry, error) {
	e := &entry{name: name, conffile: p.conffiles[name]}
	if e.conffile != nil && e.conffile.gone {
		p.report.Obsolete = append(p.report.Obsolete, name)
		return nil, nil
	}
	to := name
	if moved, ok := p.moved[name]; ok {
		to = moved
	}
	var ok bool
	if e.at, ok = inRoot(to); !ok {
		return nil, fmt.Errorf("it is diverted to %q, which is no path", to)
	}
	err := p.inspect(e, folder || e.conffile != nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		p.report.Missing = append(p.report.Missing, name)
		if e.conffile != nil {
			p.report.Deleted = append(p.report.Deleted, name)
		}
		return nil, nil
	}
	if err != nil || e.conffile == nil {
		return e, err
	}
	if e.digest, err = p.digest(e.at); err != nil {
		return nil, err
	}
	if e.conffile.digest != "" && e.digest != e.conffile.digest {
		p.report.Changed = append(p.report.Changed, name)
		if leaveChanged {
			return nil, nil
		}
	}
	return e, nil
}

// inspect finds out what lies at a path. A symbolic link is followed where the
// package must have shipped something else: a folder that moved elsewhere
// (/lib, now usr/lib), a configuration file that the administrator keeps
// elsewhere.
func (p *packer) inspect(e *entry, follow bool) error {
	var err error
	if e.info, err = lstat(p.root, e.at); err != nil {
		return err
	}
	if follow && e.info.Mode()&fs.ModeSymlink != 0 {
		if e.info, err = fs.Stat(p.root, e.at); err != nil {
			return err
		}
	}
	var known bool
	if e.owner, known = ownerOf(e.info); !known {
		return errors.New("this system does not tell who owns it")
	}
	switch mode := e.info.Mode(); {
	case mode.IsRegular():
		e.kind = tar.TypeReg
	case e.conffile != nil: // a folder, or a device that stands for nothing
		return fs.ErrNotExist
	case mode.IsDir():
		e.kind = tar.TypeDir
	case mode&fs.ModeSymlink != 0:
		e.kind = tar.TypeSymlink
		e.target, err = p.root.ReadLink(e.at)
	default:
		return errors.New("it is a device, a pipe or a socket, and no package brought that: put the file back")
	}
	return err
}

// lstat describes a path itself. A Root that is "/" may refuse one that leads
// through an absolute link; what is no link itself can be described all the same.
func lstat(root Root, name string) (fs.FileInfo, error) {
	info, err := root.Lstat(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	if _, linkErr := root.ReadLink(name); linkErr == nil {
		return nil, err
	}
	return fs.Stat(root, name)
}

// digest reads a file for its digest.
func (p *packer) digest(name string) (string, error) {
	file, err := p.root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum := md5.New() //nolint:gosec // the digest that dpkg records
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
