package graph_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// forEachGraph runs a test on graphs of all densities.
func forEachGraph(t *testing.T, test func(t *testing.T, g *graph.Graph, n *naive)) {
	t.Helper()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		nodes := 1 + random.IntN(24)
		components, edges := randomLists(random, nodes, random.IntN(1+nodes*3))
		g := graph.FromLists(components, edges, graph.Options{})
		test(t, g, newNaive(g, components, edges))
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, edges)
		}
	}
}

// TestRetainedIsWhatIsLost compares the dominator tree with its definition.
func TestRetainedIsWhatIsLost(t *testing.T) {
	kept := 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		for _, id := range n.ids {
			want := n.kept(id)
			got := descendants(t, g, id)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s keeps (-naive +got):\n%s", id, diff)
			}
			h, err := g.Retained(id)
			if err != nil {
				t.Fatal(err)
			}
			counted := n.counted(want)
			all := n.counted(slices.Sorted(maps.Keys(n.reach([]string{id}, nil, nil))))
			all = slices.DeleteFunc(all, func(other string) bool { return other == id })
			var size int64
			for _, other := range counted {
				size += n.components[other].InstalledSize
			}
			if h.Retained != len(counted) || h.RetainedSize != size || h.Shared != len(all)-len(counted) {
				t.Fatalf("%s: %+v, want %d retained of %d bytes, %d shared", id, h, len(counted), size, len(all)-len(counted))
			}
			kept += len(counted)
		}
	})
	if kept == 0 {
		t.Error("no graph had anything that only one component keeps")
	}
}

func descendants(t *testing.T, g *graph.Graph, id string) (out []string) {
	t.Helper()
	queue := []string{id}
	for len(queue) > 0 {
		children, err := g.Retains(queue[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range children {
			if up, err := g.Retainer(c); err != nil || up != queue[0] {
				t.Fatalf("keeper of %s is %q (%v), want %q", c, up, err, queue[0])
			}
		}
		out = append(out, children...)
		queue = append(queue[1:], children...)
	}
	slices.Sort(out)
	return out
}

func TestTopIsOrderedAndComplete(t *testing.T) {
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		top, all := g.Top(0)
		if all != len(n.roots) || len(top) != all {
			t.Fatalf("%d of %d, want all %d roots", len(top), all, len(n.roots))
		}
		for i, h := range top {
			single, err := g.Retained(h.ID)
			if err != nil || single != h {
				t.Fatalf("%+v in the table, %+v alone", h, single)
			}
			if i > 0 && h.Retained > top[i-1].Retained {
				t.Fatalf("%+v comes after %+v", h, top[i-1])
			}
		}
		few, _ := g.Top(3)
		if diff := cmp.Diff(top[:len(few)], few); diff != "" {
			t.Fatalf("the first of the table are not those of a short one:\n%s", diff)
		}
	})
}

// TestPeelTakesTheHeaviest compares each step with all that could have been
// taken.
func TestPeelTakesTheHeaviest(t *testing.T) {
	steps := 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		roots := slices.Clone(n.roots)
		kept := func(roots []string) []string {
			return n.counted(slices.Sorted(maps.Keys(n.reach(roots, nil, nil))))
		}
		without := func(id string) []string {
			return slices.DeleteFunc(slices.Clone(roots), func(other string) bool { return other == id })
		}
		peeled := g.TopTogether(1000)
		for _, p := range peeled {
			before := len(kept(roots))
			if p.Reason == graph.Essential {
				t.Fatalf("%s is essential", p.ID)
			}
			for _, id := range roots {
				if n.components[id].InstallReason == sbom.ReasonEssential {
					continue
				}
				if leaves := before - len(kept(without(id))); leaves > p.Retained || id == p.ID && leaves != p.Retained {
					t.Fatalf("%+v, and %d leave with %s", p, leaves, id)
				}
			}
			roots = without(p.ID)
			if p.Remaining != len(kept(roots)) {
				t.Fatalf("%+v, and %d are left", p, len(kept(roots)))
			}
			steps++
		}
		for _, id := range roots {
			if n.components[id].InstallReason != sbom.ReasonEssential && len(kept(without(id))) < len(kept(roots)) {
				t.Fatalf("%s was not taken", id)
			}
		}
		if few := g.TopTogether(2); len(few) > 2 || !slices.Equal(few, peeled[:len(few)]) {
			t.Fatalf("%v of %v", few, peeled)
		}
	})
	if steps == 0 {
		t.Error("nothing was taken")
	}
}

