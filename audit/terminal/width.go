package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Width returns the number of terminal cells of s without its colours. It is
// the sum over the characters, as tablewriter and most terminals count, and
// at least the width on a terminal that joins characters into one picture.
func Width(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c <= '~' {
			n++
			i++
			continue
		}
		if end := strings.IndexByte(s[i:], 'm'); end > 0 && strings.HasPrefix(s[i:], "\x1b[") {
			i += end + 1 // colours of this package: there are no others
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += displaywidth.Rune(r)
		i += size
	}
	return n
}

// head returns the number of bytes at the beginning of s that take at most n
// cells, with the marks of the last character.
func head(s string, n int) int {
	for i, r := range s {
		if n -= displaywidth.Rune(r); n < 0 {
			return i
		}
	}
	return len(s)
}

// Cut shortens s, which has no colours, to n cells.
func Cut(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	return s[:head(s, n-1)] + "…"
}

// CutFront shortens s at its beginning: the end of a path identifies it better
// than its beginning.
func CutFront(s string, n int) string {
	total := Width(s)
	if total <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	for i, r := range s {
		if total < n && !unicode.Is(unicode.M, r) { // marks go with the character before
			return "…" + s[i:]
		}
		total -= displaywidth.Rune(r)
	}
	return "…"
}

// CutMiddle shortens a path: its beginning and its end identify it better than its
// middle.
func CutMiddle(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	if n < 3 {
		return Cut(s, n)
	}
	back := CutFront(s, n/2+1) // with the ellipsis
	return s[:head(s, n-Width(back))] + back
}

// Fit makes s exactly n cells wide: cut, or with spaces at its end.
func Fit(s string, n int) string {
	s = Cut(s, n)
	return s + strings.Repeat(" ", max(0, n-Width(s)))
}

// FitRight is [Fit] with spaces at the beginning, for numbers.
func FitRight(s string, n int) string {
	s = Cut(s, n)
	return strings.Repeat(" ", max(0, n-Width(s))) + s
}

// Wrap breaks prose into lines of at most width cells, at its blanks and between
// wide characters. A longer word, such as a digest, a path or an address, is whole
// on a line that is wider: it has to be copied and searched.
func Wrap(text string, width int) []string { return WrapHanging(text, width, width) }

// WrapHanging is [Wrap] with a width for the first line and another for the rest.
func WrapHanging(text string, first, rest int) []string { return wrap(text, first, rest, mayBreak) }

// WrapScreen is [WrapHanging] for a screen, on which no line can be wider: longer
// words are broken too.
func WrapScreen(text string, first, rest int) []string { return wrap(text, first, rest, mayBegin) }

// wrap wraps a text. mayBreak reports whether a word may be broken before its rest.
func wrap(text string, first, rest int, mayBreak func(word string, at int) bool) []string {
	var lines []string
	width, line := first, ""
	end := func() {
		lines = append(lines, line)
		width, line = rest, ""
	}
	for word := range strings.FieldsSeq(text) {
		if line != "" && Width(line)+1+Width(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			end()
		}
		for Width(word) > width {
			n := max(head(word, width), 1)
			for n > 0 && !mayBreak(word, n) {
				n--
			}
			if n == 0 {
				break
			}
			line, word = word[:n], word[n:]
			end()
		}
		line = word
	}
	if line != "" {
		end()
	}
	return lines
}

// mayBegin reports whether a line may begin within a word: not in the middle of a
// character, not with a mark that belongs to the one before, and not with "::",
// which is a command to a CI system there.
func mayBegin(word string, at int) bool {
	if at >= len(word) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(word[at:])
	return utf8.RuneStart(word[at]) && !unicode.Is(unicode.M, r) && !strings.HasPrefix(word[at:], "::")
}

// mayBreak is mayBegin for scripts that have no blanks between their words: before
// or after a wide character.
func mayBreak(word string, at int) bool {
	if !mayBegin(word, at) {
		return false
	}
	after, _ := utf8.DecodeRuneInString(word[at:])
	before, _ := utf8.DecodeLastRuneInString(word[:at])
	return displaywidth.Rune(after) > 1 || displaywidth.Rune(before) > 1
}

// Flow puts segments beside each other, gap apart, and begins a new line
// where one does not fit. A segment is only wrapped when it is wider than a
// line.
func Flow(segments []string, gap string, width int) []string {
	var lines []string
	for _, s := range segments {
		n := len(lines)
		switch {
		case n > 0 && Width(lines[n-1])+Width(gap)+Width(s) <= width:
			lines[n-1] += gap + s
		case Width(s) <= width:
			lines = append(lines, s) // with its colours and runs of spaces
		default:
			lines = append(lines, Wrap(s, width)...)
		}
	}
	return lines
}

// Enumerate joins as many names as fit into width cells, escaped, and counts
// the rest. The first name is always there, cut if it is too wide.
func Enumerate(names []string, width int) string { return enumerate(names, width, Cut) }

// EnumerateWhole is [Enumerate] with a whole first name.
func EnumerateWhole(names []string, width int) string {
	return enumerate(names, width, func(s string, _ int) string { return s })
}

func enumerate(names []string, width int, cut func(string, int) string) string {
	out := ""
	for i, name := range names {
		next := Escape(name)
		if i > 0 {
			next = out + ", " + next
		}
		rest := ""
		if more := len(names) - i - 1; more > 0 {
			rest = fmt.Sprintf(", and %d more", more)
		}
		if Width(next)+Width(rest) > width {
			if i == 0 {
				return cut(next, max(1, width-Width(rest))) + rest
			}
			return out + fmt.Sprintf(", and %d more", len(names)-i)
		}
		out = next
	}
	return out
}

// Bytes returns a number of bytes for people, "" when it is not positive. The
// units are powers of 1000, as apt prints them.
func Bytes(n int64) string {
	if n <= 0 {
		return ""
	}
	const step = 1000
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	v, i := float64(n), 0
	for v >= 999.5 && i < len(units)-1 { // it would be rounded up to 1000
		v /= step
		i++
	}
	if i > 0 && v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}
