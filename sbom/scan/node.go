package scan

import (
	"fmt"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// readNode reports the packages that Node would load: every directory of a
// node_modules directory, and of a scope in it, whatever its package.json says.
// The directory is the unit: one without a name is unaccounted, and so is a file
// that a module name leads to
// (https://nodejs.org/api/modules.html#all-together).
func (s *scanner) readNode() {
	hidden := make(map[rootfs.Node]*hiddenLock)
	s.readPnpmRecords()
	s.readYarnStates()
	for _, dir := range s.byDepth(s.survey.nodeModules) {
		if s.caches.contain(dir) {
			continue
		}
		lock := s.hiddenLockFor(dir, hidden)
		if m := s.manifestOf(s.tree.Parent(dir)); m != rootfs.None && s.tree.Kind(m) == rootfs.File {
			if project, err := s.packageJSON(m); err == nil {
				s.declareAliases(project, "")
			}
		}
		for c := range s.tree.Children(dir) {
			name := s.tree.Name(c)
			switch {
			case s.caches.contain(c): // pnpm replaced it
			case name == pnpmConfig && s.tree.Kind(c) == rootfs.Dir:
				s.readPnpmConfig(dir, c)
			case strings.HasPrefix(name, "."):
				s.readNodeHidden(c, name)
			case strings.HasPrefix(name, "@") && s.tree.Kind(c) == rootfs.Dir:
				for scoped := range s.tree.Children(c) {
					if !s.caches.contain(scoped) {
						s.readNodePackage(dir, scoped, lock)
					}
				}
			default:
				s.readNodePackage(dir, c, lock)
			}
		}
	}
	s.checkAliases()
}

// readNodePackage reads one directory of a node_modules directory.
func (s *scanner) readNodePackage(modules, dir rootfs.Node, lock *hiddenLock) {
	t := s.tree
	if t.Kind(dir) == rootfs.Symlink {
		s.readNodeLink(modules, dir, lock)
		return
	}
	if t.Kind(dir) != rootfs.Dir {
		if t.Kind(dir) == rootfs.File && path.Ext(t.Name(dir)) != ".json" {
			s.modules = append(s.modules, dir)
		}
		return
	}
	manifest := s.manifestOf(dir)
	if manifest == rootfs.None {
		if !s.owned(dir) && s.holdsFiles(dir) && !s.insideAnother(dir) {
			s.addNodeDir(dir, dir, "a directory in node_modules without package.json")
		}
		return
	}
	carrier := s.carrierOf(manifest)
	m, err := s.packageJSON(manifest)
	if err != nil {
		switch {
		case s.owned(manifest): // bundled in a package of the system
		case carrier >= 0:
			return // a fixture: the cataloger's result for it is excluded
		default:
			s.gap(sbom.GapMalformed, t.Path(manifest), err.Error())
		}
		s.read[manifest] = true
		return
	}
	s.read[manifest] = true
	if m.mocked && m.Version == "" && s.filesBelow(dir) == 1 {
		// Yarn's linker pnpm puts it in place of an optional package for another
		// platform. With any other file in it, it is a package without a version.
		s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
			Path: t.Path(manifest), Name: m.Name, Reason: sbom.ExcludedNotInstall, Detail: "a package for another platform, in place of which Yarn puts an empty one", Count: 1,
		})
		return
	}
	key := lock.key(t, dir)
	entry, inLock := lock.entry(key)
	u := unit{node: manifest, inside: -1}
	u.Component = sbom.Component{
		Kind: sbom.KindPackage, Type: "npm", Name: m.Name, Version: m.Version,
		Paths: []string{t.Path(manifest)}, FoundBy: "node-reader", Supplier: m.author, Licenses: m.licenses,
	}
	if m.Name == "" {
		u.Kind, u.Type, u.Name, u.Paths = sbom.KindFiles, "generic", t.Name(dir), []string{t.Path(dir)}
		u.Detail = "a package.json in node_modules without a name"
		u.Files = s.filesBelow(dir)
	} else if scope, name, ok := strings.Cut(m.Name, "/"); ok && strings.HasPrefix(scope, "@") {
		u.Namespace, u.Name = scope, name
	}
	if as := nodeDirName(t, dir); m.Name != "" && as != m.Name && s.isPackagePlace(dir) {
		u.Detail = fmt.Sprintf("installed as %s", as)
	}
	if !ecosystem.ASCII(m.Name) {
		s.notice(sbom.NoticeNonASCII, t.Path(manifest), fmt.Sprintf("the npm package %+q has a name outside ASCII, which the registry does not accept", m.Name))
	}
	if inLock && entry.Version != "" && entry.Version != m.Version {
		if !lock.stale {
			s.gap(sbom.GapMalformed, t.Path(manifest), fmt.Sprintf("has version %q, and npm's record of this installation has %q", m.Version, entry.Version))
		}
	} else if inLock {
		u.Digests, u.Install = lock.claims(entry)
		u.InstallReason = lock.reason(key, nodeDirName(t, dir))
		if path.Base(lock.file) == ".package-lock.json" {
			u.Installers = []string{"npm"}
		}
	} else if carrier < 0 && !s.owned(manifest) {
		s.pnpmClaims(&u, dir, m)
		s.yarnClaims(&u, dir, m)
	}
	owner := carrier
	if owner < 0 {
		owner = s.bundledIn(modules, dir, lock, entry, inLock)
	}
	if owner >= 0 {
		u.inside = owner
	}
	u.own = owner < 0
	if inLock && lock.stale && u.own && u.Detail == "" && !lock.written.IsZero() {
		if n := s.newer(lock, dir); n != rootfs.None {
			u.Detail = strings.TrimPrefix(t.Path(n), t.Path(dir)+"/") + " is newer than npm's record"
		}
	}
	i := s.add(u)
	s.declareAliases(m, nodeDirName(t, dir))
	if as := nodeDirName(t, dir); u.own && m.Name != "" && as != m.Name && s.isPackagePlace(dir) && !s.owned(manifest) && (!inLock || entry.Name != m.Name) {
		s.misplaced = append(s.misplaced, alias{i, dir, as, m.Name})
	}
	if !s.owned(manifest) {
		// npm installs a package's own dependencies directly below it. A
		// node_modules further down came with the package.
		s.claimTree(dir, i, func(n rootfs.Node) bool { return t.Parent(n) == dir && s.isNodeModules(n) })
	}
}

