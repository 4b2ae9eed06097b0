//go:build !linux

package firewall

import "errors"

// countTables has no kernel to ask: only Linux has nftables.
func countTables() (int, error) { return 0, errors.New("it is not Linux") }
