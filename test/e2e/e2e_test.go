//go:build e2e

// Package e2e_test drives the built program against real hosts.
package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lockfast-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "lockfast")
		build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../cmd/lockfast")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "cannot build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// lockfast runs the program and returns its exit code.
func lockfast(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return out.String(), errOut.String(), code
}

// scan scans an unpacked root.
func scan(t *testing.T, root string, args ...string) (*result.Scan, int) {
	t.Helper()
	out, errOut, code := lockfast(t, append([]string{"scan", "--json", "--root", root}, args...)...)
	return decode(t, out, errOut), code
}

func decode(t *testing.T, out, errOut string) *result.Scan {
	t.Helper()
	var s result.Scan
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.Schema != result.ScanSchema {
		t.Fatalf("no scan document: %v\n%.2000s\n%s", err, out, errOut)
	}
	return &s
}

// open lists the binary packages of open findings.
func open(s *result.Scan) []string {
	var names []string
	for _, f := range s.Findings {
		if f.Status == result.StatusOpen {
			names = append(names, f.Packages...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func findingOf(s *result.Scan, pkg string) *result.Finding {
	for i := range s.Findings {
		if slices.Contains(s.Findings[i].Packages, pkg) {
			return &s.Findings[i]
		}
	}
	return nil
}

// unknownOf returns the entry of unknown that names a package with ids.
func unknownOf(s *result.Scan, pkg string) *result.Unknown {
	for i := range s.Unknown {
		if slices.Contains(s.Unknown[i].Packages, pkg) && len(s.Unknown[i].IDs) > 0 {
			return &s.Unknown[i]
		}
	}
	return nil
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
