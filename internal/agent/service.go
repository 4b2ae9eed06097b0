package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/notify"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
)

// kind is the kind of transactions that switch the service on.
const kind = "stay-secure"

// Switching is the service about to be switched on: a plan that holds the lock.
type Switching struct{ w *secure.Wishing }

// SwitchOn plans what is missing for the service to run as set. Settings are the
// text of our drop-in; empty leaves it as it is. Call Close when done.
func SwitchOn(ctx context.Context, places secure.Places, site Site, settings string, tool result.Tool, ev secure.Events) (*Switching, error) {
	w, err := secure.BeginWishes(ctx, secure.WishOptions{
		Places: places, Kind: kind, Title: "switch stay-secure on", Tool: tool, Events: ev,
	}, site.wishes(settings))
	if err != nil {
		return nil, err
	}
	return &Switching{w}, nil
}

// Plan is what would be changed; nil is nothing.
func (s *Switching) Plan() *plan.Plan { return s.w.Plan() }

// Close lets go of the lock.
func (s *Switching) Close() { s.w.Close() }

// Apply switches the service on and begins the first turn.
func (s *Switching) Apply(ctx context.Context) (transaction string, err error) {
	transaction, err = s.w.Apply(ctx)
	if err != nil {
		return transaction, err
	}
	s.w.Close() // the turn needs the lock
	services := hostsvc.New(hostexec.System{})
	if err := services.DaemonReload(ctx); err != nil {
		return transaction, fmt.Errorf("the service is switched on, but systemd did not read its units again: %w", err)
	}
	if err := services.Start(ctx, turnUnit); err != nil {
		return transaction, fmt.Errorf("the service is switched on, but its first turn did not begin: %w; it begins within the hour", err)
	}
	return transaction, nil
}

// SwitchOff takes back everything that switching the service on did, the last
// change first.
func SwitchOff(ctx context.Context, places secure.Places, choice change.Choice, ev secure.Events) ([]*result.Undo, error) {
	ids, err := secure.Transactions(places, kind)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, errors.New("stay-secure is off: no transaction that switched it on stands; see lockfast history")
	}
	services := hostsvc.New(hostexec.System{})
	var done []*result.Undo
	for _, id := range ids {
		doc, err := undo(ctx, secure.UndoOptions{Places: places, Transaction: id, Choice: choice, Events: ev})
		if doc != nil {
			done = append(done, doc)
		}
		if err != nil {
			return done, fmt.Errorf("cannot take %s back: %w", id, err)
		}
	}
	if err := services.DisarmTimer(ctx, wakeTimer); err != nil {
		return done, err
	}
	if err := tidy(places); err != nil {
		return done, err
	}
	return done, services.DaemonReload(ctx)
}

// tidy removes what the service remembered and fetched; what it did is in the
// journal.
func tidy(places secure.Places) error {
	o := Options{Fix: secure.FixOptions{Places: places}}
	for _, path := range []string{o.folder(), public, notify.MotdFile, Spool, "/var/lib/private/lockfast-courier"} {
		if err := hostfs.RemoveAll(path); err != nil {
			return fmt.Errorf("stay-secure is off, but %s could not be removed: %w", path, err)
		}
	}
	return nil
}

func undo(ctx context.Context, o secure.UndoOptions) (*result.Undo, error) {
	u, err := secure.BeginUndo(ctx, o)
	if err != nil {
		return nil, err
	}
	defer u.Close()
	return u.Apply(ctx)
}

// renew brings the units to what this version of Lockfast writes: a service that
// updates itself must not run with the sandbox of its predecessor.
func (o Options) renew(ctx context.Context) error {
	if o.Site.Program == "" || !o.on() {
		return nil
	}
	w, err := secure.BeginWishes(ctx, secure.WishOptions{
		Places: o.Fix.Places, Kind: kind, Title: "bring the units of stay-secure up to date", Tool: o.Fix.Scan.Tool, Events: o.Fix.Events,
	}, o.Site.unitWishes())
	if err != nil {
		return err
	}
	defer w.Close()
	if w.Plan() == nil {
		return nil
	}
	if _, err := w.Apply(ctx); err != nil {
		return err
	}
	return hostsvc.New(hostexec.System{}).DaemonReload(ctx)
}
