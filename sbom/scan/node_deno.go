package scan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// readDeno adds what Deno loads from its own directory without a node_modules
// directory (https://docs.deno.com/runtime/reference/cli/env_variables, DENO_DIR):
// packages of npm, unpacked below npm/HOST/NAME/VERSION beside the registry's
// record. It comes before the packages that are bundled in those.
//
// Modules that were loaded by URL are files named by a digest, and belong to no
// package with a name: they are a gap.
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
		for version := range t.Children(dir) {
			if t.Kind(version) == rootfs.Dir && s.manifestOf(version) != rootfs.None {
				s.readNodePackage(rootfs.None, version, nil)
			}
		}
	}
	for _, name := range []string{"remote", "deps"} { // of Deno 2 and 1
		for top := range t.Named(name) {
			for _, scheme := range []string{"https", "http"} {
				for host := range t.Children(t.Child(top, scheme)) {
					if n := s.modulesByURL(host); n > 0 && !skip(host) {
						s.gap(sbom.GapUnreported, t.Path(host), fmt.Sprintf("%s that Deno loads by URL cannot be listed as packages (vendor them as files of the project, or waive this path)",
							wording.Count(n, "module", "modules")))
					}
				}
			}
		}
	}
}

// denoModule matches the name of a module: the SHA-256 of its URL's path.
var denoModule = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s *inventory) modulesByURL(host rootfs.Node) int {
	n := 0
	for c := range s.tree.Children(host) {
		if s.tree.Kind(c) == rootfs.File && denoModule.MatchString(s.tree.Name(c)) {
			n++
		}
	}
	return n
}
