package ospkg

import (
	"cmp"
	"strings"
)

// CompareVersions compares two Debian versions as deb-version(7) and section
// 5.6.12 of the Debian Policy say: negative when a is earlier than b, 0 when
// they are the same to dpkg ("1.0" and "1.0-0" are), positive when a is later.
// It orders any strings, also those that are no versions.
func CompareVersions(a, b string) int {
	aEpoch, aUpstream, aRevision := splitVersion(a)
	bEpoch, bUpstream, bRevision := splitVersion(b)
	return cmp.Or(
		compareNumbers(aEpoch, bEpoch),
		compareParts(aUpstream, bUpstream),
		compareParts(aRevision, bRevision),
	)
}

// splitVersion splits at the first colon, if only digits are before it, and
// at the last hyphen.
func splitVersion(v string) (epoch, upstream, revision string) {
	if before, after, found := strings.Cut(v, ":"); found && before != "" && digits(before) == len(before) {
		epoch, v = before, after
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

// compareParts compares upstream versions or revisions: pieces without and
// with digits in turn, letters before everything else, "~" even before the
// end.
func compareParts(a, b string) int {
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
// integer type; none is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// digits is the length of the digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
