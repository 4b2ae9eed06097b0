package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
)

type undoFlags struct {
	changeFlags
	merge, keep, force, dryRun bool
}

func (a *app) undoCommand() *cobra.Command {
	var f undoFlags
	cmd := &cobra.Command{
		Use:   "undo [TRANSACTION]",
		Short: "Take a transaction back, and prove it",
		Long: `Take back the last transaction, or the one that is named (see lockfast history).
Undo reads nothing but the journal and package files that were kept. It is a
transaction itself: it survives a crash, and can be undone.

What others changed since is not destroyed: without --merge, --keep or --force
undo refuses and shows the differences. Afterwards every object is compared with
what stood there before; "exact" is only said then.

EXIT STATUS
  0  undone
  2  usage error, refused, or you said no: nothing was changed
  3  could not look
  4  it failed and was rolled back
  5  it failed and needs a person: the message says exactly what for
  6  another program is changing the host`,
		Example: `  lockfast undo
  lockfast undo 20261123-114501-ab12 --dry-run
  lockfast undo --keep --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.undo(cmd.Context(), f, args) },
	}
	f.places(cmd)
	f.confirmation(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would be done")
	flags.BoolVar(&f.merge, "merge", false, "take our lines back and keep what others changed, where these do not touch")
	flags.BoolVar(&f.keep, "keep", false, "leave what others changed since as it is")
	flags.BoolVar(&f.force, "force", false, "take it back all the same; undoing the undo brings it back")
	cmd.MarkFlagsMutuallyExclusive("merge", "keep", "force")
	return cmd
}

func (f undoFlags) choice() change.Choice {
	switch {
	case f.merge:
		return change.Merge
	case f.keep:
		return change.Keep
	case f.force:
		return change.Force
	}
	return change.Refuse
}

func (a *app) undo(ctx context.Context, f undoFlags, args []string) error {
	o := secure.UndoOptions{Places: a.places(f.changeFlags), Choice: f.choice(), Events: a.events()}
	if len(args) == 1 {
		o.Transaction = args[0]
		if !change.IsID(o.Transaction) {
			return usagef("%q is no transaction; see lockfast history", o.Transaction)
		}
	}
	u, err := secure.BeginUndo(ctx, o)
	if conflict, ok := errors.AsType[*change.ConflictError](err); ok {
		for _, c := range conflict.Conflicts {
			for line := range strings.Lines(c.Diff) {
				_, _ = fmt.Fprintln(a.stderr, report.Clean(strings.TrimRight(line, "\n"), 400))
			}
		}
	}
	if err != nil {
		return changeError(err)
	}
	defer u.Close()
	doc := u.Document()
	if f.dryRun {
		return a.print("", doc, func(w io.Writer) error { return report.Undo(w, doc, a.reportOptions(true)) })
	}
	if doc.Plan != nil && !f.yes {
		if err := report.Undo(a.stderr, doc, a.reportOptions(true)); err != nil {
			return err
		}
		if err := a.agree(f.changeFlags, "Take this back?"); err != nil {
			return err
		}
	}
	doc, failure := u.Apply(ctx)
	if doc == nil {
		return changeError(failure)
	}
	failure = changeError(failure)
	if failure != nil {
		doc.Exit = result.Exit{Code: codeUnknown, Reasons: []string{failure.Error()}}
		if coded, ok := errors.AsType[*exitError](failure); ok {
			doc.Exit.Code = coded.code
		}
	}
	if err := a.print("", doc, func(w io.Writer) error { return report.Undo(w, doc, a.reportOptions(true)) }); err != nil {
		return err
	}
	a.code = doc.Exit.Code
	a.reasons(doc.Exit)
	return nil
}
