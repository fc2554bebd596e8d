package report

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

const (
	defaultWidth = 80
	// minWidth is the width below which nothing lines up any more.
	minWidth = 40
)

// cells is the number of terminal cells that s takes, without its colours.
// It is the sum over the characters, as tablewriter and most terminals count,
// and at least what those show that join characters into one picture.
// Ambiguous characters take one cell whatever the locale says, so that the
// same report has the same bytes everywhere.
func cells(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c <= '~' {
			n++
			i++
			continue
		}
		if end := strings.IndexByte(s[i:], 'm'); end > 0 && strings.HasPrefix(s[i:], "\x1b[") {
			i += end + 1 // our own colours: there are no others
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += displaywidth.Rune(r)
		i += size
	}
	return n
}

// head is the number of bytes at the beginning of s that take at most n
// cells, with the marks of the last character.
func head(s string, n int) int {
	for i, r := range s {
		if n -= displaywidth.Rune(r); n < 0 {
			return i
		}
	}
	return len(s)
}

// cut shortens s, which has no colours yet, to n cells.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	return s[:head(s, n-1)] + "…"
}

// cutFront is cut for paths, whose end says more than their beginning.
func cutFront(s string, n int) string {
	total := cells(s)
	if total <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	for i, r := range s {
		if total < n && !unicode.Is(unicode.M, r) { // marks go with the character before
			return "…" + s[i:]
		}
		total -= displaywidth.Rune(r)
	}
	return "…"
}

// pad fills s with spaces to n cells.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-cells(s)))
}

// wrap breaks prose into lines of at most width cells. A word that is longer
// is broken too.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && cells(line)+1+cells(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for cells(word) > width {
			n := max(head(word, width), 1)
			for n > 1 && !mayBegin(word[n:]) {
				n--
			}
			lines = append(lines, word[:n])
			word = word[n:]
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// mayBegin says whether a line may begin with the rest of a word: not in the
// middle of a character, not with a mark that belongs to the one before, and
// not with what guardLine is about.
func mayBegin(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return utf8.RuneStart(rest[0]) && !unicode.Is(unicode.M, r) && !strings.HasPrefix(rest, "::")
}

// flow puts segments beside each other, gap apart, and begins a new line
// where one does not fit. A segment is not broken unless it is wider than a
// line.
func flow(segments []string, gap string, width int) []string {
	var lines []string
	for _, s := range segments {
		if n := len(lines); n > 0 && cells(lines[n-1])+cells(gap)+cells(s) <= width {
			lines[n-1] += gap + s
			continue
		}
		lines = append(lines, wrapStyled(s, width)...)
	}
	return lines
}

// wrapStyled is wrap, but leaves a segment that fits as it is, with its
// colours and its runs of spaces.
func wrapStyled(s string, width int) []string {
	if cells(s) <= width {
		return []string{s}
	}
	return wrap(s, width)
}

// page collects the lines of a table report.
type page struct {
	width int
	color bool
	out   strings.Builder
	err   error // of a table, kept for the end
}

func newPage(o Options) *page {
	width := o.Width
	if width == 0 {
		width = defaultWidth
	}
	return &page{width: max(width, minWidth), color: o.Color}
}

// line ends a line.
func (p *page) line(s string) {
	p.out.WriteString(guardLine(strings.TrimRight(s, " ")))
	p.out.WriteByte('\n')
}

// lines writes lines with an indent in front of the first one and another in
// front of the rest.
func (p *page) lines(first, rest string, lines []string) {
	for i, l := range lines {
		if i == 0 {
			p.line(first + l)
		} else {
			p.line(rest + l)
		}
	}
}

// style is an SGR parameter, or "" for none.
type style string

const (
	red    style = "1;31"
	green  style = "1;32"
	yellow style = "1;33"
	bold   style = "1"
	faint  style = "2"
)

func (p *page) paint(s string, c style) string {
	// Blanks at the end stay outside, where line can trim them.
	text := strings.TrimRight(s, " ")
	if !p.color || c == "" || text == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m" + s[len(text):]
}

// column is a column of a list.
type column struct {
	title string // own words
	right bool   // numbers
	whole bool   // not to be shortened while others can be
	spare bool   // left out when there is no room for all
	path  bool   // shorten from the front
	// code says that Markdown shows the cells as code: they are foreign.
	code bool
	// paint gives a cell its colour; nil for none.
	paint func(cell string) style
}

