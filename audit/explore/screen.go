package explore

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// leastWidth and leastHeight are the smallest size of the view.
	leastWidth, leastHeight = 30, 8
	// frame is the number of lines around the list: title, header, the selected
	// component, the filter, and the keys.
	frame = 5
	// leastTitle is the least room for the stage's name in the title.
	leastTitle = 8
	// wide is the width with room for the column "provenance".
	wide = 100
)

// body is the number of lines for the list or a page.
func (m *model) body() int { return max(1, m.height-frame) }

// screen draws the view: lines of at most width cells, at most height of
// them; and the column of the cursor in the line of the filter, -1 for none.
func (m *model) screen() (text string, column int) {
	if m.width < leastWidth || m.height < leastHeight {
		return terminal.Cut(fmt.Sprintf("needs %dx%d", leastWidth, leastHeight), m.width), -1
	}
	var lines []string
	if m.page != nil {
		lines = m.pageLines()
	} else {
		lines = m.listLines()
	}
	for len(lines) < m.height-2 {
		lines = append(lines, "")
	}
	prompt, column := m.prompt()
	return strings.Join(append(lines, prompt, m.keys()), "\n"), column
}

// title is the first line.
func (m *model) title() string {
	counts := ": " + wording.Count(len(m.rows), "dependency", "dependencies")
	if m.size > 0 {
		counts += ", " + terminal.Bytes(m.size)
	}
	if len(m.stage.Notes) > 0 {
		counts += ", notes: ?"
	}
	var right string
	switch {
	case m.page != nil:
	case m.inTree:
		right = "tree of what introduces what"
	case m.filter != "":
		right = fmt.Sprintf("%d shown", len(m.shown))
	}
	if n := len(m.marks); n > 0 && m.page == nil {
		right = strings.TrimPrefix(right+fmt.Sprintf(", %d marked", n), ", ")
	}
	if right != "" {
		right = " " + right
	}
	// Numbers are cut last, and the end of a reference tells stages apart.
	right = terminal.Cut(right, m.width-len(counts)-leastTitle)
	room := m.width - terminal.Width(right)
	left := terminal.CutFront(m.stage.Name, room-len(counts)) + counts
	return m.paint(terminal.Fit(left, room)+right, terminal.Reverse)
}

// keys is the last line.
func (m *model) keys() string {
	var keys, always []string
	switch {
	case m.typing:
		always = []string{"enter keep", "esc drop"}
	case m.page != nil:
		keys = []string{"up/down scroll"}
		if m.page.target != "" {
			keys = append(keys, map[bool]string{false: "a every way", true: "a shortest"}[m.page.all])
		}
		always = []string{"esc back"}
	case m.inTree:
		keys = []string{"right/left open", "tab list", "enter why", "space mark", "x what-if"}
		always = []string{"? help", "q quit"}
	default:
		keys = []string{"/ filter", "s sort", "tab tree", "enter why", "space mark", "x what-if"}
		always = []string{"? help", "q quit"}
	}
	end := strings.Join(always, columnGap)
	line := ""
	for _, k := range keys {
		if len(line)+len(k)+len(columnGap)+len(end) > m.width {
			break
		}
		line += k + columnGap
	}
	return m.paint(terminal.Cut(line+end, m.width), terminal.Faint)
}

// prompt is the line above the keys.
func (m *model) prompt() (line string, column int) {
	if m.page != nil {
		more := len(m.page.wrapped(m.width)) - m.page.top - m.pageBody()
		if more > 0 {
			return m.paint(fmt.Sprintf("%d more lines below", more), terminal.Faint), -1
		}
		return "", -1
	}
	if !m.typing && (m.filter == "" || m.inTree) {
		return "", -1
	}
	text := "/" + terminal.Escape(m.filter)
	if !m.typing {
		return terminal.Cut(text, m.width), -1
	}
	// The end of a long filter is what is being written.
	text = terminal.CutFront(text, m.width-1)
	return text, terminal.Width(text)
}

// pageBody is the number of lines of a page that are on the screen.
func (m *model) pageBody() int { return max(1, m.height-frame+1) }

func (m *model) pageLines() []string {
	p := m.page
	wrapped := p.wrapped(m.width)
	p.top = max(0, min(p.top, len(wrapped)-m.pageBody()))
	lines := []string{m.title(), m.paint(terminal.Cut(p.title, m.width), terminal.Bold)}
	for _, l := range wrapped[p.top:min(len(wrapped), p.top+m.pageBody())] {
		if l.style != "" {
			l.text = m.paint(l.text, l.style)
		}
		lines = append(lines, l.text)
	}
	return lines
}

// layout are the widths of the columns, 0 for those that are left out.
type layout [bySize + 1]int

