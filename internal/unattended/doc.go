// Package unattended reads how unattended-upgrades is set up on a Debian or
// Ubuntu host and converts it to a configuration of Lockfast.
//
// [Read] looks: apt's configuration as apt itself merges it (`apt-config dump`),
// or, where the host does not run, its files through a parser of our own; the
// timers of systemd that start it; the archives that apt knows. [Convert] judges
// what was read: it is pure, and its [Conversion] says of every option that was
// seen what became of it. An option is a setting of ours, or it is what Lockfast
// does anyway, or it is not converted, with the reason and what to do.
//
// What it promises: nothing is dropped in silence. Where an option kept updates
// away and has no counterpart, the conversion says that more will be installed
// than before ([Unmapped.More]).
package unattended
