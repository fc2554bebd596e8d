package lockcheck

import (
	"errors"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Limits of TOML. The library's parser holds all nodes of one expression in
// memory before they can be counted, so their number is estimated first.
const (
	// maxTOML is the size of the largest file in bytes. The largest public
	// uv.lock files have 5 MB.
	maxTOML = 16 << 20
	// maxMarks bounds the number of characters that can begin a key or a
	// value. Real locks have 20 of them in a line of 250 bytes.
	maxMarks = 3_000_000
)

// parseTOML parses TOML into a positional tree. The library's parser has the
// positions, which its decoder has not. The decoder then validates the document
// (repeated keys, tables that are defined again), which the parser does not.
// The order matters: the decoder has no limit on the depth of dotted keys.
func parseTOML(src *source) (*document, error) {
	if len(src.data) > maxTOML {
		return nil, src.errorf(0, "split the lock file", "larger than %d MiB, the limit for TOML", maxTOML>>20)
	}
	marks := 0
	for i, c := range src.data {
		if c == ',' || c == '.' || c == '=' || c == '[' || c == '{' {
			if marks++; marks > maxMarks {
				return nil, src.errorf(i, "split the lock file", "%s", tooBig(maxMarks, "keys and values"))
			}
		}
	}
	t := &tomlTree{source: src, root: &node{kind: nodeObject}}
	treeErr := t.read()
	if _, ok := errors.AsType[*SyntaxError](treeErr); ok {
		return nil, treeErr
	}
	var judged map[string]any
	if err := toml.Unmarshal(src.data, &judged); err != nil {
		return nil, tomlError(src, err)
	}
	if treeErr != nil {
		return nil, tomlError(src, treeErr)
	}
	return &document{source: src, root: t.root, err: t.odd}, nil
}

// read builds the tree. Faults that the decoder reports better are recorded for
// later.
func (t *tomlTree) read() error {
	t.parser.Reset(t.data)
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
			return err
		}
	}
	return t.parser.Error()
}

func tomlError(src *source, err error) error {
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, column := decode.Position()
		return &SyntaxError{File: src.file, Line: max(row, 1), Column: column, Msg: plainTOML(decode.Error())}
	}
	return &SyntaxError{File: src.file, Line: 1, Msg: plainTOML(err.Error())}
}

// plainTOML removes the library's prefix from a message and shortens it, since
// the library repeats parts of the file.
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
	// odd is the first fault that the decoder also refuses, with a better
	// message.
	odd *SyntaxError
}

// doubt records the first fault that the decoder also refuses.
func (t *tomlTree) doubt(err *SyntaxError) {
	if t.odd == nil {
		t.odd = err
	}
}

func (t *tomlTree) count(offset int) error {
	if t.values++; t.values > maxValues {
		return t.errorf(offset, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	return nil
}

// header returns the table of a [header] or [[header]], and adds a missing one.
func (t *tomlTree) header(e *unstable.Node) (*node, error) {
	table := t.root
	depth := 0
	for it := e.Key(); it.Next(); {
		key := it.Node()
		offset := int(key.Raw.Offset)
		if depth++; depth > maxDepth {
			return nil, t.errorf(offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
		}
		var err error
		if table, err = t.step(table, string(key.Data), offset, it.IsLast() && e.Kind == unstable.ArrayTable); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// step returns the table below a key: an existing one, the last one of an array,
// or a new one.
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
	t.doubt(t.errorf(offset, "", "malformed TOML: %s is not a table", quote(key)))
	return &node{kind: nodeObject, offset: offset}, nil
}

func (t *tomlTree) keyValue(table *node, e *unstable.Node, depth int) error {
	for it := e.Key(); it.Next(); {
		key := it.Node()
		name, offset := string(key.Data), int(key.Raw.Offset)
		if depth++; depth > maxDepth {
			return t.errorf(offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
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
			t.doubt(t.errorf(offset, "remove one of them", "malformed TOML: key %s is defined twice", quote(name)))
		}
	}
	return nil
}

// value builds the tree of a value. Its place is its own where the parser has
// it, and otherwise that of the enclosing value.
func (t *tomlTree) value(v *unstable.Node, offset, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, t.errorf(offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
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
