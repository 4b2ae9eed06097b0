package socket

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of one table: a busy server has some 100,000 connections of 150 bytes.
const (
	maxTable = 512 << 20 // bytes
	maxLine  = 64 << 10  // bytes
)

// States as the kernel prints them (include/net/tcp_states.h).
const (
	stateListen = "0A"
	stateClose  = "07" // an unconnected UDP socket
)

// Entry is a socket that waits for others to speak first.
type Entry struct {
	Protocol string // "tcp", "tcp6", "udp", "udp6", "sctp"
	Address  netip.Addr
	Port     uint16
	Inode    uint64
}

// ParseTable reads /proc/net/tcp, tcp6, udp, udp6, udplite or udplite6 and
// returns the sockets that listen. protocol is what the entries are called;
// name is used in errors, which say the line.
func ParseTable(r io.Reader, protocol, name string) ([]Entry, error) {
	want := stateListen
	if strings.HasPrefix(protocol, "udp") {
		want = stateClose
	}
	var list []Entry
	err := eachLine(r, name, func(line string) error {
		e, state, err := parseLine(line)
		if err != nil || state != want || e.Port == 0 {
			return err
		}
		e.Protocol = protocol
		list = append(list, e)
		return nil
	})
	return list, err
}

// eachLine calls f for each line behind the header.
func eachLine(r io.Reader, name string, f func(line string) error) error {
	limited := &io.LimitedReader{R: r, N: maxTable}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		if number == 1 || strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		if err := f(lines.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, number+1, err)
	}
	if limited.N <= 0 {
		return fmt.Errorf("%s: larger than %d bytes", name, maxTable)
	}
	return nil
}

// parseLine reads "sl local remote state queues timer retransmits uid timeout
// inode …". An unconnected socket's state is only returned if its remote
// address is nothing.
func parseLine(line string) (e Entry, state string, err error) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return e, "", fmt.Errorf("%.80q has %d fields, not 10", line, len(fields))
	}
	e.Address, e.Port, err = parseAddress(fields[1])
	if err != nil {
		return e, "", err
	}
	remote, port, err := parseAddress(fields[2])
	if err != nil {
		return e, "", err
	}
	e.Inode, err = strconv.ParseUint(fields[9], 10, 64)
	if err != nil {
		return e, "", fmt.Errorf("inode %.40q is no number", fields[9])
	}
	if !remote.IsUnspecified() || port != 0 {
		return e, "connected", nil
	}
	return e, fields[3], nil
}

// parseAddress reads "0100007F:1F90": 32-bit words of the address as this
// machine would print them, and the port.
func parseAddress(text string) (netip.Addr, uint16, error) {
	address, port, ok := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	raw, err2 := hex.DecodeString(address)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.Addr{}, 0, fmt.Errorf("%.80q is no address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw) // 4 or 16 bytes always are one
	return addr.Unmap(), uint16(number), nil
}

// ParseSCTP reads /proc/net/sctp/eps: "endpoint sock style state bucket port
// uid inode addresses…". name is used in errors.
func ParseSCTP(r io.Reader, name string) ([]Entry, error) {
	const listening = "10" // SCTP_SS_LISTENING
	var list []Entry
	err := eachLine(r, name, func(line string) error {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			return fmt.Errorf("%.80q has %d fields, not 8", line, len(fields))
		}
		port, err1 := strconv.ParseUint(fields[5], 10, 16)
		inode, err2 := strconv.ParseUint(fields[7], 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("port %.40q, inode %.40q are no numbers", fields[5], fields[7])
		}
		if fields[3] != listening {
			return nil
		}
		for _, text := range fields[8:] {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("%.80q is no address", text)
			}
			list = append(list, Entry{Protocol: "sctp", Address: addr.Unmap(), Port: uint16(port), Inode: inode})
		}
		return nil
	})
	return list, err
}
