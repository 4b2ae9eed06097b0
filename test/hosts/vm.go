//go:build e2e

package hosts

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// VM is a host with a kernel, a disk and a boot loader of its own, emulated
// instruction by instruction: slow, and the same everywhere. It has no network.
type VM struct {
	t       *testing.T
	dir     string // disk image, and what was last printed on the console
	qemu    *exec.Cmd
	in      io.WriteCloser
	answers chan string   // lines from the agent inside
	gone    chan struct{} // closed once qemu has ended
}

// VMHost is a server that boots by itself: systemd, a kernel and GRUB.
func VMHost(suite string) Spec {
	return Spec{Suite: suite, Include: []string{
		"systemd-sysv", "dbus", "kmod", "procps", "udev", "initramfs-tools", "zstd", "linux-image-cloud-amd64", "grub2-common", "grub-pc-bin",
	}}
}

// How long a machine may take. Emulated, a boot takes half a minute, and
// building an initramfs about two.
const (
	bootLimit    = 6 * time.Minute
	commandLimit = 20 * time.Minute
	stopLimit    = 3 * time.Minute
)

// diskSize and partition are the layout of the disk in bytes: the boot loader
// lies before the only partition, as grub-install would put it. The file is sparse.
const (
	diskSize  = 4 << 30
	partition = 1 << 20
	sector    = 512
)

// agent answers commands, a line each, for as long as the host runs: a script
// comes in, its exit code and what it printed go out, all in base64.
const agent = `#!/bin/sh
port=/dev/virtio-ports/lockfast
until [ -c $port ]; do sleep 0.2; done
cd /run/vm-agent && exec 3<>$port && echo ready >&3 || exit 1
while read -r line <&3; do
	echo "$line" | base64 -d >script
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root sh script </dev/null >out 2>err 3>&-
	echo "$? .$(base64 -w0 out) .$(base64 -w0 err)" >&3
done
`

// agentUnit cannot be restarted by hand: what a test runs, like a fix that
// restarts what runs old code, would end itself.
const agentUnit = `[Unit]
Description=commands of the test
RefuseManualStop=yes
[Service]
ExecStart=/opt/vm-agent
RuntimeDirectory=vm-agent
[Install]
WantedBy=multi-user.target
`

// bootArguments let the console be read, and end the machine where the kernel
// panics.
const bootArguments = "console=ttyS0 panic=-1"

// firstMenu boots the only kernel; update-grub replaces it in the first boot,
// which is when GRUB's tools see the disk.
const firstMenu = "linux /vmlinuz root=/dev/vda1 ro " + bootArguments + "\ninitrd /initrd.img\nboot\n"

// grubDefaults are what update-grub makes the menu from.
const grubDefaults = `GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX="` + bootArguments + `"
`

// initramfs spares an emulated processor: only this machine's drivers, and
// little compression.
const initramfs = "MODULES=dep\nCOMPRESSLEVEL=1\n"

// BootVM makes a disk from a root that has what [VMHost] has and boots it as a
// machine would: its firmware loads GRUB from the disk, GRUB reads the menu that
// update-grub wrote there and boots what that says. The boot files are added to
// the root; what happens inside stays on the disk, which ends with the test.
func BootVM(t *testing.T, root string) *VM {
	t.Helper()
	need(t, "qemu-system-x86_64", "mkfs.ext4")
	m := &VM{t: t, dir: t.TempDir()}
	prepare(t, root)
	m.makeDisk(root)
	t.Cleanup(m.kill)
	m.start()
	m.Run("update-grub")
	return m
}

