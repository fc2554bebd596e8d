package graph

import (
	"cmp"
	"slices"
)

// Introduction is a new component with the other new ones that it introduces:
// those that are removed again with it.
type Introduction struct {
	ID string `json:"id"`
	// Reason is the reason why the head of the group is a root, if it is one.
	Reason Reason `json:"reason,omitempty"`
	// Introduces are the others that only the head retains, sorted.
	Introduces []string `json:"introduces,omitempty"`
	// RetainedBy is the old component that retains the head, "" when no single
	// one does.
	RetainedBy string `json:"retainedBy,omitempty"`
	// NeededBy are the old components that need the head, sorted.
	NeededBy []string `json:"neededBy,omitempty"`
	// SharedBy are the heads of the other groups with a component that needs
	// this head, sorted. It is removed with the last of them, if nothing else
	// needs it.
	SharedBy []string `json:"sharedBy,omitempty"`
}

// Introductions groups new components under those that introduce them, by the
// dominator tree: the head of a group is the new component nearest to the
// roots that every chain to the others goes through. IDs of no component and of
// bundled ones are left out. The largest groups come first, then those that
// share no head with others, then they are sorted by ID.
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
	head := g.headsOf(list, fresh)
	at := map[int32]int{}
	var out []Introduction
	for _, i := range list {
		if head[i] != i {
			continue
		}
		at[i] = len(out)
		grown := Introduction{ID: g.nodes[i].ID, Reason: g.roots.reason[i]}
		if g.roots.orphan[i] {
			grown.Reason = Orphan
		}
		if up := g.dominator(i); up >= 0 {
			grown.RetainedBy = g.nodes[up].ID
		}
		out = append(out, grown)
	}
	for _, i := range list {
		grown := &out[at[head[i]]]
		if head[i] != i {
			grown.Introduces = append(grown.Introduces, g.nodes[i].ID)
			continue
		}
		var old, new []int32
		for _, e := range g.inEdge[g.inStart[i]:g.inStart[i+1]] {
			from := g.edges.from[e]
			switch h := head[from]; {
			case g.edges.class[e] > g.follow || structural(g.kinds[g.edges.kind[e]]) || h == i:
			case h >= 0:
				new = append(new, h)
			default:
				for g.owner[from] >= 0 {
					from = g.owner[from]
				}
				old = append(old, from)
			}
		}
		grown.NeededBy, grown.SharedBy = g.sortedIDs(old), g.sortedIDs(new)
	}
	slices.SortFunc(out, func(a, b Introduction) int {
		return cmp.Or(cmp.Compare(len(b.Introduces), len(a.Introduces)), cmp.Compare(min(1, len(a.SharedBy)), min(1, len(b.SharedBy))), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// headsOf returns for each new node the topmost new one above it in the
// dominator tree, and -1 for the old ones. Orphans are in no tree: each is
// its own head.
func (g *Graph) headsOf(list []int32, fresh []bool) []int32 {
	t := g.tree()
	head := make([]int32, len(g.nodes)) // also of old nodes: what is new above them
	for i := range head {
		head[i] = -1
	}
	for v := 1; v < len(t.node); v++ {
		i := t.node[v]
		if up := t.up[v]; up != 0 {
			head[i] = head[t.node[up]]
		}
		if head[i] < 0 && fresh[i] {
			head[i] = i
		}
	}
	for i := range head {
		if !fresh[i] {
			// An old one under a new one is not growth, but its needs are
			// those of the head above it.
			if g.counts(int32(i)) {
				head[i] = -1
			}
			continue
		}
		if head[i] < 0 {
			head[i] = int32(i)
		}
	}
	return head
}

func (g *Graph) sortedIDs(list []int32) []string {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return g.ids(slices.Compact(list))
}
