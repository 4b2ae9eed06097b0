package result

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxFixPlan is more than a plan of every package of a large host takes.
const maxFixPlan = 64 << 20

// ReadFixPlan reads a plan that was kept ("fix plan --json"). Only what the
// plan itself holds is relied on; the rest explains it. A plan of nothing has a
// nil Plan.
func ReadFixPlan(r io.Reader) (*FixPlan, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFixPlan+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read plan: %w", err)
	}
	if len(data) > maxFixPlan {
		return nil, fmt.Errorf("cannot read plan: it is larger than %d bytes", maxFixPlan)
	}
	p := &FixPlan{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("cannot read plan: %w; it is what lockfast fix plan --json prints", err)
	}
	if p.Schema != FixPlanSchema {
		return nil, fmt.Errorf("cannot read plan: its schema is %q, this program reads %q; make it with lockfast fix plan --json", p.Schema, FixPlanSchema)
	}
	if p.Plan == nil {
		return p, nil
	}
	if err := p.Plan.Check(); err != nil {
		return nil, fmt.Errorf("cannot read plan: %w", err)
	}
	return p, nil
}
