// Package diff answers two questions over documents: what differs between
// two of them, and which of several hold something. Both are pure functions.
//
// # Difference
//
// [Between] compares by identity (counting rule 2), not by position or name
// alone. All versions of one key are a set: two versions before and two after
// are not paired by guessing. What counts on one side and lies inside another
// component on the other side is neither added nor removed; it has moved.
//
// The difference of B and A is the mirror image of that of A and B
// ([Difference.Mirror]), to the byte: nothing here has a favourite side. The
// words before and after are for the first and the second of the two.
//
// A side may know less than a document of a scan does ([Side.Known]). What
// only one side knows is not compared, and the answer says so: a baseline has
// no digests, and that is no difference.
//
// # Find
//
// A [Pattern] is matched against each component of a document. The answer
// keeps three things apart: what matches, what has the name and could not be
// compared ([Doubt]), and what of the environment could not be looked at and
// might have held it ([Unseen]). Only with none of the three is the answer
// "no".
//
// # Versions
//
// Versions are compared in the order of their own ecosystem, or not at all
// ([version.Compare]).
package diff

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Side is one of the two documents that are compared.
type Side struct {
	Document *sbom.Document
	// Known is what the side can tell beyond the identities that count.
	Known Known
	// Judgement is what a judgement says of a component that counts; nil when
	// nobody judged.
	Judgement func(id string) Judgement
}

// Known are the things that a side can tell. The zero value is a list of
// identities.
type Known struct {
	// Bundled: what lies inside other components is listed.
	Bundled bool `json:"bundled"`
	// Artifacts: digests, stamps and origins are as the environment has them.
	Artifacts bool `json:"artifacts"`
	// Relations: what needs what.
	Relations bool `json:"relations"`
}

// Everything is what the document of a scan can tell.
func Everything() Known { return Known{Bundled: true, Artifacts: true, Relations: true} }

// Judgement is a provenance with its evidence.
type Judgement struct {
	Provenance string `json:"provenance"`
	Evidence   string `json:"evidence"`
}

// Component is a component of one side. Its ID and Owner are identities
// ([sbom.Identity]), also where the document has IDs of its own.
type Component struct {
	sbom.Component
	Key string `json:"key"`
	// Judgement is nil when the side was not judged.
	Judgement *Judgement `json:"judgement,omitempty"`
}

// Difference is what differs between two sides. All lists are sorted by key,
// then by version or identity.
type Difference struct {
	Before Total `json:"before"`
	After  Total `json:"after"`
	// Added and Removed are dependencies of which one side has no version.
	Added   []Component `json:"added"`
	Removed []Component `json:"removed"`
	// AddedBy and RemovedBy have the same IDs under what brought them, each
	// by the graph of the side that has them; nil when that side has none.
	AddedBy   []graph.Introduction `json:"addedBy,omitempty"`
	RemovedBy []graph.Introduction `json:"removedBy,omitempty"`
	// Changed are dependencies at other versions.
	Changed []VersionChange `json:"changed"`
	// Replaced says which of Removed and Added have one name, in another
	// namespace, type or architecture.
	Replaced []Replacement `json:"replaced,omitempty"`
	// MovedIn count before and lie inside another component after; MovedOut
	// the other way round. Both are known only with Known.Bundled.
	MovedIn  []Move `json:"movedIn,omitempty"`
	MovedOut []Move `json:"movedOut,omitempty"`
	// Judgements are those on both sides, with another provenance or evidence.
	Judgements []JudgementChange `json:"judgements,omitempty"`
	// Artifacts are those at one version with another content or origin.
	Artifacts []ArtifactChange `json:"artifacts,omitempty"`
	// Layers are those with nothing else that differs but the layer of the
	// image that they are from.
	Layers []LayerChange `json:"layers,omitempty"`
	// Bundled is what differs in what does not count.
	Bundled Bundled `json:"bundled,omitzero"`
	// Known is what both sides can tell, and was compared.
	Known Known `json:"known"`
	// Judged says that proofs were compared.
	Judged bool `json:"judged"`
}

// Total is what a side has.
type Total struct {
	// Counted is the number of dependencies, Bundled that of components inside
	// others.
	Counted int `json:"counted"`
	Bundled int `json:"bundled"`
}

// VersionChange is one key at other versions: those that only one side has, in the
// ecosystem's order.
type VersionChange struct {
	Key    string      `json:"key"`
	Before []Component `json:"before"`
	After  []Component `json:"after"`
	// Order is "up", "down", or empty where there are several versions or no
	// order is known.
	Order string `json:"order,omitempty"`
}

