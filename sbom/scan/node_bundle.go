package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// bundledIn returns the unit whose tarball contained the package in dir, a child
// of modules or of a scope in it; -1 if npm fetched the package by itself. The
// rule is npm's (getBundler of lib/node.js in @npmcli/arborist): the package
// around modules is bundled itself, or names this one in bundleDependencies, or
// a package that it bundles loads this one from here. A record that npm uses can
// refuse that, and cannot claim it.
//
// A working copy that a link leads to is not made from a tarball, and so bundles
// nothing: its node_modules were installed for it.
func (s *scanner) bundledIn(modules, dir rootfs.Node, lock *hiddenLock, entry hiddenEntry, inLock bool) int {
	if inLock && !lock.stale && !entry.InBundle {
		return -1
	}
	if modules == rootfs.None {
		return -1
	}
	manifest := s.tree.Child(s.tree.Parent(modules), "package.json")
	if manifest == rootfs.None {
		return -1
	}
	owner, ok := s.unitAt[manifest]
	if !ok || s.units[owner].Type != "npm" || s.isWorkingCopy(owner) {
		return -1
	}
	if s.units[owner].inside >= 0 {
		return s.units[owner].inside
	}
	bundle, known := s.bundles[modules]
	if !known {
		bundle = s.bundleOf(modules, manifest)
		s.bundles[modules] = bundle
	}
	if bundle[dir] {
		return owner
	}
	return -1
}

// isWorkingCopy reports whether a unit is a directory that is used in place.
func (s *inventory) isWorkingCopy(i int) bool {
	in := s.units[i].Install
	return in != nil && in.Kind == sbom.InstallLink
}

// bundleOf returns the directories of packages in modules that came with the
// package of the manifest: those that it names, and those that they and the
// packages below them load from modules.
func (s *scanner) bundleOf(modules, manifest rootfs.Node) map[rootfs.Node]bool {
	t := s.tree
	m, err := s.packageJSON(manifest)
	if err != nil {
		return nil // a gap since the package was read
	}
	bundle := make(map[rootfs.Node]bool)
	var todo []rootfs.Node
	add := func(dir rootfs.Node) {
		if dir != rootfs.None && t.Kind(dir) == rootfs.Dir && !bundle[dir] {
			bundle[dir] = true
			todo = append(todo, dir)
		}
	}
	for _, name := range m.bundled() {
		add(s.packageDir(modules, name))
	}
	visit := func(dir rootfs.Node) {
		own := s.manifestOf(dir)
		if own == rootfs.None {
			return
		}
		m, err := s.packageJSON(own)
		if err != nil {
			return
		}
		for _, name := range m.needs() {
			if to := s.required(dir, name); to != rootfs.None && to == s.packageDir(modules, name) {
				add(to)
			}
		}
	}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		visit(dir)
		from, to := t.Subtree(dir)
		for n := from; n < to; n++ {
			if n != dir && t.Kind(n) == rootfs.Dir && s.isPackagePlace(n) {
				visit(n)
			}
		}
	}
	return bundle
}

// packageDir returns the directory of a name in a directory of packages, None
// without one.
func (s *inventory) packageDir(modules rootfs.Node, name string) rootfs.Node {
	if !nodeName(name) {
		return rootfs.None
	}
	scope, rest, scoped := strings.Cut(name, "/")
	at := s.tree.Child(modules, scope)
	if scoped && at != rootfs.None {
		at = s.tree.Child(at, rest)
	}
	return at
}

// required returns the directory that a package in dir loads for a name, None
// if there is none.
func (s *inventory) required(dir rootfs.Node, name string) rootfs.Node {
	t := s.tree
	for ; dir != rootfs.None; dir = t.Parent(dir) {
		if s.isNodeModules(dir) {
			continue
		}
		if modules := t.Child(dir, "node_modules"); modules != rootfs.None {
			if at := s.packageDir(modules, name); at != rootfs.None {
				return at
			}
		}
	}
	return rootfs.None
}

// isPackagePlace reports whether a node is a child of a directory of packages or
// of a scope in one.
func (s *inventory) isPackagePlace(n rootfs.Node) bool {
	return modulesOf(s.tree, n) != rootfs.None
}
