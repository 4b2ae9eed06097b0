//go:build !linux

package courier

import (
	"errors"
	"net"
	"os"
)

func peer(*net.UnixConn) (uint32, error) { return 0, errors.ErrUnsupported }

func passing(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }

func passedSpace() int { return 0 }

func passed([]byte) ([]*os.File, error) { return nil, nil }
