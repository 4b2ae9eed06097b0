// Package archtest keeps the house in order: its test holds the table of who
// may import whom, and checks that every package says what it is for.
package archtest
