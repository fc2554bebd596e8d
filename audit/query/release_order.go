package query

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// SortReleases sorts by date, and those of one date by name, as compareReleases has
// it. One without a date gets its place by its name: before the first one whose name
// is greater.
func SortReleases[T any](list []T, date func(T) time.Time, name func(T) string) {
	var dated, others []T
	for _, t := range list {
		if date(t).IsZero() {
			others = append(others, t)
		} else {
			dated = append(dated, t)
		}
	}
	slices.SortStableFunc(dated, func(a, b T) int {
		return cmp.Or(date(a).Compare(date(b)), compareReleases(name(a), name(b)))
	})
	slices.SortStableFunc(others, func(a, b T) int { return compareReleases(name(a), name(b)) })
	out := list[:0]
	for _, d := range dated {
		for len(others) > 0 && compareReleases(name(others[0]), name(d)) < 0 {
			out, others = append(out, others[0]), others[1:]
		}
		out = append(out, d)
	}
	copy(list[len(out):], others)
}

// compareReleases orders names of releases as people read versions: numbers by value
// (v1.9 is before v1.10), and a candidate before its release (v2.0-rc1 and 3.13.0b2
// are before v2.0 and 3.13.0). It is a total order, so that a sorted list does not
// depend on the one before: names are compared part by part, and the parts of a name
// depend on that name alone.
func compareReleases(a, b string) int {
	return cmp.Or(slices.CompareFunc(releaseParts(a), releaseParts(b), releasePart.compare), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// releasePart is a part of a name. The end of a name is one too, after the parts of
// candidates and before all others.
type releasePart struct {
	kind releaseKind
	// rank is that of a candidate.
	rank int
	text string
}

type releaseKind int

const (
	candidatePart releaseKind = iota
	endPart
	signPart
	numberPart
	wordPart
)

func (p releasePart) compare(o releasePart) int {
	if p.kind == numberPart && o.kind == numberPart {
		x, y := strings.TrimLeft(p.text, "0"), strings.TrimLeft(o.text, "0")
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	}
	return cmp.Or(cmp.Compare(p.kind, o.kind), cmp.Compare(p.rank, o.rank), cmp.Compare(p.text, o.text))
}

// candidates are the words for what is before a release, from early to late (PEP 440,
// the order of Maven's versions, semver.org).
var candidates = map[string]int{
	"dev": 0, "snapshot": 0, "nightly": 0, "canary": 0,
	"a": 1, "alpha": 1,
	"b": 2, "beta": 2,
	"m": 3, "milestone": 3,
	"pre": 4, "preview": 4,
	"c": 5, "rc": 5, "cr": 5,
}

// releaseParts returns the numbers, words and signs of a name, and its end. The signs
// around a candidate are not among them: 2.0-rc.1 is before 2.0rc2.
func releaseParts(name string) []releasePart {
	var out []releasePart
	for rest := strings.ToLower(name); rest != ""; {
		kind := kindOfByte(rest[0])
		n := 1
		for n < len(rest) && kindOfByte(rest[n]) == kind {
			n++
		}
		p := releasePart{kind: kind, text: rest[:n]}
		rest = rest[n:]
		last := len(out) - 1
		if kind == signPart && last >= 0 && out[last].kind == candidatePart && rest != "" && kindOfByte(rest[0]) == numberPart {
			continue
		}
		// A letter alone is that of a candidate with a number (3.13.0b2), and else that
		// of a release (1.0.2b of OpenSSL).
		if rank, ok := candidates[p.text]; ok && (n > 1 || rest != "" && kindOfByte(rest[0]) == numberPart) {
			p.kind, p.rank = candidatePart, rank
			if last >= 0 && out[last].kind == signPart {
				out = out[:last]
			}
		}
		out = append(out, p)
	}
	return append(out, releasePart{kind: endPart})
}

func kindOfByte(c byte) releaseKind {
	switch {
	case '0' <= c && c <= '9':
		return numberPart
	case 'a' <= c && c <= 'z', c >= 0x80:
		return wordPart
	}
	return signPart
}
