package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/lifecycle"
	"github.com/lockfast/lockfast/internal/policy"
	"github.com/lockfast/lockfast/internal/result"
)

// version and commit are set by the linker: -X main.version=… -X main.commit=…
var (
	version = "0.1.0-dev"
	commit  = ""
)

// tool is this program as reports name it.
func tool() result.Tool {
	return result.Tool{Name: "lockfast", Version: version, Commit: builtFrom()}
}

// builtFrom is the commit, from the linker or else from Go's own stamp.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// versionDocument is what version --json prints.
type versionDocument struct {
	Schema   string            `json:"schema"`
	Version  string            `json:"version"`
	Commit   string            `json:"commit"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Schemas  map[string]string `json:"schemas"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit, Go and the formats this program speaks",
		Long: `Print the program's version, the commit it was built from, the Go version, and
the number of every format it reads or writes.

EXIT STATUS
  0  always`,
		Example: `  lockfast version
  lockfast version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	doc := versionDocument{
		Schema: "lockfast.version/1", Version: version, Commit: builtFrom(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Schemas: map[string]string{
			"scan": result.ScanSchema, "error": errorSchema, "advisory store": fmt.Sprintf("lockfast.store/%d", advisory.StoreFormat),
			"configuration": config.Schema, "waivers": policy.WaiverSchema, "lifecycles": lifecycle.Schema,
		},
	}
	if a.json {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		return e.Encode(doc)
	}
	shown := doc.Commit
	if shown == "" {
		shown = "not recorded"
	}
	_, err := fmt.Fprintf(a.stdout, "lockfast %s\ncommit   %s\ngo       %s\nplatform %s\n", doc.Version, shown, doc.Go, doc.Platform)
	for _, name := range []string{"scan", "error", "advisory store", "configuration", "waivers", "lifecycles"} {
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "format   %-14s %s\n", name, doc.Schemas[name])
		}
	}
	return err
}
