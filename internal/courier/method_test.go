package courier_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/courier"
)

// conversation is apt's side of the method interface.
type conversation struct {
	*testing.T
	to    *os.File
	from  *bufio.Reader
	ended chan error
}

func converse(t *testing.T, o courier.MethodOptions) *conversation {
	t.Helper()
	in, to, err := os.Pipe()
	must(t, err)
	from, out, err := os.Pipe()
	must(t, err)
	c := &conversation{T: t, to: to, from: bufio.NewReader(from), ended: make(chan error, 1)}
	go func() {
		err := courier.Method(context.Background(), in, out, o)
		_ = out.Close()
		_ = in.Close()
		c.ended <- err
	}()
	t.Cleanup(func() {
		_ = to.Close()
		_ = from.Close()
	})
	if got := c.next(); got["code"] != "100 Capabilities" || got["Send-Config"] != "true" || got["Send-URI-Encoded"] != "true" || got["Pipeline"] != "true" {
		t.Fatalf("it begins with %v", got)
	}
	return c
}

func (c *conversation) say(lines ...string) {
	c.Helper()
	_, err := io.WriteString(c.to, strings.Join(lines, "\n")+"\n\n")
	must(c, err)
}

// next is the next message; "code" is its first line.
func (c *conversation) next() map[string]string {
	c.Helper()
	m := map[string]string{}
	for {
		line, err := c.from.ReadString('\n')
		if err != nil {
			c.Fatalf("it says no more: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return m
		}
		if len(m) == 0 {
			m["code"] = line
			continue
		}
		name, value, found := strings.Cut(line, ": ")
		if !found {
			c.Fatalf("it says %q", line)
		}
		m[name] = value
	}
}

// outcome passes over what is on the way to a result.
func (c *conversation) outcome() map[string]string {
	c.Helper()
	for {
		m := c.next()
		if code := m["code"][:3]; code != "102" && code != "200" {
			return m
		}
	}
}

func (c *conversation) end() error {
	c.Helper()
	_ = c.to.Close()
	go func() { _, _ = io.Copy(io.Discard, c.from) }()
	return <-c.ended
}

func TestMethodFetches(t *testing.T) {
	data := sample(100_000)
	o := serve(t, file(data))
	r := start(t, courier.Server{})
	to := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(to, []byte("what apt has of it"), 0o600))
	c := converse(t, courier.MethodOptions{})
	c.say("601 Configuration", "Config-Item: Acquire::Lockfast::Socket="+strings.ReplaceAll(r.Socket, "c", "%63"))
	sum512 := sha512.Sum512(data)
	c.say("600 URI Acquire", "URI: "+o.URL+"/a%20b", "Filename: "+to, "Expected-SHA256: "+digest(data), "Expected-SHA512: "+hex.EncodeToString(sum512[:]),
		"Expected-Checksum-FileSize: 100000", "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")
	if m := c.next(); m["code"] != "102 Status" {
		t.Errorf("got %v", m)
	}
	if m := c.next(); m["code"] != "200 URI Start" || m["URI"] != o.URL+"/a%20b" || m["Size"] != "100000" {
		t.Errorf("got %v", m)
	}
	got := c.next()
	for name, want := range map[string]string{
		"code": "201 URI Done", "URI": o.URL + "/a%20b", "Filename": to, "Size": "100000", "Last-Modified": modified.Format(http.TimeFormat),
		"SHA256-Hash": digest(data), "SHA512-Hash": hex.EncodeToString(sum512[:]), "Checksum-FileSize-Hash": "100000", "IMS-Hit": "", "MD5Sum-Hash": "",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	body, err := os.ReadFile(to)
	if err != nil || !bytes.Equal(body, data) {
		t.Errorf("apt has %d bytes, %v", len(body), err)
	}
	if info, err := os.Stat(to); err != nil || !info.ModTime().Equal(modified) {
		t.Errorf("it was changed %v, %v", info.ModTime(), err)
	}
	if o.seen()[0].URL.EscapedPath() != "/a%20b" {
		t.Errorf("the server was asked for %s", o.seen()[0].URL)
	}
	if err := c.end(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestMethodHit(t *testing.T) {
	o := serve(t, file(sample(100)))
	r := start(t, courier.Server{})
	to := filepath.Join(t.TempDir(), "f")
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	c.say("600 URI Acquire", "URI: "+o.URL, "Filename: "+to, "Last-Modified: "+modified.Format(http.TimeFormat))
	if m := c.outcome(); m["code"] != "201 URI Done" || m["IMS-Hit"] != "true" || m["Filename"] != to || m["SHA256-Hash"] != "" {
		t.Errorf("got %v", m)
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written: %v", err)
	}
}

// apt compares the digests that it is told; if it expects one that we do not
// compute, it is told none and computes it itself.
func TestMethodDigests(t *testing.T) {
	data := sample(100)
	o := serve(t, file(data))
	r := start(t, courier.Server{})
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	for expected, want := range map[string]string{
		"": "SHA256 SHA512", "SHA256": "SHA256", "MD5Sum SHA1": "MD5Sum SHA1", "SHA256 SHA3": "", "Checksum-FileSize": "SHA256 SHA512",
	} {
		lines := []string{"600 URI Acquire", "URI: " + o.URL, "Filename: " + filepath.Join(t.TempDir(), "f")}
		for name := range strings.FieldsSeq(expected) {
			lines = append(lines, "Expected-"+name+": "+map[string]string{"SHA256": digest(data), "Checksum-FileSize": "100"}[name])
		}
		c.say(lines...)
		m := c.outcome()
		var told []string
		for _, name := range []string{"MD5Sum", "SHA1", "SHA256", "SHA512"} {
			if m[name+"-Hash"] != "" {
				told = append(told, name)
			}
		}
		if strings.Join(told, " ") != want || (m["Checksum-FileSize-Hash"] != "") != (want != "") || m["code"] != "201 URI Done" {
			t.Errorf("%q: got %v", expected, m)
		}
	}
}

func TestMethodFailures(t *testing.T) {
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }).URL
	}
	fine := serve(t, file(sample(100))).URL
	r := start(t, courier.Server{})
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	to := filepath.Join(t.TempDir(), "f")
	for name, f := range map[string]struct {
		uri, to, line, reason, says string
		transient                   bool
	}{
		"404":       {uri: status(404), reason: "HttpError404", says: "no such file"},
		"429":       {uri: status(429), reason: "TooManyRequests", says: "429", transient: true},
		"503":       {uri: status(503), reason: "HttpError503", says: "503", transient: true},
		"too large": {uri: fine, line: "Maximum-Size: 99", reason: "MaximumSizeExceeded", says: "more than 99 bytes"},
		"different": {uri: fine, line: "Expected-SHA256: " + digest(nil), reason: "HashSumMismatch", says: "not the one asked for"},
		"no size":   {uri: fine, line: "Maximum-Size: many", says: "a size of"},
		"no digest": {uri: fine, line: "Expected-SHA256: abc", says: "64 digits"},
		"refused":   {uri: "http://127.0.0.1:1", reason: "ConnectionRefused", says: "no connection", transient: true},
		"no name":   {uri: fine, to: "relative", says: "no absolute name"},
		"no folder": {uri: fine, to: filepath.Join(t.TempDir(), "none", "f"), says: "cannot copy"},
		"no http":   {uri: "ftp://example.org/f", says: "only http and https"},
		"no URI":    {uri: "http://h/%", says: "escape"},
	} {
		lines := []string{"600 URI Acquire", "URI: " + f.uri, "Filename: " + to, f.line}
		if f.to != "" {
			lines[2] = "Filename: " + f.to
		}
		if f.line == "" {
			lines = lines[:3]
		}
		c.say(lines...)
		m := c.outcome()
		if m["code"] != "400 URI Failure" || m["URI"] != f.uri || m["FailReason"] != f.reason || !strings.Contains(m["Message"], f.says) || (m["Transient-Failure"] == "true") != f.transient {
			t.Errorf("%s: got %v", name, m)
		}
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written: %v", err)
	}
}

