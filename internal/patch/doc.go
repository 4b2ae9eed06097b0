// Package patch is what Lockfast asks of a package manager. One folder each
// (apt, dnf, zypper) answers, and every one passes the suite of patchtest.
//
// Backends produce facts and carry out one order at a time; they do not decide
// what is to be updated (internal/planner does), keep no journal and undo
// nothing (internal/change does). They read machine-readable output only, with
// LC_ALL=C.UTF-8, and never trust an exit status alone: after every change the
// package database is read back.
package patch
