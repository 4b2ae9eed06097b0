package repack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Root is a host's "/", as hostfs.Root shows it.
type Root interface {
	fs.ReadDirFS
	fs.ReadLinkFS
}

// Option changes what an archive carries.
type Option int

// LeaveChanged leaves configuration files that the administrator changed out of
// the archive, but in its list of configuration files. dpkg then keeps the file
// on disk and goes on seeing it as changed.
//
// Without it the archive carries the changed content, which dpkg takes for the
// shipped one when it installs the archive: the next upgrade then overwrites
// the administrator's file without asking, --force-confold or not.
const LeaveChanged Option = 1

// Report says how an archive relates to what the distribution shipped. Paths
// are those of the package's list of files, "/etc/nginx/nginx.conf". Modes and
// owners are not in it: dpkg does not record what they were.
type Report struct {
	Name, Arch, Version string   // as the archive says
	Missing             []string // listed, not on disk as something to carry: not in the archive
	Deleted             []string // those of Missing that are configuration files; to delete one is normal
	Changed             []string // configuration files with other content than was shipped
	Altered             []string // other files with other content than was shipped
	Unchecked           []string // files that no digest is recorded for: shipped so, or not
	Obsolete            []string // configuration files of an earlier version, kept by dpkg: not in the archive
	Capabilities        []string // files with security.capability, which no .deb can carry
}

// AsShipped reports whether the content of the archive is known to be that of
// the distribution's.
func (r Report) AsShipped() bool {
	return len(r.Missing)+len(r.Changed)+len(r.Altered)+len(r.Unchecked) == 0
}

// Deb writes the archive of an installed package. An empty arch means the only
// architecture that the package is installed for. After an error, what w got is
// no archive.
func Deb(root Root, name, arch string, w io.Writer, options ...Option) (Report, error) {
	p, err := look(root, name, arch)
	if err != nil {
		return Report{}, fmt.Errorf("cannot repack %s: %w", name, err)
	}
	if err := p.plan(slices.Contains(options, LeaveChanged)); err != nil {
		return Report{}, fmt.Errorf("cannot repack %s: %w", name, err)
	}
	if err := p.write(w); err != nil {
		return Report{}, fmt.Errorf("cannot repack %s: %w", name, err)
	}
	p.judge()
	return p.report, nil
}

// write measures the data, then writes the three members.
func (p *packer) write(w io.Writer) error {
	control, err := p.control()
	if err != nil {
		return err
	}
	var size counter
	if err := p.data(&size); err != nil {
		return err
	}
	if _, err := io.WriteString(w, arMagic); err != nil {
		return err
	}
	if err := member(w, "debian-binary", 4, bytes.NewBufferString("2.0\n").WriteTo); err != nil {
		return err
	}
	if err := member(w, "control.tar.gz", int64(len(control)), bytes.NewReader(control).WriteTo); err != nil {
		return err
	}
	return member(w, "data.tar.gz", int64(size), func(w io.Writer) (int64, error) {
		var n counter
		err := p.data(io.MultiWriter(w, &n))
		return int64(n), err
	})
}

// judge compares the digests that were read with those that dpkg keeps.
func (p *packer) judge() {
	for _, e := range p.entries {
		recorded, known := p.digests[e.name]
		switch {
		case e.conffile != nil:
			recorded, known = e.conffile.digest, e.conffile.digest != ""
		case !e.isFile() && known:
			p.report.Altered = append(p.report.Altered, e.name) // a link or folder now
			continue
		}
		switch read := e.content().digest; {
		case !e.isFile():
		case !known:
			p.report.Unchecked = append(p.report.Unchecked, e.name)
		case e.conffile == nil && read != recorded:
			p.report.Altered = append(p.report.Altered, e.name)
		}
		if e.capable {
			p.report.Capabilities = append(p.report.Capabilities, e.name)
		}
	}
}

// errChanged is a file that was not the same from its first reading to its last.
var errChanged = errors.New("it changed while it was read; try again when nothing writes it")
