package version

import (
	"cmp"
	"strings"
)

// rpm compares two versions of rpm, "[epoch:]version[-release]", as rpmverCmp
// in rpmio/rpmver.cc does: the result is negative when a is older. A missing
// epoch is 0. A version without a release is older than the same with one.
func rpm(a, b string) int {
	aEpoch, aVersion, aRelease := splitEVR(a)
	bEpoch, bVersion, bRelease := splitEVR(b)
	// Either release starts with its hyphen, which rpmvercmp ignores.
	return cmp.Or(
		compareNumbers(aEpoch, bEpoch),
		rpmvercmp(aVersion, bVersion),
		cmp.Compare(min(len(aRelease), 1), min(len(bRelease), 1)),
		rpmvercmp(aRelease, bRelease),
	)
}

// RPMOverlap reports whether a version fits both ranges: the one that a package
// provides and the one that another package requires (rpmverOverlap in
// rpmio/rpmver.cc). A range without an operator or without a version is any
// version. A range with "=" and without a release includes all releases.
func RPMOverlap(aOp, a, bOp, b string) bool {
	if aOp == "" || bOp == "" || a == "" || b == "" {
		return true
	}
	aEpoch, aVersion, aRelease := splitEVR(a)
	bEpoch, bVersion, bRelease := splitEVR(b)
	c := cmp.Or(compareNumbers(aEpoch, bEpoch), rpmvercmp(aVersion, bVersion))
	if c == 0 {
		switch {
		case len(aRelease) > 1 && len(bRelease) > 1:
			c = rpmvercmp(aRelease, bRelease)
		case len(aRelease) > 1 && strings.Contains(bOp, "="), len(bRelease) > 1 && strings.Contains(aOp, "="):
			return true
		}
	}
	both := func(op string) bool { return strings.Contains(aOp, op) && strings.Contains(bOp, op) }
	switch {
	case c < 0:
		return strings.Contains(aOp, ">") || strings.Contains(bOp, "<")
	case c > 0:
		return strings.Contains(aOp, "<") || strings.Contains(bOp, ">")
	}
	return both("=") || both("<") || both(">")
}

// splitEVR splits as parseEVR in rpm does: the epoch is the digits before the
// first colon, the release follows the last hyphen and is returned with it.
func splitEVR(s string) (epoch, version, release string) {
	if n := digits(s); n < len(s) && s[n] == ':' {
		epoch, s = s[:n], s[n+1:]
	}
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return epoch, s[:i], s[i:]
	}
	return epoch, s, ""
}

// rpmvercmp compares versions or releases (rpmio/rpmvercmp.cc): runs of digits
// and runs of letters in turn, ignoring other characters. "~" is older
// than the end, "^" newer than the end but older than anything else.
func rpmvercmp(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a, b = a[separators(a):], b[separators(b):]
		if c, decided := compareMark(&a, &b, '~'); decided {
			if c != 0 {
				return -c
			}
			continue
		}
		if strings.HasPrefix(a, "^") || strings.HasPrefix(b, "^") {
			switch {
			case a == "":
				return -1
			case b == "":
				return 1
			}
		}
		if c, decided := compareMark(&a, &b, '^'); decided {
			if c != 0 {
				return -c
			}
			continue
		}
		if a == "" || b == "" {
			break
		}
		run := letters
		if isDigit(a[0]) {
			run = digits
		}
		aEnd, bEnd := run(a), run(b)
		if bEnd == 0 { // of different kinds: digits are newer
			if isDigit(a[0]) {
				return 1
			}
			return -1
		}
		x, y := a[:aEnd], b[:bEnd]
		c := strings.Compare(x, y)
		if isDigit(a[0]) {
			c = compareNumbers(x, y)
		}
		if c != 0 {
			return c
		}
		a, b = a[aEnd:], b[bEnd:]
	}
	return cmp.Compare(min(len(a), 1), min(len(b), 1))
}

// compareMark looks for a mark at the start of two versions. The comparison is
// decided when there is one: 1 when only a has it, -1 when only b has it, and
// 0, with both marks removed, when both have it.
func compareMark(a, b *string, mark byte) (c int, decided bool) {
	aHas := *a != "" && (*a)[0] == mark
	bHas := *b != "" && (*b)[0] == mark
	switch {
	case aHas && bHas:
		*a, *b = (*a)[1:], (*b)[1:]
		return 0, true
	case aHas:
		return 1, true
	case bHas:
		return -1, true
	}
	return 0, false
}

// separators returns the number of ignored characters at the start of s.
func separators(s string) int {
	n := 0
	for n < len(s) && !isAlphanumeric(s[n]) && s[n] != '~' && s[n] != '^' {
		n++
	}
	return n
}

// letters returns the number of letters at the start of s.
func letters(s string) int {
	n := 0
	for n < len(s) && isAlphanumeric(s[n]) && !isDigit(s[n]) {
		n++
	}
	return n
}
