package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/agent"
	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/feed"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/secure"
)

// stayFlags are the flags of stay-secure as typed.
type stayFlags struct {
	changeFlags
	set                                                config.Config // what the flags set
	windows, exploited, rebootWindows, exclude, notify []string
	minAge, pause                                      string
	unit, keep, forced                                 bool
}

func (a *app) staySecureCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "stay-secure",
		Short: "Keep this host at its security updates, unattended",
		Long: `Switch on the service that keeps this host secure: it asks the archive, plans,
downloads, waits for the maintenance window, installs with everything "fix apply"
does (health checks, the package that broke something goes back alone, exact
undo), restarts what still runs replaced code, and tells people what they need to
know and nothing else.

  auto      fixes are downloaded at once and installed in the next window
  download  fixes and the way back are kept ready; a person installs them with
            "lockfast fix apply --offline"
  notify    people are told what is on offer

unattended-upgrades and the timers of apt and dnf that do the same are switched
off, through the same journal as every change; "stay-secure off" puts them back
exactly. Flags are kept in ` + agent.DropIn + `;
everything else can be set in ` + config.Path + `.

Nothing waits in memory: systemd wakes the service, it takes a turn and ends. The
turn has no access to the network where apt is used; an unprivileged process
fetches for it, and apt verifies what it fetched.` + stayStatus,
		Example: `  lockfast stay-secure --mode auto --window "Sun 02:00-05:00 Europe/Berlin" --reboot window --notify mail:root
  lockfast stay-secure --mode download
  lockfast stay-secure status
  lockfast stay-secure pause --for 2d
  lockfast stay-secure off`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stayOn(cmd, f) },
	}
	f.places(cmd)
	f.confirmation(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.set.StaySecure.Mode, "mode", "", "auto, download or notify")
	flags.StringSliceVar(&f.windows, "window", nil, `when fixes may be installed: "Sun 02:00-05:00 Europe/Berlin" (repeat; default: at any time)`)
	flags.StringSliceVar(&f.exploited, "exploited-window", nil, "when fixes of known exploited holes may be, if not then (repeat)")
	flags.StringVar(&f.set.StaySecure.Reboot, "reboot", "", "restart the host if a fix needs it: never, when-needed or window (default never)")
	flags.StringSliceVar(&f.rebootWindows, "reboot-window", nil, "when it may be restarted, if not as --window says (repeat)")
	flags.StringVar(&f.minAge, "min-age", "", "only fixes first seen here at least so long ago (3d); known exploited ones do not wait")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "never these: CVE, source or binary package (NAME* works)")
	flags.StringSliceVar(&f.notify, "notify", nil, "who is told: mail:root, webhook:https://…, exec:/path, motd, desktop, prometheus:/path.prom (repeat)")
	cmd.AddCommand(a.stayStatusCommand(), a.stayRunCommand(), a.stayPauseCommand(), a.stayResumeCommand(), a.stayOffCommand(), a.stayConvertCommand(), a.stayCourierCommand())
	return cmd
}

const stayStatus = `

EXIT STATUS
  0  done
  2  usage error, refused, or you said no: nothing was changed
  3  could not look: the archive has not answered, or the host was not looked at
  4  switching it on or off failed and was rolled back
  5  something needs a person: the message says what
  6  another program is changing the host`

func (a *app) stayStatusCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how far the host is, what waits for what, and what needs a person",
		Long: `Say on one screen how far this host is, what waits for what and until when, when
something was last installed, the next window, and what needs a person. Root gets
the status of this moment, others the one of the last turn.` + stayStatus,
		Example: `  lockfast stay-secure status
  lockfast stay-secure status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.stayOptions(cmd.Context(), f)
			if err != nil {
				return err
			}
			s, err := agent.ReadStatus(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := a.print("", s, func(w io.Writer) error { return report.StayStatus(w, s, a.reportOptions(false)) }); err != nil {
				return err
			}
			a.code = s.Exit.Code
			a.reasons(s.Exit)
			return nil
		},
	}
	f.places(cmd)
	return cmd
}

func (a *app) stayRunCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Take a turn now: ask the archive, and do what may be done",
		Long: `Take a turn of the service now, in this terminal: ask the archive, plan, download,
and, if the mode and the window allow it, install. This is what the service does
when it wakes, but that the archive is asked whether it is time or not.` + stayStatus,
		Example: `  lockfast stay-secure run`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.stayRun(cmd.Context(), f) },
	}
	f.places(cmd)
	cmd.Flags().BoolVar(&f.unit, "unit", false, "run as the service does")
	_ = cmd.Flags().MarkHidden("unit") // it is there
	return cmd
}

func (a *app) stayRun(ctx context.Context, f stayFlags) error {
	o, err := a.stayOptions(ctx, f)
	if err != nil {
		return err
	}
	if o.Policy.Mode == "" {
		return usagef("stay-secure is off: switch it on with lockfast stay-secure --mode auto, download or notify")
	}
	o.Force = !f.unit
	s, err := agent.Turn(ctx, o)
	if err != nil {
		return changeError(err)
	}
	if f.unit { // what the service is woken for is in its state; systemd is told of real failures only
		return agent.Arm(ctx, s, time.Now())
	}
	if err := a.print("", s, func(w io.Writer) error { return report.StayStatus(w, s, a.reportOptions(false)) }); err != nil {
		return err
	}
	a.code = s.Exit.Code
	a.reasons(s.Exit)
	return nil
}

func (a *app) stayPauseCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Change nothing for a while; go on looking and telling",
		Long: `Change nothing on this host for a while. The archive is still asked, and people
