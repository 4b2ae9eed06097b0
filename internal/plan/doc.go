// Package plan is what is to be done to a host, as a document: ordered steps,
// each with the state it expects to find and the state it leaves behind.
//
// A plan is a value: it is shown, stored, signed, approved and compared. Making
// one changes nothing. internal/change carries it out, exactly or not at all.
//
// Words: an object is what a step changes (a path, a unit, a kernel parameter,
// a set of packages); its [State] is everything about it that counts. What to
// do and what to undo are both "bring this object to that state", which is why
// no step brings an undo of its own.
//
// Format: docs/formats/plan.md.
package plan
