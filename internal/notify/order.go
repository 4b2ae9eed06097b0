package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/lockfast/lockfast/internal/notice"
)

// OrderSchema names the format of an [Order].
const OrderSchema = "lockfast.notice-order/1"

// maxOrder bounds an order, in bytes: a hundred items of the longest, twice.
const maxOrder = 4 << 20

// Order is a message ready to be sent by a process that knows nothing else of
// this host. It may hold a password: it is handed over through a pipe, never
// kept in a file or a log.
type Order struct {
	Schema  string        `json:"schema"`
	ID      string        `json:"id"`   // of the message
	Sink    string        `json:"sink"` // as errors name it
	CA      string        `json:"ca,omitempty"`
	Mail    *MailOrder    `json:"mail,omitempty"`
	Webhook *WebhookOrder `json:"webhook,omitempty"`
}

// MailOrder is a mail for a mail server.
type MailOrder struct {
	Server   string `json:"server"` // host:port
	TLS      string `json:"tls"`    // "starttls", "tls", "none"
	Hello    string `json:"hello"`  // what this host calls itself
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	From     string `json:"from"`
	To       string `json:"to"`
	Data     []byte `json:"data"` // the whole mail
}

// WebhookOrder is a request, signed already.
type WebhookOrder struct {
	URL       string `json:"url"`
	Timestamp string `json:"timestamp"`           // seconds since 1970
	Signature string `json:"signature,omitempty"` // "v1=…"; empty: no secret is set
	Body      []byte `json:"body"`
}

// Prepare makes the order for a sink behind a network. It reads the secret files
// that the settings name.
func Prepare(sink notice.Sink, msg *notice.Message, s Settings) (Order, error) {
	if msg == nil {
		return Order{}, fmt.Errorf("internal error: no notice to send to %s", sink.Name())
	}
	o := Order{Schema: OrderSchema, ID: atom(msg.ID), Sink: sink.Name()}
	err := o.fill(sink, msg, s)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return Order{}, fmt.Errorf("cannot send notice to %s: %w", sink.Name(), err)
	}
	return o, nil
}

func (o *Order) fill(sink notice.Sink, msg *notice.Message, s Settings) (err error) {
	if !IsRemote(sink, s) {
		return errors.New("internal error: it is a sink of this host")
	}
	if s.CAFile != "" {
		if o.CA, err = readCA(s.CAFile); err != nil {
			return err
		}
	}
	if sink.Kind == notice.Webhook {
		o.Webhook, err = prepareWebhook(sink.Target, msg, s.WebhookSecretFile)
		return err
	}
	o.Mail, err = prepareMail(sink.Target, msg, s.Mail)
	return err
}

// ReadOrder reads an order that [Order.Marshal] wrote.
func ReadOrder(r io.Reader) (Order, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxOrder+1))
	if err != nil {
		return Order{}, fmt.Errorf("cannot read order: %w", err)
	}
	if len(data) > maxOrder {
		return Order{}, fmt.Errorf("cannot read order: it is larger than %d bytes", maxOrder)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var o Order
	if err := decoder.Decode(&o); err != nil {
		return Order{}, fmt.Errorf("cannot read order: %s", oneLine(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Order{}, errors.New("cannot read order: something follows its end")
	}
	if err := o.check(); err != nil {
		return Order{}, fmt.Errorf("cannot read order: %w", err)
	}
	return o, nil
}

// Marshal writes an order.
func (o Order) Marshal() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("cannot write order: %w", err)
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("cannot write order: %w", err)
	}
	if len(data) > maxOrder {
		return nil, fmt.Errorf("cannot write order: it is larger than %d bytes", maxOrder)
	}
	return data, nil
}

// String names an order without its secrets.
func (o Order) String() string { return "notice " + o.ID + " to " + o.Sink }

// check refuses what [Prepare] would not have made: an order is also read.
func (o Order) check() error {
	switch {
	case o.Schema != OrderSchema:
		return fmt.Errorf("its schema is %q, this program knows %q", notice.Clean(o.Schema), OrderSchema)
	case o.ID != atom(o.ID), o.Sink != notice.Clean(o.Sink):
		return errors.New("its id or its sink is damaged")
	case (o.Mail == nil) == (o.Webhook == nil):
		return errors.New("it is neither a mail nor a webhook")
	case o.Mail != nil:
		return o.Mail.check()
	}
	return o.Webhook.check()
}

// Deliver carries out an order. It needs nothing of this host but the network
// and the system's certificates.
func Deliver(ctx context.Context, o Order) error {
	err := o.check()
	switch {
	case err != nil:
	case o.Mail != nil:
		err = o.Mail.send(ctx, o.CA)
	default:
		err = o.Webhook.send(ctx, o.CA, o.ID)
	}
	if err != nil {
		return fmt.Errorf("cannot send notice to %s: %s", notice.Clean(o.Sink), o.withoutSecrets(err))
	}
	return nil
}

// withoutSecrets is an error on one line. A server may repeat in its answer what
// it was given.
func (o Order) withoutSecrets(err error) string {
	text := err.Error()
	for _, secret := range o.secrets() {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return oneLine(text)
}

func (o Order) secrets() []string {
	switch {
	case o.Mail != nil && o.Mail.Password != "":
		login := "\x00" + o.Mail.User + "\x00" + o.Mail.Password // as AUTH PLAIN sends it
		return []string{base64.StdEncoding.EncodeToString([]byte(login)), o.Mail.Password}
	case o.Webhook != nil:
		// Some services know their customers by the path.
		if u, err := url.Parse(o.Webhook.URL); err == nil && len(u.Path) > len("/hook") {
			return []string{u.RequestURI(), u.Path}
		}
	}
	return nil
}

// oneLine makes an error fit for a log.
func oneLine(text string) string {
	const limit = 600
	return notice.Clean(strings.ToValidUTF8(text[:min(len(text), limit)], ""))
}
