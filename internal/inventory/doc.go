// Package inventory says what a host is and has: release, kernel, packages and
// where they came from, listening sockets, processes that still run replaced
// files, and the updates its package manager already knows of.
//
// Everything here is a plain value. Collectors (internal/collect) fill it;
// match and exposure judge it. What a collector could not see is a [Status] or
// a [Gap], never a missing line: an empty list means "looked, found none" only
// if the status of the collector that fills it is [Succeeded].
package inventory
