package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/notify"
)

const password = "correct horse battery"

// mailTo are settings for a server that a CA of the site vouches for.
func mailTo(t *testing.T, s *mailServer, protection string, ca authority) notify.Settings {
	t.Helper()
	return notify.Settings{
		Mail:   notify.Mail{Server: s.addr, TLS: protection, From: "lockfast@example.org", User: "joe", PasswordFile: write(t, "password", password+"\n", 0o600)},
		CAFile: ca.file,
	}
}

func TestMailOverTLS(t *testing.T) {
	ca := newAuthority(t)
	for _, protection := range []string{"starttls", "tls"} {
		s := &mailServer{tls: &tls.Config{Certificates: []tls.Certificate{ca.pair}}, wrapped: protection == "tls", auth: "LOGIN PLAIN", password: password}
		s.start(t)
		to := sink(t, "mail:admin@example.org")
		o, err := notify.Prepare(to, message(), mailTo(t, s, protection, ca))
		o = through(t, o, err)
		if strings.Contains(o.String(), password) {
			t.Errorf("%s gives the password away", o)
		}
		if err := notify.Deliver(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		said, mails := s.got()
		want := "EHLO, AUTH, MAIL, RCPT, DATA, QUIT"
		if protection == "starttls" {
			want = "EHLO in the clear, STARTTLS in the clear, " + want
		}
		if said != want || len(mails) != 1 {
			t.Errorf("%s: the server heard %q and has %d mails", protection, said, len(mails))
		}
		open(t, mails[0]).honest(t, "lockfast@example.org", "admin@example.org", message())
	}
}

func TestMailToThisHostInTheClear(t *testing.T) {
	s := &mailServer{}
	s.start(t)
	o, err := notify.Prepare(sink(t, "mail:admin@example.org"), forged(), notify.Settings{Mail: notify.Mail{Server: s.addr, From: "lockfast@example.org"}})
	if err := notify.Deliver(t.Context(), through(t, o, err)); err != nil {
		t.Fatal(err)
	}
	said, mails := s.got()
	if len(mails) != 1 || strings.Count(said, "MAIL") != 1 || strings.Count(said, "RCPT") != 1 {
		t.Fatalf("the server heard %q and has %q", said, mails)
	}
	open(t, mails[0]).honest(t, "lockfast@example.org", "admin@example.org", forged())
}

// A thief in the middle takes STARTTLS out of the greeting: nothing is said then.
func TestDowngrade(t *testing.T) {
	ca := newAuthority(t)
	s := &mailServer{tls: &tls.Config{Certificates: []tls.Certificate{ca.pair}}, noTLS: true, auth: "PLAIN", password: password}
	s.start(t)
	o, err := notify.Prepare(sink(t, "mail:admin@example.org"), message(), mailTo(t, s, "starttls", ca))
	refused(t, notify.Deliver(t.Context(), through(t, o, err)), "offers no STARTTLS", password)
	if said, _ := s.got(); said != "EHLO in the clear" {
		t.Errorf("the server heard %q", said)
	}
}

func TestServersThatAreNotTrusted(t *testing.T) {
	ca, other, elsewhere := newAuthority(t), newAuthority(t), newAuthority(t, "smtp.example.org")
	cases := map[string]struct{ trusted, used authority }{"another CA": {ca, other}, "another name": {elsewhere, elsewhere}}
	for name, c := range cases {
		for _, protection := range []string{"starttls", "tls"} {
			s := &mailServer{tls: &tls.Config{Certificates: []tls.Certificate{c.used.pair}}, wrapped: protection == "tls", auth: "PLAIN", password: password}
			s.start(t)
			o, err := notify.Prepare(sink(t, "mail:admin@example.org"), message(), mailTo(t, s, protection, c.trusted))
			refused(t, notify.Deliver(t.Context(), through(t, o, err)), "x509", password)
			if said, mails := s.got(); strings.Contains(said, "AUTH") || len(mails) > 0 {
				t.Errorf("%s: the server heard %q", name, said)
			}
		}
	}
}

func TestServersThatRefuse(t *testing.T) {
	ca := newAuthority(t)
	cases := map[string]struct {
		refuse map[string]string
		auth   string
		want   string
	}{
		"password":  {map[string]string{}, "PLAIN", "refuses notify.mail.user and its password"},
		"no login":  {map[string]string{}, "CRAM-MD5", "AUTH PLAIN"},
		"sender":    {map[string]string{"AUTH": "235 ok", "MAIL": "550 who\x1b[2J"}, "PLAIN", "refuses the sender"},
		"recipient": {map[string]string{"AUTH": "235 ok", "RCPT": "450-greylisted\r\n450 come again"}, "PLAIN", "greylisted come again"},
		"mail":      {map[string]string{"AUTH": "235 ok", "DATA": "554 spam"}, "PLAIN", "refuses the mail: 554 spam"},
	}
	for name, c := range cases {
		s := &mailServer{tls: &tls.Config{Certificates: []tls.Certificate{ca.pair}}, auth: c.auth, password: "another", refuse: c.refuse}
		s.start(t)
		o, err := notify.Prepare(sink(t, "mail:admin@example.org"), message(), mailTo(t, s, "starttls", ca))
		refused(t, notify.Deliver(t.Context(), through(t, o, err)), c.want, password, "AGpvZQ")
		if _, mails := s.got(); len(mails) > 0 {
			t.Errorf("%s: it has %d mails", name, len(mails))
		}
	}
}

// A server that greets for ever neither fills the memory nor holds us up.
func TestEndlessGreeting(t *testing.T) {
	s := &mailServer{flood: true}
	s.start(t)
	o, err := notify.Prepare(sink(t, "mail:admin@example.org"), message(), notify.Settings{Mail: notify.Mail{Server: s.addr}})
	refused(t, notify.Deliver(t.Context(), through(t, o, err)), "more than 1048576 bytes")
}

func TestContextEndsAConversation(t *testing.T) {
	s := &mailServer{}
	s.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o, err := notify.Prepare(sink(t, "mail:admin@example.org"), message(), notify.Settings{Mail: notify.Mail{Server: s.addr}})
	o = through(t, o, err)
	refused(t, notify.Deliver(ctx, o), "cannot send notice to mail:admin@example.org")
}

func TestMailThatIsNotPrepared(t *testing.T) {
	good := write(t, "good", "secret word\n", 0o600)
	cases := map[string]struct {
		to   string
		mail notify.Mail
		want string
	}{
		"clear":         {"a@b.example", notify.Mail{Server: "smtp.example.org:25", TLS: "none"}, "starttls or tls"},
		"clear login":   {"a@b.example", notify.Mail{Server: "127.0.0.1:25", TLS: "none", User: "joe", PasswordFile: good}, "in the clear"},
		"tls":           {"a@b.example", notify.Mail{Server: "h:25", TLS: "ssl"}, "write starttls, tls or none"},
		"local name":    {"root", notify.Mail{Server: "h:25"}, "whole address"},
		"port":          {"a@b.example", notify.Mail{Server: "h:smtp"}, "smtp.example.org:587"},
		"port 0":        {"a@b.example", notify.Mail{Server: "h:0"}, "smtp.example.org:587"},
		"path":          {"a@b.example", notify.Mail{Server: "smtp://h"}, "smtp.example.org:587"},
		"lines":         {"a@b.example", notify.Mail{Server: "h\r\nx:25"}, "smtp.example.org:587"},
		"sender":        {"a@b.example", notify.Mail{Server: "h:25", From: "a@b\r\nBcc: c@d"}, "mail:admin@example.org"},
		"user":          {"a@b.example", notify.Mail{Server: "h:25", User: "joe"}, "notify.mail.password_file"},
		"password":      {"a@b.example", notify.Mail{Server: "h:25", PasswordFile: good}, "notify.mail.user"},
		"no file":       {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: good + ".x"}, "no such file"},
		"relative file": {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: "x"}, "whole path"},
		"open file":     {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: write(t, "open", "secret word", 0o640)}, "chmod 600"},
		"empty file":    {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: write(t, "empty", "\n", 0o600)}, "one line"},
		"two lines":     {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: write(t, "two", "secret\nword", 0o600)}, "one line"},
		"large file":    {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: write(t, "large", strings.Repeat("x", 5000), 0o600)}, "larger than"},
		"folder":        {"a@b.example", notify.Mail{Server: "h:25", User: "joe", PasswordFile: "/"}, "cannot"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := notify.Prepare(sink(t, "mail:"+c.to), message(), notify.Settings{Mail: c.mail})
			refused(t, err, c.want, "secret word")
		})
	}
	short := message()
	short.Host = "web1"
	_, err := notify.Prepare(sink(t, "mail:a@b.example"), short, notify.Settings{Mail: notify.Mail{Server: "h:25"}})
	refused(t, err, "notify.mail.from")
}

