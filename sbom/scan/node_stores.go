package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// usedInCaches returns the directories of packages in caches that Node loads
// from in place: links lead from an installation into them, as with pnpm's
// global virtual store (https://pnpm.io/settings#enableglobalvirtualstore), or
// one of located, the directories of a Plug'n'Play installation, is there. The
// packages beside them that no link reaches are of other installations.
func usedInCaches(t *rootfs.Tree, v *survey, c caches, located []rootfs.Node) []rootfs.Node {
	used := make(map[rootfs.Node]bool)
	var out, todo []rootfs.Node
	reach := func(dir rootfs.Node) {
		if modules := modulesOf(t, dir); modules != rootfs.None && c.contain(modules) && !used[modules] {
			used[modules] = true
			out = append(out, modules)
			todo = append(todo, modules)
		}
	}
	follow := func(dir rootfs.Node) {
		for n := range t.Children(dir) {
			if t.Kind(n) == rootfs.Symlink {
				if to := t.ResolveNode(n); to != rootfs.None && t.Kind(to) == rootfs.Dir {
					reach(to)
				}
			}
		}
	}
	for _, modules := range v.nodeModules {
		if !c.contain(modules) {
			todo = append(todo, modules)
		}
	}
	for _, dir := range located {
		reach(dir)
	}
	for len(todo) > 0 {
		modules := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		follow(modules)
		for n := range t.Children(modules) {
			if name := t.Name(n); (name == pnpmConfig || strings.HasPrefix(name, "@")) && t.Kind(n) == rootfs.Dir {
				follow(n)
				for scope := range t.Children(n) {
					if name == pnpmConfig && t.Kind(scope) == rootfs.Dir {
						follow(scope)
					}
				}
			}
		}
	}
	return out
}

// modulesOf returns the directory named node_modules that has dir as a child, or
// as a child of a scope; None if there is none.
func modulesOf(t *rootfs.Tree, dir rootfs.Node) rootfs.Node {
	p := t.Parent(dir)
	if p != rootfs.None && strings.HasPrefix(t.Name(p), "@") {
		p = t.Parent(p)
	}
	if p == rootfs.None || t.Name(p) != "node_modules" {
		return rootfs.None
	}
	return p
}

// inModulesStore reports whether a directory is in a store of an installation: a
// hidden directory of node_modules, in which Yarn's pnpm linker, and others that
// link, keep packages. It is no working copy.
func (s *inventory) inModulesStore(dir rootfs.Node) bool {
	t := s.tree
	for p := t.Parent(dir); p != rootfs.None; p = t.Parent(p) {
		if strings.HasPrefix(t.Name(p), ".") && s.isNodeModules(t.Parent(p)) {
			return true
		}
	}
	return false
}
