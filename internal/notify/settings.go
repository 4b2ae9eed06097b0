package notify

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/notice"
)

// Settings is how messages leave this host. The zero value is mail through the
// local sendmail and webhooks without a signature.
type Settings struct {
	Mail              Mail
	WebhookSecretFile string // signs what webhooks get; readable by its owner only
	CAFile            string // PEM: certificates that are trusted beside the system's
}

// Mail is how mail is sent.
type Mail struct {
	Server       string // "smtp.example.org:587"; empty: this host's sendmail
	From         string // empty: root, or lockfast at this host
	User         string // empty: no login
	PasswordFile string // readable by its owner only
	TLS          string // "starttls", "tls", "none" (only to this host); empty: starttls, to this host none
}

// Ways to protect a connection to a mail server.
const (
	startTLS = "starttls"
	wrapped  = "tls"
	plain    = "none"
)

// IsRemote reports whether a sink takes [Prepare] and [Deliver] rather than
// [Local].
func IsRemote(sink notice.Sink, s Settings) bool {
	return sink.Kind == notice.Webhook || sink.Kind == notice.Mail && s.Mail.Server != ""
}

// server returns where mail goes and how the way there is protected.
func (m Mail) server() (address, protection string, err error) {
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil { // no port, or it cannot be meant: the check below says so
		host, port = strings.Trim(m.Server, "[]"), ""
	}
	protection = m.TLS
	switch protection {
	case startTLS, wrapped:
	case plain:
		if !notice.Loopback(host) {
			return "", "", fmt.Errorf("mail to %s would go in the clear: set notify.mail.tls to starttls or tls", notice.Clean(host))
		}
	case "":
		protection = startTLS
		if notice.Loopback(host) && m.User == "" {
			protection = plain
		}
	default:
		return "", "", fmt.Errorf("notify.mail.tls is %q: write starttls, tls or none", notice.Clean(m.TLS))
	}
	if port == "" {
		port = map[string]string{startTLS: "587", wrapped: "465", plain: "25"}[protection]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || notice.Clean(host) != host || strings.ContainsAny(host, " /@") {
		return "", "", fmt.Errorf("notify.mail.server is %q: write it as smtp.example.org:587", notice.Clean(m.Server))
	}
	return net.JoinHostPort(host, port), protection, nil
}

// checkAddress refuses what is no address that can be written into a header.
func checkAddress(a string) error {
	_, err := notice.ParseSink(string(notice.Mail) + ":" + a)
	return err
}
