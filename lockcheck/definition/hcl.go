package definition

import (
	"context"
	"strings"
	"unicode/utf8"
)

// hclReader reads the part of HCL that bake files are written in: blocks with
// labels, and attributes whose values are strings, lists and objects
// (https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md). Any other
// expression is a text that is decided when it runs.
type hclReader struct {
	*reader
	text         string
	pos          int
	line, column int
	values       int
}

// hcl returns the blocks of a file as an object of their kinds, then of their labels.
func (r *reader) hcl(ctx context.Context, text string) *node {
	h := &hclReader{reader: r, text: strings.TrimPrefix(text, "\ufeff"), line: 1, column: 1}
	root := h.body(ctx, 0)
	if r.err == nil && h.pos < len(h.text) {
		r.fail(h.at(), "", "%s is not expected here", quote(h.text[h.pos:h.pos+1]))
	}
	return root
}

func (h *hclReader) at() Position { return Position{h.line, h.column} }

// skip moves over n bytes.
func (h *hclReader) skip(n int) {
	for _, c := range h.text[h.pos : h.pos+n] {
		if c == '\n' {
			h.line, h.column = h.line+1, 0
		}
		h.column++
	}
	h.pos += n
}

// space skips white space and comments; lines only if newlines is true.
func (h *hclReader) space(newlines bool) {
	for h.pos < len(h.text) {
		rest := h.text[h.pos:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n' && newlines:
			h.skip(1)
		case rest[0] == '#' || strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			h.skip(end)
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				h.fail(h.at(), "", "a comment does not end")
				h.pos = len(h.text)
				return
			}
			h.skip(end + 4)
		default:
			return
		}
	}
}

func (h *hclReader) peek() byte {
	if h.pos < len(h.text) {
		return h.text[h.pos]
	}
	return 0
}

func (h *hclReader) word() string {
	end := h.pos
	for end < len(h.text) {
		c := h.text[end]
		if c >= utf8.RuneSelf || c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			end++
			continue
		}
		break
	}
	w := h.text[h.pos:end]
	h.skip(end - h.pos)
	return w
}

// body reads attributes and blocks up to "}" or the end.
func (h *hclReader) body(ctx context.Context, depth int) *node {
	n := &node{kind: nodeObject, at: h.at()}
	if depth > maxDepth {
		h.fail(h.at(), "", "nested deeper than %d levels", maxDepth)
	}
	for h.err == nil {
		if h.err == nil && ctx.Err() != nil {
			h.err = ctx.Err()
		}
		h.space(true)
		if c := h.peek(); c == 0 || c == '}' {
			return n
		}
		at := h.at()
		key := h.word()
		if h.values++; key == "" || h.values > maxValues {
			h.fail(at, "", "a block or an attribute is expected here")
			return n
		}
		h.space(false)
		if h.peek() == '=' && !strings.HasPrefix(h.text[h.pos:], "==") {
			h.skip(1)
			h.space(false)
			n.put(member{key, at, h.value(depth + 1)})
			continue
		}
		h.block(ctx, n, key, at, depth)
	}
	return n
}

func (h *hclReader) block(ctx context.Context, n *node, key string, at Position, depth int) {
	label, labelAt := "", at
	for h.err == nil && h.peek() != '{' {
		c := h.peek()
		labelAt = h.at()
		switch {
		case c == '"':
			label = h.quoted()
		default:
			if label = h.word(); label == "" {
				h.fail(h.at(), "", "\"=\", a label or \"{\" is expected here")
				return
			}
		}
		h.space(false)
	}
	if h.err != nil {
		return
	}
	h.skip(1)
	body := h.body(ctx, depth+1)
	if h.peek() != '}' {
		h.fail(h.at(), "", "a block does not end")
		return
	}
	h.skip(1)
	if label == "" {
		n.put(member{key, at, body})
		return
	}
	kind := n.get(key)
	if kind == nil || kind.kind != nodeObject {
		kind = &node{kind: nodeObject, at: at}
		n.put(member{key, at, kind})
	}
	kind.put(member{label, labelAt, body})
}

// quoted reads a string with its templates as they are.
func (h *hclReader) quoted() string {
	start := h.at()
	var b strings.Builder
	h.skip(1)
	depth := 0
	for h.pos < len(h.text) {
		switch c := h.text[h.pos]; {
		case c == '\\' && h.pos+1 < len(h.text) && depth == 0:
			h.skip(1)
			switch e := h.text[h.pos]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(e)
			}
			h.skip(1)
		case c == '"' && depth == 0:
			h.skip(1)
			return b.String()
		case c == '\n' && depth == 0:
			h.fail(start, "", "a string does not end")
			return ""
		default:
			if (c == '$' || c == '%') && strings.HasPrefix(h.text[h.pos+1:], "{") {
				depth++
				b.WriteByte(c)
				h.skip(1)
				c = '{'
			} else if c == '{' && depth > 0 {
				depth++
			} else if c == '}' && depth > 0 {
				depth--
			}
			b.WriteByte(c)
			h.skip(1)
		}
	}
	h.fail(start, "", "a string does not end")
	return ""
}

