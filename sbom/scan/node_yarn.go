package scan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// yarnState is the name of the record of Yarn 2 and later in a node_modules directory
// that it made: the locator of each directory of a package
// (packages/plugin-nm/sources/NodeModulesLinker.ts of Yarn). It has no digests.
const yarnState = ".yarn-state.yml"

// yarnPackage is a package of a record.
type yarnPackage struct {
	name, reference string // of the locator: "a" and "npm:1.0.0"
	file            string // the record
}

// readYarnStates reads the records of all installations.
func (s *scanner) readYarnStates() {
	t := s.tree
	s.yarn = make(map[rootfs.Node]yarnPackage)
	for _, modules := range s.byDepth(s.survey.nodeModules) {
		file := t.Child(modules, yarnState)
		if file == rootfs.None || t.Kind(file) != rootfs.File || s.owned(file) || s.caches.contain(modules) {
			continue
		}
		var state map[string]struct {
			Locations []string `yaml:"locations"`
		}
		if !s.readYAML(file, "Yarn's record of this installation", &state) {
			continue
		}
		for _, locator := range slices.Sorted(maps.Keys(state)) {
			at := strings.IndexByte(strings.TrimPrefix(locator, "@"), '@') + len(locator) - len(strings.TrimPrefix(locator, "@"))
			if locator == "__metadata" || at <= 0 || at >= len(locator) {
				continue
			}
			p := yarnPackage{name: locator[:at], reference: locator[at+1:], file: t.Path(file)}
			for _, location := range state[locator].Locations {
				if dir := t.Lookup(path.Join(t.Path(t.Parent(modules)), location)); dir != rootfs.None {
					s.yarn[dir] = p
				}
			}
		}
	}
}

// yarnClaims gives a package the origin that Yarn recorded for its directory, if it is
// the recorded package at the recorded version.
func (s *scanner) yarnClaims(u *unit, dir rootfs.Node, m *nodeManifest) {
	p, ok := s.yarn[dir]
	if !ok || p.name != m.Name {
		return
	}
	if v := pnpVersion.FindStringSubmatch(p.reference); v != nil && v[1] != m.Version {
		return
	}
	u.Installers = []string{"yarn"}
	if strings.HasPrefix(p.reference, "workspace:") || strings.HasPrefix(p.reference, "link:") || strings.HasPrefix(p.reference, "portal:") {
		return
	}
	if in := pnpOrigin(p.reference, p.file); in != nil && in.Kind != sbom.InstallRegistry {
		u.Install = in
	}
}