// The values of [VersionChange.Order].
const (
	Up   = "up"
	Down = "down"
)

// Replacement is one name in two places.
type Replacement struct {
	Name   string   `json:"name"`
	Before []string `json:"before"`
	After  []string `json:"after"`
	// Across is what differs: "namespace", "type", "arch".
	Across []string `json:"across"`
}

// Move is a component that counts on one side only.
type Move struct {
	Component
	// Bundled is the identity of what it lies inside of on the other side.
	Bundled string `json:"bundled"`
}

// JudgementChange is a dependency with another provenance or evidence.
type JudgementChange struct {
	// Before and After are identities; they differ when the version does.
	Before string    `json:"before"`
	After  string    `json:"after"`
	From   Judgement `json:"from"`
	To     Judgement `json:"to"`
}

// ArtifactChange is one identity with another content or another origin.
type ArtifactChange struct {
	ID string `json:"id"`
	// What is "digest", "files" or "origin".
	What string   `json:"what"`
	From []string `json:"from"`
	To   []string `json:"to"`
	// Proved says that the digests are bound to what is installed, on both
	// sides. Otherwise it is what installers recorded.
	Proved bool `json:"proved,omitempty"`
}

// The values of [ArtifactChange.What].
const (
	WhatDigest = "digest"
	WhatFiles  = "files"
	WhatOrigin = "origin"
)

// LayerChange are components that are from one layer on one side and from
// another one on the other side.
type LayerChange struct {
	// From and To are the digests of the uncompressed layers, or of their
	// blobs where those are not known.
	From string   `json:"from"`
	To   string   `json:"to"`
	IDs  []string `json:"ids"`
}

// Bundled is what differs in what lies inside other components on both sides.
type Bundled struct {
	Added   []Component     `json:"added,omitempty"`
	Removed []Component     `json:"removed,omitempty"`
	Changed []VersionChange `json:"changed,omitempty"`
	// Owners are those that lie inside another component than before.
	Owners []OwnerChange `json:"owners,omitempty"`
}

// OwnerChange is a component that lies inside another one than before.
type OwnerChange struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Empty says that nothing differs.
func (d *Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.MovedIn)+len(d.MovedOut)+len(d.Judgements)+len(d.Artifacts)+len(d.Layers)+
		len(d.Bundled.Added)+len(d.Bundled.Removed)+len(d.Bundled.Changed)+len(d.Bundled.Owners) == 0
}

// Mirror is the difference of the same two sides the other way round.
func (d *Difference) Mirror() *Difference {
	m := *d
	m.Before, m.After = d.After, d.Before
	m.Added, m.Removed = d.Removed, d.Added
	m.AddedBy, m.RemovedBy = d.RemovedBy, d.AddedBy
	m.MovedIn, m.MovedOut = d.MovedOut, d.MovedIn
	m.Changed = mirrored(d.Changed, VersionChange.mirror)
	m.Replaced = mirrored(d.Replaced, func(r Replacement) Replacement {
		r.Before, r.After = r.After, r.Before
		return r
	})
	m.Judgements = mirrored(d.Judgements, func(p JudgementChange) JudgementChange {
		return JudgementChange{Before: p.After, After: p.Before, From: p.To, To: p.From}
	})
	m.Artifacts = mirrored(d.Artifacts, func(a ArtifactChange) ArtifactChange {
		a.From, a.To = a.To, a.From
		return a
	})
	m.Layers = mirrored(d.Layers, func(l LayerChange) LayerChange {
		l.From, l.To = l.To, l.From
		return l
	})
	sortLayers(m.Layers)
	m.Bundled = Bundled{
		Added: d.Bundled.Removed, Removed: d.Bundled.Added,
		Changed: mirrored(d.Bundled.Changed, VersionChange.mirror),
		Owners: mirrored(d.Bundled.Owners, func(o OwnerChange) OwnerChange {
			o.From, o.To = o.To, o.From
			return o
		}),
	}
	return &m
}

func (c VersionChange) mirror() VersionChange {
	c.Before, c.After = c.After, c.Before
	switch c.Order {
	case Up:
		c.Order = Down
	case Down:
		c.Order = Up
	}
	return c
}

func mirrored[T any](list []T, turn func(T) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = turn(v)
	}
	return out
}

// sortLayers puts those first that most components are of.
func sortLayers(list []LayerChange) {
	slices.SortFunc(list, func(a, b LayerChange) int {
		return cmp.Or(cmp.Compare(len(b.IDs), len(a.IDs)), slices.Compare(a.IDs, b.IDs))
	})
}
