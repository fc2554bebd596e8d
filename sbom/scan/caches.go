package scan

import (
	"slices"
	"sort"
	"strings"

	"github.com/depaudit/depaudit/sbom/environ"
)

// cache is a package manager's store of what it once fetched. Nothing in it
// is installed (counting rule 1).
type cache struct {
	root environ.Node
	end  environ.Node // one past the last node of the subtree
	what string
	// opaque is set where nothing is run from in place: what the cache holds
	// is named by its digest, and is copied out or linked before it is used.
	opaque bool
}

// caches are sorted by root and do not contain each other.
type caches []cache

// contain says whether n lies in a cache, its root included.
func (c caches) contain(n environ.Node) bool { return c.of(n) != nil }

func (c caches) of(n environ.Node) *cache {
	i := sort.Search(len(c), func(i int) bool { return c[i].root > n }) - 1
	if i < 0 || n >= c[i].end {
		return nil
	}
	return &c[i]
}

// findCaches recognises caches by their structure: a folder of the usual
// name that does not look like one from inside is no cache, so that a name
// alone hides nothing.
func findCaches(t *environ.Tree, _ *survey) caches {
	var found caches
	add := func(root environ.Node, what string, opaque bool) {
		if root == environ.None || t.Kind(root) != environ.Dir {
			return
		}
		_, end := t.Subtree(root)
		found = append(found, cache{root, end, what, opaque})
	}
	has := func(dir environ.Node, names ...string) bool {
		for _, name := range names {
			if t.Child(dir, name) == environ.None {
				return false
			}
		}
		return true
	}
	const opaque, inPlace = true, false
	under := func(name string, kind bool, what string, check func(n environ.Node) bool) {
		for n := range t.Named(name) {
			if t.Kind(n) == environ.Dir && check(n) {
				add(n, what, kind)
			}
		}
	}
	parentIs := func(n environ.Node, name string) bool {
		p := t.Parent(n)
		return p != environ.None && t.Name(p) == name
	}
	under("mod", inPlace, "Go module cache", func(n environ.Node) bool {
		c := t.Child(n, "cache")
		return parentIs(n, "pkg") && c != environ.None && has(c, "download")
	})
	under("go-build", opaque, "Go build cache", func(n environ.Node) bool { return has(n, "trim.txt") || has(n, "00") })
	under("_cacache", opaque, "npm cache", func(n environ.Node) bool { return has(n, "content-v2") || has(n, "index-v5") })
	under("pip", opaque, "pip cache", func(n environ.Node) bool {
		return parentIs(n, ".cache") && (has(n, "http") || has(n, "http-v2") || has(n, "wheels") || has(n, "selfcheck"))
	})
	under("uv", inPlace, "uv cache", func(n environ.Node) bool { return parentIs(n, ".cache") && has(n, "CACHEDIR.TAG") })
	under("yarn", opaque, "yarn cache", func(n environ.Node) bool { return parentIs(n, ".cache") || parentIs(n, "Caches") })
	under("registry", opaque, "cargo registry cache", func(n environ.Node) bool {
		return parentIs(n, ".cargo") && (has(n, "index") || has(n, "cache") || has(n, "src"))
	})
	under("repository", inPlace, "Maven repository cache", func(n environ.Node) bool { return parentIs(n, ".m2") })
	under("caches", inPlace, "Gradle cache", func(n environ.Node) bool { return parentIs(n, ".gradle") })
	under("pkgs", opaque, "conda package cache", func(n environ.Node) bool { return has(n, "urls.txt") })
	under("store", opaque, "pnpm store", func(n environ.Node) bool { return parentIs(n, "pnpm") })
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

// unit is the folder of a cache that an executable in it belongs to: the
// module or package, so that two toolchains in one cache stay two; the whole
// of an opaque cache, whose folders mean nothing.
func (c *cache) unit(t *environ.Tree, n environ.Node) environ.Node {
	if c.opaque {
		return c.root
	}
	top := n
	for p := n; p != c.root && p != environ.None; p = t.Parent(p) {
		top = p
		if strings.Contains(t.Name(p), "@") {
			return p
		}
	}
	return top
}
