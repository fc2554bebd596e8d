package version

import (
	"cmp"
	"strings"
)

// Alpm compares two versions of pacman, "epoch:version-release", as vercmp(8)
// does. The release is compared only when both have one, because most
// dependencies have none. The result is therefore not transitive: "1.0" equals
// both "1.0-1" and "1.0-2".
func Alpm(a, b string) int {
	aEpoch, aVersion, aRelease, aHas := splitAlpm(a)
	bEpoch, bVersion, bRelease, bHas := splitAlpm(b)
	if c := cmp.Or(compareNumbers(aEpoch, bEpoch), compareAlpmParts(aVersion, bVersion)); c != 0 || !aHas || !bHas {
		return c
	}
	return compareAlpmParts(aRelease, bRelease)
}

// alpm is [Alpm] as an order: a version without a release is before those with one, and
// what vercmp compares in a circle is in the order of the keys.
func alpm(a, b string) int {
	x, y := writeKey("alpm", a), writeKey("alpm", b)
	return cmp.Or(cmp.Compare(x.epoch, y.epoch), strings.Compare(string(x.key), string(y.key)))
}

// splitAlpm splits at the colon after the leading digits, of which there may be
// none, and at the last hyphen after it.
func splitAlpm(v string) (epoch, version, release string, hasRelease bool) {
	if n := digits(v); n < len(v) && v[n] == ':' {
		epoch, v = v[:n], v[n+1:]
	}
	if i := strings.LastIndexByte(v, '-'); i >= digits(v) && i >= 0 {
		return epoch, v[:i], v[i+1:], true
	}
	return epoch, v, "", false
}

// compareAlpmParts compares pieces of digits or of letters in turn. A longer
// separator is later than a shorter one; which characters it has does not
// matter. Digits are later than letters, and letters at the end are earlier
// than the end.
func compareAlpmParts(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" && b != "" {
		x, y := strings.TrimLeftFunc(a, notAlphanumeric), strings.TrimLeftFunc(b, notAlphanumeric)
		skippedA, skippedB := len(a)-len(x), len(b)-len(y)
		a, b = x, y
		if a == "" || b == "" {
			break
		}
		if skippedA != skippedB {
			return cmp.Compare(skippedA, skippedB)
		}
		piece := letters
		if isDigit(a[0]) {
			piece = digits
		}
		endA, endB := piece(a), piece(b)
		if endB == 0 {
			if isDigit(a[0]) {
				return 1
			}
			return -1
		}
		if isDigit(a[0]) {
			if c := compareNumbers(a[:endA], b[:endB]); c != 0 {
				return c
			}
		} else if c := strings.Compare(a[:endA], b[:endB]); c != 0 {
			return c
		}
		a, b = a[endA:], b[endB:]
	}
	switch {
	case a == "" && b == "":
		return 0
	case a == "" && letters(b) == 0, letters(a) > 0:
		return -1
	}
	return 1
}

func notAlphanumeric(r rune) bool { return r >= 0x80 || !isAlphanumeric(byte(r)) }
