package graph

import (
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// Reason is the reason why a chain begins at a component.
type Reason string

const (
	// Explicit was installed on request.
	Explicit Reason = "explicit"
	// Essential is part of the system's minimum.
	Essential Reason = "essential"
	// Named is in [Options.Roots].
	Named Reason = "named"
	// Presumed has no recorded install reason, and nothing else needs it.
	Presumed Reason = "presumed"
	// Orphan was installed for a package that is not installed any more.
	Orphan Reason = "orphan"
)

// Root is a component that is installed for its own sake.
type Root struct {
	ID     string `json:"id"`
	Reason Reason `json:"reason"`
}

// Roots are the components at which answers begin.
//
// A component is a root when it is explicit, essential, or named by the caller.
// Installers of some types never record install reasons, and some systems have
// deleted the record. The types of those are Unknown, and their components that
// nothing needs are presumed to be roots, one for each ring of components that
// need each other. A single component without a record that nothing needs is
// presumed to be a root too.
//
// Every other counted component is reached from a root, or it is an orphan: it
// is automatic, and the package that needed it is not installed any more.
type Roots struct {
	All []Root `json:"all"` // sorted by ID
	// Unknown are the types without recorded install reasons.
	Unknown []string `json:"unknown,omitempty"`
	// Orphans are sorted by ID.
	Orphans []string `json:"orphans,omitempty"`
	// Missing are IDs of [Options.Roots] of no component.
	Missing []string `json:"missing,omitempty"`
}

// rootSet has the roots as numbers of nodes.
type rootSet struct {
	reason  []Reason // of each node, "" when it is not a root
	list    []int32  // the roots
	heads   []int32  // orphans that no other orphan needs, one for each ring
	orphan  []bool
	unknown []string
	missing []string
}

// Roots returns where the answers begin.
func (g *Graph) Roots() Roots {
	out := Roots{All: make([]Root, len(g.roots.list)), Unknown: slices.Clone(g.roots.unknown), Missing: slices.Clone(g.roots.missing)}
	for i, n := range g.roots.list {
		out.All[i] = Root{g.nodes[n].ID, g.roots.reason[n]}
	}
	for i, is := range g.roots.orphan {
		if is && g.counts(int32(i)) {
			out.Orphans = append(out.Orphans, g.nodes[i].ID)
		}
	}
	return out
}

func (g *Graph) findRoots(named []string) {
	r := &g.roots
	r.reason = make([]Reason, len(g.nodes))
	recorded := g.recordedTypes()
	for i, c := range g.nodes {
		switch {
		case !c.Counts():
		case c.InstallReason == sbom.ReasonEssential:
			r.reason[i] = Essential
		case c.InstallReason == sbom.ReasonExplicit:
			r.reason[i] = Explicit
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(named))) {
		i, ok := g.index[id]
		switch {
		case !ok:
			r.missing = append(r.missing, id)
		case r.reason[i] == "":
			r.reason[i] = Named
		}
	}
	reached := make([]bool, len(g.nodes))
	g.reach(g.rootList(), g.follow, reached)

	// The others have no reason yet. Of each ring that nothing outside needs,
	// one represents all: presumed where there is no record, an orphan where
	// the record has it as automatic.
	unrecorded := func(i int32) bool {
		c := g.nodes[i]
		return c.Counts() && (c.InstallReason == sbom.ReasonUnknown || !recorded[c.Type])
	}
	var others [][]int32
	for _, ring := range g.sources(reached) {
		i := slices.IndexFunc(ring, unrecorded)
		if i < 0 {
			others = append(others, ring)
			continue
		}
		r.reason[ring[i]] = Presumed
	}
	r.list = g.rootList()
	clear(reached)
	g.reach(r.list, g.follow, reached)
	r.orphan = make([]bool, len(g.nodes))
	for i := range reached {
		r.orphan[i] = !reached[i]
	}
	for _, ring := range others {
		r.heads = append(r.heads, ring[0]) // the rings are sorted
	}
	unknown := map[string]bool{}
	for _, c := range g.nodes {
		if c.Counts() && !recorded[c.Type] && !unknown[c.Type] {
			unknown[c.Type] = true
			r.unknown = append(r.unknown, c.Type)
		}
	}
	slices.Sort(r.unknown)
}

func (g *Graph) rootList() []int32 {
	var list []int32
	for i, reason := range g.roots.reason {
		if reason != "" {
			list = append(list, int32(i))
		}
	}
	return list
}

// recordedTypes returns the types with recorded install reasons. An essential
// package is not evidence for the others. A type whose packages are all
// automatic, and none explicit, has no record: installers that never record
// reasons leave it like that. Only a system with essential packages can really
// have no explicit one.
func (g *Graph) recordedTypes() map[string]bool {
	type seen struct{ explicit, auto, essential bool }
	types := map[string]*seen{}
	for _, c := range g.nodes {
		if !c.Counts() {
			continue
		}
		s := types[c.Type]
		if s == nil {
			s = &seen{}
			types[c.Type] = s
		}
		switch c.InstallReason {
		case sbom.ReasonExplicit:
			s.explicit = true
		case sbom.ReasonDependency:
			s.auto = true
		case sbom.ReasonEssential:
			s.essential = true
		}
	}
	out := map[string]bool{}
	for name, s := range types {
		out[name] = s.explicit || s.auto && s.essential
	}
	return out
}

// reach marks everything that can be reached from the given nodes.
func (g *Graph) reach(from []int32, follow class, reached []bool) {
	var stack []int32
	push := func(i int32) {
		if !reached[i] {
			reached[i] = true
			stack = append(stack, i)
		}
	}
	for _, i := range from {
		push(i)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for e := g.outStart[i]; e < g.outStart[i+1]; e++ {
			if g.edges.class[e] <= follow {
				push(g.edges.to[e])
			}
		}
	}
}
