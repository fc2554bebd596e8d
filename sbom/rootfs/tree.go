package rootfs

import (
	"fmt"
	"iter"
	"sync"

	"github.com/depaudit/depaudit/sbom"
)

// Node is the number of a file, a directory or another entry of a [Tree]. 0 is
// the root. Equal trees have equal numbers.
type Node int32

// None is the number of no node. Methods of Tree return their zero value for it.
const None Node = -1

// Kind is the kind of a node.
type Kind uint8

const (
	Dir     Kind = iota + 1 // a directory, even if it was not entered
	File                    // a regular file
	Symlink                 // a symbolic link, whatever its target is
	Other                   // a FIFO, a socket, a device: never opened
)

func (k Kind) String() string {
	switch k {
	case Dir:
		return "directory"
	case File:
		return "file"
	case Symlink:
		return "symbolic link"
	case Other:
		return "special file"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Tree is a file tree with its index. It does not change, and its methods may be
// called from several goroutines. [Open] returns one.
type Tree struct {
	ref      Ref
	disk     *disk
	classify func(head []byte) Class
	known    *KnownSums // of files that need not be read
	record   *record    // reads of files, nil unless they are recorded: fingerprints.go
	image    sbom.Image
	notes    []string    // about the image
	env      []string    // of the image's configuration
	layers   []uint16    // node -> layer; empty outside of images
	stored   *imageFiles // nil outside of images
	gaps     []sbom.Gap
	excluded []sbom.Exclusion
	faults   faults // of reading files, since the tree was opened
	reading  func(string) func()

	names   names
	parents []int32
	nameIDs []int32
	ends    []int32 // the first node after the subtree
	kinds   []Kind
	files   int

	heads []int32 // id of a name -> its first node
	nexts []int32 // node -> next node of the same name
	edges []int32 // hash of (parent, name) -> node, 0 for an empty slot

	linkNodes []int32  // sorted
	linkEnds  []uint32 // text of link i is at linkEnds[i]:linkEnds[i+1]
	linkText  string

	hard hardLinks // regular files with several names

	exts struct {
		once sync.Once // most trees are searched by globs, but not all
		extensions
	}
}

// Len returns the number of nodes, which are 0 to Len()-1.
func (t *Tree) Len() int { return len(t.parents) }

// Files returns the number of regular files.
func (t *Tree) Files() int { return t.files }

func (t *Tree) has(n Node) bool { return uint(n) < uint(len(t.parents)) }

// Kind returns the kind of a node; 0 for None.
func (t *Tree) Kind(n Node) Kind {
	if !t.has(n) {
		return 0
	}
	return t.kinds[n]
}

// Name returns the base name, which may contain any bytes except '/' and zero;
// "" for the root.
func (t *Tree) Name(n Node) string {
	if !t.has(n) {
		return ""
	}
	return t.names.text(t.nameIDs[n])
}

// Parent returns the directory of a node, None for the root.
func (t *Tree) Parent(n Node) Node {
	if !t.has(n) {
		return None
	}
	return Node(t.parents[n])
}

// Path returns the absolute path within the environment; "/" for the root.
func (t *Tree) Path(n Node) string {
	switch {
	case !t.has(n):
		return ""
	case n == 0:
		return "/"
	}
	size := 0
	for i := int32(n); i > 0; i = t.parents[i] {
		size += 1 + len(t.names.text(t.nameIDs[i]))
	}
	path := make([]byte, size)
	for i := int32(n); i > 0; i = t.parents[i] {
		name := t.names.text(t.nameIDs[i])
		size -= len(name)
		copy(path[size:], name)
		size--
		path[size] = '/'
	}
	return string(path)
}

// Child returns the entry of a directory with a name, None if there is none.
func (t *Tree) Child(dir Node, name string) Node {
	if !t.has(dir) {
		return None
	}
	id := t.names.find(name)
	if id < 0 {
		return None
	}
	n := t.heads[id]
	for i := 0; n >= 0 && i < shortChain; i++ {
		if t.parents[n] == int32(dir) {
			return Node(n)
		}
		n = t.nexts[n]
	}
	if n < 0 {
		return None
	}
	for i := spread(edgeHash(int32(dir), id), len(t.edges)); t.edges[i] != 0; {
		if n := t.edges[i]; t.parents[n] == int32(dir) && t.nameIDs[n] == id {
			return Node(n)
		}
		if i++; i == len(t.edges) {
			i = 0
		}
	}
	return None
}

// Children returns the entries of a directory, sorted by name.
func (t *Tree) Children(dir Node) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if !t.has(dir) {
			return
		}
		for n := int32(dir) + 1; n < t.ends[dir]; n = t.ends[n] {
			if !yield(Node(n)) {
				return
			}
		}
	}
}

// Subtree returns the half-open range of nodes from n to the last one below it.
func (t *Tree) Subtree(n Node) (from, to Node) {
	if !t.has(n) {
		return 0, 0
	}
	return n, Node(t.ends[n])
}

// Named returns the nodes with exactly that base name, in node order. The index
// has them; there is no search.
func (t *Tree) Named(name string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		id := t.names.find(name)
		if id < 0 {
			return
		}
		for n := t.heads[id]; n >= 0; n = t.nexts[n] {
			if !yield(Node(n)) {
				return
			}
		}
	}
}

// Target returns the text of a symbolic link at the time of the walk; "" for
// any other node.
func (t *Tree) Target(n Node) string {
	i, ok := t.link(n)
	if !ok {
		return ""
	}
	return t.linkText[t.linkEnds[i]:t.linkEnds[i+1]]
}
