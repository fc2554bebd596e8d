package audit

import (
	"cmp"
	"slices"
)

// Accepted is a dependency as the baseline records it.
type Accepted struct {
	// Key and Version are what the baseline file contains. ID and PURL are
	// derived from them, so that a reviewer never sees something else than
	// what is judged.
	Key        string     `json:"key"`
	Version    string     `json:"version"`
	ID         string     `json:"id"`
	PURL       string     `json:"purl"`
	Provenance Provenance `json:"provenance"`
	Evidence   string     `json:"evidence"`
	// Base is true for a dependency with another provenance than "image" that
	// replaces one of the base.
	Base bool `json:"base,omitempty"`
	// Reason is the text with which the dependency was accepted as growth.
	Reason string `json:"reason,omitempty"`
}

// Accepted returns the counted dependencies of the stage as the baseline
// records them, sorted.
func (s *Stage) Accepted() []Accepted {
	out := make([]Accepted, 0, len(s.Dependencies))
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if d.Provenance == FromBundled {
			continue
		}
		out = append(out, Accepted{
			Key: d.Key, Version: d.Version, ID: d.ID, PURL: d.PURL, Provenance: d.Provenance, Evidence: d.Evidence, Base: d.Replaces != "",
		})
	}
	slices.SortFunc(out, Accepted.Compare)
	return out
}

// Compare orders by key and version.
func (a Accepted) Compare(b Accepted) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version))
}

// OfBase reports whether the dependency is one of the base, or replaces one.
func (a *Accepted) OfBase() bool { return a.Provenance == FromImage || a.Base }

// Strength returns the provenance with its evidence.
func (a *Accepted) Strength() Strength { return Strength{a.Provenance, a.Evidence} }
