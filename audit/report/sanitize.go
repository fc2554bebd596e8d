package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxText is the number of characters that one foreign string may take.
	// The longest names and paths that systems allow are 4,096 bytes
	// (PATH_MAX) and rarely a quarter of it; a name can be a megabyte.
	maxText = 1024
	// maxCommand is the same for a command to paste, which must not be cut: a
	// longer one is not printed. It is the longest line that a terminal in
	// canonical mode takes (termios(3)).
	maxCommand = 4096
	// maxMarks is the number of combining marks that one character may carry.
	// Living scripts stay below; towers of marks paint over other lines.
	maxMarks = 4
)

// Terminal returns s as a single line that is safe on a terminal and in the
// log of a CI system. What does not print is shown as an escape (\n, \x1b,
// \u202e): control characters, bidirectional and other format characters,
// separators, blanks other than the space, invalid UTF-8, private and
// unassigned characters, invisible letters. Long strings end in an ellipsis.
//
// CI systems take commands from what a step prints, so these cannot come out
// either: "::" at the beginning of a word, because GitHub's runner obeys it at
// the beginning of a line, after blanks, and any word may come to stand there
// when lines are wrapped; and "##" anywhere, because "##[" (GitHub's older
// form, also "##vso[" and "##teamcity[" of others) is obeyed in the middle
// of a line (actions/runner, src/Runner.Common/ActionCommand.cs).
func Terminal(s string) string { return neutral(s, maxText) }

// neutral is Terminal with a limit in characters of output.
func neutral(s string, limit int) string {
	if len(s) <= limit && plain(s) {
		return s
	}
	var b strings.Builder
	var (
		length = 0   // characters written
		last   = ' ' // the last character, 0 when it was written as an escape
		marks  = -1  // combining marks on it, -1 when it can carry none
	)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		rest := s[size:]
		out := s[:size]
		mark := unicode.Is(unicode.M, r)
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Sprintf(`\x%02x`, s[0])
		case !prints(r),
			mark && (marks < 0 || marks >= maxMarks),
			r == '#' && last == '#',
			r == ':' && (last == ' ' || last == ':') && strings.HasPrefix(rest, ":"):
			out = escape(r)
		}
		length += utf8.RuneCountInString(out)
		if length > limit || (length == limit && rest != "") {
			b.WriteString("…")
			break
		}
		b.WriteString(out)
		switch kept := len(out) == size; {
		case kept && mark:
			marks++
		case kept && r == ' ':
			last, marks = r, -1 // a line may be wrapped here
		case kept:
			last, marks = r, 0
		default:
			last, marks = 0, -1
		}
		s = rest
	}
	return b.String()
}

// plain says whether every byte can stay: the case of nearly all strings.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.Contains(s, "##") && !strings.Contains(s, ":::") &&
		!strings.HasPrefix(s, "::") && !strings.Contains(s, " ::")
}

// prints says whether a character is visible, or a plain space, and leaves
// those around it where they are.
func prints(r rune) bool {
	const brailleBlank = '\u2800' // a symbol by its category, but empty
	return unicode.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// guardLine is the last thing that happens to a line of a table: whatever was
// put together does not begin with "::". Terminal and wrap see to it already,
// and this is for the day on which a caller forgets.
func guardLine(line string) string {
	text := strings.TrimLeft(line, " ")
	if strings.HasPrefix(text, "::") {
		return line[:len(line)-len(text)] + escape(':') + text[1:]
	}
	return line
}

// markdownCode returns s as a code span for Markdown, "" for an empty one.
//
// A code span is the only inline element in which nothing else is looked
// for: no emphasis, no HTML, no entity, and on GitHub no mention, issue,
// commit, emoji or URL. What could end it or the table cell around it, a
// backtick and a pipe, is shown as an escape instead of being quoted:
// renderers disagree on backslashes before pipes and on long runs of
// backticks, and a disagreement would bring the rest of the name to life.
func markdownCode(s string) string {
	return codeSpan(Terminal(s))
}

func codeSpan(terminal string) string {
	if terminal == "" {
		return ""
	}
	quoted := strings.ReplaceAll(terminal, "`", escape('`'))
	return "`" + strings.ReplaceAll(quoted, "|", escape('|')) + "`"
}

// markdownText returns prose with foreign words in it for Markdown. Plain
// words and numbers stay; each run of anything else becomes a code span. So
// it is a list of what is allowed, and not one of what is known to be special.
func markdownText(s string) string {
	var b strings.Builder
	var code []string
	flush := func() {
		if len(code) > 0 {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			run := strings.Join(code, " ")
			bare := strings.TrimRight(run, ".,;")
			if bare == "" {
				bare = run
			}
			// The punctuation of the sentence is not part of the name.
			b.WriteString(codeSpan(bare) + run[len(bare):])
			code = nil
		}
	}
	for word := range strings.FieldsSeq(Terminal(s)) {
		if !plainWord(word, b.Len() == 0 && len(code) == 0) {
			code = append(code, word)
			continue
		}
		flush()
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	flush()
	return b.String()
}

// plainWord says whether a word means nothing but itself to any renderer of
// Markdown: letters with inner hyphens, slashes and apostrophes, or a number, each
// with the punctuation of a sentence. first is true at the beginning of a
// text, where a number with a full stop would begin a list.
func plainWord(word string, first bool) bool {
	core := strings.TrimRight(strings.TrimPrefix(word, "("), ".,;:!?)")
	letters, digits, previous := false, false, ' '
	for i, r := range core {
		switch {
		case unicode.IsLetter(r):
			letters = true
		case '0' <= r && r <= '9':
			digits = true
		case (r == '-' || r == '\'' || r == '/' && !digits) && i > 0 && i < len(core)-1 && previous != r:
		case (r == '.' || r == ',') && digits && !letters && previous != r:
		default:
			return false
		}
		previous = r
	}
	if letters == digits || (first && digits && core != word) || strings.Contains(strings.ToLower(word), "www.") {
		return false // nothing, or "GH-1" and "a1b2c3d", which become links
	}
	// The pieces that a pattern like \b[0-9a-f]{7,40}\b sees, in any dialect.
	other := func(r rune) bool { return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for piece := range strings.FieldsFuncSeq(core, other) {
		const shortestCommit = 7
		if len(piece) >= shortestCommit && strings.Trim(piece, "0123456789abcdefABCDEF") == "" {
			return false
		}
	}
	return true
}
