package probe

import (
	"context"
	"time"
)

const (
	firstPause   = 250 * time.Millisecond // doubled each time
	longestPause = 5 * time.Second
)

// Settle asks again until nothing is broken or patience is over, as this host.
func Settle(ctx context.Context, b Baseline, patience time.Duration) []Verdict {
	return Asker{}.Settle(ctx, b, patience)
}

// Settle asks the targets of a baseline until nothing is broken or patience is
// over, with growing pauses, and returns the last verdicts. All targets are asked
// each time: one that answered may have fallen over since. The last question is
// asked when patience ends, and its answers are waited for. If ctx ends, the
// verdicts are those of the last round that was whole.
func (a Asker) Settle(ctx context.Context, b Baseline, patience time.Duration) []Verdict {
	end := time.Now().Add(patience)
	steady := b.steady()
	verdicts := Compare(b, a.Ask(ctx, steady))
	for pause := firstPause; anyBroken(verdicts); pause = min(2*pause, longestPause) {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		wait(ctx, min(pause, left))
		next := Compare(b, a.Ask(ctx, steady))
		if over(ctx) != nil {
			break
		}
		verdicts = next
	}
	return verdicts
}

func anyBroken(verdicts []Verdict) bool {
	for i := range verdicts {
		if verdicts[i].State == StateBroken {
			return true
		}
	}
	return false
}

// steady returns the targets that can be judged.
func (b Baseline) steady() []Target {
	second := byTarget(b.Second)
	var list []Target
	for _, first := range b.First {
		if again, ok := second[first.Target]; ok && unsteady(first, again) == "" {
			list = append(list, first.Target)
		}
	}
	return list
}
