// Package socket lists what listens on a live host: listening TCP and SCTP
// sockets and unconnected UDP sockets, each with the process, package and
// systemd unit behind it, and from where its address alone can be reached.
//
// It sees the network namespace it runs in. Sockets of containers and services
// with a network of their own are not there; when such namespaces exist the
// status and a gap say so. Raw and packet sockets, and sockets of the kernel
// itself that /proc/net does not list (WireGuard), are not looked for.
//
// Formats: /proc/net/tcp and its kin as in the kernel's
// Documentation/networking/proc_net_tcp.rst; the owner of a socket is the
// process that has "socket:[INODE]" open (proc_pid_fd(5)).
package socket
