// Package repack builds a .deb from the installed files of a package, for
// packages that no archive offers any more: what is upgraded can then be undone
// without a network.
//
// Such an archive is not what the distribution shipped and signed, and the
// [Report] says where it is known to differ. It carries the content, modes and
// owners that are on disk, and everything dpkg itself keeps about a package.
//
// Format: deb(5), deb-control(5). The size of a member stands before it, so the
// files are read twice: once to measure, once to write. A file that changes
// between is an error. Files are streamed; nothing is written beside the archive.
package repack
