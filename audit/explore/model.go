package explore

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depaudit/depaudit/audit/terminal"
)

// action is an effect of a key outside of the model.
type action int

const (
	nothing action = iota
	quit
	suspend
)

// maxFilter is the number of characters of a filter. A longer text was pasted
// by mistake.
const maxFilter = 200

// model is the whole state of the view.
type model struct {
	stage         Stage
	color         bool
	width, height int

	rows  []row
	index map[string]int // of rows, by ID
	size  int64          // of all rows
	marks map[string]bool

	shown     []int // the rows of the list
	sort      column
	backwards bool
	filter    string
	typing    bool // keys go into the filter

	inTree bool
	tree   tree

	// cursor is a line of the list or of the tree, top the first that is on
	// the screen.
	cursor, top int

	page *page
}

func newModel(s Stage, color bool) *model {
	const width, height = 80, 24 // until the terminal reports its size
	m := &model{stage: s, color: color, width: width, height: height, index: make(map[string]int), marks: make(map[string]bool), sort: byIntroduces}
	m.stage.Name = terminal.Escape(s.Name)
	m.tree.open = make(map[string]bool)
	m.rows = rowsOf(s)
	for i, r := range m.rows {
		m.index[r.id] = i
		m.size += r.size
	}
	m.arrange()
	return m
}

func (m *model) resize(width, height int) {
	m.width, m.height = width, height
}

// paste adds to the filter; elsewhere it does nothing.
func (m *model) paste(text string) {
	if m.typing {
		m.extend(strings.Join(strings.Fields(text), " "))
	}
}

func (m *model) extend(text string) {
	if utf8.RuneCountInString(m.filter)+utf8.RuneCountInString(text) <= maxFilter {
		m.setFilter(m.filter + text)
	}
}

// setFilter narrows or widens the list. The cursor goes to the first line of
// the matches.
func (m *model) setFilter(filter string) {
	m.filter = filter
	m.arrange()
	m.cursor, m.top = 0, 0
}

// press handles a key, by its name, with the text that it types, if any.
func (m *model) press(key, text string) action {
	switch key {
	case "ctrl+c":
		return quit
	case "ctrl+z":
		return suspend
	}
	switch {
	case m.typing:
		m.typed(key, text)
		return nothing
	case m.page != nil:
		m.turn(key)
		return nothing
	}
	return m.command(key)
}

// typed handles a key while the filter is typed.
func (m *model) typed(key, text string) {
	switch key {
	case "enter", "tab":
		m.typing = false
	case "esc":
		m.typing = false
		m.setFilter("")
	case "backspace":
		if m.filter == "" {
			m.typing = false
			return
		}
		_, size := utf8.DecodeLastRuneInString(m.filter)
		m.setFilter(m.filter[:len(m.filter)-size])
	case "ctrl+u":
		m.setFilter("")
	case "up", "down", "pgup", "pgdown":
		m.scroll(key)
	default:
		if text != "" {
			m.extend(text)
		}
	}
}

// turn handles a key while a page is shown.
func (m *model) turn(key string) {
	p := m.page
	switch key {
	case "esc", "q", "enter", "backspace", "left", "h":
		m.page = nil
	case "up", "k":
		p.top--
	case "down", "j":
		p.top++
	case "pgup", "b":
		p.top -= m.body()
	case "pgdown", "space", "f":
		p.top += m.body()
	case "home", "g":
		p.top = 0
	case "end", "G":
		p.top = len(p.wrapped(m.width))
	case "a":
		if p.target != "" {
			m.page = m.why(p.target, !p.all)
		}
	case "?":
		m.page = m.help()
	}
}

// command handles a key in the list or the tree.
func (m *model) command(key string) action {
	selected := m.selected()
	switch key {
	case "q":
		return quit
	case "esc":
		if m.filter != "" && !m.inTree {
			m.setFilter("")
			m.find(selected)
		}
		return nothing
	case "?":
		m.page = m.help()
		return nothing
	case "tab":
		m.swap(selected)
		return nothing
	case "/":
		if m.inTree {
			m.swap(selected)
		}
		m.typing = true
		return nothing
	case "s", "S", "r":
		m.reorder(key)
		return nothing
	case "u":
		clear(m.marks)
		return nothing
	}
	if m.scroll(key) || m.inTree && m.treeKey(key) || selected == "" {
		return nothing
	}
	switch key {
	case "enter", "w":
		m.page = m.why(selected, false)
	case "space":
		m.mark(selected)
	case "x":
		ids := slices.Sorted(maps.Keys(m.marks))
		if len(ids) == 0 {
			ids = []string{selected}
		}
		m.page = m.whatIf(ids)
	}
	return nothing
}

// mark marks a component, or removes the mark, and goes to the next one. A
// bundled component is only removed with its owner and cannot be marked.
func (m *model) mark(id string) {
	if _, counts := m.index[id]; !counts {
		return
	}
	if m.marks[id] {
		delete(m.marks, id)
	} else {
		m.marks[id] = true
	}
	m.move(1)
}

// reorder sorts the list by another column, or in reverse.
func (m *model) reorder(key string) {
	if m.inTree {
		return // it has a fixed order
	}
	selected := m.selected()
	n := len(titles())
	for {
		switch key {
		case "s":
			m.sort = column((int(m.sort) + 1) % n)
			m.backwards = false
		case "S":
			m.sort = column((int(m.sort) + n - 1) % n)
			m.backwards = false
		default:
			m.backwards = !m.backwards
		}
		if m.sort != byProvenance || m.stage.Provenance != nil {
			break
		}
	}
	m.arrange()
	if m.cursor > 0 { // at the top the cursor stays there
		m.find(selected)
	}
}

// swap goes between the list and the tree, to the same component.
func (m *model) swap(selected string) {
	m.inTree = !m.inTree
	if m.inTree {
		m.cursor = m.reveal(selected)
		m.top = 0
		return
	}
	m.find(selected)
}

// find puts the cursor of the list on a component, or on the first one.
func (m *model) find(id string) {
	m.top = 0
	m.cursor = max(0, slices.IndexFunc(m.shown, func(i int) bool { return m.rows[i].id == id }))
}

// selected returns the ID of the component under the cursor, "" when there is
// none.
func (m *model) selected() string {
	switch {
	case m.cursor >= m.length():
		return ""
	case m.inTree:
		return m.tree.lines[m.cursor].row.id
	}
	return m.rows[m.shown[m.cursor]].id
}

// length returns the number of lines of the list or the tree.
func (m *model) length() int {
	if m.inTree {
		return len(m.tree.lines)
	}
	return len(m.shown)
}

// scroll moves the cursor. It reports whether the key does that.
func (m *model) scroll(key string) bool {
	switch key {
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup", "b":
		m.move(-m.body())
	case "pgdown", "f":
		m.move(m.body())
	case "home", "g":
		m.move(-m.length())
	case "end", "G":
		m.move(m.length())
	default:
		return false
	}
	return true
}

func (m *model) move(by int) {
	m.cursor = max(0, min(m.cursor+by, m.length()-1))
}
