package audit

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// group puts new dependencies under the ones that brought them.
//
// The head of a group is a new dependency that was asked for, or that no
// other new one needs. Every other new one belongs to the first head, in
// order of identity, that reaches it over new ones without passing through
// another head; a head that reaches it later makes it shared. A ring of new
// ones that nothing leads to gets its first member as head. Each edge is
// followed at most twice, so the time is linear in the edges.
func group(f *footprint, added []Entry) []GrowthGroup {
	g := &grouping{footprint: f, fresh: make(map[string]bool, len(added)),
		needs: map[string][]string{}, neededBy: map[string][]string{},
		under: map[string]string{}, shared: map[string]bool{}}
	ids := make([]string, len(added))
	for i, e := range added {
		ids[i] = e.ID
		g.fresh[e.ID] = true
	}
	slices.Sort(ids)
	g.index()
	heads := g.heads(ids)
	for _, id := range heads {
		g.under[id] = id
	}
	for _, id := range heads {
		g.reach(id)
	}
	for _, id := range ids {
		if g.under[id] == "" {
			heads = append(heads, id)
			g.under[id] = id
			g.reach(id)
		}
	}
	return g.groups(heads, ids)
}

type grouping struct {
	*footprint
	fresh    map[string]bool     // the new ones
	needs    map[string][]string // edges between new ones
	neededBy map[string][]string // edges from those that were there before
	under    map[string]string   // the head of each
	shared   map[string]bool
}

func (g *grouping) index() {
	for _, r := range g.relations {
		switch {
		case !g.fresh[r.To] || r.From == r.To:
		case g.fresh[r.From]:
			g.needs[r.From] = append(g.needs[r.From], r.To)
		case g.byID[r.From].Provenance != FromInside:
			g.neededBy[r.To] = append(g.neededBy[r.To], r.From)
		}
	}
}

func (g *grouping) heads(ids []string) []string {
	needed := map[string]bool{}
	for _, to := range g.needs {
		for _, id := range to {
			needed[id] = true
		}
	}
	var heads []string
	for _, id := range ids {
		if !needed[id] || g.byID[id].Asked == string(sbom.AskedYes) {
			heads = append(heads, id)
		}
	}
	return heads
}

// reach walks from a head. A node is entered when it has no head yet, and
// once more when a second head makes it shared.
func (g *grouping) reach(head string) {
	stack := []string{head}
	for len(stack) > 0 {
		from := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, id := range g.needs[from] {
			switch under := g.under[id]; {
			case under == id || under == head || g.shared[id]:
				continue
			case under == "":
				g.under[id] = head
			default:
				g.shared[id] = true
			}
			stack = append(stack, id)
		}
	}
}

func (g *grouping) groups(heads, ids []string) []GrowthGroup {
	at := make(map[string]int, len(heads))
	out := make([]GrowthGroup, len(heads))
	for i, id := range heads {
		at[id] = i
		out[i] = GrowthGroup{ID: id, NeededBy: slices.Compact(slices.Sorted(slices.Values(g.neededBy[id])))}
		switch {
		case g.byID[id].Asked == string(sbom.AskedYes):
			out[i].Because = "asked"
		case len(out[i].NeededBy) > 0:
			out[i].Because = "auto"
		}
	}
	for _, id := range ids {
		head := g.under[id]
		if head == id {
			continue
		}
		group := &out[at[head]]
		group.Brings = append(group.Brings, id)
		if g.shared[id] {
			group.Shared = append(group.Shared, id)
		}
	}
	// The one that brought most is what a reader wants to know first.
	slices.SortFunc(out, func(a, b GrowthGroup) int {
		return cmp.Or(cmp.Compare(len(b.Brings), len(a.Brings)), cmp.Compare(a.ID, b.ID))
	})
	return out
}
