package lockcheck

// termParser parses the terms of Erlang (https://www.erlang.org/doc/system/data_types.html)
// and of Elixir (https://hexdocs.pm/elixir/syntax-reference.html) into a tree: of
// both only data, without calls, operators and variables. Tuples and lists are
// arrays, maps are objects. An atom is its text, and so is a binary. A pair of a
// keyword list ("hex: :cowlib") is an array of two.
type termParser struct {
	*lexer
	values int
}

func erlang() grammar {
	return grammar{comments: []string{"%"}, marks: []string{"<<", ">>", "=>"}, inWord: "@"}
}

func elixir() grammar {
	return grammar{comments: []string{"#"}, marks: []string{"%{", "=>"}, inWord: "@?!"}
}

func (t *termParser) value(depth int) (*node, error) {
	offset := t.tok.offset
	if depth > maxDepth {
		return nil, t.errorf(offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
	}
	if t.values++; t.values > maxValues {
		return nil, t.errorf(offset, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	n := &node{offset: offset, kind: nodeString, text: t.tok.text}
	switch {
	case t.tok.kind == tokenString:
		return n, t.next()
	case t.tok.kind == tokenWord:
		if c := t.tok.text[0]; c >= '0' && c <= '9' {
			n.kind = nodeNumber
		}
		return n, t.next()
	case t.is("{"):
		return t.list(n, "}", depth)
	case t.is("["):
		return t.list(n, "]", depth)
	case t.is("%{"):
		return t.object(n, depth)
	case t.is(":"): // an atom of Elixir
		if err := t.next(); err != nil {
			return nil, err
		}
		if t.tok.kind != tokenWord && t.tok.kind != tokenString {
			return nil, t.unexpected("an atom")
		}
		n.text = t.tok.text
		return n, t.next()
	case t.is("<<"): // a binary of Erlang
		if err := t.next(); err != nil {
			return nil, err
		}
		if n.text = t.tok.text; t.is(">>") {
			n.text = ""
			return n, t.next()
		}
		if t.tok.kind != tokenString {
			return nil, t.unexpected("a string")
		}
		if err := t.next(); err != nil {
			return nil, err
		}
		return n, t.expect(">>")
	}
	return nil, t.unexpected("a value")
}

// list parses the elements of a tuple or a list.
func (t *termParser) list(n *node, end string, depth int) (*node, error) {
	n.kind, n.text = nodeArray, ""
	if err := t.next(); err != nil {
		return nil, err
	}
	for !t.is(end) {
		item, err := t.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if t.is(":") { // the key of a keyword list
			if err := t.next(); err != nil {
				return nil, err
			}
			value, err := t.value(depth + 1)
			if err != nil {
				return nil, err
			}
			item = &node{kind: nodeArray, offset: item.offset, items: []*node{item, value}}
		}
		n.items = append(n.items, item)
		if more, err := t.accept(","); err != nil {
			return nil, err
		} else if !more && !t.is(end) {
			return nil, t.unexpected(`"," or ` + quote(end))
		}
	}
	return n, t.next()
}

// object parses a map of Elixir: "key": value or key => value.
func (t *termParser) object(n *node, depth int) (*node, error) {
	n.kind, n.text = nodeObject, ""
	if err := t.next(); err != nil {
		return nil, err
	}
	for !t.is("}") {
		key, err := t.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if key.kind != nodeString {
			return nil, t.errorf(key.offset, "no tool writes such a file", "a key that is no text")
		}
		if !t.is(":") && !t.is("=>") {
			return nil, t.unexpected(`":"`)
		}
		if err := t.next(); err != nil {
			return nil, err
		}
		value, err := t.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if !n.put(member{key: key.text, offset: key.offset, value: value}) {
			return nil, t.errorf(key.offset, "remove one of them", "the key %s is there twice", quote(key.text))
		}
		if more, err := t.accept(","); err != nil {
			return nil, err
		} else if !more && !t.is("}") {
			return nil, t.unexpected(`"," or "}"`)
		}
	}
	return n, t.next()
}
