// Package graph answers questions over the components of one document: why is
// a component installed, what do the roots retain, what does a removal take
// with it, what does a part need alone, which new components introduce others.
//
// # The graph
//
// A node is a component, counted or bundled. An edge is a satisfied need: From
// needs To. Its kind is a string, as in the document, so that an unknown kind
// is followed like any other need. Only four kinds have a meaning: recommends
// and suggests retain their target but do not break without it, contains and
// bundled come from the owners of components. A bundled component is installed
// and removed with its owner, and a component that needs it needs the owner.
//
// One requirement may have several satisfiers, as for "a | b" when both are
// installed. All of them are followed, since each of them stays installed; the
// component that needs them breaks when the last one is removed. The document
// groups them ([sbom.Relation.Group]); where it does not, as in documents of
// other tools, each edge is a requirement.
//
// Documents are untrusted. Rings, edges from a component to itself, several
// edges between two components, and two versions of one name are ordinary;
// inconsistent entries are left out and counted in [Faults].
//
// # Words
//
// A component introduces those that a rebuild without it would not have: they
// are what it retains in the graph of a rebuild ([Graph.Rebuild]). In the graph
// of the document it retains those that autoremove would take after it.
//
// # Roots
//
// Why, what-if and dominators start from the roots: explicit and essential
// packages, and those that the caller names. Where install reasons are not
// recorded, some packages are presumed to be roots, and the answer has that:
// see [Roots].
//
// # Cost
//
// Nodes and edges are numbers in a few flat arrays, in both directions
// (compressed sparse rows), sorted by the IDs of the components. So every
// traversal is linear, without recursion, and the same for the same document.
// A [Graph] does not change after it is made and may be used by several
// goroutines.
//
// The package does not rate its answers, and writes no text for people except
// the four formats of [View], each of which escapes the names that it writes.
package graph

import (
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom"
)

// Options are the facts that a document does not have.
type Options struct {
	// Roots are the IDs of components that the stage uses directly, for
	// instance the owners of its commands.
	Roots []string
	// Follow selects the edges that retain a component; by default all, as for
	// apt.
	Follow Follow
}

// Follow selects the kinds of edges that are followed.
type Follow uint8

const (
	// FollowDefault is the usual value of a question.
	FollowDefault Follow = iota
	// FollowNeeds follows needs.
	FollowNeeds
	// FollowRecommends follows recommendations too.
	FollowRecommends
	// FollowSuggests follows suggestions as well. apt retains packages for
	// them, unless it is configured otherwise: see [sbom.Apt]. Those settings
	// apply to FollowDefault.
	FollowSuggests
)

// class is the strongest class of edges that is followed.
func (f Follow) class(otherwise Follow) class {
	if f == FollowDefault {
		f = otherwise
	}
	switch f {
	case FollowNeeds:
		return needs
	case FollowRecommends:
		return recommends
	}
	return suggests
}

// Graph is the dependency graph of one document. Make it with [New].
type Graph struct {
	nodes []*sbom.Component // sorted by ID
	index map[string]int32
	owner []int32 // the direct owner of each node, or -1

	edges    edges
	outStart []int32 // edges from node i are outStart[i] to outStart[i+1]
	inStart  []int32 // those to node i are inEdge[inStart[i]:inStart[i+1]]
	inEdge   []int32
	kinds    []string
	labels   []label

	// The edges of requirement i, which has several satisfiers, are
	// groupEdge[groupStart[i]:groupStart[i+1]]. Requirement 0 has all edges
	// that are a requirement of their own.
	groupStart []int32
	groupEdge  []int32

	follow class
	apt    sbom.Apt
	// recorded is set when the first path of a component is the record of its
	// edges without a file.
	recorded bool
	roots    rootSet
	faults   Faults
	tree     func() *dominatorTree
	rebuild  func() *Graph
}

// New makes the graph of a document.
func New(doc *sbom.Document, opts Options) *Graph {
	g := newGraph(doc.Components, func(yield func(Edge) bool) {
		for _, r := range doc.Relations {
			if !yield(Edge{From: r.From, To: r.To, Kind: string(r.Kind), Via: r.Via, File: r.File, Group: r.Group}) {
				return
			}
		}
	}, opts, doc.Environment.Apt)
	// In a third-party document, which always has limitations, the document is
	// the record.
	g.recorded = len(doc.Limitations) == 0
	return g
}

