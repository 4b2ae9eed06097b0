// Package probe tells whether this host's services still answer as they did
// before a change. It asks twice before ([Take]), again afterwards ([Settle]),
// and judges each target by itself ([Compare]).
//
// It asks as a client does: a page over http or https, a connection and its
// greeting over tcp. It connects to this host only, to loopback or an address of
// one of its interfaces, sends no credentials and follows no redirect. Connecting
// to a socket that systemd holds for a service starts that service.
//
// What was not seen to work before is "not judged", with the reason, and never
// "ok": nobody can say whether a change broke it.
package probe
