package scan

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// No package database has the relations of language packages to each other and
// to the system. They follow from the installed files, by the rules of the
// programs that resolve them at run time: Python's import path, Node's
// directories, the dynamic linker, the kernel and its "#!". An edge leads to
// the file that would be found, whatever its version. Where no file would be
// found there is no edge, and no guess.
//
//   - depends: a requirement of a Python distribution, an npm package, a gem;
//     recommends: one that its package works without.
//   - interpreter: a package or a script needs its interpreter.
//   - library: a program or a library needs the package of a shared library
//     that it names.
// Files that the system owns have the edges of its packages, and get none here.
// Edges do not affect the count: they are made after it.

// edgeKey identifies an edge.
type edgeKey struct {
	from, to string
	kind     sbom.RelationKind
}

// edgeReason is the reason of an edge.
type edgeReason struct {
	via, file string
	group     int
}

// edges collects relations. Of several reasons for one edge the shortest is
// kept, as for the system's packages.
//
// It reads the inventory of a scan and writes nothing to it.
type edges struct {
	*inventory
	// components are those of the document, in which packages of the system
	// are found by name.
	components []sbom.Component
	notices    []sbom.Notice

	known map[edgeKey]edgeReason
	// groups counts the requirements of each component that have several
	// satisfiers.
	groups map[string]int
	// programs caches the results of program, and found those of the linker.
	programs map[string]rootfs.Node
	links    linker
	// kept reports whether the content of a file would be kept of an image.
	// Others are not opened, so that a directory and an image of it have the
	// same edges.
	kept func(rootfs.Node) bool
}

func newEdges(in *inventory, components []sbom.Component) *edges {
	e := &edges{inventory: in, components: components, known: make(map[edgeKey]edgeReason), groups: make(map[string]int), programs: make(map[string]rootfs.Node)}
	rule := sync.OnceValue(keepRule)
	e.kept = func(n rootfs.Node) bool {
		if !e.isFile(n) {
			return false
		}
		info, err := e.tree.Stat(n)
		if err != nil {
			return false
		}
		class, _, err := e.tree.Classify(n)
		return err == nil && rule().Content(e.tree.Path(n), info.Size(), class)
	}
	return e
}

// relations returns the relations that are in no package database, and notices
// about requirements that could not be read. The inventory must be complete.
func (s *inventory) relations(ctx context.Context, components []sbom.Component) ([]sbom.Relation, []sbom.Notice) {
	e := newEdges(s, components)
	for _, add := range []func(context.Context){e.python, e.node, e.gems, e.scripts, e.libraries} {
		if ctx.Err() != nil {
			return nil, nil
		}
		add(ctx)
	}
	return e.emit(), e.notices
}

// add adds an edge from a unit.
func (e *edges) add(from int, to string, kind sbom.RelationKind, r edgeReason) {
	id := e.units[from].ID
	if to == "" || to == id {
		return
	}
	key := edgeKey{id, to, kind}
	if old, ok := e.known[key]; ok && cmp.Or(cmp.Compare(len(old.via), len(r.via)), cmp.Compare(old.via, r.via), cmp.Compare(old.file, r.file)) <= 0 {
		return
	}
	e.known[key] = r
}

// emit returns the edges as relations, sorted. Two installations of one
// component may have the same requirement with different satisfiers: those are
// not alternatives, and get different numbers.
func (e *edges) emit() []sbom.Relation {
	type text struct {
		from, via string
		kind      sbom.RelationKind
	}
	same := make(map[text]int)
	for k, r := range e.known {
		same[text{k.from, r.via, k.kind}]++
	}
	keys := make([]edgeKey, 0, len(e.known))
	for k := range e.known {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b edgeKey) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind))
	})
	out := make([]sbom.Relation, 0, len(keys))
	for _, k := range keys {
		r := e.known[k]
		if r.group == 0 && same[text{k.from, r.via, k.kind}] > 1 {
			r.group = e.newGroup(k.from)
		}
		out = append(out, sbom.Relation{From: k.from, To: k.to, Kind: k.kind, Via: r.via, Group: r.group, File: r.file})
	}
	return out
}

func (e *edges) newGroup(from string) int {
	e.groups[from]++
	return e.groups[from]
}

// outside reports whether a unit is not bundled in a package of the system,
// which has the edges of its bundled components.
func (e *edges) outside(i int) bool {
	for hops := 0; i >= 0 && hops <= len(e.units); hops++ {
		if e.units[i].Owner != "" {
			return false
		}
		i = e.units[i].inside
	}
	return true
}

// unread adds a notice about an unreadable requirement.
func (e *edges) unread(file, detail string) {
	e.notices = append(e.notices, sbom.Notice{Kind: sbom.NoticeRequirement, Path: file, Detail: detail})
}

func (s *inventory) isFile(n rootfs.Node) bool {
	return n != rootfs.None && s.tree.Kind(n) == rootfs.File
}

// SearchPath returns the directories that are searched for programs, in this
// order: the PATH that login(1) and the images of distributions set.
func SearchPath() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

// program finds a program by its name, first in a bin directory beside or above
// a node, then on the search path.
func (e *edges) program(name string, near rootfs.Node) rootfs.Node {
	t := e.tree
	if name == "" || strings.ContainsRune(name, '/') {
		return rootfs.None
	}
	for ; near != rootfs.None && t.Parent(near) != rootfs.None; near = t.Parent(near) {
		if n := t.ResolveNode(t.Child(t.Child(near, "bin"), name)); n != rootfs.None && t.Kind(n) == rootfs.File {
			return n
		}
	}
	n, ok := e.programs[name]
	if !ok {
		n = rootfs.None
		for _, dir := range SearchPath() {
			if at := t.Resolve(dir + "/" + name); at != rootfs.None && t.Kind(at) == rootfs.File {
				n = at
				break
			}
		}
		e.programs[name] = n
	}
	return n
}

// readers is the number of files that are read in parallel.
const readers = 8

// inParallel calls f for 0 to n-1, several at a time.
func inParallel(ctx context.Context, n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(readers, n) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
}
