// Package apt is the backend of Debian and Ubuntu. It speaks to apt-get,
// apt-cache, apt-mark and dpkg, and reads only their machine-readable output:
// the lines of "apt-get -s", the stanzas of "apt-cache show", the status lines
// of APT::Status-Fd, dpkg-query's formats.
//
// Package files are installed from Lockfast's own cache, by their names, so
// that the same path leads to newer and to older versions and no index has to
// know them.
package apt
