// Package notify takes messages of internal/notice to people.
//
// Sinks of this host (sendmail, a program, the text at login, graphical
// sessions, a metrics file) are served by [Local], as root.
//
// Those behind a network take two steps in two processes. [Prepare] runs as
// root: it reads passwords, signs, and makes an [Order], a value with all that
// is needed and no more. [Deliver] carries it out in a process without
// privileges that sees none of this host's secrets but those in the order: what
// parses a stranger's answer is not root.
//
// Nothing is tried again here. An error means that people may not have been
// told; who calls keeps the memory as it is, and the message is made again with
// the same id, by which a receiver knows it.
package notify