// FromLists makes a graph of components and edges that need not come from a
// document: inconsistent entries are left out and counted.
func FromLists(components []sbom.Component, edges []Edge, opts Options) *Graph {
	return newGraph(components, slices.Values(edges), opts, sbom.Apt{})
}

func newGraph(components []sbom.Component, list func(func(Edge) bool), opts Options, apt sbom.Apt) *Graph {
	g := &Graph{follow: opts.Follow.class(FollowSuggests), apt: apt}
	g.addNodes(components)
	g.addEdges(list)
	if opts.Follow == FollowDefault {
		g.forgetUnimportant()
	}
	g.findRoots(opts.Roots)
	g.tree = sync.OnceValue(func() *dominatorTree { return g.dominators(g.roots.list) })
	g.rebuild = sync.OnceValue(g.newRebuild)
	return g
}

// forgetUnimportant stops following what autoremove does not by apt's settings.
func (g *Graph) forgetUnimportant() {
	for e, from := range g.edges.from {
		unimportant := g.edges.class[e] == recommends && g.apt.TakeRecommended || g.edges.class[e] == suggests && g.apt.TakeSuggested
		if unimportant && g.nodes[from].Type == "deb" {
			g.edges.class[e] = never
		}
	}
}

// Len returns the number of components, bundled ones included.
func (g *Graph) Len() int { return len(g.nodes) }

// Edges returns the number of edges, those between owners and bundled components
// included.
func (g *Graph) Edges() int {
	n := 0
	for e := range g.edges.to {
		if !g.edges.shadow[e] {
			n++
		}
	}
	return n
}

// Component returns the component with that ID, or nil.
func (g *Graph) Component(id string) *sbom.Component {
	if i, ok := g.index[id]; ok {
		return g.nodes[i]
	}
	return nil
}

// Faults returns the inconsistent entries.
func (g *Graph) Faults() Faults { return g.faults }

// Faults counts the inconsistent entries that a graph was made without. A document that [sbom.New]
// made has none.
type Faults struct {
	// Edges is the number of edges with an end that is not a component; Examples
	// are the first of them.
	Edges    int    `json:"edges,omitempty"`
	Examples []Edge `json:"examples,omitempty"`
	// Components is the number of components with the ID of another one.
	Components int `json:"components,omitempty"`
	// Owners is the number of components whose owner is not a component.
	Owners int `json:"owners,omitempty"`
}

// maxExamples is the number of equal faults that are worth reading.
const maxExamples = 10

// Edge is one edge of the graph.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	Kind string `json:"kind"`
	// Via is the requirement as it was stated, when To satisfies it under
	// another name or as one of several.
	Via string `json:"via,omitempty"`
	// File is the path of the record that states it, if known.
	File string `json:"file,omitempty"`
	// Group is a number for one requirement of From that has several
	// satisfiers: edges of the same From and Group are alternatives. 0 is a
	// requirement with a single satisfier.
	Group int `json:"group,omitempty"`
	// Instead is the ID of the satisfier of that requirement that a rebuild
	// installs, when it is another one than To.
	Instead string `json:"instead,omitempty"`
}

func (g *Graph) node(id string) (int32, error) {
	if i, ok := g.index[id]; ok {
		return i, nil
	}
	return -1, &UnknownError{ID: id, Near: g.near(id)}
}

// nodesOf looks several IDs up: sorted, each once.
func (g *Graph) nodesOf(ids []string) ([]int32, error) {
	out := make([]int32, 0, len(ids))
	for _, id := range ids {
		i, err := g.node(id)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// UnknownError is the error for an ID or a word that no component has.
type UnknownError struct {
	ID string
	// Near are the IDs of components with similar names, the most similar first.
	Near []string
}

func (e *UnknownError) Error() string {
	s := "no component " + quote(e.ID)
	if len(e.Near) > 0 {
		near := make([]string, len(e.Near))
		for i, id := range e.Near {
			near[i] = quote(id)
		}
		s += " (did you mean " + strings.Join(near, ", ") + "?)"
	}
	return s
}

func (g *Graph) counts(i int32) bool { return g.nodes[i].Counts() }

// size is the installed size. A negative one is no size.
func (g *Graph) size(i int32) int64 { return max(0, g.nodes[i].InstalledSize) }

// add adds sizes that may be anything without turning negative.
func add(a, b int64) int64 {
	if s := a + b; s >= a {
		return s
	}
	const most = 1<<63 - 1
	return most
}

func (g *Graph) ids(list []int32) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = g.nodes[n].ID
	}
	return out
}
