package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineReader reads lines with one buffer, and limits a line and the whole.
type lineReader struct {
	r     io.Reader
	buf   []byte
	start int
	total int64
	done  bool
}

// next returns the next line without its end, io.EOF after the last. The line
// is valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.start:], '\n'); i >= 0 {
			line := l.buf[l.start : l.start+i]
			l.start += i + 1
			return line, nil
		}
		if l.done {
			if l.start == len(l.buf) {
				return nil, io.EOF
			}
			line := l.buf[l.start:]
			l.start = len(l.buf)
			return line, nil
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

func (l *lineReader) fill() error {
	rest := copy(l.buf[:cap(l.buf)], l.buf[l.start:])
	l.buf, l.start = l.buf[:rest], 0
	if rest == cap(l.buf) {
		return fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	n, err := l.r.Read(l.buf[rest:cap(l.buf)])
	l.buf = l.buf[:rest+n]
	if l.total += int64(n); l.total > maxMaps {
		return fmt.Errorf("larger than %d bytes", maxMaps)
	}
	if errors.Is(err, io.EOF) {
		l.done = true
		return nil
	}
	return err
}
