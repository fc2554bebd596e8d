package graph

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// edges are all edges, sorted by from, to, strength and text, as one array for
// each of their properties: a traversal touches two of them.
type edges struct {
	from, to []int32
	class    []class
	weight   []uint8
	kind     []int32 // in kinds
	label    []int32 // in labels
	group    []int32 // the requirement, 0 for one with a single satisfier
	// shadow marks a second edge between two components that only represents
	// another requirement that To satisfies. It is not shown.
	shadow []bool
}

// label is the text of an edge. Most edges have none; they share label 0.
type label struct{ via, file string }

// link is an edge of a graph under construction.
type link struct {
	from, to, kind, label, group int32
	shadow                       bool
}

func (g *Graph) addNodes(components []sbom.Component) {
	g.nodes = make([]*sbom.Component, len(components))
	for i := range components {
		g.nodes[i] = &components[i]
	}
	// The order of several with one ID must not depend on the input order.
	order := func(a, b *sbom.Component) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.InstallReason, b.InstallReason),
			cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.InstalledSize, b.InstalledSize))
	}
	if !slices.IsSortedFunc(g.nodes, order) {
		slices.SortFunc(g.nodes, order)
	}
	g.nodes = slices.CompactFunc(g.nodes, func(a, b *sbom.Component) bool { return a.ID == b.ID })
	g.faults.Components = len(components) - len(g.nodes)
	g.index = make(map[string]int32, len(g.nodes))
	for i, c := range g.nodes {
		g.index[c.ID] = int32(i)
	}
	g.owner = make([]int32, len(g.nodes))
	for i, c := range g.nodes {
		g.owner[i] = -1
		if c.Owner == "" {
			continue
		}
		if o, ok := g.index[c.Owner]; ok && int(o) != i {
			g.owner[i] = o
		} else {
			g.faults.Owners++
		}
	}
	g.cutOwnerRings()
}

// cutOwnerRings removes cycles of owners.
func (g *Graph) cutOwnerRings() {
	seen := make([]int32, len(g.nodes)) // the start from which a node was first seen
	for start := range int32(len(g.nodes)) {
		for i := start; i >= 0 && seen[i] == 0; i = g.owner[i] {
			seen[i] = start + 1
			if up := g.owner[i]; up >= 0 && seen[up] == start+1 {
				g.owner[i] = -1
				g.faults.Owners++
			}
		}
	}
}

func (g *Graph) addEdges(list func(func(Edge) bool)) {
	b := builder{Graph: g, kindOf: map[string]int32{}}
	g.labels = []label{{}}
	for e := range list {
		b.add(e)
	}
	for i, o := range g.owner {
		if o >= 0 {
			b.links = append(b.links,
				link{from: o, to: int32(i), kind: b.kind(KindContains)},
				link{from: int32(i), to: o, kind: b.kind(KindBundled)})
		}
	}
	b.sort()
	b.require()
	b.finish()
}

type builder struct {
	*Graph
	kindOf map[string]int32
	links  []link
	groups int32  // the last number of a requirement
	last   string // the From of the last lookup
	lastAt int32
}

func (b *builder) add(e Edge) {
	if b.last != e.From || b.links == nil {
		at, ok := b.index[e.From]
		if !ok {
			at = -1
		}
		b.last, b.lastAt = e.From, at
	}
	to, ok := b.index[e.To]
	if !ok || b.lastAt < 0 {
		b.faults.Edges++
		if len(b.faults.Examples) < maxExamples {
			b.faults.Examples = append(b.faults.Examples, e)
		}
		return
	}
	l := link{from: b.lastAt, to: to, kind: b.kind(e.Kind), group: int32(max(0, min(e.Group, maxGroup)))}
	if e.Via != "" || e.File != "" {
		l.label = int32(len(b.labels))
		b.labels = append(b.labels, label{e.Via, e.File})
	}
	b.links = append(b.links, l)
}

// maxGroup is the largest number that a requirement may have. No package has
// more requirements than that.
const maxGroup = 1<<31 - 1

