package explore

import (
	"fmt"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// cells is the number of terminal cells of a text without attributes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += displaywidth.Rune(r)
	}
	return n
}

// cut shortens a text to n cells.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	room := n - 1
	for i, r := range s {
		if room -= displaywidth.Rune(r); room < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// cutFront is cut for names whose end says more.
func cutFront(s string, n int) string {
	total := cells(s)
	if total <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	for i, r := range s {
		if total < n && displaywidth.Rune(r) > 0 { // marks go with what they are on
			return "…" + s[i:]
		}
		total -= displaywidth.Rune(r)
	}
	return "…"
}

// wrap breaks a line at its spaces into lines of at most n cells. What follows
// the first one stands further to the right than it does; a word that is too
// long is broken.
func wrap(s string, n int) []string {
	n = max(n, leastWidth) // below which nothing is shown
	if cells(s) <= n {
		return []string{s}
	}
	words := strings.TrimLeft(s, " ")
	indent := s[:min(len(s)-len(words), n/2)]
	hanging := indent + "    "
	var lines []string
	line, empty := indent, true
	for word := range strings.FieldsSeq(words) {
		for {
			space := " "
			if empty {
				space = ""
			}
			if cells(line)+len(space)+cells(word) <= n {
				line, empty = line+space+word, false
				break
			}
			if empty {
				head := fitting(word, n-cells(line))
				line, word = line+word[:head], word[head:]
			}
			lines = append(lines, line)
			line, empty = hanging, true
		}
	}
	return append(lines, line)
}

// fitting is the number of bytes at the beginning of s that take at most n
// cells, and at least one character with its marks.
func fitting(s string, n int) int {
	for i, r := range s {
		if n -= displaywidth.Rune(r); n < 0 && i > 0 {
			return i
		}
	}
	return len(s)
}

// fit makes a text exactly n cells wide.
func fit(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", max(0, n-cells(s)))
}

// fitRight is fit for numbers.
func fitRight(s string, n int) string {
	s = cut(s, n)
	return strings.Repeat(" ", max(0, n-cells(s))) + s
}

// bytes is a size for people, in powers of a thousand as apt has them.
func bytes(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	}
	value := float64(n) / 1000
	for _, unit := range []string{"kB", "MB", "GB"} {
		if value < 999.5 {
			if value < 9.95 {
				return fmt.Sprintf("%.1f %s", value, unit)
			}
			return fmt.Sprintf("%.0f %s", value, unit)
		}
		value /= 1000
	}
	return fmt.Sprintf("%.0f TB", value)
}

// style is an SGR parameter.
type style string

const (
	bold    style = "1"
	faint   style = "2"
	reverse style = "7"
	red     style = "31"
	yellow  style = "33"
)

// paint adds attributes, and colours if they are wanted. A text within must
// have none.
func (m *model) paint(s string, c style) string {
	if s == "" || (c == red || c == yellow) && !m.color {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[m"
}
