package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
)

// chart is a picture of numbers in columns: what is drawn, without places.
//
// Its y axis begins at 0 and is never broken, so that a stage of 159 beside one of 678
// looks like a quarter of it. A change of a few is then hardly visible, and is a number
// beside the name of the line. Columns have the same distance, whatever their dates are.
// Lines are straight: with steps, the jumps of all lines of a column would be over one
// another. Between two columns there is nothing to read.
type chart struct {
	title   string
	columns []string // the text below each
	// unread are the columns without numbers, and breaks those before which the numbers
	// of all lines do not compare.
	unread, breaks []int
	lines          []chartLine
	// notes are the lines below, and shortNotes those below a narrow picture.
	notes, shortNotes []string
}

// noLimit is the limit of a point without one.
const noLimit = -1

// chartLine is one line, with the text at its end.
type chartLine struct {
	name   string
	points []chartPoint
	// number is the last one as a text, and short the same without its limit. Change is
	// its difference to the first one, "" if they do not compare.
	number, short, change string
}

type chartPoint struct {
	at, value int
	// joined is true if the line goes on from the point before.
	joined bool
	open   bool // the number is uncertain
	// limit is what the number may be, noLimit without one or outside of the picture.
	limit int
}

// maxChartLines is the number of lines of a chart: so many colours and shapes can be
// told apart.
const maxChartLines = 8

// unit is a length in tenths of the unit of the picture. Places are computed in
// integers: products of floating-point numbers differ between processors in the last
// bit, and so would the bytes.
type unit int

func (u unit) String() string {
	sign := ""
	if u < 0 {
		sign, u = "-", -u
	}
	s := sign + strconv.Itoa(int(u/10))
	if u%10 != 0 {
		s += "." + strconv.Itoa(int(u%10))
	}
	return s
}

// Widths of characters in thousandths of the size of the text. They are those of DejaVu
// Sans, a wide font, since the one that a reader has is not known.
const (
	thinGlyph  = 400
	glyphWidth = 640
	wideGlyph  = 840
	fullGlyph  = 1000
)

// textWidth returns the most that a text takes.
func textWidth(s string, size unit) unit {
	n := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune(" !'(),-./:;I[\\]fijlrt|", r):
			n += thinGlyph
		case strings.ContainsRune("%@MWm…", r):
			n += fullGlyph
		case 'A' <= r && r <= 'Z' || r == 'w' || r == '+' || r == '~' || r == '=' || r == '<' || r == '>' || r == '&':
			n += wideGlyph
		case r < 0x80:
			n += glyphWidth
		default:
			n += terminal.Width(string(r)) * fullGlyph // marks have no width
		}
	}
	return unit(n) * size / 1000
}

// fitText cuts a text to a width, at its end.
func fitText(s string, size, width unit) string {
	cells := terminal.Width(s)
	for out := s; ; cells-- {
		if textWidth(out, size) <= width || cells < 1 {
			return out
		}
		out = terminal.Cut(s, cells-1)
	}
}

// wrapText breaks a text into at most n lines of a width. The last one is cut.
func wrapText(s string, size, width unit, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch next := strings.TrimSpace(line + " " + word); {
		case line != "" && len(lines) < n-1 && textWidth(next, size) > width:
			lines, line = append(lines, fitText(line, size, width)), word
		default:
			line = next
		}
	}
	return append(lines, fitText(line, size, width))
}

// ticks returns the numbers of the y axis from 0 to at least top: up to six, and round.
func ticks(top int) []int {
	step := 1
	for i := 0; 5*step < top; i++ {
		step = round(i)
	}
	out := []int{0}
	for last := 0; last < max(top, 1); {
		last += step
		out = append(out, last)
	}
	return out
}

// round returns the numbers 1, 2, 5, 10, 20, 50 and so on.
func round(i int) int {
	n := []int{1, 2, 5}[i%3]
	for range i / 3 {
		n *= 10
	}
	return n
}

// top returns the greatest number of the lines, and of their limits.
func (c *chart) top() int {
	n := 0
	for _, l := range c.lines {
		for _, p := range l.points {
			n = max(n, p.value, p.limit)
		}
	}
	return n
}

// format is what a drawing of a chart depends on, beside the chart.
type format struct {
	width, text unit
	// plot is the least height of the area with the lines.
	plot, height unit
	narrow       bool
}

// A picture has two drawings of one shape: one for the width of a README on a screen,
// and one for that on a phone, in which the text would be too small otherwise.
var (
	wideFormat   = format{width: 8800, text: 140, plot: 3000}
	narrowFormat = format{width: 4400, text: 130, plot: 1500, narrow: true}
)

// frame has the places of a drawing: the area with the lines is between left and right,
// top and bottom.
type frame struct {
	format
	left, right, top, bottom unit
	ticks                    []int
	titles, notes            []string
	numbers                  unit // the width of the numbers at the ends of lines
	used                     unit // the height of everything but the area with the lines
}

const (
	maxTitleLines = 2
	maxNoteLines  = 6   // of each note: three names of 100 characters
	edge          = 100 // around everything
	labelGap      = 240 // between the area with the lines and the texts at their ends
	markerRoom    = 160 // of the marker before such a text
	wordGap       = 70
)

func (f format) line() unit  { return f.text * 13 / 10 }
func (f format) small() unit { return f.text * 9 / 10 }
func (f format) head() unit  { return f.text * 115 / 100 }

