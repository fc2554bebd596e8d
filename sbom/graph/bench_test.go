package graph_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// synthetic is a document of the shape of a distribution: most packages need
// older ones, a few are needed by nearly everything, some need each other.
func synthetic(nodes, edges int) *sbom.Document {
	random := rand.New(rand.NewPCG(7, 7))
	doc := &sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}}
	for i := range nodes {
		c := sbom.Component{
			ID: fmt.Sprintf("deb/debian/package-%06d@1.0-1?arch=amd64", i), Type: "deb", Namespace: "debian", Kind: sbom.KindOS,
			Name: fmt.Sprintf("package-%06d", i), Version: "1.0-1", Arch: "amd64", InstallReason: sbom.ReasonDependency, InstalledSize: int64(random.IntN(1 << 20)),
		}
		switch {
		case i < 20:
			c.InstallReason = sbom.ReasonEssential
		case random.IntN(10) == 0:
			c.InstallReason = sbom.ReasonExplicit
		}
		doc.Components = append(doc.Components, c)
	}
	kinds := []sbom.RelationKind{sbom.RelDepends, sbom.RelDepends, sbom.RelDepends, sbom.RelPreDepends, sbom.RelRecommends}
	for i := range edges {
		from := i * nodes / edges
		to := random.IntN(from + 1)
		switch random.IntN(10) {
		case 0:
			to = random.IntN(nodes) // a ring, often
		case 1, 2, 3:
			to = random.IntN(min(50, nodes))
		}
		r := sbom.Relation{From: doc.Components[from].ID, To: doc.Components[to].ID, Kind: kinds[random.IntN(len(kinds))]}
		if random.IntN(20) == 0 {
			r.Group = 1 + random.IntN(3)
			r.Via = "virtual-" + fmt.Sprint(r.Group)
		}
		doc.Relations = append(doc.Relations, r)
	}
	return doc
}

func sizes(b *testing.B, run func(b *testing.B, doc *sbom.Document)) {
	for _, size := range []struct{ nodes, edges int }{{600, 4_000}, {10_000, 100_000}, {100_000, 250_000}, {100_000, 500_000}, {100_000, 1_000_000}} {
		b.Run(fmt.Sprintf("%d-%d", size.nodes, size.edges), func(b *testing.B) {
			run(b, synthetic(size.nodes, size.edges))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size.edges), "ns/edge")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		for b.Loop() {
			graph.New(doc, graph.Options{})
		}
	})
}

// The dominator tree is made once for each graph, so that a graph is made for
// each turn, outside of the clock.
func BenchmarkDominators(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		for b.Loop() {
			b.StopTimer()
			g := graph.New(doc, graph.Options{})
			b.StartTimer()
			if _, err := g.Retainer(doc.Components[0].ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTop(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		g.Top(50)
		for b.Loop() {
			g.Top(50)
		}
	})
}

func BenchmarkTopOfAll(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		for b.Loop() {
			g.Top(0)
		}
	})
}

func BenchmarkWithoutAll(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		for b.Loop() {
			if _, err := g.Without([]string{doc.Components[len(doc.Components)/2].ID, doc.Components[3].ID}, graph.WhatIf{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkWhyAll(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		for b.Loop() {
			if _, err := g.Why(doc.Components[len(doc.Components)/3].ID, graph.WhyOptions{All: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		n := len(doc.Components)
		parts := []graph.Part{{Name: "a", IDs: []string{doc.Components[n/2].ID}}, {Name: "b", IDs: []string{doc.Components[n/3].ID}}}
		for b.Loop() {
			if _, err := g.Split(parts, graph.SplitOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDOT(b *testing.B) {
	sizes(b, func(b *testing.B, doc *sbom.Document) {
		g := graph.New(doc, graph.Options{})
		for b.Loop() {
			if err := g.All(graph.ViewOptions{Nodes: -1, Edges: -1}).WriteDOT(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
}
