package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
)

const (
	webhookTime   = 30 * time.Second
	webhookAnswer = 64 << 10 // bytes of a head, and of a body, that are read
	maxRedirects  = 3
)

func prepareWebhook(address string, msg *notice.Message, secretFile string) (*WebhookOrder, error) {
	body, err := notice.JSON(msg)
	if err != nil {
		return nil, err
	}
	o := &WebhookOrder{URL: address, Timestamp: strconv.FormatInt(time.Now().Unix(), 10), Body: body}
	if secretFile == "" {
		return o, nil
	}
	secret, err := readSecret(secretFile)
	if err != nil {
		return nil, err
	}
	if len(secret) < minKey {
		return nil, fmt.Errorf("cannot use secret %s: it has less than %d characters; make one with openssl rand -hex 32", secretFile, minKey)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(o.Timestamp + ".")) // a hash takes everything
	_, _ = mac.Write(body)
	o.Signature = "v1=" + hex.EncodeToString(mac.Sum(nil))
	return o, nil
}

func (o *WebhookOrder) check() error {
	if _, err := notice.ParseSink(string(notice.Webhook) + ":" + o.URL); err != nil {
		return err
	}
	if _, err := strconv.ParseInt(o.Timestamp, 10, 64); err != nil || notice.Clean(o.Signature) != o.Signature {
		return errors.New("its timestamp or its signature is damaged")
	}
	return nil
}

// send posts the message. Every answer but 2xx means that it did not arrive.
func (o *WebhookOrder) send(ctx context.Context, ca, id string) error {
	ctx, cancel := context.WithTimeout(ctx, webhookTime)
	defer cancel()
	u, err := url.Parse(o.URL)
	if err != nil {
		return errors.New("its address cannot be read")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(o.Body))
	if err != nil {
		return errors.New("its address cannot be read")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "lockfast")
	request.Header.Set("Idempotency-Key", id)
	request.Header.Set("X-Lockfast-Timestamp", o.Timestamp)
	if o.Signature != "" {
		request.Header.Set("X-Lockfast-Signature", o.Signature)
	}
	transport, err := o.transport(u, ca)
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: sameHost}
	response, err := client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 == 2 {
		return nil
	}
	answer, _ := io.ReadAll(io.LimitReader(response.Body, webhookAnswer)) // half of a reason is better than none
	return fmt.Errorf("it answers %d: %s", response.StatusCode, said(answer[:min(len(answer), 300)]))
}

func (o *WebhookOrder) transport(u *url.URL, ca string) (*http.Transport, error) {
	config, err := tlsConfig("", ca) // each connection's own name
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTime}
	t := &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTime,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: webhookAnswer, ForceAttemptHTTP2: true,
	}
	if u.Scheme == "http" { // only to this host, whatever the name resolves to
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil || isLoopback(conn.RemoteAddr()) {
				return conn, err
			}
			_ = conn.Close()
			return nil, fmt.Errorf("%s is not this host: write https://", conn.RemoteAddr())
		}
	}
	return t, nil
}

// sameHost follows a redirect only as long as the message goes to the server
// that it is for, with all that it holds.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case next.URL.Scheme != first.Scheme || next.URL.Host != first.Host:
		return fmt.Errorf("it redirects to another host, %s, which is not followed: set the sink to that address", notice.Clean(next.URL.Host))
	case next.Method != http.MethodPost:
		return errors.New("it redirects to a page to be read, which loses the message: set the sink to the right address")
	}
	return nil
}

// withoutURL is the cause of an error: the address may be a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
