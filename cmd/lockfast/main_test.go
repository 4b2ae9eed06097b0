package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts below start lockfast as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockfast": func() {
			os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.Environ()))
		},
	})
}

// TestScripts types what users type: test/scripts holds one file a topic.
func TestScripts(t *testing.T) {
	dir := filepath.Join("..", "..", "test", "scripts")
	if found, err := filepath.Glob(filepath.Join(dir, "*.txtar")); err != nil || len(found) == 0 {
		t.Fatalf("no scripts were found in %s: %v", dir, err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			// Scripts write records of "today" by these.
			now := time.Now().UTC()
			env.Setenv("TODAY", now.Format(time.RFC3339))
			env.Setenv("DAYS30", now.AddDate(0, 0, -30).Format(time.RFC3339))
			env.Setenv("DAYS400", now.AddDate(0, 0, -400).Format(time.RFC3339))
			env.Setenv("TOMORROW", now.AddDate(0, 0, 1).Format(time.DateOnly))
			env.Setenv("YESTERDAY", now.AddDate(0, 0, -1).Format(time.DateOnly))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "expand": expand},
	})
}

// exits CODE lockfast ARGS… checks the exit code; stdout and stderr are kept
// for the lines that follow.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var coded interface{ ExitCode() int }
		if !asExit(err, &coded) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = coded.ExitCode()
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// expand FILE… replaces ${NAME} in files by the script's variables.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}
