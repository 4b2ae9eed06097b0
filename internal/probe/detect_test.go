package probe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/probe"
)

// listener reads "tcp 0.0.0.0 80 nginx nginx.service".
func listener(t *testing.T, line string) inventory.Listener {
	t.Helper()
	f := append(strings.Fields(line), "", "")
	port := uint16(0)
	for _, digit := range f[2] {
		port = port*10 + uint16(digit-'0')
	}
	return inventory.Listener{Protocol: f[0], Address: f[1], Port: port, Process: f[3], Unit: f[4]}
}

func TestDetect(t *testing.T) {
	cases := map[string]struct {
		listeners []string
		want      string
	}{
		"nothing":                     {nil, ""},
		"wildcard":                    {[]string{"tcp 0.0.0.0 80 nginx"}, "http://127.0.0.1:80/"},
		"an address":                  {[]string{"tcp 192.0.2.7 80 nginx"}, "http://192.0.2.7:80/"},
		"an IPv6 address":             {[]string{"tcp6 2001:db8::7 80 nginx"}, "http://[2001:db8::7]:80/"},
		"another loopback":            {[]string{"tcp 127.0.0.53 53 systemd-resolve"}, "tcp://127.0.0.53:53"},
		"mapped":                      {[]string{"tcp6 ::ffff:127.0.0.1 25 master"}, "tcp://127.0.0.1:25"},
		"TLS":                         {[]string{"tcp 0.0.0.0 443 apache2", "tcp 0.0.0.0 8443 java"}, "https://127.0.0.1:443/! https://127.0.0.1:8443/!"},
		"web servers by name":         {[]string{"tcp 0.0.0.0 81 nginx", "tcp 0.0.0.0 82 apache2", "tcp 0.0.0.0 83 httpd", "tcp 0.0.0.0 84 lighttpd", "tcp 0.0.0.0 85 caddy", "tcp 0.0.0.0 86 haproxy", "tcp 0.0.0.0 87 squid"}, "http://127.0.0.1:81/ http://127.0.0.1:82/ http://127.0.0.1:83/ http://127.0.0.1:84/ http://127.0.0.1:85/ http://127.0.0.1:86/ tcp://127.0.0.1:87"},
		"web servers by port":         {[]string{"tcp 127.0.0.1 8080 java", "tcp 127.0.0.1 80"}, "http://127.0.0.1:80/ http://127.0.0.1:8080/"},
		"other services":              {[]string{"tcp 0.0.0.0 25 master", "tcp 0.0.0.0 22 sshd"}, "tcp://127.0.0.1:22 tcp://127.0.0.1:25"},
		"both families":               {[]string{"tcp6 :: 22 sshd", "tcp 0.0.0.0 22 sshd"}, "tcp://127.0.0.1:22"},
		"both loopbacks":              {[]string{"tcp6 ::1 631 cupsd", "tcp 127.0.0.1 631 cupsd"}, "tcp://127.0.0.1:631"},
		"loopback within a wildcard":  {[]string{"tcp6 ::1 25 master", "tcp6 :: 25 master"}, "tcp://localhost:25"},
		"only IPv6's wildcard":        {[]string{"tcp6 :: 80 apache2"}, "http://localhost:80/"},
		"only IPv6's loopback":        {[]string{"tcp6 ::1 631 cupsd"}, "tcp://[::1]:631"},
		"addresses are no loopback":   {[]string{"tcp 127.0.0.1 53 named", "tcp 192.0.2.7 53 named", "tcp6 2001:db8::7 53 named"}, "tcp://127.0.0.1:53 tcp://192.0.2.7:53 tcp://[2001:db8::7]:53"},
		"other ports are others":      {[]string{"tcp6 ::1 25 master", "tcp 127.0.0.1 26 master"}, "tcp://[::1]:25 tcp://127.0.0.1:26"},
		"workers of a web server":     {[]string{"tcp 0.0.0.0 81 start", "tcp 0.0.0.0 81 nginx", "tcp 0.0.0.0 81 start"}, "http://127.0.0.1:81/"},
		"UDP":                         {[]string{"udp 0.0.0.0 53 named", "udp6 :: 123 chronyd", "sctp 0.0.0.0 99 x"}, ""},
		"ports the kernel hands out":  {[]string{"tcp 0.0.0.0 32768 rpc.statd", "tcp 127.0.0.1 60999 containerd", "tcp 0.0.0.0 32767 x"}, "tcp://127.0.0.1:32767"},
		"somebody's session":          {[]string{"tcp 127.0.0.1 6010 sshd session-3.scope", "tcp 127.0.0.1 6379 redis redis.service"}, "tcp://127.0.0.1:6379"},
		"a link's own address":        {[]string{"tcp6 fe80::1 22 sshd", "tcp6 fe80::1%eth0 22 sshd"}, ""},
		"what is no address or port":  {[]string{"tcp * 22 sshd", "tcp 0.0.0.0 0 x"}, ""},
		"an IPv4 link-local address":  {[]string{"tcp 169.254.1.1 22 sshd"}, "tcp://169.254.1.1:22"},
		"port by number, not as text": {[]string{"tcp 0.0.0.0 1000 a", "tcp 0.0.0.0 999 b"}, "tcp://127.0.0.1:999 tcp://127.0.0.1:1000"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inv := inventory.Inventory{}
			for _, line := range c.listeners {
				inv.Listeners = append(inv.Listeners, listener(t, line))
			}
			for range 2 { // in any order
				if got := shown(t, probe.Detect(&inv)); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				slices.Reverse(inv.Listeners)
			}
		})
	}
	if got := probe.Detect(nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// shown lists URLs, with a mark where the certificate is not checked. All of them
// can be asked.
func shown(t *testing.T, targets []probe.Target) string {
	t.Helper()
	var list []string
	for _, target := range targets {
		if err := target.Check(); err != nil || !target.Detected {
			t.Errorf("%+v: %v", target, err)
		}
		if target.Insecure {
			target.URL += "!"
		}
		list = append(list, target.URL)
	}
	return strings.Join(list, " ")
}
