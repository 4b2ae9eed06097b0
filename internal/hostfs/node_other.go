//go:build !linux

package hostfs

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func unsupported(path string) error {
	return fmt.Errorf("change %s: %w on this system", path, errors.ErrUnsupported)
}

// Node is not supported on this system.
func (*Tree) Node(path string) (Node, error) { return Node{}, unsupported(path) }

// Open is not supported on this system.
func (*Tree) Open(path string) (*os.File, error) { return nil, unsupported(path) }

// Names is not supported on this system.
func (*Tree) Names(path string) ([]string, error) { return nil, unsupported(path) }

// Put is not supported on this system.
func (*Tree) Put(path, _ string, _ Node, _ io.Reader) error { return unsupported(path) }

// Adjust is not supported on this system.
func (*Tree) Adjust(path string, _ Node) error { return unsupported(path) }

// Remove is not supported on this system.
func (*Tree) Remove(path string) error { return unsupported(path) }

// WriteKernel is not supported on this system.
func (*Tree) WriteKernel(path, _ string) error { return unsupported(path) }
