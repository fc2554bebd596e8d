package scan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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

// unite returns the group that counts each file that nothing accounts for, by the
// groups that the names of the files are in. A file with names in several groups
// counts in the one that [homes.before] puts first, so that a copy by hard links
// is not another dependency: of perf in ~/.debug, of "cp -al", of rsync. In at,
// names of one file that are in no other group and in places of one kind become
// one group.
func (s *inventory) unite(at map[rootfs.Node]rootfs.Node) map[rootfs.Node]rootfs.Node {
	t := s.tree
	groups := maps.Clone(at)
	h := s.newHomes(at)
	for _, names := range t.LinkedFiles() {
		loose := func(n rootfs.Node) bool { _, ok := at[n]; return ok }
		if !slices.ContainsFunc(names, loose) {
			continue
		}
		names = slices.DeleteFunc(slices.Clone(names), func(n rootfs.Node) bool { return !loose(n) })
		home := at[names[0]]
		for _, n := range names {
			if h.before(at[n], home) {
				home = at[n]
			}
		}
		var same []rootfs.Node // the names that are groups like the home
		if slices.Contains(names, home) {
			for _, n := range names {
				if at[n] == n && !h.several[n] && h.place(n) == h.place(home) {
					same = append(same, n)
				}
			}
		}
		if !h.several[home] {
			for _, n := range same { // the first path identifies it, and so names it
				if t.Path(n) < t.Path(home) {
					home = n
				}
			}
		}
		for _, n := range same {
			at[n] = home
		}
		for _, n := range names {
			groups[n] = home
		}
	}
	return groups
}

// countedName returns the name by which a file counts, for one of its other names:
// another one with the same last part, if there is one.
func (s *inventory) countedName(n rootfs.Node) rootfs.Node {
	t := s.tree
	to := rootfs.None
	for _, m := range t.Links(n) {
		if m == n || s.shared[m] || s.claims[m] != s.claims[n] {
			continue
		}
		if t.Name(m) == t.Name(n) {
			return m
		}
		if to == rootfs.None {
			to = m
		}
	}
	return to
}

// homes orders groups of files that nothing accounts for.
type homes struct {
	s *inventory
	// several has the groups with more than one file.
	several map[rootfs.Node]bool
}

func (s *inventory) newHomes(at map[rootfs.Node]rootfs.Node) *homes {
	h := &homes{s: s, several: make(map[rootfs.Node]bool)}
	if len(s.tree.LinkedFiles()) == 0 {
		return h
	}
	one := make(map[rootfs.Node]rootfs.Node)
	for n, top := range at {
		file := s.fileOf(n)
		if other, ok := one[top]; ok && other != file {
			h.several[top] = true
		}
		one[top] = file
	}
	return h
}

// before reports whether a file with names in two groups counts in a, not in b: in
// the better place, then in an installation of several files before one file, then
// nearer the root, then by path. How many files a group has is not part of it:
// that changes while the groups stay the same.
func (h *homes) before(a, b rootfs.Node) bool {
	if a == b {
		return false
	}
	t := h.s.tree
	if x, y := h.place(a), h.place(b); x != y {
		return x < y
	}
	if h.several[a] != h.several[b] {
		return h.several[a]
	}
	if x, y := h.s.depth(a), h.s.depth(b); x != y {
		return x < y
	}
	return t.Path(a) < t.Path(b)
}

// place returns the rank of the place of a group: 0 for where a system has
// software by the Filesystem Hierarchy Standard and for programs in a directory
// that programs are searched in, 1 for directories of people, of backups and
// others, 2 for a cache.
func (h *homes) place(top rootfs.Node) int {
	t := h.s.tree
	if h.s.caches.contain(top) {
		return 2
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(t.Path(top), "/"), "/")
	switch first {
	case "bin", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr":
		return 0
	}
	dirs := h.s.programDirs
	if _, ok := slices.BinarySearch(dirs, t.Parent(top)); ok {
		return 0
	}
	from, to := t.Subtree(top)
	if i, _ := slices.BinarySearch(dirs, from); i < len(dirs) && dirs[i] < to {
		return 0
	}
	return 1
}

// fileOf returns the first name of a file, which is the same for all of its names.
func (s *inventory) fileOf(n rootfs.Node) rootfs.Node {
	if names := s.tree.Links(n); names != nil {
		return names[0]
	}
	return n
}

// distinct returns one name of each file.
func (s *inventory) distinct(names []rootfs.Node) []rootfs.Node {
	seen := make(map[rootfs.Node]bool)
	var out []rootfs.Node
	for _, n := range names {
		if file := s.fileOf(n); !seen[file] {
			seen[file] = true
			out = append(out, n)
		}
	}
	return out
}

// otherNames returns a remark of the names that code of a group, which are these
// nodes, has outside of it, empty if there are none.
func (s *inventory) otherNames(code []rootfs.Node) string {
	var others []rootfs.Node
	for _, n := range code {
		others = append(others, s.tree.Links(n)...)
	}
	if len(others) == 0 {
		return ""
	}
	slices.Sort(code)
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(n rootfs.Node) bool {
		_, ok := slices.BinarySearch(code, n)
		return ok
	})
	if len(others) == 0 {
		return ""
	}
	text := "; hard links at " + s.tree.Path(others[0])
	if more := len(others) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
