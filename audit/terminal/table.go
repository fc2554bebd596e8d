package terminal

import (
	"cmp"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// minColumn is what a column keeps when others need the room.
const minColumn = 6

// Column is a column of a table.
type Column struct {
	// Title is not escaped. Long is the title where the column stands alone, if it
	// differs.
	Title, Long string
	// Name is true for a title that is a name, and keeps its case.
	Name bool
	// Right aligns numbers, which are shortened last.
	Right bool
	// Whole columns are not shortened while others can be.
	Whole bool
	// Spare columns are left out when there is no room for all, those with the
	// highest number first and of these the last; 0 is for a column that never is.
	// In a log they are below the row.
	Spare int
	// Path cuts in the middle.
	Path bool
	// Code marks untrusted text, which Markdown shows as code.
	Code bool
	// Paint returns the style of a cell; nil for none.
	Paint func(cell string) Style
}

// Table is a table without a layout. Cells are as they came.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Filled returns the table without the columns that are empty in every row.
func (t Table) Filled() Table {
	for i := len(t.Columns) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(t.Rows, func(row []string) bool { return row[i] != "" }) {
			t = t.without(i)
		}
	}
	return t
}

func (t Table) without(column int) Table {
	out := Table{Columns: slices.Delete(slices.Clone(t.Columns), column, column+1)}
	for _, row := range t.Rows {
		out.Rows = append(out.Rows, slices.Delete(slices.Clone(row), column, column+1))
	}
	return out
}

// escaped returns the table with cells that are safe to print.
func (t Table) escaped() Table {
	out := Table{Columns: t.Columns, Rows: make([][]string, len(t.Rows))}
	for i, row := range t.Rows {
		out.Rows[i] = make([]string, len(row))
		for j, cell := range row {
			out.Rows[i][j] = Escape(cell)
		}
	}
	return out
}

// Table writes a table within the page's width. A table whose columns have no
// titles has no header.
//
// On a terminal, cells are cut and not wrapped, so that a row is a line. In a log
// nothing is cut: see [Table.laid].
func (p *Page) Table(indent string, t Table) {
	if p.doc != nil {
		p.err = cmp.Or(p.err, p.doc.table(t))
		return
	}
	t = t.escaped().Filled()
	if len(t.Columns) == 0 {
		return
	}
	room := p.width - Width(indent)
	var rows []layout
	var widths []int
	if p.cut {
		t, widths = t.within(room)
		rows = make([]layout, len(t.Rows))
	} else {
		t, rows, widths = t.laid(room)
	}
	var out strings.Builder
	err := p.draw(&out, t, widths)
	p.err = cmp.Or(p.err, err)
	lines := slices.Collect(strings.Lines(out.String()))
	for _, head := range lines[:len(lines)-len(t.Rows)] {
		p.Safe(indent + strings.TrimSuffix(head, "\n"))
	}
	for i, line := range lines[len(lines)-len(t.Rows):] {
		for _, text := range rows[i].above {
			p.Safe(indent + text)
		}
		if line = strings.TrimRight(line, " \n"); line != "" || len(rows[i].above)+len(rows[i].below) == 0 {
			p.Safe(indent + line)
		}
		for _, text := range rows[i].below {
			p.Safe(indent + text)
		}
	}
}

// within returns the table without the spare columns that do not fit, and the
// widths of the others.
func (t Table) within(room int) (Table, []int) {
	widths := t.widths()
	for total(widths) > room {
		i := t.spare()
		if i < 0 {
			break
		}
		t = t.without(i)
		widths = t.widths()
	}
	shrink(t.Columns, widths, room)
	return t, widths
}

// spare returns the column to leave out next, -1 for none.
func (t Table) spare() int {
	at := -1
	for i, c := range t.Columns {
		if c.Spare > 0 && (at < 0 || c.Spare >= t.Columns[at].Spare) {
			at = i
		}
	}
	return at
}

// widths returns the widths at which nothing is cut.
func (t Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = Width(c.Title)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], Width(row[i]))
		}
	}
	return widths
}

// total returns the width of a row with the gaps between its columns.
func total(widths []int) int {
	n := max(0, len(widths)-1) * len(Gap)
	for _, w := range widths {
		n += w
	}
	return n
}

// shrink takes cells from the widest columns until the sum fits: from text
// first, down to [minColumn], then from all.
func shrink(columns []Column, widths []int, room int) {
	for over := total(widths) - room; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if !columns[i].Right && !columns[i].Whole && w > minColumn && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			widest = slices.Index(widths, slices.Max(widths))
		}
		if widths[widest] <= 1 {
			return
		}
		widths[widest]--
	}
}

// draw has tablewriter lay out the table.
func (p *Page) draw(out *strings.Builder, t Table, widths []int) error {
	limits := tw.NewMapper[int, int]()
	aligns := make([]tw.Align, len(t.Columns))
	cells := make([]func(string) string, len(t.Columns))
	titles := make([]string, len(t.Columns))
	header := tw.Off
	for i, c := range t.Columns {
		limits.Set(i, widths[i])
		aligns[i] = tw.AlignLeft
		if c.Right {
			aligns[i] = tw.AlignRight
		}
		cells[i] = func(cell string) string {
			st := Plain
			if c.Paint != nil {
				st = c.Paint(cell)
			}
			if c.Path {
				cell = CutMiddle(cell, widths[i])
			}
			return p.Paint(cell, st)
		}
		title := c.Title
		if !c.Name {
			title = strings.ToUpper(title)
		}
		titles[i] = p.Paint(title, Faint)
		if c.Title != "" {
			header = tw.On
		}
	}
	part := tw.CellConfig{
		Formatting:   tw.CellFormatting{AutoWrap: tw.WrapTruncate, AutoFormat: tw.Off},
		Alignment:    tw.CellAlignment{PerColumn: aligns},
		Padding:      tw.CellPadding{Global: tw.PaddingNone},
		ColMaxWidths: tw.CellWidth{PerColumn: limits},
	}
	row := part
	row.Filter = tw.CellFilter{PerColumn: cells}
	symbols := tw.NewSymbolCustom("depaudit").WithRow("─").WithColumn(Gap).WithCenter(Gap).
		WithMidLeft("").WithMidRight("").WithHeaderLeft("").WithHeaderMid(Gap).WithHeaderRight("")
	table := tablewriter.NewTable(out,
		// Without this, tablewriter takes the width of ambiguous characters
		// from the locale. The setting is the process's, and always this one.
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   part,
			Row:      row,
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimTab: tw.Off, TrimLine: tw.Off},
		}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: symbols,
			Settings: tw.Settings{
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: header, ShowFooterLine: tw.Off},
				Separators: tw.Separators{ShowHeader: header, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.On},
			},
		})),
	)
	if header == tw.On {
		table.Header(titles)
	}
	return cmp.Or(table.Bulk(t.Rows), table.Render())
}
