package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// TestSquarify checks that the areas are in proportion, within the rectangle, and
// beside each other.
func TestSquarify(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + rnd.IntN(60)
		weights := make([]float64, n)
		total := 0.0
		for i := range weights {
			weights[i] = math.Floor(math.Pow(rnd.Float64(), 3) * 1000)
			total += weights[i]
		}
		slices.SortFunc(weights, func(a, b float64) int { return int(b - a) })
		frame := box{rnd.Float64() * 100, rnd.Float64() * 100, 1 + rnd.Float64()*1000, 1 + rnd.Float64()*1000}
		boxes := squarify(weights, frame)
		if len(boxes) != n {
			t.Fatalf("%d areas for %d weights", len(boxes), n)
		}
		for i, b := range boxes {
			if want := weights[i] / max(total, 1) * frame.w * frame.h; math.Abs(b.w*b.h-want) > 1e-6*frame.w*frame.h {
				t.Errorf("weight %v of %v: area %v, want %v", weights[i], total, b.w*b.h, want)
			}
			if b.x < frame.x-1e-6 || b.y < frame.y-1e-6 || b.x+b.w > frame.x+frame.w+1e-6 || b.y+b.h > frame.y+frame.h+1e-6 {
				t.Errorf("%+v is not in %+v", b, frame)
			}
			for _, o := range boxes[:i] {
				if overlap(b, o) > 1e-6*frame.w*frame.h {
					t.Errorf("%+v and %+v overlap", b, o)
				}
			}
		}
	}
}

func overlap(a, b box) float64 {
	return max(0, min(a.x+a.w, b.x+b.w)-max(a.x, b.x)) * max(0, min(a.y+a.h, b.y+b.h)-max(a.y, b.y))
}

// TestTreemap checks that every dependency has a place, within what introduces it,
// for graphs with chains, rings and thousands of leaves.
func TestTreemap(t *testing.T) {
	for name, edges := range map[string]func(n int) [][2]int{
		"leaves": func(int) [][2]int { return nil },
		"chain": func(n int) (out [][2]int) {
			for i := range n - 1 {
				out = append(out, [2]int{i, i + 1})
			}
			return out
		},
		"fan": func(n int) (out [][2]int) {
			for i := 1; i < n; i++ {
				out = append(out, [2]int{i % 7, i})
			}
			return out
		},
		"ring": func(n int) (out [][2]int) {
			for i := range n {
				out = append(out, [2]int{i, (i + 1) % n})
			}
			return out
		},
	} {
		const n = 400
		d := sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}}
		id := func(i int) string { return fmt.Sprintf("n%03d", i) }
		for i := range n {
			reason := sbom.ReasonDependency
			if i < 7 {
				reason = sbom.ReasonExplicit
			}
			d.Components = append(d.Components, sbom.Component{ID: id(i), Kind: sbom.KindOS, Type: "deb", Name: id(i), Version: "1", PURL: "pkg:deb/" + id(i), InstallReason: reason})
		}
		for _, e := range edges(n) {
			d.Relations = append(d.Relations, sbom.Relation{From: id(e[0]), To: id(e[1]), Kind: sbom.RelDepends})
		}
		doc, err := sbom.New(d)
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New(doc, graph.Options{}).Rebuild()
		m := newTreemap(g, func(string) float64 { return 1 })
		seen := map[string]bool{}
		for i, c := range m.cells {
			if seen[c.id] {
				t.Errorf("%s: %s has two areas", name, c.id)
			}
			seen[c.id] = true
			if c.x < 0 || c.y < 0 || c.x+c.w > mapWidth || c.y+c.h > mapHeight {
				t.Errorf("%s: %+v is outside", name, c)
			}
			for _, o := range m.cells[:i] {
				if min(c.x+c.w, o.x+o.w) > max(c.x, o.x) && min(c.y+c.h, o.y+o.h) > max(c.y, o.y) {
					t.Fatalf("%s: %+v and %+v overlap", name, c, o)
				}
			}
		}
		if len(seen)+m.left != n {
			t.Errorf("%s: %d areas and %d without one of %d", name, len(seen), m.left, n)
		}
		if name != "chain" && m.left > 0 {
			t.Errorf("%s: %d without an area", name, m.left)
		}
		for _, group := range m.groups {
			kids, err := g.Retains(group.id)
			if err != nil || len(kids) == 0 {
				t.Errorf("%s: %s is a group of nothing: %v", name, group.id, err)
			}
		}
	}
}
