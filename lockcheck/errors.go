package lockcheck

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
)

// SyntaxError is a violation of a lock file's format, or of a limit, at a place
// in the file.
type SyntaxError struct {
	File string
	// Line and Column start at 1. Column counts bytes and is 0 when unknown.
	Line, Column int
	Msg          string
	// Hint is a remedy, or empty.
	Hint string
}

func (e *SyntaxError) Error() string {
	s := e.File + ":" + strconv.Itoa(e.Line)
	if e.Column > 0 {
		s += ":" + strconv.Itoa(e.Column)
	}
	s += ": " + e.Msg
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// source is the content of one file with the offsets of its lines.
type source struct {
	file  string
	data  []byte
	lines []int // offset of each line's first byte
}

func newSource(file string, data []byte) *source {
	s := &source{file: file, data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// position returns the line and the column, from 1, of an offset. The end of a
// file that ends in a newline is on its last line.
func (s *source) position(offset int) (line, column int) {
	offset = max(0, min(offset, len(s.data)))
	if offset == len(s.data) && offset > 0 && s.data[offset-1] == '\n' {
		offset--
	}
	n := sort.SearchInts(s.lines, offset+1)
	return n, offset - s.lines[n-1] + 1
}

func (s *source) line(offset int) int {
	line, _ := s.position(offset)
	return line
}

func (s *source) errorf(offset int, hint, format string, args ...any) *SyntaxError {
	line, column := s.position(offset)
	return &SyntaxError{File: s.file, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// maxQuoted is the length of the longest untrusted string that a message repeats.
const maxQuoted = syntax.MaxQuoted

func quote(s string) string { return syntax.Quote(s) }

func itoa(n int) string { return strconv.Itoa(n) }

// place returns the place of an entry for a sentence.
func place(e *Entry) string { return e.File + ":" + itoa(e.Line) }
