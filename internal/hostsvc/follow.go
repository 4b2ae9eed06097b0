package hostsvc

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// longest is how long a line may be; a longer one is handed on in parts.
const longest = 64 << 10

// follower reads what is appended to a file, by line.
type follower struct {
	fsys   fs.FS
	name   string
	line   func(string) // may be nil
	offset int64
	part   []byte // of a line that has no end yet
}

// follow begins at the present end of a file.
func follow(file string, line func(string)) (*follower, error) {
	f := &follower{fsys: os.DirFS(filepath.Dir(file)), name: filepath.Base(file), line: line}
	info, err := fs.Stat(f.fsys, f.name)
	if err != nil {
		return nil, err
	}
	f.offset = info.Size()
	return f, nil
}

// until hands on lines until the end of what wait waits for.
func (f *follower) until(wait func() (int, error)) (code int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		code, err = wait()
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.read()
		case <-done:
			f.read()
			if len(f.part) > 0 { // the last line may lack its end
				f.hand(f.part)
			}
			return code, err
		}
	}
}

// read hands on the complete lines that are new. A log that cannot be read for
// a moment is no reason to give up the job: the next time it may be.
func (f *follower) read() {
	if f.line == nil {
		return
	}
	file, err := f.fsys.Open(f.name)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	at, ok := file.(io.ReaderAt)
	if !ok {
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := at.ReadAt(buf, f.offset)
		f.offset += int64(n)
		f.split(buf[:n])
		if err != nil || n == 0 {
			return // io.EOF, or the next time
		}
	}
}

func (f *follower) split(data []byte) {
	f.part = append(f.part, data...)
	for {
		i := bytes.IndexByte(f.part, '\n')
		switch {
		case i >= 0:
			f.hand(f.part[:i])
			f.part = f.part[i+1:]
		case len(f.part) > longest:
			f.hand(f.part)
			f.part = nil
		default:
			return
		}
	}
}

func (f *follower) hand(line []byte) {
	if f.line != nil {
		f.line(string(bytes.TrimSuffix(line, []byte("\r"))))
	}
}
