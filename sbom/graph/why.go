package graph

import (
	"cmp"
	"slices"
)

// WhyOptions select the chains of an explanation.
type WhyOptions struct {
	// All selects the shortest chain through each component that needs the
	// target directly, instead of the shortest chain from each root.
	All bool
	// Max is the number of chains, 20 if it is 0, no limit if it is negative.
	Max int
}

// defaultChains is the number of chains that people read.
const defaultChains = 20

// Explanation has the chains that retain a component.
type Explanation struct {
	Target string `json:"target"`
	// Reason is the reason why it is a root itself, or [Orphan]; empty when it
	// is installed because another component needs it.
	Reason Reason `json:"reason,omitempty"`
	// Owner is the component that it is bundled in.
	Owner string `json:"owner,omitempty"`
	// Chains are the shortest first, those that begin at orphans last.
	Chains []Chain `json:"chains"`
	// Cut is the number of chains beyond the limit.
	Cut int `json:"cut,omitempty"`
	// Roots is the number of roots that lead to it, itself included.
	Roots int `json:"roots"`
	// NeededBy is the number of components that need it directly. Circular of
	// these are installed only because of it, so that no chain goes through
	// them.
	NeededBy int `json:"neededBy"`
	Circular int `json:"circular,omitempty"`
	// Bundled is the number of components that are bundled in it.
	Bundled int `json:"bundled,omitempty"`
	// RetainedBy are the components that every chain goes through, in the order
	// of the chain: the target is removed with any of them.
	RetainedBy []string `json:"retainedBy,omitempty"`
	// Unknown are the types without recorded install reasons, so that the
	// beginning of a chain may be presumed.
	Unknown []string `json:"unknown,omitempty"`
}

// Chain leads from a root to the target.
type Chain struct {
	Root   string `json:"root"`
	Reason Reason `json:"reason"`
	// Steps are the edges in their order; none when the root is the target.
	Steps []Edge `json:"steps"`
}

// Why returns the chains that retain a component.
//
// Every chain is the shortest of its kind; of those with as many edges the
// one with the stronger edges, then the one that comes first by ID, seen from
// the target. So there are never more chains than roots, or than components
// that need the target, however many ways there are.
//
// Without All, there is one chain for each root that leads to the target
// without another root in between: by the edges that a rebuild follows where
// there is such a chain, and those come first. When no root leads to it, the
// chains begin at orphans. The error is an [*UnknownError].
func (g *Graph) Why(target string, opts WhyOptions) (*Explanation, error) {
	i, err := g.node(target)
	if err != nil {
		return nil, err
	}
	p := &Explanation{Target: target, Reason: g.roots.reason[i], Chains: []Chain{}, Unknown: slices.Clone(g.roots.unknown)}
	if g.roots.orphan[i] {
		p.Reason = Orphan
	}
	if o := g.owner[i]; o >= 0 {
		p.Owner = g.nodes[o].ID
	}
	for _, o := range g.owner {
		if o == i {
			p.Bundled++
		}
	}
	for d := g.dominator(i); d >= 0; d = g.dominator(d) {
		p.RetainedBy = append(p.RetainedBy, g.nodes[d].ID)
	}
	slices.Reverse(p.RetainedBy)
	p.Roots = g.rootsOf(i)

	ways := g.waysThrough(i, p)
	if !opts.All {
		ways = g.waysFromRoots(i)
	}
	slices.SortFunc(ways, func(a, b way) int {
		return cmp.Or(cmp.Compare(a.orphan, b.orphan), cmp.Compare(a.weak, b.weak), cmp.Compare(a.length, b.length), cmp.Compare(a.cost, b.cost), cmp.Compare(a.by, b.by))
	})
	limit := cmp.Or(opts.Max, defaultChains)
	steps := int32(0)
	for n, w := range ways {
		if steps += w.length; n == limit || steps > maxSteps && n > 0 {
			p.Cut = len(ways) - n
			break
		}
		p.Chains = append(p.Chains, g.chain(w))
	}
	return p, nil
}

// maxSteps is the number of edges in all chains of one answer. A chain has as
// many as there are components, in the worst of records, and there may be as
// many chains again.
const maxSteps = 1_000_000

// dominator is the immediate dominator of a node, or -1.
func (g *Graph) dominator(i int32) int32 {
	t := g.tree()
	return t.node[t.up[t.number[i]]]
}

// way is a chain whose edges are not collected yet.
type way struct {
	// by is the node that distinguishes it from the others: the root at its
	// beginning, or the node that needs the target.
	by int32
	// orphan is 1 for a chain that begins at an orphan, which explains less.
	orphan int32
	// weak is 1 for a chain with an edge that a rebuild does not follow.
	weak         int32
	length, cost int32
	edges        func() []int32
}

func (g *Graph) chain(w way) Chain {
	edges := w.edges()
	root := w.by
	if len(edges) > 0 {
		root = g.edges.from[edges[0]]
	}
	c := Chain{Root: g.nodes[root].ID, Reason: g.roots.reason[root], Steps: make([]Edge, len(edges))}
	if c.Reason == "" {
		c.Reason = Orphan
	}
	for i, e := range edges {
		c.Steps[i] = g.edge(e)
	}
	return c
}

