package lockcheck

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads RFC 8259 JSON into a positional tree. It is stricter than
// encoding/json where leniency lets two readers see two documents: a key
// twice in an object is an error, keys are case-sensitive, strings are valid
// UTF-8 and their surrogates pair up. A byte order mark is skipped, as npm
// skips it.
func parseJSON(src *source) (*document, error) {
	p := &jsonParser{source: src, data: src.data}
	if bytes.HasPrefix(p.data, []byte("\ufeff")) {
		p.pos = len("\ufeff")
	}
	p.space()
	root, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.data) {
		return nil, p.errorf(p.pos, "", "text after the end of the JSON document")
	}
	return &document{source: src, root: root}, nil
}

type jsonParser struct {
	*source
	data   []byte
	pos    int
	values int
}

func (p *jsonParser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// unexpected is the error for whatever is at the position.
func (p *jsonParser) unexpected(wanted string) error {
	if p.pos >= len(p.data) {
		return p.errorf(p.pos, "the file is truncated: make it again", "the JSON ends where %s must follow", wanted)
	}
	rest := p.data[p.pos:]
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if bytes.HasPrefix(rest, []byte(mark)) {
			return p.errorf(p.pos, "resolve the merge conflict", "a merge conflict is in the file")
		}
	}
	r, _ := utf8.DecodeRune(rest)
	return p.errorf(p.pos, "", "%q where %s must follow", r, wanted)
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, p.errorf(p.pos, "no installer writes that", "nested deeper than %d levels", maxDepth)
	}
	if p.values++; p.values > maxValues {
		return nil, p.errorf(p.pos, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	if p.pos >= len(p.data) {
		return nil, p.unexpected("a value")
	}
	n := &node{offset: p.pos}
	var err error
	switch c := p.data[p.pos]; {
	case c == '{':
		n.kind = nodeObject
		err = p.object(n, depth)
	case c == '[':
		n.kind = nodeArray
		err = p.array(n, depth)
	case c == '"':
		n.kind = nodeString
		n.text, err = p.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = nodeNumber
		n.text, err = p.number()
	default:
		err = p.word(n)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (p *jsonParser) object(n *node, depth int) error {
	p.pos++
	p.space()
	if p.pos < len(p.data) && p.data[p.pos] == '}' {
		p.pos++
		return nil
	}
	for {
		p.space()
		if p.pos >= len(p.data) || p.data[p.pos] != '"' {
			return p.unexpected(`a key in quotes`)
		}
		m := member{offset: p.pos}
		var err error
		if m.key, err = p.str(); err != nil {
			return err
		}
		p.space()
		if p.pos >= len(p.data) || p.data[p.pos] != ':' {
			return p.unexpected(`":"`)
		}
		p.pos++
		p.space()
		if m.value, err = p.value(depth + 1); err != nil {
			return err
		}
		if !n.put(m) {
			first := p.line(n.member(m.key).offset)
			return p.errorf(m.offset, "remove one of them", "key %s is there twice, first on line %d", quote(m.key), first)
		}
		if done, err := p.next('}'); done || err != nil {
			return err
		}
	}
}

func (p *jsonParser) array(n *node, depth int) error {
	p.pos++
	p.space()
	if p.pos < len(p.data) && p.data[p.pos] == ']' {
		p.pos++
		return nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
		if done, err := p.next(']'); done || err != nil {
			return err
		}
	}
}

// next takes the comma or the end of an object or array.
func (p *jsonParser) next(end byte) (done bool, err error) {
	p.space()
	if p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ',':
			p.pos++
			return false, nil
		case end:
			p.pos++
			return true, nil
		}
	}
	return false, p.unexpected(`"," or "` + string(end) + `"`)
}

func (p *jsonParser) word(n *node) error {
	for _, w := range []struct {
		text string
		kind nodeKind
	}{{"true", nodeBool}, {"false", nodeBool}, {"null", nodeNull}} {
		if bytes.HasPrefix(p.data[p.pos:], []byte(w.text)) {
			n.kind, n.text = w.kind, w.text
			p.pos += len(w.text)
			return nil
		}
	}
	return p.unexpected("a value")
}

func (p *jsonParser) number() (string, error) {
	start := p.pos
	if p.data[p.pos] == '-' {
		p.pos++
	}
	whole := p.pos
	if p.digits(); p.pos == whole {
		return "", p.unexpected("a digit")
	}
	if p.data[whole] == '0' && p.pos > whole+1 {
		return "", p.errorf(whole, "", "a number must not begin with 0")
	}
	if p.pos < len(p.data) && p.data[p.pos] == '.' {
		p.pos++
		from := p.pos
		if p.digits(); p.pos == from {
			return "", p.unexpected("a digit")
		}
	}
	if p.pos < len(p.data) && (p.data[p.pos] == 'e' || p.data[p.pos] == 'E') {
		p.pos++
		if p.pos < len(p.data) && (p.data[p.pos] == '+' || p.data[p.pos] == '-') {
			p.pos++
		}
		from := p.pos
		if p.digits(); p.pos == from {
			return "", p.unexpected("a digit")
		}
	}
	return string(p.data[start:p.pos]), nil
}

func (p *jsonParser) digits() {
	for p.pos < len(p.data) && p.data[p.pos] >= '0' && p.data[p.pos] <= '9' {
		p.pos++
	}
}

// str reads a string; the position is at its opening quote.
func (p *jsonParser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			s := string(p.data[start:p.pos])
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.errorf(p.pos, "", "control character %#02x in a string", c)
		case c < utf8.RuneSelf:
			p.pos++
		default:
			if err := p.rune(); err != nil {
				return "", err
			}
		}
	}
	return "", p.unexpected("the end of a string")
}

// rune steps over one character outside ASCII.
func (p *jsonParser) rune() error {
	r, n := utf8.DecodeRune(p.data[p.pos:])
	if r == utf8.RuneError && n == 1 {
		return p.errorf(p.pos, "save the file as UTF-8", "invalid UTF-8")
	}
	p.pos += n
	return nil
}

// escaped reads the rest of a string that has an escape.
func (p *jsonParser) escaped(start int) (string, error) {
	var b strings.Builder
	b.Write(p.data[start:p.pos])
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c < ' ':
			return "", p.errorf(p.pos, "", "control character %#02x in a string", c)
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			p.pos++
		default:
			from := p.pos
			if err := p.rune(); err != nil {
				return "", err
			}
			b.Write(p.data[from:p.pos])
		}
	}
	return "", p.unexpected("the end of a string")
}

func (p *jsonParser) escape() (rune, error) {
	at := p.pos
	p.pos++
	if p.pos >= len(p.data) {
		return 0, p.unexpected("an escape")
	}
	c := p.data[p.pos]
	if c == 'u' {
		p.pos++
		r, ok := p.hex4()
		if !ok {
			return 0, p.errorf(at, "", "malformed escape")
		}
		if !utf16.IsSurrogate(r) {
			return r, nil
		}
		if bytes.HasPrefix(p.data[p.pos:], []byte(`\u`)) {
			p.pos += 2
			if low, ok := p.hex4(); ok {
				if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
					return full, nil
				}
			}
		}
		return 0, p.errorf(at, "", "half of a surrogate pair")
	}
	p.pos++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	return 0, p.errorf(at, "", "malformed escape")
}

func (p *jsonParser) hex4() (rune, bool) {
	if p.pos+4 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.pos : p.pos+4] {
		d := unhex(c)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	p.pos += 4
	return r, true
}
