package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lockfast/lockfast/internal/courier"
)

// aptMethod fetches for apt through the courier.
func aptMethod(ctx context.Context) int {
	if err := courier.Method(ctx, os.Stdin, os.Stdout, courier.MethodOptions{}); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "lockfast: %v\n", err)
		return 100 // as apt's own methods do
	}
	return 0
}
