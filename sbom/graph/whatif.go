package graph

import (
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// WhatIf are the assumptions of a what-if question. The zero value has apt's.
type WhatIf struct {
	// Follow selects the edges that retain an automatic component; by default
	// recommendations and suggestions do, as for apt.
	Follow Follow
	// Keep are the IDs of components that stay although nothing needs them,
	// as those that a package manager's configuration protects.
	Protected []string
}

// Because is the reason why a component is removed.
type Because string

const (
	// Requested is removed on request, or bundled in such a component.
	Requested Because = "requested"
	// Broken needs a component that is removed.
	Broken Because = "broken"
	// Unneeded is automatic, and nothing that remains retains it.
	Unneeded Because = "unneeded"
	// Orphaned is removed in any case: nothing retains it even now.
	Orphaned Because = "orphan"
)

// Removal is the answer to a what-if question.
type Removal struct {
	// Removed are sorted by ID.
	Removed []RemovedComponent `json:"removed"`
	// Breaks are the needs that are not satisfied any more, sorted by From and
	// To.
	Breaks []Break `json:"breaks,omitempty"`
	// Count is the number of those in Leaves that count, Size their installed
	// size; Left and LeftSize are the same for what stays.
	Count         int   `json:"count"`
	Size          int64 `json:"size,omitempty"`
	Remaining     int   `json:"remaining"`
	RemainingSize int64 `json:"remainingSize,omitempty"`
	// Orphans is the number of those that a rebuild does not have even now and
	// that were not removed on request: they are neither in Count nor in
	// Remaining. Only a rebuild has them.
	Orphans int `json:"orphans,omitempty"`
	// Autoremove is what autoremove takes, where that is another number than
	// Count. Only a rebuild has it.
	Autoremove *Autoremove `json:"autoremove,omitempty"`
	// Unknown are the types without recorded install reasons: which of their
	// components remain is presumed.
	Unknown []string `json:"unknown,omitempty"`
}

// Autoremove is what autoremove takes with some components.
type Autoremove struct {
	Count int   `json:"count"`
	Size  int64 `json:"size,omitempty"`
	// Because is the strongest relation from a component that remains to one
	// that a rebuild would not have; nil where autoremove takes more.
	Because *Edge `json:"because,omitempty"`
}

// RemovedComponent is a component that is removed.
type RemovedComponent struct {
	ID      string  `json:"id"`
	Because Because `json:"because"`
	// Reason is set when it is a root.
	Reason Reason `json:"reason,omitempty"`
	// Bundled is its owner, with which it is removed.
	Bundled string `json:"bundled,omitempty"`
}

// Break is a need that is not satisfied any more.
type Break struct {
	// From needs To, which is removed. When one requirement had several
	// satisfiers, To is the first of them by ID.
	Edge
	// Reason is set when From is a root.
	Reason Reason `json:"reason,omitempty"`
	// Stays is set when From is not removed, because it is bundled in a
	// component that remains.
	Stays bool `json:"stays,omitempty"`
}

// BundledError is the error for a bundled component, which cannot be removed
// alone.
type BundledError struct{ ID, Owner string }

func (e *BundledError) Error() string {
	return fmt.Sprintf("%s is bundled in %s and only removed with it (name that one)", quote(e.ID), quote(e.Owner))
}

// Without returns the removal of some components, as "apt-get autoremove --purge
// A B" does it when no other package can be installed: they are removed, then
// those that need them, then the automatic ones that nothing that remains
// retains. Explicit, essential and presumed roots remain unless they break.
//
// The error is an [*UnknownError] or an [*BundledError].
func (g *Graph) Without(ids []string, opts WhatIf) (*Removal, error) {
	keep, err := g.nodesOf(opts.Protected)
	if err != nil {
		return nil, err
	}
	d, err := g.requested(ids)
	if err != nil {
		return nil, err
	}
	d.spread()
	d.sweep(slices.Concat(g.roots.list, keep), opts.Follow.class(FollowSuggests), func(i int32) Because {
		if g.roots.orphan[i] {
			return Orphaned
		}
		return Unneeded
	})
	return d.change(nil), nil
}

// RebuildWithout returns the difference between a rebuild and a rebuild without
// some components: those, the ones that need them, which break, and the ones
// that nothing that remains leads to ([Graph.Rebuild]). Without a break it has
// exactly what the components retain in the graph of the rebuild. Components
// that a rebuild does not have even now are not counted.
//
// The error is an [*UnknownError] or an [*BundledError].
func (g *Graph) RebuildWithout(ids []string) (*Removal, error) {
	d, err := g.requested(ids)
	if err != nil {
		return nil, err
	}
	d.spread()
	c := d.rebuild(g.Rebuild().roots.list)
	taken, err := g.Without(ids, WhatIf{})
	if err != nil {
		return nil, err
	}
	c.Autoremove = g.autoremove(c, taken)
	return c, nil
}

// RebuildOnly returns the difference between a rebuild and a rebuild with some
// components, and the essential ones, as its only roots. The error is an
// [*UnknownError].
func (g *Graph) RebuildOnly(ids []string) (*Removal, error) {
	only, err := g.nodesOf(ids)
	if err != nil {
		return nil, err
	}
	c := g.remover().rebuild(slices.Concat(only, g.essential()))
	taken, err := g.Only(ids, WhatIf{})
	if err != nil {
		return nil, err
	}
	c.Autoremove = g.autoremove(c, taken)
	return c, nil
}

// autoremove returns what autoremove takes, nil when that is as many as a
// rebuild does not have. What it would take without the question is not counted.
func (g *Graph) autoremove(rebuild, taken *Removal) *Autoremove {
	a := &Autoremove{Count: taken.Count, Size: taken.Size}
	for _, x := range taken.Removed {
		if i := g.index[x.ID]; x.Because != Requested && g.roots.orphan[i] && g.counts(i) {
			a.Count--
			a.Size -= g.size(i)
		}
	}
	if a.Count == rebuild.Count {
		return nil
	}
	if a.Count < rebuild.Count {
		a.Because = g.keeps(rebuild, taken)
	}
	return a
}

// rebuild sweeps what a rebuild with some roots does not have.
func (d *remover) rebuild(roots []int32) *Removal {
	r := d.Graph.Rebuild()
	before := r.roots.orphan
	d.Graph = r
	d.sweep(roots, r.follow, func(int32) Because { return Unneeded })
	var orphans int
	for i := range d.because {
		switch n := int32(i); {
		case !before[i]:
		case d.because[i] == Unneeded:
			d.because[i] = ""
			fallthrough
		case d.because[i] == "":
			if r.counts(n) {
				orphans++
			}
		}
	}
	c := d.change(before)
	c.Orphans = orphans
	return c
}

// Only returns the removal that leaves some components as the only explicit
// ones: they remain, with their needs and the essential components. The error is
// an [*UnknownError].
func (g *Graph) Only(ids []string, opts WhatIf) (*Removal, error) {
	only, err := g.nodesOf(ids)
	if err != nil {
		return nil, err
	}
	keep, err := g.nodesOf(opts.Protected)
	if err != nil {
		return nil, err
	}
	d := g.remover()
	stay := slices.Concat(only, keep, g.essential())
	d.sweep(stay, opts.Follow.class(FollowSuggests), func(int32) Because { return Unneeded })
	return d.change(nil), nil
}

// requested begins a removal of some components.
func (g *Graph) requested(ids []string) (*remover, error) {
	remove, err := g.nodesOf(ids)
	if err != nil {
		return nil, err
	}
	for _, i := range remove {
		if o := g.owner[i]; o >= 0 {
			return nil, &BundledError{g.nodes[i].ID, g.nodes[o].ID}
		}
	}
	d := g.remover()
	for _, i := range remove {
		d.leave(i, Requested)
	}
	return d, nil
}

// keeps returns the strongest edge from a component that both removals leave to
// one that only the rebuild does not have: why autoremove does not take that
// one. It is nil when there is none.
func (g *Graph) keeps(rebuild, taken *Removal) *Edge {
	gone, in := map[string]bool{}, map[string]bool{}
	for _, x := range taken.Removed {
		gone[x.ID] = true
	}
	for _, x := range rebuild.Removed {
		in[x.ID] = !gone[x.ID]
	}
	best := int32(-1)
	for _, x := range rebuild.Removed {
		if gone[x.ID] {
			continue
		}
		to := g.index[x.ID]
		for _, e := range g.inEdge[g.inStart[to]:g.inStart[to+1]] {
			from := g.nodes[g.edges.from[e]].ID
			if g.edges.class[e] > g.follow || structural(g.kinds[g.edges.kind[e]]) || in[from] || gone[from] {
				continue
			}
			if best < 0 || g.edges.weight[e] < g.edges.weight[best] {
				best = e
			}
		}
	}
	if best < 0 {
		return nil
	}
	edge := g.edge(best)
	return &edge
}

func (g *Graph) essential() (list []int32) {
	for i, c := range g.nodes {
		if c.Counts() && c.InstallReason == sbom.ReasonEssential {
			list = append(list, int32(i))
		}
	}
	return list
}

// remover is the state of a what-if question.
type remover struct {
	*Graph
	because []Because // of each node, "" while it remains
	left    []int32   // satisfiers of each requirement that remain
	queue   []int32   // removed nodes, in that order
	turn    []int32   // the place of each node in the queue, from 1
	breaks  []int32   // edges
}

func (g *Graph) remover() *remover {
	return &remover{Graph: g, because: make([]Because, len(g.nodes)), left: g.groupSizes(), turn: make([]int32, len(g.nodes))}
}

// leave removes a node with the components bundled in it.
func (d *remover) leave(i int32, why Because) {
	if d.because[i] == "" {
		d.because[i] = why
		d.queue = append(d.queue, i)
		d.turn[i] = int32(len(d.queue))
	}
}

// spread follows what breaks, until nothing else does.
func (d *remover) spread() {
	for at := 0; at < len(d.queue); at++ {
		i := d.queue[at]
		for _, e := range d.inEdge[d.inStart[i]:d.inStart[i+1]] {
			if d.edges.class[e] != needs {
				continue
			}
			// A requirement is given up with its last satisfier.
			if group := d.edges.group[e]; group != 0 {
				if d.left[group]--; d.left[group] > 0 {
					continue
				}
			}
			from := d.edges.from[e]
			switch d.kinds[d.edges.kind[e]] {
			case KindContains:
			case KindBundled:
				d.leave(from, d.because[i])
			default:
				// A bundled component cannot be removed alone.
				if d.owner[from] < 0 {
					d.leave(from, Broken)
				}
			}
		}
	}
	d.findBreaks()
}

// findBreaks collects the needs of broken components that were not satisfied
// any more before their removal, one edge for each requirement, and those of
// bundled components that cannot be removed. In a ring that is removed, the need
// that closes the ring is not among them.
func (d *remover) findBreaks() {
	seen := map[int32]bool{}
	for i := range int32(len(d.nodes)) {
		part := d.owner[i] >= 0
		if part != (d.because[i] == "") || !part && d.because[i] != Broken {
			continue
		}
		for e := d.outStart[i]; e < d.outStart[i+1]; e++ {
			turn, group := d.turn[d.edges.to[e]], d.edges.group[e]
			switch {
			case turn == 0 || !part && turn > d.turn[i] || d.edges.class[e] != needs || d.edges.weight[e] == weightBundled:
			case group != 0 && (d.left[group] > 0 || seen[group]):
			default:
				if group != 0 {
					seen[group] = true
				}
				d.breaks = append(d.breaks, e)
			}
		}
	}
}

// sweep removes the nodes that are not reached from those that stay.
func (d *remover) sweep(stay []int32, follow class, why func(int32) Because) {
	kept := make([]bool, len(d.nodes))
	gone := d.because
	var stack []int32
	push := func(i int32) {
		if !kept[i] && gone[i] == "" {
			kept[i] = true
			stack = append(stack, i)
		}
	}
	for _, i := range stay {
		push(i)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for e := d.outStart[i]; e < d.outStart[i+1]; e++ {
			if d.edges.class[e] <= follow {
				push(d.edges.to[e])
			}
		}
	}
	for i := range kept {
		if !kept[i] && gone[i] == "" {
			gone[i] = why(int32(i))
		}
	}
}

// change returns the removal. Those in skip are not counted.
func (d *remover) change(skip []bool) *Removal {
	c := &Removal{Removed: []RemovedComponent{}, Unknown: slices.Clone(d.roots.unknown)}
	for i, why := range d.because {
		n := int32(i)
		counts := d.counts(n) && (skip == nil || !skip[n])
		switch {
		case why == "":
			if counts {
				c.Remaining++
				c.RemainingSize = add(c.RemainingSize, d.size(n))
			}
			continue
		case counts:
			c.Count++
			c.Size = add(c.Size, d.size(n))
		}
		l := RemovedComponent{ID: d.nodes[i].ID, Because: why, Reason: d.roots.reason[i]}
		if o := d.owner[i]; o >= 0 {
			l.Bundled = d.nodes[o].ID
		}
		c.Removed = append(c.Removed, l)
	}
	if len(d.breaks) > 0 {
		c.Breaks = make([]Break, 0, len(d.breaks))
	}
	for _, e := range d.breaks {
		from := d.edges.from[e]
		stays := d.because[from] == ""
		if d.owner[from] >= 0 && !stays {
			continue // its owner was not needed, and it left with it
		}
		c.Breaks = append(c.Breaks, Break{Edge: d.edge(e), Reason: d.roots.reason[from], Stays: stays})
	}
	return c
}

// groupSizes are the numbers of satisfiers of the requirements.
func (g *Graph) groupSizes() []int32 {
	sizes := make([]int32, len(g.groupStart)-1)
	for i := range sizes {
		sizes[i] = g.groupStart[i+1] - g.groupStart[i]
	}
	return sizes
}
