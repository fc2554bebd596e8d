package graph

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the number of characters of one untrusted string that are written
// for people: real names and paths are rarely longer than a quarter of a
// kilobyte, and a hostile name can be a megabyte.
const maxText = 256

// plain returns s as one line of printing characters: control, bidirectional
// and other format characters, invalid UTF-8 and private characters are escaped
// as \u{202e}. The four formats are text files, which people read in terminals.
// Long strings end in an ellipsis.
func plain(s string) string {
	clean := len(s) <= maxText
	for i := 0; clean && i < len(s); i++ {
		clean = s[i] >= ' ' && s[i] <= '~'
	}
	if clean {
		return s
	}
	var b strings.Builder
	length := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		out := s[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Sprintf(`\x%02x`, s[0])
		case !unicode.IsPrint(r), unicode.In(r, unicode.M, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			out = fmt.Sprintf(`\u{%x}`, r)
		}
		if length += utf8.RuneCountInString(out); length > maxText {
			b.WriteString("…")
			break
		}
		b.WriteString(out)
		s = s[size:]
	}
	return b.String()
}

// quote returns plain text in quotes, for errors.
func quote(s string) string { return `"` + plain(s) + `"` }