// prepare adds the agent and the boot loader's files to a root.
func prepare(t *testing.T, root string) {
	t.Helper()
	for path, text := range map[string]string{
		"opt/vm-agent":                        agent,
		"etc/systemd/system/vm-agent.service": agentUnit,
		"etc/fstab":                           "/dev/vda1 / ext4 errors=remount-ro 0 1\n",
		"etc/default/grub":                    grubDefaults,
		"etc/initramfs-tools/conf.d/vm":       initramfs,
		"boot/grub/grub.cfg":                  firstMenu,
	} {
		write(t, filepath.Join(root, path), text)
	}
	if err := os.Chmod(filepath.Join(root, "opt/vm-agent"), 0o755); err != nil {
		t.Fatal(err)
	}
	// No apt starts by itself. The rest is what grub-install does, but for
	// writing to a disk that is not there yet.
	Run(t, root, "sh", "-ec", `systemctl enable --quiet vm-agent.service
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer
mkdir -p /boot/grub/i386-pc
cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /boot/grub/i386-pc/
grub-mkimage -O i386-pc -o /boot/grub/i386-pc/core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2
cp /usr/lib/grub/i386-pc/boot.img /boot/grub/i386-pc/`)
}

func (m *VM) disk() string    { return filepath.Join(m.dir, "disk") }
func (m *VM) console() string { return filepath.Join(m.dir, "console") }

// makeDisk writes the boot loader, the partition table and the file system; no
// loop device is needed. GRUB of bookworm does not read the two newest features
// of ext4.
func (m *VM) makeDisk(root string) {
	m.t.Helper()
	loader := filepath.Join(root, "boot/grub/i386-pc")
	head, err := os.ReadFile(filepath.Join(loader, "boot.img"))
	if err != nil || len(head) != sector {
		m.t.Fatalf("GRUB's first sector has %d bytes: %v", len(head), err)
	}
	core, err := os.ReadFile(filepath.Join(loader, "core.img"))
	if err != nil || len(core) > partition-sector {
		m.t.Fatalf("GRUB has %d bytes: %v", len(core), err)
	}
	clear(head[446:510])   // code for floppies, where the partition table belongs
	entry := head[446:462] // of the only partition: active, Linux
	entry[0], entry[4] = 0x80, 0x83
	binary.LittleEndian.PutUint32(entry[8:], partition/sector)
	binary.LittleEndian.PutUint32(entry[12:], (diskSize-partition)/sector)
	if err := os.WriteFile(m.disk(), append(head, core...), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Truncate(m.disk(), diskSize); err != nil {
		m.t.Fatal(err)
	}
	must(m.t, exec.Command("mkfs.ext4", "-q", "-O", "^metadata_csum_seed,^orphan_file", "-E", fmt.Sprintf("offset=%d,assume_storage_prezeroed=1", partition),
		"-d", root, m.disk(), strconv.Itoa((diskSize-partition)>>10)+"k"))
}

// start switches the machine on and waits until its services run. A machine
// that reboots ends qemu: it is started again by [VM.Reboot].
func (m *VM) start() {
	m.t.Helper()
	m.qemu = exec.Command("qemu-system-x86_64", "-accel", "tcg,tb-size=128", "-smp", "1", "-m", "1024", "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
		"-nic", "none", "-monitor", "none", "-serial", "file:"+m.console(), "-device", "virtio-rng-pci",
		"-drive", "if=virtio,format=raw,cache=unsafe,file="+m.disk(),
		"-device", "virtio-serial-pci", "-chardev", "stdio,id=agent,signal=off", "-device", "virtserialport,chardev=agent,name=lockfast")
	m.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := m.qemu.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := m.qemu.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if m.qemu.Stderr, err = os.Create(m.qemuLog()); err != nil {
		m.t.Fatal(err)
	}
	if err := m.qemu.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.in, m.answers, m.gone = in, make(chan string, 8), make(chan struct{})
	go listen(m.qemu, out, m.answers, m.gone)
	if line := m.answer(bootLimit, "boot"); line != "ready" {
		m.t.Fatalf("the machine's first word is %q", line)
	}
	_, _, _ = m.Try("systemctl", "is-system-running", "--wait") // degraded is good enough
}

// listen passes the agent's lines on until the machine is off.
func listen(qemu *exec.Cmd, out io.Reader, answers chan<- string, gone chan<- struct{}) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		answers <- strings.TrimSuffix(line, "\n")
	}
	_ = qemu.Wait()
	close(gone)
}

