// Package window is about maintenance windows: stretches of time, again and
// again, in which a host may be changed.
//
//	Sun 02:00-05:00 Europe/Berlin
//	Mon-Fri 22:00-04:00            past midnight, in the host's own zone
//	Sat,Sun 01:00-03:00 UTC
//	daily 00:00-24:00              at any time
//	first Sun 02:00-05:00          of each month; second, third, fourth, last
//
// A window belongs to the day on which it begins; of "first Sat,Sun" these are
// the month's first Saturday and its first Sunday, whichever comes first.
//
// Times are those of the clock on the wall, and so is the length. When the
// clock is put forward over the beginning, the window begins at the first
// moment after, and when it is put forward over all of it, there is none that
// night. When an hour comes twice, the window is open in both: from its first
// beginning to its last end, without a break, so that what began in the first
// need not stop in between.
package window
