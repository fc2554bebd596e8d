package graph

import (
	"cmp"
	"slices"
)

// require converts the numbers of requirements, which are numbered in each
// component ([sbom.Relation.Group]), into numbers of the whole graph, so that
// what-if distinguishes "a and b" from "a or b". A requirement with only one
// existing satisfier is an edge like any other.
//
// Of several edges between two components that only represent several
// requirements the first one is shown; the others are its shadows.
func (b *builder) require() {
	for start := 0; start < len(b.links); {
		end := start + 1
		for end < len(b.links) && b.links[end].from == b.links[start].from {
			end++
		}
		b.number(b.links[start:end])
		start = end
	}
	for i := 1; i < len(b.links); i++ {
		before, l := &b.links[i-1], &b.links[i]
		l.shadow = l.group != 0 && l.from == before.from && l.to == before.to && l.kind == before.kind
	}
}

// number numbers the requirements of one component.
func (b *builder) number(run []link) {
	var members []int
	for i := range run {
		if run[i].group != 0 {
			members = append(members, i)
		}
	}
	if len(members) == 0 {
		return // the case of most
	}
	slices.SortStableFunc(members, func(x, y int) int { return cmp.Compare(run[x].group, run[y].group) })
	for start := 0; start < len(members); {
		end := start + 1
		for end < len(members) && run[members[end]].group == run[members[start]].group {
			end++
		}
		number := int32(0)
		if end-start > 1 {
			b.groups++
			number = b.groups
		}
		for _, i := range members[start:end] {
			run[i].group = number
		}
		start = end
	}
	if !slices.IsSortedFunc(run, b.compare) { // a number became 0
		slices.SortFunc(run, b.compare)
	}
}
