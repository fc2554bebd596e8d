package scan

import (
	"slices"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Several names of one file (counting rule 2).
//
// A hard link is the same file as the name that it was made from: same device
// and inode, and so the same bytes. A file that the system or a
// package accounts for under one of its names is accounted for under all of
// them, and one that nothing accounts for is one dependency. The object store of
// OSTree, the proxies of rustup, the commands of BusyBox and a tree copied with
// "cp -al" are such names.

// aliases are the names that the system's packages do not list of files that they
// own: from each name to the owned one.
func (s *inventory) aliases() map[rootfs.Node]rootfs.Node {
	out := make(map[rootfs.Node]rootfs.Node)
	if s.db == nil {
		return out
	}
	for _, names := range s.tree.LinkedFiles() {
		i := slices.IndexFunc(names, s.db.Owns)
		if i < 0 {
			continue
		}
		for _, n := range names {
			if !s.db.Owns(n) {
				out[n] = names[i]
			}
		}
	}
	return out
}

// owned reports whether a package of the system owns a node, under this or under
// another name.
func (s *inventory) owned(n rootfs.Node) bool {
	return s.db != nil && (s.db.Owns(n) || len(s.alias) > 0 && s.alias[n] != 0)
}

// osOwner returns the ID of the system's package that owns a node.
func (s *inventory) osOwner(n rootfs.Node) string {
	if named, ok := s.alias[n]; ok {
		n = named
	}
	return s.db.Owner(n)
}

// shareClaims lets the unit that claims one name of a file claim the others. A
// file of an environment below the root is another thing where the programs of
// this environment find it; but in a cache it is only stored.
func (s *scanner) shareClaims() {
	s.shared = make(map[rootfs.Node]bool)
	for _, names := range s.tree.LinkedFiles() {
		inner := func(n rootfs.Node) bool {
			c := s.caches.of(n)
			return c != nil && c.environment
		}
		i := slices.IndexFunc(names, func(n rootfs.Node) bool { return s.claims[n] != 0 && !inner(n) })
		everywhere := i >= 0
		if !everywhere {
			if i = slices.IndexFunc(names, func(n rootfs.Node) bool { return s.claims[n] != 0 }); i < 0 {
				continue
			}
		}
		for _, n := range names {
			if s.claims[n] == 0 && !s.owned(n) && (everywhere || s.caches.contain(n)) {
				s.claim(n, s.claimant(names[i]))
				s.shared[n] = true
			}
		}
	}
}

// unite puts all names of a file that nothing accounts for into one group. tops
// are the groups of the loose files. A file of an installation belongs to that
// one; else the group is the name that sorts first.
func (s *inventory) unite(tops map[rootfs.Node]rootfs.Node) {
	for _, names := range s.tree.LinkedFiles() {
		group := rootfs.None
		for _, n := range names {
			top, ok := tops[n]
			if ok && top != n {
				group = top
				break
			}
			if ok && (group == rootfs.None || s.tree.Path(n) < s.tree.Path(group)) {
				group = n
			}
		}
		for _, n := range names {
			if _, ok := tops[n]; ok {
				tops[n] = group
			}
		}
	}
}
