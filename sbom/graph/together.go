package graph

import "slices"

// JointRetention is a root with the components that it retains after the roots
// before it are not roots any more.
type JointRetention struct {
	Root
	// Retained is the number of these components that count, itself included;
	// Size is their installed size.
	Retained int   `json:"retained"`
	Size     int64 `json:"size,omitempty"`
	// Remaining is the number of counted components that are retained without
	// it and those before it.
	Remaining int `json:"remaining"`
}

// TopTogether returns the few roots that together retain most. Several packages
// of one suite retain little alone, because each retains the needs of the
// others: [Graph.Top] shows them as shared. Here one root after the other becomes
// automatic, always the one that retains most, until there are limit roots or no
// single one makes a difference. Essential packages stay roots.
//
// Each step takes as long as the dominator tree, linear in the edges. The order
// is greedy: another choice of as many roots may retain more.
func (g *Graph) TopTogether(limit int) []JointRetention {
	out := []JointRetention{}
	roots := slices.Clone(g.roots.list)
	t := g.tree()
	for len(out) < limit {
		in := t.intervals()
		at := -1
		for i, root := range roots {
			if g.roots.reason[root] == Essential || at >= 0 && !t.heavier(t.number[root], t.number[roots[at]]) {
				continue
			}
			if t.kept[t.number[root]] > 0 && !g.neededElsewhere(t, in, root) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		root := roots[at]
		p := JointRetention{Root: Root{g.nodes[root].ID, g.roots.reason[root]}, Retained: int(t.kept[t.number[root]]), Size: t.size[t.number[root]]}
		roots = slices.Delete(roots, at, at+1)
		t = g.dominators(roots)
		p.Remaining = int(t.kept[0])
		out = append(out, p)
	}
	return out
}

// heavier orders roots by what they retain: the number, then the size.
func (t *dominatorTree) heavier(v, than int32) bool {
	return t.kept[v] > t.kept[than] || t.kept[v] == t.kept[than] && t.size[v] > t.size[than]
}

// interval is the range of a subtree, when the tree is numbered depth first.
type interval struct{ start, end int32 }

func (t *dominatorTree) intervals() []interval {
	n := len(t.node)
	size, next, in := make([]int32, n), make([]int32, n), make([]interval, n)
	for v := n - 1; v > 0; v-- {
		size[v]++
		size[t.up[v]] += size[v]
	}
	// A parent has a lower number than its children.
	for v := 1; v < n; v++ {
		up := t.up[v]
		in[v] = interval{next[up], next[up] + size[v]}
		next[v] = next[up] + 1
		next[up] += size[v]
	}
	return in
}

// neededElsewhere reports whether a root would be retained without being one,
// by a component that it does not retain itself.
func (g *Graph) neededElsewhere(t *dominatorTree, in []interval, root int32) bool {
	own := in[t.number[root]]
	for _, e := range g.inEdge[g.inStart[root]:g.inStart[root+1]] {
		from := t.number[g.edges.from[e]]
		if from != 0 && g.edges.class[e] <= g.follow && (in[from].start < own.start || in[from].start >= own.end) {
			return true
		}
	}
	return false
}
