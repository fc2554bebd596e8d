package scan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io/fs"

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
	for _, p := range u.Paths {
		from, to := s.tree.Subtree(s.tree.Lookup(p))
		for n := from; n < to; n++ {
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
	for _, p := range u.Paths {
		n := s.tree.Lookup(p)
		s.fingerprintTree(h, n)
		if to := s.tree.ResolveNode(n); to != n && to != rootfs.None {
			s.fingerprintTree(h, to)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// fingerprintTree adds a node and its descendants. Nodes are in the order of their
// paths, and the size of each subtree represents their position.
func (s *inventory) fingerprintTree(h hash.Hash, top rootfs.Node) {
	t := s.tree
	from, to := t.Subtree(top)
	var b []byte
	for n := from; n < to; n++ {
		_, end := t.Subtree(n)
		b = append(b[:0], byte(t.Kind(n)))
		b = binary.AppendUvarint(b, uint64(end-n))
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

// permissions returns the bits of chmod(2).
func permissions(info fs.FileInfo) uint64 {
	return uint64(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
