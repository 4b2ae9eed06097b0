// Package hostfs is the only code that touches files of a host.
//
// A [Root] shows a directory as a host's "/": symlinks resolve as in a chroot,
// so that the absolute ones stay inside and nothing escapes. Reading is through
// io/fs. Writing replaces whole files ([Replace]): temporary file, sync,
// rename, sync of the folder.
package hostfs
