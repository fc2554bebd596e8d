package graph

import (
	"cmp"
	"slices"
)

// Introduction is a new component with the other new ones that it introduces:
// a rebuild without it would not have them.
type Introduction struct {
	ID string `json:"id"`
	// Reason is the reason why the head of the group is a root, if it is one.
	Reason Reason `json:"reason,omitempty"`
	// Introduces are the others that only the head leads to, sorted.
	Introduces []string `json:"introduces,omitempty"`
	// NeededBy are the old components that do not work without the head, sorted:
	// one of them is at another version, or what it used instead is removed.
	NeededBy []string `json:"neededBy,omitempty"`
	// SharedBy are the heads of the other groups with a component that needs
	// this head, sorted. It is removed with the last of them, if nothing else
	// needs it.
	SharedBy []string `json:"sharedBy,omitempty"`
	// Mention is the strongest edge to a head that nothing requires: a
	// recommendation of an old component, a suggestion, or an alternative that
	// something else satisfies.
	Mention *Edge `json:"mention,omitempty"`
}

// Introductions groups new components under those that introduce them. New
// components explain new components: the head of a group is the new component
// that every chain from the new roots to the others goes through, by the edges
// that a rebuild follows. An old component explains a new one only if it does
// not work without it. IDs of no component and of bundled ones are left out.
// The largest groups come first, then those that share no head with others,
// then they are sorted by ID.
func (g *Graph) Introductions(ids []string) []Introduction {
	fresh := make([]bool, len(g.nodes))
	var list []int32
	for _, id := range ids {
		if i, ok := g.index[id]; ok && g.counts(i) && !fresh[i] {
			fresh[i] = true
			list = append(list, i)
		}
	}
	slices.Sort(list)
	for i := range g.nodes { // a bundled component is as new as its owner
		if g.owner[i] >= 0 {
			fresh[i] = fresh[g.top(int32(i))]
		}
	}
	r := g.rebuild().only(fresh)
	old := r.neededByOld(fresh)
	var roots []int32
	for _, i := range list {
		if r.roots.reason[i] != "" || len(old[i]) > 0 {
			roots = append(roots, i)
		}
	}
	// The others that no chain leads to begin groups of their own, and explain
	// nothing that a chain leads to.
	reached := make([]bool, len(r.nodes))
	r.reach(roots, r.follow, reached)
	for e, to := range r.edges.to {
		if reached[to] && !reached[r.edges.from[e]] {
			r.edges.class[e] = never
		}
	}
	for i := range reached {
		reached[i] = reached[i] || !fresh[i]
	}
	for _, ring := range r.sources(reached) {
		if i := slices.IndexFunc(ring, r.counts); i >= 0 {
			roots = append(roots, ring[i])
		}
	}
	slices.Sort(roots)
	return r.groupUnder(r.dominators(roots), list, old)
}

// top returns the component that a node is bundled in, itself if in none.
func (g *Graph) top(i int32) int32 {
	for g.owner[i] >= 0 {
		i = g.owner[i]
	}
	return i
}

// only returns a graph that follows no edges but those between some nodes.
func (g *Graph) only(in []bool) *Graph {
	r := *g
	r.edges.class = slices.Clone(g.edges.class)
	for e := range r.edges.class {
		if !in[r.edges.from[e]] || !in[r.edges.to[e]] {
			r.edges.class[e] = never
		}
	}
	return &r
}

// neededByOld returns the old components that do not work without each new one.
// A requirement that an old component satisfies too needs no new one.
func (g *Graph) neededByOld(fresh []bool) map[int32][]int32 {
	full := g.rebuild().edges.class
	out := map[int32][]int32{}
	for e, to := range g.edges.to {
		from := g.edges.from[e]
		if fresh[from] || !fresh[to] || full[e] != needs || structural(g.kinds[g.edges.kind[e]]) {
			continue
		}
		if g.edges.group[e] != 0 && slices.ContainsFunc(g.satisfiers(int32(e)), func(other int32) bool { return !fresh[g.edges.to[other]] }) {
			continue
		}
		to = g.top(to)
		out[to] = append(out[to], g.top(from))
	}
	return out
}

// groupUnder puts new nodes under the topmost ones of a dominator tree.
func (g *Graph) groupUnder(t *dominatorTree, list []int32, old map[int32][]int32) []Introduction {
	head := make([]int32, len(g.nodes))
	for v := 1; v < len(t.node); v++ {
		i := t.node[v]
		if head[i] = g.top(i); t.up[v] != 0 {
			head[i] = head[t.node[t.up[v]]]
		}
	}
	at := map[int32]int{}
	var out []Introduction
	for _, i := range list {
		if head[i] == i {
			at[i] = len(out)
			out = append(out, Introduction{ID: g.nodes[i].ID, Reason: g.roots.reason[i], NeededBy: g.sortedIDs(old[i])})
		}
	}
	for _, i := range list {
		grown := &out[at[head[i]]]
		if head[i] != i {
			grown.Introduces = append(grown.Introduces, g.nodes[i].ID)
			continue
		}
		var sharing []int32
		for _, e := range g.inEdge[g.inStart[i]:g.inStart[i+1]] {
			if from := g.edges.from[e]; g.edges.class[e] <= g.follow && !structural(g.kinds[g.edges.kind[e]]) && head[from] != i {
				sharing = append(sharing, head[from])
			}
		}
		grown.SharedBy = g.sortedIDs(sharing)
		if grown.Reason == "" && len(grown.NeededBy)+len(grown.SharedBy) == 0 {
			grown.Mention = g.mention(i)
			if g.roots.orphan[i] {
				grown.Reason = Orphan
			}
		}
	}
	slices.SortFunc(out, func(a, b Introduction) int {
		return cmp.Or(cmp.Compare(len(b.Introduces), len(a.Introduces)), cmp.Compare(min(1, len(a.SharedBy)), min(1, len(b.SharedBy))), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// mention returns the strongest edge to a node from another one, those that are
// alternatives to an installed one last; nil for none.
func (g *Graph) mention(i int32) *Edge {
	full := g.rebuild()
	best := int32(-1)
	rank := func(e int32) int {
		n := int(g.edges.weight[e])
		if full.instead(e) >= 0 {
			n += 1 << 8
		}
		return n
	}
	for _, e := range g.inEdge[g.inStart[i]:g.inStart[i+1]] {
		if g.top(g.edges.from[e]) != i && !structural(g.kinds[g.edges.kind[e]]) && (best < 0 || rank(e) < rank(best)) {
			best = e
		}
	}
	if best < 0 {
		return nil
	}
	edge := full.edge(best)
	return &edge
}

func (g *Graph) sortedIDs(list []int32) []string {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return g.ids(slices.Compact(list))
}
