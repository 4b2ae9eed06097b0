package zypper

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// signature is what rpmkeys found in a package file.
type signature int

const (
	unsigned signature = iota // digests only, and they are right
	signed                    // signed with a key that rpm knows
)

var errBadSignature = errors.New("its signature is wrong, or the key is not known to rpm: compare the key with the vendor's, then rpm --import it")

// signatures checks package files. A file with a wrong digest, a wrong
// signature or one of an unknown key is an error.
func (b *backend) signatures(ctx context.Context, paths []string) (map[string]signature, error) {
	found := map[string]signature{}
	const batch = 100
	for len(paths) > 0 {
		n := min(batch, len(paths))
		result, err := b.rpm(ctx, "rpmkeys", append([]string{"--checksig"}, paths[:n]...)...)
		if err != nil {
			return nil, err
		}
		if err := parseSignatures(string(result.Stdout), paths[:n], found); err != nil {
			return nil, err
		}
		if result.Code != 0 {
			return nil, failed("rpmkeys --checksig", result.Code, oneLine(string(result.Stderr)))
		}
		paths = paths[n:]
	}
	return found, nil
}

// parseSignatures reads one line for each path: "PATH: digests signatures OK",
// "PATH: digests OK", "PATH: digests SIGNATURES NOT OK".
func parseSignatures(text string, paths []string, found map[string]signature) error {
	lines := strings.Split(text, "\n")
	for _, path := range paths {
		verdict := ""
		for _, line := range lines {
			if rest, ok := strings.CutPrefix(line, path+":"); ok {
				verdict = strings.TrimSpace(rest)
			}
		}
		words := strings.Fields(verdict)
		switch {
		case verdict == "":
			return fmt.Errorf("rpmkeys said nothing of %s", path)
		case strings.Contains(verdict, "NOT OK"):
			return fmt.Errorf("%s: %w (%s)", path, errBadSignature, verdict)
		case len(words) == 3 && words[0] == "digests" && words[1] == "signatures" && words[2] == "OK":
			found[path] = signed
		case len(words) == 2 && words[0] == "digests" && words[1] == "OK":
			found[path] = unsigned
		default:
			return fmt.Errorf("cannot read what rpmkeys said of %s: %q", path, oneLine(verdict))
		}
	}
	return nil
}

// needsSignature reports whether a package file of this repository must itself
// be signed: where the metadata are, their digest vouches for it, unless the
// site wants both.
func (r *repo) needsSignature() bool {
	return r.PkgGPGCheck == "1" || r.GPGCheck == "1" && r.RepoGPGCheck != "1"
}
