//go:build e2e

package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// hook is a web server that keeps what a webhook gets: the time, the signature
// and the body.
const hook = `log_format hook escape=none '$http_x_lockfast_timestamp $http_x_lockfast_signature $request_body';
server {
	listen 127.0.0.1:8090;
	location /hook { access_log /var/log/nginx/hook.log hook; proxy_pass http://127.0.0.1:8090/sink; }
	location /sink { access_log off; return 200; }
}
`

// What happened reaches every kind of sink; the webhook goes through the
// courier, signed.
func TestStayNotices(t *testing.T) {
	t.Parallel()
	root := stayRoot(t, app("2.0"))
	writeFile(t, root+"/etc/nginx/conf.d/hook.conf", hook)
	writeFile(t, root+"/etc/lockfast/webhook.secret", "a secret of this test\n")
	writeFile(t, root+"/usr/sbin/sendmail", "#!/bin/sh\ncat >>/var/log/mail.sent\n")
	m := bootStay(t, root)
	m.Run("sh", "-c", "chmod 600 /etc/lockfast/webhook.secret; chmod 755 /usr/sbin/sendmail; mkdir -p /var/lib/node_exporter")
	m.Run("sh", "-c", "printf 'schema: lockfast.config/1\nnotify:\n  webhook:\n    secret_file: /etc/lockfast/webhook.secret\n' >/etc/lockfast/config.yaml")
	// The archive's signature is wrong: that is told at once.
	m.Run("sh", "-c", "sed -i s/Debian/Debien/ /srv/security/dists/stable-security/InRelease; rm -f /srv/security/dists/stable-security/Release*")
	on(t, m, "--mode", "auto", "--notify", "mail:root", "--notify", "webhook:http://127.0.0.1:8090/hook", "--notify", "motd",
		"--notify", "prometheus:/var/lib/node_exporter/lockfast.prom")

	if mail := m.Run("cat", "/var/log/mail.sent"); !strings.Contains(mail, "To: <root>") || !strings.Contains(mail, "signature is not right") || !strings.Contains(mail, "Auto-Submitted: auto-generated") {
		t.Errorf("mail:\n%s", mail)
	}
	if motd := m.Run("cat", "/run/motd.d/50-lockfast"); !strings.Contains(motd, "signature is not right") {
		t.Errorf("motd: %s", motd)
	}
	if metrics := m.Run("cat", "/var/lib/node_exporter/lockfast.prom"); !strings.Contains(metrics, "\nlockfast_stay_check_failures 1\n") || strings.Contains(metrics, "missing_fixes") {
		t.Errorf("metrics:\n%s", metrics)
	}
	got := m.Run("cat", "/var/log/nginx/hook.log")
	at, rest, _ := strings.Cut(got, " ")
	signature, body, _ := strings.Cut(rest, " ")
	mac := hmac.New(sha256.New, []byte("a secret of this test"))
	if _, err := mac.Write([]byte(at + "." + strings.TrimSuffix(body, "\n"))); err != nil {
		t.Fatal(err)
	}
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	mac.Reset()
	if _, err := mac.Write([]byte(at + "." + body)); err != nil { // the log adds a line's end, or the body has one
		t.Fatal(err)
	}
	if signature != want && signature != "v1="+hex.EncodeToString(mac.Sum(nil)) || !strings.Contains(body, "signature is not right") {
		t.Errorf("webhook: %q\nsignature should be %s\n%s", got, want, journal(m))
	}

	before := told(m) + m.Run("cat", "/var/log/mail.sent", "/var/log/nginx/hook.log")
	turn(t, m)
	if after := told(m) + m.Run("cat", "/var/log/mail.sent", "/var/log/nginx/hook.log"); after != before {
		t.Errorf("told twice:\n%s", after[len(before):])
	}
}
