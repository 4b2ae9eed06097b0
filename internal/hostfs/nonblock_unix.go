//go:build unix

package hostfs

import "golang.org/x/sys/unix"

// nonBlock keeps opening a pipe from waiting for its other end.
const nonBlock = unix.O_NONBLOCK
