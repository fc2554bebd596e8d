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
	add := func(root environ.Node, what string) {
		if root == environ.None || t.Kind(root) != environ.Dir {
			return
		}
		_, end := t.Subtree(root)
		found = append(found, cache{root, end, what})
	}
	has := func(dir environ.Node, names ...string) bool {
		for _, name := range names {
			if t.Child(dir, name) == environ.None {
				return false
			}
		}
		return true
	}
	under := func(name string, check func(n environ.Node) bool, what string) {
		for n := range t.Named(name) {
			if t.Kind(n) == environ.Dir && check(n) {
				add(n, what)
			}
		}
	}
	parentIs := func(n environ.Node, name string) bool {
		p := t.Parent(n)
		return p != environ.None && t.Name(p) == name
	}
	under("mod", func(n environ.Node) bool {
		c := t.Child(n, "cache")
		return parentIs(n, "pkg") && c != environ.None && has(c, "download")
	}, "Go module cache")
	under("go-build", func(n environ.Node) bool { return has(n, "trim.txt") || has(n, "00") }, "Go build cache")
	under("_cacache", func(n environ.Node) bool { return has(n, "content-v2") || has(n, "index-v5") }, "npm cache")
	under("pip", func(n environ.Node) bool {
		return parentIs(n, ".cache") && (has(n, "http") || has(n, "http-v2") || has(n, "wheels") || has(n, "selfcheck"))
	}, "pip cache")
	under("uv", func(n environ.Node) bool { return parentIs(n, ".cache") && has(n, "CACHEDIR.TAG") }, "uv cache")
	under("yarn", func(n environ.Node) bool { return parentIs(n, ".cache") || parentIs(n, "Caches") }, "yarn cache")
	under("registry", func(n environ.Node) bool {
		return parentIs(n, ".cargo") && (has(n, "index") || has(n, "cache") || has(n, "src"))
	}, "cargo registry cache")
	under("repository", func(n environ.Node) bool { return parentIs(n, ".m2") }, "Maven repository cache")
	under("caches", func(n environ.Node) bool { return parentIs(n, ".gradle") }, "Gradle cache")
	under("pkgs", func(n environ.Node) bool { return has(n, "urls.txt") }, "conda package cache")
	under("store", func(n environ.Node) bool { return parentIs(n, "pnpm") }, "pnpm store")
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
// module or package, so that two toolchains in one cache stay two.
func (c *cache) unit(t *environ.Tree, n environ.Node) environ.Node {
	top := n
	for p := n; p != c.root && p != environ.None; p = t.Parent(p) {
		top = p
		if strings.Contains(t.Name(p), "@") {
			return p
		}
	}
	return top
}
