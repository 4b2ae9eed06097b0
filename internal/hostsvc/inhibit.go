package hostsvc

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// taking is how long taking an inhibitor may take; one that is refused is
// refused by then.
const taking = 500 * time.Millisecond

// Inhibit keeps a host from being shut down or suspended ("shutdown:sleep")
// until release is called, or we die: systemd-inhibit holds the lock as long as
// a child of it reads from us. An error means that nothing is held off, as on a
// host without logind.
func Inhibit(ctx context.Context, run hostexec.Runner, what, why string) (release func(), err error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot hold %s off: %w", what, err)
	}
	ended := make(chan error, 1)
	go func() {
		r, err := run.Run(context.WithoutCancel(ctx), hostexec.Cmd{
			Name: "systemd-inhibit", Args: []string{"--what=" + what, "--who=Lockfast", "--why=" + why, "--mode=block", "cat"}, Stdin: in,
		})
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("systemd-inhibit failed (exit %d): %s", r.Code, strings.TrimSpace(string(r.Stderr)))
		}
		_ = in.Close() // the child has its own
		ended <- err
	}()
	select {
	case err := <-ended:
		_ = out.Close() // nobody reads it any more
		if err == nil {
			err = fmt.Errorf("systemd-inhibit ended at once")
		}
		return nil, fmt.Errorf("cannot hold %s off: %w", what, err)
	case <-time.After(taking):
	}
	return func() {
		_ = out.Close() // ends the child
		<-ended         //nolint:errcheck // that it is over is all that counts
	}, nil
}
