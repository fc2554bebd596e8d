package version

import (
	"cmp"
	"slices"
	"strings"
)

// semantic is a version by https://semver.org/spec/v2.0.0.html. Numbers are
// text, as they may be longer than any integer type.
type semantic struct {
	numbers [3]string
	pre     []string
}

// parseSemantic parses a version, also with a "v" in front and without its
// minor or patch number, which people leave out.
func parseSemantic(s string) (*semantic, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "="), "v")
	s, build, hasBuild := strings.Cut(s, "+")
	if hasBuild && !identifiers(build, false) {
		return nil, false
	}
	s, pre, hasPre := strings.Cut(s, "-")
	v := &semantic{}
	if hasPre {
		if !identifiers(pre, true) {
			return nil, false
		}
		v.pre = strings.Split(pre, ".")
	}
	parts := strings.Split(s, ".")
	if len(parts) > len(v.numbers) {
		return nil, false
	}
	for i := range v.numbers {
		v.numbers[i] = "0"
		if i < len(parts) {
			if !isNumber(parts[i]) {
				return nil, false
			}
			v.numbers[i] = parts[i]
		}
	}
	return v, true
}

// identifiers reports whether s is a list of identifiers with dots between them;
// without leading zeros in numbers when strict.
func identifiers(s string, strict bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.Trim(part, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") != "" {
			return false
		}
		if strict && allDigits(part) && !isNumber(part) {
			return false
		}
	}
	return true
}

// isNumber reports whether s is a number without leading zeros.
func isNumber(s string) bool { return allDigits(s) && (s == "0" || s[0] != '0') }

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (v *semantic) compare(w *semantic) int {
	for i := range v.numbers {
		if c := compareNumbers(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	if len(v.pre) == 0 || len(w.pre) == 0 {
		return cmp.Compare(len(w.pre), len(v.pre)) // a version without is later
	}
	return slices.CompareFunc(v.pre, w.pre, func(a, b string) int {
		switch x, y := allDigits(a), allDigits(b); {
		case x && y:
			return compareNumbers(a, b)
		case x:
			return -1
		case y:
			return 1
		}
		return strings.Compare(a, b)
	})
}
