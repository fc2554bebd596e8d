package rootfs

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"sort"
	"strings"
)

// maxNodes is the maximum number of entries of a tree. Nodes are int32; half of
// their range leaves room for index arithmetic. A tree of that size would need
// some 50 GB, so that memory is exhausted first.
const maxNodes = math.MaxInt32 / 2

// maxText is the maximum size of all distinct base names together, and of all
// texts of symbolic links: offsets into them are uint32.
const maxText = math.MaxUint32

// builder collects entries in any order, parents before their children, and
// builds a Tree of them. It is independent of the source of the entries, and not
// safe for concurrent use.
type builder struct {
	names   names
	parents []int32
	nameIDs []int32
	kinds   []Kind
	links   []buildLink
	text    []byte // of all links
	inodes  []inodeOf
}

type buildLink struct {
	node     int32
	from, to uint32 // of text
}

// newBuilder returns a builder with the root, which is entry 0.
func newBuilder() *builder {
	b := &builder{names: newNames()}
	b.parents = append(b.parents, int32(None))
	b.nameIDs = append(b.nameIDs, b.names.intern(nil))
	b.kinds = append(b.kinds, Dir)
	return b
}

// add adds an entry to a directory and returns its number in the builder, which
// is not the final one. Names in one directory must differ.
func (b *builder) add(parent int32, name []byte, kind Kind) (int32, error) {
	if !validName(name) {
		return 0, fmt.Errorf("%q cannot be the name of a file", name)
	}
	if len(b.parents) >= maxNodes || len(b.names.blob)+len(name) > maxText {
		return 0, fmt.Errorf("more than %d files, or more than %d bytes of file names", maxNodes, uint32(maxText))
	}
	n := int32(len(b.parents))
	b.parents = append(room(b.parents, 1), parent)
	b.nameIDs = append(room(b.nameIDs, 1), b.names.intern(name))
	b.kinds = append(room(b.kinds, 1), kind)
	return n, nil
}

// setTarget records the text of a symbolic link that was added.
func (b *builder) setTarget(node int32, target []byte) error {
	from := len(b.text)
	if from+len(target) > maxText {
		return fmt.Errorf("more than %d bytes of symbolic links", uint32(maxText))
	}
	b.text = append(b.text, target...)
	b.links = append(b.links, buildLink{node, uint32(from), uint32(len(b.text))})
	return nil
}

// setInode records the inode of a regular file that was added.
func (b *builder) setInode(node int32, inode uint64) {
	b.inodes = append(room(b.inodes, 1), newInodeOf(node, inode))
}

// validName reports whether a file can have that name.
func validName(name []byte) bool {
	switch {
	case len(name) == 0, string(name) == ".", string(name) == "..":
		return false
	}
	return bytes.IndexByte(name, '/') < 0 && bytes.IndexByte(name, 0) < 0
}

// tree renumbers the entries and indexes them. The builder must not be used
// afterwards.
func (b *builder) tree() *Tree {
	t, _ := b.number()
	return t
}

// number does the work of tree, and also returns the node of each entry.
func (b *builder) number() (t *Tree, renumbered []int32) {
	b.names.pack()
	first, order := b.childLists()
	n := len(b.parents)
	t = &Tree{
		names:   b.names,
		parents: make([]int32, n),
		nameIDs: make([]int32, n),
		ends:    make([]int32, n),
		kinds:   make([]Kind, n),
	}

	// Pre-order, iteratively: a hostile tree can be deep.
	type frame struct{ old, node, next int32 }
	renumbered = make([]int32, n)
	t.parents[0], t.nameIDs[0], t.kinds[0] = int32(None), b.nameIDs[0], Dir
	count := int32(1)
	stack := []frame{{0, 0, first[0]}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == first[top.old+1] {
			t.ends[top.node] = count
			stack = stack[:len(stack)-1]
			continue
		}
		old := order[top.next]
		top.next++
		node := count
		count++
		renumbered[old] = node
		t.parents[node], t.nameIDs[node], t.kinds[node] = top.node, b.nameIDs[old], b.kinds[old]
		switch b.kinds[old] {
		case Dir:
			stack = append(stack, frame{old, node, first[old]})
			continue
		case File:
			t.files++
		}
		t.ends[node] = node + 1
	}

	slices.SortFunc(b.links, func(x, y buildLink) int { return int(renumbered[x.node]) - int(renumbered[y.node]) })
	t.linkNodes = make([]int32, len(b.links))
	t.linkEnds = make([]uint32, len(b.links)+1)
	var text strings.Builder
	text.Grow(len(b.text))
	for i, l := range b.links {
		t.linkNodes[i] = renumbered[l.node]
		text.Write(b.text[l.from:l.to])
		t.linkEnds[i+1] = uint32(text.Len())
	}
	t.linkText = text.String()
	t.index()
	return t, renumbered
}

