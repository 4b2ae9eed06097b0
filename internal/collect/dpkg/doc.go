// Package dpkg reads the package database of Debian and its kin:
// var/lib/dpkg/status, and status.d/ as images without dpkg have it.
//
// The format is deb822 (deb-control(5)); the fields are those of dpkg-query(1).
package dpkg
