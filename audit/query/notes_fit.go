package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// maxNotes is the most that a comment of GitHub takes, in characters ("body is too
// long (maximum is 65536 characters)"); the notes of a release take 125,000, and
// have other sections.
const maxNotes = 1 << 16

// size is the size of a text in the units of two limits.
type size struct{ characters, bytes int }

// sizeOf counts a text. GitHub counts code points; other programs, such as a text
// field of a browser, count UTF-16 and send two characters for the end of a line.
// The larger number is within the limit of all of them.
func sizeOf(s string) size {
	n := strings.Count(s, "\n")
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return size{n, len(s)}
}

func (a size) plus(b size) size   { return size{a.characters + b.characters, a.bytes + b.bytes} }
func (a size) minus(b size) size  { return size{a.characters - b.characters, a.bytes - b.bytes} }
func (a size) within(b size) bool { return a.characters <= b.characters && a.bytes <= b.bytes }

// share returns the nth part.
func (a size) share(n int) size { return size{a.characters / n, a.bytes / n} }

// notesPart is a list of a document that is cut at a line, so that its number stays
// right, or left out whole.
type notesPart struct {
	// stage is the name of the stage that it is about, not escaped; empty for a list
	// of stages.
	stage string
	// open and close are around the lines.
	open, close string
	lines       []notesLine
	// words are for one entry that was cut, and for many.
	words [2]string
}

// notesLine is a line, or some lines that belong together.
type notesLine struct {
	text string
	// entries is the number of entries that it has.
	entries int
}

// note returns the line about entries that were cut.
func (p *notesPart) note(n int) string {
	return fmt.Sprintf("- and %s, which `-o json` has\n", wording.Count(n, "more "+p.words[0], "more "+p.words[1]))
}

// frame is the size of a part without its lines, and with a note.
func (p *notesPart) frame() size {
	s := sizeOf(p.open + p.close)
	if len(p.lines) > 0 {
		s = s.plus(sizeOf(p.note(p.entries())))
	}
	return s
}

func (p *notesPart) entries() int {
	n := 0
	for _, l := range p.lines {
		n += l.entries
	}
	return n
}

func (p *notesPart) linesSize() size {
	var s size
	for _, l := range p.lines {
		s = s.plus(sizeOf(l.text))
	}
	return s
}

// within returns the part with as many lines as have room, and what they take.
func (p *notesPart) within(room size) (text string, used size) {
	var b strings.Builder
	b.WriteString(p.open)
	left := p.entries()
	for _, l := range p.lines {
		more := used.plus(sizeOf(l.text))
		if !more.within(room) {
			break
		}
		used = more
		left -= l.entries
		b.WriteString(l.text)
	}
	if left > 0 {
		b.WriteString(p.note(left))
	}
	return b.String() + p.close, used
}

// noteRoom is what the note about what was left out takes at most.
var noteRoom = size{characters: 1024, bytes: 2048}

// fitNotes puts a document together within a limit: its head and the list of all
// stages, then as many parts as have room for their frames, then their lines. What is
// left after the frames is divided evenly, so that one long list does not take the
// room of all others. whole is false if anything was cut.
func fitNotes(head string, parts []notesPart, limit size) (text string, whole bool) {
	full := sizeOf(head)
	texts, sizes := make([]string, len(parts)), make([]size, len(parts))
	for i := range parts {
		sizes[i] = parts[i].linesSize()
		full = full.plus(sizes[i]).plus(sizeOf(parts[i].open + parts[i].close))
	}
	if full.within(limit) {
		for i := range parts {
			texts[i], _ = parts[i].within(sizes[i])
		}
		return head + strings.Join(texts, ""), true
	}
	room := limit.minus(sizeOf(head)).minus(noteRoom)
	first := 0
	for first < len(parts) && parts[first].stage == "" {
		room = room.minus(parts[first].frame())
		var used size
		texts[first], used = parts[first].within(room.share(2))
		room = room.minus(used)
		first++
	}
	kept := first
	for kept < len(parts) && parts[kept].frame().within(room) {
		room = room.minus(parts[kept].frame())
		kept++
	}
	// The shortest lists get all of their lines first.
	var order []int
	for i := first; i < kept; i++ {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[a].bytes, sizes[b].bytes) })
	for n, i := range order {
		var used size
		texts[i], used = parts[i].within(room.share(len(order) - n))
		room = room.minus(used)
	}
	return head + strings.Join(texts[:kept], "") + leftOut(parts[kept:]), false
}

// leftOut returns the note below a document that was cut.
func leftOut(parts []notesPart) string {
	const (
		note     = "*Lists are cut to what has room: `-o json` has all of them.*\n"
		maxNames = 5
		maxName  = 60 // what is more does not fit into noteRoom
	)
	var stages []string
	for i := range parts { // those of one stage are in succession
		if i == 0 || parts[i].stage != parts[i-1].stage {
			stages = append(stages, parts[i].stage)
		}
	}
	if len(stages) == 0 {
		return note
	}
	var names []string
	for _, s := range stages[:min(len(stages), maxNames)] {
		names = append(names, terminal.CodeSpan(terminal.EscapeTo(s, maxName)))
	}
	if n := len(stages) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return fmt.Sprintf("Left out: %s of %s (%s).\n\n", wording.Count(len(parts), "list", "lists"), wording.Count(len(stages), "stage", "stages"), strings.Join(names, ", ")) + note
}
