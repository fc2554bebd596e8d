package definition

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
	"go.yaml.in/yaml/v3"
)

// Limits of a tree. GitHub takes workflows of 512 KiB, and GitLab configurations
// of 1 MiB.
const (
	maxFile   = 4 << 20 // bytes
	maxDepth  = 100
	maxValues = 200_000 // an alias counts as a copy
)

// node is a value of YAML or JSON with its place.
type node struct {
	kind nodeKind
	text string // of a scalar, as written: 1.10 is not a number here
	at   Position
	// block is true for the literal style ("|"), whose lines are those of the file.
	block   bool
	tag     string // a tag of the application: "!reference"
	members []member
	items   []*node
	from    *reader // of the file in which it is; nil for one of JSON
	index   map[string]int
}

type member struct {
	key   string
	at    Position
	value *node
}

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeScalar
	nodeArray
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "a text", "an array", "an object"}[k]
}

// get returns the value of a key, nil if the node has none.
func (n *node) get(key string) *node {
	if m := n.member(key); m != nil {
		return m.value
	}
	return nil
}

func (n *node) member(key string) *member {
	if n == nil || n.kind != nodeObject {
		return nil
	}
	if len(n.members) > 16 {
		if len(n.index) != len(n.members) {
			n.index = make(map[string]int, len(n.members))
			for i := range n.members {
				n.index[n.members[i].key] = i
			}
		}
		if i, ok := n.index[key]; ok {
			return &n.members[i]
		}
		return nil
	}
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i]
		}
	}
	return nil
}

// put adds a member, or replaces the value of the one of that key.
func (n *node) put(m member) {
	if old := n.member(m.key); old != nil {
		*old = m
		return
	}
	if n.members = append(n.members, m); n.index != nil {
		n.index[m.key] = len(n.members) - 1
	}
}

// textOf returns the text of a key, "" if it has none or is another thing.
func (n *node) textOf(key string) string {
	if v := n.get(key); v != nil && v.kind == nodeScalar {
		return v.text
	}
	return ""
}

// texts returns the scalars of a key that has one of them or a list.
func (n *node) texts(key string) []*node { return n.get(key).scalars() }

func (n *node) scalars() (out []*node) {
	switch {
	case n == nil:
	case n.kind == nodeScalar:
		out = append(out, n)
	case n.kind == nodeArray:
		for _, item := range n.items {
			out = append(out, item.scalars()...)
		}
	}
	return out
}

// object returns the object of a key, nil if there is none. Another kind of value
// is an error.
func (r *reader) object(n *node, key string) *node {
	v := n.get(key)
	if v == nil || v.kind == nodeNull {
		return nil
	}
	if r.undecided(v, key) {
		return nil
	}
	if v.kind != nodeObject {
		r.fail(v.at, "", "%q must be an object, not %s", key, v.kind)
		return nil
	}
	return v
}

// undecided reports whether a value is an expression of the platform, which makes an
// object or a list when it runs, with a note.
func (r *reader) undecided(v *node, key string) bool {
	if v.kind != nodeScalar || !strings.HasPrefix(v.text, "${{") {
		return false
	}
	r.note(Undecided, v.at, "%q is decided when it runs: %s", key, quote(v.text))
	return true
}

// objects returns the objects of a list. Another kind of value is an error, and
// another kind of item.
func (r *reader) objects(n *node, key string) []*node {
	v := n.get(key)
	if v == nil || v.kind == nodeNull {
		return nil
	}
	if r.undecided(v, key) {
		return nil
	}
	if v.kind != nodeArray {
		r.fail(v.at, "", "%q must be an array, not %s", key, v.kind)
		return nil
	}
	for _, item := range v.items {
		if item.kind != nodeObject {
			r.fail(item.at, "", "an item of %q must be an object, not %s", key, item.kind)
			return nil
		}
	}
	return v.items
}

// text returns the scalar of a key. Another kind of value is an error.
func (r *reader) text(n *node, key string) string {
	v := n.get(key)
	if v == nil || v.kind == nodeNull {
		return ""
	}
	if v.kind != nodeScalar {
		r.fail(v.at, "", "%q must be a text, not %s", key, v.kind)
		return ""
	}
	return v.text
}