// TestRootsCoverEverything: what counts is reached from a root or is an
// orphan; a root is presumed only where nothing is recorded, and nothing that
// another root leads to is presumed.
func TestRootsCoverEverything(t *testing.T) {
	seen := map[graph.Reason]int{}
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		r := g.Roots()
		reached := n.reach(n.roots, nil, nil)
		for _, id := range n.counted(n.ids) {
			if reached[id] == slices.Contains(r.Orphans, id) {
				t.Fatalf("%s: reached %v, orphan %v", id, reached[id], !reached[id])
			}
		}
		for _, root := range r.All {
			seen[root.Reason]++
			c := n.components[root.ID]
			var others []string
			for _, other := range n.roots {
				if other != root.ID {
					others = append(others, other)
				}
			}
			switch {
			case c.Owner != "":
				t.Fatalf("%s is inside and a root", c.ID)
			case root.Reason == graph.Presumed && c.InstallReason == sbom.ReasonDependency && !slices.Contains(r.Unknown, c.Type):
				t.Fatalf("%s came automatically and is presumed a root", c.ID)
			case root.Reason == graph.Presumed && n.reach(others, nil, nil)[c.ID]:
				t.Fatalf("%s is presumed a root, and others lead to it", c.ID)
			}
		}
		seen[graph.Orphan] += len(r.Orphans)
	})
	for _, reason := range []graph.Reason{graph.Explicit, graph.Essential, graph.Presumed, graph.Orphan} {
		if seen[reason] == 0 {
			t.Errorf("no graph had a root that is %s", reason)
		}
	}
}

func TestChainsAreTrueAndShortest(t *testing.T) {
	chains := 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		for _, id := range n.ids {
			for _, all := range []bool{false, true} {
				p, err := g.Why(id, graph.WhyOptions{All: all, Max: -1})
				if err != nil {
					t.Fatal(err)
				}
				chains += len(p.Chains)
				n.checkChains(t, id, all, p, followedBy(t, g.Rebuild()))
				short, err := g.Why(id, graph.WhyOptions{All: all, Max: 1})
				if err != nil {
					t.Fatal(err)
				}
				if len(short.Chains)+short.Cut != len(p.Chains) || len(short.Chains) > 1 {
					t.Fatalf("%s: %d chains and %d cut, want %d", id, len(short.Chains), short.Cut, len(p.Chains))
				}
			}
		}
	})
	if chains == 0 {
		t.Error("no chains at all")
	}
}

