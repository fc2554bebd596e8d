package graph

import (
	"cmp"
	"slices"
)

// The layout of the drawing is Sugiyama's: edges are turned until there is no
// ring, each component gets a layer to the right of what needs it, edges over
// several layers get a bend in each, the order in a layer is the one with the
// fewest crossings that a few sweeps of barycentres find, and then everything
// moves as near to its neighbours as the order allows. See K. Sugiyama,
// S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
// structures", IEEE Trans. SMC 11(2), 1981.
//
// All of it is whole numbers, so that the drawing has the same bytes on every
// machine: compilers may fuse floating point operations where they like.

const (
	boxHeight = 34
	boxGap    = 14  // between a box and what is below it
	bendGap   = 9   // between two edges that pass a layer
	layerGap  = 80  // between two layers
	margin    = 16  // around everything
	minRow    = 900 // width that components without an edge may fill
	// sweeps is how often the order and the places are improved. The result
	// hardly changes after ten.
	sweeps = 24
)

type point struct{ x, y int }

// drawing is where everything is: the upper left corners of the boxes, and of
// each edge the points that it goes through.
type drawing struct {
	boxes         []point
	routes        [][]point
	width, height int
}

// arrange lays out boxes of the given widths. Edges are pairs of numbers of
// boxes; there may be rings, and edges from a box to itself.
func arrange(widths []int, edges [][2]int) *drawing {
	d := &drawing{boxes: make([]point, len(widths))}
	pairs := withoutRings(len(widths), edges)
	alone := make([]bool, len(widths))
	for i := range alone {
		alone[i] = true
	}
	for _, p := range pairs {
		alone[p[0]], alone[p[1]] = false, false
	}
	l := newLayers(len(widths), alone, pairs)
	l.sort()
	y := l.place()
	x, columns := l.columns(widths)
	for i := range widths {
		if !alone[i] {
			d.boxes[i] = point{x[l.layer[i]], y[i] - boxHeight/2}
			d.width = max(d.width, d.boxes[i].x+widths[i])
			d.height = max(d.height, d.boxes[i].y+boxHeight)
		}
	}
	for v := len(widths); v < len(l.layer); v++ {
		d.height = max(d.height, y[v])
	}
	routes := map[[2]int][]point{}
	for at, p := range pairs {
		from, to := d.boxes[p[0]], d.boxes[p[1]]
		route := []point{{from.x + widths[p[0]], from.y + boxHeight/2}}
		if end := x[l.layer[p[0]]] + columns[l.layer[p[0]]]; route[0].x < end {
			route = append(route, point{end, route[0].y})
		}
		for _, v := range l.bends[at] {
			left := x[l.layer[v]]
			route = append(route, point{left, y[v]}, point{left + columns[l.layer[v]], y[v]})
		}
		routes[p] = append(route, point{to.x, to.y + boxHeight/2})
	}
	d.flow(widths, alone)
	for _, e := range edges {
		d.routes = append(d.routes, d.route(e, routes, widths))
	}
	d.width += margin
	d.height += margin
	return d
}

// route is the way of one edge in its own direction.
func (d *drawing) route(e [2]int, routes map[[2]int][]point, widths []int) []point {
	if e[0] == e[1] {
		const loop = boxGap / 3 // so that it ends before the next box
		right, top := d.boxes[e[0]].x+widths[e[0]], d.boxes[e[0]].y
		return []point{{right, top + boxHeight - loop}, {right + 2*loop, top + boxHeight - loop}, {right + 2*loop, top + loop}, {right, top + loop}}
	}
	if r := routes[e]; r != nil {
		return r
	}
	r := slices.Clone(routes[[2]int{e[1], e[0]}])
	slices.Reverse(r)
	return r
}

// flow puts boxes without an edge into rows below the others.
func (d *drawing) flow(widths []int, alone []bool) {
	most := max(d.width, minRow)
	at := point{margin, d.height + boxGap}
	if d.height == 0 {
		at.y = margin
	}
	for i, w := range widths {
		if !alone[i] {
			continue
		}
		if at.x > margin && at.x+w > most {
			at = point{margin, at.y + boxHeight + boxGap}
		}
		d.boxes[i] = at
		at.x += w + boxGap
		d.width = max(d.width, d.boxes[i].x+w)
		d.height = max(d.height, at.y+boxHeight)
	}
}

