package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
)

// delta is the difference between two sets of dependencies by identity: a
// multiset of keys, since two versions of one package are two dependencies.
type delta struct {
	added   []Entry
	removed []Entry
	changed []pair // one identity at two versions
	same    []pair
}

type pair struct{ before, now Entry }

// compare finds the difference. Of one key, equal versions belong together;
// what is left on both sides is paired in order of version and is a change,
// and what is then left over is new or gone.
func compare(before, now []Entry) delta {
	var d delta
	old := byKey(before)
	cur := byKey(now)
	keys := make([]string, 0, len(old)+len(cur))
	for k := range old {
		keys = append(keys, k)
	}
	for k := range cur {
		if _, both := old[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		d.compareKey(old[k], cur[k])
	}
	return d
}

func byKey(entries []Entry) map[string][]Entry {
	m := make(map[string][]Entry, len(entries))
	for _, e := range entries {
		m[e.Key] = append(m[e.Key], e)
	}
	for _, list := range m {
		slices.SortFunc(list, compareEntries)
	}
	return m
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version))
}

func (d *delta) compareKey(before, now []Entry) {
	var left []Entry
	rest := slices.Clone(now)
	for _, b := range before {
		i := slices.IndexFunc(rest, func(n Entry) bool { return n.Version == b.Version })
		if i < 0 {
			left = append(left, b)
			continue
		}
		d.same = append(d.same, pair{b, rest[i]})
		rest = slices.Delete(rest, i, i+1)
	}
	n := min(len(left), len(rest))
	for i := range n {
		d.changed = append(d.changed, pair{left[i], rest[i]})
	}
	d.removed = append(d.removed, left[n:]...)
	d.added = append(d.added, rest[n:]...)
}

// entries are the counted dependencies as the baseline sees them, sorted.
func entries(dependencies []Dependency) []Entry {
	out := make([]Entry, 0, len(dependencies))
	for _, d := range dependencies {
		if d.Provenance == FromBundled {
			continue
		}
		out = append(out, Entry{
			Key: d.Key, Version: d.Version, ID: d.ID, PURL: d.PURL, Provenance: d.Provenance, Evidence: d.Evidence, Base: d.Replaces != "",
		})
	}
	slices.SortFunc(out, compareEntries)
	return out
}

// growthOf tells what differs from the baseline of the stage. It judges
// nothing.
func growthOf(f *footprint, base *StageBaseline, ruler Method) Growth {
	g := Growth{Allowed: f.config.Growth, Added: []GrowthGroup{}, Removed: []Entry{}, Changed: []Change{}}
	if base == nil {
		return g
	}
	g.Known, g.Baseline = true, len(base.Dependencies)
	if base.Method != ruler {
		r := base.Method
		g.Method = &r
	}
	before, now := base.Dependencies, entries(f.dependencies)
	if f.unjudged() {
		// Whose they are is not known of what is there now, and so of nothing.
		d := compare(before, now)
		g.fill(f, moves{growth: d.added, removed: d.removed, changed: d.changed, kept: slices.Concat(d.same, d.changed)})
		return g
	}
	m := compareParts(before, now, f.base.trusted())
	theirs := 0
	for i := range before {
		if before[i].ofBase() {
			theirs++
		}
	}
	if theirs > 0 || f.base != nil && f.base.problem == "" {
		g.Base = &BaseGrowth{
			Baseline: theirs, Added: ids(m.baseAdded), Removed: m.baseRemoved,
			Changed: changes(m.baseChanged), ToStage: ids(m.toStage), ToBase: ids(m.toBase),
		}
	}
	g.fill(f, m)
	return g
}

// fill takes over what is judged as the stage's own.
func (g *Growth) fill(f *footprint, m moves) {
	g.Removed = append(g.Removed, m.removed...)
	g.Changed = append(g.Changed, changes(m.changed)...)
	for _, p := range m.kept {
		from, to := p.before.strength(), p.now.strength()
		if weaker(from, to) {
			g.Weaker = append(g.Weaker, Weaker{ID: p.now.ID, From: from, To: to})
		}
	}
	slices.SortFunc(g.Weaker, func(a, b Weaker) int { return cmp.Compare(a.ID, b.ID) })
	g.Added = append(g.Added, group(f, m.growth)...)
}

func changes(pairs []pair) []Change {
	var out []Change
	for _, p := range pairs {
		out = append(out, Change{Key: p.now.Key, From: p.before.Version, To: p.now.Version})
	}
	return out
}

// ids are the IDs of entries, sorted.
func ids(list []Entry) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.ID)
	}
	slices.Sort(out)
	return out
}

func (e *Entry) strength() Strength { return Strength{e.Provenance, e.Evidence} }

// added are the IDs of all new dependencies, sorted.
func (g *Growth) added() []string {
	var ids []string
	for _, group := range g.Added {
		ids = append(ids, group.ID)
		ids = append(ids, group.Introduces...)
	}
	slices.Sort(ids)
	return ids
}

// newEntry derives the ID and the package URL of a baseline's line.
func newEntry(key, version string, p Provenance, evidence, reason string) Entry {
	name, qualifier := key, ""
	for _, mark := range []string{"?arch=", "?path="} {
		if i := strings.Index(key, mark); i >= 0 {
			name, qualifier = key[:i], key[i:]
			break
		}
	}
	id := name
	if version != "" {
		id += "@" + version
	}
	e := Entry{Key: key, Version: version, ID: id + qualifier, Provenance: p, Evidence: evidence, Reason: reason}
	typ, rest, _ := strings.Cut(name, "/")
	namespace, last := "", rest
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		namespace, last = rest[:i], rest[i+1:]
	}
	var qualifiers packageurl.Qualifiers
	if arch, ok := strings.CutPrefix(qualifier, "?arch="); ok {
		qualifiers = packageurl.Qualifiers{{Key: "arch", Value: arch}}
	}
	e.PURL = packageurl.NewPackageURL(typ, namespace, last, version, qualifiers, "").ToString()
	return e
}
