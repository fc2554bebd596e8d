package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// claimTopLevel claims modules by top_level.txt, or by the distribution's name,
// where no list of files exists: eggs, and packages made by a Linux
// distribution or conda.
func (s *scanner) claimTopLevel(i int, site, list rootfs.Node) {
	t := s.tree
	modules := []string{strings.ReplaceAll(s.units[i].Name, "-", "_")}
	if list != rootfs.None {
		data, err := t.ReadFile(list, maxPythonSmall)
		if err != nil {
			s.gap(sbom.GapUnreadable, t.Path(list), reason(err))
			return
		}
		modules = strings.Fields(string(data))
	}
	for c := range t.Children(site) {
		if slices.Contains(modules, moduleName(t, c)) {
			s.claimModule(c, i)
		}
	}
}

// moduleName returns the name by which Python imports an entry of a directory
// of modules: a package, source, byte code, or an extension. It is empty for
// another one.
func moduleName(t *rootfs.Tree, n rootfs.Node) string {
	name := t.Name(n)
	if to := t.ResolveNode(n); to != rootfs.None && t.Kind(to) == rootfs.Dir {
		return name
	}
	switch path.Ext(name) {
	case ".py", ".pyc", ".so":
		stem, _, _ := strings.Cut(name, ".") // of "x.cpython-311-x86_64-linux-gnu.so"
		return stem
	}
	return ""
}

// claimModule claims a module, or a package with all of its files.
func (s *scanner) claimModule(n rootfs.Node, i int) {
	if s.tree.Kind(n) == rootfs.Dir {
		s.claimTree(n, i, nil)
		return
	}
	s.claim(n, i)
}