// Several files are under way at once, and come in the order in which they are
// done.
func TestMethodAnswersInAnyOrder(t *testing.T) {
	release := make(chan struct{})
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
		file([]byte(r.URL.Path))(w, r)
	})
	r := start(t, courier.Server{})
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	dir := t.TempDir()
	for _, name := range []string{"slow", "1", "2", "3", "4", "5", "6", "7"} {
		c.say("600 URI Acquire", "URI: "+o.URL+"/"+name, "Filename: "+filepath.Join(dir, name))
	}
	left := map[string]bool{}
	for range 7 {
		left[c.outcome()["URI"]] = true
	}
	if left[o.URL+"/slow"] {
		t.Error("the slow one was first")
	}
	close(release)
	if m := c.outcome(); m["URI"] != o.URL+"/slow" || m["code"] != "201 URI Done" {
		t.Errorf("got %v", m)
	}
	for _, name := range []string{"slow", "1", "7"} {
		if body, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(body) != "/"+name {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
}

// apt that ends stops what is under way.
func TestMethodEndsWithApt(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	o := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	})
	r := start(t, courier.Server{})
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	c.say("600 URI Acquire", "URI: "+o.URL, "Filename: "+filepath.Join(t.TempDir(), "f"))
	<-asked
	if err := c.end(); err != nil {
		t.Errorf("got %v", err)
	}
	<-gone
}

