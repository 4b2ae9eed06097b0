package change_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
)

// childVariable makes the test binary a process that changes a host:
// "WORK FOLDER JOURNAL REST", where WORK is run (a plan file follows), recover
// (roll-back or go-on follows) or undo.
const childVariable = "LOCKFAST_TEST_CHANGE"

func child(job string) error {
	words := strings.Split(job, " ")
	j := change.NewJournal(change.Dir(words[2]))
	e := change.New(change.Host{Files: change.NewDisk(words[1])}, j)
	ctx := context.Background()
	list, err := j.List()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, "ready"); err != nil {
		return err
	}
	switch words[0] {
	case "run":
		file, err := os.Open(filepath.Clean(words[3]))
		if err != nil {
			return err
		}
		p, err := plan.Read(file)
		if err != nil {
			return err
		}
		_, err = e.Run(ctx, p, change.Options{})
		return err
	case "recover":
		how := map[string]change.Recovery{"roll-back": change.RollBack, "go-on": change.GoOn}[words[3]]
		err := e.Recover(ctx, list[len(list)-1], how)
		if back := (*change.RolledBackError)(nil); errors.As(err, &back) {
			return nil
		}
		return err
	case "undo":
		last := list[len(list)-1]
		r, err := e.PlanUndo(ctx, last, list, change.Refuse)
		if err != nil {
			return err
		}
		_, err = e.Run(ctx, r.Plan, change.Options{Reverts: last.ID})
		return err
	}
	return errors.New("no such work: " + words[0])
}
