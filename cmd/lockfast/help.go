package main

import (
	"github.com/spf13/cobra"
)

// helpTopics are pages of help that belong to no verb.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "environment",
			Short: "Settings from files and variables",
			Long: `Settings come from the configuration file, then from variables, then from flags;
the later wins.

  file                     variable                  flag
  advisories               LOCKFAST_ADVISORIES       --advisories
  max_data_age             LOCKFAST_MAX_DATA_AGE     --max-data-age
  accept_partial           LOCKFAST_ACCEPT_PARTIAL   --accept-partial
  waivers                  LOCKFAST_WAIVERS          --waivers
  state                    LOCKFAST_STATE            --state
  cache                    LOCKFAST_CACHE            --cache
  fix.exclude                                        --exclude (both count)
  fix.min_age                                        --min-age
  feeds.osv                LOCKFAST_FEEDS_OSV        --osv
  feeds.kev                LOCKFAST_FEEDS_KEV        --kev
  feeds.epss               LOCKFAST_FEEDS_EPSS       --epss

NO_COLOR turns colours off. A LOCKFAST_ variable that is not listed here is an
error, since it is a misspelt wish.`,
		},
		{
			Use:   "exit-codes",
			Short: "What each exit code means",
			Long: `Exit codes are the same for every verb:

  0  done, nothing over the threshold
  1  findings over --fail-on
  2  usage error, refused, or the user said no
  3  could not look, or data are missing, stale, damaged or partial; wins over 1
  4  a change failed and was rolled back (of packages: only what broke the host)
  5  a change failed and needs a person; the message says exactly what for
  6  another run, or the package manager, is changing the host
  7  done, but it runs only after a reboot, or waits for a confirmation`,
		},
	}
}

// describeCompletion makes cobra's completion command say what the others say.
func describeCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		const status = "\n\nEXIT STATUS\n  0  the script was printed\n  2  usage error"
		c.Long += status
		c.Example = "  lockfast completion bash > /etc/bash_completion.d/lockfast"
		for _, shell := range c.Commands() {
			shell.Long += status
			shell.Example = "  lockfast completion " + shell.Name()
		}
	}
}
