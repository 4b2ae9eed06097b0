package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
)

const (
	smtpTime    = 2 * time.Minute // some servers think long before they take a mail
	dialTime    = 20 * time.Second
	smtpAnswers = 1 << 20 // bytes that a server may say
)

func prepareMail(to string, msg *notice.Message, m Mail) (*MailOrder, error) {
	address, protection, err := m.server()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(to, "@") {
		return nil, errors.New("a mail server needs a whole address: write mail:" + to + "@example.org, or leave out notify.mail.server")
	}
	o := &MailOrder{Server: address, TLS: protection, Hello: hostname(msg.Host), User: m.User, From: m.From, To: to}
	if o.From == "" && !strings.Contains(o.Hello, ".") {
		return nil, errors.New("this host's name is no whole one, so the mail would have no sender: set notify.mail.from")
	}
	if o.From == "" {
		o.From = "lockfast@" + o.Hello
	}
	if (m.User == "") != (m.PasswordFile == "") {
		return nil, errors.New("a login takes both: set notify.mail.user and notify.mail.password_file, or neither")
	}
	if m.User != "" {
		if o.Password, err = readSecret(m.PasswordFile); err != nil {
			return nil, err
		}
	}
	if err := o.check(); err != nil { // the addresses stand in the mail's head
		return nil, err
	}
	o.Data, err = compose(msg, o.From, o.To)
	return o, err
}

func (o *MailOrder) check() error {
	host, _, err := net.SplitHostPort(o.Server)
	if err != nil || notice.Clean(o.Server) != o.Server {
		return fmt.Errorf("notify.mail.server is %q: write it as smtp.example.org:587", notice.Clean(o.Server))
	}
	switch o.TLS {
	case startTLS, wrapped:
	case plain:
		if !notice.Loopback(host) || o.User != "" {
			return errors.New("mail would go in the clear: set notify.mail.tls to starttls or tls")
		}
	default:
		return fmt.Errorf("notify.mail.tls is %q: write starttls, tls or none", notice.Clean(o.TLS))
	}
	if strings.ContainsAny(o.User+o.Password, "\r\n\x00") || hostname(o.Hello) != o.Hello {
		return errors.New("notify.mail.user or this host's name is not one clean line")
	}
	for _, a := range []string{o.From, o.To} {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// send hands the mail to the server. Nothing of it is said before the connection
// is as protected as it was ordered.
func (o *MailOrder) send(ctx context.Context, ca string) error {
	ctx, cancel := context.WithTimeout(ctx, smtpTime)
	defer cancel()
	host, _, err := net.SplitHostPort(o.Server)
	if err != nil {
		return err
	}
	config, err := tlsConfig(host, ca)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", o.Server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends what waits for an answer
	defer stop()
	if o.TLS == plain && !isLoopback(conn.RemoteAddr()) {
		return fmt.Errorf("mail would go in the clear, and %s is not this host: set notify.mail.tls to starttls or tls", conn.RemoteAddr())
	}
	if err := o.talk(o.wrap(&sparing{Conn: conn, left: smtpAnswers}, config), host, config); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s did not answer in time: %w", o.Server, ctx.Err())
		}
		return err
	}
	return nil
}

func (o *MailOrder) wrap(conn net.Conn, config *tls.Config) net.Conn {
	if o.TLS == wrapped {
		return tls.Client(conn, config)
	}
	return conn
}

// talk leads the conversation of RFC 5321.
func (o *MailOrder) talk(conn net.Conn, host string, config *tls.Config) error {
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("%s does not greet as a mail server: %w", o.Server, err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Hello(o.Hello); err != nil {
		return o.refuses("our greeting", err)
	}
	if o.TLS == startTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return fmt.Errorf("%s offers no STARTTLS, and mail does not go in the clear: set notify.mail.tls to tls if it listens so, or ask who runs it", o.Server)
		}
		if err := c.StartTLS(config); err != nil {
			return fmt.Errorf("%s cannot be trusted: %w", o.Server, err)
		}
	}
	if err := o.login(c, host); err != nil {
		return err
	}
	if err := c.Mail(o.From); err != nil {
		return o.refuses("the sender "+o.From, err)
	}
	if err := c.Rcpt(o.To); err != nil {
		return o.refuses("the recipient", err)
	}
	out, err := c.Data()
	if err != nil {
		return o.refuses("the mail", err)
	}
	if _, err := io.Copy(out, bytes.NewReader(o.Data)); err != nil {
		return fmt.Errorf("%s broke off: %w", o.Server, err)
	}
	if err := out.Close(); err != nil {
		return o.refuses("the mail", err)
	}
	_ = c.Quit() // it has the mail: how it says goodbye does not matter
	return nil
}

func (o *MailOrder) login(c *smtp.Client, host string) error {
	if o.User == "" {
		return nil
	}
	if _, protected := c.TLSConnectionState(); !protected && o.TLS != wrapped {
		return errors.New("internal error: a password would go in the clear")
	}
	_, ways := c.Extension("AUTH")
	if !strings.Contains(" "+strings.ToUpper(ways)+" ", " PLAIN ") {
		return fmt.Errorf("%s offers no login with a password (AUTH PLAIN), only %q", o.Server, notice.Clean(ways))
	}
	if err := c.Auth(smtp.PlainAuth("", o.User, o.Password, host)); err != nil {
		return o.refuses("notify.mail.user and its password", err)
	}
	return nil
}

// refuses says what a server answered, in its own words: package textproto would
// quote them.
func (o *MailOrder) refuses(what string, err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("%s refuses %s: %d %s", o.Server, what, answer.Code, answer.Msg)
	}
	return fmt.Errorf("%s refuses %s: %w", o.Server, what, err)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// sparing reads only so much: a server that goes on and on does not fill our
// memory.
type sparing struct {
	net.Conn

	left int
}

func (s *sparing) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, fmt.Errorf("it said more than %d bytes", smtpAnswers)
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}