func (n *naive) checkChains(t *testing.T, id string, all bool, p *graph.Explanation, rebuilt func(graph.Edge) bool) {
	t.Helper()
	weak := func(c graph.Chain) bool {
		return !all && slices.ContainsFunc(c.Steps, func(e graph.Edge) bool { return !rebuilt(e) })
	}
	isRoot := func(id string) bool { return slices.Contains(n.roots, id) }
	reached := n.reach(n.roots, nil, nil)
	last := map[string]bool{}
	for i, c := range p.Chains {
		at := c.Root
		// With all, an orphan that needs the target has its chain too.
		if !all && reached[id] != isRoot(c.Root) || isRoot(c.Root) == (c.Reason == graph.Orphan) {
			t.Fatalf("%s: chain begins at %s (%s)", id, c.Root, c.Reason)
		}
		for _, e := range c.Steps {
			if e.From != at || !slices.ContainsFunc(n.edges, func(x graph.Edge) bool { return x.From == e.From && x.To == e.To && x.Kind == e.Kind }) {
				t.Fatalf("%s: no such edge: %v in %v", id, e, c)
			}
			at = e.To
			if !all && at != id && isRoot(at) {
				t.Fatalf("%s: a root in between: %v", id, c)
			}
		}
		if at != id {
			t.Fatalf("%s: chain ends at %s", id, at)
		}
		if i > 0 && c.Reason != graph.Orphan && !weak(c) && weak(p.Chains[i-1]) {
			t.Fatalf("%s: a chain of a rebuild comes after one that is none", id)
		}
		if i > 0 && c.Reason != graph.Orphan && weak(c) == weak(p.Chains[i-1]) && len(c.Steps) < len(p.Chains[i-1].Steps) {
			t.Fatalf("%s: chains are not sorted", id)
		}
		by := c.Root
		if all && len(c.Steps) > 0 {
			by = c.Steps[len(c.Steps)-1].From
		} else if all {
			by = id
		}
		if last[by] {
			t.Fatalf("%s: two chains for %s", id, by)
		}
		last[by] = true
	}
	// The first chain is as short as any, of those of a rebuild where there is
	// one.
	follows := func(graph.Edge) bool { return true }
	if !all && n.reach(n.roots, nil, rebuilt)[id] {
		follows = rebuilt
	}
	from := n.roots
	if !reached[id] {
		return
	}
	far := 0
	level := n.reach(from, nil, func(graph.Edge) bool { return false })
	for ; !level[id]; far++ {
		next := maps.Clone(level)
		for _, e := range n.edges {
			if level[e.From] && follows(e) {
				next[e.To] = true
			}
		}
		level = next
	}
	if len(p.Chains) == 0 || len(p.Chains[0].Steps) != far {
		t.Fatalf("%s: first of %d chains, want one of %d edges", id, len(p.Chains), far)
	}
	if all {
		needers := map[string]bool{}
		for _, e := range n.edges {
			if e.To == id && e.From != id {
				needers[e.From] = true
			}
		}
		through := len(p.Chains)
		if isRoot(id) {
			through--
		}
		// Those that are bundled in it, and that no other chain leads to, do not
		// need it.
		if p.NeededBy > len(needers) || all && p.NeededBy < len(needers)-n.bundledIn(id) || through+p.Circular != p.NeededBy {
			t.Fatalf("%s: needed by %d, %d chains, %d circular, want %d", id, p.NeededBy, through, p.Circular, len(needers))
		}
	}
	for _, keeper := range p.RetainedBy {
		if n.reach(n.roots, map[string]bool{keeper: true}, nil)[id] {
			t.Fatalf("%s is there without %s", id, keeper)
		}
	}
}

// top returns the component that another one is bundled in, itself if in none.
func (n *naive) top(id string) string {
	for n.components[id].Owner != "" {
		id = n.components[id].Owner
	}
	return id
}

// bundledIn returns the number of components with the same owner at the top.
func (n *naive) bundledIn(id string) int {
	count := 0
	for _, other := range n.ids {
		if n.top(other) == n.top(id) && other != id {
			count++
		}
	}
	return count
}

