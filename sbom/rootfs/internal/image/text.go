package image

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxListed is the maximum number of names in an error message.
const maxListed = 12

// quote makes an untrusted name printable for an error message.
func quote(s string) string { return strconv.Quote(cut(s, 200)) }

// cut shortens a text, at the start of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// printable returns an untrusted text on one line, without control characters.
func printable(s string, limit int) string {
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
	}, cut(s, 4*limit))
	return cut(strings.Join(strings.Fields(s), " "), limit)
}

// list formats names for an error message, each once and in order.
func list(names []string) string { return listAbout(names, nil) }

// listAbout is list with remarks about some of the names.
func listAbout(names []string, about map[string]string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	more := ""
	if len(names) > maxListed {
		more = ", and " + strconv.Itoa(len(names)-maxListed) + " more"
		names = names[:maxListed]
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n) + about[n]
	}
	return strings.Join(quoted, ", ") + more
}
