//go:build !unix

package hostfs

// syncDir does nothing: folders cannot be synced here, and a rename is
// journalled by the file system.
func syncDir(string) error { return nil }
