package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// States of broken packages.
const (
	stateDuplicate = "installed twice"
	stateHalf      = "half-installed"
	stateDatabase  = "damaged"
)

// Audit lists packages that are installed twice, which is what a run leaves that
// ends between a new version and the removal of the old one, and a damaged
// database.
func (b *backend) Audit(ctx context.Context) ([]patch.Broken, error) {
	result, err := b.rpm(ctx, "rpmdb", "--verifydb")
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return []patch.Broken{{Package: "rpm's database", State: stateDatabase}}, nil
	}
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	twice, err := b.duplicates(ctx, db)
	if err != nil {
		return nil, err
	}
	var broken []patch.Broken
	for _, k := range twice {
		broken = append(broken, patch.Broken{Package: k.name, State: stateDuplicate})
	}
	return broken, nil
}

// duplicates are packages of which there are several versions, but may not.
func (b *backend) duplicates(ctx context.Context, db database) ([]key, error) {
	var several []key
	for k, all := range db {
		if len(all) > 1 {
			several = append(several, k)
		}
	}
	if len(several) == 0 {
		return nil, nil
	}
	beside, err := b.sideBySide(ctx)
	if err != nil {
		return nil, err
	}
	several = slices.DeleteFunc(several, func(k key) bool { return beside[k.name] })
	slices.SortFunc(several, func(a, b key) int { return strings.Compare(a.String(), b.String()) })
	return several, nil
}

// sideBySide are the packages that zypp.conf lets stay in several versions:
// "multiversion = provides:multiversion(kernel)".
func (b *backend) sideBySide(ctx context.Context) (map[string]bool, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	names := map[string]bool{}
	capabilities := []string{"multiversion(kernel)"}
	for _, file := range []string{"etc/zypp/zypp.conf", "usr/etc/zypp/zypp.conf"} {
		data, err := hostfs.ReadLimited(host, file, confLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot see which packages may be installed twice: %w", err)
		}
		for _, word := range multiversion(string(data)) {
			if provides, ok := strings.CutPrefix(word, "provides:"); ok {
				capabilities = append(capabilities, provides)
			} else {
				names[word] = true
			}
		}
	}
	slices.Sort(capabilities)
	for _, c := range slices.Compact(capabilities) {
		result, err := b.rpm(ctx, "rpm", "-q", "--whatprovides", c, "--qf", `%{NAME}\n`)
		if err != nil {
			return nil, err
		}
		if result.Code != 0 {
			continue // none does
		}
		for name := range strings.FieldsSeq(string(result.Stdout)) {
			names[name] = true
		}
	}
	return names, nil
}

func multiversion(conf string) []string {
	var words []string
	for line := range strings.Lines(conf) {
		option, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(option) == "multiversion" {
			words = append(words, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })...)
		}
	}
	return words
}
