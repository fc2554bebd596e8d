package audit

import (
	"cmp"
	"slices"
	"strings"
)

// Coverage is an exception that excuses a dependency from a rule by a wildcard or
// by a directory.
type Coverage struct {
	// Exception is its purl and its path.
	Exception string
	Rule      string
}

// coverSeparator is between two coverages of one dependency.
const coverSeparator = "; "

// CoverLabel returns what excuses a dependency as a baseline has it, "" for
// nothing: "pkg:npm/* (not-pinned)". The rule is part of it: an exception that was
// accepted for a package in no lock was not accepted for one with other bytes.
func CoverLabel(list []Coverage) string {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Coverage) int {
		return cmp.Or(cmp.Compare(a.Exception, b.Exception), cmp.Compare(a.Rule, b.Rule))
	})
	var parts []string
	for _, c := range list {
		parts = append(parts, c.Exception+" ("+c.Rule+")")
	}
	return strings.Join(parts, coverSeparator)
}

// CoversMore returns the exceptions by which a label excuses more than another one:
// that are not in it, or for a rule that it does not have.
func CoversMore(before, now string) []string {
	accepted := strings.Split(before, coverSeparator)
	var out []string
	for part := range strings.SplitSeq(now, coverSeparator) {
		if part == "" || slices.Contains(accepted, part) {
			continue
		}
		exception := part
		if i := strings.LastIndex(part, " ("); i >= 0 {
			exception = part[:i]
		}
		if !slices.Contains(out, exception) {
			out = append(out, exception)
		}
	}
	return out
}
