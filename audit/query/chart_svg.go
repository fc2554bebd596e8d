package query

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// The picture is one file without script, reference or font. Its background is not
// transparent: the colours follow the system of the reader, and the page around it may
// have a theme of its own.
//
// Each line has a colour, and a marker that is beside its name again. The colours are
// those that GitHub has for charts: a contrast of at least 3 to 1 on both backgrounds,
// as WCAG 2.2 asks of graphics (1.4.11).
const chartStyle = `text{font-family:system-ui,sans-serif;fill:#1f2328}.soft{fill:#59636e}.b{font-weight:600}.e{text-anchor:end}.alone{unicode-bidi:isolate}
.bg{fill:#fff}.grid,.axis{fill:none;stroke:#d1d9e0}.axis,.break{stroke:#59636e}.break{stroke-dasharray:2 4;fill:none}
.l,.lim,.lead{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.lim{stroke-width:1.5;stroke-dasharray:6 5;stroke-linecap:butt}.lead{stroke-width:1;stroke-dasharray:1 3}
.m{fill:currentColor;stroke:#fff}.o{fill:#fff;stroke:currentColor;stroke-width:2}.x{fill:none;stroke:#59636e;stroke-width:2}
.c0{color:#0969da}.c1{color:#bc4c00}.c2{color:#1a7f37}.c3{color:#8250df}.c4{color:#bf3989}.c5{color:#1b7c83}.c6{color:#9a6700}.c7{color:#59636e}
.narrow{display:none}@media(max-width:600px){.wide{display:none}.narrow{display:inline}}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}.bg,.o{fill:#0d1117}.m{stroke:#0d1117}.grid{stroke:#3d444d}.axis,.break,.x{stroke:#9198a1}
.c0{color:#4493f8}.c1{color:#f0883e}.c2{color:#3fb950}.c3{color:#ab7df8}.c4{color:#db61a2}.c5{color:#39c5cf}.c6{color:#d29922}.c7{color:#9198a1}}`

// markers are the shapes of the lines, as paths from the middle.
var markers = [maxChartLines]string{
	"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",                        // circle
	"m-3.7-3.7h7.4v7.4h-7.4z",                                   // square
	"m0-5l4.6 8h-9.2z",                                          // triangle
	"m0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z",                         // diamond
	"m0 5l4.6-8h-9.2z",                                          // triangle, downwards
	"m-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z", // cross
	"m-5 0l2.5-4.3h5l2.5 4.3l-2.5 4.3h-5z",                      // hexagon
	"m-4.5-5h9l-9 10h9z",                                        // hourglass
}

const (
	// denseColumn is the distance of columns below which markers would touch: then only
	// columns with a text have one, and ends of lines.
	denseColumn = 130
	// openGap is the least distance of two open markers of a line.
	openGap = 90
)

// svg writes the picture. The description is for those who do not see it.
func (c *chart) svg(description string) []byte {
	wide, narrow := c.frame(wideFormat), c.frame(narrowFormat)
	// Both drawings have the shape of the one that is higher for its width.
	height := max(wide.used+wide.plot, (narrow.used+narrow.plot)*wide.width/narrow.width)
	height = (height + 19) / 20 * 20
	wide.height, narrow.height = height, height*narrow.width/wide.width
	wide, narrow = c.frame(wide.format), c.frame(narrow.format)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]v" height="%[2]v" viewBox="0 0 %[1]v %[2]v" role="img" aria-labelledby="history-title history-text">
