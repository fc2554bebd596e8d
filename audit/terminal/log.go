package terminal

import (
	"cmp"
	"slices"
	"strings"
)

// layout are the lines above and below a row of a table that is laid out for a log.
type layout struct {
	above, below []string
}

const (
	// minProse is what a column of sentences keeps when others need the room.
	minProse = 24
	// belowIndent is in front of the lines below a row.
	belowIndent = Gap + Gap
	// shortValue is the width of values that share a line below a row.
	shortValue = 24
)

// laid returns a table for a log, of which no cell is cut: its rows are lines, and
// widths are those of the columns. In this order, until the lines are not wider than
// room:
//
//   - Spare columns go below the rows, each value after its title.
//   - Columns with sentences become narrower, and their cells continue on the next
//     lines.
//   - The widest of the other columns but the first go below too, numbers last.
//   - The first column becomes narrower, and its cells are on lines of their own,
//     above the rest of the row.
func (t Table) laid(room int) (lines Table, around []layout, widths []int) {
	all := t
	columns := make([]int, len(t.Columns)) // of all, that t has
	for i := range columns {
		columns[i] = i
	}
	for {
		widths = t.widths()
		least := t.least(widths, room)
		if total(least) <= room {
			break
		}
		i := t.spare()
		if i < 0 {
			i = t.widest(least)
		}
		if i < 0 {
			break
		}
		columns = append(columns[:i:i], columns[i+1:]...)
		t = t.without(i)
	}
	narrow(t, widths, room)
	var moved []int
	for i := range all.Columns {
		if !slices.Contains(columns, i) {
			moved = append(moved, i)
		}
	}
	lines = Table{Columns: t.Columns}
	for i, row := range t.Rows {
		physical, l := continued(row, widths, room)
		l.below = append(l.below, all.values(i, moved, room)...)
		for j, cells := range physical {
			lines.Rows = append(lines.Rows, cells)
			var here layout
			if j == 0 {
				here.above = l.above
			}
			if j == len(physical)-1 {
				here.below = l.below
			}
			around = append(around, here)
		}
	}
	return lines, around, widths
}

// values returns the lines with the cells of a row in some columns, each after the
// title of its column.
func (t Table) values(row int, columns []int, room int) []string {
	var short, out []string
	var long []int
	for _, i := range columns {
		cell := t.Rows[row][i]
		if cell == "" {
			continue
		}
		if Width(cell) <= shortValue {
			short = append(short, t.labelled(row, i))
			continue
		}
		long = append(long, i)
	}
	for _, i := range long {
		cell := t.Rows[row][i]
		text := t.labelled(row, i)
		if len(long) == 1 && Width(belowIndent+text) > room && !strings.Contains(cell, " ") {
			text = cell // the title would be alone on its line
		}
		out = append(out, hung(text, room)...)
	}
	return append(hung(strings.Join(short, ", "), room), out...)
}

// labelled returns a cell after the title of its column.
func (t Table) labelled(row, column int) string {
	return strings.ToLower(cmp.Or(t.Columns[column].Long, t.Columns[column].Title)) + " " + t.Rows[row][column]
}

// prose reports whether a column has sentences, of which a cell can be continued.
func (t Table) prose(column int) bool {
	return !t.Columns[column].Whole && !t.Columns[column].Right &&
		slices.ContainsFunc(t.Rows, func(row []string) bool { return strings.Contains(row[column], " ") })
}

// least returns the widths of columns when those with sentences are as narrow as
// they may be, and the first is not the widest.
func (t Table) least(widths []int, room int) []int {
	out := slices.Clone(widths)
	out[0] = min(out[0], max(room/3, Width(t.Columns[0].Title)))
	for i := range out {
		if t.prose(i) {
			out[i] = min(out[i], max(minProse, Width(t.Columns[i].Title)))
		}
	}
	return out
}

// widest returns the widest column that may go below, or else the last number, -1
// for none.
func (t Table) widest(widths []int) int {
	at, number := -1, -1
	for i := 1; i < len(widths); i++ {
		switch c := t.Columns[i]; {
		case c.Whole:
		case c.Right:
			number = i
		case at < 0 || widths[i] > widths[at]:
			at = i
		}
	}
	if at < 0 {
		return number
	}
	return at
}

// hung wraps a text for the lines below a row.
func hung(text string, room int) []string {
	lines := WrapHanging(text, room-len(belowIndent), room-len(belowIndent)-len(Gap))
	for i := range lines {
		if i > 0 {
			lines[i] = Gap + lines[i]
		}
		lines[i] = belowIndent + lines[i]
	}
	return lines
}

// narrow makes columns narrower until they fit: those with sentences, then the first
// one, then those that are whole. Numbers keep their width.
func narrow(t Table, widths []int, room int) {
	prose := make([]bool, len(t.Columns))
	for i := range prose {
		prose[i] = t.prose(i)
	}
	for _, pass := range []struct {
		least int
		may   func(i int) bool
	}{
		{minProse, func(i int) bool { return prose[i] }},
		{minColumn, func(i int) bool { return i == 0 }},
		{minColumn, func(int) bool { return true }},
	} {
		for total(widths) > room {
			widest := -1
			for i, w := range widths {
				if !t.Columns[i].Right && pass.may(i) && w > max(pass.least, Width(t.Columns[i].Title)) && (widest < 0 || w > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
}

// continued returns the lines of a row whose cells do not all fit.
func continued(row []string, widths []int, room int) ([][]string, layout) {
	var l layout
	cells := make([][]string, len(row))
	height := 1
	for i, cell := range row {
		lines := []string{cell}
		if Width(cell) > widths[i] {
			lines = Wrap(cell, widths[i])
			for _, line := range lines {
				if Width(line) > widths[i] { // a word is wider than the column
					lines = []string{""}
					if i == 0 {
						l.above = append(l.above, Wrap(cell, room)...)
					} else {
						l.below = append(l.below, hung(cell, room)...)
					}
					break
				}
			}
		}
		cells[i] = lines
		height = max(height, len(lines))
	}
	physical := make([][]string, height)
	for y := range physical {
		physical[y] = make([]string, len(row))
		for i := range row {
			if y < len(cells[i]) {
				physical[y][i] = cells[i][y]
			}
		}
	}
	return physical, l
}