// value reads an expression.
func (h *hclReader) value(depth int) *node {
	n := &node{kind: nodeScalar, at: h.at()}
	begin := h.pos
	if h.values++; depth > maxDepth || h.values > maxValues {
		h.fail(n.at, "", "more than %d values, or nested deeper than %d levels", maxValues, maxDepth)
		return n
	}
	switch c := h.peek(); {
	case c == '"':
		n.text = h.quoted()
	case c == '[':
		n.kind = nodeArray
		h.skip(1)
		for h.space(true); h.err == nil && h.peek() != ']' && h.peek() != 0; h.space(true) {
			if strings.HasPrefix(h.text[h.pos:], "for ") {
				h.rest(1)
				n.kind, n.text, n.items = nodeScalar, "${...}", nil
				break
			}
			n.items = append(n.items, h.value(depth+1))
			if h.space(true); h.peek() == ',' {
				h.skip(1)
			}
		}
		h.closing(']')
	case c == '{':
		n.kind = nodeObject
		h.skip(1)
		for h.space(true); h.err == nil && h.peek() != '}' && h.peek() != 0; h.space(true) {
			if strings.HasPrefix(h.text[h.pos:], "for ") {
				h.rest(1)
				n.kind, n.text, n.members = nodeScalar, "${...}", nil
				break
			}
			at, key := h.at(), ""
			if h.peek() == '"' {
				key = h.quoted()
			} else if h.peek() == '(' {
				h.rest(0)
			} else {
				key = h.word()
			}
			if h.space(false); h.err != nil || h.peek() != '=' && h.peek() != ':' {
				h.fail(h.at(), "", "\"=\" is expected here")
				return n
			}
			h.skip(1)
			h.space(false)
			n.put(member{key, at, h.value(depth + 1)})
			if h.space(false); h.peek() == ',' {
				h.skip(1)
			}
		}
		h.closing('}')
	case strings.HasPrefix(h.text[h.pos:], "<<"):
		n.text = h.heredoc()
		return n
	default:
		// A name, a number, a call.
		if word := h.word(); word != "" {
			if n.text = "${" + word + "}"; word == "null" {
				n.kind = nodeNull
			} else if word == "true" || word == "false" || strings.Trim(word, "0123456789") == "" {
				n.text = word
			}
		}
	}
	if h.err != nil {
		return n
	}
	// More of an expression makes it one that is not evaluated.
	h.space(false)
	if c := h.peek(); c != 0 && !strings.ContainsRune("\n,]}", rune(c)) || h.pos == begin {
		if h.rest(0); h.pos == begin {
			h.fail(n.at, "", "a value is expected here")
		}
		return &node{kind: nodeScalar, at: n.at, text: "${...}"}
	}
	return n
}

func (h *hclReader) closing(c byte) {
	if h.err != nil {
		return
	}
	if h.peek() != c {
		h.fail(h.at(), "", "%q is expected here", string(c))
		return
	}
	h.skip(1)
}

// rest skips the rest of an expression: up to the end of the line, a comma, or the
// bracket that closes what is around it, of which some are open.
func (h *hclReader) rest(open int) {
	depth := open
	for h.pos < len(h.text) && h.err == nil {
		switch c := h.peek(); {
		case c == '"':
			h.quoted()
			continue
		case strings.ContainsRune("([{", rune(c)):
			depth++
		case strings.ContainsRune(")]}", rune(c)):
			if depth == open {
				return
			}
			depth--
		case (c == '\n' || c == ',' || c == '=') && depth == 0 && (c != '=' || !strings.HasPrefix(h.text[h.pos:], "==") && !strings.ContainsRune("=!<>", rune(h.text[max(0, h.pos-1)]))):
			return
		}
		h.skip(1)
	}
}

// heredoc reads a text from "<<WORD" to the line that has the word.
func (h *hclReader) heredoc() string {
	start := h.at()
	line, _, _ := strings.Cut(h.text[h.pos:], "\n")
	word := strings.TrimSpace(strings.TrimLeft(line, "<-"))
	h.skip(min(len(line)+1, len(h.text)-h.pos))
	var b strings.Builder
	for h.pos < len(h.text) {
		line, _, more := strings.Cut(h.text[h.pos:], "\n")
		h.skip(len(line))
		if strings.TrimSpace(line) == word {
			return b.String()
		}
		if more {
			h.skip(1)
		}
		b.WriteString(line + "\n")
	}
	h.fail(start, "", "a text does not end")
	return ""
}
