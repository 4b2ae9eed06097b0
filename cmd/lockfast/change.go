package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/secure"
)

// defaultCache is where package files are kept unless settings say otherwise.
const defaultCache = "/var/cache/lockfast"

// changeFlags are the flags of every verb that changes the host.
type changeFlags struct {
	state, cache string
	yes          bool
}

func (f *changeFlags) places(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.state, "state", "", "folder for the journal (default "+defaultState+")")
	cmd.Flags().StringVar(&f.cache, "cache", "", "folder for package files (default "+defaultCache+")")
}

func (f *changeFlags) confirmation(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do it without asking; without a terminal nothing is done unless this is given")
}

func (a *app) places(f changeFlags) secure.Places {
	return secure.Places{State: absolute(cmp.Or(f.state, a.config.State, defaultState)), Cache: absolute(cmp.Or(f.cache, a.config.Cache, defaultCache))}
}

// absolute makes a path mean the same to programs that run elsewhere.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path // without a current folder, what uses the path will say so
	}
	return whole
}

// changeError gives the end of a change its exit code.
func changeError(err error) error {
	if code := secure.CodeOf(err); err != nil && code != secure.ExitUnknown {
		return &exitError{code, err}
	}
	return err
}

// agree asks a person, or refuses where there is none.
func (a *app) agree(f changeFlags, question string) error {
	if f.yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) || a.json {
		return usagef("nothing was changed: there is no terminal to ask on; add --yes to do this")
	}
	_, _ = fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil && slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
		return nil
	}
	return usagef("nothing was changed: you said no")
}

// events shows on stderr what goes on: a line a phase, and on a terminal a bar.
func (a *app) events() secure.Events {
	file, isFile := a.stderr.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	open := false // a bar stands on the current line
	end := func() {
		if open {
			_, _ = fmt.Fprint(a.stderr, "\r\x1b[K")
			open = false
		}
	}
	bar := func(percent int, text string) {
		const width = 24
		if !terminal {
			return
		}
		filled := min(width, max(0, percent*width/100))
		_, _ = fmt.Fprintf(a.stderr, "\r\x1b[K[%s%s] %3d %% %s", strings.Repeat("=", filled), strings.Repeat(" ", width-filled), percent, report.Clean(text, 48))
		open = true
	}
	return secure.Events{
		Phase: func(text string) { end(); _, _ = fmt.Fprintf(a.stderr, "%s …\n", text) },
		Note:  func(text string) { end(); _, _ = fmt.Fprintf(a.stderr, "lockfast: %s\n", text) },
		Download: func(done, total int64, what string) {
			if total > 0 {
				bar(int(done*100/total), fmt.Sprintf("%s of %s %s", secure.Bytes(done), secure.Bytes(total), what))
			}
			if done == total {
				end()
			}
		},
		Install: func(percent int, pkg, phase string) {
			bar(percent, pkg+" "+phase)
			if percent >= 100 {
				end()
			}
		},
	}
}

// reportOptions fit what people read to where it is shown.
func (a *app) reportOptions(all bool) report.Options {
	o := report.Options{All: all}
	if file, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		o.Color = !slices.ContainsFunc(a.environ, func(e string) bool { return strings.HasPrefix(e, "NO_COLOR=") && e != "NO_COLOR=" })
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			o.Width = width
		}
	}
	return o
}

// ago reads "90d" as the moment that long ago.
func ago(now time.Time, age time.Duration) time.Time { return now.Add(-age) }

// plainEvents writes phases and notes as lines, for a journal.
func (a *app) plainEvents() secure.Events {
	line := func(text string) { _, _ = fmt.Fprintln(a.stderr, report.Clean(text, 400)) }
	return secure.Events{Phase: line, Note: line}
}
