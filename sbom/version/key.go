package version

import (
	"strconv"
	"strings"
)

// Bytes of keys that more than one order has.
//
// A key is a version as text whose order, byte by byte, is the order of
// [Compare]. A database without orders of versions can therefore answer
// "between 5.6 and 5.6.2" with two comparisons of text, and skip the parts of a
// file whose least and greatest key are outside. The idea is that of FoundationDB's
// tuple layer and of "memcomparable" encodings: each part of a version is written
// so that it ends by itself, and so that the first different byte decides.
//
//   - A number is its count of digits, as one digit, and its digits: 5 is "15",
//     2024 is "42024", and 0, which has none, is "0". Nine digits and more are
//     "9", the count as a number, and the digits.
//   - keyEnd ends a list, and a text of letters. What an order has before the end
//     of a version ("~" of Debian) is written with a lower byte, all else with a
//     higher one.
//
// The epoch of a package manager's version is a number beside the key: a pattern of
// versions that has none often leaves it out, and its limits are those of a column.
//
// Keys consist of printable ASCII without quotes, backslash, %, _ and blanks, so
// that they are the same in JSON, in SQL and in any collation of code points.
const (
	keyEnd   = '.'
	keyTilde = '-' // before the end
)

// Key returns the place of a version in the order of its type: the epoch of a
// package manager's version, 0 if it has none, and the key of the rest. Two versions
// of one type are in the order of their epochs, and of their keys if those are equal,
// as [Compare] has them. The key is empty, and never else, if Compare has an error.
func Key(typ, v string) (epoch int64, key string) {
	w := writeKey(typ, v)
	return w.epoch, string(w.key)
}

// KeyRange returns the epoch of a version, and the range of keys, from included and
// before not, of the versions that are the given one: it alone, or with all of its
// revisions if it has none and its type has revisions (5.6.1 of deb also has 5.6.1-1
// and 5.6.1-1+b2). Both are empty if [Key] is. So for a version w of that epoch with
// the key k,
//
//	w <  v    k < from
//	w <= v    k < before
//	w >= v    k >= from
//	w >  v    k >= before
func KeyRange(typ, v string) (epoch int64, from, before string) {
	w := writeKey(typ, v)
	if len(w.key) == 0 {
		return 0, "", ""
	}
	from = string(w.key[:w.shared])
	return w.epoch, from, from[:len(from)-1] + string(w.last+1)
}

// written is a key, and what of it all revisions of its version have, if it has none.
type written struct {
	epoch  int64
	key    keyWriter
	shared int  // the length of that part, whose last byte is an end
	last   byte // the greatest byte in its place, that end for most types
}

// writeKey returns a key, which is empty for what has none.
func writeKey(typ, v string) written {
	var w written
	var epoch string
	switch k := &w.key; typ {
	case "deb", "opkg":
		epoch, w.shared = k.deb(v)
	case "rpm":
		epoch, w.shared = k.rpm(v)
	case "alpm":
		epoch, w.shared = k.alpm(v)
	case "apk":
		w.last = k.apk(v)
	default:
		if p, err := parse(typ, v); err == nil {
			k.parsed(p)
		}
	}
	var ok bool
	if w.epoch, ok = parseEpoch(epoch); v == "" || !ok || len(w.key) == 0 {
		return written{}
	}
	if w.shared == 0 {
		w.shared = len(w.key)
	}
	if w.last == 0 {
		w.last = w.key[w.shared-1]
	}
	return w
}

func (k *keyWriter) parsed(p parsed) {
	switch {
	case p.python != nil:
		k.python(p.python.String())
	case p.semver != nil:
		k.semantic(p.semver)
	case p.gem != nil:
		k.gem(p.gem)
	default:
		k.goTool(p.tool)
	}
}

// keyWriter is a key that is being written.
type keyWriter []byte

func (k *keyWriter) byte(c byte) { *k = append(*k, c) }

// text writes letters, none of which is lower than keyEnd, and their end.
func (k *keyWriter) text(s string) {
	*k = append(*k, s...)
	k.byte(keyEnd)
}

// number writes a string of digits, of which the empty one is 0.
func (k *keyWriter) number(s string) {
	s = strings.TrimLeft(s, "0")
	if len(s) < 9 {
		k.byte('0' + byte(len(s)))
	} else {
		k.byte('9')
		k.number(strconv.Itoa(len(s)))
	}
	*k = append(*k, s...)
}

// deb writes upstream version and revision, which is empty if there is none. Digits
// are the end of the text before them: their first byte is above that of "~", and below
// letters.
func (k *keyWriter) deb(v string) (epoch string, shared int) {
	epoch, upstream, revision, has := splitDeb(v)
	k.debParts(upstream)
	if !has {
		shared = len(*k)
	}
	k.debParts(revision)
	return epoch, shared
}

