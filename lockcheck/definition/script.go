package definition

import (
	"sort"
	"strings"
)

// script is the text of a command, with the place of each of its bytes.
type script struct {
	text string
	at   func(offset int) Position
}

// scriptOf returns the script of a scalar of YAML. In the literal style each line
// of the text is one of the file, behind an indent. In a style that folds lines,
// the place of a command is that of its first words.
func (r *reader) scriptOf(n *node) script {
	begins := []int{0}
	for i := range len(n.text) {
		if n.text[i] == '\n' {
			begins = append(begins, i+1)
		}
	}
	indent, measured := 0, false
	at := func(offset int) Position {
		line := sort.SearchInts(begins, offset+1)
		column := offset - begins[line-1] + 1
		switch {
		case n.block:
			if !measured {
				indent, measured = r.indent(n), true
			}
			return Position{n.at.Line + line, indent + column}
		case len(begins) == 1:
			if n.at.Line <= len(r.lines) && n.at.Column <= len(r.lines[n.at.Line-1]) && strings.ContainsRune(`"'`, rune(r.lines[n.at.Line-1][n.at.Column-1])) {
				column++
			}
			return Position{n.at.Line, n.at.Column + column - 1}
		}
		return r.find(n, n.text[begins[line-1]:])
	}
	return script{n.text, at}
}

// indent returns the indent of a literal block: that of its first line of text,
// less what the text itself has.
func (r *reader) indent(n *node) int {
	at := n.at.Line
	for line := range strings.SplitSeq(n.text, "\n") {
		if strings.TrimSpace(line) != "" && at < len(r.lines) {
			return max(0, spaces(r.lines[at])-spaces(line))
		}
		at++
	}
	return 0
}

func spaces(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// maxFolded bounds the lines that are searched for a folded text.
const maxFolded = 500

// find returns the place of the first words of a folded line.
func (r *reader) find(n *node, rest string) Position {
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	if begin := strings.Join(words[:min(2, len(words))], " "); begin != "" {
		for l := n.at.Line; l <= len(r.lines) && l < n.at.Line+maxFolded; l++ {
			if at := strings.Index(r.lines[l-1], begin); at >= 0 {
				return Position{l, at + 1}
			}
		}
	}
	return n.at
}
