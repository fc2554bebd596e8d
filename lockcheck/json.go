package lockcheck

import (
	"bytes"
	"context"
	"errors"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// parseJSON parses RFC 8259 JSON into a positional tree, by package
// strictjson: a repeated key is an error, keys are case-sensitive, strings are
// valid UTF-8 and their surrogates pair up. A byte order mark is skipped, as
// npm skips it.
func parseJSON(ctx context.Context, src *source) (*document, error) {
	data := bytes.TrimPrefix(src.data, []byte("\ufeff"))
	b := &jsonBuilder{source: src, skipped: len(src.data) - len(data)}
	if err := strictjson.Visit(ctx, data, b); err != nil {
		return nil, b.syntaxError(err)
	}
	return &document{source: src, root: b.root}, nil
}

// plainJSON returns a file of JSON with comments as one without.
func plainJSON(src *source) *source {
	return &source{file: src.file, data: syntax.PlainJSON(src.data, maxDepth), lines: src.lines}
}

// syntaxError gives an error of strictjson its place in the file and a hint.
func (b *jsonBuilder) syntaxError(err error) error {
	at, ok := errors.AsType[*strictjson.Error](err)
	if !ok {
		return err
	}
	offset := int(at.Offset) + b.skipped
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if bytes.HasPrefix(b.data[min(offset, len(b.data)):], []byte(mark)) {
			return b.errorf(offset, "resolve the merge conflict", "a merge conflict is in the file")
		}
	}
	return b.errorf(offset, "create the lock file again", "%s", at.Detail)
}

// jsonBuilder builds the tree of a document from its values.
type jsonBuilder struct {
	*source
	skipped int // bytes before the document
	values  int
	root    *node
	// open are the objects and arrays that have not ended, outermost first.
	open []*node
	// key is the place of the next member of the innermost object.
	key member
}

// add adds a value to what is open.
func (b *jsonBuilder) add(n *node) error {
	n.offset += b.skipped
	if b.values++; b.values > maxValues {
		return b.errorf(n.offset, "split the lock file", "%s", tooBig(maxValues, "values"))
	}
	if len(b.open) == 0 {
		b.root = n
		return nil
	}
	switch parent := b.open[len(b.open)-1]; parent.kind {
	case nodeObject:
		b.key.value = n
		parent.put(b.key)
	default:
		parent.items = append(parent.items, n)
	}
	return nil
}

func (b *jsonBuilder) begin(offset int, kind nodeKind) error {
	n := &node{kind: kind, offset: offset}
	if err := b.add(n); err != nil {
		return err
	}
	b.open = append(b.open, n)
	return nil
}

func (b *jsonBuilder) BeginObject(offset int) error { return b.begin(offset, nodeObject) }

func (b *jsonBuilder) BeginArray(offset int) error { return b.begin(offset, nodeArray) }

func (b *jsonBuilder) End() error {
	b.open = b.open[:len(b.open)-1]
	return nil
}

func (b *jsonBuilder) Key(offset int, key string) error {
	b.key = member{key: key, offset: offset + b.skipped}
	return nil
}

func (b *jsonBuilder) String(offset int, s string) error {
	return b.add(&node{kind: nodeString, offset: offset, text: s})
}

func (b *jsonBuilder) Scalar(offset int, text string) error {
	kind := nodeNumber
	switch text {
	case "true", "false":
		kind = nodeBool
	case "null":
		kind = nodeNull
	}
	return b.add(&node{kind: kind, offset: offset, text: text})
}
