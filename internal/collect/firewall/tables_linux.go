package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Messages of nftables' netlink interface (linux/netfilter/nf_tables.h).
const (
	subsystem = 10 << 8 // NFNL_SUBSYS_NFTABLES
	newTable  = subsystem
	getTable  = subsystem | 1
	header    = 16 // bytes of struct nlmsghdr
	generic   = 4  // bytes of struct nfgenmsg: family, version, resource
)

// countTables asks the kernel how many tables nftables has. Only root may.
func countTables() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if errors.Is(err, unix.EPROTONOSUPPORT) { // a kernel without packet filters
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot ask it: %w", err)
	}
	defer func() { _ = unix.Close(fd) }() // nothing to lose
	timeout := unix.Timeval{Sec: 5}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return 0, fmt.Errorf("cannot ask it: %w", err)
	}
	request := make([]byte, header+generic)
	binary.NativeEndian.PutUint32(request, header+generic)
	binary.NativeEndian.PutUint16(request[4:], getTable)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("cannot ask it: %w", err)
	}
	return countAnswers(fd)
}

func countAnswers(fd int) (int, error) {
	count := 0
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return 0, fmt.Errorf("it does not answer: %w", err)
		}
		for data := buf[:n]; len(data) >= header; {
			length := int(binary.NativeEndian.Uint32(data))
			if length < header || length > len(data) {
				return 0, fmt.Errorf("its answer is damaged")
			}
			switch binary.NativeEndian.Uint16(data[4:]) {
			case newTable:
				count++
			case unix.NLMSG_DONE:
				return count, nil
			case unix.NLMSG_ERROR:
				return 0, refusal(data[header:length])
			default: // notices of other kinds do not count
			}
			data = data[min(len(data), (length+3)&^3):]
		}
	}
}

// refusal turns an error message into an error. An invalid request is one to a
// kernel that has packet filters, but not nftables: then it has no tables.
func refusal(body []byte) error {
	if len(body) < 4 {
		return fmt.Errorf("its answer is damaged")
	}
	code := -int32(binary.NativeEndian.Uint32(body))                  //nolint:gosec // errors are small negative numbers, put into unsigned ones
	if errno := syscall.Errno(code); !errors.Is(errno, unix.EINVAL) { //nolint:gosec // as above
		return fmt.Errorf("it refuses: %w", errno)
	}
	return nil
}