// withoutRings returns the edges, sorted and each once, with those turned
// around that close a ring, and without those from a box to itself.
func withoutRings(n int, edges [][2]int) [][2]int {
	out := make([][]int, n)
	needed := make([]bool, n)
	for _, e := range edges {
		if e[0] != e[1] {
			out[e[0]] = append(out[e[0]], e[1])
			needed[e[1]] = true
		}
	}
	for i := range out {
		slices.Sort(out[i])
		out[i] = slices.Compact(out[i])
	}
	const (
		unseen = iota
		open   // on the way to where the search is
		done
	)
	var (
		pairs [][2]int
		state = make([]int, n)
		stack []int
		next  = make([]int, n)
	)
	search := func(start int) {
		if state[start] != unseen {
			return
		}
		stack = append(stack, start)
		state[start] = open
		for len(stack) > 0 {
			v := stack[len(stack)-1]
			if next[v] == len(out[v]) {
				state[v] = done
				stack = stack[:len(stack)-1]
				continue
			}
			w := out[v][next[v]]
			next[v]++
			switch state[w] {
			case open:
				pairs = append(pairs, [2]int{w, v})
			case unseen:
				state[w] = open
				stack = append(stack, w)
				fallthrough
			default:
				pairs = append(pairs, [2]int{v, w})
			}
		}
	}
	for i := range n {
		if !needed[i] {
			search(i)
		}
	}
	for i := range n {
		search(i)
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(pairs)
}

// layers is a graph without rings in which every edge leads to the next
// layer. The first vertices are boxes, the rest are bends.
type layers struct {
	boxes   int
	layer   []int // of each vertex
	bends   [][]int
	out, in [][]int
	order   [][]int // the vertices of each layer, from top to bottom
}

func newLayers(n int, alone []bool, pairs [][2]int) *layers {
	l := &layers{boxes: n, layer: longestPaths(n, pairs), bends: make([][]int, len(pairs)), out: make([][]int, n), in: make([][]int, n)}
	join := func(from, to int) {
		l.out[from] = append(l.out[from], to)
		l.in[to] = append(l.in[to], from)
	}
	for at, p := range pairs {
		from := p[0]
		for layer := l.layer[p[0]] + 1; layer < l.layer[p[1]]; layer++ {
			v := len(l.layer)
			l.layer = append(l.layer, layer)
			l.out, l.in = append(l.out, nil), append(l.in, nil)
			l.bends[at] = append(l.bends[at], v)
			join(from, v)
			from = v
		}
		join(from, p[1])
	}
	// The order to begin with is that of a search, which keeps together what
	// belongs together.
	l.order = make([][]int, slices.Max(append([]int{-1}, l.layer...))+1)
	seen := make([]bool, len(l.layer))
	var stack []int
	for start := range n {
		if len(l.in[start]) > 0 || alone[start] {
			continue
		}
		for stack = append(stack, start); len(stack) > 0; {
			v := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[v] {
				continue
			}
			seen[v] = true
			l.order[l.layer[v]] = append(l.order[l.layer[v]], v)
			for _, w := range slices.Backward(l.out[v]) {
				stack = append(stack, w)
			}
		}
	}
	return l
}

// longestPaths gives each box the number of edges of the longest way to it.
// What nothing needs stands next to what it needs.
func longestPaths(n int, pairs [][2]int) []int {
	layer, waiting, out := make([]int, n), make([]int, n), make([][]int, n)
	for _, p := range pairs {
		out[p[0]] = append(out[p[0]], p[1])
		waiting[p[1]]++
	}
	var queue, first []int
	for i, w := range waiting {
		if w == 0 {
			queue = append(queue, i)
		}
	}
	first = slices.Clone(queue)
	for at := 0; at < len(queue); at++ {
		for _, w := range out[queue[at]] {
			layer[w] = max(layer[w], layer[queue[at]]+1)
			if waiting[w]--; waiting[w] == 0 {
				queue = append(queue, w)
			}
		}
	}
	for _, v := range first {
		if len(out[v]) > 0 {
			layer[v] = layer[slices.MinFunc(out[v], func(a, b int) int { return cmp.Compare(layer[a], layer[b]) })] - 1
		}
	}
	return layer
}

// sort finds an order of each layer with few crossings.
func (l *layers) sort() {
	best, fewest := l.snapshot(), l.crossings()
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		if sweep%2 == 0 {
			for i := 1; i < len(l.order); i++ {
				l.sortLayer(i, l.in, l.order[i-1])
			}
		} else {
			for i := len(l.order) - 2; i >= 0; i-- {
				l.sortLayer(i, l.out, l.order[i+1])
			}
		}
		if n := l.crossings(); n < fewest {
			best, fewest = l.snapshot(), n
		}
	}
	l.order = best
}

func (l *layers) snapshot() [][]int {
	out := make([][]int, len(l.order))
	for i, layer := range l.order {
		out[i] = slices.Clone(layer)
	}
	return out
}

