// Package hostexec is the only code that starts programs. It knows no shell;
// programs are found in the system's own folders, run with a clean environment
// and LC_ALL=C.UTF-8, and end with their context.
package hostexec