are still told.` + stayStatus,
		Example: `  lockfast stay-secure pause --for 2d
  lockfast stay-secure resume`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := config.ParseAge(f.pause)
			if err != nil {
				return usagef("--for: %v", err)
			}
			until := time.Now().Add(d).UTC().Truncate(time.Second)
			return a.stayNote(cmd.Context(), f, func(o agent.Options) error { return o.Pause(until) }, "nothing is changed until "+until.Format("2006-01-02 15:04 MST"))
		},
	}
	f.places(cmd)
	cmd.Flags().StringVar(&f.pause, "for", "", "how long: 2d, 36h")
	_ = cmd.MarkFlagRequired("for") // it is there
	return cmd
}

func (a *app) stayResumeCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Go on after a pause, or after the service has given up",
		Long: `End a pause, and let the service go on after it has given up; plans that failed
are tried again.` + stayStatus,
		Example: `  lockfast stay-secure resume`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.stayNote(cmd.Context(), f, agent.Options.Resume, "the service goes on")
		},
	}
	f.places(cmd)
	return cmd
}

// stayNote changes what the service remembers, and wakes it.
func (a *app) stayNote(ctx context.Context, f stayFlags, note func(agent.Options) error, said string) error {
	o, err := a.stayOptions(ctx, f)
	if err != nil {
		return err
	}
	if err := note(o); err != nil {
		return changeError(err)
	}
	if err := o.WakeNow(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, said)
	return err
}

func (a *app) stayOffCommand() *cobra.Command {
	var f stayFlags
	cmd := &cobra.Command{
		Use:   "off",
		Short: "Switch the service off, and put back what it replaced, exactly",
		Long: `Take back everything that switching the service on changed, the last change
first: its units and settings go, and what did the work before (unattended-upgrades,
the timers of apt or dnf) is as it was. What was installed stays.` + stayStatus,
		Example: `  lockfast stay-secure off`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.stayOff(cmd.Context(), f) },
	}
	f.places(cmd)
	f.confirmation(cmd)
	cmd.Flags().BoolVar(&f.keep, "keep", false, "leave as they are what others changed since")
	cmd.Flags().BoolVar(&f.forced, "force", false, "put back also what others changed since")
	cmd.MarkFlagsMutuallyExclusive("keep", "force")
	return cmd
}

func (a *app) stayOff(ctx context.Context, f stayFlags) error {
	if err := a.agree(f.changeFlags, "Switch stay-secure off and put back what did its work before?"); err != nil {
		return err
	}
	choice := change.Refuse
	switch {
	case f.keep:
		choice = change.Keep
	case f.forced:
		choice = change.Force
	}
	done, err := agent.SwitchOff(ctx, a.places(f.changeFlags), choice, a.events())
	for _, doc := range done {
		if perr := a.print("", doc, func(w io.Writer) error { return report.Undo(w, doc, a.reportOptions(false)) }); perr != nil {
			return errors.Join(err, perr)
		}
	}
	return changeError(err)
}

// stayOn switches the service on as the flags say.
func (a *app) stayOn(cmd *cobra.Command, f stayFlags) error {
	ctx := cmd.Context()
	settings, err := a.staySettings(cmd, f)
	if err != nil {
		return err
	}
	if a.config.StaySecure.Mode == "" {
		return usagef("say what is to be done with fixes: --mode auto, download or notify; see lockfast stay-secure --help")
	}
	o, err := a.stayOptions(ctx, f)
	if err != nil {
		return err
	}
	s, err := agent.SwitchOn(ctx, a.places(f.changeFlags), o.Site, settings, tool(), a.events())
	if err != nil {
		return changeError(err)
	}
	defer s.Close()
	p := s.Plan()
	if p == nil {
		_, err := fmt.Fprintln(a.stdout, "stay-secure is on already, as asked for; see lockfast stay-secure status")
		return err
	}
	if !f.yes {
		if err := report.Plan(a.stderr, p); err != nil {
			return err
		}
		if err := a.agree(f.changeFlags, "Switch stay-secure on with these changes?"); err != nil {
			return err
		}
	}
	id, err := s.Apply(ctx)
	if err != nil {
		return changeError(err)
	}
	if a.json {
		return report.Document(a.stdout, struct {
			Schema      string `json:"schema"`
			Transaction string `json:"transaction"`
			Plan        any    `json:"plan"`
		}{"lockfast.stay-on/1", id, p})
	}
	_, err = fmt.Fprintf(a.stdout, "stay-secure is on (%s); its first turn begins now: lockfast stay-secure status\n", id)
	return err
}

func (a *app) stayCourierCommand() *cobra.Command {
	var spool string
	cmd := &cobra.Command{
		Use:   "courier",
		Short: "Fetch from the network for the service; systemd starts it",
		Long: `Fetch what the service asks for, and hand over its notices, until nobody has