// sortLayer orders a layer by the mean place of the neighbours in the layer
// beside it. What has none there keeps its place.
func (l *layers) sortLayer(at int, neighbours [][]int, beside []int) {
	place := places(beside, len(l.layer))
	type mean struct{ vertex, sum, n int }
	means := make([]mean, len(l.order[at]))
	for i, v := range l.order[at] {
		means[i] = mean{v, i, 1}
		if n := len(neighbours[v]); n > 0 {
			means[i] = mean{vertex: v, n: n}
			for _, w := range neighbours[v] {
				means[i].sum += place[w]
			}
		}
	}
	slices.SortStableFunc(means, func(a, b mean) int { return cmp.Compare(a.sum*b.n, b.sum*a.n) })
	for i, m := range means {
		l.order[at][i] = m.vertex
	}
}

func places(order []int, n int) []int {
	at := make([]int, n)
	for i, v := range order {
		at[v] = i
	}
	return at
}

// crossings counts the pairs of edges that cross.
func (l *layers) crossings() int {
	n := 0
	for i := 1; i < len(l.order); i++ {
		place := places(l.order[i], len(l.layer))
		var ends []int // of the edges so far, sorted
		for _, v := range l.order[i-1] {
			var own []int
			for _, w := range l.out[v] {
				above, _ := slices.BinarySearch(ends, place[w]+1)
				n += len(ends) - above
				own = append(own, place[w])
			}
			ends = append(ends, own...)
			slices.Sort(ends)
		}
	}
	return n
}

// place returns the height of each vertex's middle: as near to its neighbours
// as the order in the layer and the room that each one needs allow.
func (l *layers) place() []int {
	y := make([]int, len(l.layer))
	for _, layer := range l.order {
		for i, v := range layer {
			if i > 0 {
				y[v] = y[layer[i-1]] + l.room(layer[i-1], v)
			}
		}
	}
	for sweep := range sweeps {
		if sweep%2 == 0 {
			for i := 1; i < len(l.order); i++ {
				l.pull(l.order[i], l.in, y)
			}
		} else {
			for i := len(l.order) - 2; i >= 0; i-- {
				l.pull(l.order[i], l.out, y)
			}
		}
	}
	least := 0
	for i, layer := range l.order {
		if len(layer) > 0 && (i == 0 || y[layer[0]] < least) {
			least = y[layer[0]]
		}
	}
	for i := range y {
		y[i] += margin + boxHeight/2 - least
	}
	return y
}

// room is the least distance between the middles of two neighbours.
func (l *layers) room(a, b int) int {
	if a >= l.boxes && b >= l.boxes {
		return bendGap
	}
	room := boxGap
	for _, v := range []int{a, b} {
		if v < l.boxes {
			room += boxHeight / 2
		}
	}
	return room
}

// pull moves the vertices of a layer to the mean of their neighbours. With
// the room that those above it take subtracted, the heights only have to rise,
// and the nearest ones that do are found by pooling those that do not
// (isotonic regression). Bends pull harder, so that long edges are straight.
func (l *layers) pull(layer []int, neighbours [][]int, y []int) {
	const bend = 8
	type block struct{ sum, weight, size int }
	var blocks []block
	offset := 0
	offsets := make([]int, len(layer))
	for i, v := range layer {
		if i > 0 {
			offset += l.room(layer[i-1], v)
		}
		offsets[i] = offset
		want, weight := y[v], 1
		if n := len(neighbours[v]); n > 0 {
			want = 0
			for _, w := range neighbours[v] {
				want += y[w]
			}
			want = floorDiv(want, n)
			weight = n + 1
		}
		if v >= l.boxes {
			weight = bend
		}
		b := block{(want - offset) * weight, weight, 1}
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if last.sum*b.weight <= b.sum*last.weight {
				break
			}
			b = block{b.sum + last.sum, b.weight + last.weight, b.size + last.size}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	at := 0
	for _, b := range blocks {
		for range b.size {
			y[layer[at]] = floorDiv(b.sum, b.weight) + offsets[at]
			at++
		}
	}
}

// floorDiv rounds down, also below zero, so that an order survives it.
func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// columns returns where each layer begins, and its width.
func (l *layers) columns(widths []int) (x, width []int) {
	x, width = make([]int, len(l.order)), make([]int, len(l.order))
	for i, layer := range l.order {
		for _, v := range layer {
			if v < l.boxes {
				width[i] = max(width[i], widths[v])
			}
		}
	}
	at := margin
	for i := range x {
		x[i] = at
		at += width[i] + layerGap
	}
	return x, width
}
