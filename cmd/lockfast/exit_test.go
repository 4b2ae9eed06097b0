package main

import "errors"

// asExit finds the exit code of a process in an error.
func asExit(err error, into *interface{ ExitCode() int }) bool {
	return errors.As(err, into)
}