func (c *chart) frame(f format) frame {
	out := frame{format: f, ticks: ticks(c.top())}
	out.titles = wrapText(c.title, f.head()*11/10, f.width-2*edge, maxTitleLines) // it is bold
	notes := c.notes
	if f.narrow {
		notes = c.shortNotes
	}
	for _, n := range notes {
		out.notes = append(out.notes, wrapText(n, f.small(), f.width-2*edge, maxNoteLines)...)
	}
	out.left = edge + textWidth(strconv.Itoa(out.ticks[len(out.ticks)-1]), f.small()) + wordGap
	var names unit
	for i := range c.lines {
		out.numbers = max(out.numbers, textWidth(c.lines[i].text(f), f.text*11/10))
		names = max(names, textWidth(c.lines[i].name, f.text)+out.change(&c.lines[i]))
	}
	labels := labelGap + markerRoom + out.numbers + wordGap + names
	out.right = f.width - edge - min(labels, f.width*45/100)
	out.top = edge + unit(len(out.titles))*out.head()*13/10 + f.text*13/10
	out.used = out.top + f.line()*3/2 + unit(len(out.notes))*out.noteLine() + f.text + edge/2
	out.bottom = max(f.height, out.used+f.plot) - (out.used - out.top)
	return out
}

func (f format) noteLine() unit { return f.small() * 135 / 100 }

// change returns the width of the difference behind the name of a line. A narrow picture
// has no room for it.
func (f format) change(l *chartLine) unit {
	if f.narrow || l.change == "" {
		return 0
	}
	return textWidth(" "+l.change, f.small())
}

func (l *chartLine) text(f format) string {
	if f.narrow {
		return l.short
	}
	return l.number
}

// x returns the place of a column.
func (f *frame) x(at, columns int) unit {
	if columns == 1 {
		return (f.left + f.right) / 2
	}
	pad := min((f.right-f.left)/unit(2*columns), 2*f.text)
	return f.left + pad + (f.right-f.left-2*pad)*unit(at)/unit(columns-1)
}

// y returns the place of a number.
func (f *frame) y(value int) unit {
	return f.bottom - (f.bottom-f.top)*unit(value)/unit(f.ticks[len(f.ticks)-1])
}

// labelled returns the columns that have a text, with that text: the last one, of those
// before it every first, second, fifth or tenth ..., so that no two texts touch, and the
// first one instead of one that is too near.
func (c *chart) labelled(f *frame) map[int]string {
	n := len(c.columns)
	most := (f.right - f.left) / 4
	texts := map[int]string{}
	text := func(at int) (s string, from, to unit) {
		s = fitColumn(c.columns[at], f.small(), most)
		from, to = f.spread(f.x(at, n), textWidth(s, f.small()))
		return s, from, to
	}
	step := 1
	for i := 0; ; i++ {
		step = round(i)
		clear(texts)
		end, fits := f.width, true
		for at := n - 1; at >= 0 && fits; at -= step {
			s, from, to := text(at)
			if fits = to <= end; fits {
				texts[at], end = s, from-wordGap
			}
		}
		if fits || step >= n {
			break
		}
	}
	s, _, to := text(0)
	if near := (n - 1) % step; near > 0 && near < n-1 {
		if _, from, _ := text(near); to > from-wordGap {
			delete(texts, near)
		}
	} else if near == n-1 {
		return texts // there is room for the last one only
	}
	texts[0] = s
	return texts
}

// spread returns where a text around a place begins and ends, within the drawing.
func (f *frame) spread(x, width unit) (from, to unit) {
	from = min(max(x-width/2, edge/2), f.width-edge/2-width)
	return from, from + width
}

// fitColumn cuts the name of a release in its middle: names of releases begin and end
// with what is different.
func fitColumn(s string, size, width unit) string {
	for cells := terminal.Width(s); cells > 3 && textWidth(s, size) > width; cells-- {
		s = terminal.CutMiddle(s, cells-1)
	}
	return s
}

// settle moves places apart that are closer than a distance, as little as possible, and
// keeps them between from and to. They are in order.
func settle(places []unit, distance, from, to unit) {
	type block struct {
		first, n int
		sum      unit // of the wanted places, each as that of the first of the block
	}
	var blocks []block
	at := func(b block) unit {
		return max(min(b.sum/unit(b.n), to-unit(b.n-1)*distance), from)
	}
	for i, p := range places {
		b := block{i, 1, p}
		for len(blocks) > 0 {
			before := blocks[len(blocks)-1]
			if at(before)+unit(before.n)*distance <= at(b) {
				break
			}
			b = block{before.first, before.n + b.n, before.sum + b.sum - unit(b.n)*unit(before.n)*distance}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		for i := range b.n {
			places[b.first+i] = at(b) + unit(i)*distance
		}
	}
}

// labels returns the places of the texts at the ends of lines, by the index of the line.
func (c *chart) labels(f *frame) []unit {
	order := make([]int, len(c.lines))
	for i := range order {
		order[i] = i
	}
	end := func(i int) unit { return f.y(c.lines[i].points[len(c.lines[i].points)-1].value) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(end(a), end(b)) })
	places := make([]unit, len(order))
	for i, l := range order {
		places[i] = end(l)
	}
	settle(places, f.line(), f.top, f.bottom)
	out := make([]unit, len(order))
	for i, l := range order {
		out[l] = places[i]
	}
	return out
}
