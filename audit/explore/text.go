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

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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
