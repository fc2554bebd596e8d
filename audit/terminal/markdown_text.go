package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MarkdownCode returns s as a code span for Markdown, "" for an empty one.
//
// A code span is the only inline element in which nothing else is parsed: no
// emphasis, no HTML, no entity, and on GitHub no mention, issue, commit, emoji
// or URL. The characters that could end it or the table cell around it, a
// backtick and a pipe, are escaped instead of quoted: renderers disagree on
// backslashes before pipes and on long runs of backticks, and where they do,
// the rest of the name would be parsed.
func MarkdownCode(s string) string {
	return CodeSpan(Escape(s))
}

// CodeSpan is [MarkdownCode] for a text that is escaped already.
func CodeSpan(escaped string) string {
	if escaped == "" {
		return ""
	}
	quoted := strings.ReplaceAll(escaped, "`", escapeRune('`'))
	return "`" + strings.ReplaceAll(quoted, "|", escapeRune('|')) + "`"
}

// MarkdownText returns prose that contains untrusted words for Markdown. Plain
// words and numbers stay; each run of anything else becomes a code span. This
// is a list of what is allowed, not of what is known to be special.
func MarkdownText(s string) string {
	var b strings.Builder
	var code []string
	flush := func() {
		if len(code) > 0 {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			run := strings.Join(code, " ")
			// The punctuation of the sentence is not part of the name.
			rest := strings.TrimLeft(run, "(")
			ends := ".,;:"
			if rest != run && !strings.Contains(rest, "(") {
				ends += ")"
			}
			bare := strings.TrimRight(rest, ends)
			if bare == "" {
				rest, bare = run, run
			}
			b.WriteString(run[:len(run)-len(rest)] + CodeSpan(bare) + rest[len(bare):])
			code = nil
		}
	}
	for word := range strings.FieldsSeq(Escape(s)) {
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

// plainWord reports whether no renderer of Markdown gives a word a meaning:
// letters with inner hyphens, slashes and apostrophes, or a number, each
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
