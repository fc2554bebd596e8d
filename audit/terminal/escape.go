// Package terminal prepares text for terminals and for the logs of CI systems:
// it escapes untrusted text, measures, cuts and wraps it, and lays out the
// lines and tables of a page.
//
// # Untrusted text
//
// Package names, versions, paths and error texts come from the environment
// that is examined. [Escape] makes one line of such a text that cannot act on
// a terminal or on a CI system. The methods of [Page] escape what they are
// given, except for [Page.Safe] and the titles of tables.
//
// # Widths
//
// Widths are counted in terminal cells. Ambiguous characters take one cell
// whatever the locale is, so that the same input gives the same bytes
// everywhere.
//
// # What tablewriter does, and what it cannot do
//
// Tables are laid out by tablewriter: it cuts cells with an ellipsis, aligns
// and pads them, and draws the header. Three things are done here, and
// TestTablewriter has the input that shows why:
//
//   - The widths of columns. tablewriter divides a table's maximum width evenly
//     among its columns, so that a path is cut to 10 cells while a column of
//     two digits has 10 cells too.
//   - Cutting paths at the front. tablewriter cuts at the end only.
//   - Leaving out columns without content. The option AutoHide of tablewriter
//     1.1.5 also drops the gap beside the hidden column.
//
// Paragraphs are wrapped by [Wrap], because the wrapping of tablewriter
// (package twwarp) does not break a word that is longer than a line.
package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxText is the number of characters that [Escape] returns at most. The
	// longest names and paths that systems allow are 4,096 bytes (PATH_MAX)
	// and rarely a quarter of it; a name can be a megabyte.
	maxText = 1024
	// MaxMarks is the number of combining marks that one character may carry.
	// Living scripts stay below; towers of marks paint over other lines.
	MaxMarks = 4
)

// Escape returns s as a single line that is safe on a terminal and in the log
// of a CI system. Characters that do not print are written as escapes (\n,
// \x1b, \u202e): control characters, bidirectional and other format
// characters, separators, blanks other than the space, invalid UTF-8, private
// and unassigned characters, invisible letters. A text of more than 1,024
// characters ends in an ellipsis.
//
// CI systems take commands from the output of a step, so these are escaped
// too: "::" at the beginning of a word, because GitHub's runner obeys it at
// the beginning of a line, after blanks, and wrapping can put any word there;
// and "##" anywhere, because "##[" (GitHub's older form, also "##vso[" and
// "##teamcity[" of others) is obeyed in the middle of a line (actions/runner,
// src/Runner.Common/ActionCommand.cs).
func Escape(s string) string { return EscapeTo(s, maxText) }

// CSVCell is [Escape] for a cell of CSV. One that a spreadsheet would take for a formula
// begins with an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).
func CSVCell(s string) string {
	s = Escape(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// EscapeTo is [Escape] with a limit in characters of output.
func EscapeTo(s string, limit int) string {
	if len(s) <= limit && plain(s) {
		return s
	}
	var b strings.Builder
	var (
		length = 0   // characters written
		last   = ' ' // the last character, 0 when it was written as an escape
		marks  = -1  // combining marks on it, -1 when it can carry none
	)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		rest := s[size:]
		out := s[:size]
		mark := unicode.Is(unicode.M, r)
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Sprintf(`\x%02x`, s[0])
		case !prints(r),
			mark && (marks < 0 || marks >= MaxMarks),
			r == '#' && last == '#',
			r == ':' && (last == ' ' || last == ':') && strings.HasPrefix(rest, ":"):
			out = escapeRune(r)
		}
		length += utf8.RuneCountInString(out)
		if length > limit || (length == limit && rest != "") {
			b.WriteString("…")
			break
		}
		b.WriteString(out)
		switch kept := len(out) == size; {
		case kept && mark:
			marks++
		case kept && r == ' ':
			last, marks = r, -1 // a line may be wrapped here
		case kept:
			last, marks = r, 0
		default:
			last, marks = 0, -1
		}
		s = rest
	}
	return b.String()
}

// plain reports whether s needs no escape, as nearly all strings do.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.Contains(s, "##") && !strings.Contains(s, ":::") &&
		!strings.HasPrefix(s, "::") && !strings.Contains(s, " ::")
}

// prints reports whether a character is visible, or a plain space, and does
// not move the characters around it.
func prints(r rune) bool {
	const brailleBlank = '\u2800' // a symbol by its category, but empty
	return unicode.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escapeRune returns the escape of a character.
func escapeRune(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// EscapeJSON returns a JSON text in which characters that do not print are
// JSON escapes. A parser reads the same values. Outside of strings, JSON has
// only printing ASCII and line breaks, so every such character is in a string.
func EscapeJSON(in []byte) []byte {
	out := make([]byte, 0, len(in)+len(in)/16)
	var last rune
	marks := 0
	for len(in) > 0 {
		if n := ordinary(in); n > 0 { // nearly all of every report
			out = append(out, in[:n]...)
			last, marks, in = rune(in[n-1]), 0, in[n:]
			continue
		}
		r, size := utf8.DecodeRune(in)
		keep := r == '\n' || prints(r) && r != utf8.RuneError && (r != '#' || last != '#')
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > MaxMarks || last == '"' {
			keep = false
		}
		switch {
		case keep:
			out = append(out, in[:size]...)
		case r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		last, in = r, in[size:]
	}
	return out
}

// ordinary returns the length of the printing ASCII at the beginning of a text, up to
// the first # of it, which is not always kept.
func ordinary(in []byte) int {
	for i, b := range in {
		if (b < ' ' || b > '~' || b == '#') && b != '\n' {
			return i
		}
	}
	return len(in)
}
