package collect

import "strings"

// merged are folders that moved below /usr. On hosts where they did, the old
// names are links, and both names lead to one file.
var merged = [...]string{"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"}

// Aliases returns the names under which a package database may list a file
// that the running system shows as p, p itself first. A process maps
// /usr/lib64/libc.so.6 where the package says /lib64/libc.so.6, on Debian and
// on RPM systems alike.
func Aliases(p string) []string {
	for _, dir := range merged {
		if strings.HasPrefix(p, dir) {
			return []string{p, "/usr" + p}
		}
		if strings.HasPrefix(p, "/usr"+dir) {
			return []string{p, strings.TrimPrefix(p, "/usr")}
		}
	}
	return []string{p}
}

// Wanted maps every name under which a database may list one of the paths to
// the paths as they were asked for.
func Wanted(paths []string) map[string][]string {
	wanted := make(map[string][]string, 2*len(paths))
	for _, p := range paths {
		for _, name := range Aliases(p) {
			wanted[name] = append(wanted[name], p)
		}
	}
	return wanted
}
