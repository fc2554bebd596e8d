package graph

import (
	"slices"
	"sync"

	"github.com/depaudit/depaudit/sbom"
)

// never is the class of an edge that is not followed: by a rebuild, or by
// autoremove with the settings of apt.
const never = suggests + 1

// Rebuild returns the graph of an installation from nothing of the same roots.
// A release stage is rebuilt and not autoremoved, so the size of a rebuild is
// the number that counts. All questions of the package can be answered with
// either graph; the graphs have the same components, and the rebuild's follows
// fewer edges:
//
//   - A suggestion installs nothing.
//   - A requirement with several satisfiers installs one: one that is installed
//     anyway, or the one that is named first. One that nothing else explains
//     was chosen. The edges to the others are only followed if they would be
//     installed when that one is removed.
//   - Recommendations install nothing for an ecosystem in which nothing is
//     installed for a recommendation alone: the stage was made without them
//     ("apt-get install --no-install-recommends"), or apt is configured so.
//   - Recommendations of Debian's essential packages come last. debootstrap,
//     which installs these packages, does not read recommendations, and apt does
//     not go back to those of an installed package.
//
// Its orphans ([Roots.Orphans]) are the components that a rebuild does not have
// even now.
func (g *Graph) Rebuild() *Graph { return g.rebuild() }

func (g *Graph) newRebuild() *Graph {
	r := *g
	r.follow = recommends
	r.edges.class = make([]class, len(g.edges.kind))
	for e, kind := range g.edges.kind {
		r.edges.class[e] = classOf(g.kinds[kind])
	}
	r.rebuild = func() *Graph { return &r }
	installed := r.dropRecommendations()
	installed.explainAlternatives()
	installed = r.presumeRoots(installed)
	r.chooseSatisfiers(installed)
	r.roots.orphan = make([]bool, len(r.nodes))
	for i, in := range installed.in {
		r.roots.orphan[i] = !in
	}
	r.tree = sync.OnceValue(func() *dominatorTree { return r.dominators(r.roots.list) })
	r.restoreSatisfiers()
	return &r
}

// install returns what an installation of some components installs.
func (g *Graph) install(roots []int32, follow class) *closure {
	c := g.newClosure(follow)
	c.close(roots)
	return c
}

// dropRecommendations stops following recommendations that installed nothing,
// and returns what the others install.
func (g *Graph) dropRecommendations() *closure {
	needed, all := g.install(g.roots.list, needs), g.install(g.roots.list, recommends)
	installs := map[string]bool{} // types
	for e, to := range g.edges.to {
		from := g.edges.from[e]
		if g.edges.class[e] == recommends && all.in[from] && all.in[to] && !needed.in[to] {
			installs[g.nodes[from].Type] = true
		}
	}
	var last []int32
	for e, from := range g.edges.from {
		c := g.nodes[from]
		switch {
		case g.edges.class[e] != recommends:
		case !installs[c.Type], c.Type == "deb" && g.apt.NoRecommends:
			g.edges.class[e] = never
		case c.Type == "deb" && c.InstallReason == sbom.ReasonEssential:
			g.edges.class[e] = never
			last = append(last, int32(e))
		}
	}
	installed := g.install(g.roots.list, recommends)
	restored := false
	for _, e := range last {
		if !installed.in[g.edges.to[e]] {
			g.edges.class[e] = recommends
			restored = true
		}
	}
	if restored {
		installed = g.install(g.roots.list, recommends)
	}
	return installed
}

// presumeRoots adds roots of types without recorded install reasons: what is
// only suggested there was installed on request.
func (g *Graph) presumeRoots(installed *closure) *closure {
	recorded := g.recordedTypes()
	g.roots.reason, g.roots.heads = slices.Clone(g.roots.reason), nil
	presumed := false
	for _, ring := range g.sources(installed.in) {
		i := slices.IndexFunc(ring, func(i int32) bool {
			c := g.nodes[i]
			return c.Counts() && (c.InstallReason == sbom.ReasonUnknown || !recorded[c.Type])
		})
		if i < 0 {
			g.roots.heads = append(g.roots.heads, ring[0])
			continue
		}
		g.roots.reason[ring[i]] = Presumed
		presumed = true
	}
	if !presumed {
		return installed
	}
	g.roots.list = g.rootList()
	installed = g.install(g.roots.list, recommends)
	installed.explainAlternatives()
	return installed
}

