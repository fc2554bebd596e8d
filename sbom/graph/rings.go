package graph

import "slices"

// rings are the strongly connected components of a graph, mostly single nodes:
// each node of a ring needs all of its nodes.
type rings struct {
	of    []int32 // the ring of each node, from 1; 0 for a node that was left out
	count int32
}

// findRings finds the rings among the nodes that are not in without, by the
// edges up to a class. A ring has a higher number than all that it leads to.
//
// It is Tarjan's algorithm with an explicit stack instead of recursion: a chain
// of packages may be as long as their number.
func (g *Graph) findRings(without []bool, follow class) rings {
	n := len(g.nodes)
	var (
		number  = make([]int32, n) // order of discovery from 1, 0 for not yet
		low     = make([]int32, n)
		next    = slices.Clone(g.outStart[:n])
		r       = rings{of: make([]int32, n)}
		open    []int32 // found, and not in a ring yet
		path    []int32
		counter int32
	)
	enter := func(i int32) {
		counter++
		number[i], low[i] = counter, counter
		open = append(open, i)
		path = append(path, i)
	}
	for start := range int32(n) {
		if number[start] != 0 || without != nil && without[start] {
			continue
		}
		enter(start)
		for len(path) > 0 {
			i := path[len(path)-1]
			if e := next[i]; e < g.outStart[i+1] {
				next[i]++
				to := g.edges.to[e]
				switch {
				case g.edges.class[e] > follow || r.of[to] != 0 || without != nil && without[to]:
				case number[to] == 0:
					enter(to)
				default:
					low[i] = min(low[i], number[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1]
				low[up] = min(low[up], low[i])
			}
			if low[i] != number[i] {
				continue
			}
			r.count++
			for {
				j := open[len(open)-1]
				open = open[:len(open)-1]
				r.of[j] = r.count
				if j == i {
					break
				}
			}
		}
	}
	return r
}

// sources returns the rings among the nodes that are not in without, to which
// no other such node leads. Each ring is sorted, and so are the rings.
func (g *Graph) sources(without []bool) [][]int32 {
	r := g.findRings(without, g.follow)
	needed := make([]bool, r.count+1)
	for e, to := range g.edges.to {
		from, to := r.of[g.edges.from[e]], r.of[to]
		if g.edges.class[e] <= g.follow && from != 0 && to != 0 && from != to {
			needed[to] = true
		}
	}
	at := make([]int32, r.count+1)
	var out [][]int32
	for i, ring := range r.of {
		if ring == 0 || needed[ring] {
			continue
		}
		if at[ring] == 0 {
			out = append(out, nil)
			at[ring] = int32(len(out))
		}
		out[at[ring]-1] = append(out[at[ring]-1], int32(i))
	}
	return out
}
