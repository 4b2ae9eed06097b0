// Package agent is the unattended service of one host: `lockfast stay-secure`.
//
// It is no process that waits. systemd wakes it (a timer, at the moment that the
// last turn named, hourly as a safety net, after a start), it takes one [Turn]
// and ends: reads its state, carries out what internal/stay decides, each action
// through the same code as the CLI (internal/secure), writes the state before
// and after each, tells people, and arms the next wake-up. Whatever kills a turn,
// the next one finds what it was at and goes on from the journal.
//
// Two units (units.go): the turn runs as root without any listener and, where
// apt is the package manager, without a network; what it wants from the network
// it asks of the courier (internal/courier), an unprivileged process that can
// write its spool and nothing else. apt verifies what comes from there as always.
package agent
