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

// filesFormat is one line a file: package, path.
const filesFormat = `[%{=NAME}\t%{FILENAMES}\n]`

// maxFiles bounds the list of all files; a large desktop has 40 MB.
const maxFiles = 512 << 20

// none is how rpm prints a tag that is not there.
const none = "(none)"

// query asks rpm for all packages, of the database in dbpath, "" for the
// host's own.
func query(ctx context.Context, run hostexec.Runner, dbpath string) ([]inventory.Package, error) {
	args := []string{"-qa", "--queryformat", format}
	if dbpath != "" {
		args = append([]string{"--dbpath", dbpath}, args...)
	}
	out, err := runRPM(ctx, run, args...)
	if err != nil {
		return nil, err
	}
	return parseQuery(out)
}

// runRPM runs rpm and returns what it printed. A record that rpm skips it
// reports as an error on stderr, with exit code 0: that is a failure. Its
// warnings, such as one for each database in an older format, are none.
func runRPM(ctx context.Context, run hostexec.Runner, args ...string) ([]byte, error) {
	r, err := run.Run(ctx, hostexec.Cmd{Name: "rpm", Args: args, MaxOutput: maxFiles})
	if err != nil {
		return nil, err
	}
	complaint := ""
	for line := range strings.Lines(string(r.Stderr)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "warning: ") {
			complaint = line
			break
		}
	}
	if r.Code != 0 || complaint != "" {
		return nil, fmt.Errorf("rpm -qa ended with %d: %s", r.Code, complaint)
	}
	return r.Stdout, nil
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