func TestWhatIfIsItsDefinition(t *testing.T) {
	seen := map[graph.Because]int{}
	breaks, stays := 0, 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		random := rand.New(rand.NewPCG(uint64(len(n.edges)), 9))
		for range 5 {
			var remove []string
			for range 1 + random.IntN(3) {
				remove = append(remove, n.ids[random.IntN(len(n.ids))])
			}
			c, err := g.Without(remove, graph.WhatIf{})
			if len(n.counted(remove)) < len(remove) {
				if inside := (*graph.BundledError)(nil); !errors.As(err, &inside) {
					t.Fatalf("without %v: %v", remove, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			want := n.without(remove)
			got := map[string]graph.Because{}
			for _, l := range c.Removed {
				got[l.ID] = l.Because
				seen[l.Because]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("without %v (-naive +got):\n%s", remove, diff)
			}
			left := 0
			for _, id := range n.counted(n.ids) {
				if want[id] == "" {
					left++
				}
			}
			if c.Remaining != left || c.Remaining+c.Count != len(n.counted(n.ids)) {
				t.Fatalf("without %v: %d left and %d gone of %d", remove, c.Remaining, c.Count, len(n.counted(n.ids)))
			}
			n.checkBreaks(t, c, want)
			breaks += len(c.Breaks)
			for _, b := range c.Breaks {
				if b.Stays {
					stays++
				}
			}
		}
	})
	for _, because := range []graph.Because{graph.Requested, graph.Broken, graph.Unneeded, graph.Orphaned} {
		if seen[because] == 0 {
			t.Errorf("nothing left because it is %s", because)
		}
	}
	if breaks == 0 || stays == 0 {
		t.Errorf("%d breaks, %d of which stay", breaks, stays)
	}
}

// checkBreaks: each thing that broke has an unmet need that is named, and
// nothing else is named.
func (n *naive) checkBreaks(t *testing.T, c *graph.Removal, gone map[string]graph.Because) {
	t.Helper()
	named := map[string]bool{}
	for _, b := range c.Breaks {
		named[b.From] = true
		if gone[b.To] == "" || !hard(b.Edge) {
			t.Fatalf("%v is no break", b)
		}
		if b.Stays == (gone[b.From] != "") {
			t.Fatalf("%v: stays %v, gone %q", b, b.Stays, gone[b.From])
		}
	}
	for _, id := range n.ids {
		broken := gone[id] == graph.Broken && n.components[id].Owner == ""
		if gone[id] == "" && n.components[id].Owner != "" {
			// Only what leaves before the sweep breaks anything, and what the
			// sweep takes is needed by nothing that stays.
			broken = len(n.unmet(id, gone)) > 0
		}
		if broken != named[id] {
			t.Fatalf("%s: broken %v, named %v", id, broken, named[id])
		}
	}
}

func TestOnlyKeepsWhatIsNeeded(t *testing.T) {
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		id := n.ids[len(n.ids)/2]
		for _, follow := range []graph.Follow{graph.FollowNeeds, graph.FollowRecommends, graph.FollowSuggests} {
			c, err := g.Only([]string{id}, graph.WhatIf{Follow: follow})
			if err != nil {
				t.Fatal(err)
			}
			from := []string{id}
			for _, other := range n.counted(n.ids) {
				if n.components[other].InstallReason == sbom.ReasonEssential {
					from = append(from, other)
				}
			}
			stays := n.reach(from, nil, func(e graph.Edge) bool {
				return e.Kind != "suggests" && e.Kind != "recommends" || follow == graph.FollowSuggests || e.Kind == "recommends" && follow == graph.FollowRecommends
			})
			for _, l := range c.Removed {
				if stays[l.ID] {
					t.Fatalf("only %s: %s leaves", id, l.ID)
				}
			}
			if len(c.Removed)+len(stays) != len(n.ids) {
				t.Fatalf("only %s: %d leave, %d stay of %d", id, len(c.Removed), len(stays), len(n.ids))
			}
		}
	})
}

