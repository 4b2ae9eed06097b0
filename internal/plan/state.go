package plan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Same reports whether two states of one object are equal in everything that
// counts: times and link counts do not.
func (s State) Same(o State) bool { return len(s.Differences(o)) == 0 }

// Differences says in words how o differs from s, one phrase a thing that
// counts, nothing if they are the same.
func (s State) Differences(o State) []string {
	switch {
	case s.File != nil && o.File != nil:
		return s.File.differences(o.File)
	case s.Service != nil && o.Service != nil:
		return s.Service.differences(o.Service)
	case s.Sysctl != nil && o.Sysctl != nil:
		return differ("value", s.Sysctl.Value, o.Sysctl.Value)
	case s.Packages != nil && o.Packages != nil:
		return s.Packages.differences(o.Packages)
	case s.Boot != nil && o.Boot != nil:
		return differ("boot", s.Boot.ID, o.Boot.ID)
	case s == (State{}) && o == (State{}):
		return nil
	}
	return []string{"they are states of different kinds"}
}

func differ[T comparable](what string, a, b T) []string {
	if a == b {
		return nil
	}
	return []string{fmt.Sprintf("%s %v → %v", what, a, b)}
}

func (f *File) differences(o *File) []string {
	if f.Type != o.Type {
		return differ("type", f.Type, o.Type)
	}
	if f.Type == Absent {
		return nil
	}
	var list []string
	if f.SHA256 != o.SHA256 {
		list = append(list, fmt.Sprintf("content %.12s (%d bytes) → %.12s (%d bytes)", f.SHA256, f.Size, o.SHA256, o.Size))
	}
	list = append(list, differ("target", f.Target, o.Target)...)
	if f.Mode != o.Mode {
		list = append(list, fmt.Sprintf("mode %04o → %04o", f.Mode, o.Mode))
	}
	list = append(list, differ("owner", f.UID, o.UID)...)
	list = append(list, differ("group", f.GID, o.GID)...)
	list = append(list, differ("flags", f.Flags, o.Flags)...)
	for _, x := range slices.Sorted(maps.Keys(union(f.Xattrs, o.Xattrs))) {
		a, had := f.Xattrs[x]
		b, has := o.Xattrs[x]
		if (!had || !has) && x == Label {
			continue // the policy decides
		}
		if had != has || !bytes.Equal(a, b) {
			list = append(list, "extended attribute "+x)
		}
	}
	return list
}

// Label is the extended attribute that the kernel's policy gives to every file
// by itself, and that nobody may remove. One side that does not name it leaves
// it to the policy.
const Label = "security.selinux"

func union[V any](a, b map[string]V) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

// differences leaves out what one of the two does not say.
func (u *Unit) differences(o *Unit) []string {
	var list []string
	if u.UnitFile != "" && o.UnitFile != "" {
		list = append(list, differ("unit file", u.UnitFile, o.UnitFile)...)
	}
	if u.Active != "" && o.Active != "" {
		list = append(list, differ("state", u.Active, o.Active)...)
	}
	if u.Links != nil && o.Links != nil && !maps.Equal(u.Links, o.Links) {
		list = append(list, "symlinks below /etc/systemd/system")
	}
	return list
}

// differences compares the packages that both name, and the conffiles.
func (p *PackageSet) differences(o *PackageSet) []string {
	have := map[[2]string]Package{}
	for _, k := range o.Packages {
		have[[2]string{k.Name, k.Arch}] = k
	}
	var list []string
	for _, k := range p.Packages {
		other, ok := have[[2]string{k.Name, k.Arch}]
		if !ok {
			list = append(list, k.Name+" is not looked at")
			continue
		}
		list = append(list, k.differences(other)...)
	}
	if len(p.Packages) != len(o.Packages) {
		list = append(list, fmt.Sprintf("%d packages → %d", len(p.Packages), len(o.Packages)))
	}
	if p.Conffiles == nil || o.Conffiles == nil {
		return list
	}
	for _, path := range slices.Sorted(maps.Keys(union(p.Conffiles, o.Conffiles))) {
		a, b := conffile(p, path), conffile(o, path)
		if d := a.differences(&b); len(d) > 0 {
			list = append(list, path+": "+strings.Join(d, ", "))
		}
	}
	return list
}

// conffile is a conffile's state; one that is not listed is not there.
func conffile(p *PackageSet, path string) File {
	if f, ok := p.Conffiles[path]; ok {
		return f
	}
	return File{Type: Absent}
}

