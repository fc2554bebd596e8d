package graph_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

func TestSVG(t *testing.T) {
	g := parse(t, "gdb@1* py@3 lib@2 in@1<py@3 x*\ngdb@1 -> py@3\ngdb@1 -> lib@2 recommends\npy@3 -> lib@2 depends lib | libx", graph.Options{})
	v := g.All(graph.ViewOptions{})
	text := write(t, "SVG", v.WriteSVG)
	for _, want := range []string{
		`<title>gdb@1 (asked)</title><rect x="16" y="`,
		`>gdb</text>`, `fill="#555">1</text>`,
		`<title>py 3 -&gt; lib 2 (lib | libx)</title>`,
		`stroke-dasharray="6 4"><title>gdb 1 -&gt; lib 2 (recommends)</title>`,
		`stroke-dasharray="2 3"><title>py 3 -&gt; in 1 (contains)</title>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	checkSVG(t, v)
}

func TestHostileSVG(t *testing.T) {
	checkSVG(t, hostileGraph().All(graph.ViewOptions{}))
}

func TestSVGLimits(t *testing.T) {
	var many strings.Builder
	for i := range graph.SVGNodes + 1 {
		fmt.Fprintf(&many, "p%d* ", i)
	}
	g := parse(t, many.String(), graph.Options{})
	err := g.All(graph.ViewOptions{}).WriteSVG(io.Discard)
	var large *graph.TooLargeError
	if !errors.As(err, &large) || large.Nodes != graph.SVGNodes+1 {
		t.Errorf("%d components are drawn: %v", graph.SVGNodes+1, err)
	}
	// What was cut counts: it is what somebody asked for.
	v := g.All(graph.ViewOptions{Nodes: graph.SVGNodes})
	checkSVG(t, v)
	if text := write(t, "SVG", v.WriteSVG); !strings.Contains(text, "1 more components and 0 more edges are not shown") {
		t.Error("it is not said that something is missing")
	}
	v.Edges = slices.Repeat([]graph.Edge{{From: "p0", To: "p1", Kind: "depends"}}, graph.SVGEdges+1)
	if err := v.WriteSVG(io.Discard); !errors.As(err, &large) {
		t.Errorf("%d edges are drawn: %v", graph.SVGEdges+1, err)
	}
}

// TestRandomSVG draws random graphs with rings, edges from a component to
// itself and several edges between two, and holds the drawing to its promises.
func TestRandomSVG(t *testing.T) {
	for seed := range int64(30) {
		checkSVG(t, randomView(seed))
	}
}

func randomView(seed int64) *graph.View {
	random := rand.New(rand.NewSource(seed))
	n := 1 + random.Intn(graph.SVGNodes)
	components := make([]sbom.Component, n)
	var edges []graph.Edge
	for i := range components {
		components[i] = sbom.Component{ID: fmt.Sprint("p", i), Type: "deb", Name: strings.Repeat("n", 1+random.Intn(50)), Version: strings.Repeat("1", random.Intn(50)), InstallReason: sbom.ReasonExplicit}
	}
	for range random.Intn(graph.SVGEdges) {
		edges = append(edges, graph.Edge{From: components[random.Intn(n)].ID, To: components[random.Intn(n)].ID, Kind: []string{"depends", "recommends"}[random.Intn(2)]})
	}
	return graph.FromLists(components, edges, graph.Options{}).All(graph.ViewOptions{})
}

type box struct{ x, y, width, height int }

// checkSVG holds a drawing to what it promises: well-formed XML of known
// elements and attributes, which refers to nothing outside; everything within
// the picture; boxes that do not overlap; edges that begin and end at their
// boxes and lead through no other; and the same bytes again.
func checkSVG(t *testing.T, v *graph.View) {
	t.Helper()
	text := write(t, "SVG", v.WriteSVG)
	if again := write(t, "SVG", v.WriteSVG); again != text {
		t.Fatal("another drawing of the same view")
	}
	boxes, paths, size := readSVG(t, text)
	if len(boxes) != len(v.Nodes) || len(paths) != len(v.Edges) {
		t.Fatalf("%d boxes and %d paths, want %d and %d", len(boxes), len(paths), len(v.Nodes), len(v.Edges))
	}
	at := map[string]int{}
	for i, n := range v.Nodes {
		at[n.ID] = i
		b := boxes[i]
		if b.x < 0 || b.y < 0 || b.x+b.width > size.width || b.y+b.height > size.height {
			t.Fatalf("box %d is at %v, outside of %v", i, b, size)
		}
		for j, other := range boxes[:i] {
			if b.x < other.x+other.width && other.x < b.x+b.width && b.y < other.y+other.height && other.y < b.y+b.height {
				t.Fatalf("the boxes %d and %d overlap: %v %v", i, j, b, other)
			}
		}
	}
	for i, e := range v.Edges {
		from, to, path := boxes[at[e.From]], boxes[at[e.To]], paths[i]
		if !touches(from, path[0]) || !touches(to, path[len(path)-1]) {
			t.Fatalf("edge %d (%s -> %s) leads from %v to %v, the boxes are %v and %v", i, e.From, e.To, path[0], path[len(path)-1], from, to)
		}
		for k := 1; k < len(path); k++ {
			for j, b := range boxes {
				if j != at[e.From] && j != at[e.To] && crosses(b, path[k-1], path[k]) {
					t.Fatalf("edge %d (%s -> %s) leads through the box of %s: %v to %v, %v", i, e.From, e.To, v.Nodes[j].ID, path[k-1], path[k], b)
				}
			}
		}
	}
}

func touches(b box, p [2]int) bool {
	return (p[0] == b.x || p[0] == b.x+b.width) && p[1] >= b.y && p[1] <= b.y+b.height
}

// crosses looks at points along the line.
func crosses(b box, from, to [2]int) bool {
	const points = 16
	for i := range points + 1 {
		x, y := from[0]+(to[0]-from[0])*i/points, from[1]+(to[1]-from[1])*i/points
		if x > b.x && x < b.x+b.width && y > b.y && y < b.y+b.height {
			return true
		}
	}
	return false
}

func readSVG(t *testing.T, text string) (boxes []box, paths [][][2]int, size box) {
	t.Helper()
	allowed := map[string]string{
		"svg": "xmlns width height viewBox role font-family font-size", "title": "", "defs": "",
		"marker": "id viewBox refX refY markerWidth markerHeight orient", "path": "d fill marker-end stroke-dasharray",
		"g": "fill stroke", "rect": "x y width height rx fill stroke stroke-dasharray", "text": "x y fill",
	}
	d := xml.NewDecoder(strings.NewReader(text))
	defs, background := false, true
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return boxes, paths, size
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if end, ok := token.(xml.EndElement); ok && end.Name.Local == "defs" {
			defs = false
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		names, known := allowed[start.Name.Local]
		if !known {
			t.Fatalf("there is an element %s", start.Name.Local)
		}
		value := map[string]string{}
		for _, a := range start.Attr {
			if !slices.Contains(strings.Fields(names), a.Name.Local) || strings.Contains(a.Value, "url(") && a.Value != "url(#arrow)" || strings.Contains(a.Value, "://") && a.Name.Local != "xmlns" {
				t.Fatalf("%s has an attribute %s=%q", start.Name.Local, a.Name.Local, a.Value)
			}
			value[a.Name.Local] = a.Value
		}
		number := func(name string) int {
			n, err := strconv.Atoi(value[name])
			if err != nil {
				t.Fatalf("%s: %v", start.Name.Local, err)
			}
			return n
		}
		switch start.Name.Local {
		case "svg":
			size = box{0, 0, number("width"), number("height")}
		case "defs":
			defs = true
		case "rect":
			if !background {
				boxes = append(boxes, box{number("x"), number("y"), number("width"), number("height")})
			}
			background = false
		case "path":
			if defs {
				continue
			}
			var path [][2]int
			for _, p := range strings.FieldsFunc(value["d"], func(r rune) bool { return r == 'M' || r == 'L' }) {
				var at [2]int
				if _, err := fmt.Sscan(p, &at[0], &at[1]); err != nil {
					t.Fatalf("path %q: %v", value["d"], err)
				}
				path = append(path, at)
			}
			paths = append(paths, path)
		}
	}
}

// TestGraphviz has Graphviz read what is written for it, hostile names too.
func TestGraphviz(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	for i, v := range []*graph.View{hostileGraph().All(graph.ViewOptions{}), randomView(7)} {
		var b bytes.Buffer
		if err := v.WriteDOT(&b); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "dot", "-Tplain")
		cmd.Stdin = &b
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%d: dot: %v\n%s", i, err, &stderr)
		}
		if nodes, edges := strings.Count("\n"+string(out), "\nnode "), strings.Count(string(out), "\nedge "); nodes != len(v.Nodes) || edges != len(v.Edges) {
			t.Errorf("%d: dot has %d nodes and %d edges, want %d and %d", i, nodes, edges, len(v.Nodes), len(v.Edges))
		}
	}
}

func TestHoldings(t *testing.T) {
	g := parse(t, "a* b c d! e in<c\na -> b\na -> c\nb -> d", graph.Options{})
	var got []string
	for _, h := range g.Holdings() {
		one, err := g.Retained(h.ID)
		if err != nil {
			t.Fatal(err)
		}
		if h.Retained != one.Retained || h.RetainedSize != one.RetainedSize || h.Size != one.Size {
			t.Errorf("%+v in the list, %+v alone", h, one)
		}
		got = append(got, fmt.Sprintf("%s %d %s", h.ID, h.Retained, h.Reason))
	}
	if want := []string{"a 2 asked", "b 0 ", "c 0 ", "d 0 essential", "e 0 orphan"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkSVG(b *testing.B) {
	v := randomView(7)
	for range b.N {
		if err := v.WriteSVG(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
