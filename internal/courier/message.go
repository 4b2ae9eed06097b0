package courier

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of what apt may say. Its configuration is one message of some hundred
// lines, thousands on hosts with many sources.
const (
	maxLine    = 64 << 10
	maxMessage = 8 << 20
	maxFields  = 100_000
)

// message is one of apt's method interface: a number with words, then fields.
// https://salsa.debian.org/apt-team/apt/-/blob/main/doc/method.dbk
type message struct {
	code   int
	words  string
	fields []field
}

type field struct{ name, value string }

// get is a field's value; apt does not care about the case of names.
func (m message) get(name string) string {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (m *message) add(name, value string) { m.fields = append(m.fields, field{name, value}) }

// readMessage reads the next message. io.EOF says that there is none.
func readMessage(r *bufio.Reader) (message, error) {
	var m message
	size := 0
	for first := true; ; {
		line, err := readLine(r)
		size += len(line) + 1
		switch {
		case errors.Is(err, io.EOF) && first:
			return message{}, io.EOF
		case errors.Is(err, io.EOF):
			return message{}, errors.New("it ends in the middle of a message")
		case err != nil:
			return message{}, err
		case size > maxMessage:
			return message{}, fmt.Errorf("a message has more than %d bytes", maxMessage)
		case line == "" && first:
			continue // between messages there may be more than one empty line
		case line == "":
			return m, nil
		case first:
			m, err = startMessage(line)
			first = false
		default:
			err = m.line(line)
		}
		if err != nil {
			return message{}, err
		}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		if len(line)+len(piece) > maxLine {
			return "", fmt.Errorf("a line has more than %d bytes", maxLine)
		}
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return "", errors.New("it ends in the middle of a line")
		case err != nil:
			return "", err
		}
		return strings.TrimRight(string(line), "\r\n"), nil
	}
}

func startMessage(line string) (message, error) {
	number, words, _ := strings.Cut(line, " ")
	code, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return message{}, fmt.Errorf("%.40q begins no message: it has no number", line)
	}
	return message{code: int(code), words: words}, nil
}

func (m *message) line(line string) error {
	if line[0] == ' ' || line[0] == '\t' { // of the field before
		if len(m.fields) == 0 {
			return fmt.Errorf("%.40q continues no field", line)
		}
		last := &m.fields[len(m.fields)-1]
		last.value += "\n" + line[1:]
		return nil
	}
	name, value, found := strings.Cut(line, ":")
	if !found || name == "" {
		return fmt.Errorf("%.40q is no field", line)
	}
	if len(m.fields) == maxFields {
		return fmt.Errorf("a message has more than %d fields", maxFields)
	}
	m.add(name, strings.TrimSpace(value))
	return nil
}

// text is the message as apt reads it. Values are one line each: what a stranger
// says must not become a message of its own.
func (m message) text() []byte {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "%d %s\n", m.code, m.words)
	for _, f := range m.fields {
		if v := plain(f.value); v != "" {
			_, _ = fmt.Fprintf(&b, "%s: %s\n", f.name, v)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// plain is oneLine without its limit: an address must be the one apt sent.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
