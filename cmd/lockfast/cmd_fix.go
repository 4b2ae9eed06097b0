package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/content"
	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/planner"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
)

// fixFlags are the flags of fix as typed.
type fixFlags struct {
	changeFlags
	scan                                                          scanFlags
	all, minAgeKEV, refresh, noRefresh, offline, consent, listAll bool
	noNew                                                         bool
	only, exclude                                                 []string
	minAge, rate, restart, reboot, delay, message, probes, hooks  string
	output, saved                                                 string
}

const fixStatus = `

EXIT STATUS
  0  done, or nothing to do
  2  usage error, refused, or you said no: nothing was changed
  3  could not look, or data are missing, stale, damaged or partial
  4  it failed and was rolled back (or only what broke the host was)
  5  it failed and needs a person: the message says exactly what for
  6  another program is changing the host
  7  done, but it runs only after a reboot`

func (a *app) fixCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fix",
		Short: "Bring missing security updates in, as one transaction that can be undone",
		Long: `Plan, download and apply the security updates that close this host's findings.

Everything goes through one transaction: the versions now installed are kept
first, so that "lockfast undo" leads back without a network; what was running
and answering before is compared with what does afterwards; and if something
broke, the package that broke it is found and only that one is taken back.` + fixStatus,
		Example: `  lockfast fix plan
  lockfast fix download
  lockfast fix apply --yes
  lockfast undo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.fixPlanCommand(), a.fixDownloadCommand(), a.fixApplyCommand())
	return cmd
}

func (a *app) fixPlanCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what would be updated and why, and what would stay open",
		Long: `Say what would be updated, from and to which version and why, what has to be
downloaded, which services run replaced code, whether a reboot is needed, which
packages could not be taken back, and every finding that the plan does not close
with the reason. Nothing on the host is changed.

Security updates only, unless --all is given. New packages are installed where an
update needs them, so that kernels are not kept back; nothing is ever removed.` + fixStatus,
		Example: `  lockfast fix plan
  lockfast fix plan --only CVE-2026-1234
  lockfast fix plan --min-age 3d --exclude 'postgresql-*'
  lockfast fix plan --json -o plan.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.fixPlan(cmd.Context(), f) },
	}
	f.choose(cmd)
	cmd.Flags().BoolVar(&f.refresh, "refresh", false, "bring the package manager's lists up to date first (needs root and the network)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write the plan to this file (replaced as a whole)")
	return cmd
}

func (a *app) fixDownloadCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "download",
		Short: "Fetch all package files, those that lead back too, and install nothing",
		Long: `Fetch the package files of the updates, and those of the versions that are
installed now, into Lockfast's own cache, each verified by its SHA-256 against the
archive's signed lists. An interrupted download is resumed. "fix apply --offline"
then needs no network. What no archive has any more is repacked from the
installed files and labelled so.` + fixStatus,
		Example: `  lockfast fix download
  lockfast fix download --rate-limit 500k
  lockfast fix apply --offline --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.fixDownload(cmd.Context(), f) },
	}
	f.choose(cmd)
	f.fetch(cmd)
	return cmd
}

func (a *app) fixApplyCommand() *cobra.Command {
	var f fixFlags
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Download and install the updates, check the host, and scan it again",
		Long: `Apply the updates in one transaction. The plan is shown and you are asked, unless
--yes is given. Then: package files are downloaded and verified; services and
URLs are asked, twice, what they answer now; the package manager installs, in a
unit of its own that outlives lockfast; services that run replaced code are
restarted; the services are asked again, and the host is scanned again.

If a service or URL does not work any more, the package that broke it is found
and taken back, the others stay (exit 4). A version that would reopen a known
exploited hole that is exposed here is never restored without a person (exit 5).
Configuration files that you changed are kept, and it is said which.

