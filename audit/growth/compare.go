// Package growth compares the dependencies of a stage with those that were
// accepted before, by identity and not by number, and groups the new ones
// under the dependency that introduces them.
//
// [Difference] compares two sets. [Compare] does so separately for what
// belongs to the base of the stage and what the stage adds, and [Parts]
// explains why. [Group] is the grouping. The package reports differences and
// judges none of them.
package growth

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/audit"
)

// Delta is the difference between two sets of dependencies by identity. The
// sets are multisets of keys, since two versions of one package are two
// dependencies.
type Delta struct {
	Added   []audit.Accepted
	Removed []audit.Accepted
	Changed []Pair // one identity at two versions
	Same    []Pair
}

// Pair is one identity before and now.
type Pair struct{ Before, Now audit.Accepted }

func (d *Delta) pairs() []Pair { return slices.Concat(d.Same, d.Changed) }

// Difference compares two sets. Of one key, equal versions are paired first.
// The remaining ones of both sides are paired in order of version and are
// changes; those without a partner are added or removed.
func Difference(before, now []audit.Accepted) Delta {
	var d Delta
	old, current := byKey(before), byKey(now)
	keys := make([]string, 0, len(old)+len(current))
	for k := range old {
		keys = append(keys, k)
	}
	for k := range current {
		if _, both := old[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		d.compareKey(old[k], current[k])
	}
	return d
}

func byKey(list []audit.Accepted) map[string][]audit.Accepted {
	m := make(map[string][]audit.Accepted, len(list))
	for _, a := range list {
		m[a.Key] = append(m[a.Key], a)
	}
	for _, list := range m {
		slices.SortFunc(list, audit.Accepted.Compare)
	}
	return m
}

func (d *Delta) compareKey(before, now []audit.Accepted) {
	var left []audit.Accepted
	rest := slices.Clone(now)
	for _, b := range before {
		i := slices.IndexFunc(rest, func(n audit.Accepted) bool { return n.Version == b.Version })
		if i < 0 {
			left = append(left, b)
			continue
		}
		d.Same = append(d.Same, Pair{b, rest[i]})
		rest = slices.Delete(rest, i, i+1)
	}
	n := min(len(left), len(rest))
	for i := range n {
		d.Changed = append(d.Changed, Pair{left[i], rest[i]})
	}
	d.Removed = append(d.Removed, left[n:]...)
	d.Added = append(d.Added, rest[n:]...)
}

// Changes returns the pairs as changes of version.
func Changes(pairs []Pair) []audit.VersionChange {
	var out []audit.VersionChange
	for _, p := range pairs {
		out = append(out, audit.VersionChange{Key: p.Now.Key, From: p.Before.Version, To: p.Now.Version})
	}
	return out
}

// Proved reports whether what was shown of the dependency before still holds: its
// version and its files are the same, and
//   - every file was proved then, so that the evidence does not get weaker by an
//     index or an artifact that is not at hand; or
//   - the archive listed it then and lists another version today, as archives do
//     whenever they publish an update.
func (p Pair) Proved() bool {
	b, n := p.Before, p.Now
	return (b.Evidence == audit.EvidenceBytes || n.Evidence == audit.EvidenceOtherVersion) &&
		b.Provenance == n.Provenance && b.Version == n.Version && b.Content != "" && b.Content == n.Content && n.Strength().Sound()
}

// Weaker returns the pairs whose evidence is weaker now, sorted by ID.
func Weaker(pairs []Pair) []audit.Weaker {
	var out []audit.Weaker
	for _, p := range pairs {
		if from, to := p.Before.Strength(), p.Now.Strength(); to.WeakerThan(from) && !p.Proved() {
			out = append(out, audit.Weaker{ID: p.Now.ID, From: from, To: to})
		}
	}
	slices.SortFunc(out, func(a, b audit.Weaker) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// IDs returns the IDs of dependencies, sorted.
func IDs(list []audit.Accepted) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.ID)
	}
	slices.Sort(out)
	return out
}
