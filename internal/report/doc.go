// Package report prints documents: a scan as a table for people in a terminal,
// JSON, SARIF, CycloneDX, OpenVEX, HTML and Prometheus text. One file a format.
//
// Whatever comes from a host or an advisory is neutralised first: a package
// named by an attacker must not move the cursor or open a tag.
//
// SARIF, CycloneDX and OpenVEX are written with small structs of our own, which
// hold what a scan has to say and no more; the tests check the output against
// the published schemas (docs/adr/0005-dependencies.md).
package report
