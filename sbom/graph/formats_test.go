package graph_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

func TestFormats(t *testing.T) {
	g := parse(t, "gdb@1* py@3 lib@2 in@1<py@3 x\ngdb@1 -> py@3\ngdb@1 -> lib@2 recommends\npy@3 -> lib@2 depends lib | libx", graph.Options{})
	v, err := g.Around("py@3", 1, graph.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		write func(io.Writer) error
		want  string
	}{
		{"DOT", v.WriteDOT, `digraph dependencies {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  n0 [label="gdb 1", tooltip="gdb@1", style=filled, fillcolor=lightblue];
  n1 [label="in 1", tooltip="in@1", style=dotted];
  n2 [label="lib 2", tooltip="lib@2"];
  n3 [label="py 3", tooltip="py@3", style=filled, fillcolor=gold];
  n0 -> n2 [label="recommends", style=dashed];
  n0 -> n3;
  n3 -> n1 [label="contains", style=dotted, arrowhead=none];
  n3 -> n2 [label="lib | libx"];
}
`},
		{"Mermaid", v.WriteMermaid, `flowchart LR
  n0["gdb 1"]:::explicit
  n1["in 1"]:::bundled
  n2["lib 2"]
  n3["py 3"]:::focus
  n0 -.->|"recommends"| n2
  n0 --> n3
  n3 ---|"contains"| n1
  n3 -->|"lib | libx"| n2
  classDef focus fill:#fd6,stroke:#960
  classDef explicit fill:#cdf,stroke:#369
  classDef orphan fill:#ddd,stroke-dasharray:4
  classDef bundled stroke-dasharray:2
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := test.write(&b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
	all := g.All(graph.ViewOptions{Nodes: 2, NoBundled: true})
	var b bytes.Buffer
	if err := all.WriteDOT(&b); err != nil {
		t.Fatal(err)
	}
	if want := `cut [shape=plaintext, label="2 more components and 2 more edges are not shown"];`; !strings.Contains(b.String(), want) {
		t.Errorf("%s\ndoes not say %s", b.String(), want)
	}
}

// hostile are names that mean something to one of the formats, or to what
// shows them.
func hostile() []string {
	return []string{
		`"`, `\`, `a"];evil[label="x`, `\N\G`, "a\nb", "<b>", "&quot;", "&#34;", "#34;", "#quot;", "]]>", "%%{init: {}}%%", "`x`", "a]:::focus", "n0 --> n1",
		"\x1b[31m", "\u202egnp.exe", "\u200b", "\x00", "\xff\xfe", "é", "日本", strings.Repeat("x", 5000), "**bold**", "javascript:alert(1)", "::error::x", "click n0 href", "end", "subgraph", "1. x", "- x", "fa:fa-car",
	}
}

func hostileGraph() *graph.Graph {
	var components []sbom.Component
	var edges []graph.Edge
	for i, name := range hostile() {
		c := sbom.Component{ID: "generic/" + name, Type: "generic", Name: name, Version: name, InstallReason: sbom.ReasonExplicit}
		components = append(components, c)
		edges = append(edges, graph.Edge{From: c.ID, To: components[i/2].ID, Kind: name, Via: name, File: name})
	}
	return graph.FromLists(components, edges, graph.Options{})
}

func TestHostileNames(t *testing.T) {
	checkFormats(t, hostileGraph().All(graph.ViewOptions{}), len(hostile()), len(hostile()))
}

// checkFormats holds each format to its grammar, and to the number of nodes
// and edges that went in.
func checkFormats(t *testing.T, v *graph.View, nodes, edges int) {
	t.Helper()
	if len(v.Nodes) != nodes || len(v.Edges) != edges {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(v.Nodes), len(v.Edges), nodes, edges)
	}
	const quoted = `"(?:[^"\\]|\\["\\])*"`
	value := `(?:` + quoted + `|[a-z]+)`
	attributes := `\[\w+=` + value + `(?:, \w+=` + value + `)*\]`
	const entities = `"[^"\x60<>&;:\[\]{}%#_*~\\]*(?:#\d+;[^"\x60<>&;:\[\]{}%#_*~\\]*)*"`
	for _, format := range []struct {
		name       string
		write      func(io.Writer) error
		node, edge *regexp.Regexp
		other      *regexp.Regexp
	}{
		{"DOT", v.WriteDOT, regexp.MustCompile(`^  n\d+ ` + attributes + `;$`), regexp.MustCompile(`^  n\d+ -> n\d+(?: ` + attributes + `)?;$`),
			regexp.MustCompile(`^(?:digraph dependencies \{|\}|  rankdir=LR;|  node \[shape=box, fontname="sans-serif"\];|  cut \[shape=plaintext, label="[\w ]+"\];)$`)},
		{"Mermaid", v.WriteMermaid, regexp.MustCompile(`^  n\d+\[` + entities + `\](?::::\w+)?$`), regexp.MustCompile(`^  n\d+ (?:-->|---|-\.->)(?:\|` + entities + `\|)? n\d+$`),
			regexp.MustCompile(`^(?:flowchart LR|  classDef [\w :#,-]+|  cut\["[\w ]+"\])$`)},
	} {
		text := write(t, format.name, format.write)
		gotNodes, gotEdges := 0, 0
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case format.other.MatchString(line):
			case format.edge.MatchString(line):
				gotEdges++
			case format.node.MatchString(line):
				gotNodes++
			default:
				t.Fatalf("%s: %q is no line of the format", format.name, line)
			}
		}
		if gotNodes != nodes || gotEdges != edges {
			t.Fatalf("%s has %d nodes and %d edges, want %d and %d", format.name, gotNodes, gotEdges, nodes, edges)
		}
	}
	text := write(t, "GraphML", v.WriteGraphML)
	var doc struct {
		Graph struct {
			Nodes []struct {
				ID string `xml:"id,attr"`
			} `xml:"node"`
			Edges []struct {
				Source string `xml:"source,attr"`
				Target string `xml:"target,attr"`
			} `xml:"edge"`
		} `xml:"graph"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("GraphML: %v", err)
	}
	if len(doc.Graph.Nodes) != nodes || len(doc.Graph.Edges) != edges {
		t.Fatalf("GraphML has %d nodes and %d edges", len(doc.Graph.Nodes), len(doc.Graph.Edges))
	}
	index := map[string]int{}
	for i, n := range v.Nodes {
		index[n.ID] = i
	}
	for i, e := range doc.Graph.Edges {
		if from, to := fmt.Sprintf("n%d", index[v.Edges[i].From]), fmt.Sprintf("n%d", index[v.Edges[i].To]); e.Source != from || e.Target != to {
			t.Fatalf("GraphML: edge %d is %v", i, e)
		}
	}
	var b bytes.Buffer
	if err := v.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back graph.View
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatalf("JSON: %v", err)
	}
	if len(back.Nodes) != nodes || len(back.Edges) != edges {
		t.Fatalf("JSON has %d nodes and %d edges", len(back.Nodes), len(back.Edges))
	}
}

// write writes a format, and checks the promises of all formats.
func write(t *testing.T, name string, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b.Bytes()) {
		t.Fatalf("%s is not UTF-8", name)
	}
	for _, r := range b.String() {
		if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x200b) {
			t.Fatalf("%s has the character %U", name, r)
		}
	}
	if err := write(&failing{after: b.Len() / 2}); err == nil {
		t.Fatalf("%s does not notice that it cannot be written", name)
	}
	return b.String()
}

// failing is a full disk.
type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
