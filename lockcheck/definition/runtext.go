package definition

import "strings"

// runText is the text of a command with the places of its lines.
type runText struct {
	text string
	// first is the line of the file that has the first line of the text. In the
	// literal style each line of the text is one of the file, behind an indent.
	first  int
	indent int
	block  bool
	lines  []string
	start  Position
}

// newRunText returns the text of a scalar. In a style that folds lines, the line of
// a command is that on which its first words are.
func newRunText(lines []string, n *node) *runText {
	t := &runText{text: n.text, first: n.at.Line, block: n.block, lines: lines, start: n.at}
	if !n.block {
		return t
	}
	t.first++ // the line of "|" is the one before
	for line := range strings.SplitSeq(n.text, "\n") {
		if strings.TrimSpace(line) != "" {
			if t.first-1 < len(lines) {
				have := lines[t.first-1]
				t.indent = len(have) - len(strings.TrimLeft(have, " "))
				t.indent -= len(line) - len(strings.TrimLeft(line, " "))
			}
			break
		}
		t.first++
	}
	t.first = n.at.Line + 1
	return t
}

// at returns the place of a line and a column of the text, both from 1.
func (t *runText) at(line, column int) Position {
	switch {
	case t.block:
		return Position{t.first + line - 1, max(t.indent, 0) + column}
	case line == 1 && !strings.Contains(t.text, "\n"):
		return Position{t.start.Line, t.start.Column + column - 1}
	}
	return t.find(line)
}

// find returns the line of the file on which a line of the text begins.
func (t *runText) find(line int) Position {
	for i, text := range strings.Split(t.text, "\n") {
		if i != line-1 {
			continue
		}
		words := strings.Fields(text)
		if len(words) > 2 {
			words = words[:2]
		}
		begin := strings.Join(words, " ")
		for l := t.start.Line; l <= len(t.lines) && l < t.start.Line+maxFolded; l++ {
			if at := strings.Index(t.lines[l-1], begin); at >= 0 && begin != "" {
				return Position{l, at + 1}
			}
		}
	}
	return t.start
}

// maxFolded bounds the lines that are searched for a folded text.
const maxFolded = 500
