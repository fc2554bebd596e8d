package graph

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// maxParts is the number of parts that [Graph.Split] compares: a membership is
// one bit of a word, and a table of more columns is not readable.
const maxParts = 64

// Part is a part of the work of a stage.
type Part struct {
	Name string
	// IDs are the components that the part uses directly, for instance the
	// owners of its commands.
	IDs []string
}

// Split has the needs of each part of a stage.
type Split struct {
	// Essential is the common part of every environment of the kind: the essential
	// components and their needs.
	Essential Amount `json:"essential"`
	// Parts are in the order of the arguments.
	Parts []PartNeeds `json:"parts"`
	// Overlaps are the components beyond the base by the parts that need
	// them: first those of a single part, then those of two, and so on.
	Overlaps []Overlap `json:"overlaps"`
	// Unneeded are the components that no part needs.
	Unneeded Amount `json:"unneeded"`
	// Choices are the requirements for which one of several satisfiers had to
	// be chosen.
	Choices []Choice `json:"choices,omitempty"`
}

// Amount is a number of counted components and their installed size.
type Amount struct {
	Count int   `json:"count"`
	Size  int64 `json:"size,omitempty"`
}

// PartNeeds has the needs of one part.
type PartNeeds struct {
	Name string `json:"name"`
	// Total is the content of an environment for this part alone, with the
	// base.
	Total Amount `json:"total"`
	// Alone are the components that no other part needs, Shared those that
	// another one needs too; neither contains the base.
	Alone  Amount `json:"alone"`
	Shared Amount `json:"shared"`
	// IDs are the components of Total that are not in the base, sorted, without
	// bundled ones.
	IDs []string `json:"ids"`
}

// Overlap are the components that exactly some parts need.
type Overlap struct {
	Parts []string `json:"parts"`
	Amount
	IDs []string `json:"ids"`
}

// Choice is a requirement for which one of several satisfiers was chosen.
type Choice struct {
	// Part is the name of the part, empty for the base.
	Part   string   `json:"part,omitempty"`
	From   string   `json:"from"`
	Via    string   `json:"via,omitempty"`
	Chosen string   `json:"chosen"`
	Others []string `json:"others"`
}

// SplitOptions are the assumptions of [Graph.Split].
type SplitOptions struct {
	// Follow selects the edges that a part follows; by default its needs.
	Follow Follow
	// NoEssential leaves the essential components out.
	NoEssential bool
}

// Split returns the needs of each part of a stage, which is the count of a
// separate stage for it. Installed optional dependencies of npm are needs.
//
// A requirement that several installed components satisfy needs one of them:
// one that is needed anyway, or else the one that the package names first, or
// else the first by ID. Split does not search for the smallest set: that
// problem (hitting set) has no fast solution, and an installation gets the
// package manager's preference, which is this order.
func (g *Graph) Split(parts []Part, opts SplitOptions) (*Split, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("no part to split by")
	}
	if len(parts) > maxParts {
		return nil, fmt.Errorf("%d parts, the limit is %d", len(parts), maxParts)
	}
	follow := opts.Follow.class(FollowNeeds)
	g = g.withOptional()
	out := &Split{Overlaps: []Overlap{}}
	base := g.newClosure(follow)
	if !opts.NoEssential {
		base.close(g.essential())
	}
	base.choices("", out)
	members := make([]uint64, len(g.nodes))
	for i, part := range parts {
		own, err := g.nodesOf(part.IDs)
		if err != nil {
			return nil, fmt.Errorf("part %s: %w", quote(part.Name), err)
		}
		c := base.clone()
		c.close(own)
		c.choices(part.Name, out)
		for n, in := range c.in {
			if in && !base.in[n] {
				members[n] |= 1 << i
			}
		}
		out.Parts = append(out.Parts, PartNeeds{Name: part.Name, IDs: []string{}})
	}
	g.countParts(parts, base.in, members, out)
	return out, nil
}

// withOptional returns a graph in which an npm package needs the installed ones
// of its optionalDependencies: npm installs them wherever they can be.
func (g *Graph) withOptional() *Graph {
	r := *g
	r.edges.class = slices.Clone(g.edges.class)
	for e, from := range r.edges.from {
		if r.edges.class[e] == recommends && g.nodes[from].Type == "npm" {
			r.edges.class[e] = needs
		}
	}
	return &r
}

func (a *Amount) add(size int64) {
	a.Count++
	a.Size = add(a.Size, size)
}

func (g *Graph) countParts(parts []Part, base []bool, members []uint64, out *Split) {
	overlaps := map[uint64]*Overlap{}
	var masks []uint64
	for i := range int32(len(g.nodes)) {
		if !g.counts(i) {
			continue
		}
		mask, size := members[i], g.size(i)
		switch {
		case base[i]:
			out.Essential.add(size)
			for p := range out.Parts {
				out.Parts[p].Total.add(size)
			}
			continue
		case mask == 0:
			out.Unneeded.add(size)
			continue
		case overlaps[mask] == nil:
			overlaps[mask] = &Overlap{}
			masks = append(masks, mask)
		}
		o := overlaps[mask]
		o.add(size)
		o.IDs = append(o.IDs, g.nodes[i].ID)
		for p := range out.Parts {
			if mask&(1<<p) == 0 {
				continue
			}
			n := &out.Parts[p]
			n.Total.add(size)
			n.IDs = append(n.IDs, g.nodes[i].ID)
			if mask&(mask-1) == 0 {
				n.Alone.add(size)
			} else {
				n.Shared.add(size)
			}
		}
	}
	for _, mask := range masks {
		o := overlaps[mask]
		for p := range parts {
			if mask&(1<<p) != 0 {
				o.Parts = append(o.Parts, parts[p].Name)
			}
		}
		out.Overlaps = append(out.Overlaps, *o)
	}
	slices.SortFunc(out.Overlaps, func(a, b Overlap) int {
		return cmp.Or(cmp.Compare(len(a.Parts), len(b.Parts)), cmp.Compare(b.Count, a.Count), slices.Compare(a.Parts, b.Parts), slices.Compare(a.IDs, b.IDs))
	})
}

