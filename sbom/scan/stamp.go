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

// layerOf is the layer of an image that a unit is from: that of the metadata
// that says what it is, and for files that nothing says anything about the
// highest one of any of them. 0 outside of images.
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

// stamp is what [sbom.Component.Fingerprint] says: a digest over the files of a
// component that has no version to tell it from another one by. Directories count
// with their permissions only: their sizes and times are the file system's
// business. Times are in seconds, since archives and images keep no more.
func (s *inventory) stamp(u *unit) string {
	h := sha256.New()
	for _, p := range u.Paths {
		n := s.tree.Lookup(p)
		s.stampTree(h, n)
		if to := s.tree.ResolveNode(n); to != n && to != rootfs.None {
			s.stampTree(h, to)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// stampTree adds a node and all below it. Nodes come in the order of their
// paths, and the size of each subtree stands for where they are.
func (s *inventory) stampTree(h hash.Hash, top rootfs.Node) {
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
		case err != nil: // gone meanwhile: whatever it was, it is not the same
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

// permissions are the bits of chmod(2).
func permissions(info fs.FileInfo) uint64 {
	return uint64(info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
