package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
)

func (a *app) historyCommand() *cobra.Command {
	var f changeFlags
	cmd := &cobra.Command{
		Use:   "history [TRANSACTION]",
		Short: "List what was changed here; of one transaction: what, why, before and after",
		Long: `List the transactions of this host, newest first, or show one: each step with
its reason, what stood there before and what was left, and the differences of
files. Nothing is changed.

EXIT STATUS
  0  done
  2  usage error
  3  the journal, or a part of it, cannot be read
  5  a transaction was interrupted or needs a person: run lockfast recover`,
		Example: `  lockfast history
  lockfast history 20261123-114501-ab12
  lockfast history prune --older-than 90d`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.history(f, args) },
	}
	f.places(cmd)
	cmd.AddCommand(a.pruneCommand())
	return cmd
}

func (a *app) history(f changeFlags, args []string) error {
	places := a.places(f)
	list, err := secure.History(places)
	doc := secure.DescribeHistory(places, list)
	if len(args) == 1 {
		if !change.IsID(args[0]) {
			return usagef("%q is no transaction; see lockfast history", args[0])
		}
		doc.Transactions = slices.DeleteFunc(doc.Transactions, func(t result.Transaction) bool { return t.ID != args[0] })
		if len(doc.Transactions) == 0 {
			if err != nil {
				return err
			}
			return usagef("transaction %s %v", args[0], change.ErrUnknown)
		}
	}
	detailed := len(args) == 1
	if !detailed && !a.json {
		for i := range doc.Transactions {
			doc.Transactions[i].Steps = nil
		}
	}
	if werr := a.print("", doc, func(w io.Writer) error { return report.History(w, doc, a.reportOptions(detailed)) }); werr != nil {
		return werr
	}
	if err != nil {
		return err
	}
	if doc.NeedsPerson {
		a.code = codePerson
		_, _ = fmt.Fprintln(a.stderr, "lockfast: exit 5: a transaction was interrupted or failed; run lockfast recover")
	}
	return nil
}

func (a *app) pruneCommand() *cobra.Command {
	var f changeFlags
	var age string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Forget old transactions; they cannot be undone any more",
		Long: `Remove transactions that ended a while ago from the journal, with the files and
package files that only they need. They cannot be undone any more. Transactions
that were interrupted, wait or failed stay.

EXIT STATUS
  0  done
  2  usage error, or you said no
  3  the journal cannot be read
  6  another program is changing the host`,
		Example: `  lockfast history prune --older-than 90d --yes`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			older, err := config.ParseAge(age)
			if err != nil {
				return usagef("--older-than: %v", err)
			}
			if err := a.agree(f, "Forget transactions older than "+age+"? They cannot be undone any more."); err != nil {
				return err
			}
			removed, err := secure.Prune(a.places(f), ago(time.Now(), older))
			if err != nil {
				return changeError(err)
			}
			return a.print("", map[string]any{"schema": "lockfast.prune/1", "removed": removed}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("forgotten: %d transactions %s", len(removed), strings.Join(removed, " ")), " "))
				return err
			})
		},
	}
	f.places(cmd)
	f.confirmation(cmd)
	cmd.Flags().StringVar(&age, "older-than", "90d", "how long ago they must have ended")
	return cmd
}
