// Package rpm reads the package database of RPM systems.
//
// On a live host it asks rpm. Under --root, where no program of the host is
// started, it reads rpmdb.sqlite itself (rpm 4.16 and later); the older
// formats (Berkeley DB, ndb) are copied aside and read by this machine's rpm if
// there is one, else the answer is "could not look".
//
// Versions are [epoch:]version-release; an epoch of 0 is left out. The source
// version is taken from the source package's file name, with the binary's epoch.
package rpm
