// Package power sees whether a host runs on its battery, and whether its
// connection is paid for by volume. What it cannot see it leaves open (nil):
// most servers have neither a battery nor a NetworkManager.
package power
