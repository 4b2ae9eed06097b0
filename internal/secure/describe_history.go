package secure

import (
	"fmt"
	"slices"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

// DescribeHistory makes the document of a journal, newest first.
func DescribeHistory(p Places, list []*change.Transaction) *result.History {
	doc := &result.History{Schema: result.HistorySchema, Busy: Busy(p)}
	for _, t := range slices.Backward(list) {
		d := result.Transaction{
			ID: t.ID, Kind: t.Kind, Title: t.Title, Status: t.Status.String(), Note: t.Note, Started: t.Started, Tool: t.Tool, Plan: t.Head.Plan,
			Reverts: t.Reverts, UndoneBy: t.Undone,
		}
		if !t.Ended.IsZero() {
			ended := t.Ended
			d.Ended = &ended
		}
		switch {
		case t.Status == change.StatusFailed, t.Open() && !doc.Busy:
			doc.NeedsPerson = true
			d.Status = map[bool]string{true: "interrupted", false: d.Status}[t.Open()]
		case t.Undone != "":
			d.Status = "undone by " + t.Undone
		}
		for j := range t.Steps {
			d.Steps = append(d.Steps, describeStep(p, &t.Steps[j]))
		}
		doc.Transactions = append(doc.Transactions, d)
	}
	return doc
}

func describeStep(p Places, s *change.Step) result.Step {
	d := result.Step{
		Kind: string(s.Kind), Object: s.Object, Why: s.Why, Status: s.Status.String(), Note: s.Note, OneWay: s.OneWay, Before: s.Before, After: s.After,
	}
	if s.Before == (plan.State{}) {
		return d // it was not begun
	}
	d.Changes = s.Before.Differences(s.After)
	if s.After.Packages != nil {
		d.Changes = packageChanges(s)
	}
	d.Diff = Diff(p, s)
	return d
}

func packageChanges(s *change.Step) []string {
	var list []string
	for i, before := range s.Before.Packages.Packages {
		if i >= len(s.After.Packages.Packages) {
			break
		}
		after := s.After.Packages.Packages[i]
		from, to := before.Version, after.Version
		if from == to {
			continue
		}
		if from == "" {
			from = "(not installed)"
		}
		if to == "" {
			to = "(removed)"
		}
		list = append(list, fmt.Sprintf("%s %s → %s", before.Name, from, to))
	}
	return list
}
