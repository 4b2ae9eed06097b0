package courier

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// peer says who is at the other end: unix(7), SO_PEERCRED.
func peer(conn *net.UnixConn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		cred, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return 0, err
	}
	if failure != nil {
		return 0, failure
	}
	return cred.Uid, nil
}

// passing is the message that brings an open file along: unix(7), SCM_RIGHTS.
func passing(file *os.File) ([]byte, error) { return unix.UnixRights(int(file.Fd())), nil }

func passedSpace() int { return unix.CmsgSpace(maxPassed * 4) }

// passed takes the open files out of a message.
func passed(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("cannot read what came with the answer: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // something else than files
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "file of the courier"))
		}
	}
	return files, nil
}
