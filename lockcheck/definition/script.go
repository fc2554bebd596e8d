package definition

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// script is the text of a command, with the place of each of its bytes.
type script struct {
	text string
	at   func(offset int) Position
}

// scriptOf returns the script of a scalar of YAML. In the literal style each line
// of the text is one of the file, behind an indent. In a style that folds lines,
// the words are found one after the other.
func (r *reader) scriptOf(n *node) script {
	begins := []int{0}
	for i := range len(n.text) {
		if n.text[i] == '\n' {
			begins = append(begins, i+1)
		}
	}
	indent, measured, single := 0, false, r.onOneLine(n)
	var words []folded
	at := func(offset int) Position {
		line := sort.SearchInts(begins, offset+1)
		column := offset - begins[line-1] + 1
		switch {
		case n.block:
			if !measured {
				indent, measured = r.indent(n), true
			}
			return r.character(n.at.Line+line, indent+column)
		case single > 0:
			return r.character(n.at.Line, single+column-1)
		}
		if !measured {
			words, measured = r.folded(n), true
		}
		return find(words, n.at, offset)
	}
	return script{n.text, at}
}

// character returns the place of a byte of a line, from 1.
func (r *reader) character(line, column int) Position {
	if line < 1 || line > len(r.lines) {
		return Position{line, column}
	}
	text := r.lines[line-1]
	return Position{line, utf8.RuneCountInString(text[:min(column-1, len(text))]) + 1}
}

// onOneLine returns the byte at which the text of a scalar begins that is on one line
// as it is, from 1; else 0.
func (r *reader) onOneLine(n *node) int {
	if n.block || n.at.Line < 1 || n.at.Line > len(r.lines) {
		return 0
	}
	line := r.lines[n.at.Line-1]
	offset := 0
	for range n.at.Column - 1 {
		_, size := utf8.DecodeRuneInString(line[offset:])
		offset += size
	}
	for range 2 {
		if strings.HasPrefix(line[offset:], n.text) {
			return offset + 1
		}
		// The quote.
		if offset < len(line) {
			offset++
		}
	}
	return 0
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

// folded is the place of a word of a text whose lines are not those of the file.
type folded struct {
	offset int
	at     Position
}

// folded returns the places of the words of a text that is folded or escaped: each
// is the next one of the file. A word that is written in another way has none.
func (r *reader) folded(n *node) (out []folded) {
	line, column := n.at.Line, n.at.Column-1
	offset := 0
	for offset < len(n.text) {
		rest := n.text[offset:]
		if trimmed := strings.TrimLeft(rest, " \t\n"); len(trimmed) < len(rest) {
			offset += len(rest) - len(trimmed)
			continue
		}
		word := rest
		if end := strings.IndexAny(rest, " \t\n"); end >= 0 {
			word = rest[:end]
		}
		for l := line; l < line+4 && l >= 1 && l <= len(r.lines); l++ {
			from := 0
			if l == line {
				from = min(column, len(r.lines[l-1]))
			}
			if at := strings.Index(r.lines[l-1][from:], word); at >= 0 {
				out = append(out, folded{offset, r.character(l, from+at+1)})
				line, column = l, from+at+len(word)
				break
			}
		}
		offset += len(word)
	}
	return out
}

// find returns the place of a byte of a folded text.
func find(words []folded, start Position, offset int) Position {
	i := sort.Search(len(words), func(i int) bool { return words[i].offset > offset }) - 1
	if i < 0 {
		return start
	}
	return Position{words[i].at.Line, words[i].at.Column + offset - words[i].offset}
}
