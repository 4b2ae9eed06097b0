package notice

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// SinkKind is a way to people.
type SinkKind string

// The ways to people.
const (
	Mail       SinkKind = "mail"       // mail:root, mail:admin@example.org
	Webhook    SinkKind = "webhook"    // webhook:https://hooks.example.org/lockfast
	Exec       SinkKind = "exec"       // exec:/usr/local/sbin/tell
	Motd       SinkKind = "motd"       // shown at each login
	Desktop    SinkKind = "desktop"    // shown in each graphical session
	Prometheus SinkKind = "prometheus" // prometheus:/var/lib/node_exporter/textfile_collector/lockfast.prom
)

const maxTarget = 2048

// Sink is where messages go, checked by [ParseSink].
type Sink struct {
	Kind   SinkKind
	Target string // address, URL or path; empty for motd and desktop
}

// String is a sink as [ParseSink] reads it. The URL of a webhook may be a
// secret: to name a sink to people use [Sink.Name].
func (s Sink) String() string {
	if s.Target == "" {
		return string(s.Kind)
	}
	return string(s.Kind) + ":" + s.Target
}

// Name names a sink without what could be secret in it.
func (s Sink) Name() string {
	if s.Kind != Webhook {
		return s.String()
	}
	u, err := url.Parse(s.Target)
	if err != nil {
		return string(Webhook)
	}
	return string(Webhook) + " to " + u.Host
}

// MarshalText writes a sink as [ParseSink] reads it.
func (s Sink) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a sink.
func (s *Sink) UnmarshalText(text []byte) error {
	parsed, err := ParseSink(string(text))
	*s = parsed
	return err
}

// ParseSink reads where messages go.
func ParseSink(s string) (Sink, error) {
	kind, target, _ := strings.Cut(s, ":")
	sink := Sink{Kind: SinkKind(kind), Target: target}
	var err error
	switch sink.Kind {
	case Mail:
		err = mailbox(target)
	case Webhook:
		err = hookURL(target)
	case Exec:
		err = file(target, "exec:/usr/local/sbin/tell")
	case Prometheus:
		err = metricsFile(target)
	case Motd, Desktop:
		if s != kind {
			err = fmt.Errorf("nothing follows: write %s", kind)
		}
	default:
		err = errors.New("write mail:root, webhook:https://…, exec:/path, motd, desktop or prometheus:/path.prom")
	}
	if err == nil && len(target) > maxTarget {
		err = fmt.Errorf("it is longer than %d bytes", maxTarget)
	}
	if err != nil {
		return Sink{}, fmt.Errorf("cannot send notices to %q: %w", cut(shown(s), 80), err)
	}
	return sink, nil
}

// shown is a sink in an error, which ends in logs: of a webhook without what
// may be a password or a token.
func shown(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, "#")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	return scheme + "://" + host + "/…"
}

// mailbox checks an address: dot-atoms (RFC 5322, section 3.2.3), which can be
// written into a header as they are, without the characters that mail programs
// have taken for a program, a file or a route.
func mailbox(address string) error {
	local, domain, whole := strings.Cut(address, "@")
	const hint = "write a local name as mail:root or an address as mail:admin@example.org"
	if len(local) > 64 || !dotAtom(local, "+-_=&'") || strings.HasPrefix(local, "-") {
		return errors.New(hint)
	}
	if whole && (len(domain) > 253 || !dotAtom(domain, "-")) {
		return errors.New(hint)
	}
	return nil
}

// dotAtom checks words of letters, digits and these others, with dots between.
func dotAtom(s, others string) bool {
	for word := range strings.SplitSeq(s, ".") {
		odd := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
		}
		if word == "" || strings.ContainsFunc(word, odd) {
			return false
		}
	}
	return true
}

// hookURL checks the address of a webhook.
func hookURL(text string) error {
	u, err := url.Parse(text)
	const hint = "write webhook:https://hooks.example.org/path"
	switch {
	case err != nil, u.Hostname() == "", u.Opaque != "", text != Clean(text), strings.Contains(text, " "):
		return errors.New(hint)
	case u.User != nil:
		return errors.New("put no name and password into it: set notify.webhook.secret_file, which signs what is sent")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return errors.New("leave out what follows the #: servers do not get it")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		return errors.New("http is only for this host: write https://")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New(hint)
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"):
		return errors.New(hint)
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return errors.New("its port is no number from 1 to 65535")
	}
	return nil
}

// Loopback reports whether a host's name or address can only mean this host.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// file checks a path.
func file(name, hint string) error {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" || Clean(name) != name {
		return errors.New("write the whole path, as in " + hint)
	}
	return nil
}

// metricsFile checks the path of a metrics file: node_exporter only reads those
// that end with .prom.
func metricsFile(name string) error {
	const hint = "prometheus:/var/lib/node_exporter/textfile_collector/lockfast.prom"
	if err := file(name, hint); err != nil {
		return err
	}
	if !strings.HasSuffix(name, ".prom") || strings.HasSuffix(name, "/.prom") {
		return errors.New("its name has to end with .prom, or node_exporter does not read it")
	}
	return nil
}
