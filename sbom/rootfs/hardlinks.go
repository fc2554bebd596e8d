package rootfs

import (
	"context"
	"slices"
	"sort"
)

// hardLinks are the files of a tree with several names. A file on disk is
// identified by device and inode, one of an image by the entry that its content
// is from.
//
// The walk reads names without a system call for each of them, and gets the
// inodes with the names. Only files whose inode occurs twice are queried for their
// device: a mount has inodes of its own.
type hardLinks struct {
	nodes []int32 // sorted
	group []int32 // of each node
	names [][]Node
}

// Links returns all names of a regular file within the tree, in node order; nil
// if it has one. Names outside of the environment, and those of an empty file of
// an image, are not known.
func (t *Tree) Links(n Node) []Node {
	i := sort.Search(len(t.hard.nodes), func(i int) bool { return t.hard.nodes[i] >= int32(n) })
	if i == len(t.hard.nodes) || t.hard.nodes[i] != int32(n) {
		return nil
	}
	return t.hard.names[t.hard.group[i]]
}

// LinkedFiles returns the names of each regular file with several names, in the
// order of their first names.
func (t *Tree) LinkedFiles() [][]Node { return t.hard.names }

// newHardLinks returns the files of which several nodes have one identity.
func newHardLinks[ID comparable](nodes []Node, id func(i int) (ID, bool)) hardLinks {
	byID := make(map[ID][]Node)
	for i, n := range nodes {
		if key, ok := id(i); ok {
			byID[key] = append(byID[key], n)
		}
	}
	var h hardLinks
	for _, names := range byID {
		if len(names) > 1 {
			slices.Sort(names)
			h.names = append(h.names, names)
		}
	}
	slices.SortFunc(h.names, func(a, b []Node) int { return int(a[0]) - int(b[0]) })
	type at struct{ node, group int32 }
	var all []at
	for g, names := range h.names {
		for _, n := range names {
			all = append(all, at{int32(n), int32(g)})
		}
	}
	slices.SortFunc(all, func(a, b at) int { return int(a.node) - int(b.node) })
	for _, a := range all {
		h.nodes, h.group = append(h.nodes, a.node), append(h.group, a.group)
	}
	return h
}

// inodeOf is a file that was added, as its number in the lower half and a hash
// of its inode in the upper half: 8 bytes a file, until the tree is built.
type inodeOf uint64

func newInodeOf(n int32, inode uint64) inodeOf {
	return inodeOf((inode*0x9E3779B97F4A7C15)>>32<<32 | uint64(uint32(n)))
}

// shared returns the added files whose hash is that of another one, sorted.
func shared(inodes []inodeOf) []int32 {
	slices.Sort(inodes)
	same := func(i, j int) bool {
		return i >= 0 && j < len(inodes) && inodes[i]>>32 == inodes[j]>>32
	}
	var out []int32
	for i, x := range inodes {
		if same(i-1, i) || same(i, i+1) {
			out = append(out, int32(uint32(x)))
		}
	}
	slices.Sort(out)
	return out
}

// fileID is what identifies a file on disk.
type fileID struct{ device, inode uint64 }

// findHardLinks sets the hard links of a tree. candidates are nodes with equal
// hashes of inodes. A file that is gone or cannot be described has one name.
func (t *Tree) findHardLinks(ctx context.Context, candidates []Node) error {
	if len(candidates) == 0 {
		return nil
	}
	ids := make([]fileID, len(candidates))
	err := t.fingerprints(ctx, candidates, func(n Node, s currentFingerprint) bool {
		i, _ := slices.BinarySearch(candidates, n)
		ids[i] = s.id
		return true
	})
	if err != nil {
		return err
	}
	t.hard = newHardLinks(candidates, func(i int) (fileID, bool) { return ids[i], ids[i] != fileID{} })
	return nil
}
