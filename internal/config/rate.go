package config

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseRate reads "500k", "2M" or plain bytes a second; "" is 0, no limit.
func ParseRate(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	factor := int64(1)
	digits := s
	for suffix, by := range map[string]int64{"k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			digits, factor = rest, by
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q: write bytes a second as 500k or 2M", s)
	}
	return n * factor, nil
}
