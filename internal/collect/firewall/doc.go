// Package firewall judges, for each listener of a host, what its packet filter
// does with a new connection from somewhere else: let it in, refuse it, or
// nobody can say.
//
// The question is narrow on purpose. The packet is the first of a new
// connection, valid, unfragmented, under every rate limit, not yet translated,
// from an address that no rule names, through an interface other than the
// loopback one, to one of the host's own addresses. It meets the base chains of
// its family at the hooks ingress, prerouting and input (nftables), or raw,
// mangle, nat and filter (iptables). Each match is yes, no or "cannot say": a
// match on an interface, a mark or anything this package does not know. Rules
// that cannot be decided count both ways, and only if every way ends the same
// is there an answer. Rules for some source addresses are told apart: a port
// that is closed to some is open; a port that is open to some is unknown.
//
// Not seen: eBPF and tc filters, filters of other machines, TCP wrappers, what
// the program itself refuses, and ports that DNAT forwards to containers
// without a listener here.
//
// Formats: libnftables-json(5), nft(8), iptables-save(8),
// iptables-extensions(8).
package firewall
