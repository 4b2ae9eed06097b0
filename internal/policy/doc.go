// Package policy holds what a site decided: for now its waivers, findings that
// it accepts for a reason and until a date.
package policy
