package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "rewrite docs/man")

// everyCommand visits all commands that do something.
func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	if cmd.Name() == "help" {
		return
	}
	visit(cmd)
	for _, c := range cmd.Commands() {
		everyCommand(c, visit)
	}
}

func TestHelpSaysStatusAndExamples(t *testing.T) {
	seen := 0
	everyCommand((&app{}).root(), func(c *cobra.Command) {
		if !c.Runnable() {
			return // a topic
		}
		seen++
		if !strings.Contains(c.Long, "EXIT STATUS") {
			t.Errorf("%s --help does not say EXIT STATUS", c.CommandPath())
		}
		if c.Example == "" {
			t.Errorf("%s --help has no example", c.CommandPath())
		}
	})
	if seen < 5 {
		t.Errorf("only %d commands were found", seen)
	}
}

// TestManPages compares docs/man with what the commands say; -update rewrites.
func TestManPages(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "man")
	date := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	everyCommand((&app{}).root(), func(c *cobra.Command) {
		if strings.Contains(c.CommandPath(), "completion") {
			return
		}
		c.DisableAutoGenTag = true
		var page bytes.Buffer
		if err := doc.GenMan(c, &doc.GenManHeader{Title: strings.ToUpper(c.CommandPath()), Section: "1", Source: "Lockfast", Manual: "Lockfast", Date: &date}, &page); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(want, page.Bytes()) {
			t.Errorf("%s is not what --help says: run make golden (%v)", path, err)
		}
	})
}
