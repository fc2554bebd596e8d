package lockcheck

import "github.com/depaudit/depaudit/sbom/pep508"

// requirements between the entries of one lock. uv.lock has no condition on a
// package itself: it is on the edges that lead to the package.
type edge struct {
	from, to int // indexes of entries
	marker   *pep508.Marker
	text     string
}

// reach is the part of a lock that an environment needs.
type reach struct {
	// applies has the truth of each entry, by its index.
	applies []pep508.Truth
	// closed has for an entry that does not certainly apply the index of an edge
	// that is the reason, -1 when all of what requires it does not apply.
	closed []int
}

// reachOf follows the edges whose markers hold from the roots: the project and
// the members of its workspace, and every entry that no edge leads to. An entry
// that no root leads to by any edge applies, since its reason is not one that
// is read here.
func (l *Lock) reachOf(env pep508.Environment) reach {
	holds := make([]pep508.Truth, len(l.edges))
	for i, e := range l.edges {
		holds[i] = e.marker.Applies(env)
	}
	all := l.follow(func(int) bool { return true })
	may := l.follow(func(i int) bool { return holds[i] != pep508.False })
	must := l.follow(func(i int) bool { return holds[i] == pep508.True })
	r := reach{applies: make([]pep508.Truth, len(l.Entries)), closed: make([]int, len(l.Entries))}
	for i := range l.Entries {
		switch {
		case must[i] || !all[i]:
			r.applies[i] = pep508.True
		case may[i]:
			r.applies[i] = pep508.Unknown
		default:
			r.applies[i] = pep508.False
		}
		r.closed[i] = -1
	}
	for i, e := range l.edges {
		if r.applies[e.to] != pep508.True && r.closed[e.to] < 0 && holds[i] == r.applies[e.to] {
			r.closed[e.to] = i
		}
	}
	return r
}

func (l *Lock) follow(open func(edge int) bool) []bool {
	next := make([][]int, len(l.Entries))
	led := make([]bool, len(l.Entries))
	for i, e := range l.edges {
		led[e.to] = true
		if e.from >= 0 {
			next[e.from] = append(next[e.from], i)
		}
	}
	seen := make([]bool, len(l.Entries))
	var todo []int
	visit := func(i int) {
		if !seen[i] {
			seen[i] = true
			todo = append(todo, i)
		}
	}
	for i := range l.Entries {
		if l.Entries[i].FirstParty || !led[i] {
			visit(i)
		}
	}
	for i, e := range l.edges {
		if e.from < 0 && open(i) {
			visit(e.to)
		}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range next[at] {
			if open(i) {
				visit(l.edges[i].to)
			}
		}
	}
	return seen
}
