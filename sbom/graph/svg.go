package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/depaudit/depaudit/sbom"
)

// What a drawing may have. Beyond it the lines are a mesh, whoever draws
// them: what can be read then is a piece of the graph, or another format with
// a program that can zoom and search.
const (
	SVGNodes = 60
	SVGEdges = 240
)

// TooLargeError says that a view is too large to be drawn.
type TooLargeError struct{ Nodes, Edges int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a drawing of %d components and %d edges cannot be read: the most are %d and %d", e.Nodes, e.Edges, SVGNodes, SVGEdges)
}

const (
	cellWidth = 8 // of a character of the monospaced font, in pixels, rounded up
	padding   = 8
	// maxLabel is the number of cells of a line in a box; the whole text is
	// in the box's title.
	maxLabel = 36
)

// WriteSVG draws the view (https://www.w3.org/TR/SVG11/), without scripts,
// styles, links and anything else that a reader would have to load. The error
// is a [*TooLargeError] for a view that nobody could read.
func (v *View) WriteSVG(w io.Writer) error {
	if len(v.Nodes) > SVGNodes || len(v.Edges) > SVGEdges {
		return &TooLargeError{len(v.Nodes) + v.CutNodes, len(v.Edges) + v.CutEdges}
	}
	at := v.numbers()
	widths := make([]int, len(v.Nodes))
	for i := range v.Nodes {
		name, version := v.Nodes[i].lines()
		widths[i] = max(cells(name), cells(version))*cellWidth + 2*padding
	}
	edges := make([][2]int, len(v.Edges))
	for i, e := range v.Edges {
		edges[i] = [2]int{at[e.From], at[e.To]}
	}
	d := arrange(widths, edges)
	note := v.cut()
	if note != "" {
		d.height += boxHeight
		d.width = max(d.width, len(note)*cellWidth+2*margin)
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %[2]d\" role=\"img\" font-family=\"monospace\" font-size=\"12\">\n", d.width, d.height)
	b.WriteString("  <title>dependencies</title>\n")
	b.WriteString("  <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#666\"/></marker></defs>\n")
	fmt.Fprintf(b, "  <rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", d.width, d.height)
	b.WriteString("  <g fill=\"none\" stroke=\"#666\">\n")
	for i := range v.Edges {
		v.Edges[i].draw(b, d.routes[i], v.Nodes[edges[i][0]].label(), v.Nodes[edges[i][1]].label())
	}
	b.WriteString("  </g>\n")
	for i := range v.Nodes {
		v.Nodes[i].draw(b, d.boxes[i], widths[i])
	}
	if note != "" {
		fmt.Fprintf(b, "  <text x=\"%d\" y=\"%d\">%s</text>\n", margin, d.height-margin, escapeXML(note))
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}

// draw writes an edge, with what it says for those who point at it.
func (e *Edge) draw(w io.Writer, route []point, from, to string) {
	var path strings.Builder
	for i, p := range route {
		fmt.Fprintf(&path, "%c%d %d", "ML"[min(i, 1)], p.x, p.y)
	}
	attributes := ` marker-end="url(#arrow)"`
	switch {
	case e.Kind == KindContains:
		attributes = ` stroke-dasharray="2 3"`
	case e.weak():
		attributes += ` stroke-dasharray="6 4"`
	}
	text := e.text()
	if text == "" {
		text = string(sbom.RelDepends)
	}
	fmt.Fprintf(w, "    <path d=\"%s\"%s><title>%s</title></path>\n", path.String(), attributes, escapeXML(from+" -> "+to+" ("+text+")"))
}

func (n *ViewNode) draw(w io.Writer, at point, width int) {
	fill, line := "#fff", "#333"
	attributes := ""
	switch {
	case n.Focus:
		fill, line = "#fd6", "#960"
	case n.Reason == Orphan:
		fill, attributes = "#ddd", ` stroke-dasharray="4 3"`
	case n.Reason != "":
		fill, line = "#cdf", "#369"
	case n.Bundled != "":
		attributes = ` stroke-dasharray="2 2"`
	}
	title := n.ID
	if n.Reason != "" {
		title = plain(n.ID) + " (" + string(n.Reason) + ")"
	}
	name, version := n.lines()
	const first, second, only = 14, 28, 21 // base lines
	fmt.Fprintf(w, "  <g><title>%s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\" stroke=\"%s\"%s/>",
		escapeXML(title), at.x, at.y, width, boxHeight, fill, line, attributes)
	if version == "" {
		fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\">%s</text></g>\n", at.x+padding, at.y+only, escapeXML(name))
		return
	}
	fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\">%s</text><text x=\"%d\" y=\"%d\" fill=\"#555\">%s</text></g>\n",
		at.x+padding, at.y+first, escapeXML(name), at.x+padding, at.y+second, escapeXML(version))
}

// lines are what stands in the box.
func (n *ViewNode) lines() (name, version string) {
	return shorten(plain(n.Name)), shorten(plain(n.Version))
}

func cells(s string) int {
	n := 0
	for _, r := range s {
		n += displaywidth.Rune(r)
	}
	return n
}

// shorten cuts a text to what fits into a box.
func shorten(s string) string {
	if cells(s) <= maxLabel {
		return s
	}
	room := maxLabel - 1
	for i, r := range s {
		if room -= displaywidth.Rune(r); room < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
