package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// naive is the same graph as maps and lists, with the definitions written
// down as they are meant, whatever they cost.
type naive struct {
	components map[string]sbom.Component
	ids        []string
	edges      []graph.Edge // those that were given, and those of owners
	roots      []string
}

// randomLists makes components and edges with everything that a document may
// have: rings, edges from a component to itself, parallel edges, edges to
// nothing, requirements with several satisfiers, owners, types without a
// record of install reasons.
func randomLists(random *rand.Rand, nodes, edges int) (components []sbom.Component, list []graph.Edge) {
	asked := []sbom.InstallReason{sbom.ReasonDependency, sbom.ReasonDependency, sbom.ReasonDependency, sbom.ReasonDependency, sbom.ReasonExplicit, sbom.ReasonEssential, sbom.ReasonUnknown}
	for i := range nodes {
		c := sbom.Component{Kind: sbom.KindOS, Type: "deb", Name: fmt.Sprintf("p%d", i/2), Version: fmt.Sprint(i % 2), InstalledSize: int64(random.IntN(1000))}
		c.InstallReason = asked[random.IntN(len(asked))]
		if random.IntN(4) == 0 {
			c.Type, c.Kind, c.InstallReason = "pypi", sbom.KindPackage, sbom.ReasonUnknown
		}
		c.ID = sbom.Identity(&c)
		if i > 0 && random.IntN(8) == 0 {
			c.Owner = components[random.IntN(i)].ID
		}
		components = append(components, c)
	}
	kinds := []string{"depends", "depends", "depends", "pre-depends", "recommends", "suggests", "needs-interpreter"}
	for range edges {
		from, to := components[random.IntN(nodes)], components[random.IntN(nodes)]
		e := graph.Edge{From: from.ID, To: to.ID, Kind: kinds[random.IntN(len(kinds))]}
		switch random.IntN(12) {
		case 0:
			e.To = "nothing"
		case 1:
			e.To = e.From
		case 2, 3, 4:
			e.Group = 1 + random.IntN(3)
			e.Kind = "depends"
		case 5:
			e.File = "/file"
		}
		list = append(list, e)
	}
	return components, list
}

func newNaive(g *graph.Graph, components []sbom.Component, edges []graph.Edge) *naive {
	n := &naive{components: map[string]sbom.Component{}}
	for _, c := range components {
		n.components[c.ID] = c
		n.ids = append(n.ids, c.ID)
		if c.Owner != "" {
			n.edges = append(n.edges, graph.Edge{From: c.Owner, To: c.ID, Kind: graph.KindContains}, graph.Edge{From: c.ID, To: c.Owner, Kind: graph.KindBundled})
		}
	}
	slices.Sort(n.ids)
	for _, e := range edges {
		if _, ok := n.components[e.To]; ok {
			n.edges = append(n.edges, e)
		}
	}
	for _, r := range g.Roots().All {
		n.roots = append(n.roots, r.ID)
	}
	return n
}

// reach is what the roots lead to, without going through some.
func (n *naive) reach(from []string, without map[string]bool, follows func(graph.Edge) bool) map[string]bool {
	in := map[string]bool{}
	for _, id := range from {
		if !without[id] {
			in[id] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for _, e := range n.edges {
			if in[e.From] && !in[e.To] && !without[e.To] && (follows == nil || follows(e)) {
				in[e.To], changed = true, true
			}
		}
	}
	return in
}

// kept are those that nothing leads to any more without one, itself not among
// them.
func (n *naive) kept(id string) (out []string) {
	all := n.reach(n.roots, nil, nil)
	rest := n.reach(n.roots, map[string]bool{id: true}, nil)
	for _, other := range n.ids {
		if other != id && all[other] && all[id] && !rest[other] {
			out = append(out, other)
		}
	}
	return out
}

func (n *naive) counted(ids []string) (out []string) {
	for _, id := range ids {
		if n.components[id].Owner == "" {
			out = append(out, id)
		}
	}
	return out
}

func hard(e graph.Edge) bool { return e.Kind != "recommends" && e.Kind != "suggests" }

// without is what leaves, by because.
func (n *naive) without(remove []string) map[string]graph.Because {
	gone := map[string]graph.Because{}
	for _, id := range remove {
		gone[id] = graph.Requested
	}
	for changed := true; changed; {
		changed = false
		for _, id := range n.ids {
			if gone[id] != "" {
				continue
			}
			if owner := n.components[id].Owner; owner != "" {
				if why := gone[owner]; why != "" {
					gone[id], changed = why, true
				}
				continue
			}
			if len(n.unmet(id, gone)) > 0 {
				gone[id], changed = graph.Broken, true
			}
		}
	}
	without := map[string]bool{}
	for id := range gone {
		without[id] = true
	}
	stays := n.reach(n.roots, without, nil)
	before := n.reach(n.roots, nil, nil)
	for _, id := range n.ids {
		switch {
		case gone[id] != "" || stays[id]:
		case before[id]:
			gone[id] = graph.Unneeded
		default:
			gone[id] = graph.Orphaned
		}
	}
	return gone
}

// unmet are the requirements of a component that nothing satisfies: the edges
// of each.
func (n *naive) unmet(id string, gone map[string]graph.Because) (out [][]graph.Edge) {
	groups := map[int][]graph.Edge{}
	for _, e := range n.edges {
		switch {
		case e.From != id || !hard(e) || e.Kind == graph.KindContains || e.Kind == graph.KindBundled:
		case e.Group != 0:
			groups[e.Group] = append(groups[e.Group], e)
		case gone[e.To] != "":
			out = append(out, []graph.Edge{e})
		}
	}
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(e graph.Edge) bool { return gone[e.To] == "" }) {
			out = append(out, group)
		}
	}
	return out
}
