package graph

import (
	"cmp"
	"slices"
	"strings"
)

// require gives each requirement that has several satisfiers a number of its
// own, so that what-if can tell "a and b" from "a or b".
//
// An edge that carries a number from the document says it. For the others it
// is guessed from Via, which is the text of the whole requirement: edges of
// one component, kind and Via satisfy the same requirement. Two things are
// missing from that text's edges and are put back by name: a component that
// satisfies a requirement under its own name has no Via, and one that
// satisfies several requirements carries the shortest only. What remains
// wrong is rare: a component that provides a name without having it, and
// whose edge carries another requirement's text.
func (b *builder) require() {
	var added []link
	// Few packages satisfy several requirements of one other. Records in
	// which all do would have the square of their number.
	most := len(b.links)
	for start := 0; start < len(b.links); {
		end := start + 1
		for end < len(b.links) && b.links[end].from == b.links[start].from {
			end++
		}
		if run := b.links[start:end]; len(run) > 1 {
			if !b.numberStated(run) {
				added = append(added, b.numberByText(run, most-len(added))...)
			}
		} else {
			run[0].group = 0
		}
		start = end
	}
	if len(added) > 0 {
		b.links = append(b.links, added...)
		b.sort()
	}
}

// numberStated turns the numbers that edges carry, which are those of one
// component, into numbers of the whole graph. It returns whether there were
// any: whoever numbers one requirement numbers all.
func (b *builder) numberStated(run []link) bool {
	var members []int
	for i := range run {
		if run[i].group != 0 {
			members = append(members, i)
		}
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
	return len(members) > 0
}

// numberByText numbers the requirements of one component by their text, and
// returns further edges for components that satisfy more than one, at most
// as many as given.
func (b *builder) numberByText(run []link, most int) (added []link) {
	type text struct {
		kind int32
		via  string
	}
	if !slices.ContainsFunc(run, func(l link) bool { return b.labels[l.label].via != "" }) {
		return nil // the case of most
	}
	var order []text
	byText, byName := map[text][]int{}, map[text][]int{}
	for i := range run {
		l := &run[i]
		if kind := b.kinds[l.kind]; classOf(kind) != needs || structural(kind) {
			continue
		}
		name := text{l.kind, b.nodes[l.to].Name}
		byName[name] = append(byName[name], i)
		via := b.labels[l.label].via
		if via == "" {
			continue
		}
		t := text{l.kind, via}
		if byText[t] == nil {
			order = append(order, t)
		}
		byText[t] = append(byText[t], i)
	}
	for _, t := range order {
		members := byText[t]
		names := alternatives(t.via)
		var more []int
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			for _, i := range byName[text{t.kind, name}] {
				if len(more) >= most-len(added) {
					break
				}
				if b.labels[run[i].label].via != t.via {
					more = append(more, i)
				}
			}
		}
		if len(members)+len(more) < 2 {
			continue
		}
		b.groups++
		for _, i := range members {
			run[i].group = b.groups
		}
		for _, i := range more {
			if l := &run[i]; len(names) == 1 && l.group == 0 && b.labels[l.label].via == "" {
				// The real package of that name beside those that provide it.
				l.group = b.groups
				continue
			}
			l := run[i]
			l.group, l.shadow = b.groups, true
			added = append(added, l)
		}
	}
	return added
}

// alternatives are the names in a requirement such as "a (>= 1) | b:any".
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
