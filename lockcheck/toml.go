package lockcheck

import (
	"errors"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// parseTOML reads TOML into a positional tree. The library's decoder judges
// the document first (keys twice, tables that are defined again), so that
// this file can concern itself with places only, which the decoder does not
// tell; the library's parser does.
func parseTOML(src *source) (*document, error) {
	var judged map[string]any
	if err := toml.Unmarshal(src.data, &judged); err != nil {
		return nil, tomlError(src, err)
	}
	t := &tomlTree{source: src, root: &node{kind: nodeObject}}
	t.parser.Reset(src.data)
	table := t.root
	for t.parser.NextExpression() {
		e := t.parser.Expression()
		var err error
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, err = t.header(e)
		case unstable.KeyValue:
			err = t.keyValue(table, e, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := t.parser.Error(); err != nil {
		return nil, tomlError(src, err)
	}
	return &document{source: src, root: t.root}, nil
}

func tomlError(src *source, err error) error {
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, column := decode.Position()
		return &SyntaxError{File: src.file, Line: max(row, 1), Column: column, Msg: plainTOML(decode.Error())}
	}
	return &SyntaxError{File: src.file, Line: 1, Msg: plainTOML(err.Error())}
}

// plainTOML drops the library's own prefix and whatever of the file it
// repeats beyond a sentence.
func plainTOML(msg string) string {
	const prefix = "toml: "
	if len(msg) > len(prefix) && msg[:len(prefix)] == prefix {
		msg = msg[len(prefix):]
	}
	if len(msg) > maxQuoted {
		msg = msg[:maxQuoted] + "…"
	}
	return "malformed TOML: " + msg
}

type tomlTree struct {
	*source
	parser unstable.Parser
	root   *node
	values int
}

func (t *tomlTree) count(offset int) error {
	if t.values++; t.values > maxValues {
		return t.errorf(offset, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	return nil
}

// header finds or makes the table of a [header] or [[header]].
func (t *tomlTree) header(e *unstable.Node) (*node, error) {
	table := t.root
	depth := 0
	for it := e.Key(); it.Next(); {
		key := it.Node()
		offset := int(key.Raw.Offset)
		if depth++; depth > maxDepth {
			return nil, t.errorf(offset, "no tool writes that", "nested deeper than %d levels", maxDepth)
		}
		var err error
		if table, err = t.step(table, string(key.Data), offset, it.IsLast() && e.Kind == unstable.ArrayTable); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// step goes one key down: into a table, into the last table of an array, or
// into a new one.
func (t *tomlTree) step(table *node, key string, offset int, newElement bool) (*node, error) {
	if err := t.count(offset); err != nil {
		return nil, err
	}
	next := table.get(key)
	if next == nil {
		next = &node{kind: nodeObject, offset: offset}
		if newElement {
			next.kind = nodeArray
		}
		table.put(member{key: key, offset: offset, value: next})
	}
	switch {
	case next.kind == nodeArray && newElement:
		next.items = append(next.items, &node{kind: nodeObject, offset: offset})
		return next.items[len(next.items)-1], nil
	case next.kind == nodeArray && len(next.items) > 0 && next.items[len(next.items)-1].kind == nodeObject:
		return next.items[len(next.items)-1], nil
	case next.kind == nodeObject:
		return next, nil
	}
	return nil, t.errorf(offset, "", "malformed TOML: %s is not a table", quote(key))
}

func (t *tomlTree) keyValue(table *node, e *unstable.Node, depth int) error {
	for it := e.Key(); it.Next(); {
		key := it.Node()
		name, offset := string(key.Data), int(key.Raw.Offset)
		if depth++; depth > maxDepth {
			return t.errorf(offset, "no tool writes that", "nested deeper than %d levels", maxDepth)
		}
		if !it.IsLast() {
			var err error
			if table, err = t.step(table, name, offset, false); err != nil {
				return err
			}
			continue
		}
		value, err := t.value(e.Value(), offset, depth)
		if err != nil {
			return err
		}
		if !table.put(member{key: name, offset: offset, value: value}) {
			return t.errorf(offset, "remove one of them", "malformed TOML: key %s is there twice", quote(name))
		}
	}
	return nil
}

// value makes the tree of a value; its place is its own where the parser
// tells it, else that of what it stands in.
func (t *tomlTree) value(v *unstable.Node, offset, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, t.errorf(offset, "no tool writes that", "nested deeper than %d levels", maxDepth)
	}
	if err := t.count(offset); err != nil {
		return nil, err
	}
	if v.Raw.Length > 0 {
		offset = int(v.Raw.Offset)
	}
	n := &node{offset: offset, text: string(v.Data)}
	switch v.Kind {
	case unstable.String:
		n.kind = nodeString
	case unstable.Bool:
		n.kind = nodeBool
	case unstable.InlineTable:
		n.kind = nodeObject
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.KeyValue {
				continue
			}
			if err := t.keyValue(n, it.Node(), depth); err != nil {
				return nil, err
			}
		}
	case unstable.Array:
		n.kind = nodeArray
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			item, err := t.value(it.Node(), offset, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	default:
		n.kind = nodeNumber
	}
	return n, nil
}