func (k *keyWriter) debParts(s string) {
	for first := true; s != "" || first; first = false {
		for s != "" && !isDigit(s[0]) {
			k.debByte(s[0])
			s = s[1:]
		}
		n := digits(s)
		k.number(s[:n])
		s = s[n:]
	}
	k.byte(keyEnd)
}

// debByte writes one byte in the order of [weight]. The dot has a byte of its own,
// as it is in every version.
func (k *keyWriter) debByte(c byte) {
	switch {
	case c == '~':
		k.byte(keyTilde)
	case isLetter(c):
		k.byte(c)
	case c < '.':
		k.hex('{', c)
	case c == '.':
		k.byte('|')
	default:
		k.hex('}', c)
	}
}

func (k *keyWriter) hex(mark, c byte) {
	const hex = "0123456789abcdef"
	*k = append(*k, mark, hex[c>>4], hex[c&15])
}

// rpm writes the version, and the release if there is one: a version without is
// older.
func (k *keyWriter) rpm(v string) (epoch string, shared int) {
	epoch, v, release := splitEVR(v)
	k.rpmParts(v)
	if release == "" {
		shared = len(*k)
		k.byte(keyEnd)
		return epoch, shared
	}
	k.byte('0')
	k.rpmParts(release)
	return epoch, 0
}

// rpmParts writes "~", the end, "^", letters and digits so that they are in this
// order.
func (k *keyWriter) rpmParts(s string) {
	for {
		if s = s[separators(s):]; s == "" {
			break
		}
		switch {
		case s[0] == '~':
			k.byte(keyTilde)
			s = s[1:]
		case s[0] == '^':
			k.byte('/')
			s = s[1:]
		case isDigit(s[0]):
			n := digits(s)
			k.byte('n')
			k.number(s[:n])
			s = s[n:]
		default:
			n := letters(s)
			k.byte('a')
			k.text(s[:n])
			s = s[n:]
		}
	}
	k.byte(keyEnd)
}

// apkKeys are the bytes of the parts of a version in the order of [compareApk]:
// a suffix that is before the version without comes first, then what cannot be
// read, and the end; then the later the part is in a version, the earlier.
const apkKeys = " 543210.,"

const (
	apkKeyBefore = '+' // alpha, beta, pre, rc
	apkKeyFirst  = '0'
)

// apk writes the parts of a version, and a mark of how they end. Its greatest value for
// a version of the same parts and a revision behind them is that of a revision: what
// cannot be read can have none behind it, and a revision no other one.
func (k *keyWriter) apk(v string) (last byte) {
	p := apkVersion{rest: v}
	p.first()
	revision := false
	for ; p.part < apkEnd; p.next() {
		revision = revision || p.part == apkRevision
		switch p.part {
		case apkFirst:
			k.byte(apkKeyFirst)
			k.number(p.text)
			continue
		case apkSuffix:
			mark := apkKeys[apkSuffix]
			if p.suffix < apkNoSuffix {
				mark = apkKeyBefore
			}
			*k = append(*k, mark, '0'+byte(p.suffix))
			continue
		}
		k.byte(apkKeys[p.part])
		switch {
		case p.part == apkLetter:
			k.byte(p.text[0])
		case p.part == apkCommit:
			k.text(p.text)
		case p.part == apkNumber && p.text[0] == '0':
			k.byte('0') // as text, and before all other numbers
			k.text(p.text)
		default:
			k.number(p.text)
		}
	}
	k.byte(apkKeys[p.part])
	if p.part == apkEnd && !revision {
		return apkKeys[apkRevision]
	}
	return 0
}

// alpm writes the version, and the release if there is one: a version without is
// older.
func (k *keyWriter) alpm(v string) (epoch string, shared int) {
	epoch, v, release, has := splitAlpm(v)
	k.alpmParts(v)
	if !has {
		shared = len(*k)
		k.byte(keyEnd)
		return epoch, shared
	}
	k.byte('0')
	k.alpmParts(release)
	return epoch, 0
}

// alpmParts writes letters without a separator before them, the end, digits
// without one, and then what follows a separator: letters, nothing, digits.
func (k *keyWriter) alpmParts(s string) {
	for s != "" {
		rest := strings.TrimLeftFunc(s, notAlphanumeric)
		skipped := len(s) - len(rest)
		s = rest
		switch {
		case s == "":
			*k = append(*k, '1', 'b') // however long the separator is
			continue
		case skipped == 1:
			k.byte('1')
		case skipped > 1:
			k.byte('2')
			k.number(strconv.Itoa(skipped))
		}
		if n := digits(s); n > 0 {
			switch skipped {
			case 0:
				k.byte('0')
			default:
				k.byte('n')
			}
			k.number(s[:n])
			s = s[n:]
			continue
		}
		switch skipped {
		case 0:
			k.byte(keyTilde)
		default:
			k.byte('a')
		}
		n := letters(s)
		k.text(s[:n])
		s = s[n:]
	}
	k.byte(keyEnd)
}

