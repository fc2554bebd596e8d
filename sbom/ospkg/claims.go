package ospkg

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// noArea is outside of all areas.
const noArea = -1

// areas are the directories in which no package of a distribution has files:
// home directories, /usr/local (Debian Policy, section 9.1.2), temporary
// directories, and Python's virtual environments (PEP 405). A package may have
// directories there, but does not own a file that its list claims there. In
// /opt, /srv, /mnt and /media vendors' packages have files, and packages of a
// distribution have none (Filesystem Hierarchy Standard, sections 3.11 to 3.17).
type areas struct {
	names   []string
	roots   map[rootfs.Node]int
	vendors map[int]bool // the areas that only packages of a distribution avoid
}

func findAreas(t *rootfs.Tree) *areas {
	a := areasOf(t, "/home", "/root", "/usr/local", "/tmp", "/var/tmp")
	for _, path := range []string{"/opt", "/srv", "/mnt", "/media"} {
		before := len(a.names)
		if a.add(t.Resolve(path), path); len(a.names) > before {
			a.vendors[before] = true
		}
	}
	return a
}

func areasOf(t *rootfs.Tree, paths ...string) *areas {
	a := &areas{roots: map[rootfs.Node]int{}, vendors: map[int]bool{}}
	for _, path := range paths {
		a.add(t.Resolve(path), path)
	}
	root := t.Resolve("/")
	for n := range t.Named("pyvenv.cfg") {
		if dir := t.Parent(n); dir != root && t.Kind(n) == rootfs.File {
			a.add(dir, "the virtual environment "+t.Path(dir))
		}
	}
	return a
}

func (a *areas) add(n rootfs.Node, name string) {
	if n == rootfs.None {
		return
	}
	if _, known := a.roots[n]; !known {
		a.roots[n] = len(a.names)
		a.names = append(a.names, name)
	}
}

// at returns the area whose top is that directory.
func (a *areas) at(n rootfs.Node) int {
	if i, found := a.roots[n]; found {
		return i
	}
	return noArea
}

// around returns the area that contains a node or whose top it is.
func (a *areas) around(t *rootfs.Tree, n rootfs.Node) int {
	for ; n != rootfs.None; n = t.Parent(n) {
		if i := a.at(n); i != noArea {
			return i
		}
	}
	return noArea
}

// claim counts the files that one package claims in one area, or from another
// package.
type claim struct {
	path  string // the first one
	count int
}

func (c claim) String() string {
	if c.count == 1 {
		return "a file"
	}
	return fmt.Sprintf("%d files", c.count)
}

// contested collects the files that several packages list, with the
// packages in ascending order.
type contested map[rootfs.Node][]int

// add records that another component lists a file that has an owner. It is
// called with ascending components, of which the owner is the first.
func (c contested) add(n rootfs.Node, owner, component int) {
	owners := c[n]
	if len(owners) == 0 {
		owners = []int{owner}
	}
	if owners[len(owners)-1] != component {
		c[n] = append(owners, component)
	}
}

// areaClaims adds notices for the files that a list claims in an area.
func (s *system) areaClaims(component int, l *listing) {
	list := ""
	if l.list != rootfs.None {
		list = s.tree.Path(l.list)
	}
	for _, area := range sortedKeys(l.claims) {
		c := l.claims[area]
		s.notice(sbom.NoticeClaim, c.path, s.Components[component].ID,
			"%s lists %s in %s, where packages of a distribution have none; the package does not own them (%s)",
			s.Components[component].Name, c, s.areas.names[area], list)
	}
}

// conflicts adds notices for the packages that list files of another one
// although mayShare does not allow it.
func (s *system) conflicts(files contested, mayShare func(a, b int) bool) {
	type pair struct{ first, second int }
	pairs := map[pair]claim{}
	// A call takes time in proportion to the packages' Replaces lists, and two
	// packages may share all of their files.
	allowed := map[pair]bool{}
	// When more packages than that share one file, comparing each with each
	// adds no information.
	const most = 8
	for _, n := range sortedKeys(files) {
		owners := files[n]
		for i, second := range owners {
			for _, first := range owners[:min(i, most)] {
				p := pair{first, second}
				may, known := allowed[p]
				if !known {
					may = mayShare(first, second)
					allowed[p] = may
				}
				if may {
					continue
				}
				c := pairs[p]
				if c.count == 0 {
					c.path = s.tree.Path(n)
				}
				c.count++
				pairs[p] = c
				break
			}
		}
	}
	order := make([]pair, 0, len(pairs))
	for p := range pairs {
		order = append(order, p)
	}
	slices.SortFunc(order, func(x, y pair) int {
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.second, y.second))
	})
	for _, p := range order {
		c := pairs[p]
		s.notice(sbom.NoticeClaim, c.path, s.Components[p.second].ID, "%s and %s both list %s; neither replaces the other",
			s.Components[p.first].Name, s.Components[p.second].Name, c)
	}
}

// isDir reports whether a node is a directory or a link to one. Packages share
// directories, and the directory of one package may be a link on disk, as /bin
// is.
func isDir(t *rootfs.Tree, n rootfs.Node) bool {
	return t.Kind(n) == rootfs.Dir || (t.Kind(n) == rootfs.Symlink && t.Kind(t.ResolveNode(n)) == rootfs.Dir)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