// closure is a set of nodes with all needs of its members.
type closure struct {
	*Graph
	follow class
	in     []bool
	stack  []int32
	// open are requirements with several satisfiers, by an edge of each.
	open   edgeHeap
	met    map[int32]bool // the requirements that were examined
	chosen []int32        // edges
	order  []int32        // the members, in the order in which they were added
}

func (g *Graph) newClosure(follow class) *closure {
	return &closure{Graph: g, follow: follow, in: make([]bool, len(g.nodes)), met: map[int32]bool{}}
}

// clone returns a closure with the same members and no choices.
func (c *closure) clone() *closure {
	n := c.newClosure(c.follow)
	copy(n.in, c.in)
	return n
}

func (c *closure) push(i int32) {
	if !c.in[i] {
		c.in[i] = true
		c.stack, c.order = append(c.stack, i), append(c.order, i)
	}
}

// close adds nodes and their needs. It begins with the needs that have no
// choice, so that as many requirements as possible are met without one.
func (c *closure) close(nodes []int32) {
	for _, i := range nodes {
		c.push(i)
	}
	for {
		c.follows()
		e, ok := c.nextChoice()
		if !ok {
			return
		}
		c.chosen = append(c.chosen, e)
		c.push(c.edges.to[e])
	}
}

func (c *closure) follows() {
	for len(c.stack) > 0 {
		i := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		for e := c.outStart[i]; e < c.outStart[i+1]; e++ {
			switch group := c.edges.group[e]; {
			case c.edges.class[e] > c.follow:
			case group == 0:
				c.push(c.edges.to[e])
			case !c.met[group]:
				c.met[group] = true
				heap.Push(&c.open, e)
			}
		}
	}
}

// nextChoice takes the open requirements of the first component by ID, and
// returns the edge to what is chosen.
func (c *closure) nextChoice() (int32, bool) {
	for len(c.open) > 0 {
		if best, met := c.prefer(heap.Pop(&c.open).(int32)); !met {
			return best, true
		}
	}
	return 0, false
}

// edgeHeap has the first edge at its top.
type edgeHeap []int32

func (h edgeHeap) Len() int           { return len(h) }
func (h edgeHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h edgeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *edgeHeap) Push(e any)        { *h = append(*h, e.(int32)) }
func (h *edgeHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}

// prefer returns the edge of a requirement that its text names first, and
// whether a member of the set satisfies it already.
func (c *closure) prefer(e int32) (best int32, met bool) {
	rank := func(e int32, names []string) int {
		if i := slices.Index(names, c.nodes[c.edges.to[e]].Name); i >= 0 {
			return i
		}
		return len(names)
	}
	names := alternatives(c.text(e))
	best = -1
	for _, other := range c.satisfiers(e) {
		if c.in[c.edges.to[other]] {
			return other, true
		}
		if best < 0 || rank(other, names) < rank(best, names) {
			best = other
		}
	}
	return best, false
}

// satisfiers returns the edges of the requirement of an edge.
func (g *Graph) satisfiers(e int32) []int32 {
	group := g.edges.group[e]
	return g.groupEdge[g.groupStart[group]:g.groupStart[group+1]]
}

// text returns the text of a requirement: the longest of its edges, since a
// satisfier under its own name has none.
func (g *Graph) text(e int32) string {
	via := ""
	for _, i := range g.satisfiers(e) {
		if v := g.labels[g.edges.label[i]].via; len(v) > len(via) {
			via = v
		}
	}
	return via
}

func (c *closure) choices(part string, out *Split) {
	for _, e := range c.chosen {
		choice := Choice{Part: part, From: c.nodes[c.edges.from[e]].ID, Via: plainVia(c.text(e)), Chosen: c.nodes[c.edges.to[e]].ID}
		for _, other := range c.satisfiers(e) {
			if to := c.edges.to[other]; to != c.edges.to[e] {
				choice.Others = append(choice.Others, c.nodes[to].ID)
			}
		}
		choice.Others = slices.Compact(choice.Others)
		out.Choices = append(out.Choices, choice)
	}
}

// alternatives returns the names in a requirement such as "a (>= 1) | b:any".
func alternatives(via string) []string {
	var names []string
	for part := range strings.SplitSeq(via, "|") {
		name := strings.TrimSpace(part)
		if end := strings.IndexAny(name, " \t(:[<"); end >= 0 {
			name = name[:end]
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// plainVia normalises the blanks of a requirement.
func plainVia(via string) string { return strings.Join(strings.Fields(via), " ") }
