// Package apt reads what apt knows of a Debian or Ubuntu host, from its files
// alone: which archive each installed package came from, which updates are
// pending, and which of those come from a security archive.
//
// Words: a source is an entry of sources.list(5); a suite is one Release file
// of a source; a list is one Packages file of a suite, as apt keeps it below
// /var/lib/apt/lists; an offer is one version of one package in one list.
//
// What holds: lists left over from removed sources are ignored; a configured
// source without lists, a list that is not what its Release file states, and a
// Release file past its Valid-Until are reported, never passed over. Memory
// does not grow with the lists: only stanzas of installed packages are kept.
//
// Candidates follow apt_preferences(5): general and specific pins by version,
// release and origin, NotAutomatic, ButAutomaticUpgrades and
// APT::Default-Release. Not modelled: phased updates (Ubuntu may offer an
// update later than its archive does; security updates are not phased),
// conflicts between packages, settings given on apt's command line, cdrom
// sources, and a Dir::State::Lists other than the default.
package apt
