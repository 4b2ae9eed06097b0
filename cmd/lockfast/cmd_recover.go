package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/secure"
)

type recoverFlags struct {
	changeFlags
	boot, goOn bool
	expired    string
}

func (a *app) recoverCommand() *cobra.Command {
	var f recoverFlags
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Bring changes that were interrupted to an end",
		Long: `Bring transactions whose process died to an end: interrupted installations of
packages are completed, interrupted changes of configuration are rolled back (or
finished, with --go-on). What somebody else changed meanwhile is not touched: it
is named, and a person is needed.

Verbs that change the host do this first, and a unit does it at boot.

EXIT STATUS
  0  nothing to do, or all of it was completed
  2  usage error
  3  could not look
  4  a transaction was rolled back
  5  a transaction needs a person: the message says exactly what for
  6  another program is changing the host
  7  a transaction still waits for a confirmation or a reboot`,
		Example: `  lockfast recover
  lockfast recover --go-on`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.recover(cmd.Context(), f) },
	}
	f.places(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.goOn, "go-on", false, "finish interrupted plans instead of rolling back")
	flags.BoolVar(&f.boot, "boot", false, "at boot: roll back what was not confirmed, go on with what waits for a reboot")
	flags.StringVar(&f.expired, "expired", "", "this transaction was not confirmed in time")
	_ = flags.MarkHidden("boot")
	_ = flags.MarkHidden("expired")
	return cmd
}

func (a *app) recover(ctx context.Context, f recoverFlags) error {
	list, err := secure.Recover(ctx, secure.RecoverOptions{Places: a.places(f.changeFlags), Boot: f.boot, Only: f.expired, GoOn: f.goOn, Events: a.events()})
	if err != nil {
		return changeError(err)
	}
	if len(list) == 0 && !a.json {
		_, _ = fmt.Fprintln(a.stdout, "Nothing was interrupted.")
		return nil
	}
	type entry struct {
		Transaction string `json:"transaction"`
		Status      string `json:"status"`
		Message     string `json:"message,omitempty"`
		Code        int    `json:"code"`
	}
	doc := struct {
		Schema       string  `json:"schema"`
		Transactions []entry `json:"transactions"`
	}{Schema: "lockfast.recover/1", Transactions: []entry{}}
	for _, r := range list {
		e := entry{Transaction: r.Transaction.ID, Status: r.Transaction.Status.String()}
		if r.Err != nil {
			e.Message, e.Code = r.Err.Error(), codeUnknown
			if coded, ok := errors.AsType[*exitError](changeError(r.Err)); ok {
				e.Code = coded.code
			}
		}
		if worse(e.Code, a.code) {
			a.code = e.Code
		}
		doc.Transactions = append(doc.Transactions, e)
	}
	return a.print("", doc, func(w io.Writer) error {
		for _, e := range doc.Transactions {
			text := e.Message
			if text == "" {
				text = "completed"
			}
			if _, err := fmt.Fprintf(w, "%s: %s: %s\n", e.Transaction, e.Status, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// worse orders exit codes of several transactions: a person is needed, could
// not look, rolled back, waits, done.
func worse(a, b int) bool {
	rank := map[int]int{codePerson: 4, codeUnknown: 3, codeRolledBack: 2, codeWaits: 1}
	return rank[a] > rank[b]
}
