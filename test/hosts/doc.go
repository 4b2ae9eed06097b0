// Package hosts makes real Debian hosts for tests on one machine: root file
// systems from the archive that this machine itself uses, kept as tarballs,
// cloned by overlay mounts, entered as a chroot or booted with systemd in a
// container with a private network.
//
// It needs root and the packages that scripts/setup-tests installs; what is
// missing fails the test. Everything it mounts or starts ends with the test.
package hosts
