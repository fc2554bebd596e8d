package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// contents sets the digest of the installed files of each component that counts.
//
// Two installations of one artifact at one place have the same digest. It is of
// the path, the type, the rights that decide what a file can do and the content of
// each file, or the target of a link. It has nothing that differs without a change
// of the package: times, the umask, byte code, records of the installer. Of a
// conffile it has the path and the digest of the database only.
//
// Baselines have it: a change of what is in it is a new version of [sbom.Rules].
func (e *engine) contents() {
	owned := make([][]rootfs.Node, len(e.state))
	for i := range e.state {
		top := e.counted(int32(i))
		for _, n := range e.state[i].files {
			if !e.isControl(n) { // which the package manager owns, and is another's
				owned[top] = append(owned[top], n)
			}
		}
	}
	if db := e.files.DB(); db != nil {
		for i, at := range e.packages {
			if at >= 0 {
				owned[at] = append(owned[at], db.Control(i)...)
			}
		}
	}
	for i := range e.state {
		if e.doc.Components[i].Counts() && len(owned[i]) > 0 {
			e.content(int32(i), owned[i])
		}
	}
}

// counted is the component that a component is bundled in, or itself.
func (e *engine) counted(c int32) int32 {
	for range 64 { // owners do not form circles, but a document is data
		at, ok := e.components[e.doc.Components[c].Owner]
		if e.doc.Components[c].Counts() || !ok {
			break
		}
		c = at
	}
	return c
}

func (e *engine) content(c int32, nodes []rootfs.Node) {
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	h := blake3.New()
	q := &e.state[c].proof
	var buf []byte
	latest := rootfs.None
	for _, n := range nodes {
		if !e.inContent(c, n) {
			continue
		}
		f := &e.nodes[n]
		kind := e.tree.Kind(n)
		path := e.tree.Path(n)
		q.Files++
		buf = binary.AppendUvarint(buf[:0], uint64(len(path)))
		buf = append(buf, path...)
		if e.doc.Components[c].Kind == sbom.KindOS && e.isConfiguration(n) {
			// Its content is the administrator's, but that it is one is the package's.
			// So is the digest that the database has of it, which tells an edited one.
			buf = append(buf, 0)
			if db := e.files.DB(); db != nil {
				sum, _ := db.Conffile(path)
				buf = append(buf, sum...)
			}
			h.Write(buf)
			continue
		}
		rights := f.mode & setID
		if kind == rootfs.File && f.mode&execute != 0 {
			rights |= execute
		}
		if kind == rootfs.Symlink {
			rights = 0
		}
		buf = append(buf, byte(kind))
		buf = binary.LittleEndian.AppendUint32(buf, rights)
		switch kind {
		case rootfs.File:
			buf = append(buf, f.sum[:]...)
		case rootfs.Symlink:
			target := e.tree.Target(n)
			buf = binary.AppendUvarint(buf, uint64(len(target)))
			buf = append(buf, target...)
		}
		h.Write(buf)
		if f.since > 0 && (latest == rootfs.None || f.since > e.nodes[latest].since) && !strings.HasSuffix(e.tree.Name(n), ".md5sums") {
			latest = n
		}
		if layer := e.tree.ChangedIn(n); layer > q.Layer && f.status != proved {
			q.Layer, q.LayerFile = layer, sbom.Escape(path)
		}
	}
	if latest != rootfs.None && !q.Proved {
		q.Latest = sbom.Escape(e.tree.Path(latest))
	}
	if q.Files > 0 {
		q.Content = "blake3:" + hex.EncodeToString(h.Sum(nil))
	}
}

// inContent reports whether a file is part of the content of its component.
func (e *engine) inContent(c int32, n rootfs.Node) bool {
	f := &e.nodes[n]
	kind := e.tree.Kind(n)
	if kind == rootfs.Dir || f.status == unread || kind == rootfs.File && !f.summed {
		return false
	}
	name := e.tree.Name(n)
	comp := &e.doc.Components[c]
	if comp.Kind == sbom.KindOS {
		if e.isControl(n) {
			return !strings.HasSuffix(name, ".list")
		}
		// A rule explains a link such as /etc/rmt of tar where no artifact is at hand.
		// The content must not depend on that.
		return f.status != derived || kind == rootfs.Symlink && e.files.DB() != nil && e.files.DB().Owns(n)
	}
	if comp.Kind == sbom.KindPackage {
		if isBytecode(name) && e.tree.Name(e.tree.Parent(n)) == "__pycache__" {
			return false
		}
		if isInstallers(name) && strings.HasSuffix(e.tree.Name(e.tree.Parent(n)), "-info") {
			return false
		}
	}
	return true
}

// isConfiguration reports whether a file of a package of the system is a conffile.
func (e *engine) isConfiguration(n rootfs.Node) bool {
	f := &e.nodes[n]
	return !e.isControl(n) && (f.status == conffile || f.expect > 0 && e.expected[f.expect-1].conffile || e.isConffile(n))
}
