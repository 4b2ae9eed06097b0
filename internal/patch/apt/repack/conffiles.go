package repack

import "strings"

// conffile is a configuration file that dpkg looks after.
type conffile struct {
	digest string // MD5 of what was shipped; "" when dpkg does not know
	gone   bool   // of an earlier version, or to be removed: not in the archive
}

// removeOnUpgrade marks a path that a package wants gone (deb-conffiles(5)).
const removeOnUpgrade = "remove-on-upgrade"

// conffiles joins what the status says with the list that the package brought.
func conffiles(status, list string) map[string]*conffile {
	all := map[string]*conffile{}
	for line := range strings.Lines(status) { // "/etc/a file" digest [obsolete]
		c := &conffile{}
		line = strings.TrimSpace(line)
		for _, flag := range []string{" " + removeOnUpgrade, " obsolete"} { // from the end, as dpkg writes them
			if rest, ok := strings.CutSuffix(line, flag); ok {
				line, c.gone = rest, true
			}
		}
		i := strings.LastIndexByte(line, ' ')
		if i <= 0 {
			continue
		}
		if isDigest(line[i+1:]) { // else "newconffile": none was installed yet
			c.digest = line[i+1:]
		}
		all[line[:i]] = c
	}
	for line := range strings.Lines(list) {
		name, remove := strings.CutPrefix(strings.TrimSpace(line), removeOnUpgrade+" ")
		if all[name] == nil && strings.HasPrefix(name, "/") {
			all[name] = &conffile{gone: remove}
		}
	}
	return all
}

// isDigest reports whether a word is an MD5 digest as dpkg writes it.
func isDigest(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// digests reads a package's md5sums. Lines of another form are left out; their
// files are then reported as not checked.
func digests(text string) map[string]string {
	sums := map[string]string{}
	for line := range strings.Lines(text) {
		sum, name, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		if ok && isDigest(sum) {
			sums["/"+strings.TrimPrefix(strings.TrimPrefix(name, "./"), "/")] = sum
		}
	}
	return sums
}
