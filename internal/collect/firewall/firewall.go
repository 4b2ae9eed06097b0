package firewall

import (
	"context"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Collector says for each listener of the inventory what the packet filter
// does with new connections to it. It goes after the sockets.
type Collector struct {
	// Tables counts the tables of nftables in the kernel without the nft
	// program; it is asked where that is not installed. Nil asks this machine's
	// kernel.
	Tables func() (int, error)
}

// Name is "firewall".
func (Collector) Name() string { return "firewall" }

// Collect sets Filter and FilterReason of the listeners. Rules that cannot be
// read leave every listener unknown, with the reason.
func (c Collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	if !host.Live {
		return inventory.Status{Outcome: inventory.NotApplicable, Reason: "no packet filter under --root"}
	}
	if len(inv.Listeners) == 0 {
		return inventory.Status{Outcome: inventory.Succeeded}
	}
	rules, err := c.read(ctx, host)
	if err != nil {
		reason := "packet filter rules could not be read: " + err.Error()
		for i := range inv.Listeners {
			inv.Listeners[i].Filter, inv.Listeners[i].FilterReason = inventory.FilterUnknown, reason
		}
		return inventory.Status{Outcome: inventory.Failed, Reason: reason}
	}
	for i := range inv.Listeners {
		l := &inv.Listeners[i]
		v := verdict{inventory.FilterUnknown, "not asked: only this host itself can reach it"}
		if l.Scope != inventory.ScopeLoopback {
			v = rules.listener(l, inv.Listeners)
		}
		l.Filter, l.FilterReason = v.filter, v.reason
	}
	return inventory.Status{Outcome: inventory.Succeeded}
}