// yaml parses YAML (https://yaml.org/spec/1.2.2/) into a tree for each document.
// An alias is the value of its anchor, and "<<" merges, as YAML 1.1 has it.
func (r *reader) yaml(ctx context.Context, data []byte) []*node {
	if at := syntax.OddBreak(data); at >= 0 {
		r.fail(Position{1 + bytes.Count(data[:at], []byte("\n")), 0}, "write it with plain line breaks", "a character that some readers of YAML take for the end of a line and others do not")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	var docs []*node
	t := &treeReader{reader: r, anchors: map[*yaml.Node]sized{}}
	for r.err == nil {
		if r.err = ctx.Err(); r.err != nil {
			return nil
		}
		var y yaml.Node
		err := dec.Decode(&y)
		if err == io.EOF {
			break
		}
		if err != nil {
			line, msg := syntax.YAMLError(err, len(r.lines))
			r.fail(Position{Line: line}, "", "malformed YAML: %s", msg)
			return nil
		}
		if len(y.Content) == 1 {
			n, _ := t.value(y.Content[0], 0)
			if n.kind != nodeObject && n.kind != nodeNull {
				r.fail(n.at, "", "the file is an object, not %s", n.kind)
			}
			docs = append(docs, n)
		}
	}
	if r.err != nil {
		return nil
	}
	return docs
}

type sized struct {
	node *node
	size int
}

type treeReader struct {
	*reader
	values  int
	anchors map[*yaml.Node]sized
}

func (t *treeReader) count(at Position, n int) {
	if t.values += n; t.values > maxValues {
		t.fail(at, "split the file", "more than %d values", maxValues)
	}
}

// value returns a value and the number of values in it. After an error the tree
// has gaps.
func (t *treeReader) value(y *yaml.Node, depth int) (*node, int) {
	n := &node{at: Position{y.Line, y.Column}, text: y.Value, from: t.reader}
	if depth > maxDepth {
		t.fail(n.at, "", "nested deeper than %d levels", maxDepth)
	}
	if t.err != nil {
		return n, 1
	}
	if y.Kind == yaml.AliasNode {
		to, ok := t.anchors[y.Alias]
		if !ok {
			t.fail(n.at, "write the value out", "the alias %s is within its own anchor", quote(y.Value))
			return n, 1
		}
		t.count(n.at, to.size)
		return to.node, to.size
	}
	t.count(n.at, 1)
	size := 1
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = nodeObject
		size += t.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = nodeArray
		for _, item := range y.Content {
			v, s := t.value(item, depth+1)
			n.items, size = append(n.items, v), size+s
		}
	default:
		if n.kind = nodeScalar; y.ShortTag() == "!!null" {
			n.kind = nodeNull
		}
		n.block = y.Style&yaml.LiteralStyle != 0
	}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") {
		n.tag = y.Tag
	}
	if y.Anchor != "" {
		t.anchors[y] = sized{n, size}
	}
	return n, size
}

func (t *treeReader) mapping(n *node, y *yaml.Node, depth int) (size int) {
	seen := map[string]bool{}
	var merged []*node
	for i := 0; i+1 < len(y.Content) && t.err == nil; i += 2 {
		key := y.Content[i]
		at := Position{key.Line, key.Column}
		if key.Kind != yaml.ScalarNode {
			t.fail(at, "", "a key that is no text")
			return size
		}
		v, s := t.value(y.Content[i+1], depth+1)
		size += s
		if key.ShortTag() == "!!merge" {
			if v.kind == nodeArray {
				merged = append(merged, v.items...)
			} else {
				merged = append(merged, v)
			}
			continue
		}
		if seen[key.Value] {
			t.fail(at, "remove one of them", "the key %s is there twice", quote(key.Value))
			return size
		}
		seen[key.Value] = true
		n.members = append(n.members, member{key.Value, at, v})
	}
	// Merged members come last: the mapping's own are stronger.
	for _, from := range merged {
		for _, m := range from.members {
			if !seen[m.key] {
				seen[m.key] = true
				n.members = append(n.members, m)
			}
		}
	}
	return size
}
