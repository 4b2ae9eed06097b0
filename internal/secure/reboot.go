package secure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// Reboot asks the host to restart after a delay, with a message to those who
// are logged in. The delay is rounded up to minutes, which is what shutdown(8)
// takes.
func Reboot(ctx context.Context, delay time.Duration, message string) error {
	minutes := int((delay + time.Minute - 1) / time.Minute)
	r, err := hostexec.System{}.Run(ctx, hostexec.Cmd{Name: "shutdown", Args: []string{"-r", fmt.Sprintf("+%d", minutes), message}})
	if err != nil {
		return fmt.Errorf("cannot restart the host: %w", err)
	}
	if r.Code != 0 {
		return fmt.Errorf("cannot restart the host: shutdown failed (exit %d): %s", r.Code, strings.TrimSpace(string(r.Stderr)))
	}
	return nil
}
