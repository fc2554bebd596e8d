package wording

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuoted is the maximum length of an untrusted name in an error message.
const maxQuoted = 200

// Quote makes an untrusted name printable for an error message.
func Quote(s string) string { return strconv.Quote(Cut(s, maxQuoted)) }

// Cut shortens a text to limit bytes, at the start of a character.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// Printable returns an untrusted text on one line, without control characters, and
// shortened to limit bytes.
func Printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, Cut(s, 4*limit))
	return Cut(strings.Join(strings.Fields(s), " "), limit)
}