// explainAlternatives adds satisfiers of requirements that something else
// satisfies too, where nothing else explains them: the package manager has
// chosen them at the time. Those that are named first come first.
func (c *closure) explainAlternatives() {
	for _, first := range []bool{true, false} {
		for at := 0; at < len(c.order); at++ {
			i := c.order[at]
			for e := c.outStart[i]; e < c.outStart[i+1]; e++ {
				to := c.edges.to[e]
				if c.edges.group[e] == 0 || c.edges.class[e] > c.follow || c.in[to] {
					continue
				}
				if names := alternatives(c.text(e)); first && (len(names) == 0 || names[0] != c.nodes[to].Name) {
					continue
				}
				c.chosen = append(c.chosen, e)
				c.close([]int32{to})
			}
		}
	}
}

// chooseSatisfiers keeps one edge of each requirement with several satisfiers, or
// more where more have no other explanation.
func (g *Graph) chooseSatisfiers(installed *closure) {
	chosen, decided := make([]bool, len(g.edges.to)), make([]bool, len(g.groupStart))
	for _, e := range installed.chosen {
		chosen[e], decided[g.edges.group[e]] = true, true
	}
	for group := 1; group < len(g.groupStart)-1; group++ {
		edges := g.groupEdge[g.groupStart[group]:g.groupStart[group+1]]
		if len(edges) == 0 || !installed.in[g.edges.from[edges[0]]] {
			continue
		}
		if !decided[group] {
			chosen[installed.bestMember(edges)] = true
		}
		for _, e := range edges {
			if !chosen[e] {
				g.edges.class[e] = never
			}
		}
	}
}

// bestMember returns the edge of a requirement to a member that is most certain
// to stay: a root, then the one that the requirement names first.
func (c *closure) bestMember(edges []int32) int32 {
	names := alternatives(c.text(edges[0]))
	rank := func(e int32) int {
		to := c.edges.to[e]
		at := slices.Index(names, c.nodes[to].Name)
		if at < 0 {
			at = len(names)
		}
		switch {
		case !c.in[to]:
			return 3*len(names) + 3 + at
		case c.roots.reason[to] == Essential:
			return at
		case c.roots.reason[to] != "":
			return len(names) + 1 + at
		}
		return 2*len(names) + 2 + at
	}
	return slices.MinFunc(edges, func(a, b int32) int { return rank(a) - rank(b) })
}

// restoreSatisfiers follows the edges to other satisfiers of a requirement that
// only the chosen one retains: they are installed in its place when it is
// removed. That makes the number of each component exact, since what a
// component retains only becomes less.
func (g *Graph) restoreSatisfiers() {
	if len(g.groupStart) < 3 {
		return
	}
	t := g.tree()
	in := t.intervals()
	restored := false
	for group := 1; group < len(g.groupStart)-1; group++ {
		edges := g.groupEdge[g.groupStart[group]:g.groupStart[group+1]]
		chosen := int32(-1)
		for _, e := range edges {
			if g.edges.class[e] < never {
				chosen = e
			}
		}
		if chosen < 0 {
			continue
		}
		own := in[t.number[g.edges.to[chosen]]]
		for _, e := range edges {
			v := t.number[g.edges.to[e]]
			if g.edges.class[e] == never && v != 0 && in[v].start > own.start && in[v].start < own.end {
				g.edges.class[e] = g.edges.class[chosen]
				restored = true
			}
		}
	}
	if restored {
		g.tree = sync.OnceValue(func() *dominatorTree { return g.dominators(g.roots.list) })
	}
}

// instead returns the satisfier of a requirement that a rebuild chooses, when
// it is not the one that an edge leads to, else -1.
func (g *Graph) instead(e int32) int32 {
	r := g.rebuild()
	if g.edges.group[e] == 0 || r.edges.class[e] != never {
		return -1
	}
	for _, other := range g.satisfiers(e) {
		if r.edges.class[other] < never {
			return g.edges.to[other]
		}
	}
	return -1
}