const (
	markWidth    = 2
	columnGap    = "  "
	versionWidth = 18
	reasonWidth  = 10
	// provenanceWidth is the width of "unaccounted".
	provenanceWidth = 11
	introducesWidth = 11
	sizeWidth       = 7
	leastName       = 16
)

func (m *model) layout() layout {
	l := layout{byVersion: versionWidth, byReason: reasonWidth, byIntroduces: introducesWidth, bySize: sizeWidth}
	if m.stage.Provenance != nil && m.width >= wide {
		l[byProvenance] = provenanceWidth
	}
	// The rest of the width is for the name.
	for _, spare := range []column{byVersion, bySize, byReason} {
		if m.nameWidth(l) < leastName {
			l[spare] = 0
		}
	}
	l[byName] = m.nameWidth(l)
	return l
}

func (m *model) nameWidth(l layout) int {
	room := m.width - markWidth
	for c := byVersion; c <= bySize; c++ {
		if l[c] > 0 {
			room -= l[c] + len(columnGap)
		}
	}
	return room
}

func (m *model) listLines() []string {
	body, l := m.body(), m.layout()
	if m.cursor < m.top {
		m.top = m.cursor
	}
	if m.cursor >= m.top+body {
		m.top = m.cursor - body + 1
	}
	m.top = max(0, min(m.top, m.length()-body))
	lines := []string{m.title(), m.header(l)}
	for i := m.top; i < min(m.top+body, m.length()); i++ {
		lines = append(lines, m.rowLine(l, i))
	}
	if m.length() == 0 {
		lines = append(lines, m.nothing())
	}
	for len(lines) < body+2 {
		lines = append(lines, "")
	}
	return append(lines, m.about())
}

func (m *model) nothing() string {
	if m.filter == "" {
		return "  there are no dependencies"
	}
	return terminal.Cut("  no dependency has all of these words", m.width)
}

func (m *model) header(l layout) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", markWidth))
	for c, title := range titles() {
		if l[c] == 0 {
			continue
		}
		title = strings.ToUpper(title)
		if column(c) == m.sort && !m.inTree {
			if m.backwards {
				title = "-" + title
			} else {
				title = "*" + title
			}
		}
		writeCell(&b, l, column(c), title)
	}
	return m.paint(strings.TrimRight(b.String(), " "), terminal.Bold)
}

// writeCell adds a cell with the gap before it.
func writeCell(b *strings.Builder, l layout, c column, text string) {
	if l[c] == 0 {
		return
	}
	if c > byName {
		b.WriteString(columnGap)
	}
	if c >= byIntroduces {
		b.WriteString(terminal.FitRight(text, l[c]))
		return
	}
	b.WriteString(terminal.Fit(text, l[c]))
}

func (m *model) rowLine(l layout, i int) string {
	var r row
	name := ""
	if m.inTree {
		at := m.tree.lines[i]
		r = at.row
		sign := "  "
		switch {
		case at.kids && at.open:
			sign = "- "
		case at.kids:
			sign = "+ "
		}
		name = strings.Repeat("  ", min(at.depth, l[byName]/4)) + sign + r.name
	} else {
		r = m.rows[m.shown[i]]
		name = r.name
	}
	var b strings.Builder
	sign := []byte("  ")
	if i == m.cursor {
		sign[0] = '>'
	}
	if m.marks[r.id] {
		sign[1] = '*'
	}
	b.Write(sign)
	writeCell(&b, l, byName, name)
	writeCell(&b, l, byVersion, r.version)
	writeCell(&b, l, byReason, r.reason)
	writeCell(&b, l, byProvenance, r.provenance)
	introduces := ""
	if r.introduces > 0 {
		introduces = fmt.Sprint(r.introduces)
	}
	writeCell(&b, l, byIntroduces, introduces)
	writeCell(&b, l, bySize, terminal.Bytes(r.size))
	text := b.String()
	switch {
	case i == m.cursor:
		return m.paint(text, terminal.Reverse)
	case m.marks[r.id]:
		return m.paint(text, terminal.Yellow)
	case r.bundled:
		return m.paint(text, terminal.Faint)
	}
	return text
}

// about returns the line about the selected component: the facts that have no
// column.
func (m *model) about() string {
	id := m.selected()
	if id == "" {
		return ""
	}
	r := m.rowOf(id)
	parts := []string{r.typ + " " + r.label()}
	if r.provenance != "" {
		parts = append(parts, r.provenance)
	}
	if r.introduces > 0 {
		parts = append(parts, fmt.Sprintf("introduces %d%s", r.introduces, sized(r.introducedSize)))
	}
	if r.detail != "" {
		parts = append(parts, r.detail)
	}
	return terminal.Cut(strings.Join(parts, ", "), m.width)
}
