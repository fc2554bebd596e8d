package lockcheck

import (
	"bytes"
	"context"
	"io"
	"unicode/utf8"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
	"go.yaml.in/yaml/v3"
)

// maxYAML is the size of the largest YAML file in bytes. The largest public
// pnpm-lock.yaml files have 3 MB.
const maxYAML = 16 << 20

// parseYAML parses YAML 1.2 (https://yaml.org/spec/1.2.2/) into positional trees,
// one for each document. Scalars keep their text as written: a version 1.10 is
// not a number here, and what the core schema takes for one is a nodeNumber with
// that text. A repeated key is an error. An alias is the value of its anchor and
// counts as a copy of it, so that a short file cannot be a large tree; "<<"
// merges, as YAML 1.1 has it and as tools still write it.
func parseYAML(ctx context.Context, src *source) ([]*document, error) {
	if len(src.data) > maxYAML {
		return nil, src.errorf(0, "split the lock file", "larger than %d MiB, the limit for YAML", maxYAML>>20)
	}
	if at := syntax.OddBreak(src.data); at >= 0 {
		return nil, src.errorf(at, "write the file again with its tool, with plain line breaks", "a character that some readers of YAML take for the end of a line and others do not")
	}
	data := bytes.TrimPrefix(src.data, []byte("\ufeff"))
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var docs []*document
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var n yaml.Node
		err := dec.Decode(&n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, yamlError(src, err)
		}
		t := &yamlTree{source: src, anchors: map[*yaml.Node]sized{}}
		if len(n.Content) != 1 {
			continue
		}
		root, _, err := t.value(n.Content[0], 0)
		if err != nil {
			return nil, err
		}
		docs = append(docs, &document{source: src, root: root})
	}
	if len(docs) == 0 {
		docs = append(docs, &document{source: src, root: &node{kind: nodeNull}})
	}
	return docs, nil
}

// yamlError gives an error of the library its place in the file.
func yamlError(src *source, err error) error {
	line, msg := syntax.YAMLError(err, len(src.lines))
	return &SyntaxError{File: src.file, Line: line, Msg: "malformed YAML: " + msg, Hint: "create the lock file again"}
}

// sized is a value with the number of values in it.
type sized struct {
	node *node
	size int
}

type yamlTree struct {
	*source
	// line, column and at are the place that was found last, from which the next
	// one on its line is counted: a file may have all values on one line.
	line, column, at int
	values           int
	anchors          map[*yaml.Node]sized
}

// offset returns the place of a node of the library, whose columns count
// characters.
func (t *yamlTree) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(t.lines) {
		return 0
	}
	if n.Line != t.line || n.Column < t.column {
		t.line, t.column, t.at = n.Line, 1, t.lines[n.Line-1]
	}
	for ; t.column < n.Column && t.at < len(t.data); t.column++ {
		_, size := utf8.DecodeRune(t.data[t.at:])
		t.at += size
	}
	return t.at
}

func (t *yamlTree) count(offset, n int) error {
	if t.values += n; t.values > maxValues {
		return t.errorf(offset, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	return nil
}

// value builds the tree of a value and returns the number of values in it.
func (t *yamlTree) value(y *yaml.Node, depth int) (*node, int, error) {
	offset := t.offset(y)
	if depth > maxDepth {
		return nil, 0, t.errorf(offset, "no tool writes such a file", "nested deeper than %d levels", maxDepth)
	}
	if y.Kind == yaml.AliasNode {
		to, ok := t.anchors[y.Alias]
		if !ok {
			return nil, 0, t.errorf(offset, "write the value out", "the alias %s is within its own anchor", quote(y.Value))
		}
		return to.node, to.size, t.count(offset, to.size)
	}
	if err := t.count(offset, 1); err != nil {
		return nil, 0, err
	}
	n, size := &node{offset: offset, text: y.Value}, 1
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = nodeObject
		size, err = t.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = nodeArray
		for _, item := range y.Content {
			v, s, err := t.value(item, depth+1)
			if err != nil {
				return nil, 0, err
			}
			n.items = append(n.items, v)
			size += s
		}
	default:
		switch y.ShortTag() {
		case "!!null":
			n.kind = nodeNull
		case "!!bool":
			n.kind = nodeBool
		case "!!int", "!!float", "!!timestamp":
			n.kind = nodeNumber
		default:
			n.kind = nodeString
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if y.Anchor != "" {
		t.anchors[y] = sized{n, size}
	}
	return n, size, nil
}

// mapping adds the members of a mapping. Merged ones come last: the mapping's
// own are stronger.
func (t *yamlTree) mapping(n *node, y *yaml.Node, depth int) (size int, err error) {
	size = 1
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		offset := t.offset(key)
		if key.Kind != yaml.ScalarNode {
			return 0, t.errorf(offset, "no tool writes such a file", "a key that is no text")
		}
		v, s, err := t.value(y.Content[i+1], depth+1)
		if err != nil {
			return 0, err
		}
		size += s
		if key.ShortTag() == "!!merge" {
			if merged = append(merged, v); v.kind == nodeArray {
				merged = append(merged[:len(merged)-1], v.items...)
			}
			continue
		}
		if !n.put(member{key: key.Value, offset: offset, value: v}) {
			return 0, t.errorf(offset, "remove one of them", "the key %s is there twice", quote(key.Value))
		}
	}
	for _, from := range merged {
		for _, m := range from.members {
			n.put(m)
		}
	}
	return size, nil
}
