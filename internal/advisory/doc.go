// Package advisory holds what is known of vulnerabilities: OSV records cut down
// to what matching needs, Known Exploited Vulnerabilities (KEV), EPSS scores and
// CVSS vectors, compiled into one compact file, the store.
//
// Words: a [Row] is one advisory as it concerns one package of one ecosystem; an
// [Ecosystem] is OSV's name for a release ("Debian:12"); a [CVE] is what KEV,
// EPSS and CVSS say of one CVE id; [Meta] says which sources a store was made
// from, how old they are, and which releases they cover.
//
// A store that is damaged anywhere answers with an error that names the place,
// never with "no rows". The format is described in docs/formats/store.md.
package advisory
