package explore

import (
	"cmp"
	"slices"
)

// tree is the open part of the dominator tree: below each component are those
// that only it introduces. Components that several introduce are at the top, and
// orphans at the end.
type tree struct {
	lines []line
	open  map[string]bool
}

// line is one component in the tree.
type line struct {
	row   row
	depth int
	kids  bool
	open  bool
}

// plant makes the lines of the tree again.
func (m *model) plant() {
	m.tree.lines = m.tree.lines[:0]
	type item struct {
		id    string
		depth int
	}
	var stack []item
	push := func(ids []string, depth int) {
		rows := make([]row, len(ids))
		for i, id := range ids {
			rows[i] = m.rowOf(id)
		}
		slices.SortFunc(rows, func(a, b row) int {
			return -cmp.Or(cmp.Compare(a.introduces, b.introduces), cmp.Compare(a.introducedSize+a.size, b.introducedSize+b.size), cmp.Compare(b.id, a.id))
		})
		for _, r := range slices.Backward(rows) {
			stack = append(stack, item{r.id, depth})
		}
	}
	push(m.stage.Graph.Rebuild().Roots().Orphans, 0)
	push(m.children(""), 0)
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		kids := m.children(at.id)
		l := line{row: m.rowOf(at.id), depth: at.depth, kids: len(kids) > 0, open: m.tree.open[at.id]}
		if at.depth == 0 && (l.row.reason == "dependency" || l.row.reason == "") && !l.row.bundled {
			l.row.reason = "shared" // by several roots
		}
		m.tree.lines = append(m.tree.lines, l)
		if l.kids && l.open {
			push(kids, at.depth+1)
		}
	}
}

// children returns the components directly below one.
func (m *model) children(id string) []string {
	ids, err := m.stage.Graph.Rebuild().Retains(id)
	if err != nil {
		return nil // it was taken from the graph
	}
	return ids
}

// rowOf returns the row of a component, also of a bundled one.
func (m *model) rowOf(id string) row {
	if i, ok := m.index[id]; ok {
		return m.rows[i]
	}
	r := rowOf(m.stage, id)
	r.reason = "bundled"
	return r
}

// reveal opens the tree above a component, and returns its line.
func (m *model) reveal(id string) int {
	for up := id; up != ""; {
		retainer, err := m.stage.Graph.Rebuild().Retainer(up)
		if err != nil {
			break
		}
		if retainer != "" {
			m.tree.open[retainer] = true
		}
		up = retainer
	}
	m.plant()
	return max(0, slices.IndexFunc(m.tree.lines, func(l line) bool { return l.row.id == id }))
}

// treeKey handles a key of the tree. It reports whether the tree has that key.
func (m *model) treeKey(key string) bool {
	if len(m.tree.lines) == 0 {
		return false
	}
	l := m.tree.lines[m.cursor]
	switch key {
	case "right", "l", "+":
		if !l.kids {
			return true
		}
		if l.open {
			m.move(1)
			return true
		}
		m.tree.open[l.row.id] = true
	case "left", "h", "-":
		if !l.open || !l.kids {
			for i := m.cursor - 1; i >= 0; i-- {
				if m.tree.lines[i].depth < l.depth {
					m.cursor = i
					break
				}
			}
			return true
		}
		delete(m.tree.open, l.row.id)
	case "o":
		if l.open {
			delete(m.tree.open, l.row.id)
		} else {
			m.tree.open[l.row.id] = true
		}
	case "*":
		m.openBelow(l.row.id)
	default:
		return false
	}
	m.plant()
	return true
}

// openBelow opens a component with everything below it.
func (m *model) openBelow(id string) {
	for stack := []string{id}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		m.tree.open[at] = true
		stack = append(stack, m.children(at)...)
	}
}
