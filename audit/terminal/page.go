package terminal

import (
	"io"
	"strings"
)

const (
	// DefaultWidth is the width of a page in a log.
	DefaultWidth = 80
	// MinWidth is the width below which columns do not line up any more.
	MinWidth = 40
	// Gap separates columns, and words in a list.
	Gap = "  "
	// maxProse is the number of characters of one paragraph.
	maxProse = 1 << 16
)

// Options describe the terminal. The zero value is a log: 80 columns, no
// colours, and nothing is cut.
type Options struct {
	// Width is the number of columns, 0 for [DefaultWidth]. Less than
	// [MinWidth] is taken as MinWidth.
	Width int
	// Color allows SGR escape sequences. They are the only escape sequences in
	// any output, and nothing is expressed by colour alone.
	Color bool
	// Cut shortens what is too wide for a line with an ellipsis, for a terminal,
	// which a reader can make wider. A log is all that there is later:
	// there such a text is continued on further lines, and a word that is wider
	// than a line is written in one piece.
	Cut bool
	// Groups allows the workflow commands of [Page.Group]. They are the only ones in
	// any output.
	Groups bool
	// Markdown makes GitHub Flavored Markdown of the page instead, of MaxBytes at most,
	// 0 for no limit: a bold line is a heading, text is a paragraph, indented text is
	// an item of a list.
	Markdown bool
	MaxBytes int
}

// Style is the parameter of an SGR sequence.
type Style string

const (
	Plain   Style = ""
	Bold    Style = "1"
	Faint   Style = "2"
	Reverse Style = "7"
	Red     Style = "1;31"
	Green   Style = "1;32"
	Yellow  Style = "1;33"
)

// Paint returns s in a style.
func Paint(s string, st Style) string {
	if st == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// Page collects lines. Its methods escape what they are given, except where
// they say otherwise.
type Page struct {
	width int
	color bool
	cut   bool
	// groups allows commands of GitHub Actions.
	groups bool
	out    strings.Builder
	doc    *document // for Markdown, otherwise nil
	err    error     // of a table, kept for the end
}

// NewPage returns an empty page.
func NewPage(o Options) *Page {
	width := o.Width
	if width == 0 {
		width = DefaultWidth
	}
	p := &Page{width: max(width, MinWidth), color: o.Color, cut: o.Cut, groups: o.Groups}
	if o.Markdown {
		p.doc = &document{limit: o.MaxBytes}
	}
	return p
}

// Width returns the number of columns.
func (p *Page) Width() int { return p.width }

// Cuts reports whether text that is too wide is cut: see [Options].
func (p *Page) Cuts() bool { return p.cut }

// Fit shortens s to n cells, if the page cuts.
func (p *Page) Fit(s string, n int) string {
	if !p.cut {
		return s
	}
	return Cut(s, n)
}

// FitPath is [Page.Fit] for a path.
func (p *Page) FitPath(s string, n int) string {
	if !p.cut {
		return s
	}
	return CutMiddle(s, n)
}

// Paint returns s in a style, if the page has colours. Blanks at its end stay
// outside, where [Page.Safe] removes them.
func (p *Page) Paint(s string, st Style) string {
	if !p.color {
		return s
	}
	text := strings.TrimRight(s, " ")
	return Paint(text, st) + s[len(text):]
}

// Safe writes a line that is put together from escaped text and has no more
// than the page's width, or that must not be cut.
func (p *Page) Safe(line string) {
	p.out.WriteString(strings.TrimRight(line, " "))
	p.out.WriteByte('\n')
}

// Blank writes an empty line.
func (p *Page) Blank() {
	if p.doc == nil {
		p.out.WriteByte('\n')
	}
}

// markdown writes a text with an indent to the document.
func (p *Page) markdown(indent, text string, st Style) {
	blanks := len(indent) - len(strings.TrimLeft(indent, " "))
	if label := strings.TrimSpace(indent); label != "" {
		text = label + " " + text
	}
	switch {
	case blanks > 0:
		p.doc.item(blanks/len(Gap)-1, text)
	case st == Bold && p.doc.out.Len() == 0:
		p.doc.heading(text)
	default:
		p.doc.paragraph(text)
	}
}

// Group writes what f writes as a group that a log of GitHub Actions shows closed, if
// the options allow it and f writes anything
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#grouping-log-lines).
// GitLab's sections need the time in their commands, and are not written.
func (p *Page) Group(title string, f func()) {
	if !p.groups {
		f()
		return
	}
	before := p.out.String()
	p.out.Reset()
	f()
	text := p.out.String()
	p.out.Reset()
	p.out.WriteString(before)
	if strings.TrimSpace(text) != "" {
		title = strings.ReplaceAll(strings.TrimRight(Escape(title), " "), "%", "%25")
		p.out.WriteString("::group::" + title + "\n" + text + "::endgroup::\n")
	}
}

// Line writes one line after an indent, cut to the width or continued.
func (p *Page) Line(indent, text string, st Style) {
	if p.doc != nil {
		p.markdown(indent, text, st)
		return
	}
	if !p.cut && Width(indent)+Width(Escape(text)) > p.width {
		p.Prose(indent, indent+Gap, text, st)
		return
	}
	p.Safe(indent + p.Paint(Cut(Escape(text), p.width-Width(indent)), st))
}

// Prose writes a paragraph, with first in front of its first line and rest in
// front of the others. Neither is escaped.
func (p *Page) Prose(first, rest, text string, st Style) {
	if p.doc != nil {
		p.markdown(first, text, st)
		return
	}
	for i, l := range WrapHanging(EscapeTo(text, maxProse), p.width-Width(first), p.width-Width(rest)) {
		if i > 0 {
			first = rest
		}
		p.Safe(first + p.Paint(l, st))
	}
}

// List writes words beside each other. A word that is wider than a line is
// cut, or on a line of its own.
func (p *Page) List(indent string, words []string) {
	if p.doc != nil {
		p.doc.item(len(indent)/len(Gap)-1, strings.Join(words, ", "))
		return
	}
	room := p.width - Width(indent)
	cut := make([]string, len(words))
	for i, w := range words {
		cut[i] = p.Fit(Escape(w), room)
	}
	for _, line := range Flow(cut, Gap, room) {
		if line != "" {
			p.Safe(indent + line)
		}
	}
}

// Pair writes a text and, at the right edge of the same line, a remark. Where there
// is no room for both, the remark is cut or left out, or is on a line of its own.
// With path, the remark is cut in its middle.
func (p *Page) Pair(indent, text, remark string, path bool) {
	if p.doc != nil {
		if remark != "" {
			text += ": " + remark
		}
		p.doc.item(len(indent)/len(Gap), text)
		return
	}
	text, remark = Escape(text), Escape(remark)
	room := p.width - Width(indent)
	left := room - Width(text) - len(Gap)
	if !p.cut && Width(remark) > max(left, 0) {
		p.Line(indent, text, Plain)
		p.Prose(indent+Gap+Gap, indent+Gap+Gap, remark, Faint)
		return
	}
	if remark == "" || p.cut && left < minColumn {
		p.Line(indent, text, Plain)
		return
	}
	cut := Cut
	if path {
		cut = CutMiddle
	}
	p.Safe(indent + text + p.Paint(FitRight(cut(remark, left), room-Width(text)), Faint))
}

// WriteTo writes the page.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	if p.err != nil {
		return 0, p.err
	}
	text := p.out.String()
	if p.doc != nil {
		text = p.doc.String()
	}
	n, err := io.WriteString(w, text)
	return int64(n), err
}
