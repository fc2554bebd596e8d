package graph

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// Default limits of a view. The tools that read these formats need minutes for
// the layout of more, and the result is not readable.
const (
	DefaultNodes = 2000
	DefaultEdges = 20000
)

// ViewOptions select the content of a view.
type ViewOptions struct {
	// Follow selects the edges that are drawn; by default those that the graph
	// follows.
	Follow Follow
	// Nodes and Edges are the limits, [DefaultNodes] and [DefaultEdges] if they
	// are 0, no limit if they are negative.
	Nodes, Edges int
	// NoBundled leaves out bundled components.
	NoBundled bool
}

// View is a part of the graph to be written in one of the formats. It is sorted
// by ID, and does not depend on the order of the search.
type View struct {
	Nodes []ViewNode `json:"nodes"`
	Edges []Edge     `json:"edges"`
	// CutNodes and CutEdges are the numbers of those beyond the limits. An
	// edge to a node that was cut is among the cut ones.
	CutNodes int `json:"cutNodes,omitempty"`
	CutEdges int `json:"cutEdges,omitempty"`
}

// ViewNode is a component in a view.
type ViewNode struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Kind    sbom.Kind `json:"kind"`
	Name    string    `json:"name"`
	Version string    `json:"version,omitempty"`
	// Label is the name with namespace and version, for people.
	Label string `json:"label"`
	// Reason is the reason of a root, or that of an orphan.
	Reason  Reason `json:"reason,omitempty"`
	Bundled string `json:"bundled,omitempty"`
	Size    int64  `json:"size,omitempty"`
	// Focus is true for the component that the view was made around.
	Focus bool `json:"focus,omitempty"`
}

// All returns a view of the whole graph. The components that are nearest to the
// roots come first, when the limits cut it.
func (g *Graph) All(opts ViewOptions) *View {
	return g.view(slices.Concat(g.roots.list, g.roots.heads), len(g.nodes), false, -1, opts)
}

// Around returns a view of the components that are at most depth edges away
// from one, in either direction: its needs and the components that need it, but
// not the other needs of those. The nearest come first, when the limits cut it.
// The error is an [*UnknownError].
func (g *Graph) Around(id string, depth int, opts ViewOptions) (*View, error) {
	i, err := g.node(id)
	if err != nil {
		return nil, err
	}
	return g.view([]int32{i}, max(0, depth), true, i, opts), nil
}

func (g *Graph) view(from []int32, depth int, both bool, focus int32, opts ViewOptions) *View {
	follow := opts.Follow.class(g.followed())
	nodes, cut := g.nearest(from, depth, both, follow, opts)
	v := &View{Nodes: []ViewNode{}, Edges: []Edge{}, CutNodes: cut}
	in := make([]bool, len(g.nodes))
	for _, i := range nodes {
		in[i] = true
	}
	limit := cmp.Or(opts.Edges, DefaultEdges)
	for _, i := range nodes {
		v.Nodes = append(v.Nodes, g.viewNode(i, focus))
		for e := g.outStart[i]; e < g.outStart[i+1]; e++ {
			to := g.edges.to[e]
			switch kind := g.kinds[g.edges.kind[e]]; {
			case g.edges.class[e] > follow || g.edges.shadow[e] || kind == KindBundled:
			case opts.NoBundled && g.owner[to] >= 0:
			case !in[to] && !both, in[to] && limit >= 0 && len(v.Edges) >= limit:
				v.CutEdges++
			case in[to]:
				v.Edges = append(v.Edges, g.edge(e))
			}
		}
	}
	return v
}

// followed returns the [Follow] that the graph was made with.
func (g *Graph) followed() Follow {
	switch g.follow {
	case needs:
		return FollowNeeds
	case recommends:
		return FollowRecommends
	}
	return FollowSuggests
}

func (g *Graph) viewNode(i, focus int32) ViewNode {
	c := g.nodes[i]
	n := ViewNode{ID: c.ID, Type: c.Type, Kind: c.Kind, Name: c.Name, Version: c.Version, Label: c.Label(), Size: g.size(i), Reason: g.roots.reason[i], Focus: i == focus}
	if g.roots.orphan[i] && g.counts(i) {
		n.Reason = Orphan
	}
	if o := g.owner[i]; o >= 0 {
		n.Bundled = g.nodes[o].ID
	}
	return n
}

// nearest returns the nodes up to a depth and within the limits, sorted, and
// the number of those over the limits. With both, it follows the edges in both
// directions, but does not change direction on a chain.
func (g *Graph) nearest(from []int32, depth int, both bool, follow class, opts ViewOptions) (nodes []int32, cut int) {
	limit := cmp.Or(opts.Nodes, DefaultNodes)
	taken := make([]bool, len(g.nodes))
	take := func(i int32) {
		switch {
		case taken[i] || opts.NoBundled && g.owner[i] >= 0:
			return
		case limit >= 0 && len(nodes) >= limit:
			cut++
		default:
			nodes = append(nodes, i)
		}
		taken[i] = true
	}
	type front struct {
		level     []int32
		seen      []bool
		backwards bool
	}
	fronts := []*front{{level: slices.Clone(from), seen: make([]bool, len(g.nodes))}}
	if both {
		fronts = append(fronts, &front{level: slices.Clone(from), seen: make([]bool, len(g.nodes)), backwards: true})
	}
	for _, i := range from {
		take(i)
		for _, f := range fronts {
			f.seen[i] = true
		}
	}
	for range depth {
		busy := false
		for _, f := range fronts {
			var next []int32
			visit := func(e, to int32) {
				if g.edges.class[e] <= follow && !f.seen[to] {
					f.seen[to] = true
					next = append(next, to)
				}
			}
			for _, i := range f.level {
				if f.backwards {
					for _, e := range g.inEdge[g.inStart[i]:g.inStart[i+1]] {
						visit(e, g.edges.from[e])
					}
					continue
				}
				for e := g.outStart[i]; e < g.outStart[i+1]; e++ {
					visit(e, g.edges.to[e])
				}
			}
			slices.Sort(next)
			for _, i := range next {
				take(i)
			}
			f.level = next
			busy = busy || len(next) > 0
		}
		if !busy {
			break
		}
	}
	if !both {
		// Nodes that are reachable from no root.
		for i := range int32(len(g.nodes)) {
			take(i)
		}
	}
	slices.Sort(nodes)
	return nodes, cut
}

// label returns the text of a node.
func (n *ViewNode) label() string {
	return plain(n.Label)
}

// text returns the text of an edge. A plain need, the normal case, has none.
func (e *Edge) text() string {
	s := ""
	if e.Kind != string(sbom.RelDepends) {
		s = plain(e.Kind)
	}
	if e.Via != "" {
		if s != "" {
			s += ": "
		}
		s += plain(e.Via)
	}
	return s
}

// weak reports whether an edge is drawn with a broken line.
func (e *Edge) weak() bool { return classOf(e.Kind) != needs }

// numbers numbers the nodes of a view, for formats with restricted identifiers.
func (v *View) numbers() map[string]int {
	at := make(map[string]int, len(v.Nodes))
	for i := range v.Nodes {
		at[v.Nodes[i].ID] = i
	}
	return at
}
