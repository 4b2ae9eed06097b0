package rpm

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/inventory"
)

// format is one line a package; no value of rpm's has a tab or a line feed.
const format = `%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{MODULARITYLABEL}\t%{VENDOR}\n`

// none is how rpm prints a tag that is not there.
const none = "(none)"

// query asks rpm for all packages, of the database in dbpath, "" for the
// host's own.
func query(ctx context.Context, run hostexec.Runner, dbpath string) ([]inventory.Package, error) {
	args := []string{"-qa", "--queryformat", format}
	if dbpath != "" {
		args = append([]string{"--dbpath", dbpath}, args...)
	}
	r, err := run.Run(ctx, hostexec.Cmd{Name: "rpm", Args: args})
	if err != nil {
		return nil, err
	}
	if r.Code != 0 || len(bytes.TrimSpace(r.Stderr)) > 0 {
		first, _, _ := strings.Cut(strings.TrimSpace(string(r.Stderr)), "\n")
		return nil, fmt.Errorf("rpm -qa ended with %d: %s", r.Code, first)
	}
	return parseQuery(r.Stdout)
}

func parseQuery(out []byte) ([]inventory.Package, error) {
	var list []inventory.Package
	number := 0
	for line := range bytes.Lines(out) {
		number++
		values := strings.Split(strings.TrimSuffix(string(line), "\n"), "\t")
		if len(values) != 8 {
			return nil, fmt.Errorf("rpm -qa, line %d: %d values instead of 8", number, len(values))
		}
		for i := range values {
			if values[i] == none {
				values[i] = ""
			}
		}
		if values[0] == keyPackage {
			continue
		}
		p, err := fields{values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]}.toPackage()
		if err != nil {
			return nil, fmt.Errorf("rpm -qa, line %d: %w", number, err)
		}
		list = append(list, p)
	}
	return list, nil
}
