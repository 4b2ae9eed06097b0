// Package power sees whether a host runs on its battery, how full that is, and
// whether its connection is paid for by volume. What it cannot see it leaves
// open (nil) and says why: most servers have neither a battery nor a
// NetworkManager.
package power