func (b *builder) kind(kind string) int32 {
	i, ok := b.kindOf[kind]
	if !ok {
		i = int32(len(b.kinds))
		b.kinds = append(b.kinds, kind)
		b.kindOf[kind] = i
	}
	return i
}

// sort sorts the links and removes duplicates. Those of a document are nearly
// sorted, so that one pass first collects the links of each node.
func (b *builder) sort() {
	starts := offsets(len(b.nodes), len(b.links), func(i int) int32 { return b.links[i].from })
	sorted := make([]link, len(b.links))
	next := slices.Clone(starts)
	for _, l := range b.links {
		sorted[next[l.from]] = l
		next[l.from]++
	}
	for i := range b.nodes {
		if run := sorted[starts[i]:starts[i+1]]; !slices.IsSortedFunc(run, b.compare) {
			slices.SortFunc(run, b.compare)
		}
	}
	b.links = slices.CompactFunc(sorted, func(x, y link) bool { return b.compare(x, y) == 0 })
}

func (b *builder) compare(x, y link) int {
	if c := cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to)); c != 0 {
		return c
	}
	if x == y {
		return 0
	}
	kx, ky := b.kinds[x.kind], b.kinds[y.kind]
	lx, ly := b.labels[x.label], b.labels[y.label]
	return cmp.Or(cmp.Compare(weight(kx), weight(ky)), cmp.Compare(kx, ky), cmp.Compare(x.group, y.group),
		cmp.Compare(lx.via, ly.via), cmp.Compare(lx.file, ly.file))
}

// finish stores the links in arrays, in both directions.
func (b *builder) finish() {
	n := len(b.links)
	b.edges = edges{
		from: make([]int32, n), to: make([]int32, n), class: make([]class, n), weight: make([]uint8, n),
		kind: make([]int32, n), label: make([]int32, n), group: make([]int32, n), shadow: make([]bool, n),
	}
	classes, weights := make([]class, len(b.kinds)), make([]uint8, len(b.kinds))
	for i, kind := range b.kinds {
		classes[i], weights[i] = classOf(kind), uint8(weight(kind))
	}
	for i, l := range b.links {
		b.edges.from[i], b.edges.to[i], b.edges.kind[i] = l.from, l.to, l.kind
		b.edges.class[i], b.edges.weight[i] = classes[l.kind], weights[l.kind]
		b.edges.label[i], b.edges.group[i], b.edges.shadow[i] = l.label, l.group, l.shadow
	}
	b.outStart = offsets(len(b.nodes), n, func(i int) int32 { return b.edges.from[i] })
	b.inStart = offsets(len(b.nodes), n, func(i int) int32 { return b.edges.to[i] })
	b.inEdge = byKey(b.inStart, b.edges.to)
	b.groupStart = offsets(int(b.groups)+1, n, func(i int) int32 { return b.edges.group[i] })
	b.groupEdge = byKey(b.groupStart, b.edges.group)
}

// byKey returns the indexes of keys in the order of keys, given the start of
// each key.
func byKey(starts, keys []int32) []int32 {
	out, next := make([]int32, len(keys)), slices.Clone(starts)
	for i, k := range keys {
		out[next[k]] = int32(i)
		next[k]++
	}
	return out
}

// offsets counts n elements by key and returns the start of each key, and the
// end of the last one.
func offsets(keys, n int, key func(int) int32) []int32 {
	starts := make([]int32, keys+1)
	for i := range n {
		starts[key(i)+1]++
	}
	for i := range keys {
		starts[i+1] += starts[i]
	}
	return starts
}

// edge returns an edge in its exported form.
func (g *Graph) edge(e int32) Edge {
	from, kind, l := g.nodes[g.edges.from[e]], g.kinds[g.edges.kind[e]], g.labels[g.edges.label[e]]
	if l.file == "" && g.recorded && !structural(kind) && len(from.Paths) > 0 {
		l.file = from.Paths[0]
	}
	out := Edge{From: from.ID, To: g.nodes[g.edges.to[e]].ID, Kind: kind, Via: l.via, File: l.file, Group: int(g.edges.group[e])}
	if i := g.instead(e); i >= 0 {
		out.Instead = g.nodes[i].ID
	}
	return out
}