// TestSplitIsClosed: every part has what its members need, one satisfier of
// each requirement at least, and nothing that a part without choices would
// not have.
func TestSplitIsClosed(t *testing.T) {
	choices := 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		var parts []graph.Part
		for i := 0; i < len(n.ids); i += 1 + len(n.ids)/3 {
			parts = append(parts, graph.Part{Name: n.ids[i], IDs: n.ids[i : i+1]})
		}
		s, err := g.Split(parts, graph.SplitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		choices += len(s.Choices)
		var essential []string
		for _, id := range n.counted(n.ids) {
			if n.components[id].InstallReason == sbom.ReasonEssential {
				essential = append(essential, id)
			}
		}
		base := n.reach(essential, nil, hard)
		total := s.Essential.Count + s.Unneeded.Count
		for _, o := range s.Overlaps {
			total += o.Count
			if o.Count != len(o.IDs) {
				t.Fatalf("%+v", o)
			}
		}
		if total != len(n.counted(n.ids)) {
			t.Fatalf("%d of %d are in the table: %+v", total, len(n.counted(n.ids)), s)
		}
		for i, p := range s.Parts {
			most := n.reach(append(slices.Clone(essential), parts[i].IDs...), nil, hard)
			if p.Total.Count != s.Essential.Count+len(p.IDs) || p.Alone.Count+p.Shared.Count != len(p.IDs) {
				t.Fatalf("%+v of %+v", p, s)
			}
			for _, id := range p.IDs {
				if !most[id] {
					t.Fatalf("%s does not need %s", p.Name, id)
				}
			}
			if !slices.ContainsFunc(n.edges, func(e graph.Edge) bool { return e.Group != 0 }) {
				for id := range most {
					if n.components[id].Owner == "" && !slices.Contains(p.IDs, id) && !base[id] {
						t.Fatalf("%s needs %s", p.Name, id)
					}
				}
			}
			// The answer has the counted components, but not the bundled ones:
			// check those whose needs all count.
			in := maps.Clone(base)
			gone := map[string]graph.Because{}
			for _, id := range p.IDs {
				in[id] = true
			}
			for _, id := range n.ids {
				if !in[id] && n.components[id].Owner == "" {
					gone[id] = graph.Requested
				}
			}
			for _, id := range p.IDs {
				if unmet := n.unmet(id, gone); len(unmet) > 0 {
					t.Fatalf("part %s has %s, and not what it needs: %v", p.Name, id, unmet)
				}
			}
		}
	})
	if choices == 0 {
		t.Error("nothing had to be chosen")
	}
}

// TestIntroductionsAreWhatANewComponentLeadsTo compares groups with their
// definition: among the new components, along the edges that a rebuild follows.
func TestIntroductionsAreWhatANewComponentLeadsTo(t *testing.T) {
	brought, shared, needed, mentioned := 0, 0, 0, 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		random := rand.New(rand.NewPCG(uint64(len(n.edges)), 5))
		var fresh []string
		isFresh := map[string]bool{}
		for _, id := range n.counted(n.ids) {
			if random.IntN(2) == 0 {
				fresh = append(fresh, id)
				isFresh[id] = true
			}
		}
		top := func(id string) string {
			for n.components[id].Owner != "" {
				id = n.components[id].Owner
			}
			return id
		}
		follows := followedBy(t, g.Rebuild())
		among := func(e graph.Edge) bool { return isFresh[top(e.From)] && isFresh[top(e.To)] && follows(e) }
		groups := g.Introductions(fresh)
		var heads, listed []string
		var roots []string
		for _, group := range groups {
			if group.Reason != "" && group.Reason != graph.Orphan || len(group.NeededBy) > 0 {
				roots = append(roots, group.ID)
			}
		}
		explained := n.reach(roots, nil, among)
		for _, group := range groups {
			if len(group.SharedBy) == 0 || group.Reason != "" || len(group.NeededBy) > 0 {
				heads = append(heads, group.ID)
			}
		}
		for _, group := range groups {
			listed = append(append(listed, group.ID), group.Introduces...)
			// What nothing explains does not share what is explained.
			first := func(e graph.Edge) bool { return among(e) && (explained[e.From] || !explained[e.To]) }
			without, inside := map[string]bool{}, false
			for _, id := range n.ids {
				without[id] = top(id) == group.ID
			}
			for _, e := range n.edges {
				inside = inside || e.Kind != graph.KindContains && n.components[e.To].Owner != ""
			}
			rest := n.reach(heads, without, first)
			for _, id := range fresh {
				if in := slices.Contains(group.Introduces, id); in == rest[id] && id != group.ID && (in || !inside && n.reach([]string{group.ID}, nil, first)[id]) {
					t.Fatalf("%s introduces %s: %t, and it is there without: %t", group.ID, id, in, rest[id])
				}
			}
			for _, id := range group.NeededBy {
				if isFresh[id] {
					t.Fatalf("%s is new and explains %s as an old one", id, group.ID)
				}
			}
			if group.Mention != nil && (group.Reason == graph.Explicit || len(group.NeededBy)+len(group.SharedBy) > 0) {
				t.Fatalf("%s is explained, and mentioned by %s", group.ID, group.Mention.From)
			}
			brought += len(group.Introduces)
			shared += len(group.SharedBy)
			needed += len(group.NeededBy)
			if group.Mention != nil {
				mentioned++
			}
		}
		slices.Sort(listed)
		if !slices.Equal(listed, fresh) {
			t.Fatalf("groups have %v, want %v", listed, fresh)
		}
	})
	if brought == 0 || shared == 0 || needed == 0 || mentioned == 0 {
		t.Errorf("%d were brought, %d groups are shared, %d needed by old ones, %d mentioned", brought, shared, needed, mentioned)
	}
}

