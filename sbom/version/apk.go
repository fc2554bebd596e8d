package version

import (
	"cmp"
	"strings"
)

// apk compares two versions of apk, "1.2.3b_rc4_p5~abc-r6", as apk-tools 3
// does (apk-package(5), src/version.c). It orders any two strings: everything
// from the first character that fits no part on is ignored, and is later than
// any part that could be in its place.
func apk(a, b string) int {
	c, _ := compareApk(a, b)
	return c
}

// ApkSatisfies reports whether a version satisfies a dependency with that
// operator, for example "<=" or ">~", and version (src/version.c in
// apk-tools). The operator "~" compares only the parts that want has.
func ApkSatisfies(version, op, want string) bool {
	order, prefix := compareApk(version, want)
	return order < 0 && strings.Contains(op, "<") ||
		order > 0 && strings.Contains(op, ">") ||
		order == 0 && strings.ContainsAny(op, "=~") ||
		prefix && strings.Contains(op, "~")
}

// compareApk also reports whether b is a prefix of a, part by part.
func compareApk(a, b string) (order int, prefix bool) {
	x, y := apkVersion{rest: a}, apkVersion{rest: b}
	x.first()
	y.first()
	for x.part == y.part && x.part < apkEnd {
		if c := x.compare(&y); c != 0 {
			return c, false
		}
		x.next()
		y.next()
	}
	if x.part == y.part {
		return 0, true
	}
	prefix = y.part == apkEnd
	switch {
	case x.part == apkSuffix && x.suffix < apkNoSuffix:
		return -1, prefix
	case y.part == apkSuffix && y.suffix < apkNoSuffix:
		return 1, prefix
	}
	// The parts come in a fixed order, and the one that is earlier in it makes
	// the version later: 1.0.1 is after 1.0a, which is after 1.0_p1.
	return cmp.Compare(y.part, x.part), prefix
}

// The parts of a version, in the order in which they can follow each other.
const (
	apkFirst = iota
	apkNumber
	apkLetter
	apkSuffix
	apkSuffixNumber
	apkCommit
	apkRevision
	apkEnd
	apkInvalid
)

// apkSuffixes are the suffixes in their order; those before the empty one
// come before the version without a suffix.
const (
	apkSuffixes = "alpha beta pre rc - cvs svn git hg p"
	apkNoSuffix = 4
)

// apkVersion is a version while it is split into parts.
type apkVersion struct {
	part   int
	text   string // of the part, without the character that introduces it
	suffix int
	rest   string
}

// compare compares two parts of one kind.
func (v *apkVersion) compare(w *apkVersion) int {
	switch v.part {
	case apkNumber:
		if v.text[0] == '0' || w.text[0] == '0' {
			return strings.Compare(v.text, w.text)
		}
		return compareNumbers(v.text, w.text)
	case apkFirst, apkSuffixNumber, apkRevision:
		return compareNumbers(v.text, w.text)
	case apkSuffix:
		return cmp.Compare(v.suffix, w.suffix)
	}
	return strings.Compare(v.text, w.text)
}

func (v *apkVersion) first() {
	v.part = apkFirst
	v.number()
}

// number takes the digits at the start of the rest.
func (v *apkVersion) number() {
	if !v.take(digits(v.rest)) {
		v.part = apkInvalid
	}
}

func (v *apkVersion) take(n int) bool {
	v.text, v.rest = v.rest[:n], v.rest[n:]
	return n > 0
}

func (v *apkVersion) next() {
	if v.rest == "" {
		v.part = apkEnd
		return
	}
	before := v.part
	v.part = apkInvalid
	switch c := v.rest[0]; {
	case c >= 'a' && c <= 'z' && before <= apkNumber:
		v.part = apkLetter
		v.take(1)
	case c == '.' && before <= apkNumber:
		v.part = apkNumber
		v.rest = v.rest[1:]
		v.number()
	case isDigit(c) && before <= apkNumber:
		v.part = apkNumber
		v.number()
	case isDigit(c) && before == apkSuffix:
		v.part = apkSuffixNumber
		v.number()
	case c == '_' && before <= apkSuffixNumber:
		v.rest = v.rest[1:]
		end := 0
		for end < len(v.rest) && v.rest[end] >= 'a' && v.rest[end] <= 'z' {
			end++
		}
		v.take(end)
		for i, s := range strings.Fields(apkSuffixes) {
			if s == v.text && i != apkNoSuffix {
				v.part, v.suffix = apkSuffix, i
			}
		}
	case c == '~' && before < apkCommit:
		v.rest = v.rest[1:]
		end := 0
		for end < len(v.rest) && strings.IndexByte("0123456789abcdef", v.rest[end]) >= 0 {
			end++
		}
		if v.take(end) {
			v.part = apkCommit
		}
	case c == '-' && before < apkRevision && strings.HasPrefix(v.rest, "-r"):
		v.part = apkRevision
		v.rest = v.rest[2:]
		v.number()
	}
}