<title id="history-title">%s</title>
<desc id="history-text">%s</desc>
<style>%s</style>
<rect class="bg" width="%[1]v" height="%[2]v"/>
`, wide.width, height, escaped(c.title), escaped(description), chartStyle)
	fmt.Fprintf(&b, "<g class=\"wide\" font-size=\"%v\">\n", wide.text)
	c.draw(&b, &wide)
	fmt.Fprintf(&b, "</g>\n<g class=\"narrow\" display=\"none\" font-size=\"%v\" transform=\"scale(%v)\">\n", narrow.text, unit(10)*wide.width/narrow.width)
	c.draw(&b, &narrow)
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// escaped returns a text for XML. It has been made printable before.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder does not fail
	return b.String()
}

func (c *chart) draw(b *bytes.Buffer, f *frame) {
	text := func(class string, x, y, size unit, s string) {
		if class != "" {
			class = ` class="` + class + `"`
		}
		fmt.Fprintf(b, "<text%s x=\"%v\" y=\"%v\" font-size=\"%v\">%s</text>\n", class, x, y, size, escaped(s))
	}
	for i, line := range f.titles {
		text("b", edge, edge+unit(i+1)*f.head()*13/10-f.head()*3/10, f.head(), line)
	}
	c.axes(b, f, text)
	n := len(c.columns)
	texts := c.labelled(f)
	for i := range c.lines {
		fmt.Fprintf(b, "<g class=\"c%d\">\n", i)
		l := &c.lines[i]
		if d := limitPath(f, l, n); d != "" {
			fmt.Fprintf(b, "<path class=\"lim\" d=\"%s\"/>\n", d)
		}
		fmt.Fprintf(b, "<path class=\"l\" d=\"%s\"/>\n", linePath(f, l, n))
		full, open := markerPaths(f, l, n, markers[i], texts)
		if full != "" {
			fmt.Fprintf(b, "<path class=\"m\" d=\"%s\"/>\n", full)
		}
		if open != "" {
			fmt.Fprintf(b, "<path class=\"o\" d=\"%s\"/>\n", open)
		}
		b.WriteString("</g>\n")
	}
	for i, y := range c.labels(f) {
		l := &c.lines[i]
		last := l.points[len(l.points)-1]
		x := f.right + labelGap
		fmt.Fprintf(b, "<g class=\"c%d\">\n", i)
		if last.at == n-1 && n > 1 {
			fmt.Fprintf(b, "<path class=\"lead\" d=\"M%v %vL%v %v\"/>\n", f.x(last.at, n)+60, f.y(last.value), x-30, y)
		}
		fmt.Fprintf(b, "<path class=\"%s\" d=\"M%v %v%s\"/>\n", map[bool]string{false: "m", true: "o"}[last.open], x+50, y, markers[i])
		x += markerRoom
		text("b e", x+f.numbers, y+f.text*35/100, f.text, l.text(f.format))
		x += f.numbers + wordGap
		name := escaped(fitText(l.name, f.text, f.width-edge/2-x-f.change(l)))
		if f.change(l) > 0 {
			name = fmt.Sprintf("<tspan class=\"alone\">%s</tspan><tspan class=\"soft\" font-size=\"%v\"> %s</tspan>", name, f.small(), l.change)
		}
		fmt.Fprintf(b, "<text x=\"%v\" y=\"%v\" font-size=\"%v\">%s</text>\n", x, y+f.text*35/100, f.text, name)
		b.WriteString("</g>\n")
	}
	for i, line := range f.notes {
		text("soft", edge, f.bottom+f.line()*3/2+unit(i+1)*f.noteLine()+f.text*4/10, f.small(), line)
	}
}

// axes draws the numbers on the left and the columns below.
func (c *chart) axes(b *bytes.Buffer, f *frame, text func(string, unit, unit, unit, string)) {
	var grid strings.Builder
	for i, t := range f.ticks {
		y := f.y(t)
		text("soft e", f.left-wordGap, y+f.small()*35/100, f.small(), fmt.Sprint(t))
		if i > 0 {
			fmt.Fprintf(&grid, "M%v %vH%v", f.left, y, f.right)
		}
	}
	fmt.Fprintf(b, "<path class=\"grid\" d=\"%s\"/>\n", grid.String())
	n := len(c.columns)
	var axis strings.Builder
	fmt.Fprintf(&axis, "M%v %vH%v", f.left, f.bottom, f.right)
	texts := c.labelled(f)
	for at := range n {
		name, labelled := texts[at]
		if !labelled {
			continue
		}
		x := f.x(at, n)
		fmt.Fprintf(&axis, "M%v %vv5", x, f.bottom)
		width := textWidth(name, f.small())
		if from, to := f.spread(x, width); from == x-width/2 {
			fmt.Fprintf(b, "<text class=\"soft\" text-anchor=\"middle\" x=\"%v\" y=\"%v\" font-size=\"%v\">%s</text>\n", x, f.bottom+f.line()*5/4, f.small(), escaped(name))
		} else if to == f.width-edge/2 {
			text("soft e", to, f.bottom+f.line()*5/4, f.small(), name)
		} else {
			text("soft", from, f.bottom+f.line()*5/4, f.small(), name)
		}
	}
	fmt.Fprintf(b, "<path class=\"axis\" d=\"%s\"/>\n", axis.String())
	var unread, breaks strings.Builder
	last := -f.width
	for _, at := range c.unread {
		if x := f.x(at, n); x-last >= openGap {
			fmt.Fprintf(&unread, "M%v %vl8 8m0-8l-8 8", x-40, f.bottom-40)
			last = x
		}
	}
	last = -f.width
	for _, at := range c.breaks {
		if x := (f.x(at-1, n) + f.x(at, n)) / 2; x-last >= openGap {
			fmt.Fprintf(&breaks, "M%v %vV%v", x, f.bottom, f.top)
			last = x
		}
	}
	if unread.Len() > 0 {
		fmt.Fprintf(b, "<path class=\"x\" d=\"%s\"/>\n", unread.String())
	}
	if breaks.Len() > 0 {
		fmt.Fprintf(b, "<path class=\"break\" d=\"%s\"/>\n", breaks.String())
	}
}

// linePath is a line in the notation of SVG. Of the points within one unit of width, it
// has the first, the lowest, the highest and the last one: all that can be seen, so that
// the size of the picture does not grow with the number of releases.
func linePath(f *frame, l *chartLine, columns int) string {
	var d strings.Builder
	for rest := l.points; len(rest) > 0; {
		pixel := func(p chartPoint) unit { return f.x(p.at, columns) / 10 }
		n, joined := 1, rest[0].joined
		for n < len(rest) && pixel(rest[n]) == pixel(rest[0]) {
			joined = joined && rest[n].joined
			n++
		}
		lowest, highest := 0, 0
		for i, p := range rest[:n] {
			if p.value < rest[lowest].value {
				lowest = i
			}
			if p.value > rest[highest].value {
				highest = i
			}
		}
		for i, p := range rest[:n] {
			if i != 0 && i != lowest && i != highest && i != n-1 {
				continue
			}
			command := "L"
			if i == 0 && !joined {
				command = "M"
			}
			fmt.Fprintf(&d, "%s%v %v", command, f.x(p.at, columns), f.y(p.value))
		}
		if alone := !joined && (n == len(rest) || !rest[n].joined); alone {
			d.WriteString("h0") // which is a dot with round ends
		}
		rest = rest[n:]
	}
	return d.String()
}

// limitPath is the limit of each point of a line, from the middle between it and the
// point before to the middle between it and the next one. Of the points within one unit
// of width, it has the first one with a limit.
func limitPath(f *frame, l *chartLine, columns int) string {
	var d strings.Builder
	var end, level unit // of what is drawn
	end = -1
	last := -f.width
	for i, p := range l.points {
		x := f.x(p.at, columns)
		if p.limit == noLimit || x/10 == last/10 {
			continue
		}
		last = x
		from, to := f.left, f.right
		if p.joined {
			from = (f.x(l.points[i-1].at, columns) + x) / 2
		} else if p.at > 0 {
			from = (f.x(p.at-1, columns) + x) / 2
		}
		if i+1 < len(l.points) && l.points[i+1].joined {
			to = (x + f.x(l.points[i+1].at, columns)) / 2
		} else if p.at+1 < columns {
			to = (x + f.x(p.at+1, columns)) / 2
		}
		switch y := f.y(p.limit); {
		case end < 0 || from-end >= 20:
			if end >= 0 {
				fmt.Fprintf(&d, "H%v", end)
			}
			fmt.Fprintf(&d, "M%v %v", from, y)
			level = y
		case y != level:
			fmt.Fprintf(&d, "H%vV%v", end, y)
			level = y
		}
		end = to
	}
	if end >= 0 {
		fmt.Fprintf(&d, "H%v", end)
	}
	return d.String()
}

// markerPaths are the markers of a line.
func markerPaths(f *frame, l *chartLine, columns int, shape string, texts map[int]string) (full, open string) {
	dense := columns > 1 && f.x(1, columns)-f.x(0, columns) < denseColumn
	var filled, hollow strings.Builder
	last := -f.width
	for i, p := range l.points {
		x := f.x(p.at, columns)
		_, labelled := texts[p.at]
		begins := !p.joined
		ends := i == len(l.points)-1 || !l.points[i+1].joined
		switch {
		case !p.open && (!dense || labelled || i == 0 || i == len(l.points)-1):
			fmt.Fprintf(&filled, "M%v %v%s", x, f.y(p.value), shape)
		case p.open && (!dense || begins && ends || x-last >= openGap):
			fmt.Fprintf(&hollow, "M%v %v%s", x, f.y(p.value), shape)
			last = x
		}
	}
	return filled.String(), hollow.String()
}
