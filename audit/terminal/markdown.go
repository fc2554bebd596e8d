package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Markdown returns the table as GitHub Flavored Markdown: its head of two lines, ""
// for a table without content, and one line for each row. Cells have at most maxCell
// characters and are not padded to the width of their column, since a document has a
// limit in bytes.
func (t Table) Markdown(maxCell int) (head string, rows []string, err error) {
	t = t.Filled()
	if len(t.Columns) == 0 {
		return "", nil, nil
	}
	titles := make([]string, len(t.Columns))
	aligns := make([]tw.Align, len(t.Columns))
	cells := make([]func(string) string, len(t.Columns))
	narrow := tw.NewMapper[int, int]()
	for i, c := range t.Columns {
		titles[i], aligns[i] = cmp.Or(c.Long, c.Title), tw.AlignLeft
		if c.Right {
			aligns[i] = tw.AlignRight
		}
		cells[i] = func(cell string) string {
			cell = EscapeTo(cell, maxCell)
			switch {
			case c.Code:
				return CodeSpan(cell)
			case c.Right && number(cell):
				return cell
			}
			return MarkdownText(cell)
		}
		narrow.Set(i, 1)
	}
	part := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: aligns},
	}
	row := part
	row.Filter = tw.CellFilter{PerColumn: cells}
	var out strings.Builder
	table := tablewriter.NewTable(&out,
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithConfig(tablewriter.Config{Header: part, Row: row, Widths: tw.CellWidth{PerColumn: narrow}}),
		tablewriter.WithRenderer(renderer.NewMarkdown()))
	table.Header(titles)
	if err := cmp.Or(table.Bulk(t.Rows), table.Render()); err != nil {
		return "", nil, err
	}
	lines := slices.Collect(strings.Lines(out.String()))
	const headLines = 2 // the titles, and the line below them
	return strings.Join(lines[:headLines], ""), lines[headLines:], nil
}

// number reports whether a cell has only numbers with their signs and units.
func number(cell string) bool {
	return strings.Trim(cell, "0123456789.,+- abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// document is what a [Page] collects for Markdown. Its blocks are separated by an
// empty line; the items of a list are not.
type document struct {
	out   strings.Builder
	items bool // the last block is a list
	// limit is the most bytes, 0 for no limit; left is the number of lines beyond it.
	limit, left int
}

// noteBytes is kept for the note about what does not fit.
const noteBytes = 128

// block writes a block: a paragraph, a heading, a row of a table.
func (d *document) block(text string, item bool) {
	if text == "" {
		return
	}
	if d.out.Len() > 0 && !(item && d.items) {
		text = "\n" + text
	}
	if d.write(text) {
		d.items = item
	}
}

// write adds lines, as a whole or not at all. Nothing is added after something that
// did not fit.
func (d *document) write(lines string) bool {
	if d.left > 0 || d.limit > 0 && d.out.Len()+len(lines)+noteBytes > d.limit {
		d.left += strings.Count(strings.TrimLeft(lines, "\n"), "\n")
		return false
	}
	d.out.WriteString(lines)
	return true
}

// heading, paragraph and item take text that is not escaped.
func (d *document) heading(text string) { d.block("## "+orDash(MarkdownText(text))+"\n", false) }

func (d *document) paragraph(text string) { d.block(ended(MarkdownText(text)), false) }

func (d *document) item(level int, text string) {
	d.block(ended(strings.Repeat(Gap, max(0, level))+"- "+orDash(MarkdownText(text))), true)
}

func ended(s string) string {
	if s == "" {
		return ""
	}
	return s + "\n"
}

func orDash(s string) string { return cmp.Or(s, "-") }

// table writes a table, as many rows as fit.
func (d *document) table(t Table) error {
	head, rows, err := t.Markdown(maxText)
	if err != nil || head == "" {
		return err
	}
	d.block(head, false)
	for _, row := range rows {
		d.write(row)
	}
	return nil
}

// String returns the document with a note about what did not fit.
func (d *document) String() string {
	if d.left == 0 {
		return d.out.String()
	}
	return d.out.String() + fmt.Sprintf("\n%d more lines do not fit into this document.\n", d.left)
}
