package graph_test

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// FuzzGraph makes a graph of arbitrary lists and asks it everything: an
// answer never depends on how often it is asked, what leaves and what is left
// are all, and each format keeps to its grammar.
func FuzzGraph(f *testing.F) {
	f.Add("a\x00b\x00c", "a\x00b\x00depends\x00", "a")
	f.Add("a*\x00b\x00c<b", "a\x00b\x00depends\x00b | c\x00a\x00c\x00depends\x00b | c\x00b\x00a\x00recommends\x00", "b")
	f.Add("a\x00a\x00b<a\x00a<b", "a\x00a\x00\x00\x00b\x00x\x00contains\x00", "")
	f.Add(strings.Join(hostile(), "\x00"), strings.Join(hostile(), "\x00"), "x")
	f.Fuzz(func(t *testing.T, names, links, word string) {
		const most = 40
		var components []sbom.Component
		for i, name := range strings.Split(names, "\x00") {
			if i == most {
				break
			}
			name, owner, _ := strings.Cut(name, "<")
			c := sbom.Component{ID: name, Name: strings.TrimRight(name, "*!?"), Type: "deb", Owner: owner, InstallReason: sbom.ReasonDependency}
			switch {
			case strings.HasSuffix(name, "*"):
				c.InstallReason = sbom.ReasonExplicit
			case strings.HasSuffix(name, "!"):
				c.InstallReason = sbom.ReasonEssential
			case strings.HasSuffix(name, "?"):
				c.InstallReason, c.Type = sbom.ReasonUnknown, "pypi"
			}
			components = append(components, c)
		}
		var edges []graph.Edge
		for words := strings.Split(links, "\x00"); len(words) >= 4 && len(edges) < 4*most; words = words[4:] {
			edges = append(edges, graph.Edge{From: words[0], To: words[1], Kind: words[2], Via: words[3], Group: len(words[3]) % 3})
		}
		g := graph.FromLists(components, edges, graph.Options{Roots: []string{word}})
		if first, second := everything(t, g), everything(t, graph.FromLists(components, edges, graph.Options{Roots: []string{word}})); first != second {
			t.Fatalf("two answers:\n%s\n%s", first, second)
		}
		counted := 0
		for _, n := range g.All(graph.ViewOptions{}).Nodes {
			if g.Component(n.ID).Counts() {
				counted++
			}
		}
		if c, err := g.Without([]string{word}, graph.WhatIf{}); err == nil && c.Remaining+c.Count != counted {
			t.Fatalf("%d leave and %d are left of %d", c.Count, c.Remaining, counted)
		}
		v := g.All(graph.ViewOptions{})
		checkFormats(t, v, len(v.Nodes), len(v.Edges))
		if _, err := g.Find(word); err != nil && len(err.Error()) > 10_000 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}
