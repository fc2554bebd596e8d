package report

import (
	"io"
	"strings"
)

// Sheet is a page for a terminal that is not one of an audit's report: the
// answer to a question about a stage. It has the layout of the table format.
// All text is neutralised as [Terminal] does it, so callers put names from
// strangers in as they are; a name that is to be put into a sentence goes
// through Terminal before, which bounds it.
type Sheet struct {
	page *page
}

// Style is how a text stands out where colours are allowed. Nothing is said
// by it alone.
type Style int

const (
	Plain Style = iota
	Strong
	Faint
	Good
	Bad
	Warning
)

func (s Style) sgr() style {
	return map[Style]style{Strong: bold, Faint: faint, Good: green, Bad: red, Warning: yellow}[s]
}

// SheetColumn is a column of a table.
type SheetColumn struct {
	// Title is not neutralised: it is never foreign.
	Title string
	// Right is for numbers, which are not shortened.
	Right bool
	// Whole columns are not shortened while others can be.
	Whole bool
	// Spare columns are left out when there is no room for all.
	Spare bool
	// Path shortens at the front.
	Path bool
}

// maxProse bounds the characters of one paragraph.
const maxProse = 1 << 16

// NewSheet returns an empty sheet.
func NewSheet(o Options) *Sheet { return &Sheet{newPage(o)} }

// Width is the number of columns.
func (s *Sheet) Width() int { return s.page.width }

// Blank ends a block.
func (s *Sheet) Blank() { s.page.line("") }

// Line writes one line behind an indent, cut to the width.
func (s *Sheet) Line(indent, text string, st Style) {
	s.page.line(indent + s.page.paint(cut(Terminal(text), s.page.width-cells(indent)), st.sgr()))
}

// Prose writes a paragraph, with first in front of its first line and rest in
// front of the others. They are never foreign.
func (s *Sheet) Prose(first, rest, text string, st Style) {
	for i, l := range wrap(neutral(text, maxProse), s.page.width-max(cells(first), cells(rest))) {
		if i > 0 {
			first = rest
		}
		s.page.line(first + s.page.paint(l, st.sgr()))
	}
}

// List writes words beside each other. A word that is wider than a line is
// cut.
func (s *Sheet) List(indent string, words []string) {
	room := s.page.width - cells(indent)
	line := ""
	for _, w := range words {
		w = cut(Terminal(w), room)
		switch {
		case line == "":
			line = w
		case cells(line)+len(columnGap)+cells(w) <= room:
			line += columnGap + w
		default:
			s.page.line(indent + line)
			line = w
		}
	}
	if line != "" {
		s.page.line(indent + line)
	}
}

// Pair writes a text and, at the right edge of the same line, a remark, which
// gives way when there is no room for both. With path, the remark's end says
// more than its beginning.
func (s *Sheet) Pair(indent, text, remark string, path bool) {
	text, remark = Terminal(text), Terminal(remark)
	room := s.page.width - cells(indent)
	text = cut(text, room)
	if left := room - cells(text) - len(columnGap); remark != "" && left >= minColumn {
		if path {
			remark = cutFront(remark, left)
		} else {
			remark = cut(remark, left)
		}
		s.page.line(indent + text + strings.Repeat(" ", room-cells(text)-cells(remark)) + s.page.paint(remark, faint))
		return
	}
	s.page.line(indent + text)
}

// Table writes rows of cells under their titles. Columns in which no row has
// anything are left out, and cells that are too wide are cut.
func (s *Sheet) Table(indent string, columns []SheetColumn, rows [][]string) {
	l := list{rows: rows}
	for _, c := range columns {
		l.columns = append(l.columns, column{title: c.Title, right: c.Right, whole: c.Whole, spare: c.Spare, path: c.Path})
	}
	s.page.table(indent, l)
}

// WriteTo writes what the sheet has.
func (s *Sheet) WriteTo(w io.Writer) (int64, error) {
	if s.page.err != nil {
		return 0, s.page.err
	}
	n, err := io.WriteString(w, s.page.out.String())
	return int64(n), err
}
