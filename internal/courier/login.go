package courier

import (
	"net/url"
	"strings"
)

// login is what apt_auth.conf(5) says of one machine: [SCHEME://]HOST[:PORT][/PATH].
type login struct {
	scheme, host, path string // host with its port, if one is named
	user, password     string
}

// parseLogins reads words; what it does not know is passed over, as apt does.
func parseLogins(text string) []login {
	var all []login
	var words []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			words = append(words, strings.Fields(line)...)
		}
	}
	for i := 0; i+1 < len(words); i += 2 {
		switch value := words[i+1]; {
		case words[i] == "machine":
			all = append(all, machine(value))
		case len(all) == 0:
			i-- // not in a stanza: the next word may begin one
		case words[i] == "login":
			all[len(all)-1].user = value
		case words[i] == "password":
			all[len(all)-1].password = value
		default:
			i--
		}
	}
	return all
}

func machine(s string) login {
	l := login{scheme: "https"} // a password shall not go over a line that others read, unless it is said
	if scheme, rest, found := strings.Cut(s, "://"); found {
		l.scheme, s = scheme, rest
	}
	if i := strings.IndexByte(s, '/'); i >= 0 {
		s, l.path = s[:i], s[i:]
	}
	l.host = s
	return l
}

// fits says whether a login is for an address.
func (l login) fits(u *url.URL) bool {
	if l.scheme != u.Scheme || !strings.HasPrefix(u.EscapedPath(), l.path) {
		return false
	}
	if strings.EqualFold(l.host, u.Host) {
		return true
	}
	return l.path == "" && strings.EqualFold(l.host, u.Hostname()) // without a path any port will do, as for apt
}

// loggedIn adds user and password to an address that has none. That of the
// first that fits is taken.
func loggedIn(uri string, logins []login) string {
	u, err := url.Parse(uri)
	if err != nil || u.User != nil {
		return uri
	}
	for _, l := range logins {
		if l.fits(u) {
			u.User = url.UserPassword(l.user, l.password)
			return u.String()
		}
	}
	return uri
}
