package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lockfast/lockfast/content"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/lifecycle"
	"github.com/lockfast/lockfast/internal/policy"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
)

// Where state and the store lie unless settings say otherwise.
const (
	defaultStore   = "/var/lib/lockfast/advisories.store"
	defaultState   = "/var/lib/lockfast"
	defaultWaivers = "/etc/lockfast/waivers.yaml"
)

// scanFlags are the flags of scan as typed.
type scanFlags struct {
	root, advisories, maxDataAge, format, output, failOn, waivers, state string
	acceptPartial, fixable, changelogs, diff, all                        bool
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Say which security fixes are missing here, and which matter most",
		Long: `Scan this host (or an unpacked one, with --root) and list the security fixes
that are missing, the most urgent first, one line per fix: what to update,
which CVEs it repairs, whether they are known to be exploited, whether the code
runs and can be reached over the network, and for how many days the fix has
existed. Nothing on the host is changed.

Evidence comes from the advisory store (see "lockfast advisories") and from the
package manager's own security metadata. Without a store the latter stand
alone, and the report says so. What could not be looked at is listed as unknown
and is never counted as "none".

EXIT STATUS
  0  done; no finding is over --fail-on
  1  findings are over --fail-on
  2  usage error
  3  could not look, or data are missing, stale, damaged or partial, or it
     cannot be said whether --fail-on applies; wins over 1`,
		Example: `  lockfast scan
  lockfast scan --format html -o report.html
  lockfast scan --json --fail-on exploited
  lockfast scan --root /mnt/image --advisories advisories.store --accept-partial`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.scan(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.root, "root", "", "look at an unpacked host below this folder instead of the running one")
	flags.StringVar(&f.advisories, "advisories", "auto", "advisory store; auto: the configured one, else "+defaultStore+" if it is there; none: package manager's evidence only")
	flags.StringVar(&f.maxDataAge, "max-data-age", "", "data older than this are stale: exit 3 (default 7d)")
	flags.BoolVar(&f.acceptPartial, "accept-partial", false, "do not exit 3 because advisories are partial or absent for this release; the report still says what is missing")
	flags.StringVarP(&f.format, "format", "f", "", "one of "+formatNames()+" (default table)")
	flags.StringVarP(&f.output, "output", "o", "", "write the report to this file (replaced as a whole)")
	flags.StringVar(&f.failOn, "fail-on", "", "exit 1 on findings that are critical, high (or worse), exploited, or any")
	flags.BoolVar(&f.fixable, "fixable", false, "list only what has a fix")
	flags.BoolVar(&f.all, "all", false, "list everything the table would cut short")
	flags.BoolVar(&f.changelogs, "changelogs", false, "fetch changelogs of pending updates through the package manager to name their CVEs (uses the network)")
	flags.StringVar(&f.waivers, "waivers", "", "file of accepted findings (default "+defaultWaivers+", if it is there)")
	flags.BoolVar(&f.diff, "diff", false, "say what is new and gone since the last scan with --diff, and remember this one")
	flags.StringVar(&f.state, "state", "", "folder for what --diff remembers (default "+defaultState+")")
	_ = cmd.MarkFlagDirname("root")
	return cmd
}

func formatNames() string {
	names := make([]string, 0, len(report.Formats()))
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func (a *app) scan(ctx context.Context, f scanFlags) error {
	debug.SetGCPercent(400) // a scan lives for a blink and allocates some 20 MiB: collecting twice instead of eight times saves a quarter of its CPU time
	format, err := a.reportFormat(f.format)
	if err != nil {
		return err
	}
	options, err := a.scanOptions(f)
	if err != nil {
		return err
	}
	scan, err := secure.Scan(ctx, options)
	if err != nil {
		return err
	}
	if err := a.writeReport(f, format, scan); err != nil {
		return err
	}
	a.code = scan.Exit.Code
	a.explainExit(scan, f)
	return nil
}

func (a *app) reportFormat(name string) (report.Format, error) {
	switch {
	case name == "" && a.json:
		return report.Format("json"), nil
	case name == "":
		return report.Format("table"), nil
	case a.json && name != "json":
		return "", usagef("--json and --format %s contradict each other", name)
	case !slices.Contains(report.Formats(), report.Format(name)):
		return "", usagef("--format %q: want one of %s", name, formatNames())
	}
	return report.Format(name), nil
}

func (a *app) scanOptions(f scanFlags) (secure.ScanOptions, error) {
	o := secure.ScanOptions{
		Root: f.root, Fixable: f.fixable, Changelogs: f.changelogs, Now: time.Now().UTC(), Tool: tool(),
		AcceptPartial: f.acceptPartial || a.config.AcceptPartial,
	}
	var err error
	if o.FailOn, err = secure.ParseFailOn(f.failOn); err != nil {
		return o, usagef("%v", err)
	}
	if o.MaxDataAge, err = a.maxDataAge(f.maxDataAge); err != nil {
		return o, err
	}
	if o.Store, err = a.storePath(f.advisories); err != nil {
		return o, err
	}
	if o.Waivers, err = a.waivers(f.waivers); err != nil {
		return o, err
	}
	if f.diff {
		o.History = cmp.Or(f.state, a.config.State, defaultState)
	}
	o.Lifecycles, err = lifecycle.Parse(content.Lifecycles)
	return o, err
}

// storePath resolves --advisories. A store that is named, here or in the
// configuration, must exist; only the default place may be empty.
func (a *app) storePath(flag string) (string, error) {
	switch flag {
	case "none":
		return "", nil
	case "":
		return "", usagef("--advisories: name a store file, auto or none")
	case "auto":
	default:
		return flag, nil
	}
	if a.config.Advisories != "" {
		return a.config.Advisories, nil
	}
	_, err := os.Stat(defaultStore)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return defaultStore, nil
}

func (a *app) waivers(flag string) ([]policy.Waiver, error) {
	path := cmp.Or(flag, a.config.Waivers)
	optional := path == ""
	if optional {
		path = defaultWaivers
	}
	file, err := os.Open(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, usagef("cannot read waivers: %v", err)
	}
	defer func() { _ = file.Close() }()
	list, err := policy.ParseWaivers(file)
	if err != nil {
		return nil, usagef("waivers %s: %v", path, err)
	}
	return list, nil
}

func (a *app) writeReport(f scanFlags, format report.Format, scan *result.Scan) error {
	options := report.Options{All: f.all}
	if f.output != "" {
		err := hostfs.Replace(f.output, 0o644, func(w io.Writer) error { return report.Write(w, format, scan, options) })
		if err != nil {
			return fmt.Errorf("cannot write report: %w", err)
		}
		return nil
	}
	if file, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		options.Color = !slices.ContainsFunc(a.environ, func(e string) bool { return strings.HasPrefix(e, "NO_COLOR=") && e != "NO_COLOR=" })
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			options.Width = width
		}
	}
	if err := report.Write(a.stdout, format, scan, options); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}

// explainExit says on stderr why the exit code is not 0, for those who read
// only the end of a log.
func (a *app) explainExit(scan *result.Scan, f scanFlags) {
	if scan.Exit.Code == codeDone || f.output == "" && !a.json && (f.format == "" || f.format == "table") {
		return
	}
	for _, reason := range scan.Exit.Reasons {
		_, _ = fmt.Fprintf(a.stderr, "lockfast: exit %d: %s\n", scan.Exit.Code, reason)
	}
}
