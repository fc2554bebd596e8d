package audit

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// MaxSharedBy is how many heads are named for what they share. Whoever reads
// that eight of them need something does not look for the ninth, and without
// a bound there would be as many as heads and shared ones together make pairs.
const MaxSharedBy = 8

// group puts new dependencies under the ones that brought them, by the
// dominator tree of what needs what: see [graph.Graph.Group]. Suggestions
// bring nothing.
//
// What several groups need and none of them brings alone is a group of its
// own. Those groups may be shared in turn; what a reader wants to know is
// which of the heads that are there for another reason lead to it: somebody
// asked for them, something old needs them, or nothing does.
func group(f *footprint, added []Entry) []GrowthGroup {
	if len(added) == 0 {
		return nil
	}
	g := &grouping{grown: f.graph().Introductions(ids(added)), at: map[string]int{}}
	for i := range g.grown {
		g.at[g.grown[i].ID] = i
	}
	g.next = make([][]int, len(g.grown))
	for i, grown := range g.grown {
		if g.explained(i) {
			continue
		}
		for _, head := range grown.SharedBy {
			g.next[g.at[head]] = append(g.next[g.at[head]], i)
		}
	}
	g.by = make([][]int, len(g.grown))
	for i := range g.grown {
		if g.explained(i) {
			g.lead(i)
		}
	}
	for i := range g.grown {
		if g.by[i] == nil { // of a ring that nothing leads to, the first one
			g.lead(i)
		}
	}
	return g.groups()
}

// graph is what needs what in the stage.
func (f *footprint) graph() *graph.Graph {
	components := make([]sbom.Component, len(f.dependencies))
	for i := range f.dependencies {
		components[i] = f.dependencies[i].component()
	}
	edges := make([]graph.Edge, len(f.relations))
	for i, r := range f.relations {
		edges[i] = graph.Edge{From: r.From, To: r.To, Kind: r.Kind, Group: r.Group}
	}
	return graph.FromLists(components, edges, graph.Options{Follow: graph.FollowRecommends})
}

type grouping struct {
	grown []graph.Introduction
	at    map[string]int // by ID
	next  [][]int        // those that each one shares with others
	by    [][]int        // the heads that lead to each one, itself for a head
}

// explained says whether a group is there for another reason than that other
// groups need it.
func (g *grouping) explained(i int) bool {
	grown := &g.grown[i]
	root := grown.Reason != "" && grown.Reason != graph.Orphan
	return root || len(grown.NeededBy) > 0 || len(grown.SharedBy) == 0
}

// lead walks from a head. Behind one that has its heads together there is
// nothing to find: the same ones lead there.
func (g *grouping) lead(head int) {
	g.by[head] = []int{head}
	stack := []int{head}
	for len(stack) > 0 {
		from := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, i := range g.next[from] {
			if n := len(g.by[i]); n < MaxSharedBy && (n == 0 || g.by[i][0] != i && g.by[i][n-1] != head) {
				g.by[i] = append(g.by[i], head)
				stack = append(stack, i)
			}
		}
	}
}

func (g *grouping) groups() []GrowthGroup {
	out := make([]GrowthGroup, 0, len(g.grown))
	place := map[int]int{}
	for i, grown := range g.grown {
		heads := g.by[i]
		if len(heads) == 1 && heads[0] != i {
			continue
		}
		group := GrowthGroup{ID: grown.ID, Introduces: slices.Clone(grown.Introduces), NeededBy: grown.NeededBy}
		switch {
		case grown.Reason == graph.Explicit:
			group.Because = "explicit"
		case len(grown.NeededBy) > 0:
			group.Because = "dependency"
		}
		if len(heads) > 1 {
			for _, h := range heads {
				group.SharedBy = append(group.SharedBy, g.grown[h].ID)
			}
		}
		place[i] = len(out)
		out = append(out, group)
	}
	// Nothing keeps orphans, so that no dominator tree has them; what only
	// one of them leads to, it brings.
	for i, grown := range g.grown {
		if heads := g.by[i]; len(heads) == 1 && heads[0] != i {
			group := &out[place[heads[0]]]
			group.Introduces = append(append(group.Introduces, grown.ID), grown.Introduces...)
			slices.Sort(group.Introduces)
		}
	}
	// The one that brought most is what a reader wants to know first.
	slices.SortFunc(out, func(a, b GrowthGroup) int {
		return cmp.Or(cmp.Compare(min(1, len(a.SharedBy)), min(1, len(b.SharedBy))), cmp.Compare(len(b.Introduces), len(a.Introduces)), cmp.Compare(a.ID, b.ID))
	})
	return out
}
