package version

import (
	"cmp"
	"strings"
)

// Deb compares two Debian versions by deb-version(7) and section 5.6.12 of the
// Debian Policy: the result is negative when a is earlier than b, 0 when they
// are equal to dpkg ("1.0" and "1.0-0" are), positive when a is later. It
// orders any two strings, valid versions or not.
func Deb(a, b string) int {
	aEpoch, aUpstream, aRevision, _ := splitDeb(a)
	bEpoch, bUpstream, bRevision, _ := splitDeb(b)
	return cmp.Or(
		compareNumbers(aEpoch, bEpoch),
		compareDebParts(aUpstream, bUpstream),
		compareDebParts(aRevision, bRevision),
	)
}

// splitDeb splits at the first colon, if only digits precede it, and at the
// last hyphen.
func splitDeb(v string) (epoch, upstream, revision string, hasRevision bool) {
	if before, after, found := strings.Cut(v, ":"); found && before != "" && digits(before) == len(before) {
		epoch, v = before, after
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:], true
	}
	return epoch, v, "", false
}

// compareDebParts compares upstream versions or revisions: pieces without and
// with digits in turn, letters before other characters, "~" even before the
// end.
func compareDebParts(a, b string) int {
	for a != "" || b != "" {
		for (a != "" && !isDigit(a[0])) || (b != "" && !isDigit(b[0])) {
			if c := cmp.Compare(weight(a), weight(b)); c != 0 {
				return c
			}
			// Equal weights are the same byte, of both.
			a, b = a[1:], b[1:]
		}
		aEnd, bEnd := digits(a), digits(b)
		if c := compareNumbers(a[:aEnd], b[:bEnd]); c != 0 {
			return c
		}
		a, b = a[aEnd:], b[bEnd:]
	}
	return 0
}

// weight orders the first byte of a part: "~", then the end or a digit, then
// letters, then the rest.
func weight(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

// compareNumbers compares strings of digits, which may be longer than any
// integer type. The empty string is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// digits returns the number of digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isDigit(c) || isLetter(c) }
