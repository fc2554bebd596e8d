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

// nearest returns the candidate that looks most like word, or "" when none
// does: at most a third of the letters may differ. Case, '-' and '_' are not
// counted, since they are what people mix up most.
func nearest(word string, candidates []string) string {
	// Longer than any key: a distance would cost time and help nobody.
	const maxWord = 64
	if len(word) > maxWord {
		return ""
	}
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
	}
	best, bestDistance := "", len(word)/3+1
	for _, c := range candidates {
		d := distance(plain(word), plain(c))
		if d < bestDistance || d == 0 && bestDistance == 0 {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance in bytes: insertions,
// deletions, replacements and swaps of neighbours.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
