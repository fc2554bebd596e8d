package scan

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// A cache hides only what its manager puts there. Another file in its directory
// is examined like a file elsewhere, so that a directory that merely looks like a
// cache hides nothing.

// cacheLayout are the paths in a cache, relative to its root.
type cacheLayout struct {
	// whole matches the files and directories that belong to the cache, these
	// with everything below; part matches the directories around those.
	whole, part *lazyregexp.Regexp
	// holds is an additional check of what whole matches, or replaces it. Nil for
	// none.
	holds func(t *rootfs.Tree, n rootfs.Node) bool
}

// cacheLayouts are those of the caches of findCaches that are not recognised by
// all of their content. Sources: cmd/go/internal/cache, "go help modcache";
// cacache's lib/content/path.js and lib/entry-index.js; pip's
// _internal/network/cache.py and _internal/cache.py; uv's uv-cache crate; the
// Cargo book, "Cargo Home"; Maven Resolver's EnhancedLocalRepositoryManager;
// Gradle's "Directories and files" page; conda's package_cache_data.py.
var cacheLayouts = map[string]cacheLayout{
	"Go module cache": {whole: lazyregexp.New(`^cache$|@[^/]+$`), part: lazyregexp.New(`.`)},
	"Go build cache": {
		whole: lazyregexp.New(`^(README|trim\.txt|testexpire\.txt|log\.txt|[0-9a-f]{2}/[0-9a-f]{64}-[ad])$`),
		part:  hexByte,
	},
	"npm cache": {
		whole: lazyregexp.New(`^(_lastverified|(content-v2/(sha1|sha256|sha384|sha512|md5)|index-v5)/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{20,})$`),
		part:  lazyregexp.New(`^((content-v2(/(sha1|sha256|sha384|sha512|md5))?|index-v5)|(content-v2/[a-z0-9]+|index-v5)/[0-9a-f]{2}(/[0-9a-f]{2})?)$`),
	},
	"pip cache": {
		whole: lazyregexp.New(`^(selfcheck\.json|selfcheck/[0-9a-f]{30,}|http(-v2)?(/[0-9a-f]){5}/[0-9a-f]{30,}(\.body)?|wheels(/[0-9a-f]+)*/([^/]+\.whl|origin\.json))$`),
		part:  lazyregexp.New(`^(selfcheck|http(-v2)?(/[0-9a-f])*|wheels(/[0-9a-f]+)*)$`),
	},
	uvCache:                {whole: lazyregexp.New(`^(CACHEDIR\.TAG|\.git|\.gitignore|\.lock|[a-z]+(-[a-z]+)*-v[0-9]+)$`)},
	"yarn cache":           {whole: lazyregexp.New(`^(v[0-9]+|\.tmp)$`)},
	"cargo registry cache": {whole: lazyregexp.New(`^(index|cache|src|CACHEDIR\.TAG|\.cargo-.*|\.package-cache.*)$`)},
	"Maven repository cache": {
		whole: lazyregexp.New(`.`), part: lazyregexp.New(`.`),
		holds: func(t *rootfs.Tree, n rootfs.Node) bool {
			if t.Kind(n) == rootfs.Dir {
				return t.Child(n, "_remote.repositories") != rootfs.None
			}
			name := t.Name(n)
			return strings.HasSuffix(name, ".xml") || strings.Contains(name, ".xml.") || strings.HasSuffix(name, ".properties") || strings.HasSuffix(name, ".lastUpdated")
		},
	},
	"Gradle cache": {whole: lazyregexp.New(`^([0-9]+(\.[0-9]+)*(-[a-z0-9-]+)?|(modules|jars|journal|build-cache|transforms|files)-[0-9.]+|keyrings|CACHEDIR\.TAG|[^/]+\.(lock|properties|bin))$`)},
	condaCache: {
		whole: lazyregexp.New(`^[^/]+$`),
		holds: func(t *rootfs.Tree, n rootfs.Node) bool {
			name := t.Name(n)
			if t.Kind(n) == rootfs.Dir {
				info := t.Child(n, "info")
				return name == "cache" || t.Child(info, "index.json") != rootfs.None || t.Child(info, "repodata_record.json") != rootfs.None
			}
			return name == "urls" || strings.HasPrefix(name, "urls.txt") || strings.HasSuffix(name, ".conda") || strings.HasSuffix(name, ".tar.bz2") || strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, ".")
		},
	},
}

// strays returns the outermost files and directories in caches that do not
// belong to them.
func (c caches) strays(t *rootfs.Tree) []rootfs.Node {
	var out []rootfs.Node
	for _, one := range c {
		layout, ok := cacheLayouts[one.what]
		if !ok {
			continue
		}
		var walk func(dir rootfs.Node, rel string)
		walk = func(dir rootfs.Node, rel string) {
			for n := range t.Children(dir) {
				at := rel + t.Name(n)
				switch isDir := t.Kind(n) == rootfs.Dir; {
				case layout.whole.MatchString(at) && (layout.holds == nil || layout.holds(t, n)):
				case isDir && layout.part != nil && layout.part.MatchString(at):
					walk(n, at+"/")
				default:
					out = append(out, n)
				}
			}
		}
		walk(one.root, "")
	}
	return out
}

// searchedInCaches returns the directories in caches that are on the search path of
// programs: they are used in place.
func (s *inventory) searchedInCaches() []rootfs.Node {
	return slices.DeleteFunc(slices.Clone(s.programDirs), func(n rootfs.Node) bool { return !s.caches.contain(n) })
}