Programs in ` + secure.DefaultHooks + ` run before and after ("pre-fix", "post-fix").` + fixStatus,
		Example: `  lockfast fix apply
  lockfast fix apply --yes --restart all --reboot when-needed --reboot-delay 5m
  lockfast fix apply --offline --yes
  lockfast fix plan --json -o plan.json && lockfast fix apply --plan plan.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.fixApply(cmd.Context(), f) },
	}
	f.choose(cmd)
	f.fetch(cmd)
	f.confirmation(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.consent, "accept-one-way", false, "agree to updates that cannot be undone, or not safely; the plan names them")
	flags.StringVar(&f.restart, "restart", "safe", "restart what runs replaced code: never, safe (services known to come back), all (never dbus or init: these need a reboot)")
	flags.StringVar(&f.reboot, "reboot", "never", "restart the host: never, or when-needed")
	flags.StringVar(&f.delay, "reboot-delay", "1m", "how long logged-in users are warned before the host restarts")
	flags.StringVar(&f.message, "reboot-message", "Security updates need a restart.", "what they are told")
	flags.StringVar(&f.probes, "probes", "", "file of URLs that must answer as before (default "+secure.DefaultProbes+", if it is there)")
	flags.StringVar(&f.hooks, "hooks", "", "folder of programs to run before and after (default "+secure.DefaultHooks+", if it is there)")
	return cmd
}

// choose are the flags that say what to update.
func (f *fixFlags) choose(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.places(cmd)
	flags.BoolVar(&f.all, "all", false, "bug fixes too, each package to its newest version")
	flags.StringSliceVar(&f.only, "only", nil, "only these: CVE or advisory, source or binary package (repeat or separate by commas; NAME* works)")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "not these, likewise")
	flags.StringVar(&f.minAge, "min-age", "", "only fixes first seen here at least so long ago (3d); known exploited ones do not wait")
	flags.BoolVar(&f.minAgeKEV, "min-age-exploited", false, "known exploited ones wait too")
	flags.BoolVar(&f.noNew, "no-new-packages", false, "install nothing anew, also where an update needs it (a new kernel is a new package)")
	flags.BoolVar(&f.listAll, "list-all", false, "list everything the table would cut short")
	flags.StringVar(&f.scan.advisories, "advisories", "auto", "advisory store; auto: the configured one, else "+defaultStore+" if it is there; none: package manager's evidence only")
	flags.StringVar(&f.scan.maxDataAge, "max-data-age", "", "data older than this are stale: exit 3 (default 7d)")
	flags.BoolVar(&f.scan.acceptPartial, "accept-partial", false, "do not exit 3 because advisories are partial or absent for this release")
	flags.StringVar(&f.scan.waivers, "waivers", "", "file of accepted findings (default "+defaultWaivers+", if it is there)")
}

// fetch are the flags of verbs that download.
func (f *fixFlags) fetch(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.saved, "plan", "", "carry out this plan, kept with \"fix plan --json -o FILE\", exactly; refuse if the host or its archive has moved on")
	for _, other := range []string{"all", "only", "exclude", "min-age", "min-age-exploited", "no-new-packages"} {
		cmd.MarkFlagsMutuallyExclusive("plan", other)
	}
	flags.BoolVar(&f.noRefresh, "no-refresh", false, "use the package manager's lists as they are")
	flags.BoolVar(&f.offline, "offline", false, "use no network: only what was downloaded before")
	flags.StringVar(&f.rate, "rate-limit", "", "bytes a second: 500k, 2M (default: no limit)")
}

func (a *app) fixOptions(f fixFlags) (secure.FixOptions, error) {
	o := secure.FixOptions{
		Places: a.places(f.changeFlags), All: f.all || a.config.Fix.All, Only: f.only, Exclude: append(f.exclude, a.config.Fix.Exclude...), MinAgeKEV: f.minAgeKEV,
		Refresh: f.refresh, Offline: f.offline, NoNew: f.noNew, Consent: f.consent, Probes: absolute(f.probes), Hooks: absolute(f.hooks), Events: a.events(),
	}
	var err error
	if o.Scan, err = a.scanOptions(f.scan); err != nil {
		return o, err
	}
	if f.minAge != "" {
		if o.MinAge, err = config.ParseAge(f.minAge); err != nil {
			return o, usagef("--min-age: %v", err)
		}
	} else {
		o.MinAge = time.Duration(a.config.Fix.MinAge)
	}
	if f.saved != "" {
		if o.Saved, err = savedPlan(f.saved); err != nil {
			return o, usagef("--plan: %v", err)
		}
	}
	if o.RateLimit, err = config.ParseRate(f.rate); err != nil {
		return o, usagef("--rate-limit: %v", err)
	}
	if o.Restart, err = secure.ParseRestart(f.restart); err != nil {
		return o, usagef("--restart: %v", err)
	}
	if o.Downgrades, err = planner.ParseDowngrades(content.Downgrades); err != nil {
		return o, fmt.Errorf("internal error: downgrades.yaml: %w", err)
	}
	return o, nil
}

