// Package release finds out what a host is: its release and name, the kernel
// that runs, the kernels that could be booted, and whether it asks for a
// reboot.
//
// [Release] needs nothing; [Kernel] runs after the package databases were read.
package release
