package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/version"
)

// Between compares two sides. It is linear in their components, but for
// sorting.
func Between(before, after Side) *Difference {
	a, b := indexSide(before), indexSide(after)
	d := &Difference{
		Before: a.total, After: b.total, Added: []Component{}, Removed: []Component{}, Changed: []VersionChange{},
		Known: Known{
			Bundled:   before.Known.Bundled && after.Known.Bundled,
			Artifacts: before.Known.Artifacts && after.Known.Artifacts,
			Relations: before.Known.Relations && after.Known.Relations,
		},
		Judged: before.Judgement != nil && after.Judgement != nil,
	}
	keys := slices.Collect(maps.Keys(a.byKey))
	for k := range b.byKey {
		if a.byKey[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		d.compareKey(k, a, b, a.byKey[k], b.byKey[k])
	}
	d.compareLayers(a, b)
	d.Replaced = replacements(d.Removed, d.Added)
	d.AddedBy, d.RemovedBy = grouped(b, d.Added), grouped(a, d.Removed)
	return d
}

// side is a side with an index.
type side struct {
	Side
	// byKey has the components of each key by identity.
	byKey map[string]map[string]*sbom.Component
	total Total
}

func indexSide(s Side) *side {
	out := &side{Side: s, byKey: map[string]map[string]*sbom.Component{}}
	for i := range s.Document.Components {
		c := &s.Document.Components[i]
		if !c.Counts() && !s.Known.Bundled {
			continue
		}
		key := sbom.Key(c)
		if out.byKey[key] == nil {
			out.byKey[key] = map[string]*sbom.Component{}
		}
		id := sbom.Identity(c)
		if other := out.byKey[key][id]; other == nil || !other.Counts() {
			out.byKey[key][id] = c
		}
	}
	for _, list := range out.byKey {
		for _, c := range list {
			if c.Counts() {
				out.total.Counted++
			} else {
				out.total.Bundled++
			}
		}
	}
	return out
}

// component returns a component of the side, by its identity.
func (s *side) component(c *sbom.Component) Component {
	out := Component{Component: *c, Key: sbom.Key(c)}
	out.ID, out.Owner = sbom.Identity(c), s.owner(c)
	if s.Judgement != nil && c.Counts() {
		j := s.Judgement(c.ID)
		out.Judgement = &j
	}
	return out
}

// owner returns the identity of the owner of c.
func (s *side) owner(c *sbom.Component) string {
	if o := s.Document.Component(c.Owner); o != nil {
		return sbom.Identity(o)
	}
	return c.Owner
}

// compareKey compares the components of one key.
func (d *Difference) compareKey(key string, a, b *side, before, after map[string]*sbom.Component) {
	var removed, added, removedBundled, addedBundled []Component
	for _, id := range slices.Sorted(maps.Keys(before)) {
		c, now := before[id], after[id]
		switch {
		case now == nil && c.Counts():
			removed = append(removed, a.component(c))
		case now == nil && d.Known.Bundled:
			removedBundled = append(removedBundled, a.component(c))
		case now == nil: // the other side does not list bundled components
		default:
			d.compareOne(id, a, b, c, now)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(after)) {
		switch c := after[id]; {
		case before[id] != nil:
		case c.Counts():
			added = append(added, b.component(c))
		case d.Known.Bundled:
			addedBundled = append(addedBundled, b.component(c))
		}
	}
	if change, ok := changeOf(key, removed, added); ok {
		d.Changed = append(d.Changed, change)
		if d.Judged && len(removed) == 1 && len(added) == 1 {
			d.judgement(removed[0], added[0])
		}
	} else {
		d.Removed, d.Added = append(d.Removed, removed...), append(d.Added, added...)
	}
	if change, ok := changeOf(key, removedBundled, addedBundled); ok {
		d.Bundled.Changed = append(d.Bundled.Changed, change)
	} else {
		d.Bundled.Removed, d.Bundled.Added = append(d.Bundled.Removed, removedBundled...), append(d.Bundled.Added, addedBundled...)
	}
}

// compareOne compares one identity that both sides have.
func (d *Difference) compareOne(id string, a, b *side, before, after *sbom.Component) {
	switch was, is := before.Counts(), after.Counts(); {
	case was && !is:
		d.MovedIn = append(d.MovedIn, Move{Component: a.component(before), Bundled: b.owner(after)})
	case !was && is:
		d.MovedOut = append(d.MovedOut, Move{Component: b.component(after), Bundled: a.owner(before)})
	case !was:
		if from, to := a.owner(before), b.owner(after); from != to && d.Known.Bundled {
			d.Bundled.Owners = append(d.Bundled.Owners, OwnerChange{ID: id, From: from, To: to})
		}
	case d.Judged:
		d.judgement(a.component(before), b.component(after))
	}
	if d.Known.Artifacts {
		d.artifact(id, before, after)
	}
}

func (d *Difference) judgement(before, after Component) {
	if *before.Judgement != *after.Judgement {
		d.Judgements = append(d.Judgements, JudgementChange{Before: before.ID, After: after.ID, From: *before.Judgement, To: *after.Judgement})
	}
}

// artifact compares contents and origins as far as both sides have them.
func (d *Difference) artifact(id string, before, after *sbom.Component) {
	add := func(what string, from, to []string, proved bool) {
		d.Artifacts = append(d.Artifacts, ArtifactChange{ID: id, What: what, From: from, To: to, Proved: proved})
	}
	// Proved digests first: a difference in them is stronger evidence.
	for _, proved := range []bool{true, false} {
		from, to := digests(before, proved), digests(after, proved)
		var was, is []string
		common := false
		for _, algorithm := range slices.Sorted(maps.Keys(from)) {
			if to[algorithm] == nil {
				continue
			}
			common = true
			if !slices.Equal(from[algorithm], to[algorithm]) {
				was, is = append(was, prefixed(algorithm, from[algorithm])...), append(is, prefixed(algorithm, to[algorithm])...)
			}
		}
		if was != nil {
			add(WhatDigest, was, is, proved)
		}
		if common {
			break
		}
	}
	if before.Fingerprint != "" && after.Fingerprint != "" && before.Fingerprint != after.Fingerprint {
		add(WhatFiles, []string{before.Fingerprint}, []string{after.Fingerprint}, false)
	}
	if from, to := before.Install, after.Install; from != nil && to != nil {
		if x, y := origin(from), origin(to); x != y {
			add(WhatOrigin, []string{x}, []string{y}, false)
		}
	}
}

// digests returns the digests of a component by algorithm, sorted. With proved
// they are those that are bound to the installed files.
func digests(c *sbom.Component, proved bool) map[string][]string {
	out := map[string][]string{}
	for _, d := range c.Digests {
		if d.Proved || !proved {
			out[d.Algorithm] = append(out[d.Algorithm], d.Value)
		}
	}
	for algorithm, values := range out {
		slices.Sort(values)
		out[algorithm] = slices.Compact(values)
	}
	return out
}

func prefixed(algorithm string, values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = algorithm + ":" + v
	}
	return out
}

func origin(i *sbom.Install) string {
	s := string(i.Kind)
	if i.URL != "" {
		s += " " + i.URL
	}
	if i.Commit != "" {
		s += "@" + i.Commit
	}
	if i.Patch != "" {
		s += " patched by " + i.Patch
	}
	return s
}

// changeOf is the change of one key, where both sides have a version that the
// other one does not have.
func changeOf(key string, before, after []Component) (VersionChange, bool) {
	if len(before) == 0 || len(after) == 0 {
		return VersionChange{}, false
	}
	c := VersionChange{Key: key, Before: before, After: after}
	sortVersions(c.Before)
	sortVersions(c.After)
	if len(before) == 1 && len(after) == 1 {
		if order, err := version.Compare(before[0].Type, before[0].Version, after[0].Version); err == nil {
			switch {
			case order < 0:
				c.Order = Up
			case order > 0:
				c.Order = Down
			}
		}
	}
	return c, true
}

// sortVersions sorts items of one key by version, as text where a version
// cannot be compared: they all go that way then, or it would be no order.
func sortVersions(items []Component) {
	for i := range items {
		if _, err := version.Compare(items[i].Type, items[i].Version, items[i].Version); err != nil {
			slices.SortFunc(items, func(a, b Component) int {
				return cmp.Or(strings.Compare(a.Version, b.Version), strings.Compare(a.ID, b.ID))
			})
			return
		}
	}
	slices.SortFunc(items, func(a, b Component) int {
		order, _ := version.Compare(a.Type, a.Version, b.Version)
		return cmp.Or(order, strings.Compare(a.Version, b.Version), strings.Compare(a.ID, b.ID))
	})
}

// compareLayers finds components that differ only in their layer.
func (d *Difference) compareLayers(a, b *side) {
	if !d.Known.Artifacts || len(a.Document.Environment.Image.Layers) == 0 || len(b.Document.Environment.Image.Layers) == 0 {
		return
	}
	differs := map[string]bool{}
	for _, x := range d.Artifacts {
		differs[x.ID] = true
	}
	type pair struct{ from, to string }
	ids := map[pair][]string{}
	for key, before := range a.byKey {
		for id, c := range before {
			now := b.byKey[key][id]
			if now == nil || differs[id] || !c.Counts() || !now.Counts() {
				continue
			}
			from, to := a.layer(c), b.layer(now)
			if from != "" && to != "" && from != to {
				ids[pair{from, to}] = append(ids[pair{from, to}], id)
			}
		}
	}
	for p, list := range ids {
		slices.Sort(list)
		d.Layers = append(d.Layers, LayerChange{From: p.from, To: p.to, IDs: list})
	}
	sortLayers(d.Layers)
}

// layer returns the digest of the layer of c, empty when it is unknown.
func (s *side) layer(c *sbom.Component) string {
	layers := s.Document.Environment.Image.Layers
	if c.Layer < 1 || c.Layer > len(layers) {
		return ""
	}
	return cmp.Or(layers[c.Layer-1].DiffID, layers[c.Layer-1].Digest)
}

// replacements finds names that were removed in one place and added in another.
func replacements(removed, added []Component) []Replacement {
	before, after := byName(removed), byName(added)
	var out []Replacement
	for _, name := range slices.Sorted(maps.Keys(before)) {
		from, to := before[name], after[name]
		if to == nil {
			continue
		}
		r := Replacement{Name: from[0].Name}
		// Of two spellings both sides must choose the same one.
		for _, i := range slices.Concat(from, to) {
			r.Name = min(r.Name, i.Name)
		}
		across := func(word string, of func(Component) string) {
			x, y := valuesOf(from, of), valuesOf(to, of)
			if !slices.Equal(x, y) {
				r.Across = append(r.Across, word)
			}
		}
		across("type", func(i Component) string { return i.Type })
		across("namespace", func(i Component) string { return i.Namespace })
		across("arch", func(i Component) string { return i.Arch })
		r.Before, r.After = valuesOf(from, func(i Component) string { return i.ID }), valuesOf(to, func(i Component) string { return i.ID })
		out = append(out, r)
	}
	return out
}

// byName groups components by a name that does not depend on the ecosystem.
// Files have no reliable name.
func byName(items []Component) map[string][]Component {
	out := map[string][]Component{}
	for _, i := range items {
		if i.Kind != sbom.KindFiles {
			name := ecosystem.Lower(i.Name)
			out[name] = append(out[name], i)
		}
	}
	return out
}

func valuesOf(items []Component, of func(Component) string) []string {
	var out []string
	for _, i := range items {
		out = append(out, of(i))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// grouped puts components under those that introduce them.
func grouped(s *side, items []Component) []graph.Introduction {
	if len(items) == 0 || !s.Known.Relations {
		return nil
	}
	ids := make([]string, 0, len(items))
	identity := map[string]string{} // of the document's own IDs
	for _, i := range items {
		c := s.byKey[i.Key][i.ID]
		ids = append(ids, c.ID)
	}
	for i := range s.Document.Components {
		c := &s.Document.Components[i]
		identity[c.ID] = sbom.Identity(c)
	}
	groups := graph.New(s.Document, graph.Options{}).Introductions(ids)
	for i := range groups {
		g := &groups[i]
		g.ID = identity[g.ID]
		if m := g.Mention; m != nil {
			m.From, m.To, m.Instead = identity[m.From], identity[m.To], identity[m.Instead]
		}
		for _, list := range [][]string{g.Introduces, g.NeededBy, g.SharedBy} {
			for j := range list {
				list[j] = identity[list[j]]
			}
		}
	}
	return groups
}
