package socket

import (
	"net/netip"

	"github.com/lockfast/lockfast/internal/inventory"
)

// ScopeOf says from where an address can be reached, by itself.
func ScopeOf(a netip.Addr) inventory.Scope {
	// 100.64.0.0/10 is shared address space behind a provider's or overlay's
	// translation (RFC 6598): no less private than 10/8.
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	switch a = a.Unmap(); {
	case !a.IsValid():
		return inventory.ScopeUnknown
	case a.IsLoopback():
		return inventory.ScopeLoopback
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast(), a.IsInterfaceLocalMulticast(), a.IsPrivate(), shared.Contains(a):
		return inventory.ScopeLocal
	}
	return inventory.ScopeAny
}
