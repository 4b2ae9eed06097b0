package agent

import (
	"bytes"
	"context"
	"os/user"
	"strconv"
	"time"

	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/courier"
	"github.com/lockfast/lockfast/internal/notify"
)

// courierIdle is how long the courier waits for the next question: apt asks
// many at once, then none for hours.
const courierIdle = 10 * time.Second

// Courier runs the unprivileged half of the service: it fetches what it is asked
// for and hands over notices, until nobody has asked for a while.
func Courier(ctx context.Context, spool string, c config.StaySecure) error {
	listener, err := courier.Listener()
	if err != nil {
		return err
	}
	rate, err := config.ParseRate(c.RateLimit)
	if err != nil {
		return err
	}
	s := &courier.Server{Spool: spool, Allowed: askers(), Idle: courierIdle, Limits: courier.Limits{Rate: rate}, Deliver: deliver}
	return s.Serve(ctx, listener)
}

// askers are those who may ask beside root: the user that apt fetches as.
func askers() []uint32 {
	u, err := user.Lookup("_apt")
	if err != nil {
		return nil
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil
	}
	return []uint32{uint32(uid)}
}

// deliver hands over a notice that root has made ready.
func deliver(ctx context.Context, _ string, order []byte) error {
	o, err := notify.ReadOrder(bytes.NewReader(order))
	if err != nil {
		return err
	}
	return notify.Deliver(ctx, o)
}