// pnpmConfig is the directory of the packages that pnpm itself loads, with hooks and
// patches (https://pnpm.io/config-dependencies). pnpm 11 and later put links there.
const pnpmConfig = ".pnpm-config"

func (s *scanner) readPnpmConfig(modules, dir rootfs.Node) {
	for c := range s.tree.Children(dir) {
		if !strings.HasPrefix(s.tree.Name(c), "@") {
			s.readNodePackage(modules, c, nil)
			continue
		}
		for scoped := range s.tree.Children(c) {
			s.readNodePackage(modules, scoped, nil)
		}
	}
}

// manifestOf returns the package.json of a directory, None without one.
func (s *inventory) manifestOf(dir rootfs.Node) rootfs.Node {
	return s.tree.ResolveNode(s.tree.Child(dir, "package.json"))
}

// addNodeDir adds a directory without a name that Node loads from; at is its
// path in node_modules, which may be a link to it.
func (s *scanner) addNodeDir(at, dir rootfs.Node, detail string) {
	t := s.tree
	i := s.add(unit{node: at, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindFiles, Type: "generic", Name: t.Name(at), Paths: []string{t.Path(at)},
		FoundBy: "node-reader", Files: s.filesBelow(dir), Detail: detail,
	}})
	s.claim(at, i)
	s.claimTree(dir, i, s.isNodeModules)
}

// readNodeHidden handles an entry of node_modules whose name starts with a dot.
// No package can have such a name, but code can load it.
func (s *scanner) readNodeHidden(n rootfs.Node, name string) {
	t := s.tree
	switch name {
	case ".bin", ".cache": // links to programs, and caches of programs
		return
	case ".pnpm", ".store", ".bun", ".deno", ".aspect_rules_js": // contain directories named node_modules, which are read separately
		return
	}
	switch t.Kind(n) {
	case rootfs.File, rootfs.Symlink:
		if isNodeCode(name) {
			s.modules = append(s.modules, n)
		}
	case rootfs.Dir:
		from, to := t.Subtree(n)
		for c := from; c < to; c++ {
			if t.Kind(c) == rootfs.File && isNodeCode(t.Name(c)) && s.claims[c] == 0 && !s.owned(c) && !s.caches.contain(c) {
				s.addNodeDir(n, n, "a hidden directory in node_modules with code in it")
				return
			}
		}
	}
}

