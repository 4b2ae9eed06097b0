package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/config"
)

const configStatus = `

EXIT STATUS
  0  done; the configuration can be used
  2  it cannot, or usage error`

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and show the configuration",
		Long: `Check and show the configuration: ` + config.Path + `, then ` + config.DropIns + `/*.yaml
in the order of their names. What a later file sets replaces what an earlier one
set, lists as a whole. The fields are described in docs/formats/config.md and in
the example that the package brings.` + configStatus,
		Example: `  lockfast config check
  lockfast config show`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configCheckCommand(), a.configShowCommand())
	return cmd
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Say whether configuration files can be used; name line and field if not",
		Long: `Say whether the configuration that is in place, or the files that are named, can
be used. Every file is read by itself; an error names line and field.` + configStatus,
		Example: `  lockfast config check
  lockfast config check new.yaml`,
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // what is in place may be what is wrong
		RunE: func(_ *cobra.Command, args []string) error {
			paths := args
			if len(paths) == 0 {
				var err error
				if paths, err = a.configFiles(); err != nil {
					return usagef("cannot read configuration: %v", err)
				}
			}
			return a.checkConfig(paths)
		},
	}
}

func (a *app) checkConfig(paths []string) error {
	var wrong []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err == nil {
			_, err = config.Parse(data)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", path, err))
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "%s: can be used\n", path); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return usagef("%s", strings.Join(wrong, "; "))
	}
	if len(paths) == 0 {
		_, err := fmt.Fprintln(a.stdout, "there is no configuration: everything is as by default")
		return err
	}
	_, err := config.Config{}.Override(a.environ)
	if err != nil {
		return usagef("%v", err)
	}
	return nil
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print what is set, after all files and variables",
		Long: `Print everything that is set, after all files and the LOCKFAST_ variables, as one
configuration file. What is not printed is as by default.` + configStatus,
		Example: `  lockfast config show`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := a.config.Text("What is set, after all files and variables.")
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.stdout, text)
			return err
		},
	}
}
