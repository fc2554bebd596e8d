package graph

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The four formats have the same content in the same order. Identifiers are
// numbers, so that a name is always text. Each format has a function that
// escapes a name, after [plain] has removed what does not print.

// WriteDOT writes the view for Graphviz
// (https://graphviz.org/doc/info/lang.html).
func (v *View) WriteDOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	at := v.numbers()
	fmt.Fprintf(b, "digraph dependencies {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n")
	for i, n := range v.Nodes {
		fmt.Fprintf(b, "  n%d [label=%s", i, dot(n.label()))
		fmt.Fprintf(b, ", tooltip=%s", dot(plain(n.ID)))
		switch {
		case n.Focus:
			b.WriteString(", style=filled, fillcolor=gold")
		case n.Reason == Orphan:
			b.WriteString(", style=\"filled,dashed\", fillcolor=lightgray")
		case n.Reason != "":
			b.WriteString(", style=filled, fillcolor=lightblue")
		case n.Bundled != "":
			b.WriteString(", style=dotted")
		}
		b.WriteString("];\n")
	}
	for _, e := range v.Edges {
		fmt.Fprintf(b, "  n%d -> n%d", at[e.From], at[e.To])
		var attributes []string
		if text := e.text(); text != "" {
			attributes = append(attributes, "label="+dot(text))
		}
		switch {
		case e.Kind == KindContains:
			attributes = append(attributes, "style=dotted", "arrowhead=none")
		case e.weak():
			attributes = append(attributes, "style=dashed")
		}
		if len(attributes) > 0 {
			fmt.Fprintf(b, " [%s]", strings.Join(attributes, ", "))
		}
		b.WriteString(";\n")
	}
	if s := v.cut(); s != "" {
		fmt.Fprintf(b, "  cut [shape=plaintext, label=%s];\n", dot(s))
	}
	b.WriteString("}\n")
	return b.Flush()
}

// cut describes the missing part, "" for a complete view.
func (v *View) cut() string {
	if v.CutNodes == 0 && v.CutEdges == 0 {
		return ""
	}
	return fmt.Sprintf("%d more components and %d more edges are not shown", v.CutNodes, v.CutEdges)
}

// dot returns a double-quoted string. In labels a backslash begins an escape
// ("\N" is the name of the node), and an ampersand an entity.
func dot(s string) string {
	return `"` + dotEscapes.Replace(s) + `"`
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

// WriteMermaid writes the view as a Mermaid flowchart
// (https://mermaid.js.org/syntax/flowchart.html). Renderers refuse more than
// 500 edges or 50,000 characters, unless they are configured otherwise
// (maxEdges and maxTextSize): the caller limits the view to that size.
func (v *View) WriteMermaid(w io.Writer) error {
	b := bufio.NewWriter(w)
	at := v.numbers()
	b.WriteString("flowchart LR\n")
	for i, n := range v.Nodes {
		fmt.Fprintf(b, "  n%d[\"%s\"]", i, mermaid(n.label()))
		switch {
		case n.Focus:
			b.WriteString(":::focus")
		case n.Reason == Orphan:
			b.WriteString(":::orphan")
		case n.Reason != "":
			b.WriteString(":::explicit")
		case n.Bundled != "":
			b.WriteString(":::bundled")
		}
		b.WriteByte('\n')
	}
	for _, e := range v.Edges {
		arrow := "-->"
		switch {
		case e.Kind == KindContains:
			arrow = "---"
		case e.weak():
			arrow = "-.->"
		}
		fmt.Fprintf(b, "  n%d %s", at[e.From], arrow)
		if text := e.text(); text != "" {
			fmt.Fprintf(b, "|\"%s\"|", mermaid(text))
		}
		fmt.Fprintf(b, " n%d\n", at[e.To])
	}
	if s := v.cut(); s != "" {
		fmt.Fprintf(b, "  cut[\"%s\"]\n", s)
	}
	b.WriteString("  classDef focus fill:#fd6,stroke:#960\n  classDef explicit fill:#cdf,stroke:#369\n" +
		"  classDef orphan fill:#ddd,stroke-dasharray:4\n  classDef bundled stroke-dasharray:2\n")
	return b.Flush()
}

// mermaid returns text for use within quotes. Quotes in Mermaid have no escape
// but entities ("#34;"), and quoted text may contain Markdown, HTML, icons
// ("fa:fa-car") and directives ("%%"). So every character that is not a plain
// letter becomes an entity, and also text at the beginning that would make an
// item of a list.
func mermaid(s string) string {
	var b strings.Builder
	for i, r := range s {
		list := i == 0 || r == '.' && strings.HasPrefix(s[i+1:], " ")
		switch {
		case r >= 0x80, 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == ' ', !list && strings.ContainsRune("-+./|,=()", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// WriteGraphML writes the view as GraphML
// (http://graphml.graphdrawing.org/specification.html).
func (v *View) WriteGraphML(w io.Writer) error {
	b := bufio.NewWriter(w)
	at := v.numbers()
	b.WriteString(xml.Header)
	b.WriteString("<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n")
	for _, key := range []struct{ name, of, typ string }{
		{"id", "node", "string"}, {"type", "node", "string"}, {"name", "node", "string"}, {"version", "node", "string"},
		{"reason", "node", "string"}, {"bundled", "node", "string"}, {"size", "node", "long"},
		{"kind", "edge", "string"}, {"via", "edge", "string"}, {"file", "edge", "string"}, {"group", "edge", "int"},
		{"cutNodes", "graph", "int"}, {"cutEdges", "graph", "int"},
	} {
		fmt.Fprintf(b, "  <key id=%q for=%q attr.name=%q attr.type=%q/>\n", key.name, key.of, key.name, key.typ)
	}
	b.WriteString("  <graph id=\"dependencies\" edgedefault=\"directed\">\n")
	data := func(indent, key, value string) {
		if value != "" {
			fmt.Fprintf(b, "%s<data key=%q>%s</data>\n", indent, key, escapeXML(value))
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	data("    ", "cutNodes", number(int64(v.CutNodes)))
	data("    ", "cutEdges", number(int64(v.CutEdges)))
	const indent = "      "
	for i, n := range v.Nodes {
		fmt.Fprintf(b, "    <node id=\"n%d\">\n", i)
		data(indent, "id", n.ID)
		data(indent, "type", n.Type)
		data(indent, "name", n.Name)
		data(indent, "version", n.Version)
		data(indent, "reason", string(n.Reason))
		data(indent, "bundled", n.Bundled)
		data(indent, "size", number(n.Size))
		b.WriteString("    </node>\n")
	}
	for i, e := range v.Edges {
		fmt.Fprintf(b, "    <edge id=\"e%d\" source=\"n%d\" target=\"n%d\">\n", i, at[e.From], at[e.To])
		data(indent, "kind", e.Kind)
		data(indent, "via", e.Via)
		data(indent, "file", e.File)
		data(indent, "group", number(int64(e.Group)))
		b.WriteString("    </edge>\n")
	}
	b.WriteString("  </graph>\n</graphml>\n")
	return b.Flush()
}

func escapeXML(s string) string {
	var b strings.Builder
	// A Builder does not fail.
	_ = xml.EscapeText(&b, []byte(plain(s)))
	return b.String()
}

// WriteJSON writes the view as JSON. Names are unchanged, except for the
// characters that [json.Encoder] escapes.
func (v *View) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
