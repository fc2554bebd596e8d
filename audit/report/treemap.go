package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/depaudit/depaudit/sbom/graph"
)

// The size of a treemap in units of its drawing.
const (
	mapWidth  = 2400
	mapHeight = 1200
	// band is the height of the line with the name of a group.
	band = 30
	// mapDepth is the number of levels that are drawn as groups. What is below them
	// is in the last one: names nest as deep as an environment wants.
	mapDepth = 4
	// maxCells bounds the drawing. The table has all dependencies.
	maxCells = 6000
)

// treemap has the dependencies of a stage as areas: each is within the one that
// introduces it, so that an area shows how much smaller a rebuild without it is.
type treemap struct {
	cells []mapCell
	// groups are the areas of what introduces others, the outer ones first.
	groups []mapCell
	// left is the number of dependencies that have no area.
	left int
}

// mapCell is a rectangle in units of the drawing.
type mapCell struct {
	id         string
	x, y, w, h int
}

// mapNode is a component with those that it introduces, the largest first.
type mapNode struct {
	id     string
	own    float64
	weight float64 // with those below it
	kids   []*mapNode
}

// newTreemap draws the graph of a rebuild. weight is the area of one component, at
// least 0.
func newTreemap(g *graph.Graph, weight func(id string) float64) treemap {
	var t treemap
	root := &mapNode{}
	cells := 0
	// The components below a node, without recursion: chains are untrusted.
	type item struct {
		id    string
		under *mapNode
		depth int
	}
	var stack []item
	push := func(ids []string, under *mapNode, depth int) {
		for _, id := range slices.Backward(ids) {
			stack = append(stack, item{id, under, depth})
		}
	}
	push(g.Roots().Orphans, root, 0)
	top, _ := g.Retains("")
	push(top, root, 0)
	var order []*mapNode
	parent := map[*mapNode]*mapNode{}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c := g.Component(at.id); c == nil || !c.Counts() {
			continue
		}
		if cells == maxCells {
			t.left++
			continue
		}
		cells++
		n := &mapNode{id: at.id, own: max(weight(at.id), 0)}
		at.under.kids = append(at.under.kids, n)
		parent[n] = at.under
		order = append(order, n)
		under, depth := n, at.depth+1
		if depth > mapDepth {
			under, depth = at.under, at.depth
		}
		kids, _ := g.Retains(at.id)
		push(kids, under, depth)
	}
	for _, n := range slices.Backward(order) {
		n.weight += n.own
		parent[n].weight += n.weight
	}
	t.place(root)
	return t
}

// place draws the nodes from the outside to the inside.
func (t *treemap) place(root *mapNode) {
	type area struct {
		node *mapNode
		box
	}
	todo := []area{{root, box{0, 0, mapWidth, mapHeight}}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		nodes := slices.Clone(at.node.kids)
		if at.node != root {
			t.groups = append(t.groups, at.cell(at.node.id))
			nodes = append(nodes, &mapNode{id: at.node.id, own: at.node.own, weight: at.node.own})
		}
		slices.SortStableFunc(nodes, func(a, b *mapNode) int {
			return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.id, b.id))
		})
		inner := at.box
		if at.node != root {
			inner = at.inset()
		}
		weights := make([]float64, len(nodes))
		for i, n := range nodes {
			weights[i] = n.weight
		}
		for i, b := range squarify(weights, inner) {
			n := nodes[i]
			c := b.cell(n.id)
			switch {
			case len(n.kids) > 0:
				todo = append(todo, area{n, b})
			case c.w > 0 && c.h > 0:
				t.cells = append(t.cells, c)
			default:
				t.left++ // smaller than a unit
			}
		}
	}
}

// box is a rectangle.
type box struct{ x, y, w, h float64 }

// cell rounds the corners, so that neighbours touch and none overlap.
func (b box) cell(id string) mapCell {
	x, y := math.Round(b.x), math.Round(b.y)
	return mapCell{id, int(x), int(y), int(math.Round(b.x+b.w) - x), int(math.Round(b.y+b.h) - y)}
}

// inset is the part of a group for what is in it.
func (b box) inset() box {
	margin := min(4, b.w/20, b.h/20)
	top := margin
	if b.named() {
		top = band
	}
	return box{b.x + margin, b.y + top, b.w - 2*margin, b.h - top - margin}
}

// named reports whether there is a place for the name of a group.
func (b box) named() bool { return b.w >= 110 && b.h >= 3*band }

// squarify divides a rectangle into areas in proportion to the weights, which are
// sorted, the largest first, with sides of similar lengths (Bruls, Huizing, van
// Wijk: Squarified Treemaps, 2000).
func squarify(weights []float64, b box) []box {
	out := make([]box, 0, len(weights))
	total := 0.0
	for _, w := range weights {
		total += w
	}
	for i := 0; i < len(weights); {
		if total <= 0 || b.w <= 0 || b.h <= 0 {
			out = append(out, box{b.x, b.y, 0, 0})
			i++
			continue
		}
		side, scale := min(b.w, b.h), b.w*b.h/total
		// The row grows as long as its worst shape gets better.
		row, n, best := 0.0, i, math.Inf(1)
		for n < len(weights) {
			sum := row + weights[n]
			worst := worstShape(weights[i]*scale, weights[n]*scale, sum*scale, side)
			if n > i && worst > best {
				break
			}
			row, best = sum, worst
			n++
		}
		thick := 0.0
		if row > 0 {
			thick = row * scale / side
		}
		at := 0.0
		for ; i < n; i++ {
			long := 0.0
			if row > 0 {
				long = weights[i] / row * side
			}
			if b.w >= b.h {
				out = append(out, box{b.x, b.y + at, thick, long})
			} else {
				out = append(out, box{b.x + at, b.y, long, thick})
			}
			at += long
		}
		if b.w >= b.h {
			b.x, b.w = b.x+thick, b.w-thick
		} else {
			b.y, b.h = b.y+thick, b.h-thick
		}
		total -= row
	}
	return out
}

// worstShape is the largest ratio of sides in a row of areas from the largest to
// the smallest one.
func worstShape(largest, smallest, sum, side float64) float64 {
	if smallest <= 0 || sum <= 0 {
		return math.Inf(1)
	}
	return max(side*side*largest/(sum*sum), sum*sum/(side*side*smallest))
}
