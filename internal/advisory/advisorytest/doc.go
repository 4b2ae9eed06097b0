// Package advisorytest makes advisories for tests and benchmarks: OSV records,
// the zip of them, and rows. Everything follows from a seed, so that a figure
// can be measured again.
//
// The first 45,000 records are one distribution's, of about the number and the
// shape that Debian publishes: an id for each CVE, one to four releases, few
// packages with thousands of records and many with one. What comes after
// belongs to the other distributions in turn, as in a store that serves a mixed
// fleet.
package advisorytest