// savedPlan reads a plan that was kept.
func savedPlan(path string) (*result.FixPlan, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	p, err := result.ReadFixPlan(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (a *app) fixPlan(ctx context.Context, f fixFlags) error {
	o, err := a.fixOptions(f)
	if err != nil {
		return err
	}
	doc, err := secure.PlanFix(ctx, o)
	if err != nil {
		return changeError(err)
	}
	if err := a.print(f.output, doc, func(w io.Writer) error { return report.FixPlan(w, doc, a.reportOptions(f.listAll)) }); err != nil {
		return err
	}
	a.code = doc.Exit.Code
	a.reasons(doc.Exit)
	return nil
}

// print writes a document as JSON or for people, to a file or to stdout.
func (a *app) print(file string, doc any, people func(io.Writer) error) error {
	write := people
	if a.json {
		write = func(w io.Writer) error { return report.Document(w, doc) }
	}
	err := error(nil)
	if file != "" {
		err = hostfs.Replace(file, 0o600, write)
	} else {
		err = write(a.stdout)
	}
	if err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}

func (a *app) reasons(e result.Exit) {
	for _, reason := range e.Reasons {
		_, _ = fmt.Fprintf(a.stderr, "lockfast: exit %d: %s\n", e.Code, strings.ReplaceAll(reason, "\n", "; "))
	}
}

func (a *app) fixDownload(ctx context.Context, f fixFlags) error {
	o, err := a.fixOptions(f)
	if err != nil {
		return err
	}
	o.Refresh = !f.noRefresh && !f.offline
	fx, err := secure.BeginFix(ctx, o)
	if err != nil {
		return changeError(err)
	}
	defer fx.Close()
	if err := fx.Download(ctx); err != nil {
		return changeError(err)
	}
	doc := fx.Plan()
	if err := a.print("", doc, func(w io.Writer) error { return report.FixPlan(w, doc, a.reportOptions(f.listAll)) }); err != nil {
		return err
	}
	a.code = doc.Exit.Code
	a.reasons(doc.Exit)
	return nil
}

func (a *app) fixApply(ctx context.Context, f fixFlags) error {
	o, err := a.fixOptions(f)
	if err != nil {
		return err
	}
	if f.reboot != "never" && f.reboot != "when-needed" {
		return usagef("--reboot %q: want never or when-needed", f.reboot)
	}
	delay, err := time.ParseDuration(f.delay)
	if err != nil || delay < 0 {
		return usagef("--reboot-delay %q: write it as 5m or 90s", f.delay)
	}
	o.Refresh, o.Watch = !f.noRefresh && !f.offline, true
	fx, err := secure.BeginFix(ctx, o)
	if err != nil {
		return changeError(err)
	}
	defer fx.Close()
	if plan := fx.Plan(); plan.Plan != nil && !f.yes {
		if err := report.FixPlan(a.stderr, plan, a.reportOptions(f.listAll)); err != nil {
			return err
		}
		if err := a.agree(f.changeFlags, "Apply this?"); err != nil {
			return err
		}
	}
	doc, failure := fx.Apply(ctx)
	if doc == nil {
		return changeError(failure)
	}
	return a.fixEnd(ctx, f, doc, failure, delay)
}

// fixEnd prints what was done, says the exit code and restarts the host if it
// is to be.
func (a *app) fixEnd(ctx context.Context, f fixFlags, doc *result.Fix, failure error, delay time.Duration) error {
	failure = changeError(failure)
	if coded, ok := errors.AsType[*exitError](failure); ok {
		doc.Exit = result.Exit{Code: coded.code, Reasons: []string{failure.Error()}}
	} else if failure != nil {
		doc.Exit = result.Exit{Code: codeUnknown, Reasons: []string{failure.Error()}}
	} else if doc.Reboot {
		doc.Exit = result.Exit{Code: codeWaits, Reasons: []string{"a reboot is needed: " + doc.RebootWhy}}
	}
	if err := a.print("", doc, func(w io.Writer) error { return report.Fix(w, doc, a.reportOptions(f.listAll)) }); err != nil {
		return err
	}
	a.code = doc.Exit.Code
	a.reasons(doc.Exit)
	if doc.Reboot && failure == nil && f.reboot == "when-needed" {
		if err := secure.Reboot(ctx, delay, f.message); err != nil {
			return err
		}
	}
	return nil
}
