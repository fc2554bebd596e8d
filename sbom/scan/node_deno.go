package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// readDeno adds what Deno loads from its own directory without a node_modules
// directory (https://docs.deno.com/runtime/reference/cli/env_variables, DENO_DIR):
// packages of npm, unpacked below npm/HOST/NAME/VERSION beside the registry's
// record. It comes before the packages that are bundled in those.
//
// Modules that were loaded by URL are in remote (deps in Deno 1); see
// readDenoModules.
func (s *scanner) readDeno() {
	t := s.tree
	skip := func(n rootfs.Node) bool { return s.owned(n) || s.caches.contain(n) || s.claims[n] != 0 }
	for record := range t.Named("registry.json") {
		dir := t.Parent(record)
		host := t.Parent(dir)
		if host != rootfs.None && strings.HasPrefix(t.Name(host), "@") {
			host = t.Parent(host)
		}
		if host == rootfs.None || t.Name(t.Parent(host)) != "npm" || t.Kind(record) != rootfs.File || skip(record) {
			continue
		}
		sums := s.denoRegistry(record)
		for version := range t.Children(dir) {
			if t.Kind(version) != rootfs.Dir || s.manifestOf(version) == rootfs.None {
				continue
			}
			from := len(s.units)
			s.readNodePackage(rootfs.None, version, nil)
			if e, ok := sums[t.Name(version)]; ok && len(s.units) > from && s.units[from].Version == t.Name(version) {
				s.units[from].Digests, s.units[from].Install = e.claims(t.Path(record))
			}
		}
	}
	for _, name := range []string{"remote", "deps"} { // of Deno 2 and 1
		for top := range t.Named(name) {
			for _, scheme := range []string{"https", "http"} {
				for host := range t.Children(t.Child(top, scheme)) {
					if t.Kind(host) == rootfs.Dir && !skip(host) {
						s.readDenoModules(scheme, host)
					}
				}
			}
		}
	}
}

// denoModule matches the name of a module: the SHA-256 of its URL's path.
var denoModule = lazyregexp.New(`^[0-9a-f]{64}$`)
