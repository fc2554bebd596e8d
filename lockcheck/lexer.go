package lockcheck

import (
	"bytes"
	"slices"
	"strings"
)

// grammar has the differences between the small languages that lock files are
// written in and that no linked library parses: the terms of Erlang and of
// Elixir, HCL, and the format of opam.
type grammar struct {
	comments []string // each begins a comment to the end of the line
	// open and close surround a comment; empty for a language without them.
	open, close string
	// marks are the marks of more than one character, longer ones first.
	marks []string
	// inWord are characters of words besides letters, digits and "_".
	inWord string
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenMark
)

type token struct {
	kind   tokenKind
	text   string // of a string without quotes and escapes
	offset int
}

// lexer splits a file into tokens. tok is the present one.
type lexer struct {
	*source
	grammar
	pos int
	tok token
}

func newLexer(src *source, g grammar) (*lexer, error) {
	l := &lexer{source: src, grammar: g}
	l.pos = len(src.data) - len(strings.TrimPrefix(string(src.data), "\ufeff"))
	return l, l.next()
}

// is reports whether the present token is a mark.
func (l *lexer) is(mark string) bool { return l.tok.kind == tokenMark && l.tok.text == mark }

// accept skips a mark.
func (l *lexer) accept(mark string) (bool, error) {
	if !l.is(mark) {
		return false, nil
	}
	return true, l.next()
}

// expect skips a mark that must be there.
func (l *lexer) expect(mark string) error {
	if !l.is(mark) {
		return l.unexpected(quote(mark))
	}
	return l.next()
}

func (l *lexer) unexpected(want string) *SyntaxError {
	have := quote(l.tok.text)
	if l.tok.kind == tokenEnd {
		have = "the end of the file"
	}
	return l.errorf(l.tok.offset, "create the lock file again", "%s is expected here, not %s", want, have)
}

// next reads the next token.
func (l *lexer) next() error {
	if err := l.skip(); err != nil {
		return err
	}
	l.tok = token{kind: tokenEnd, offset: l.pos}
	if l.pos == len(l.data) {
		return nil
	}
	rest := string(l.data[l.pos:min(len(l.data), l.pos+4)])
	mark := rest[:1]
	i := slices.IndexFunc(l.marks, func(m string) bool { return strings.HasPrefix(rest, m) })
	if i >= 0 {
		mark = l.marks[i]
	} else if c := rest[0]; c == '"' || c == '\'' {
		return l.quoted(c)
	} else if l.wordByte(c) {
		start := l.pos
		for l.pos < len(l.data) && l.wordByte(l.data[l.pos]) {
			l.pos++
		}
		l.tok = token{tokenWord, string(l.data[start:l.pos]), start}
		return nil
	}
	l.tok = token{tokenMark, mark, l.pos}
	l.pos += len(mark)
	return nil
}

func (l *lexer) wordByte(c byte) bool {
	return alphanumeric(c) || c == '_' || strings.IndexByte(l.inWord, c) >= 0
}

// skip skips white space and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.data) {
		rest := l.data[l.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.pos++
		case l.open != "" && strings.HasPrefix(string(rest[:min(len(rest), 2)]), l.open):
			end := bytes.Index(rest, []byte(l.close))
			if end < 0 {
				return l.errorf(l.pos, "create the lock file again", "a comment does not end")
			}
			l.pos += end + len(l.close)
		case slices.ContainsFunc(l.comments, func(c string) bool { return strings.HasPrefix(string(rest[:min(len(rest), 2)]), c) }):
			for l.pos < len(l.data) && l.data[l.pos] != '\n' {
				l.pos++
			}
		default:
			return nil
		}
	}
	return nil
}

// quoted reads a string. A backslash takes the next character as it is, except
// in "\n" and "\t"; the tools escape quotes and backslashes only.
func (l *lexer) quoted(mark byte) error {
	start := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.data); l.pos++ {
		switch c := l.data[l.pos]; c {
		case mark:
			l.pos++
			l.tok = token{tokenString, b.String(), start}
			return nil
		case '\\':
			if l.pos++; l.pos == len(l.data) {
				break
			}
			switch e := l.data[l.pos]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(e)
			}
		default:
			b.WriteByte(c)
		}
	}
	return l.errorf(start, "create the lock file again", "a string does not end")
}
