package apt

import (
	"io/fs"
)

// frontend is the lock that apt and its kin hold while they work.
const frontend = "/var/lib/dpkg/lock-frontend"

func fsReadDir(fsys fs.FS, name string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
