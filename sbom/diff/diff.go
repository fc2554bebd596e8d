// Package diff answers two questions over documents: what differs between two
// of them, and which of several contain a component. Both are pure functions.
//
// # Difference
//
// [Between] compares by identity (counting rule 2), not by position or name
// alone. All versions of one key are a set: two versions before and two after
// are not paired by guessing. A component that counts on one side and is
// bundled on the other side is neither added nor removed; it has moved.
//
// The difference of B and A is the mirror image of that of A and B
// ([Difference.Mirror]), to the byte. The words before and after mean the first
// and the second of the two.
//
// A side may have less than the document of a scan ([Side.Known]). Facts that
// only one side has are not compared, and the answer lists them: a baseline
// without digests does not differ in digests.
//
// # Find
//
// A [Pattern] is matched with each component of a document. The answer
// separates three things: components that match, components of that name whose
// version could not be compared ([Doubt]), and parts of the environment that
// could not be examined and might contain a match ([Unseen]). The answer is "no"
// only without all three.
//
// # Versions
//
// Versions are compared in the order of their own ecosystem, or not at all.
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
	// Known are the facts of the side beyond the identities that count.
	Known Known
	// Judgement returns the judgement of a component that counts; nil when the
	// side was not judged.
	Judgement func(id string) Judgement
}

// Known are the facts that a side has. The zero value is a list of identities.
type Known struct {
	// Bundled is set when bundled components are listed.
	Bundled bool `json:"bundled"`
	// Artifacts is set for digests, fingerprints and origins.
	Artifacts bool `json:"artifacts"`
	// Relations is set when relations are listed.
	Relations bool `json:"relations"`
}

// Everything returns the facts of a scan's document.
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
	// AddedBy and RemovedBy have the same IDs under those that introduce them,
	// each by the graph of their side; nil when that side has no relations.
	AddedBy   []graph.Introduction `json:"addedBy,omitempty"`
	RemovedBy []graph.Introduction `json:"removedBy,omitempty"`
	// Changed are dependencies with other versions.
	Changed []VersionChange `json:"changed"`
	// Replaced are those of Removed and Added that have the same name in
	// another namespace, type or architecture.
	Replaced []Replacement `json:"replaced,omitempty"`
	// MovedIn count before and are bundled after; MovedOut the reverse. Both
	// need Known.Bundled.
	MovedIn  []Move `json:"movedIn,omitempty"`
	MovedOut []Move `json:"movedOut,omitempty"`
	// Judgements are those on both sides, with another provenance or evidence.
	Judgements []JudgementChange `json:"judgements,omitempty"`
	// Artifacts are those at one version with another content or origin.
	Artifacts []ArtifactChange `json:"artifacts,omitempty"`
	// Layers are those with nothing else that differs but the layer of the
	// image that they are from.
	Layers []LayerChange `json:"layers,omitempty"`
	// Bundled has the differences of bundled components.
	Bundled Bundled `json:"bundled,omitzero"`
	// Known are the facts of both sides, which were compared.
	Known Known `json:"known"`
	// Judged is set when judgements were compared.
	Judged bool `json:"judged"`
}

// Total is the count of a side.
type Total struct {
	// Counted is the number of dependencies, Bundled that of bundled components.
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
	// Bundled is the identity of its owner on the other side.
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
	// Proved is set when the digests are bound to the installed files on both
	// sides. Otherwise they are the records of installers.
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

// Bundled has the differences of components that are bundled on both sides.
type Bundled struct {
	Added   []Component     `json:"added,omitempty"`
	Removed []Component     `json:"removed,omitempty"`
	Changed []VersionChange `json:"changed,omitempty"`
	// Owners are those with another owner than before.
	Owners []OwnerChange `json:"owners,omitempty"`
}

// OwnerChange is a component with another owner than before.
type OwnerChange struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Empty reports whether nothing differs.
func (d *Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.MovedIn)+len(d.MovedOut)+len(d.Judgements)+len(d.Artifacts)+len(d.Layers)+
		len(d.Bundled.Added)+len(d.Bundled.Removed)+len(d.Bundled.Changed)+len(d.Bundled.Owners) == 0
}

// Mirror returns the difference of the two sides in reverse order.
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

// sortLayers sorts by the number of components, the largest first.
func sortLayers(list []LayerChange) {
	slices.SortFunc(list, func(a, b LayerChange) int {
		return cmp.Or(cmp.Compare(len(b.IDs), len(a.IDs)), slices.Compare(a.IDs, b.IDs))
	})
}