func (k Package) differences(o Package) []string {
	name := k.Name
	if k.Arch != "" {
		name += ":" + k.Arch
	}
	list := differ(name, orNone(k.Version), orNone(o.Version))
	if k.Version == "" && o.Version == "" {
		return nil
	}
	if k.Broken != o.Broken {
		list = append(list, fmt.Sprintf("%s %s → %s", name, orWhole(k.Broken), orWhole(o.Broken)))
	}
	list = append(list, differ(name+" installed automatically", k.Auto, o.Auto)...)
	return append(list, differ(name+" held", k.Held, o.Held)...)
}

func orWhole(broken string) string {
	if broken == "" {
		return "whole"
	}
	return broken
}

func orNone(version string) string {
	if version == "" {
		return "(not installed)"
	}
	return version
}

// Between reports whether now can be what an interrupted change from before to
// after leaves behind: everything in it is either as before or as after. Only
// objects that are not changed at one stroke can be between.
func Between(before, after, now State) bool {
	switch {
	case now.File != nil && before.File != nil && after.File != nil:
		return betweenFiles(before.File, after.File, now.File)
	case now.Service != nil && before.Service != nil && after.Service != nil:
		b, a, n := before.Service, after.Service, now.Service
		return among(n.UnitFile, b.UnitFile, a.UnitFile, "disabled") && among(n.Active, b.Active, a.Active, "inactive")
	case now.Packages != nil:
		return true // the package manager's own database says how far it came
	}
	return now.Same(before) || now.Same(after)
}

// among knows the state that a unit passes through on its way to another one.
func among(now, before, after, passing string) bool {
	if after == "" || after == before {
		return now == before
	}
	return now == before || now == after || now == passing
}

// betweenFiles: what gets other content is replaced at one stroke, but for its
// flags; what keeps it gets one attribute after the other.
func betweenFiles(b, a, n *File) bool {
	if n.Flags != b.Flags && n.Flags != a.Flags && n.Flags != 0 { // lifted first, set last
		return false
	}
	inPlace := a.Type == b.Type && (a.Type == Dir || a.Type == Regular && a.SHA256 == b.SHA256)
	if !inPlace {
		bare := func(f *File) *File {
			without := *f
			without.Flags = 0
			return &without
		}
		return len(bare(b).differences(bare(n))) == 0 || len(bare(a).differences(bare(n))) == 0
	}
	if n.Type != b.Type || n.SHA256 != b.SHA256 {
		return false
	}
	either := func(n, b, a int) bool { return n == b || n == a }
	if !either(n.UID, b.UID, a.UID) || !either(n.GID, b.GID, a.GID) || !betweenModes(b.Mode, a.Mode, n.Mode) {
		return false
	}
	for x, have := range n.Xattrs { // one that is gone is on its way
		if !betweenValues(x, have, b.Xattrs, a.Xattrs) {
			return false
		}
	}
	return true
}

// betweenModes knows that a new owner clears the setuid bit, and the setgid bit
// of what its group may run, before the new mode is set. chown(2)
func betweenModes(b, a, n uint32) bool {
	return slices.ContainsFunc([]uint32{b, a}, func(from uint32) bool { // back is a way too
		return n == from || n == from&^0o4000 || n == from&^0o6000
	})
}

func betweenValues(x string, have []byte, b, a map[string][]byte) bool {
	before, had := b[x]
	after, wanted := a[x]
	switch {
	case had && bytes.Equal(have, before), wanted && bytes.Equal(have, after):
		return true
	case x == accessList && had:
		return bytes.Equal(entries(have), entries(before)) // a new mode has been set
	}
	return x == Label && !had && !wanted
}

// accessList is a POSIX ACL as Linux stores it: a version of 4 bytes, then
// entries of a tag and permissions (2 bytes each) and an id (4 bytes).
// https://man7.org/linux/man-pages/man5/acl.5.html
const accessList = "system.posix_acl_access"

// entries is an ACL without the permissions that follow the file's mode: those
// of its owner, of others, and of the mask or else the group.
func entries(acl []byte) []byte {
	const head, size, userObj, groupObj, mask, other = 4, 8, 0x01, 0x04, 0x10, 0x20
	bare := slices.Clone(acl)
	for at := head; at+size <= len(bare); at += size {
		switch bare[at] {
		case userObj, groupObj, mask, other:
			bare[at+2], bare[at+3] = 0, 0
		}
	}
	return bare
}
