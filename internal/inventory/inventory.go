package inventory

import "time"

// Inventory is everything known of one host at one moment.
type Inventory struct {
	Hostname  string
	Arch      string    // machine architecture as the package manager names it: "amd64", "x86_64"
	Taken     time.Time // UTC
	Live      bool      // false: an unpacked root (--root); processes and sockets do not exist there
	Release   Release
	Kernel    Kernel
	Reboot    Reboot
	Packages  []Package
	Updates   []Update   // what the package manager's own security metadata say
	Archives  []Archive  // the archives behind Updates, each with its date
	Listeners []Listener // listening TCP sockets and unconnected bound UDP sockets
	Processes []Process  // processes that matter to packages: listening, or running replaced files, or mapping packaged code
	Statuses  []Status   // one for each collector that ran
	Gaps      []Gap      // what was not looked into: containers, snaps, language packages …
}

// Manager names the package database an entry came from.
type Manager string

// The package managers Lockfast reads.
const (
	Dpkg Manager = "dpkg"
	RPM  Manager = "rpm"
	APK  Manager = "apk"
)

// Release is the distribution's release, from os-release(5).
type Release struct {
	ID         string   // "debian", "ubuntu", "almalinux", "alpine"
	IDLike     []string // "rhel", "fedora"
	VersionID  string   // "12", "22.04", "9.4"; empty on testing and unstable
	Codename   string   // "bookworm"
	PrettyName string
}

// Kernel is the running kernel and the ones installed.
type Kernel struct {
	Running   string            // uname -r, "6.1.0-40-amd64"; empty when not live or not seen
	Version   string            // the running image's package version where the kernel says it (Debian: in uname -v), else empty
	Container bool              // the kernel belongs to somebody else: the host cannot patch it
	Installed []InstalledKernel // kernels that could be booted
}

// InstalledKernel is one bootable kernel on disk.
type InstalledKernel struct {
	Release string // what uname -r would say
	Package string // binary package that ships it
	Version string // that package's version
}

// Reboot says whether the system asks for one.
type Reboot struct {
	Required bool
	Packages []string // the packages that asked (/run/reboot-required.pkgs)
	Reason   string   // for people; empty when not required
}

// Package is one installed package.
type Package struct {
	Manager       Manager
	Name          string
	Version       string // full version with epoch, as the manager prints it
	Arch          string
	Source        string // source package (Debian), source rpm's name, apk origin; equals Name when the database names none
	SourceVersion string // equals Version when the database names none
	State         State
	Held          bool
	Module        string // rpm module stream "nodejs:18", empty when not modular
	Previous      string // version before the last upgrade, where replaced files of it still run and a log tells; else empty
	Vendor        string // maintainer or vendor as the package says; for people
	Origin        Origin
}

// State is how much of a package is there.
type State uint8

// Package states. Written-out numbers: they are stored.
const (
	StateUnknown   State = 0
	StateInstalled State = 1
	StateBroken    State = 2 // unpacked, half-configured, half-installed, triggers pending: files are there, work is unfinished
	StateConfig    State = 3 // removed, only configuration files remain; not installed
)

// Present reports whether the package's files are on disk.
func (s State) Present() bool { return s == StateInstalled || s == StateBroken }

// OriginKind says whose advisories speak of a package.
type OriginKind uint8

// Origins. Written-out numbers: they are stored.
const (
	OriginUnknown      OriginKind = 0 // could not be found out; Reason says why
	OriginDistribution OriginKind = 1 // the distribution's own archive, security and updates included
	OriginBackports    OriginKind = 2 // the distribution's backports: its advisories do not cover them
	OriginVendor       OriginKind = 3 // another archive, such as nginx.org or PGDG
	OriginLocal        OriginKind = 4 // in no archive that is configured here: built or copied by hand, or gone from the archive
)

// Origin is where an installed version came from.
type Origin struct {
	Kind    OriginKind
	Archive string // "Debian bookworm-security", "nginx.org stable"; for people
	Reason  string // why Kind is what it is, where that is not plain
}