func TestServerDefaults(t *testing.T) {
	cases := map[[2]string][2]string{
		{"smtp.example.org", ""}:      {"smtp.example.org:587", "starttls"},
		{"smtp.example.org", "tls"}:   {"smtp.example.org:465", "tls"},
		{"smtp.example.org:2525", ""}: {"smtp.example.org:2525", "starttls"},
		{"localhost", ""}:             {"localhost:25", "none"},
		{"[::1]", ""}:                 {"[::1]:25", "none"},
		{"[::1]:2525", "starttls"}:    {"[::1]:2525", "starttls"},
	}
	for in, want := range cases {
		o, err := notify.Prepare(sink(t, "mail:a@b.example"), message(), notify.Settings{Mail: notify.Mail{Server: in[0], TLS: in[1]}})
		if err != nil {
			t.Error(in, err)
			continue
		}
		if o.Mail.Server != want[0] || o.Mail.TLS != want[1] || o.Mail.From != "lockfast@web1.example.org" {
			t.Errorf("%q: got %s, %s, from %s", in, o.Mail.Server, o.Mail.TLS, o.Mail.From)
		}
	}
}

// An order is data from another process: what Prepare would not have made is
// not carried out.
func TestOrdersThatAreRefused(t *testing.T) {
	o, err := notify.Prepare(sink(t, "mail:a@b.example"), message(), notify.Settings{Mail: notify.Mail{Server: "localhost", From: "a@b.example"}})
	if err != nil {
		t.Fatal(err)
	}
	change := map[string]func(*notify.Order){
		"schema":  func(o *notify.Order) { o.Schema = "lockfast.notice-order/2" },
		"id":      func(o *notify.Order) { o.ID = "a\r\nX: y" },
		"sink":    func(o *notify.Order) { o.Sink = "a\nb" },
		"nothing": func(o *notify.Order) { o.Mail = nil },
		"both":    func(o *notify.Order) { o.Webhook = &notify.WebhookOrder{URL: "https://h/", Timestamp: "1"} },
		"clear":   func(o *notify.Order) { o.Mail.Server = "192.0.2.1:25" },
		"login":   func(o *notify.Order) { o.Mail.User = "joe" },
		"tls":     func(o *notify.Order) { o.Mail.TLS = "" },
		"to":      func(o *notify.Order) { o.Mail.To = "a@b>\r\nRCPT TO:<c@d" },
		"hello":   func(o *notify.Order) { o.Mail.Hello = "a\r\nQUIT" },
		"http": func(o *notify.Order) {
			o.Mail, o.Webhook = nil, &notify.WebhookOrder{URL: "http://192.0.2.1/", Timestamp: "1"}
		},
		"time": func(o *notify.Order) {
			o.Mail, o.Webhook = nil, &notify.WebhookOrder{URL: "https://h/", Timestamp: "1\r\n"}
		},
	}
	for name, f := range change {
		bad, mail := o, *o.Mail
		bad.Mail = &mail
		f(&bad)
		if err := notify.Deliver(t.Context(), bad); err == nil || strings.Contains(err.Error(), "connect") {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := bad.Marshal(); err == nil {
			t.Errorf("%s: it is written", name)
		}
	}
}

func FuzzReadOrder(f *testing.F) {
	for _, s := range []string{"mail:a@b.example", "webhook:https://h/x"} {
		o, err := notify.Prepare(sinkOf(s), message(), notify.Settings{Mail: notify.Mail{Server: "localhost", From: "a@b.example"}})
		if err != nil {
			f.Fatal(err)
		}
		data, err := o.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := notify.ReadOrder(strings.NewReader(text))
		if err != nil {
			refused(t, err, "cannot read order")
			return
		}
		if _, err := o.Marshal(); err != nil {
			t.Error(err)
		}
	})
}

func TestReadOrderStopsReading(t *testing.T) {
	_, err := notify.ReadOrder(endless{})
	refused(t, err, "larger than")
	_, err = notify.ReadOrder(broken{})
	refused(t, err, "cannot read order: cable")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cable") }
