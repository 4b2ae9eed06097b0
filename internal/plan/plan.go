package plan

import (
	"time"
)

// Schema names the format of [Plan]; a newer one is refused.
const Schema = "lockfast.plan/1"

// Kind says what a step does.
type Kind string

// The kinds of steps: a closed set. A plan with any other is refused.
const (
	WriteFile  Kind = "write-file"      // Object is a path: a file with this content
	RemoveFile Kind = "remove-file"     // a path: a file, symlink or empty directory goes
	Directory  Kind = "directory"       // a path: a directory is there
	Symlink    Kind = "symlink"         // a path: a symlink is there
	Attributes Kind = "attributes"      // a path: mode, owner, xattrs; content stays
	Service    Kind = "service"         // a systemd unit: its unit-file state and whether it runs
	Sysctl     Kind = "sysctl"          // a kernel parameter's running value ("net.ipv4.ip_forward"); what persists is a file
	Packages   Kind = "packages"        // packages to versions, in one run of the package manager; Object names the manager
	Reboot     Kind = "wait-for-reboot" // the steps after it wait until the host has booted anew
	Probe      Kind = "probe"           // what must hold for the plan to go on; Object names it
)

// Plan is what is to be done to one host.
type Plan struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`  // what it is for: "fix", "lockdown"
	Title   string    `json:"title"` // one line for people: "27 security updates"
	Created time.Time `json:"created"`
	Tool    string    `json:"tool"` // name and version of the program that made it
	Host    string    `json:"host"` // its name; for people, the steps' expected states decide
	Steps   []Step    `json:"steps"`
}

// Step changes one object.
type Step struct {
	Kind   Kind   `json:"kind"`
	Object string `json:"object"`
	Why    string `json:"why"`
	// Expect is the state that the object must be in before; else the host has
	// moved on since the plan, and nothing is done.
	Expect State `json:"expect,omitzero"`
	// Want is the state that the step leaves behind.
	Want State `json:"want,omitzero"`
	// Content is what WriteFile writes; its SHA-256 stands in Want.
	Content []byte `json:"content,omitempty"`
	// OneWay says why the step cannot be undone; empty: it can.
	OneWay string `json:"one_way,omitempty"`
	// Allow are the safeguards that were waived with a person's consent.
	Allow []Allowance `json:"allow,omitempty"`
}

// Allowance is a safeguard that a person may waive for a step.
type Allowance string

// Allowances.
const (
	AllowHardLinks Allowance = "hard-links" // the file has other names, which keep the old content
	AllowImmutable Allowance = "immutable"  // the immutable or append-only flag is lifted and set again
)

// State is what an object is like. Exactly one field is set, by the step's
// kind; none is set for steps that change nothing.
type State struct {
	File     *File       `json:"file,omitempty"`
	Service  *Unit       `json:"service,omitempty"`
	Sysctl   *Parameter  `json:"sysctl,omitempty"`
	Packages *PackageSet `json:"packages,omitempty"`
	Boot     *Boot       `json:"boot,omitempty"`
}

// FileType is what kind of thing a path names.
type FileType string

// File types. Others (devices, sockets, pipes) are refused.
const (
	Absent  FileType = "absent"
	Regular FileType = "file"
	Dir     FileType = "directory"
	Link    FileType = "symlink"
)

// File is what stands at a path; nothing but Type is set where nothing stands.
type File struct {
	Type   FileType          `json:"type"`
	Size   int64             `json:"size,omitempty"`   // bytes; regular files
	SHA256 string            `json:"sha256,omitempty"` // of the content, hexadecimal; regular files
	Target string            `json:"target,omitempty"` // of a symlink, as written
	Mode   uint32            `json:"mode,omitempty"`   // permission, setuid, setgid and sticky bits (07777)
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Xattrs map[string][]byte `json:"xattrs,omitempty"` // all: ACLs, capabilities and labels among them
	Flags  uint32            `json:"flags,omitempty"`  // FS_IMMUTABLE_FL and FS_APPEND_FL of ioctl_iflags(2)
	Links  uint64            `json:"links,omitempty"`  // hard links, where there is more than one; not compared
	MTime  time.Time         `json:"mtime,omitzero"`   // of a file or symlink; restored, not compared
}

// Unit is the state of a systemd unit. An empty field was not looked at or is
// left as it is.
type Unit struct {
	UnitFile string            `json:"unit_file,omitempty"` // systemctl is-enabled: "enabled", "disabled", "masked", "static" …; "not-found": there is none
	Active   string            `json:"active,omitempty"`    // "active" or "inactive"
	Links    map[string]string `json:"links,omitempty"`     // symlinks below /etc/systemd/system that enable or mask it: path → target; not compared with a wish
}

// Parameter is a kernel parameter.
type Parameter struct {
	Value string `json:"value"`
}

// Boot is one run of the kernel.
type Boot struct {
	ID string `json:"id"` // /proc/sys/kernel/random/boot_id
}

// PackageSet are packages of one manager at certain versions, and the
// configuration files they own.
type PackageSet struct {
	Packages  []Package       `json:"packages"`            // sorted by name and architecture
	Conffiles map[string]File `json:"conffiles,omitempty"` // by path; a before-record only
}

// Package is one package at one version.
type Package struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"`    // as the manager says: "amd64", "all", "x86_64", "noarch"
	Version string `json:"version"` // full version with epoch; empty: not installed
	Auto    bool   `json:"auto,omitempty"`
	Held    bool   `json:"held,omitempty"`
	Broken  string `json:"broken,omitempty"` // how far its installation came, where it did not come to its end: "half-installed"
	// Archive is the file in Lockfast's cache that installs this version, SHA256 its digest.
	Archive string `json:"archive,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}