func isNodeCode(name string) bool {
	switch path.Ext(name) {
	case ".js", ".cjs", ".mjs", ".node":
		return true
	}
	return false
}

// carrierOf returns the package whose own files contain a manifest, -1 if none:
// an npm package with fixtures, a Python one with a front end. Paths of a Python
// package outside of the directory of modules do not count.
func (s *inventory) carrierOf(manifest rootfs.Node) int {
	if manager := s.managerOf(manifest); manager >= 0 {
		return manager
	}
	c := s.claimant(manifest)
	if c < 0 || s.units[c].Type != "npm" && !isInSiteDir(s.tree, manifest) {
		return -1
	}
	return c
}

// readNodeLink handles a package directory that is a link: a workspace of the
// project, "npm link", or the layout of pnpm, whose targets are in another
// node_modules and are read there.
func (s *scanner) readNodeLink(modules, link rootfs.Node, lock *hiddenLock) {
	t := s.tree
	target := t.ResolveNode(link)
	if target == rootfs.None {
		s.gap(sbom.GapUnreported, t.Path(link), fmt.Sprintf("links to %q, which is not in the environment", t.Target(link)))
		return
	}
	if s.owned(target) || s.owned(link) {
		return
	}
	if t.Kind(target) != rootfs.Dir {
		if path.Ext(t.Name(link)) != ".json" && s.claims[target] == 0 {
			s.modules = append(s.modules, link)
		}
		return
	}
	if !s.caches.contain(target) && s.isPackagePlace(target) {
		return // read there
	}
	manifest := s.manifestOf(target)
	if manifest == rootfs.None {
		if s.holdsFiles(target) && !s.insideAnother(target) {
			s.addNodeDir(link, target, "a link in node_modules to a directory without package.json")
		}
		return
	}
	if s.owned(manifest) {
		return
	}
	if _, known := s.unitAt[manifest]; known {
		return // a second link to it
	}
	if s.inModulesStore(target) {
		s.readNodePackage(modules, target, nil)
		return
	}
	s.addWorkingCopy(link, target, manifest)
}

// addWorkingCopy adds a package that is used in place: link is the link to its
// directory, or the file that names it.
func (s *scanner) addWorkingCopy(link, target, manifest rootfs.Node) {
	t := s.tree
	s.read[manifest] = true
	m, err := s.packageJSON(manifest)
	if err != nil || m.Name == "" {
		s.gap(sbom.GapMalformed, t.Path(manifest), "a linked package without a name")
		return
	}
	u := unit{node: manifest, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "npm", Name: m.Name, Version: m.Version,
		Paths: []string{t.Path(link), t.Path(manifest)}, FoundBy: "node-reader", Supplier: m.author, Licenses: m.licenses,
		Install: &sbom.Install{Kind: sbom.InstallLink, URL: t.Path(target), File: t.Path(link)},
	}}
	if scope, name, ok := strings.Cut(m.Name, "/"); ok && strings.HasPrefix(scope, "@") {
		u.Namespace, u.Name = scope, name
	}
	s.declareAliases(m, nodeDirName(t, link))
	s.claimTree(target, s.add(u), s.isNodeModules)
}

func (s *inventory) isNodeModules(n rootfs.Node) bool { return s.tree.Name(n) == "node_modules" }

func (s *inventory) filesBelow(dir rootfs.Node) int {
	return s.filesIn(s.tree.Subtree(dir))
}

// filesIn returns the number of regular files in a range of nodes.
func (s *inventory) filesIn(from, to rootfs.Node) int {
	files := 0
	for ; from < to; from++ {
		if s.tree.Kind(from) == rootfs.File {
			files++
		}
	}
	return files
}

// insideAnother reports whether a directory is in the claimed files of a package.
func (s *inventory) insideAnother(dir rootfs.Node) bool {
	from, to := s.tree.Subtree(dir)
	for ; from < to; from++ {
		if s.tree.Kind(from) == rootfs.File {
			return s.claims[from] != 0
		}
	}
	return false
}

// nodeDirName returns the name that code imports: "lodash", "@types/node".
func nodeDirName(t *rootfs.Tree, dir rootfs.Node) string {
	if p := t.Parent(dir); strings.HasPrefix(t.Name(p), "@") {
		return t.Name(p) + "/" + t.Name(dir)
	}
	return t.Name(dir)
}