// list is a table before anybody decided how it is drawn. Cells are foreign
// text as it came.
type list struct {
	columns []column
	rows    [][]string
}

// filled returns the list without columns that say nothing in any row.
func (l list) filled() list {
	for i := len(l.columns) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(l.rows, func(row []string) bool { return row[i] != "" }) {
			l = l.without(i)
		}
	}
	return l
}

// without returns the list without a column.
func (l list) without(column int) list {
	out := list{columns: slices.Delete(slices.Clone(l.columns), column, column+1)}
	for _, row := range l.rows {
		out.rows = append(out.rows, slices.Delete(slices.Clone(row), column, column+1))
	}
	return out
}

// terminal returns the list with cells that are safe to print.
func (l list) terminal() list {
	out := list{columns: l.columns}
	for _, row := range l.rows {
		out.rows = append(out.rows, each(row, Terminal))
	}
	return out
}

// widths are the cells that each column would like to have.
func (l list) widths() []int {
	widths := make([]int, len(l.columns))
	for i, c := range l.columns {
		widths[i] = cells(c.title)
		for _, row := range l.rows {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	return widths
}

// sum is the width of a row with the gaps between its columns.
func sum(widths []int) int {
	total := max(0, len(widths)-1) * len(columnGap)
	for _, w := range widths {
		total += w
	}
	return total
}

const (
	columnGap = "  "
	// minColumn is what a column keeps when others need the room.
	minColumn = 6
)

// table draws a list within the page's width. Cells are cut, not wrapped, so
// that a row stays a line and the eye and grep find it.
func (p *page) table(indent string, l list) {
	l = l.filled().terminal()
	if len(l.columns) == 0 {
		return
	}
	room := p.width - cells(indent)
	widths := l.widths()
	for i := len(l.columns) - 1; i >= 0 && sum(widths) > room; i-- {
		if l.columns[i].spare {
			l = l.without(i)
			widths = l.widths()
		}
	}
	shrink(l.columns, widths, room)
	rows := l.rows
	header := make([]string, len(l.columns))
	for i, c := range l.columns {
		header[i] = p.paint(cut(strings.ToUpper(c.title), widths[i]), faint)
	}
	for _, row := range rows {
		for i, c := range l.columns {
			if c.path {
				row[i] = cutFront(row[i], widths[i])
			} else {
				row[i] = cut(row[i], widths[i])
			}
			if c.paint != nil {
				row[i] = p.paint(row[i], c.paint(row[i]))
			}
		}
	}
	drawn, err := draw(l.columns, header, rows)
	p.err = cmp.Or(p.err, err)
	for line := range strings.Lines(drawn) {
		p.line(indent + strings.TrimSuffix(line, "\n"))
	}
}

// shrink takes cells from the widest columns until the sum fits: from text
// first, down to what can still be told apart, then from whatever is left.
func shrink(columns []column, widths []int, room int) {
	for over := sum(widths) - room; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if !columns[i].right && !columns[i].whole && w > minColumn && (widest < 0 || w > widths[widest]) {
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

// draw has tablewriter put cells that already fit in their places.
func draw(columns []column, header []string, rows [][]string) (string, error) {
	var out strings.Builder
	aligns := make([]tw.Align, len(columns))
	for i, c := range columns {
		aligns[i] = tw.AlignLeft
		if c.right {
			aligns[i] = tw.AlignRight
		}
	}
	part := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: aligns},
		Padding:    tw.CellPadding{Global: tw.PaddingNone},
	}
	symbols := tw.NewSymbolCustom("depaudit").WithRow("─").WithColumn(columnGap).WithCenter(columnGap).
		WithMidLeft("").WithMidRight("").WithHeaderLeft("").WithHeaderMid(columnGap).WithHeaderRight("")
	t := tablewriter.NewTable(&out,
		// tablewriter takes the width of ambiguous characters from the locale
		// unless it is told; its setting is the process's, and always this.
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   part,
			Row:      part,
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimTab: tw.Off, TrimLine: tw.Off},
		}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: symbols,
			Settings: tw.Settings{
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On, ShowFooterLine: tw.Off},
				Separators: tw.Separators{ShowHeader: tw.On, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.On},
			},
		})),
	)
	t.Header(header)
	err := cmp.Or(t.Bulk(rows), t.Render())
	return out.String(), err
}
