package report

import "strconv"

// score prints a CVSS base score as everybody does, with one digit.
func score(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