func TestMethodRefusesNonsense(t *testing.T) {
	for _, text := range []string{
		"hello\n\n", "601 Configuration\nnothing\n\n", "601 Configuration\n continued\n\n", "601 Configuration\nConfig-Item: a\n\n", "601 Configuration\nConfig-Item: a=b",
		"600 URI Acquire\nURI: http://h/\nFilename: /f\n\n", // before it is configured
		"601 Configuration\nA: " + strings.Repeat("x", 70_000) + "\n\n",
		"601 Configuration\nConfig-Item: APT::Sandbox::User=no-such-user\n\n600 URI Acquire\nURI: http://h/\nFilename: /f\n\n",
	} {
		if os.Getuid() != 0 && strings.Contains(text, "no-such-user") {
			continue // there are no rights to drop
		}
		err := courier.Method(t.Context(), io.MultiReader(strings.NewReader(text), hanging(t)), io.Discard, courier.MethodOptions{Socket: filepath.Join(t.TempDir(), "s")})
		if strings.HasSuffix(text, "a=b") { // nothing follows
			continue
		}
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// hanging is an input on which nothing comes until the test ends.
func hanging(t *testing.T) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	timer := time.AfterFunc(200*time.Millisecond, func() { _ = w.Close() })
	t.Cleanup(func() { timer.Stop() })
	return r
}

func TestMethodWithoutListener(t *testing.T) {
	if err := courier.Method(t.Context(), hanging(t), broken{}, courier.MethodOptions{}); err == nil || !strings.Contains(err.Error(), "cannot answer apt") {
		t.Errorf("got %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// What a server says cannot become a message to apt.
func TestMethodPassesNoLinesOn(t *testing.T) {
	o := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "ftp://x/%0a%0a201%20URI%20Done")
		w.WriteHeader(http.StatusFound)
	})
	r := start(t, courier.Server{})
	c := converse(t, courier.MethodOptions{Socket: r.Socket})
	c.say("601 Configuration")
	c.say("600 URI Acquire", "URI: "+o.URL, "Filename: "+filepath.Join(t.TempDir(), "f"))
	if m := c.outcome(); m["code"] != "400 URI Failure" {
		t.Errorf("got %v", m)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
}

func TestIsMethod(t *testing.T) {
	for args, want := range map[string]bool{
		"/usr/lib/apt/methods/http": true, "/usr/lib/apt/methods/https": true, "http": true, "/usr/bin/lockfast": false, "lockfast scan": false, "http scan": false, "": false,
	} {
		if got := courier.IsMethod(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

func TestAptSettings(t *testing.T) {
	config := map[string]string{
		"Dir": "/", "Dir::Etc": "etc/apt", "Dir::Etc::netrc": "auth.conf", "Dir::Etc::absolute": "/srv/a", "Dir::Etc::off": "/dev/null", "Dir::Etc::up": "../../x",
	}
	for name, want := range map[string]string{
		"Dir::Etc::netrc": "/etc/apt/auth.conf", "dir::etc::NETRC": "/etc/apt/auth.conf", "Dir::Etc::absolute": "/srv/a", "Dir::Etc::off": "", "Dir::Etc::none": "", "Dir::Etc::up": "/x",
	} {
		if got := courier.AptFile(config, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	config["RootDir"] = "/mnt"
	if got := courier.AptFile(config, "Dir::Etc::netrc"); got != "/mnt/etc/apt/auth.conf" {
		t.Errorf("got %q", got)
	}
	if got := courier.AptFile(map[string]string{"Dir::Etc::netrc": "a"}, "Dir::Etc::netrc"); got != "" {
		t.Errorf("got %q", got)
	}
	proxies := map[string]string{"Acquire::http::Proxy": "http://p", "Acquire::http::Proxy::inside": "DIRECT", "Acquire::https::Proxy::s": "http://q"}
	for _, c := range []struct{ uri, asked, want string }{
		{"http://h/", "", "http://p"}, {"https://h/", "", "http://p"}, {"http://inside:80/", "", "DIRECT"}, {"https://inside/", "", "DIRECT"},
		{"https://s/", "", "http://q"}, {"http://s/", "", "http://p"}, {"http://h/", "http://a", "http://a"},
	} {
		if got := courier.AptProxy(proxies, c.uri, c.asked); got != c.want {
			t.Errorf("%s: %q, want %q", c.uri, got, c.want)
		}
	}
}

// The examples of apt_auth.conf(5), and what it says of schemes.
func TestLogins(t *testing.T) {
	const uri = "https://example.org/debian/dists/stable/InRelease"
	with := "https://apt:debian@example.org/debian/dists/stable/InRelease"
	for machine, fits := range map[string]bool{
		"example.org": true, "example.org/deb": true, "example.org/debian": true, "example.org/debian/": true, "https://example.org": true, "EXAMPLE.org": true,
		"example.org:443": false, "example.org/deb/": false, "example.org/ubuntu": false, "example.orga": false, "example.net": false, "http://example.org": false,
	} {
		want := uri
		if fits {
			want = with
		}
		for _, text := range []string{"machine %s login apt password debian", "machine %s\nlogin apt\npassword debian\n", "# machine x\nmachine other login a password b\nmachine %s password debian login apt\nmachine %[1]s login second password p"} {
			if got := courier.LoggedIn(uri, fmt.Sprintf(text, machine)); got != want {
				t.Errorf("%q: got %s", fmt.Sprintf(text, machine), got)
			}
		}
	}
	const text = "machine h login u password p@:/ machine http://h:8080 login v password q"
	for uri, want := range map[string]string{
		"https://h/f": "https://u:p%40%3A%2F@h/f", "https://h:8443/f": "https://u:p%40%3A%2F@h:8443/f", "http://h/f": "http://h/f", "http://h:8080/f": "http://v:q@h:8080/f",
		"https://other@h/f": "https://other@h/f", "https://h/%zz": "https://h/%zz",
	} {
		if got := courier.LoggedIn(uri, text); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
}
