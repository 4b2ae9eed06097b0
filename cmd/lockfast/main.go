// Command lockfast gets a host secure and keeps it secure. See README.md.
//
// Each verb is a file cmd_<verb>.go: flags → one call into internal/secure or
// internal/feed → report → exit code.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // windows name time zones, and a small host may not have them

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/courier"
)

// Exit codes, a promise to scripts: docs/formats/exit-codes.md.
const (
	codeDone     = 0 // done, nothing over the threshold
	codeFindings = 1 // findings over --fail-on
	codeUsage    = 2 // usage, refused, or the user said no
	codeUnknown  = 3 // could not look, or data missing, stale, damaged, unverified

	codeRolledBack = 4 // a change failed and was rolled back
	codePerson     = 5 // a change failed and needs a person
	codeLocked     = 6 // another run holds the lock
	codeWaits      = 7 // done, but waits for a confirmation or a reboot
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if courier.IsMethod(os.Args) {
		code := aptMethod(ctx)
		stop()
		os.Exit(code)
	}
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}

// app is what every verb needs: where to print, and the settings.
type app struct {
	stdout, stderr io.Writer
	environ        []string
	configPath     string
	json           bool
	config         config.Config
	code           int // exit code of a verb that ended without an error
}

// run is main without the process: tests call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, environ []string) int {
	a := &app{stdout: stdout, stderr: stderr, environ: environ}
	root := a.root() //nolint:contextcheck // cobra hands the context to each command
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return a.code
	}
	return a.fail(err)
}

// exitError is an error that has an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{codeUsage, fmt.Errorf(format, args...)}
}

// fail prints an error once, as one line (or as JSON), and gives its exit
// code. An error without a code of its own means "could not look".
func (a *app) fail(err error) int {
	code := codeUnknown
	if coded, ok := errors.AsType[*exitError](err); ok {
		code = coded.code
	}
	message := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	if a.json {
		// Whoever asked for JSON parses stdout; the line for people goes to stderr all the same.
		_ = json.NewEncoder(a.stdout).Encode(errorDocument{Schema: errorSchema, Error: message, Code: code})
	}
	_, _ = fmt.Fprintf(a.stderr, "lockfast: %s\n", message)
	return code
}

const errorSchema = "lockfast.error/1"

type errorDocument struct {
	Schema string `json:"schema"`
	Error  string `json:"error"`
	Code   int    `json:"code"`
}

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lockfast",
		Short: "Get secure, stay secure",
		Long: `Lockfast closes the patch gap: the days between a fix and the moment it runs.

"scan" says which security fixes are missing on a host, which of them matter
most and why, and for how long the fixes have existed. "fix" brings them in as
one transaction, and "undo" takes it back exactly. "stay-secure" does all that
unattended, in maintenance windows.

EXIT STATUS
  0  done, nothing over the threshold
  1  findings over --fail-on
  2  usage error, or refused
  3  could not look, or data are missing, stale, damaged or partial
  4  a change failed and was rolled back
  5  a change failed and needs a person
  6  another run is changing the host
  7  done, but waits for a confirmation or a reboot`,
		Example: `  lockfast scan
  lockfast fix plan
  lockfast fix apply
  lockfast undo
  lockfast stay-secure --mode auto --window "Sun 02:00-05:00"`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON (also for errors)")
	cmd.PersistentFlags().StringVar(&a.configPath, "config", "", "configuration file (default "+config.Path+", if it is there)")
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%v; see %s --help", err, c.CommandPath())
	})
	cmd.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := c.ValidateFlagGroups(); err != nil {
			return usagef("%v; see %s --help", err, c.CommandPath())
		}
		return a.loadConfig()
	}
	cmd.AddCommand(a.scanCommand(), a.fixCommand(), a.undoCommand(), a.historyCommand(), a.recoverCommand(), a.staySecureCommand(), a.configCommand(), a.advisoriesCommand(), a.versionCommand())
	cmd.AddCommand(helpTopics()...)
	describeCompletion(cmd)
	strictArgs(cmd)
	return cmd
}

// strictArgs makes wrong arguments a usage error everywhere.
func strictArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%v; see %s --help", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		strictArgs(child)
	}
}

// loadConfig reads the configuration file and the LOCKFAST_ variables.
func (a *app) loadConfig() error {
	paths, err := a.configFiles()
	if err != nil {
		return usagef("cannot read configuration: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return usagef("cannot read configuration: %v", err)
		}
		if a.config, err = a.config.Layer(data); err != nil {
			return usagef("configuration %s: %v", path, err)
		}
	}
	a.config, err = a.config.Override(a.environ)
	if err != nil {
		return usagef("%v", err)
	}
	return nil
}

// configFiles are the files to read, in order: the one that is named, or else the
// usual one, if it is there, and the drop-ins.
func (a *app) configFiles() ([]string, error) {
	if a.configPath != "" {
		return []string{a.configPath}, nil
	}
	var paths []string
	if _, err := os.Lstat(config.Path); err == nil {
		paths = append(paths, config.Path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(config.DropIns)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(config.DropIns, name))
		}
	}
	slices.Sort(paths[min(1, len(paths)):])
	return paths, nil
}

// maxDataAge is the age past which data are stale.
func (a *app) maxDataAge(flag string) (time.Duration, error) {
	if flag != "" {
		d, err := config.ParseAge(flag)
		if err != nil {
			return 0, usagef("--max-data-age: %v", err)
		}
		return d, nil
	}
	if a.config.MaxDataAge != 0 {
		return time.Duration(a.config.MaxDataAge), nil
	}
	return 7 * 24 * time.Hour, nil
}
