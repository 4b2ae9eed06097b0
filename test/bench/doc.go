// Package bench measures the program as a whole: CPU seconds and peak memory
// of a process that scans, against stores of two sizes. Run it with make bench;
// docs/benchmarks.md has the figures and what they are compared with.
package bench
