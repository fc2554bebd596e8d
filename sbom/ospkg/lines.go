package ospkg

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const (
	// maxFile is the size of a file of the database. The status file of a
	// system with 3,000 packages has 6 MB, the longest file list in Debian 12
	// (a font collection) 7 MB.
	maxFile = 256 << 20
	// maxLine is the length of a line. The longest that Debian has is a
	// Provides field of 100 kB.
	maxLine = 1 << 20
	// chunk is the number of bytes of one read.
	chunk = 64 << 10
)

// lines reads a text line by line. A line is a part of a longer string that
// it shares with its neighbours: it costs no allocation, and a caller that
// keeps one must clone it.
type lines struct {
	ctx  context.Context
	r    io.Reader
	file string

	number       int  // of the line that next returned last, from 1
	unterminated bool // the last line had no newline

	text string // read and not returned yet
	buf  []byte
	size int64
	eof  bool
	err  error
}

func newLines(ctx context.Context, r io.Reader, file string) *lines {
	return &lines{ctx: ctx, r: r, file: file}
}

// next returns the next line without its newline, and false at the end or
// after an error, which is in err.
func (l *lines) next() (string, bool) {
	for l.err == nil {
		if i := strings.IndexByte(l.text, '\n'); i >= 0 {
			line := l.text[:i]
			l.text = l.text[i+1:]
			l.number++
			if i > maxLine {
				break
			}
			return line, true
		}
		if len(l.text) > maxLine {
			l.number++
			break
		}
		if l.eof {
			if l.text == "" {
				return "", false
			}
			line := l.text
			l.text, l.unterminated = "", true
			l.number++
			return line, true
		}
		l.fill()
	}
	if l.err == nil {
		l.err = &limitError{parseError{File: l.file, Line: l.number,
			Msg: fmt.Sprintf("line is longer than %d bytes", maxLine)}}
	}
	return "", false
}

// fill appends to the remaining text. It reads at least as much as remains, so
// that a long line is copied a constant number of times.
func (l *lines) fill() {
	if err := l.ctx.Err(); err != nil {
		l.err = err
		return
	}
	left := len(l.text)
	size := left + max(chunk, left)
	if cap(l.buf) < size {
		l.buf = make([]byte, size)
	}
	buf := l.buf[:size]
	copy(buf, l.text)
	n, err := io.ReadAtLeast(l.r, buf[left:], 1)
	l.size += int64(n)
	l.text = string(buf[:left+n])
	switch {
	case err == io.EOF:
		l.eof = true
	case err != nil:
		l.err = fmt.Errorf("%s: %w", l.file, err)
	case l.size > maxFile:
		l.err = &limitError{parseError{File: l.file, Line: l.number,
			Msg: fmt.Sprintf("file is longer than %d bytes", maxFile)}}
	}
}

// fail returns a parseError at the current line.
func (l *lines) fail(format string, args ...any) *parseError {
	return &parseError{File: l.file, Line: l.number, Msg: fmt.Sprintf(format, args...)}
}
