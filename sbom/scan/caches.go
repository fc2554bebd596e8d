package scan

import (
	"slices"
	"sort"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// cache is a package manager's store of downloads. Nothing in it is installed
// (counting rule 1).
type cache struct {
	root rootfs.Node
	// from and end are the range of nodes, end is one past the last. A cache
	// with directories that are in use has several ranges.
	from, end rootfs.Node
	what      string
	// opaque is set for a cache whose content is not run in place: its files
	// are named by digest, and are copied or linked before use.
	opaque bool
	// environment is set for a root file system of its own, and for the storage
	// of a container engine: environments.go.
	environment bool
}

// Names of caches that packages are installed from by links.
const (
	uvCache    = "uv cache"
	condaCache = "conda package cache"
)

// caches are sorted by range and do not overlap.
type caches []cache

// contain reports whether n is in a cache, its root included.
func (c caches) contain(n rootfs.Node) bool { return c.of(n) != nil }

func (c caches) of(n rootfs.Node) *cache {
	i := sort.Search(len(c), func(i int) bool { return c[i].from > n }) - 1
	if i < 0 || n >= c[i].end {
		return nil
	}
	return &c[i]
}

// without returns the caches without some subtrees, which are used in place:
// they are not there to be copied.
func (c caches) without(t *rootfs.Tree, used []rootfs.Node) caches {
	slices.Sort(used)
	var out caches
	for _, one := range c {
		from := one.from
		i, _ := slices.BinarySearch(used, from)
		for _, n := range used[i:] {
			if n >= one.end {
				break
			}
			if n < from {
				continue
			}
			if n > from {
				part := one
				part.from, part.end = from, n
				out = append(out, part)
			}
			_, from = t.Subtree(n)
		}
		if from < one.end {
			one.from = from
			out = append(out, one)
		}
	}
	return out
}

// findCaches recognises caches by their structure: a directory with the usual
// name and another structure is not a cache, so that a name alone hides
// nothing.
func (s *inventory) findCaches() caches {
	t := s.tree
	found := caches(s.findEnvironments())
	add := func(root rootfs.Node, what string, opaque bool) {
		if root == rootfs.None || t.Kind(root) != rootfs.Dir || isImported(t, root) {
			return
		}
		_, end := t.Subtree(root)
		found = append(found, cache{root: root, from: root, end: end, what: what, opaque: opaque})
	}
	has := func(dir rootfs.Node, names ...string) bool {
		for _, name := range names {
			if t.Child(dir, name) == rootfs.None {
				return false
			}
		}
		return true
	}
	const opaque, inPlace = true, false
	under := func(name string, kind bool, what string, check func(n rootfs.Node) bool) {
		for n := range t.Named(name) {
			if t.Kind(n) == rootfs.Dir && check(n) {
				add(n, what, kind)
			}
		}
	}
	parentIs := func(n rootfs.Node, name string) bool {
		p := t.Parent(n)
		return p != rootfs.None && t.Name(p) == name
	}
	under("mod", inPlace, "Go module cache", func(n rootfs.Node) bool {
		c := t.Child(n, "cache")
		return parentIs(n, "pkg") && c != rootfs.None && has(c, "download")
	})
	under("go-build", opaque, "Go build cache", func(n rootfs.Node) bool { return has(n, "trim.txt") || has(n, "00") })
	under("_cacache", opaque, "npm cache", func(n rootfs.Node) bool { return has(n, "content-v2") || has(n, "index-v5") })
	under("pip", opaque, "pip cache", func(n rootfs.Node) bool {
		return parentIs(n, ".cache") && (has(n, "http") || has(n, "http-v2") || has(n, "wheels") || has(n, "selfcheck"))
	})
	under("uv", inPlace, uvCache, func(n rootfs.Node) bool { return parentIs(n, ".cache") && has(n, "CACHEDIR.TAG") })
	for n := range t.Named("CACHEDIR.TAG") { // where UV_CACHE_DIR says
		if dir := t.Parent(n); t.Kind(n) == rootfs.File && isUVCache(t, dir) {
			add(dir, uvCache, inPlace)
		}
	}
	under("yarn", opaque, "yarn cache", func(n rootfs.Node) bool {
		return (parentIs(n, ".cache") || parentIs(n, "Caches")) && holdsVersion(t, n, "")
	})
	under("registry", opaque, "cargo registry cache", func(n rootfs.Node) bool {
		return parentIs(n, ".cargo") && (has(n, "index") || has(n, "cache") || has(n, "src"))
	})
	under("repository", inPlace, "Maven repository cache", func(n rootfs.Node) bool {
		// Maven records the repository of every download.
		return parentIs(n, ".m2") && holdsNamed(t, n, "_remote.repositories")
	})
	under("caches", inPlace, "Gradle cache", func(n rootfs.Node) bool {
		return parentIs(n, ".gradle") && (has(n, "modules-2") || has(n, "journal-1"))
	})
	under("pkgs", opaque, condaCache, func(n rootfs.Node) bool { return has(n, "urls.txt") })
	under("files", opaque, "", func(n rootfs.Node) bool {
		if store := t.Parent(n); layoutVersion.MatchString(t.Name(store)) && isHashed(t, n) && isPnpmStore(t, store) {
			add(store, "pnpm store", opaque) // wherever storeDir is
		}
		return false
	})
	for n := range t.Named("objects") {
		if repo := t.Parent(n); repo > 0 && t.Kind(t.Child(repo, "config")) == rootfs.File && holdsOSTreeObjects(t, n) {
			add(repo, "OSTree repository", opaque)
		}
	}
	for _, dir := range s.replacedPackages() {
		_, end := t.Subtree(dir)
		found = append(found, cache{root: dir, from: dir, end: end, what: "package that pnpm replaced", opaque: opaque})
	}
	slices.SortFunc(found, func(a, b cache) int { return int(a.root) - int(b.root) })
	out := found[:0]
	for _, c := range found {
		if n := len(out); n > 0 && c.root < out[n-1].end {
			continue // a cache within a cache
		}
		out = append(out, c)
	}
	return out
}

// holdsOSTreeObjects reports whether a directory has nothing but files named by
// their digest as OSTree names them: objects/AB/CDEF.TYPE
// (https://ostreedev.github.io/ostree/repo/). Files that are checked out have
// other names elsewhere.
func holdsOSTreeObjects(t *rootfs.Tree, objects rootfs.Node) bool {
	found := false
	for dir := range t.Children(objects) {
		if !hexByte.MatchString(t.Name(dir)) {
			return false
		}
		for n := range t.Children(dir) {
			if !ostreeObject.MatchString(t.Name(n)) {
				return false
			}
			found = true
		}
	}
	return found
}

var ostreeObject = lazyregexp.New(`^[0-9a-f]+\.(file|filez|commit|commitmeta|dirtree|dirmeta|payload-link|file-xattrs|file-xattrs-link|tombstone-commit)$`)

// isImported reports whether an interpreter imports from a directory: there it
// can be used in place, whatever its structure.
func isImported(t *rootfs.Tree, n rootfs.Node) bool {
	for ; n != rootfs.None; n = t.Parent(n) {
		if name := t.Name(n); isSiteDir(name) || name == "node_modules" {
			return true
		}
	}
	return false
}

// holdsVersion reports whether dir contains a directory named after a version of
// the cache's layout ("v6"), which contains an entry of the given name.
func holdsVersion(t *rootfs.Tree, dir rootfs.Node, name string) bool {
	for c := range t.Children(dir) {
		if layoutVersion.MatchString(t.Name(c)) && t.Kind(c) == rootfs.Dir && (name == "" || t.Child(c, name) != rootfs.None) {
			return true
		}
	}
	return false
}

// isHashed reports whether the directories in dir have the names of the first
// bytes of digests, and nothing else is there.
func isHashed(t *rootfs.Tree, dir rootfs.Node) bool {
	any := false
	for c := range t.Children(dir) {
		if !hexByte.MatchString(t.Name(c)) || t.Kind(c) != rootfs.Dir {
			return false
		}
		any = true
	}
	return any
}

// isPnpmStore reports whether a directory contains nothing but what pnpm keeps
// in a store: contents by digest, what packages consist of, packages for its
// global virtual store, and links to projects.
func isPnpmStore(t *rootfs.Tree, dir rootfs.Node) bool {
	for c := range t.Children(dir) {
		switch name, _, _ := strings.Cut(t.Name(c), "-"); name {
		case "files", "index", "links", "metadata", "projects", "tmp":
		case "index.db", "index.sqlite": // with -wal and -shm beside it
		default:
			if !strings.HasPrefix(name, "file+") { // what a local archive consists of
				return false
			}
		}
	}
	return true
}

var hexByte = lazyregexp.New(`^[0-9a-f]{2}$`)

// isUVCache reports whether a directory contains unpacked wheels and nothing but
// the directories of uv's cache, whose names end with the version of a layout.
func isUVCache(t *rootfs.Tree, dir rootfs.Node) bool {
	wheels := false
	for c := range t.Children(dir) {
		name := t.Name(c)
		if name[0] != '.' && name != "CACHEDIR.TAG" && !uvBucket.MatchString(name) {
			return false
		}
		wheels = wheels || strings.HasPrefix(name, "archive-v")
	}
	return wheels
}

var uvBucket = lazyregexp.New(`^[a-z]+(-[a-z]+)*-v[0-9]+$`)

var layoutVersion = lazyregexp.New(`^v[0-9]+$`)

// holdsNamed reports whether a file or directory below dir has that name.
func holdsNamed(t *rootfs.Tree, dir rootfs.Node, name string) bool {
	from, to := t.Subtree(dir)
	for n := range t.Named(name) {
		if from <= n && n < to {
			return true
		}
	}
	return false
}

// unit returns the directory of a cache that an executable in it belongs to:
// that of the module or package, so that two toolchains in one cache stay two;
// or the whole of an opaque cache, whose directories have no meaning.
func (c *cache) unit(t *rootfs.Tree, n rootfs.Node) rootfs.Node {
	if c.opaque {
		return c.root
	}
	top := n
	for p := n; p != c.root && p != rootfs.None; p = t.Parent(p) {
		top = p
		if strings.Contains(t.Name(p), "@") {
			return p
		}
	}
	return top
}
