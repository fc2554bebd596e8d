package scan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io/fs"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// layerOf returns the image layer of a unit: that of its metadata, and for
// unaccounted files the highest one of any of them. It returns 0 outside of
// images.
func (s *inventory) layerOf(u *unit) int {
	n := u.node
	if n == rootfs.None && len(u.Paths) > 0 {
		n = s.tree.Lookup(u.Paths[0])
	}
	layer := s.tree.Layer(n)
	if u.Kind != sbom.KindFiles || layer == 0 {
		return layer
	}
	for _, top := range s.placesOf(u) {
		from, to := s.tree.Subtree(top)
		nested := below(u.nested, top)
		for n := from; n < to; n++ {
			if len(nested) > 0 && n == nested[0] {
				_, end := s.tree.Subtree(n)
				n, nested = end-1, nested[1:]
				continue
			}
			layer = max(layer, s.tree.Layer(n))
		}
	}
	return layer
}

// fingerprint returns [sbom.Component.Fingerprint]: a digest over the files of
// a component without a version. Of directories only the permissions are part
// of it: their sizes and times depend on the file system. Times are in seconds,
// since archives and images store no more.
func (s *inventory) fingerprint(u *unit) string {
	h := sha256.New()
	for _, n := range s.placesOf(u) {
		s.fingerprintTree(h, n, below(u.nested, n))
		if to := s.tree.ResolveNode(n); to != n && to != rootfs.None {
			s.fingerprintTree(h, to, nil)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// placesOf returns the directories and files of a unit.
func (s *inventory) placesOf(u *unit) []rootfs.Node {
	var out []rootfs.Node
	for _, p := range u.Paths {
		out = append(out, s.tree.Lookup(p))
	}
	return append(out, u.more...)
}

// below returns the sorted nested nodes from a node on.
func below(nested []rootfs.Node, n rootfs.Node) []rootfs.Node {
	i, _ := slices.BinarySearch(nested, n)
	return nested[i:]
}

// fingerprintTree adds a node and its descendants, except for nested ones, which
// are other components. Nodes are in the order of their paths, and the size of
// each subtree represents their position.
func (s *inventory) fingerprintTree(h hash.Hash, top rootfs.Node, nested []rootfs.Node) {
	t := s.tree
	from, to := t.Subtree(top)
	var b []byte
	for n := from; n < to; n++ {
		_, end := t.Subtree(n)
		if len(nested) > 0 && n == nested[0] {
			n, nested = end-1, nested[1:]
			continue
		}
		b = append(b[:0], byte(t.Kind(n)))
		b = binary.AppendUvarint(b, uint64(s.ownSize(n, end, nested)))
		name := t.Name(n)
		if n == top {
			name = "" // relative to the component's path
		}
		b = appendText(b, name)
		switch info, err := t.Stat(n); {
		case err != nil: // removed during the scan: a change in any case
			b = append(b, 0)
		case t.Kind(n) == rootfs.Symlink:
			b = appendText(b, t.Target(n))
		case t.Kind(n) == rootfs.Dir:
			b = binary.AppendUvarint(b, permissions(info))
		default:
			b = binary.AppendUvarint(b, permissions(info))
			b = binary.AppendUvarint(b, uint64(info.Size()))
			b = binary.AppendVarint(b, info.ModTime().Unix())
		}
		h.Write(b)
	}
}

// ownSize returns the number of nodes of a subtree without the nested ones.
func (s *inventory) ownSize(from, end rootfs.Node, nested []rootfs.Node) int {
	size := int(end - from)
	for _, n := range nested {
		if n >= end {
			break
		}
		first, last := s.tree.Subtree(n)
		size -= int(last - first)
	}
	return size
}

// permissions returns the bits of chmod(2).
func permissions(info fs.FileInfo) uint64 {
	return uint64(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
