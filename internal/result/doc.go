// Package result holds the documents Lockfast answers with. The scan document
// is an interface from the first day: its JSON form is described in
// docs/formats/scan.md, has a JSON Schema beside it and a schema number.
//
// Three values where people expect two: a *bool that is nil means unknown, and
// the reason stands in [Scan.Unknown]. "No" is only said after looking.
package result
