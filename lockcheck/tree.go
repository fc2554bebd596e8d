package lockcheck

import "fmt"

// Limits of the two tree readers. They stop input that was made to exhaust
// memory or the stack; real lock files stay far below.
const (
	// maxDepth bounds nesting. The deepest format, package-lock.json v1,
	// nests three levels a dependency inside another one's folder.
	maxDepth = 200
	// maxValues bounds the values of one file. A monorepo's 20 MB
	// package-lock.json has 600,000.
	maxValues = 2_000_000
)

// node is a value of a JSON or TOML document with its place.
type node struct {
	kind   nodeKind
	offset int
	// text is the string's value, or a scalar as it is written.
	text    string
	members []member // of an object, in the order of the file
	items   []*node  // of an array
	// index finds members of large objects; nil for small ones.
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

// indexed is the size from which an object's members are found by map.
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

// put adds a member and says false when the key is there already.
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

// document is a tree with the file that it was read from. Its methods read
// members of a wanted kind; the first wrong kind is kept as the error, so
// that a format's walk need not check every step.
type document struct {
	*source
	root *node
	err  *SyntaxError
}

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

// fail keeps the first error.
func (d *document) fail(offset int, hint, format string, args ...any) {
	if d.err == nil {
		d.err = d.errorf(offset, hint, format, args...)
	}
}

// failure is the first error as an error value.
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

// yes returns a boolean member, false when there is none.
func (d *document) yes(parent *node, key string) bool {
	n := d.want(parent, key, nodeBool)
	return n != nil && n.text == "true"
}

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

// at is the line of a member of a table, or of the table itself: the line on
// which a reader expects to find the package's name.
func (d *document) at(parent *node, key string) int {
	if m := parent.member(key); m != nil {
		return d.line(m.offset)
	}
	return d.line(parent.offset)
}

// tooBig is the message for input beyond a limit of the tree readers.
func tooBig(limit int, of string) string {
	return fmt.Sprintf("more than %d %s", limit, of)
}
