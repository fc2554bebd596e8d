package definition

import (
	"bytes"
	"context"
	"errors"
	"sort"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// json parses JSON with comments and trailing commas, as editors and dev containers
// read it, into a tree.
func (r *reader) json(ctx context.Context, data []byte) *node {
	b := &jsonBuilder{reader: r, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			b.lines = append(b.lines, i+1)
		}
	}
	plain := data
	if bytes.HasPrefix(plain, []byte("\ufeff")) {
		plain = append([]byte("   "), plain[3:]...)
	}
	if err := strictjson.Visit(ctx, syntax.PlainJSON(plain, maxDepth), b); err != nil {
		at, ok := errors.AsType[*strictjson.Error](err)
		if !ok && r.err == nil {
			r.err = err
		} else if ok {
			r.fail(b.position(int(at.Offset)), "", "malformed JSON: %s", at.Detail)
		}
		return nil
	}
	return b.root
}

// jsonBuilder builds the tree of a document from its values.
type jsonBuilder struct {
	*reader
	lines  []int // offset of each line
	values int
	root   *node
	// open are the objects and arrays that have not ended, outermost first.
	open []*node
	// key is the next member of the innermost object.
	key member
}

func (b *jsonBuilder) position(offset int) Position {
	n := sort.SearchInts(b.lines, offset+1)
	return Position{n, offset - b.lines[n-1] + 1}
}

func (b *jsonBuilder) add(n *node) error {
	if b.values++; b.values > maxValues || len(b.open) > maxDepth {
		b.fail(n.at, "", "more than %d values, or nested deeper than %d levels", maxValues, maxDepth)
		return b.err
	}
	if len(b.open) == 0 {
		b.root = n
		return nil
	}
	if parent := b.open[len(b.open)-1]; parent.kind == nodeObject {
		b.key.value = n
		parent.members = append(parent.members, b.key)
	} else {
		parent.items = append(parent.items, n)
	}
	return nil
}

func (b *jsonBuilder) begin(offset int, kind nodeKind) error {
	n := &node{kind: kind, at: b.position(offset)}
	err := b.add(n)
	b.open = append(b.open, n)
	return err
}

func (b *jsonBuilder) BeginObject(offset int) error { return b.begin(offset, nodeObject) }

func (b *jsonBuilder) BeginArray(offset int) error { return b.begin(offset, nodeArray) }

func (b *jsonBuilder) End() error {
	b.open = b.open[:len(b.open)-1]
	return nil
}

func (b *jsonBuilder) Key(offset int, key string) error {
	b.key = member{key: key, at: b.position(offset)}
	return nil
}

func (b *jsonBuilder) String(offset int, s string) error {
	return b.add(&node{kind: nodeScalar, at: b.position(offset), text: s})
}

func (b *jsonBuilder) Scalar(offset int, text string) error {
	kind := nodeScalar
	if text == "null" {
		kind = nodeNull
	}
	return b.add(&node{kind: kind, at: b.position(offset), text: text})
}