asked for a while. systemd starts this as a user without rights, with the socket
that is asked through (lockfast-courier.service).

EXIT STATUS
  0  nobody asked any more
  3  there is no socket, or the spool cannot be used`,
		Example: `  systemctl status lockfast-courier.socket`,
		Hidden:  true,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return agent.Courier(cmd.Context(), spool, a.config.StaySecure)
		},
	}
	cmd.Flags().StringVar(&spool, "spool", agent.Spool, "folder that fetched files lie in")
	return cmd
}

// stayOptions are what a turn works with, from the configuration.
func (a *app) stayOptions(ctx context.Context, f stayFlags) (agent.Options, error) {
	c := a.config
	fixing := fixFlags{changeFlags: f.changeFlags, restart: c.StaySecure.Restart, rate: c.StaySecure.RateLimit, minAgeKEV: c.StaySecure.Exploited.Wait}
	fixing.scan.advisories = "auto"
	fix, err := a.fixOptions(fixing)
	if err != nil {
		return agent.Options{}, err
	}
	if f.unit {
		fix.Events = a.plainEvents()
	}
	fix.Sandboxed = f.unit
	o := agent.Options{
		Fix: fix, WindowNames: c.StaySecure.Windows, RebootDelay: time.Duration(c.StaySecure.RebootDelay), RebootMessage: "Security updates need a restart.",
		StaleAfter: time.Duration(c.StaySecure.StaleAfter), Now: time.Now,
	}
	if o.Policy, err = agent.PolicyOf(c.StaySecure, time.Local); err != nil {
		return o, usagef("configuration: %v", err)
	}
	if o.Notices, err = agent.NoticesOf(c.Notify, time.Local); err != nil {
		return o, usagef("configuration: %v", err)
	}
	if fix.Scan.Store != "" {
		if feeds, err := a.feeds(ctx, feed.SyncOptions{Cache: feedCache}); err == nil { // else no advisories are known for this host
			o.Feed = &feeds
		}
	}
	program, err := os.Executable()
	if err != nil {
		return o, err
	}
	manager, err := secure.Manager(fix.Places)
	if err != nil {
		return o, err
	}
	o.Site = agent.Site{Program: program, Manager: manager, Args: elsewhere("--state", f.state, "--cache", f.cache), Config: elsewhere("--config", a.configPath)}
	return o.Defaults(f.unit), nil
}

// elsewhere are the arguments that the service needs where state or
// configuration are not in the usual places: flags and their values.
func elsewhere(flags ...string) []string {
	var args []string
	for i := 0; i+1 < len(flags); i += 2 {
		if flags[i+1] != "" {
			args = append(args, flags[i], absolute(flags[i+1]))
		}
	}
	return args
}

// staySettings is the text of the drop-in after the flags; empty if it is not to
// be changed. The configuration is what it will be then.
func (a *app) staySettings(cmd *cobra.Command, f stayFlags) (string, error) {
	old, err := readDropIn()
	if err != nil {
		return "", err
	}
	flags := cmd.Flags()
	set, changed := old, false
	for name, apply := range map[string]func(){
		"mode":             func() { set.StaySecure.Mode = f.set.StaySecure.Mode },
		"window":           func() { set.StaySecure.Windows = f.windows },
		"exploited-window": func() { set.StaySecure.Exploited.Windows = f.exploited },
		"reboot":           func() { set.StaySecure.Reboot = f.set.StaySecure.Reboot },
		"reboot-window":    func() { set.StaySecure.RebootWindows = f.rebootWindows },
		"exclude":          func() { set.Fix.Exclude = f.exclude },
		"notify":           func() { set.Notify.To = f.notify },
	} {
		if flags.Changed(name) {
			apply()
			changed = true
		}
	}
	if f.minAge != "" {
		d, err := config.ParseAge(f.minAge)
		if err != nil {
			return "", usagef("--min-age: %v", err)
		}
		set.Fix.MinAge, changed = config.Age(d), true
	}
	if !changed {
		return "", nil
	}
	text, err := set.Text("Written by lockfast stay-secure from its flags. Change it with them, or in a file\nwhose name comes later.")
	if err != nil {
		return "", usagef("%v", err)
	}
	a.config, err = a.config.Layer([]byte(text))
	if err != nil {
		return "", usagef("%v", err)
	}
	return text, nil
}

func readDropIn() (config.Config, error) {
	data, err := os.ReadFile(agent.DropIn)
	if errors.Is(err, os.ErrNotExist) {
		return config.Config{}, nil
	}
	if err != nil {
		return config.Config{}, usagef("cannot read configuration: %v", err)
	}
	c, err := config.Parse(data)
	if err != nil {
		return c, usagef("configuration %s: %v", agent.DropIn, err)
	}
	return c, nil
}