// waysFromRoots searches backwards from the target, and not beyond a root:
// the chains to a root do not explain what the root retains.
func (g *Graph) waysFromRoots(target int32) []way {
	open := func(i int32) bool { return i == target || g.roots.reason[i] == "" }
	rebuilt, any := g.rebuild().breadth([]int32{target}, true, open), g.breadth([]int32{target}, true, open)
	collect := func(from []int32) (ways []way) {
		for _, r := range from {
			b, weak := rebuilt, int32(0)
			if b.far[r] < 0 {
				b, weak = any, 1
			}
			if b.far[r] < 0 {
				continue
			}
			ways = append(ways, way{by: r, weak: weak, length: b.far[r], cost: b.cost[r], edges: func() (edges []int32) {
				for i := r; i != target; i = g.edges.to[b.edge[i]] {
					edges = append(edges, b.edge[i])
				}
				return edges
			}})
		}
		return ways
	}
	ways := collect(g.roots.list)
	if len(ways) == 0 {
		ways = collect(g.roots.heads)
	}
	return ways
}

// waysThrough finds for each node that needs the target the shortest chain
// to it, in the graph without the target. Those that no root leads to are
// tried from the orphans, and what is left then is circular.
func (g *Graph) waysThrough(target int32, p *Explanation) []way {
	open := func(i int32) bool { return i != target }
	fromRoots := g.breadth(without(g.roots.list, target), false, open)
	fromOrphans := g.breadth(without(g.roots.heads, target), false, open)
	var ways []way
	if r := g.roots.reason[target]; r != "" || slices.Contains(g.roots.heads, target) {
		ways = append(ways, way{by: target, edges: func() []int32 { return nil }})
	}
	best := map[int32]int32{} // by the node that needs it: the strongest edge
	for _, e := range g.inEdge[g.inStart[target]:g.inStart[target+1]] {
		from := g.edges.from[e]
		if from == target || g.edges.class[e] > g.follow || g.edges.shadow[e] {
			continue
		}
		if before, ok := best[from]; !ok || g.edges.weight[e] < g.edges.weight[before] {
			best[from] = e
		}
	}
	p.NeededBy = len(best)
	for from, last := range best {
		b, orphan := fromRoots, int32(0)
		if b.far[from] < 0 {
			b, orphan = fromOrphans, 1
		}
		if b.far[from] < 0 {
			if g.owner[from] >= 0 && g.top(from) == g.top(target) {
				p.NeededBy-- // bundled in it
				continue
			}
			p.Circular++
			continue
		}
		ways = append(ways, way{by: from, orphan: orphan, length: b.far[from] + 1, cost: b.cost[from] + int32(g.edges.weight[last]), edges: func() []int32 {
			edges := []int32{last}
			for e := b.edge[from]; e >= 0; e = b.edge[g.edges.from[e]] {
				edges = append(edges, e)
			}
			slices.Reverse(edges)
			return edges
		}})
	}
	return ways
}

func without(list []int32, i int32) []int32 {
	return slices.DeleteFunc(slices.Clone(list), func(j int32) bool { return i == j })
}

// rootsOf is the number of roots that lead to a node.
func (g *Graph) rootsOf(target int32) int {
	b := g.breadth([]int32{target}, true, func(int32) bool { return true })
	n := 0
	for _, r := range g.roots.list {
		if b.far[r] >= 0 {
			n++
		}
	}
	return n
}

// search is the outcome of a breadth-first search.
type search struct {
	far  []int32 // number of edges, -1 for what was not reached
	cost []int32 // of these edges
	edge []int32 // the last edge of the chain, -1 at its beginning
}

// breadth searches level by level, against the edges if backwards is set,
// and does not go on from a node that is not open. Of several edges that
// reach a node on the same level it takes the one with the lowest cost in
// all, then the one from the node that comes first.
func (g *Graph) breadth(from []int32, backwards bool, open func(int32) bool) search {
	n := len(g.nodes)
	s := search{far: make([]int32, n), cost: make([]int32, n), edge: make([]int32, n)}
	for i := range n {
		s.far[i], s.edge[i] = -1, -1
	}
	level := slices.Clone(from)
	for _, i := range level {
		s.far[i] = 0
	}
	visit := func(e, i, to int32, next []int32) []int32 {
		if g.edges.class[e] > g.follow || g.edges.shadow[e] {
			return next
		}
		cost := s.cost[i] + int32(g.edges.weight[e])
		switch {
		case s.far[to] < 0:
			s.far[to] = s.far[i] + 1
			next = append(next, to)
		case s.far[to] != s.far[i]+1 || cost >= s.cost[to]:
			return next
		}
		s.cost[to], s.edge[to] = cost, e
		return next
	}
	for len(level) > 0 {
		var next []int32
		for _, i := range level {
			if !open(i) {
				continue
			}
			if backwards {
				for _, e := range g.inEdge[g.inStart[i]:g.inStart[i+1]] {
					next = visit(e, i, g.edges.from[e], next)
				}
				continue
			}
			for e := g.outStart[i]; e < g.outStart[i+1]; e++ {
				next = visit(e, i, g.edges.to[e], next)
			}
		}
		// In order of ID, so that the first one wins.
		slices.Sort(next)
		level = next
	}
	return s
}
