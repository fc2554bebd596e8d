package graph

import (
	"cmp"
	mathbits "math/bits"
	"slices"
)

// Retention has the components that one component retains.
type Retention struct {
	ID     string `json:"id"`
	Reason Reason `json:"reason,omitempty"` // of a root
	// Size is its own installed size in bytes, 0 when unknown.
	Size int64 `json:"size,omitempty"`
	// Retained is the number of other counted components that only it retains;
	// RetainedSize is their installed size.
	Retained     int   `json:"retained"`
	RetainedSize int64 `json:"retainedSize,omitempty"`
	// Shared is the number of those that it leads to and that others retain
	// too, other roots included; SharedSize is their installed size.
	Shared     int   `json:"shared"`
	SharedSize int64 `json:"sharedSize,omitempty"`
}

// Retained returns what one component retains. An orphan retains nothing.
func (g *Graph) Retained(id string) (Retention, error) {
	i, err := g.node(id)
	if err != nil {
		return Retention{}, err
	}
	h := []Retention{g.retention(i)}
	g.share(h, []int32{i})
	return h[0], nil
}

// Top returns the roots by the number of components that only they retain, then
// by size. It returns at most limit of them, all if limit is below one, and
// their number without the limit.
func (g *Graph) Top(limit int) (top []Retention, all int) {
	type row struct {
		Retention
		node int32
	}
	rows := make([]row, len(g.roots.list))
	for i, n := range g.roots.list {
		rows[i] = row{g.retention(n), n}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Retained, a.Retained), cmp.Compare(b.RetainedSize, a.RetainedSize),
			cmp.Compare(b.Size, a.Size), cmp.Compare(a.node, b.node))
	})
	all = len(rows)
	if limit >= 1 && limit < all {
		rows = rows[:limit]
	}
	top, nodes := make([]Retention, len(rows)), make([]int32, len(rows))
	for i, r := range rows {
		top[i], nodes[i] = r.Retention, r.node
	}
	g.share(top, nodes)
	return top, all
}

// Retentions returns what each counted component retains, sorted by ID. Shared
// is not computed, since that takes a traversal for every 64 components;
// [Graph.Retained] has it for one.
func (g *Graph) Retentions() []Retention {
	out := make([]Retention, 0, len(g.nodes))
	for i := range int32(len(g.nodes)) {
		if !g.counts(i) {
			continue
		}
		h := g.retention(i)
		if g.roots.orphan[i] {
			h.Reason = Orphan
		}
		out = append(out, h)
	}
	return out
}

// retention returns a retention without the shared components.
func (g *Graph) retention(i int32) Retention {
	t := g.tree()
	h := Retention{ID: g.nodes[i].ID, Reason: g.roots.reason[i], Size: g.size(i)}
	if v := t.number[i]; v != 0 {
		h.Retained, h.RetainedSize = int(t.kept[v]), t.size[v]
		if g.counts(i) {
			h.Retained--
			h.RetainedSize -= h.Size
		}
	}
	return h
}

// share counts the components that the given nodes lead to. One traversal counts
// them for 64 nodes, as the bits of a word that each ring passes on to those
// that it leads to, from the first ring to the last one.
func (g *Graph) share(rows []Retention, nodes []int32) {
	const bits = 64
	if len(nodes) == 0 {
		return
	}
	r := g.findRings(nil, g.follow)
	starts := offsets(int(r.count)+1, len(g.nodes), func(i int) int32 { return r.count - r.of[i] })
	order := make([]int32, len(g.nodes)) // by falling number of the ring
	for i, ring := range r.of {
		order[starts[r.count-ring]] = int32(i)
		starts[r.count-ring]++
	}
	mask := make([]uint64, r.count+1)
	for start := 0; start < len(nodes); start += bits {
		batch := nodes[start:min(start+bits, len(nodes))]
		clear(mask)
		for bit, n := range batch {
			mask[r.of[n]] |= 1 << bit
		}
		for _, i := range order {
			m := mask[r.of[i]]
			if m == 0 {
				continue
			}
			if g.counts(i) {
				for rest := m; rest != 0; rest &= rest - 1 {
					h := &rows[start+mathbits.TrailingZeros64(rest)]
					h.Shared++
					h.SharedSize = add(h.SharedSize, g.size(i))
				}
			}
			for e := g.outStart[i]; e < g.outStart[i+1]; e++ {
				if g.edges.class[e] <= g.follow {
					mask[r.of[g.edges.to[e]]] |= m
				}
			}
		}
	}
	// So far that includes the node itself and what it retains.
	for i, n := range nodes {
		h := &rows[i]
		if g.counts(n) {
			h.Shared--
			h.SharedSize -= h.Size
		}
		h.Shared -= h.Retained
		h.SharedSize -= min(h.SharedSize, h.RetainedSize)
	}
}
