package hostsvc

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// Outside returns a runner whose programs do not run in our own unit, with its
// sandbox, but in transient ones that systemd makes: programs of the site are not
// to be bound by what we deny ourselves. They end with the context.
func Outside(r hostexec.Runner) hostexec.Runner { return outside{r} }

type outside struct{ run hostexec.Runner }

// Run implements [hostexec.Runner].
func (o outside) Run(ctx context.Context, c hostexec.Cmd) (hostexec.Result, error) {
	args := []string{"--quiet", "--wait", "--pipe", "--collect", "--service-type=exec", "--description=Lockfast runs " + c.Name}
	if end, ok := ctx.Deadline(); ok {
		seconds := max(1, math.Ceil(time.Until(end).Seconds()))
		args = append(args, fmt.Sprintf("--property=RuntimeMaxSec=%.0f", seconds)) // our own death ends systemd-run, not the program
	}
	if c.Dir != "" {
		args = append(args, "--working-directory="+c.Dir)
	}
	for _, e := range environment(c.Env) {
		args = append(args, "--setenv="+e)
	}
	c.Args = append(append(args, "--", c.Name), literal(c.Args)...)
	c.Name, c.Env, c.Dir = "systemd-run", nil, ""
	return o.run.Run(ctx, c)
}
