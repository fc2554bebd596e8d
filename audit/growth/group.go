package growth

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Group groups new dependencies under the new ones that introduce them: see
// [graph.Graph.Introductions].
//
// A dependency that several groups need, and that none of them introduces
// alone, gets a group of its own. Such groups can be shared in turn. The
// report names the heads that lead to it and are there for another reason:
// they are explicit, an old dependency needs them, or nothing does.
func Group(g *graph.Graph, added []string) []audit.GrowthGroup {
	if len(added) == 0 {
		return nil
	}
	s := &grouping{grown: g.Introductions(added), at: map[string]int{}}
	for i := range s.grown {
		s.at[s.grown[i].ID] = i
	}
	s.next = make([][]int, len(s.grown))
	for i, grown := range s.grown {
		if s.explained(i) {
			continue
		}
		for _, head := range grown.SharedBy {
			s.next[s.at[head]] = append(s.next[s.at[head]], i)
		}
	}
	s.by = make([][]int, len(s.grown))
	for i := range s.grown {
		if s.explained(i) {
			s.lead(i)
		}
	}
	for i := range s.grown {
		if s.by[i] == nil { // the first one of a cycle that nothing leads to
			s.lead(i)
		}
	}
	return s.groups()
}

type grouping struct {
	grown []graph.Introduction
	at    map[string]int // by ID
	next  [][]int        // the groups that each group shares with others
	by    [][]int        // the heads that lead to each group, itself for a head
}

// explained reports whether a group is there for another reason than that
// other groups need it.
func (s *grouping) explained(i int) bool {
	grown := &s.grown[i]
	root := grown.Reason != "" && grown.Reason != graph.Orphan
	return root || len(grown.NeededBy) > 0 || len(grown.SharedBy) == 0
}

// lead walks the groups from a head. The walk stops at a group whose heads are
// complete, since the same heads lead to everything behind it.
func (s *grouping) lead(head int) {
	s.by[head] = []int{head}
	stack := []int{head}
	for len(stack) > 0 {
		from := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, i := range s.next[from] {
			if n := len(s.by[i]); n < audit.MaxSharedBy && (n == 0 || s.by[i][0] != i && s.by[i][n-1] != head) {
				s.by[i] = append(s.by[i], head)
				stack = append(stack, i)
			}
		}
	}
}

func (s *grouping) groups() []audit.GrowthGroup {
	out := make([]audit.GrowthGroup, 0, len(s.grown))
	place := map[int]int{}
	for i, grown := range s.grown {
		heads := s.by[i]
		if len(heads) == 1 && heads[0] != i {
			continue
		}
		group := audit.GrowthGroup{ID: grown.ID, Introduces: slices.Clone(grown.Introduces), NeededBy: grown.NeededBy}
		switch {
		case grown.Reason == graph.Explicit:
			group.Because = "explicit"
		case grown.Reason == graph.Essential:
			group.Because = "essential"
		case len(grown.NeededBy) > 0:
			group.Because = "dependency"
		}
		if m := grown.Mention; m != nil {
			group.Mention = &audit.Mention{From: m.From, Kind: m.Kind, Instead: m.Instead}
		}
		if len(heads) > 1 {
			for _, h := range heads {
				group.SharedBy = append(group.SharedBy, s.grown[h].ID)
			}
		}
		place[i] = len(out)
		out = append(out, group)
	}
	// Nothing retains orphans, so no dominator tree contains them. An orphan
	// introduces what only it leads to.
	for i, grown := range s.grown {
		if heads := s.by[i]; len(heads) == 1 && heads[0] != i {
			group := &out[place[heads[0]]]
			group.Introduces = append(append(group.Introduces, grown.ID), grown.Introduces...)
			slices.Sort(group.Introduces)
		}
	}
	// The largest group comes first.
	slices.SortFunc(out, func(a, b audit.GrowthGroup) int {
		return cmp.Or(cmp.Compare(min(1, len(a.SharedBy)), min(1, len(b.SharedBy))), cmp.Compare(len(b.Introduces), len(a.Introduces)), cmp.Compare(a.ID, b.ID))
	})
	return out
}