// Archive is one package archive the host's package manager has metadata of.
type Archive struct {
	Name     string    // "Debian bookworm-security main"
	Security bool      // a security suite
	Date     time.Time // when the archive made the metadata (Release "Date", updateinfo); zero when it does not say
}

// Update is a newer version of an installed package that the package manager's
// own metadata offer.
type Update struct {
	Package     string // binary package
	Arch        string
	Source      string
	Installed   string    // version of the binary package that is installed
	Candidate   string    // newest version on offer from archives this package may come from
	Security    bool      // at least one version above Installed is in a security archive, or in an advisory of type security
	Fixed       string    // lowest version on offer that has all the security fixes known here: the newest one in a security archive; empty unless Security
	FixedSource string    // Fixed, as a version of the source package
	Archive     string    // archive that offers Fixed
	IDs         []string  // advisories and CVEs behind it where the metadata name them (updateinfo, changelog)
	Severity    string    // the vendor's rating where the metadata name it ("Important")
	Date        time.Time // date of the fix where known (changelog entry, updateinfo issued), else zero
	DateFrom    string    // what Date was read from; for people
	NewPackage  bool      // arrives as a new package behind a meta-package (kernels): Package is the meta-package
}

// Scope is from where a socket can be reached, by its address alone.
type Scope uint8

// Scopes. Written-out numbers: they are stored.
const (
	ScopeUnknown  Scope = 0
	ScopeLoopback Scope = 1
	ScopeLocal    Scope = 2 // bound to a link-local or private address, or to an interface
	ScopeAny      Scope = 3 // bound to a wildcard or a public address
)

// Filter is what the host's packet filter does to new connections to a port.
type Filter uint8

// Filter states. Written-out numbers: they are stored.
const (
	FilterUnknown  Filter = 0 // could not read the rules, or they are beyond what we judge; Reason says which
	FilterOpen     Filter = 1
	FilterFiltered Filter = 2
)

// Listener is one listening socket and who owns it.
type Listener struct {
	Protocol     string // "tcp", "tcp6", "udp", "udp6"
	Address      string // without brackets; "0.0.0.0", "::", "127.0.0.1"
	Port         uint16
	Scope        Scope
	Filter       Filter
	FilterReason string
	PID          int    // 0 when the owner could not be seen
	Holders      []int  // every process that has the socket open, PID among them, ascending: a server's workers read from it too
	Process      string // command name
	Package      string // binary package of the program, empty when unknown
	Unit         string // systemd unit, empty when unknown
	Unknown      string // why the owner is unknown; empty when it is known
}

// Process is a process as far as packages are concerned.
type Process struct {
	PID      int
	Command  string
	Exe      string   // path of the program
	Unit     string   // systemd unit to restart, empty when none
	Package  string   // binary package of Exe, empty when none
	Mapped   []string // binary packages whose code it maps, sorted, Package included
	Replaced []Replaced
}

// Replaced returns the names of packages whose replaced files still run.
func (inv *Inventory) Replaced() map[string]bool {
	names := map[string]bool{}
	for i := range inv.Processes {
		for _, r := range inv.Processes[i].Replaced {
			if r.Package != "" {
				names[r.Package] = true
			}
		}
	}
	return names
}

// Replaced is a file a process still runs that has since been replaced on disk.
type Replaced struct {
	Path    string
	Package string // package that now ships Path, empty when none
}

// Outcome is how a collector fared.
type Outcome uint8

// Outcomes. Written-out numbers: they are stored.
const (
	NotApplicable Outcome = 0 // nothing of the kind here: no rpm database on Debian
	Succeeded     Outcome = 1
	Partial       Outcome = 2 // saw some; Reason says what not
	Failed        Outcome = 3 // saw nothing; Reason says why
)

// Status is the result of one collector.
type Status struct {
	Collector string // "dpkg", "apt", "processes", …
	Outcome   Outcome
	Reason    string // what was not seen and why, and what to do; empty on success
}

// Gap is something on this host that Lockfast does not look into.
type Gap struct {
	What  string // "containers", "snaps", "language packages" …
	Where string // path that shows it is there
	Count int    // how many, where that is cheap to know; 0 when not
}
