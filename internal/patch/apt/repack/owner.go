package repack

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// maxName is how long a name of a user can be in a tar header.
const maxName = 31

// owner is who a file belongs to.
type owner struct {
	uid, gid int
	shared   bool // the file has other names
	inode    inode
}

// inode identifies a file.
type inode struct{ dev, ino uint64 }

// namesOf reads passwd(5) or group(5), number to name. dpkg prefers the name,
// so that an archive fits a host with other numbers; a user whom a directory
// service knows has a number only.
func namesOf(root Root, file string) (map[int]string, error) {
	names := map[int]string{}
	data, err := hostfs.ReadLimited(root, file, maxInfo)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the names of owners: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		w := strings.Split(line, ":")
		if len(w) < 3 || len(w[0]) > maxName {
			continue
		}
		if id, err := strconv.Atoi(w[2]); err == nil && names[id] == "" {
			names[id] = w[0]
		}
	}
	return names, nil
}