// childLists returns the children of entry i as order[first[i]:first[i+1]],
// sorted by name.
func (b *builder) childLists() (first, order []int32) {
	n := len(b.parents)
	first = make([]int32, n+1)
	for _, p := range b.parents[1:] {
		first[p+1]++
	}
	for i := 1; i <= n; i++ {
		first[i] += first[i-1]
	}
	order = make([]int32, n-1)
	next := slices.Clone(first[:n])
	for i := 1; i < n; i++ {
		p := b.parents[i]
		order[next[p]] = int32(i)
		next[p]++
	}
	compare := func(x, y int32) int {
		return strings.Compare(b.names.text(b.nameIDs[x]), b.names.text(b.nameIDs[y]))
	}
	for i := range n {
		list := order[first[i]:first[i+1]]
		// The walk adds directories sorted; images do not.
		if len(list) > 1 && !slices.IsSortedFunc(list, compare) {
			slices.SortFunc(list, compare)
		}
	}
	return first, order
}

// names stores every distinct base name once and finds it by its hash.
type names struct {
	seed  maphash.Seed
	blob  []byte   // while building
	tags  []tag    // while building
	all   string   // the same bytes as blob, once packed
	offs  []uint32 // name i is at offs[i]:offs[i+1]
	slots []int32  // open addressing: id+1, or 0; once packed
}

// tag is a slot of the table during building. Most names are new, and most
// slots contain another name: comparing hashes first saves two cache misses for
// each.
type tag struct {
	hash uint32
	id   int32 // +1, or 0 for an empty slot
}

// Tables are at most 3/4 full. Linear probing then reads 2.5 slots on average
// for a hit, and a slot costs 5.3 bytes an entry.
const loadNum, loadDen = 3, 4

func newNames() names {
	return names{seed: maphash.MakeSeed(), offs: []uint32{0}, tags: make([]tag, 1<<10)}
}

