// Package change is the only way Lockfast changes a host: it carries out a plan
// step by step, writes down before each step what stood there, recovers after
// a crash, and undoes. README.md beside this file explains it on one page.
package change