// followedBy returns the edges that a graph follows: those of its view.
func followedBy(t *testing.T, g *graph.Graph) func(graph.Edge) bool {
	t.Helper()
	type pair struct {
		from, to, kind string
		group          int
	}
	in := map[pair]bool{}
	for _, e := range g.All(graph.ViewOptions{Nodes: -1, Edges: -1}).Edges {
		in[pair{e.From, e.To, "", 0}] = true
		if e.Kind == graph.KindContains {
			in[pair{e.To, e.From, "", 0}] = true
		}
	}
	return func(e graph.Edge) bool { return in[pair{e.From, e.To, "", 0}] }
}

// TestOneNumber: what a root retains in a rebuild, how much smaller a rebuild
// without it is, and what it introduces when everything is new, are one number.
func TestOneNumber(t *testing.T) {
	compared, introduced := 0, 0
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		r := g.Rebuild()
		groups := map[string]graph.Introduction{}
		for _, group := range g.Introductions(n.counted(n.ids)) {
			groups[group.ID] = group
		}
		orphans := r.Roots().Orphans
		for _, id := range n.counted(n.ids) {
			if slices.Contains(orphans, id) {
				continue
			}
			h, err := r.Retained(id)
			if err != nil {
				t.Fatal(err)
			}
			c, err := g.RebuildWithout([]string{id})
			if err != nil {
				t.Fatal(err)
			}
			requested := 0
			for _, x := range c.Removed {
				if x.Because == graph.Requested && x.Bundled == "" && slices.Contains(orphans, x.ID) {
					requested++
				}
			}
			if c.Count+c.Remaining+len(orphans) != len(n.counted(n.ids)) || c.Orphans > len(orphans) {
				t.Fatalf("without %s: %d removed, %d remain, %d orphans of %d", id, c.Count, c.Remaining, len(orphans), len(n.counted(n.ids)))
			}
			if len(c.Breaks) > 0 {
				continue
			}
			// A recommendation of a bundled component breaks nothing when the
			// component goes with its owner; a chain through it is not a chain
			// through the owner.
			if slices.ContainsFunc(n.edges, func(e graph.Edge) bool {
				return e.Kind == "recommends" && n.components[e.To].Owner != ""
			}) {
				continue
			}
			if c.Count != h.Retained+1 {
				t.Fatalf("%s retains %d, and a rebuild without it has %d fewer: %+v", id, h.Retained, c.Count, c.Removed)
			}
			compared++
			if group, ok := groups[id]; ok && h.Reason != "" {
				if len(group.Introduces) != h.Retained {
					t.Fatalf("%s introduces %v, and retains %d", id, group.Introduces, h.Retained)
				}
				introduced += h.Retained
			}
		}
	})
	if compared == 0 || introduced == 0 {
		t.Errorf("%d numbers compared, %d introduced", compared, introduced)
	}
}