// intern returns the id of a name. It adds a new name.
func (s *names) intern(name []byte) int32 {
	hash := uint32(maphash.Bytes(s.seed, name))
	i := spread(hash, len(s.tags))
	for s.tags[i].id != 0 {
		if id := s.tags[i].id - 1; s.tags[i].hash == hash && string(s.blob[s.offs[id]:s.offs[id+1]]) == string(name) {
			return id
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
	id := int32(s.len())
	s.blob = append(room(s.blob, len(name)), name...)
	s.offs = append(room(s.offs, 1), uint32(len(s.blob)))
	s.tags[i] = tag{hash, id + 1}
	if len(s.offs)*loadDen > len(s.tags)*loadNum {
		old := s.tags
		s.tags = make([]tag, 2*len(old))
		for _, t := range old {
			if t.id != 0 {
				i := spread(t.hash, len(s.tags))
				for s.tags[i].id != 0 {
					if i++; i == len(s.tags) {
						i = 0
					}
				}
				s.tags[i] = t
			}
		}
	}
	return id
}

// lookup returns the id of a name, or -1. It is for use during building.
func (s *names) lookup(name []byte) int32 {
	hash := uint32(maphash.Bytes(s.seed, name))
	i := spread(hash, len(s.tags))
	for s.tags[i].id != 0 {
		if id := s.tags[i].id - 1; s.tags[i].hash == hash && string(s.blob[s.offs[id]:s.offs[id+1]]) == string(name) {
			return id
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
	return -1
}

// pack releases unused capacity. No name can be added afterwards.
func (s *names) pack() {
	s.all = string(s.blob)
	s.offs = slices.Clone(s.offs)
	s.slots = make([]int32, tableSize(s.len()))
	for _, t := range s.tags {
		if t.id != 0 {
			put(s.slots, t.hash, t.id)
		}
	}
	s.blob, s.tags = nil, nil
}

func (s *names) len() int { return len(s.offs) - 1 }

// text returns a name, once packed.
func (s *names) text(id int32) string { return s.all[s.offs[id]:s.offs[id+1]] }

// find returns the id of a name, or -1, once packed.
func (s *names) find(name string) int32 {
	for i := spread(uint32(maphash.String(s.seed, name)), len(s.slots)); s.slots[i] != 0; {
		if id := s.slots[i] - 1; s.text(id) == name {
			return id
		}
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	return -1
}

// room makes room for n more elements by doubling. append grows large slices by
// a quarter, which copies each element about four times.
func room[E any](s []E, n int) []E {
	if len(s)+n > cap(s) {
		return slices.Grow(s, max(len(s), n, 1<<10))
	}
	return s
}

// tableSize returns the size of a table for n entries. It always has an empty
// slot, which ends a search.
func tableSize(n int) int { return n*loadDen/loadNum + 1 }

// put adds an entry, which is not 0, to a table of open addressing.
func put(slots []int32, hash uint32, entry int32) {
	i := spread(hash, len(slots))
	for slots[i] != 0 {
		if i++; i == len(slots) {
			i = 0
		}
	}
	slots[i] = entry
}

// spread maps a hash to 0..size-1 without a division.
func spread(hash uint32, size int) int { return int(uint64(hash) * uint64(size) >> 32) }

// edgeHash hashes a parent and the id of a name. Both are small and dense, so
// that a single multiplication would leave runs.
func edgeHash(parent, name int32) uint32 {
	h := (uint64(uint32(parent))<<32 | uint64(uint32(name))) * 0x9E3779B97F4A7C15
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

// shortChain is the number of nodes of one name that [Tree.Child] compares
// before it uses the table of (parent, name). Most names occur once; only later
// nodes of a chain need a slot in the table.
const shortChain = 4

// index chains the nodes of each base name, in node order, and fills the
// table of (parent, name).
func (t *Tree) index() {
	t.heads = make([]int32, t.names.len())
	t.nexts = make([]int32, len(t.parents))
	for i := range t.heads {
		t.heads[i] = int32(None)
	}
	for n := len(t.nameIDs) - 1; n >= 0; n-- {
		id := t.nameIDs[n]
		t.nexts[n] = t.heads[id]
		t.heads[id] = int32(n)
	}
	behind := 0
	t.longChains(func(int32) { behind++ })
	t.edges = make([]int32, tableSize(behind))
	t.longChains(func(n int32) { put(t.edges, edgeHash(t.parents[n], t.nameIDs[n]), n) })
}

// longChains calls f for every node that is not among the first of its name.
func (t *Tree) longChains(f func(int32)) {
	for _, n := range t.heads {
		for i := 0; n >= 0; i++ {
			if i >= shortChain {
				f(n)
			}
			n = t.nexts[n]
		}
	}
}

// link returns the index of a symbolic link in the list of links.
func (t *Tree) link(n Node) (int, bool) {
	i := sort.Search(len(t.linkNodes), func(i int) bool { return t.linkNodes[i] >= int32(n) })
	return i, i < len(t.linkNodes) && t.linkNodes[i] == int32(n)
}
