package lockcheck

import (
	"fmt"
	"sort"
	"strconv"
	"unicode/utf8"
)

// SyntaxError is a lock file that is not what its format demands, or that
// exceeds a limit at that place.
type SyntaxError struct {
	File string
	// Line and Column count from 1; Column counts bytes, 0 when unknown.
	Line, Column int
	Msg          string
	// Hint says what to do; it may be empty.
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

// position returns line and column, from 1, of an offset. The end of a file
// that ends in a newline belongs to its last line.
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

// maxQuoted is the longest foreign string that is repeated in a message: long
// enough for any real name or version, too short to flood a report.
const maxQuoted = 120

// quote makes a foreign string fit for a sentence. The renderer neutralises;
// this only keeps it on one line and short.
func quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

func itoa(n int) string { return strconv.Itoa(n) }

// place is how a sentence points to an entry.
func place(e *Entry) string { return e.File + ":" + itoa(e.Line) }
