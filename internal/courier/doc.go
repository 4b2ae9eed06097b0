// Package courier fetches from the network for programs that have none.
//
// A [Server] runs as a user without rights. It is asked over a unix socket, only
// by root and the users it is told (SO_PEERCRED), fetches into a spool folder
// that nobody else can read, and understands nothing of what it fetches. Its
// [Client] gets an open file, passed over the socket, and no path.
//
// [Method] is that client as apt's method for http and https: apt writes to it
// what it wants, the courier fetches it, apt verifies it as always. Who captures
// the courier can withhold, never forge. And the process that belongs to root
// never speaks to the network.
//
// # Protocol
//
// HTTP/1.1 over the socket, one request a connection, answers in JSON.
//
//	POST /fetch    a [Request]; the answer says "done", "unchanged", "not found"
//	               or "failed", and brings the file along if it is done
//	POST /deliver  {sink, body}: a message for a stranger, see [Server.Deliver]
//	GET  /health   "done"
//
// # What is promised
//
// Only whole files are handed out, with the digest that was asked for, if one
// was. What was interrupted stays and is gone on with, if the publisher says
// that it has not changed since. User, password and query of an address are in
// no error. A client takes the courier for hostile: the file is a plain one, of
// the announced size, and is read from its beginning whatever the courier does
// to it meanwhile; that it is the right one is for the client's caller to see.
//
// # Spool
//
// A file a name, a name an address: KEY.file is whole, KEY.part is under way,
// KEY.json says of both what their publisher called them. A file that has not
// been asked for in days goes, and the oldest go when the spool is full.
package courier
