// Package feed makes advisory stores: it imports what publishers offer (OSV
// zips and folders, the KEV catalogue, EPSS scores, CVE records) and syncs it
// from their public addresses.
//
// Words: an input is a path given by the user; a document is one file or one
// member of a zip; a family is a distribution ("Debian"), whose records make the
// source "osv/Debian".
//
// What a document is, is seen from its content, never from its name. Everything
// read has a limit. Nothing is written before all of the input was understood:
// a bad record fails the import and the old store stays, unless the caller asks
// to skip bad records, and then the releases concerned are marked partial.
package feed
