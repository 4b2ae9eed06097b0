package unattended

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// dumpFormat asks for values that are escaped as names are; without it a value
// may hold anything, also a quote.
const dumpFormat = `%F "%V";%n`

// maxDump bounds what apt-config may print; a desktop's is 30 kB.
const maxDump = 8 << 20

// effective asks apt for its configuration.
func effective(ctx context.Context, run hostexec.Runner) (*Tree, error) {
	r, err := run.Run(ctx, hostexec.Cmd{Name: "apt-config", Args: []string{"dump", "--format", dumpFormat}, MaxOutput: maxDump})
	if err != nil {
		return nil, fmt.Errorf("cannot read apt's configuration: %w", err)
	}
	if r.Code != 0 {
		said, _, _ := strings.Cut(strings.TrimSpace(string(r.Stderr)), "\n")
		return nil, fmt.Errorf("cannot read apt's configuration: apt-config ended with %d: %s; repair the file that it names", r.Code, clip(said))
	}
	return ParseDump(r.Stdout)
}

// ParseDump reads what `apt-config dump --format '%F "%V";%n'` prints.
func ParseDump(data []byte) (*Tree, error) {
	if len(data) > maxDump {
		return nil, fmt.Errorf("cannot read apt-config's answer: it is longer than %d bytes", maxDump)
	}
	t, number := &Tree{replay: true}, 0
	for line := range bytes.Lines(data) {
		number++
		name, value, err := dumped(string(bytes.TrimSuffix(line, []byte("\n"))))
		if err == nil {
			err = t.Set(name, value)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read apt-config's answer: line %d: %w", number, err)
		}
	}
	t.replay = false
	return t, nil
}

func dumped(line string) (name, value string, err error) {
	head, rest, ok := strings.Cut(line, ` "`)
	quoted, end := strings.CutSuffix(rest, `";`)
	if !ok || !end || strings.Contains(quoted, `"`) {
		return "", "", fmt.Errorf("%q is no option with a value", clip(line))
	}
	if name, err = unescape(head); err != nil {
		return "", "", err
	}
	value, err = unescape(quoted)
	return name, value, err
}

// Dump writes a tree as ParseDump reads it.
func (t *Tree) Dump() []byte {
	var b bytes.Buffer
	t.Walk(func(name, value string) {
		fmt.Fprintf(&b, "%s \"%s\";\n", escape(name), escape(value))
	})
	return b.Bytes()
}

// escape writes bytes that are no plain ASCII, and those that a dump is made of,
// as %xx.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`="%`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", errors.New("a % without two digits")
		}
		b.WriteByte(hex(s[i+1])<<4 | hex(s[i+2]))
		i += 2
	}
	return b.String(), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'f'
}

func hex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// clip keeps what goes into a message short.
func clip(s string) string {
	const most = 160
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
