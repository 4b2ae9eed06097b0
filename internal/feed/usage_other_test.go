//go:build !unix

package feed_test

// Not measured here.
func cpuSeconds() float64 { return 0 }

func peakMiB() float64 { return 0 }
