// Package exposure says what of a finding runs and can be reached, and in
// which order findings deserve attention.
//
// [Of] follows package → process → listening socket → packet filter. [Rank]
// sorts by urgency, highest first:
//
//	9  known exploited, exposed
//	8  known exploited, running (or nobody could see)
//	7  critical, high or likely exploited (EPSS ≥ 0.1), exposed
//	6  known exploited, only installed
//	5  other or unknown severity, exposed
//	4  critical, high or likely exploited, running (or nobody could see)
//	3  other or unknown severity, running (or nobody could see)
//	2  critical, high or likely exploited, only installed
//	1  the rest
//	0  nothing of it runs as what it is: headers, kernels left on disk
//
// and within a step: what has a fix before what has none, then use by ransomware,
// severity, EPSS, patch gap, and the key, so that the order is total. What could not be seen
// counts as running, not as exposed: not knowing never pushes a finding down to
// the ones that are only installed. [Reason] says the same in a sentence.
package exposure
