package notify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/notify"
)

var morning = time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC)

func message() *notice.Message {
	return &notice.Message{
		ID: "0a1b2c3d4e5f60718293a4b5", Host: "web1.example.org", At: morning, Urgent: true,
		Items: []notice.Item{
			{Kind: notice.ExploitedExposed, Key: "nginx", Title: "nginx listens with a hole that is being exploited", Text: "Grüße: the fix waits for the window on Sunday.",
				Do: "lockfast fix apply nginx", Since: morning.AddDate(0, 0, -2), IDs: []string{"CVE-2026-12345"}},
			{Kind: notice.NeedsPerson, Key: "sshd", Title: "sshd_config was changed <here> & there"},
		},
	}
}

// forged tries to get out of every string of a message.
func forged() *notice.Message {
	bad := "x\r\nBcc: thief@example.org\r\n\r\n.\r\nQUIT\r\n\x1b[2J\u202e =?utf-8?b?QmNjOiB0aGllZg==?= ä\x00"
	m := message()
	m.ID, m.Host = bad, bad
	m.Items = []notice.Item{{Kind: notice.Kind(bad), Key: bad, Title: bad, Text: bad, Do: bad, IDs: []string{bad}}}
	m.Recovered = m.Items
	return m
}

func sink(t *testing.T, s string) notice.Sink {
	t.Helper()
	parsed, err := notice.ParseSink(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// refused wants an error on one line with some words and without others.
func refused(t *testing.T, err error, want string, without ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	if text := err.Error(); !strings.Contains(text, want) || strings.ContainsAny(text, "\n\r\x1b\x00") {
		t.Errorf("got %q, want one line with %q", text, want)
	}
	for _, secret := range without {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q gives %q away", err, secret)
		}
	}
}

// authority makes certificates for servers on loopback.
type authority struct {
	file string // PEM
	pair tls.Certificate
}

func newAuthority(t *testing.T, names ...string) authority {
	t.Helper()
	caKey, ca := certificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true}, nil, nil)
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if len(names) == 0 {
		leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	key, cert := certificate(t, leaf, ca, caKey)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	return authority{write(t, "ca.pem", string(text), 0o644), tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
}

func certificate(t *testing.T, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, parentKey = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// through hands an order over as between two processes.
func through(t *testing.T, o notify.Order, err error) notify.Order {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if o, err = notify.ReadOrder(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return o
}

// letter is a mail as a reader's program sees it.
type letter struct {
	mail.Header

	subject, text string
}

func open(t *testing.T, raw string) letter {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v: %q", err, raw)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return letter{m.Header, subject, strings.ReplaceAll(string(text), "\r\n", "\n")}
}

// honest checks that a mail has the headers that it should have and no others.
func (l letter) honest(t *testing.T, from, to string, msg *notice.Message) {
	t.Helper()
	for name, values := range l.Header {
		if len(values) != 1 || strings.ContainsAny(values[0], "\r\n") {
			t.Errorf("header %s: %q", name, values)
		}
	}
	if got := len(l.Header); got != 13 {
		t.Errorf("%d headers: %v", got, l.Header)
	}
	if l.subject != strings.ReplaceAll(notice.Subject(msg), "=?", "= ?") || l.text != notice.Text(msg) {
		t.Errorf("subject %q\n%s\nwant %q\n%s", l.subject, l.text, notice.Subject(msg), notice.Text(msg))
	}
	if l.Get("To") != "<"+to+">" || !strings.HasSuffix(l.Get("From"), " <"+from+">") || l.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers %v", l.Header)
	}
}
