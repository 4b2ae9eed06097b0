// Package dnf asks dnf 4 and rpm: Fedora's, Red Hat's and their kin's hosts.
//
// Nothing is read that dnf prints for people, but these: repoquery with a
// format of ours, "updateinfo list", whose lines are three words, and the
// solver's own result, which --debugsolver writes into a file ("upgrade
// app-1-1.x86_64@@System app-2-1.x86_64@updates"). The table that dnf shows
// before a transaction is cut to the width of a terminal, and not read.
//
// An order is installed by dnf from files given by path, with no repository at
// all, in one transaction: "install" brings to older versions too, and a script
// for "dnf shell" joins it with removals. A rehearsal with the same arguments
// must give exactly what was ordered before anything is changed. rpm -U would
// leave dnf's history and marks behind, and take kernels away that stay side by
// side.
//
// Before a run, the order is written into its log. If the run is killed, that
// tells [patch.Installer]'s Repair what may be half done: rpm's database
// records a package only once all its files are in place, so that a database
// that knows the old version may belong to a mixture of old and new files.
package dnf
