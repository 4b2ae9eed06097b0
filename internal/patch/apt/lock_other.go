//go:build !unix

package apt

func (*Backend) unlocked(string) error { return nil }