func TestAroundIsWithinReach(t *testing.T) {
	forEachGraph(t, func(t *testing.T, g *graph.Graph, n *naive) {
		id := n.ids[0]
		for depth := range 4 {
			want := map[string]bool{id: true}
			for _, back := range []bool{false, true} {
				level := map[string]bool{id: true}
				for range depth {
					next := maps.Clone(level)
					for _, e := range n.edges {
						if back && level[e.To] {
							next[e.From] = true
						}
						if !back && level[e.From] {
							next[e.To] = true
						}
					}
					level = next
				}
				maps.Copy(want, level)
			}
			v, err := g.Around(id, depth, graph.ViewOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, node := range v.Nodes {
				got = append(got, node.ID)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), got); diff != "" {
				t.Fatalf("%d around %s (-naive +got):\n%s", depth, id, diff)
			}
			small, err := g.Around(id, depth, graph.ViewOptions{Nodes: 3, Edges: 2})
			if err != nil {
				t.Fatal(err)
			}
			if len(small.Nodes)+small.CutNodes != len(v.Nodes) || len(small.Nodes) > 3 || len(small.Edges) > 2 ||
				!slices.ContainsFunc(small.Nodes, func(n graph.ViewNode) bool { return n.Focus }) {
				t.Fatalf("%d around %s is cut to %+v, from %d", depth, id, small, len(v.Nodes))
			}
		}
	})
}

// TestOrderOfInputDoesNotMatter: answers are the same to the byte, whatever
// the order of the lists.
func TestOrderOfInputDoesNotMatter(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		components, edges := randomLists(random, 20, 50)
		want := everything(t, graph.FromLists(components, edges, graph.Options{}))
		random.Shuffle(len(components), func(i, j int) { components[i], components[j] = components[j], components[i] })
		random.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
		g := graph.FromLists(components, edges, graph.Options{})
		for range 2 { // and however often it is asked
			if got := everything(t, g); got != want {
				t.Fatalf("seed %d: %s", seed, cmp.Diff(want, got))
			}
		}
	}
}

// everything asks a graph everything.
func everything(t testing.TB, g *graph.Graph) string {
	t.Helper()
	var answers []any
	keep := func(answer any, err error) {
		if inside := (*graph.BundledError)(nil); err != nil && !errors.As(err, &inside) {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	top, _ := g.Top(0)
	roots := g.Roots()
	view := g.All(graph.ViewOptions{})
	answers = append(answers, roots, top, g.TopTogether(5), view, g.Len(), g.Edges())
	var ids []string
	var parts []graph.Part
	for _, n := range view.Nodes {
		ids = append(ids, n.ID)
		if len(parts) < 5 {
			parts = append(parts, graph.Part{Name: n.Name, IDs: []string{n.ID}})
		}
	}
	for i, id := range ids {
		if i == 30 {
			break
		}
		keep(g.Why(id, graph.WhyOptions{}))
		keep(g.Why(id, graph.WhyOptions{All: true}))
		keep(g.Without([]string{id}, graph.WhatIf{}))
		keep(g.Only([]string{id}, graph.WhatIf{}))
		keep(g.Around(id, 2, graph.ViewOptions{Nodes: 10}))
		keep(g.Retains(id))
		if name := g.Component(id).Name; name != "" {
			keep(g.Find(name))
		}
	}
	if len(parts) > 0 {
		keep(g.Split(parts, graph.SplitOptions{}))
	}
	answers = append(answers, g.Introductions(ids[:len(ids)/2]))
	text, err := json.Marshal(answers)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
