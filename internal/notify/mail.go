package notify

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockfast/lockfast/internal/notice"
)

// compose writes a message as a mail, with the line ends of RFC 5322. The
// addresses are checked, and everything else is cleaned here: no header can be
// smuggled in.
func compose(msg *notice.Message, from, to string) ([]byte, error) {
	host := hostname(msg.Host)
	var b bytes.Buffer
	header := func(name, value string) { b.WriteString(fold(name + ": " + notice.Clean(value))) }
	header("Date", msg.At.Format(time.RFC1123Z))
	header("From", fmt.Sprintf(`"Lockfast on %s" <%s>`, host, from))
	header("To", "<"+to+">")
	header("Subject", encoded(notice.Subject(msg)))
	header("Message-ID", "<"+atom(msg.ID)+"@lockfast."+host+">")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	header("Auto-Submitted", "auto-generated")          // RFC 3834, section 5: nobody's machine answers
	header("X-Auto-Response-Suppress", "All")           // the same for Exchange
	header("X-Lockfast-Kind", atom(string(msg.Kind()))) // to sort by
	if msg.Urgent {
		header("Importance", "high")
		header("X-Priority", "1")
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	if _, err := body.Write([]byte(notice.Text(msg))); err != nil {
		return nil, fmt.Errorf("cannot write mail %s: %w", atom(msg.ID), err)
	}
	if err := body.Close(); err != nil {
		return nil, fmt.Errorf("cannot write mail %s: %w", atom(msg.ID), err)
	}
	return b.Bytes(), nil
}

// encoded is a header's text in ASCII (RFC 2047). What only looks encoded would
// be decoded by the reader's program into something nobody has checked.
func encoded(text string) string {
	return mime.QEncoding.Encode("utf-8", strings.ReplaceAll(text, "=?", "= ?"))
}

// fold ends a header's line, after breaking it at blanks where it is longer than
// the 78 characters of RFC 5322, section 2.1.1.
func fold(line string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(line, " ") {
		switch {
		case i > 1 && column+1+len(word) > 78: // the first word stays with the name
			b.WriteString("\r\n ")
			column = 1
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\r\n"
}

// atom keeps of a string what can stand in an id.
func atom(s string) string {
	kept := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return -1
		}
		return r
	}, s)
	return kept[:min(len(kept), 100)]
}

// hostname is a host's name as mail takes it; one that is none is "localhost".
func hostname(host string) string {
	if checkAddress("root@"+host) != nil || len(host) > 100 {
		return "localhost"
	}
	return host
}
