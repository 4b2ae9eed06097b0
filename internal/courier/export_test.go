package courier

import (
	"bufio"
	"net/url"
	"strings"
	"time"
)

// ParseMessages reads all messages of apt in a text, as their texts.
func ParseMessages(text string) ([]string, error) {
	var all []string
	in := bufio.NewReader(strings.NewReader(text))
	for {
		m, err := readMessage(in)
		if err != nil {
			return all, err
		}
		all = append(all, string(m.text()))
	}
}

// LoggedIn adds the login that a text of apt_auth.conf(5) has for an address.
func LoggedIn(uri, text string) string { return loggedIn(uri, parseLogins(text)) }

// AptFile resolves a file's setting.
func AptFile(config map[string]string, name string) string {
	c := aptConfig{}
	for k, v := range config {
		c[strings.ToLower(k)] = v
	}
	return c.file(name)
}

// AptProxy is the proxy that apt's configuration names for an address.
func AptProxy(config map[string]string, uri, asked string) string {
	c := aptConfig{}
	for k, v := range config {
		c[strings.ToLower(k)] = v
	}
	u, err := url.Parse(uri)
	if err != nil {
		panic(err)
	}
	return c.proxy(u, asked)
}

// Small parsers of what strangers say.
var (
	RetryAfter = func(header string) time.Duration { return retryAfter(header, time.Unix(1700000000, 0)) }
	RangeStart = rangeStart
	Unquote    = unquote
	OneLine    = oneLine
)

// Check says what is wrong with a request.
func Check(q Request) error {
	if _, bad := q.check(); bad != nil {
		return bad
	}
	return nil
}
