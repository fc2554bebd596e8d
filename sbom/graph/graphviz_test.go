package graph_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

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
	for _, h := range g.Retentions() {
		one, err := g.Retained(h.ID)
		if err != nil {
			t.Fatal(err)
		}
		if h.Retained != one.Retained || h.RetainedSize != one.RetainedSize || h.Size != one.Size {
			t.Errorf("%+v in the list, %+v alone", h, one)
		}
		got = append(got, fmt.Sprintf("%s %d %s", h.ID, h.Retained, h.Reason))
	}
	if want := []string{"a 2 explicit", "b 0 ", "c 0 ", "d 0 essential", "e 0 orphan"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// randomView has rings, edges from a component to itself and several edges
// between two components.
func randomView(seed int64) *graph.View {
	const maxNodes, maxEdges = 60, 240
	random := rand.New(rand.NewSource(seed))
	n := 1 + random.Intn(maxNodes)
	components := make([]sbom.Component, n)
	var edges []graph.Edge
	for i := range components {
		components[i] = sbom.Component{ID: fmt.Sprint("p", i), Type: "deb", Name: strings.Repeat("n", 1+random.Intn(50)), Version: strings.Repeat("1", random.Intn(50)), InstallReason: sbom.ReasonExplicit}
	}
	for range random.Intn(maxEdges) {
		edges = append(edges, graph.Edge{From: components[random.Intn(n)].ID, To: components[random.Intn(n)].ID, Kind: []string{"depends", "recommends"}[random.Intn(2)]})
	}
	return graph.FromLists(components, edges, graph.Options{}).All(graph.ViewOptions{})
}
