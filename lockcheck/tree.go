package lockcheck

import (
	"errors"
	"fmt"

	"github.com/depaudit/depaudit/sbom/pep508"
)

// Limits of the JSON and TOML trees. They refuse input that exhausts memory or
// the stack; real lock files are far smaller.
const (
	// maxDepth bounds nesting in TOML; strictjson has the same limit. The
	// deepest format, package-lock.json version 1, nests three levels for each
	// dependency in the directory of another one.
	maxDepth = 200
	// maxValues bounds the number of values in one file. A package-lock.json
	// of 20 MB has 600,000.
	maxValues = 2_000_000
)

// node is a value of a JSON or TOML document with its place.
type node struct {
	kind   nodeKind
	offset int
	// text is the value of a string, or another scalar as written.
	text    string
	members []member // of an object, in the order of the file
	items   []*node  // of an array
	// index has the members of a large object by key. It is nil for a small
	// one.
	index map[string]int
}

type member struct {
	key    string
	offset int // of the key
	value  *node
}

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber // also a TOML date or time
	nodeString
	nodeArray
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// indexed is the number of members from which on an object has an index.
const indexed = 16

// get returns the member of an object, or nil.
func (n *node) get(key string) *node {
	if m := n.member(key); m != nil {
		return m.value
	}
	return nil
}

func (n *node) member(key string) *member {
	if n == nil {
		return nil
	}
	if n.index != nil {
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

// put adds a member. It returns false when the object has the key already.
func (n *node) put(m member) bool {
	if n.member(m.key) != nil {
		return false
	}
	n.members = append(n.members, m)
	switch {
	case n.index != nil:
		n.index[m.key] = len(n.members) - 1
	case len(n.members) == indexed:
		n.index = make(map[string]int, 4*indexed)
		for i := range n.members {
			n.index[n.members[i].key] = i
		}
	}
	return true
}

// document is a tree with the file that it was parsed from. Its methods return
// members of one kind. The first member of another kind is recorded as the
// error, so that a format's walk does not check every step.
type document struct {
	*source
	root *node
	err  *SyntaxError
}

// want returns a member of that kind, or nil when there is none or it is null.
func (d *document) want(parent *node, key string, kind nodeKind) *node {
	n := parent.get(key)
	if n == nil || n.kind == nodeNull {
		return nil
	}
	if n.kind != kind {
		d.fail(n.offset, "", "%q must be %s, not %s", key, kind, n.kind)
		return nil
	}
	return n
}

// fail records the first error.
func (d *document) fail(offset int, hint, format string, args ...any) {
	if d.err == nil {
		d.err = d.errorf(offset, hint, format, args...)
	}
}

// failure returns the first error.
func (d *document) failure() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// text returns a string member, "" when there is none.
func (d *document) text(parent *node, key string) string {
	if n := d.want(parent, key, nodeString); n != nil {
		return n.text
	}
	return ""
}

// flag returns a boolean member, false when there is none.
func (d *document) flag(parent *node, key string) bool {
	n := d.want(parent, key, nodeBool)
	return n != nil && n.text == "true"
}

// table returns an object member, nil when there is none.
func (d *document) table(parent *node, key string) *node {
	return d.want(parent, key, nodeObject)
}

// tables returns the members of an array of tables.
func (d *document) tables(parent *node, key string) []*node {
	n := d.want(parent, key, nodeArray)
	if n == nil {
		return nil
	}
	for i, item := range n.items {
		if item.kind != nodeObject {
			d.fail(item.offset, "", "element %d of %q must be %s, not %s", i+1, key, nodeObject, item.kind)
			return nil
		}
	}
	return n.items
}

// texts returns the strings of a member that is a string or an array of
// strings.
func (d *document) texts(parent *node, key string) []string {
	n := parent.get(key)
	if n == nil || n.kind == nodeNull {
		return nil
	}
	if n.kind == nodeString {
		return []string{n.text}
	}
	if n = d.want(parent, key, nodeArray); n == nil {
		return nil
	}
	var out []string
	for _, item := range n.items {
		if item.kind != nodeString {
			d.fail(item.offset, "", "an element of %q must be %s, not %s", key, nodeString, item.kind)
			return nil
		}
		out = append(out, item.text)
	}
	return out
}

// condition adds a marker to the alternatives of an entry. key is its member in
// parent.
func (d *document) condition(e *Entry, parent *node, key, marker string) {
	m := d.marker(parent, key, marker)
	if m == nil {
		return
	}
	if e.Marker != "" {
		e.Marker += " or "
	}
	e.Marker += marker
	e.when.markers = append(e.when.markers, m)
}

// environments parses a list of markers for the whole lock.
func (d *document) environments(key string) []*pep508.Marker {
	var out []*pep508.Marker
	for _, text := range d.texts(d.root, key) {
		if m := d.marker(d.root, key, text); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// marker parses a marker, which is nil when there is none.
func (d *document) marker(parent *node, key, text string) *pep508.Marker {
	m, err := pep508.ParseMarker(text)
	if syntax, ok := errors.AsType[*pep508.Error](err); ok {
		offset := parent.offset
		if n := parent.get(key); n != nil {
			offset = n.offset
		}
		d.fail(offset, "create the lock file again", "not an environment marker, at its column %d: %s", syntax.Offset+1, syntax.Msg)
	}
	return m
}

// specifiers parses a member with version specifiers.
func (d *document) specifiers(parent *node, key string) pep508.Specifiers {
	list, err := pep508.ParseSpecifiers(d.text(parent, key))
	if err != nil {
		d.fail(parent.get(key).offset, "create the lock file again", "%q has no version specifiers", key)
	}
	return list
}

// at returns the line of a member of a table, or of the table itself if it has
// no such member: the line of the package's name.
func (d *document) at(parent *node, key string) int {
	if m := parent.member(key); m != nil {
		return d.line(m.offset)
	}
	return d.line(parent.offset)
}

// place returns the offset of a member, or of its table without it.
func (d *document) place(table *node, key string) int {
	if m := table.get(key); m != nil {
		return m.offset
	}
	return table.offset
}

// scalar returns a member that is text in its format and that YAML takes for a
// number without quotes: "1.10", and a digest of digits only.
func (d *document) scalar(parent *node, key string) string {
	n := parent.get(key)
	if n != nil && n.kind == nodeNumber {
		return n.text
	}
	return d.text(parent, key)
}

// tooBig returns the message for input beyond a limit of the trees.
func tooBig(limit int, of string) string {
	return fmt.Sprintf("more than %d %s", limit, of)
}