// python writes a version in the normalized form of PEP 440. A development release
// without another segment comes before the pre-releases, and a version without one
// after them.
func (k *keyWriter) python(s string) {
	s, local, hasLocal := strings.Cut(s, "+")
	epoch, rest, ok := strings.Cut(s, "!")
	if !ok {
		epoch, rest = "", s
	}
	k.number(epoch)
	rest, dev, hasDev := strings.Cut(rest, ".dev")
	rest, post, hasPost := strings.Cut(rest, ".post")
	release, pre := rest, ""
	if i := strings.IndexAny(rest, "abr"); i >= 0 {
		release, pre = rest[:i], rest[i:]
	}
	for _, n := range withoutZeros(strings.Split(release, "."), 0) {
		k.number(n)
	}
	k.byte(keyEnd)
	switch {
	case pre != "":
		k.byte(pre[0])
		k.number(strings.TrimLeft(pre, "abrc"))
	case hasDev && !hasPost:
		k.byte('0')
	default:
		k.byte('z')
	}
	if hasPost {
		k.byte('1')
		k.number(post)
	} else {
		k.byte('0')
	}
	if hasDev {
		k.byte('0')
		k.number(dev)
	} else {
		k.byte('1')
	}
	if hasLocal {
		for part := range strings.SplitSeq(local, ".") {
			if n, err := strconv.ParseUint(part, 10, 64); err == nil {
				k.byte('b')
				k.number(strconv.FormatUint(n, 10))
			} else {
				k.byte('a')
				k.text(part)
			}
		}
	}
	k.byte(keyEnd)
}

// semantic writes a version of semver.org: the identifiers of a pre-release, or a
// mark that is after them.
func (k *keyWriter) semantic(v *semantic) {
	for _, n := range v.numbers {
		k.number(n)
	}
	if len(v.pre) == 0 {
		k.byte('z')
	} else {
		k.byte('a')
	}
	for _, id := range v.pre {
		if allDigits(id) {
			k.byte('0')
			k.number(id)
			continue
		}
		k.byte('1')
		// The hyphen is below the end mark, and below digits and letters.
		k.text(strings.ReplaceAll(id, "-", "/"))
	}
	k.byte(keyEnd)
}

// goTool writes a version of Go, which go/version has found valid, as that of a module:
// go1.22rc1 is 1.22.0-rc.1. Without a patch number it is the language, which is before
// its releases since 1.21 and the first of them before
// (https://go.dev/doc/toolchain#version).
func (k *keyWriter) goTool(v string) {
	v, _, _ = strings.Cut(strings.TrimPrefix(v, "go"), "-") // go1.22.1-custom
	major, rest, hasMinor := strings.Cut(v, ".")
	minor, rest := rest[:digits(rest)], rest[digits(rest):]
	var patch, kind, pre string
	language := false
	switch {
	case strings.HasPrefix(rest, "."):
		patch = rest[1:]
	case rest != "":
		n := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		kind, pre = rest[:n], rest[n:]
	default:
		language = hasMinor && compareNumbers(minor, "21") >= 0
	}
	for _, n := range []string{major, minor, patch} {
		k.number(n)
	}
	switch {
	case kind != "":
		*k = append(*k, 'a', '1')
		k.text(kind)
		if pre != "" {
			k.byte('0')
			k.number(pre)
		}
	case language:
		k.byte(keyEnd)
	default:
		k.byte('z')
	}
	k.byte(keyEnd)
}

// gem writes the parts of a version, behind which Ruby sees zeros without end: what
// is earlier than those is before the end, and the later, the more zeros come first;
// what is later is the other way round.
func (k *keyWriter) gem(parts []string) {
	zeros := 0
	for _, p := range parts {
		switch {
		case !isDigit(p[0]):
			k.byte(keyTilde)
			k.number(strconv.Itoa(zeros))
			k.text(p)
		case strings.Trim(p, "0") == "":
			zeros++
			continue
		default:
			at := len(*k)
			k.number(strconv.Itoa(zeros))
			for i := range (*k)[at:] { // the complement, for the reverse order
				(*k)[at+i] = '0' + '9' - (*k)[at+i]
			}
			k.number(p)
		}
		zeros = 0
	}
	k.byte(keyEnd)
}
