// Package secure is the whole workflow behind each verb: it knows in which
// order to look, judge and answer, but neither flags nor printing.
//
// [Scan] collects an inventory, matches it with the advisories and with the
// package manager's own metadata, adds what runs and what is exposed, ranks,
// and decides the exit code. Everything that could not be looked at becomes an
// entry of [result.Scan.Unknown]; the blocking ones decide for exit 3.
package secure
