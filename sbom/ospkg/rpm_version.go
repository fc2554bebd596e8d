package ospkg

import (
	"cmp"
	"strings"
)

// CompareRPM compares two versions of rpm, "[epoch:]version[-release]", as
// rpm does (rpmverCmp in rpmio/rpmver.cc): negative when a is older. An epoch
// that is not there is 0; no release is older than any.
func CompareRPM(a, b string) int {
	aEpoch, aVersion, aRelease := splitEVR(a)
	bEpoch, bVersion, bRelease := splitEVR(b)
	// Either release starts with its hyphen, which means nothing to rpmvercmp.
	return cmp.Or(
		compareNumbers(aEpoch, bEpoch),
		rpmvercmp(aVersion, bVersion),
		cmp.Compare(min(len(aRelease), 1), min(len(bRelease), 1)),
		rpmvercmp(aRelease, bRelease),
	)
}

// overlap says whether there is a version that fits both: what a package
// provides, and what another one asks for (rpmverOverlap in rpmio/rpmver.cc).
// A side without an operator or without a version is any version. A side
// without a release and with "=" stands for all releases.
func overlap(aOp, a, bOp, b string) bool {
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

// splitEVR splits as parseEVR in rpm does: an epoch is digits before the first
// colon, a release is what follows the last hyphen; it is returned with it.
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
// and runs of letters in turn, whatever else is between them. "~" is older
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

// compareMark looks for a mark at the start of two versions. It is decided
// when there is one: 1 when only a has it, -1 when only b has, and 0, with
// both marks taken away, when both have.
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

// separators is the length of what s starts with and that means nothing.
func separators(s string) int {
	n := 0
	for n < len(s) && !isAlphanumeric(s[n]) && s[n] != '~' && s[n] != '^' {
		n++
	}
	return n
}

// letters is the length of the letters that s starts with.
func letters(s string) int {
	n := 0
	for n < len(s) && isAlphanumeric(s[n]) && !isDigit(s[n]) {
		n++
	}
	return n
}
