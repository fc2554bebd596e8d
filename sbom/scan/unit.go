package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// unit is a package that was found, before the decision whether it counts.
type unit struct {
	sbom.Component
	// node is the primary evidence, rootfs.None when it is not a file of
	// the tree (a package inside an archive).
	node rootfs.Node
	// inside is the index of the unit that this one is bundled in, -1 if none.
	inside int
	// own is set for a package directory that is installed whatever other list
	// has its files: the direct child of a directory that an interpreter imports
	// from. Another package's file list cannot claim it.
	own bool
	// site is the directory that Python imports a distribution from, which is
	// not above node when the metadata is a link.
	site rootfs.Node
	// manager is set for a package of a manager that records all files of its
	// packages, whatever ecosystem they are of: what it recorded is bundled.
	manager bool
	// with is a file of the interpreter that the package was installed with, 0 if
	// none: the package is bundled in whatever accounts for that file.
	with rootfs.Node
	// carried is set for a unit that is linked or packed into the file at node.
	carried bool
	// nested are the roots of the installations below a directory of unaccounted
	// files that are units of their own, sorted.
	nested []rootfs.Node
	// more are directories and files of such a unit that are not in Paths.
	more []rootfs.Node
}

// add appends a unit and returns its index.
func (s *scanner) add(u unit) int {
	if u.PURL == "" {
		u.PURL = packageurl.NewPackageURL(u.Type, u.Namespace, u.Name, u.Version, nil, "").ToString()
	}
	s.units = append(s.units, u)
	if _, known := s.unitAt[u.node]; !known {
		s.unitAt[u.node] = len(s.units) - 1
	}
	return len(s.units) - 1
}

// claim records that a file belongs to a unit. The first claim is kept. Files
// that the system owns cannot be claimed.
func (s *scanner) claim(n rootfs.Node, unit int) {
	if n == rootfs.None || s.claims[n] != 0 || s.owned(n) {
		return
	}
	s.claims[n] = int32(unit + 1)
}

// claimTree claims everything below a directory, except below the directories
// for which except is true.
func (s *scanner) claimTree(dir rootfs.Node, unit int, except func(rootfs.Node) bool) {
	from, to := s.tree.Subtree(dir)
	for n := from; n < to; n++ {
		if n != dir && s.tree.Kind(n) == rootfs.Dir && except != nil && except(n) {
			_, end := s.tree.Subtree(n)
			n = end - 1
			continue
		}
		s.claim(n, unit)
	}
}

// claimant returns the unit that claims a node, -1 if none.
func (s *inventory) claimant(n rootfs.Node) int { return int(s.claims[n]) - 1 }

// depth returns the number of directories above a node.
func (s *inventory) depth(n rootfs.Node) int {
	d := 0
	for n = s.tree.Parent(n); n != rootfs.None; n = s.tree.Parent(n) {
		d++
	}
	return d
}

// byDepth sorts nodes from the root downwards, so that an outer package is known
// before the ones bundled in it.
func (s *inventory) byDepth(nodes []rootfs.Node) []rootfs.Node {
	type at struct{ depth, node int }
	keys := make([]at, len(nodes))
	for i, n := range nodes {
		keys[i] = at{s.depth(n), int(n)}
	}
	slices.SortFunc(keys, func(a, b at) int {
		if a.depth != b.depth {
			return a.depth - b.depth
		}
		return a.node - b.node
	})
	out := make([]rootfs.Node, len(nodes))
	for i, k := range keys {
		out[i] = rootfs.Node(k.node)
	}
	return out
}

// within joins a path from a package's own file list to the directory that it
// is relative to. ok is false when it climbs above top.
func within(base, rel, top string) (full string, ok bool) {
	if path.IsAbs(rel) {
		full = path.Clean(rel)
	} else {
		full = path.Join(base, rel)
	}
	if top == "/" {
		return full, true
	}
	return full, full == top || strings.HasPrefix(full, top+"/")
}
