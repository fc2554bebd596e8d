package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxConfigErrors bounds how many errors of one file are told at once: the
// first ones are read, and later ones often follow from them.
const maxConfigErrors = 10

// ConfigError is one mistake in a configuration or a baseline, at its place.
type ConfigError struct {
	File         string
	Line, Column int // from 1; 0 when the file as a whole is meant
	Msg          string
	// Hint says what to do; it may be empty.
	Hint string
}

func (e *ConfigError) Error() string {
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

// ConfigErrors are the mistakes of one file by position, at most ten.
type ConfigErrors []*ConfigError

func (e ConfigErrors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single *ConfigError.
func (e ConfigErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, err := range e {
		out[i] = err
	}
	return out
}

func (e ConfigErrors) sorted() ConfigErrors {
	slices.SortStableFunc(e, func(a, b *ConfigError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(e) > maxConfigErrors {
		return e[:maxConfigErrors]
	}
	return e
}
