package repack

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // the digest that dpkg records; it proves nothing here
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// packed writes a compressed tar archive. The compressor gets pieces of one
// size, so that the same content gives the same bytes each time.
func packed(w io.Writer, fill func(*tar.Writer) error) error {
	gz := gzip.NewWriter(w)
	pieces := bufio.NewWriterSize(gz, 1<<16)
	archive := tar.NewWriter(pieces)
	if err := fill(archive); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := pieces.Flush(); err != nil {
		return err
	}
	return gz.Close()
}

// control builds control.tar.gz from the stanza and what dpkg kept.
func (p *packer) control() ([]byte, error) {
	list := p.info["list"]
	files := maps.Clone(p.info)
	delete(files, "list") // dpkg's own
	files["control"] = script{0o644, list.modTime, p.stanza.control()}
	if _, ok := files["conffiles"]; !ok {
		if text := p.conffileList(); text != "" {
			files["conffiles"] = script{0o644, list.modTime, []byte(text)}
		}
	}
	var out bytes.Buffer
	err := packed(&out, func(archive *tar.Writer) error {
		head := &tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755, ModTime: second(list.modTime), Uname: "root", Gname: "root", Format: tar.FormatGNU}
		if err := archive.WriteHeader(head); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			f := files[name]
			head := &tar.Header{
				Typeflag: tar.TypeReg, Name: "./" + name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)),
				ModTime: second(f.modTime), Uname: "root", Gname: "root", Format: tar.FormatGNU,
			}
			if err := archive.WriteHeader(head); err != nil {
				return err
			}
			if _, err := archive.Write(f.data); err != nil {
				return err
			}
		}
		return nil
	})
	return out.Bytes(), err
}

// conffileList is the list of configuration files where only the status has one.
func (p *packer) conffileList() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.conffiles)) {
		if !p.conffiles[name].gone {
			text.WriteString(name + "\n")
		}
	}
	return text.String()
}

// data writes data.tar.gz. The digests of the first time must be met the second.
func (p *packer) data(w io.Writer) error {
	buffer := make([]byte, 1<<16)
	return packed(w, func(archive *tar.Writer) error {
		for _, e := range p.entries {
			if err := archive.WriteHeader(p.header(e)); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			if e.kind != tar.TypeReg {
				continue
			}
			if err := p.copy(archive, e, buffer); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
		}
		return nil
	})
}

// header describes an entry in the GNU format: dpkg knows no other for long
// names. Times have full seconds there.
func (p *packer) header(e *entry) *tar.Header {
	h := &tar.Header{
		Typeflag: e.kind, Name: "." + e.name, Linkname: e.target, Mode: modeOf(e.info.Mode()), ModTime: second(e.info.ModTime()),
		Uid: e.owner.uid, Gid: e.owner.gid, Uname: p.users[e.owner.uid], Gname: p.groups[e.owner.gid], Format: tar.FormatGNU,
	}
	switch {
	case e.name == "/.":
		h.Name = "./"
	case e.kind == tar.TypeDir:
		h.Name += "/"
	case e.kind == tar.TypeReg:
		h.Size = e.info.Size()
	case e.first != nil:
		h.Linkname = "." + e.first.name
	}
	return h
}

func second(t time.Time) time.Time { return t.Truncate(time.Second) }

// modeOf turns a mode into the bits of chmod(2).
func modeOf(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	for flag, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// copy writes the content of a file, which must be what it was.
func (p *packer) copy(w io.Writer, e *entry, buffer []byte) error {
	file, err := p.root.Open(e.at)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != e.info.Size() {
		return errChanged
	}
	if e.capable, err = hasCapability(file); err != nil {
		return fmt.Errorf("cannot look for its capabilities: %w", err)
	}
	sum := md5.New() //nolint:gosec // the digest that dpkg records
	n, err := io.CopyBuffer(io.MultiWriter(w, sum), struct{ io.Reader }{file}, buffer)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n != info.Size() {
		return errChanged
	}
	if err != nil {
		return err
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	if e.digest != "" && e.digest != digest {
		return errChanged
	}
	e.digest = digest
	return nil
}
