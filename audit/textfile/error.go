package textfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// MaxErrors is the largest number of errors that are reported for one file.
// Readers fix the first ones, and later ones often follow from them.
const MaxErrors = 10

// Error is one mistake in a file, with its position.
type Error struct {
	File         string
	Line, Column int // from 1; 0 for the file as a whole
	Msg          string
	// Hint is how to correct the mistake; it may be empty.
	Hint string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Errors are the mistakes of one file. [Errors.Sorted] returns them in order.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single *Error.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, err := range e {
		out[i] = err
	}
	return out
}

// Sorted returns the errors sorted by position, at most [MaxErrors].
func (e Errors) Sorted() Errors {
	sorted := slices.SortedStableFunc(slices.Values(e), func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted[:min(len(sorted), MaxErrors)]
}
