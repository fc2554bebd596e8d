package graph

// dominatorTree has for each node the nodes that are on every chain from a root
// to it. Nodes are numbered by a depth-first search from a root above all
// roots, which is number 0.
type dominatorTree struct {
	number []int32 // of each node, 0 when it is reachable from no root
	node   []int32 // of each number, -1 for 0
	up     []int32 // the immediate dominator of each number
	// kept and size are the number and the installed size of the counted
	// components in the subtree of each number, itself included.
	kept []int32
	size []int64
	// child and next link the children of each number, in order of ID.
	child, next []int32
}

// dominators computes the tree for some roots by semi-dominators with path compression, in
// the form of Georgiadis ("Semi-NCA"; Georgiadis, Tarjan and Werneck, Finding
// Dominators in Practice, 2006): nearly linear in the edges.
func (g *Graph) dominators(roots []int32) *dominatorTree {
	t := &dominatorTree{number: make([]int32, len(g.nodes))}
	parent := g.search(t, roots)
	n := int32(len(t.node))

	semi, best, above := make([]int32, n), make([]int32, n), make([]int32, n)
	for v := range n {
		semi[v], best[v], above[v] = v, v, -1
	}
	var path []int32
	// eval returns the number with the lowest semi-dominator on the way from v
	// up to the last node that has been linked, and shortens the way.
	eval := func(v int32) int32 {
		if above[v] < 0 {
			return v
		}
		path = path[:0]
		for above[above[v]] >= 0 {
			path = append(path, v)
			v = above[v]
		}
		for i := len(path) - 1; i >= 0; i-- {
			w := path[i]
			if semi[best[above[w]]] < semi[best[w]] {
				best[w] = best[above[w]]
			}
			above[w] = above[above[w]]
			v = w
		}
		return best[v]
	}
	isRoot := make([]bool, n)
	for _, root := range roots {
		isRoot[t.number[root]] = true
	}
	for v := n - 1; v > 0; v-- {
		if isRoot[v] {
			semi[v] = 0
		}
		node := t.node[v]
		for _, e := range g.inEdge[g.inStart[node]:g.inStart[node+1]] {
			from := t.number[g.edges.from[e]]
			if from == 0 || g.edges.class[e] > g.follow {
				continue
			}
			semi[v] = min(semi[v], semi[eval(from)])
		}
		above[v] = parent[v]
	}
	t.up = parent
	for v := int32(1); v < n; v++ {
		for t.up[v] > semi[v] {
			t.up[v] = t.up[t.up[v]]
		}
	}
	g.sum(t)
	return t
}

// search numbers the nodes, and returns the parent of each number.
func (g *Graph) search(t *dominatorTree, roots []int32) (parent []int32) {
	t.node, parent = append(t.node, -1), append(parent, 0)
	next := make([]int32, len(g.nodes))
	var path []int32
	enter := func(node, from int32) {
		t.number[node] = int32(len(t.node))
		t.node, parent = append(t.node, node), append(parent, from)
		next[node] = g.outStart[node]
		path = append(path, node)
	}
	for _, root := range roots {
		if t.number[root] != 0 {
			continue
		}
		enter(root, 0)
		for len(path) > 0 {
			node := path[len(path)-1]
			e := next[node]
			if e == g.outStart[node+1] {
				path = path[:len(path)-1]
				continue
			}
			next[node]++
			if to := g.edges.to[e]; g.edges.class[e] <= g.follow && t.number[to] == 0 {
				enter(to, t.number[node])
			}
		}
	}
	return parent
}

func (g *Graph) sum(t *dominatorTree) {
	n := len(t.node)
	t.kept, t.size = make([]int32, n), make([]int64, n)
	t.child, t.next = make([]int32, n), make([]int32, n)
	for v := n - 1; v > 0; v-- {
		if node := t.node[v]; g.counts(node) {
			t.kept[v]++
			t.size[v] = add(t.size[v], g.size(node))
		}
		up := t.up[v]
		t.kept[up] += t.kept[v]
		t.size[up] = add(t.size[up], t.size[v])
	}
	for node := len(g.nodes) - 1; node >= 0; node-- {
		if v := t.number[node]; v != 0 {
			up := t.up[v]
			t.next[v], t.child[up] = t.child[up], v
		}
	}
}

// Retainer returns the ID of the component that every chain from a root to a
// component goes through last, "" for roots and for what has no such one. It
// is the parent in the dominator tree.
func (g *Graph) Retainer(id string) (string, error) {
	i, err := g.node(id)
	if err != nil {
		return "", err
	}
	t := g.tree()
	if up := t.up[t.number[i]]; up != 0 {
		return g.nodes[t.node[up]].ID, nil
	}
	return "", nil
}

// Retains returns the IDs of the components whose [Graph.Retainer] is id, sorted:
// the children in the dominator tree. With "" they are those at the top.
func (g *Graph) Retains(id string) ([]string, error) {
	t, v := g.tree(), int32(0)
	if id != "" {
		i, err := g.node(id)
		if err != nil {
			return nil, err
		}
		if v = t.number[i]; v == 0 {
			return nil, nil // an orphan retains nothing that counts
		}
	}
	var out []string
	for c := t.child[v]; c != 0; c = t.next[c] {
		out = append(out, g.nodes[t.node[c]].ID)
	}
	return out, nil
}
