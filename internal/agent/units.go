package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/secure"
)

// Paths and names of the service.
const (
	unitFolder    = "/etc/systemd/system/"
	turnUnit      = "lockfast-stay-secure.service"
	turnTimer     = "lockfast-stay-secure.timer"
	courierUnit   = "lockfast-courier.service"
	courierSocket = "lockfast-courier.socket"
	wakeTimer     = "lockfast-wake"
	Socket        = "/run/lockfast/courier.sock"
	Spool         = "/var/lib/lockfast-courier" // of the courier; systemd makes it
	AptConfig     = "/etc/lockfast/courier.apt.conf"
	aptMethod     = "/usr/local/lib/lockfast/apt-method"
	DropIn        = "/etc/lockfast/config.d/50-stay-secure.yaml"
)

// others are services that do the same work: two that install at the same time
// are one too many.
var others = []string{ //nolint:gochecknoglobals // a constant list
	"apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service",
	"dnf-automatic.timer", "dnf-automatic-install.timer", "dnf-automatic-download.timer", "dnf-automatic-notifyonly.timer", "dnf5-automatic.timer",
}

// Site is where Lockfast lies on this host, and which package manager it has.
type Site struct {
	Program string   // absolute path of lockfast
	Manager string   // "apt", "dnf", "zypper"
	Args    []string // where its state lies, if not in the usual places
	Config  []string // where its configuration lies, likewise
}

// hardening is what both units deny themselves.
const hardening = `NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
`

// turnService is the unit of a turn: root, but without a way to the network
// where apt asks the courier, and without writing to what only package managers
// write; these run in units of their own.
func (s Site) turnService() string {
	network := "IPAddressDeny=any\nIPAddressAllow=localhost\n"
	if s.Manager != "apt" {
		network = "# " + s.Manager + " has no way to ask the courier: it needs the network itself.\n"
	}
	return `# Written by lockfast stay-secure; lockfast stay-secure off takes it away.
[Unit]
Description=Lockfast keeps this host at its security updates
Documentation=man:lockfast-stay-secure(1)
After=network-online.target time-sync.target ` + courierSocket + `
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=` + strings.Join(slices.Concat([]string{s.Program, "stay-secure", "run", "--unit"}, s.Args, s.Config), " ") + `
# A turn may install for long. Stopping it stops nothing that it has begun:
# package managers run in units of their own.
TimeoutStartSec=infinity
TimeoutStopSec=2min
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
CPUWeight=20
UMask=0022
` + hardening + network + `ReadWritePaths=/etc /var /run
ProtectHome=read-only
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallFilter=@system-service @mount
SystemCallErrorNumber=EPERM
# To read every file and process, to write configuration back with its owner,
# to become _apt, to list the packet filter, to restart the host.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_SETUID CAP_SETGID CAP_SETFCAP CAP_KILL CAP_SYS_PTRACE CAP_NET_ADMIN CAP_LINUX_IMMUTABLE CAP_SYS_BOOT
`
}

func (s Site) turnTimerUnit() string {
	return `# Written by lockfast stay-secure; lockfast stay-secure off takes it away.
[Unit]
Description=Wake Lockfast
Documentation=man:lockfast-stay-secure(1)

# Each turn arms a timer of its own for the moment it waits for. This one is for
# the first turn after a start, and should that timer be lost.
[Timer]
OnBootSec=2min
OnCalendar=hourly
RandomizedDelaySec=5min
AccuracySec=1min

[Install]
WantedBy=timers.target
`
}

func (s Site) courierSocketUnit() string {
	return `# Written by lockfast stay-secure; lockfast stay-secure off takes it away.
[Unit]
Description=Where Lockfast asks its courier
Documentation=man:lockfast-stay-secure(1)

# Everybody may knock; the courier looks who it is (SO_PEERCRED).
[Socket]
ListenStream=` + Socket + `
SocketMode=0666
DirectoryMode=0755

[Install]
WantedBy=sockets.target
`
}

// courierService speaks to the network, as nobody in particular, and writes its
// spool and nothing else.
func (s Site) courierService() string {
	return `# Written by lockfast stay-secure; lockfast stay-secure off takes it away.
[Unit]
Description=Lockfast's courier: fetches from the network
Documentation=man:lockfast-stay-secure(1)
Requires=` + courierSocket + `
After=network-online.target

[Service]
Type=simple
ExecStart=` + strings.Join(slices.Concat([]string{s.Program, "stay-secure", "courier", "--spool", Spool}, s.Config), " ") + `
DynamicUser=yes
User=lockfast-courier
StateDirectory=lockfast-courier
StateDirectoryMode=0700
UMask=0077
Nice=10
CPUWeight=20
MemoryMax=256M
TasksMax=64
` + hardening + `ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Nothing of package managers is there for it to see.
InaccessiblePaths=-/var/lib/dpkg -/var/lib/apt -/var/lib/rpm -/var/lib/lockfast -/var/cache/lockfast -/run/dbus -/run/systemd/private
`
}

// aptConfig makes apt ask the courier instead of the network.
func (s Site) aptConfig() string {
	return fmt.Sprintf(`// Written by lockfast stay-secure: apt, when Lockfast's service runs it, reaches
// the network through the courier. Nobody else reads this file.
Dir::Bin::Methods::http %[1]q;
Dir::Bin::Methods::https %[1]q;
Acquire::Lockfast::Socket %[2]q;
`, aptMethod, Socket)
}

// unitWishes are the files that change with a version of Lockfast.
func (s Site) unitWishes() []secure.Wish {
	file := func(path, content, why string) secure.Wish {
		return secure.Wish{Kind: plan.WriteFile, Object: path, Content: content, Mode: 0o644, Why: why}
	}
	list := []secure.Wish{
		file(unitFolder+turnUnit, s.turnService(), "what a turn of the service may do"),
		file(unitFolder+turnTimer, s.turnTimerUnit(), "when it is woken"),
	}
	if s.Manager != "apt" {
		return list
	}
	return append(list,
		file(unitFolder+courierUnit, s.courierService(), "what speaks to the network"),
		file(unitFolder+courierSocket, s.courierSocketUnit(), "where it is asked"),
		file(AptConfig, s.aptConfig(), "how apt asks it"),
		secure.Wish{Kind: plan.Symlink, Object: aptMethod, Target: s.Program, Why: "the program that asks for apt"},
	)
}

// wishes are everything that switching the service on needs.
func (s Site) wishes(settings string) []secure.Wish {
	list := s.unitWishes()
	if settings != "" {
		list = append(list, secure.Wish{Kind: plan.WriteFile, Object: DropIn, Content: settings, Mode: 0o644, Why: "what was asked for"})
	}
	for _, unit := range others {
		list = append(list, secure.Wish{
			Kind: plan.Service, Object: unit, Unit: plan.Unit{UnitFile: "masked", Active: "inactive"}, IfThere: true, Why: "it does the same work",
		})
	}
	on := plan.Unit{UnitFile: "enabled", Active: "active"}
	if s.Manager == "apt" {
		list = append(list, secure.Wish{Kind: plan.Service, Object: courierSocket, Unit: on, Why: "the courier answers when it is asked"})
	}
	return append(list, secure.Wish{Kind: plan.Service, Object: turnTimer, Unit: on, Why: "the service is woken"})
}
