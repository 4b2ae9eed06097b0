package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// maxLinks limits how many open files are looked at, over all processes.
const maxLinks = 4 << 20

// holders says which processes have which sockets open.
type holders struct {
	pids   map[uint64][]int // inode → processes, ascending
	hidden int              // processes whose open files may not be listed
	spaces map[string]bool  // network namespaces other than ours
	cut    bool             // maxLinks was reached
}

// findHolders looks through the open files of all processes for the sockets
// wanted. A process that ends meanwhile is no error.
func findHolders(ctx context.Context, fsys fs.FS, wanted map[uint64]bool) (*holders, error) {
	entries, err := fs.ReadDir(fsys, "proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	h := &holders{pids: map[uint64][]int{}, spaces: map[string]bool{}}
	own, _ := fs.ReadLink(fsys, "proc/self/ns/net")
	left := maxLinks
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped while looking for the owners of sockets: %w", err)
		}
		space, err := fs.ReadLink(fsys, "proc/"+e.Name()+"/ns/net")
		if err == nil && own != "" && space != own {
			h.spaces[space] = true
			// Its own sockets are elsewhere, but it may have been handed ours.
		}
		left -= h.process(fsys, pid, wanted, left)
		if left <= 0 {
			h.cut = true
			break
		}
	}
	for inode := range h.pids {
		slices.Sort(h.pids[inode])
		h.pids[inode] = slices.Compact(h.pids[inode])
	}
	return h, nil
}

// process looks at the open files of one process, at most limit of them, and
// returns how many it looked at.
func (h *holders) process(fsys fs.FS, pid int, wanted map[uint64]bool, limit int) int {
	dir := "proc/" + strconv.Itoa(pid) + "/fd"
	files, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrPermission) {
		h.hidden++
	}
	for i, f := range files {
		if i >= limit {
			return i
		}
		target, err := fs.ReadLink(fsys, dir+"/"+f.Name())
		if err != nil {
			continue // closed meanwhile
		}
		number, ok := strings.CutPrefix(target, "socket:[")
		if !ok {
			continue
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if err == nil && wanted[inode] {
			h.pids[inode] = append(h.pids[inode], pid)
		}
	}
	return len(files)
}

// main is the process to name as a socket's owner: the first that holds it.
// systemd, which hands sockets on to the service they start, comes last. 0 when
// no process was seen to hold it.
func (h *holders) main(inode uint64) int {
	pids := h.pids[inode]
	switch {
	case len(pids) == 0:
		return 0
	case pids[0] == 1 && len(pids) > 1:
		return pids[1]
	}
	return pids[0]
}
