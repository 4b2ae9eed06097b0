package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/agent"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/unattended"
)

func (a *app) stayConvertCommand() *cobra.Command {
	var root, output string
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Print what unattended-upgrades is set to here, as a configuration of Lockfast",
		Long: `Read how unattended-upgrades and the timers of apt are set up on this host, or on
an unpacked one, and print the same as a configuration of Lockfast. On stderr
stands what every option became, and which have no counterpart, with the reason
and what to do. Nothing is changed. docs/guides/from-unattended-upgrades.md
explains the differences.

EXIT STATUS
  0  done
  2  usage error
  3  the set-up could not be read`,
		Example: `  lockfast stay-secure convert
  lockfast stay-secure convert -o /etc/lockfast/config.d/40-converted.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stayConvert(cmd.Context(), root, output) },
	}
	cmd.Flags().StringVar(&root, "root", "", "an unpacked host; nothing of it is executed")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the configuration to this file (replaced as a whole)")
	return cmd
}

func (a *app) stayConvert(ctx context.Context, root, output string) error {
	c, err := agent.Convert(ctx, root)
	if err != nil {
		return err
	}
	if a.json {
		return report.Document(a.stdout, struct {
			Schema   string                `json:"schema"`
			Mode     unattended.Mode       `json:"mode"`
			Config   string                `json:"config"`
			Settings []unattended.Mapped   `json:"settings"`
			Not      []unattended.Unmapped `json:"not"`
			Same     []unattended.Kept     `json:"same"`
		}{"lockfast.conversion/1", c.Mode, string(c.Config), c.Settings, c.Not, c.Same})
	}
	a.explain(c)
	write := func(w io.Writer) error { _, err := w.Write(c.Config); return err }
	if output != "" {
		err = hostfs.Replace(output, 0o644, write)
	} else {
		err = write(a.stdout)
	}
	if err != nil {
		return fmt.Errorf("cannot write configuration: %w", err)
	}
	return nil
}

// explain says on stderr what became of every option.
func (a *app) explain(c *unattended.Conversion) {
	line := func(format string, args ...any) {
		const width = 400
		_, _ = fmt.Fprintln(a.stderr, report.Clean(fmt.Sprintf(format, args...), width))
	}
	for _, m := range c.Settings {
		line("%s %q → %s %s", m.Option, m.Value, m.To, m.Note)
	}
	for _, s := range c.Same {
		line("%s %q: Lockfast does so anyway %s", s.Option, s.Value, s.Note)
	}
	if c.More() {
		line("Without what is not taken over, Lockfast would install more than before, or at other times: read on before you use it.")
	}
	for _, n := range c.Not {
		line("NOT TAKEN OVER: %s %q: %s; %s", n.Option, n.Value, n.Why, n.Do)
	}
}