func (m *VM) qemuLog() string { return filepath.Join(m.dir, "qemu.log") }

// answer waits for a line of the agent.
func (m *VM) answer(limit time.Duration, to string) string {
	m.t.Helper()
	select {
	case line := <-m.answers:
		return line
	case <-m.gone:
		m.fail("the machine went off during " + to)
	case <-time.After(limit):
		m.fail(fmt.Sprintf("no answer to %s in %v", to, limit))
	}
	return ""
}

// fail ends the test with the last that the machine and qemu printed.
func (m *VM) fail(what string) {
	m.t.Helper()
	console, _ := os.ReadFile(m.console())
	log, _ := os.ReadFile(m.qemuLog())
	m.t.Fatalf("%s\n%s\nconsole:\n%s", what, tail(log), tail(console))
}

// Try runs a program in the machine as root.
func (m *VM) Try(args ...string) (stdout, stderr []byte, code int) {
	m.t.Helper()
	m.send(args...)
	line := m.answer(commandLimit, strings.Join(args, " "))
	words := strings.Fields(line)
	if len(words) != 3 {
		m.fail(fmt.Sprintf("%v: answer %.200q", args, line))
	}
	code, err := strconv.Atoi(words[0])
	if err != nil {
		m.fail(fmt.Sprintf("%v: answer %.200q", args, line))
	}
	return m.decode(words[1]), m.decode(words[2]), code
}

func (m *VM) decode(word string) []byte {
	m.t.Helper()
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(word, "."))
	if err != nil {
		m.fail(err.Error())
	}
	return data
}

func (m *VM) send(args ...string) {
	m.t.Helper()
	var script strings.Builder
	for _, a := range args {
		script.WriteString("'" + strings.ReplaceAll(a, "'", `'\''`) + "' ")
	}
	if _, err := io.WriteString(m.in, base64.StdEncoding.EncodeToString([]byte(script.String()))+"\n"); err != nil {
		m.fail(err.Error())
	}
}

// Run is Try for programs that must not fail.
func (m *VM) Run(args ...string) string {
	m.t.Helper()
	out, errOut, code := m.Try(args...)
	if code != 0 {
		m.fail(fmt.Sprintf("%v: exit %d\n%s%s", args, code, tail(out), tail(errOut)))
	}
	return string(out)
}

// choose tells GRUB what to boot next, once. It knows its menu entries by the
// kernel's release and the file system.
const choose = `fs=$(findmnt -no UUID /)
grep -q "'gnulinux-$1-advanced-$fs'" /boot/grub/grub.cfg || { echo "no kernel $1 in GRUB's menu"; exit 1; }
grub-reboot "gnulinux-advanced-$fs>gnulinux-$1-advanced-$fs"`

// Reboot shuts the machine down and boots it with a kernel, named by its
// release and chosen once; with "" GRUB boots what it does by default.
func (m *VM) Reboot(kernel string) {
	m.t.Helper()
	if kernel != "" {
		m.Run("sh", "-ec", choose, "sh", kernel)
	}
	m.off("systemctl", "reboot")
	m.start()
	if runs := strings.TrimSpace(m.Run("uname", "-r")); kernel != "" && runs != kernel {
		m.fail("GRUB was told to boot " + kernel + ", and " + runs + " runs")
	}
}

// Stop shuts the machine down.
func (m *VM) Stop() {
	m.t.Helper()
	m.off("systemctl", "poweroff")
}

// off runs a program that ends the machine, and waits for that.
func (m *VM) off(args ...string) {
	m.t.Helper()
	m.send(args...)
	select {
	case <-m.gone:
	case <-time.After(stopLimit):
		m.fail(fmt.Sprintf("%v does not end the machine in %v", args, stopLimit))
	}
}

// kill pulls the plug.
func (m *VM) kill() {
	if m.gone == nil {
		return
	}
	_ = m.qemu.Process.Kill()
	<-m.gone
}
