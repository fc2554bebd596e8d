package judge

import (
	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/sbom/graph"
)

// compareBaseline fills in the difference between the stage and its baseline,
// which is nil when there is none.
func (f *footprint) compareBaseline(s *audit.Stage, accepted *baseline.Stage) {
	g := &s.Growth
	if accepted == nil {
		return
	}
	g.Known, g.Baseline = true, len(accepted.Dependencies)
	if accepted.Method != s.Method {
		m := accepted.Method
		g.Method = &m
	}
	before, now := accepted.Dependencies, s.Accepted()
	var p growth.Parts
	if f.unjudged() {
		// Without the base, no dependency can be attributed to either part.
		d := growth.Difference(before, now)
		p = growth.Parts{Added: d.Added, Removed: d.Removed, Changed: d.Changed, Compared: append(d.Same, d.Changed...)}
	} else {
		p = growth.Compare(before, now, f.base.trusted())
		inBase := 0
		for i := range before {
			if before[i].OfBase() {
				inBase++
			}
		}
		if inBase > 0 || f.base != nil && f.base.problem == "" {
			g.Base = &audit.BaseGrowth{
				Baseline: inBase, Added: growth.IDs(p.BaseAdded), Removed: p.BaseRemoved,
				Changed: growth.Changes(p.BaseChanged), ToStage: growth.IDs(p.ToStage), ToBase: growth.IDs(p.ToBase),
			}
		}
	}
	g.Removed = append(g.Removed, p.Removed...)
	g.Changed = append(g.Changed, growth.Changes(p.Changed)...)
	g.Weaker = growth.Weaker(p.Compared)
	f.compared = p.Compared
	if len(p.Added) > 0 {
		g.Added = append(g.Added, growth.Group(f.graph(s), growth.IDs(p.Added))...)
	}
}

// graph returns the graph of the stage's dependencies.
func (f *footprint) graph(s *audit.Stage) *graph.Graph {
	edges := make([]graph.Edge, len(s.Relations))
	for i, r := range s.Relations {
		edges[i] = graph.Edge{From: r.From, To: r.To, Kind: string(r.Kind), Via: r.Via, Group: r.Group}
	}
	var roots []string
	for _, r := range s.Roots {
		if r.ID != "" {
			roots = append(roots, r.ID)
		}
	}
	return graph.FromLists(s.Components(), edges, graph.Options{Roots: roots})
}
