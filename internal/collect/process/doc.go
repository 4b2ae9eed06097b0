// Package process finds out which packages' code runs: it reads the memory maps
// of every process of a live host, names the package behind each mapped program
// and library, and notes files that were replaced on disk but still run.
//
// What it cannot see, by nature: code that is read instead of mapped (scripts,
// byte code, jars) belongs to its interpreter here. Processes in containers run
// other files than the host's packages ship, even where the paths are the same;
// they are counted as a gap, never attributed.
//
// Formats: proc_pid_maps(5), proc_pid_cgroup(5), proc_pid_stat(5).
package process
