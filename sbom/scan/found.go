package scan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// addFound makes units of the catalogers' packages. Packages that our own
// readers reported are compared instead: an attacker could use a file that two
// programs read as two packages.
func (s *scanner) addFound() {
	// Packages that list their files come first: a jar in the list of a Java
	// runtime is bundled in it, although it could claim itself. Fixtures are
	// recognised by the packages around them.
	slices.SortStableFunc(s.found, func(a, b catalogers.Found) int {
		return cmp.Compare(rank(a), rank(b))
	})
	s.records = s.findRecords()
	reported := make(map[string]bool) // the paths of the first seen gaps
	seen := 0
	for _, f := range s.found {
		for ; seen < len(s.doc.Gaps); seen++ {
			reported[s.doc.Gaps[seen].Path] = true
		}
		n := s.tree.Lookup(f.Path)
		switch {
		case f.Classifier:
			// Recognised by strings: it names a group, and does not count.
		case f.Type == "brew":
			s.addBrew(f, n)
		case recordsFiles(f):
			// Added before the readers.
		case f.Type == "nix":
			// In the store, and read there; entries of only its database do not exist.
		case f.Type == "pypi" && isPythonMetadata(f.Path):
			s.compare(f, n, reported)
		case f.Type == "npm" && path.Base(f.Path) == "package.json":
			if _, ok := s.unitAt[n]; ok {
				s.compare(f, n, reported)
			} else if !s.read[n] {
				s.declared(f, n)
			}
		default:
			s.addPackage(f, n)
		}
	}
}

// findRecords returns the files that list several packages, such as Composer's
// installed.json or the deps.json of .NET. None of the packages claims such a
// file, or it would contain the others: each is installed by itself, unless
// the record as a whole is part of something else. An executable is not a
// record but one thing that contains the packages.
func (s *scanner) findRecords() map[rootfs.Node]bool {
	first := make(map[rootfs.Node]string) // the first package of each file
	records := make(map[rootfs.Node]bool)
	for _, f := range s.found {
		n := s.tree.Lookup(f.Path)
		if n == rootfs.None || f.Carried || f.Classifier || f.Within != "" {
			continue
		}
		if _, ok := s.executable(n); ok {
			continue
		}
		if other, ok := first[n]; ok && other != f.PURL {
			records[n] = true
		} else {
			first[n] = f.PURL
		}
	}
	return records
}

func rank(f catalogers.Found) int {
	switch {
	case len(f.Files) > 0:
		return 0
	case path.Base(f.Path) == "package.json":
		return 2
	}
	return 1
}

func isPythonMetadata(p string) bool {
	switch path.Base(p) {
	case "METADATA", "PKG-INFO":
		return true
	}
	return strings.HasSuffix(ecosystem.Lower(p), ".egg-info")
}

// compare compares a cataloger's result with that of our own reader.
func (s *scanner) compare(f catalogers.Found, n rootfs.Node, reported map[string]bool) {
	i, ok := s.unitAt[n]
	if !ok {
		if !s.caches.contain(n) && !reported[f.Path] {
			s.addPackage(f, n)
		}
		return
	}
	u := &s.units[i]
	name, namespace := f.Name, f.Namespace
	if f.Type == "pypi" {
		name = ecosystem.Python(name)
	}
	if u.Kind != sbom.KindPackage || name == u.Name && namespace == u.Namespace && (f.Version == u.Version || u.Version == "") {
		return
	}
	s.gap(sbom.GapMalformed, f.Path, fmt.Sprintf("readers disagree: %q %q by the interpreter's rules, %q %q by %s", u.Name, u.Version, name, f.Version, f.Cataloger))
}

// recordsFiles recognises a package of a manager that records each file that it
// installed, of any ecosystem, for a prefix of its own.
func recordsFiles(f catalogers.Found) bool {
	return f.Cataloger == "conda-meta-cataloger" || f.Cataloger == "portage-cataloger"
}

// addManagers adds the packages of such managers. They come before the readers,
// so that the metadata that a package has for another program (a dist-info, a
// package.json) is bundled in it, as it is in a package of the system.
func (s *scanner) addManagers() {
	for _, f := range s.found {
		if !recordsFiles(f) {
			continue
		}
		from := len(s.units)
		s.addPackage(f, s.tree.Lookup(f.Path))
		for i := from; i < len(s.units); i++ {
			s.units[i].manager = true
		}
	}
}

// managerOf returns the package of a manager that installed a file, -1 if none.
func (s *inventory) managerOf(n rootfs.Node) int {
	if n == rootfs.None {
		return -1
	}
	if i := s.storeOf(n); i >= 0 {
		return i
	}
	if i := s.claimant(n); i >= 0 && s.units[i].manager {
		return i
	}
	return -1
}

// declared handles a package.json outside of every node_modules: of a project, of
// a fixture, or bundled in an OS package.
func (s *scanner) declared(f catalogers.Found, n rootfs.Node) {
	if f.Name == "" {
		return
	}
	if s.owned(n) {
		if f.Type != "" {
			s.addPackage(f, n)
		}
		return
	}
	reason := sbom.ExcludedDeclared
	detail := "a manifest outside of node_modules: it installs nothing"
	if n != rootfs.None && s.claims[n] != 0 {
		reason, detail = sbom.ExcludedFixture, "is in "+s.units[s.claimant(n)].Name
	}
	s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
		Path: f.Path, PURL: f.PURL, Name: f.Name, Version: f.Version, Reason: reason, Detail: detail, Count: 1,
	})
}

// addPackage adds a cataloger's package, and claims its files.
func (s *scanner) addPackage(f catalogers.Found, n rootfs.Node) {
	if f.Name == "" {
		s.gap(sbom.GapUnreported, f.Path, f.Cataloger+" found a package without a name")
		return
	}
	u := unit{node: n, inside: -1, carried: f.Carried}
	u.Component = sbom.Component{
		PURL: f.PURL, Kind: sbom.KindPackage, Type: f.Type, Namespace: f.Namespace, Name: f.Name, Version: f.Version,
		Paths: f.Paths, FoundBy: f.Cataloger, Digests: f.Digests, Install: f.Install,
		Supplier: f.Supplier, Licenses: f.Licenses,
	}
	if f.Within != "" {
		u.Paths = []string{f.Path}
		u.Detail = "in " + f.Within
	}
	i := s.add(u)
	if n == rootfs.None || f.Carried || s.owned(n) {
		return
	}
	s.checkPlace(i, f, n)
	if f.Type == "golang" && len(f.Digests) == 0 {
		// A program built from a working tree has no digest that a lock could
		// pin, and its builder chose its version: its file stays unaccounted,
		// and its modules are bundled in it.
		s.units[i].carried = true
		return
	}
	if !s.records[n] {
		s.claim(n, i)
	}
	s.claimFiles(i, f, n)
	s.claimDir(i, f, n)
}

// claimFiles claims the files that a package's own metadata lists, where packages
// of its kind may install files.
func (s *scanner) claimFiles(i int, f catalogers.Found, n rootfs.Node) {
	if len(f.Files) == 0 {
		return
	}
	t := s.tree
	base, root := s.listRoot(f, n)
	refused, more := "", 0
	for _, p := range f.Files {
		full, ok := within(base, p, root)
		file := rootfs.None
		if root != "" && ok {
			if file = t.ResolveParent(full); file == rootfs.None || t.Kind(file) == rootfs.Dir {
				continue
			}
			_, ok = within("/", t.Path(file), root)
		}
		switch {
		case root != "" && ok:
			s.claim(file, i)
			if to := t.ResolveNode(file); to != file && s.mayClaim(to, root) {
				s.claim(to, i)
			}
		case refused == "":
			refused = full
		default:
			more++
		}
	}
	if refused != "" {
		detail := fmt.Sprintf("lists %+q", refused)
		if more > 0 {
			detail += fmt.Sprintf(" and %s more", wording.Count(more, "path", "paths"))
		}
		s.notice(sbom.NoticeClaim, f.Path, detail+", outside of the directories of packages of this kind: ignored")
	}
}

// mayClaim reports whether a package of a prefix may claim the target of a link
// that it installed: a file of that prefix, or one in a cache of such links.
func (s *inventory) mayClaim(n rootfs.Node, prefix string) bool {
	if n == rootfs.None || s.tree.Kind(n) != rootfs.File {
		return false
	}
	_, ok := within("/", s.tree.Path(n), prefix)
	return ok || s.isLinkedTo(n)
}

// isLinkedTo reports whether a file is in a cache whose manager links to
// unpacked packages in it, so that the installed package is there. The programs
// in other caches are not those of a package that has a link to them.
func (s *inventory) isLinkedTo(n rootfs.Node) bool {
	c := s.caches.of(n)
	return c != nil && (c.what == uvCache || c.what == condaCache)
}

// listRoot returns the directory that the paths of a package's list are relative
// to, and the directory that they may not leave; no directory when the list is
// ignored.
func (s *inventory) listRoot(f catalogers.Found, n rootfs.Node) (base, root string) {
	t := s.tree
	switch f.Cataloger {
	case "conda-meta-cataloger": // relative to the prefix, the parent of conda-meta
		if prefix := t.Parent(t.Parent(n)); t.Parent(prefix) != rootfs.None {
			return t.Path(prefix), t.Path(prefix)
		}
		return "/", ""
	case "php-pear-serialized-cataloger": // the prefix of share/php or lib/php
		for d := t.Parent(n); d != rootfs.None; d = t.Parent(d) {
			if t.Name(d) == ".registry" {
				php := t.Parent(d)
				if prefix := t.Path(t.Parent(t.Parent(php))); prefix != "/" && prefix != "/usr" {
					return "/", prefix
				}
				return "/", t.Path(php) // the system's packages are installed around it
			}
		}
		return "/", ""
	case "perl-cpan-installed-cataloger": // a prefix with lib or share in it
		for d := t.Parent(n); d != rootfs.None; d = t.Parent(d) {
			if name := t.Name(d); name == "lib" || name == "lib64" || name == "share" {
				root = t.Path(t.Parent(d))
			}
		}
		if root == "/" || root == "/usr" {
			root = "" // the system's packages are installed there
		}
		return "/", root
	case "portage-cataloger": // not the system's database, which owns its own records
		return "/", ""
	}
	dir := n
	if t.Kind(dir) != rootfs.Dir {
		dir = t.Parent(dir)
	}
	if s.structural(dir) {
		return "/", ""
	}
	return "/", t.Path(dir)
}

// claimDir claims the directory of a package by its ecosystem's layout.
func (s *scanner) claimDir(i int, f catalogers.Found, n rootfs.Node) {
	t := s.tree
	switch {
	case f.Type == "gem":
		// GEM_HOME/specifications/[default/]name-version.gemspec describes
		// GEM_HOME/gems/name-version and GEM_HOME/extensions/*/*/name-version.
		home := t.Parent(n)
		for home != rootfs.None && t.Name(home) != "specifications" {
			home = t.Parent(home)
		}
		if home == rootfs.None {
			return
		}
		home = t.Parent(home)
		full := strings.TrimSuffix(t.Name(n), ".gemspec")
		s.units[i].with = s.rubyOf(n, home, full)
		s.units[i].Digests = append(s.units[i].Digests, s.gemDigest(home, full)...)
		if gems := t.Child(home, "gems"); gems != rootfs.None {
			if dir := t.Child(gems, full); dir != rootfs.None {
				s.claimTree(dir, i, nil)
			}
		}
		if ext := t.Child(home, "extensions"); ext != rootfs.None {
			from, to := t.Subtree(ext)
			for d := range t.Named(full) {
				if from <= d && d < to && t.Kind(d) == rootfs.Dir {
					s.claimTree(d, i, nil)
				}
			}
		}
	case f.Type == "luarocks":
		s.claimRock(i, n)
	case f.Type == "cran":
		s.units[i].with = s.interpreterOfR(f.Name, n)
		s.units[i].Install = s.originOfR(n)
		s.claimTree(t.Parent(n), i, nil)
	case f.Type == "composer" && f.Namespace != "":
		dir := s.composerDir(f, n)
		if dir != rootfs.None {
			s.claimTree(dir, i, nil)
		}
		if s.units[i].Install = s.composerOrigin(f.Install, dir, n); s.units[i].Install != f.Install && dir != rootfs.None {
			// A link to a directory, whose code the autoloader finds through it.
			to := t.ResolveNode(dir)
			if from, end := t.Subtree(to); to != dir && t.Kind(to) == rootfs.Dir && !s.structural(to) && (n < from || n >= end) {
				s.claimTree(to, i, nil)
			}
		}
	}
}

// rubyOf returns the program of the Ruby that a default gem is part of, 0 if
// there is none. "make install" of Ruby writes the specifications of those gems
// to PREFIX/lib/ruby/gems/VERSION/specifications/default; their code is in
// PREFIX/lib/ruby/VERSION, and below gems are at most their programs.
func (s *inventory) rubyOf(spec, home rootfs.Node, full string) rootfs.Node {
	t := s.tree
	if t.Name(t.Parent(spec)) != "default" || t.Name(t.Parent(home)) != "gems" {
		return 0
	}
	lib := t.Parent(t.Parent(home)) // PREFIX/lib/ruby
	if gem := t.Child(t.Child(home, "gems"), full); t.Child(gem, "lib") != rootfs.None || t.Child(gem, "ext") != rootfs.None {
		return 0 // it has code of its own
	}
	if t.Kind(t.Child(lib, t.Name(home))) != rootfs.Dir && t.Kind(t.Child(lib, "stdlib")) != rootfs.Dir { // the latter of JRuby
		return 0
	}
	bin := t.Child(t.Parent(t.Parent(lib)), "bin")
	for _, name := range []string{"ruby", "jruby"} {
		if n := t.ResolveNode(t.Child(bin, name)); t.Kind(n) == rootfs.File {
			return n
		}
	}
	return 0
}

// ownPackages are the packages that are part of R, with its version: "R FAQ",
// section 5.1.1.
var ownPackages = []string{"base", "compiler", "datasets", "grDevices", "graphics", "grid", "methods", "parallel", "splines", "stats", "stats4", "tcltk", "tools", "utils"}

// interpreterOfR returns the program of the R that a package is part of, 0 if it
// is part of none: R_HOME/bin/exec/R of R_HOME/library/NAME/DESCRIPTION.
func (s *inventory) interpreterOfR(name string, description rootfs.Node) rootfs.Node {
	t := s.tree
	dir := t.Parent(description)
	library := t.Parent(dir)
	if !slices.Contains(ownPackages, name) || t.Name(dir) != name || t.Name(library) != "library" {
		return 0
	}
	home := t.Parent(library)
	if n := t.Child(t.Child(t.Child(home, "bin"), "exec"), "R"); t.Kind(n) == rootfs.File {
		return n
	}
	return 0
}

// resolveInside decides which units are bundled in others: in a system package
// by ownership, in another unit by its claim, in the file that carries it.
func (s *scanner) resolveInside() {
	carriers := make(map[rootfs.Node]int)
	for i, u := range s.units {
		if u.node != rootfs.None && !u.carried && u.Kind == sbom.KindPackage {
			if _, ok := carriers[u.node]; !ok {
				carriers[u.node] = i
			}
		}
	}
	for i := range s.units {
		u := &s.units[i]
		if u.node == rootfs.None || u.inside >= 0 {
			continue
		}
		if s.owned(u.node) {
			u.Owner = s.osOwner(u.node)
			continue
		}
		if carrier, ok := carriers[u.node]; ok && u.carried && carrier != i {
			u.inside = carrier
			continue
		}
		if c := s.claimant(u.node); c >= 0 && c != i && !u.own && !s.leadsTo(c, i) {
			u.inside = c
		}
	}
}

// leadsTo reports whether following inside from one unit reaches another.
func (s *inventory) leadsTo(from, to int) bool {
	for seen := 0; from >= 0 && seen <= len(s.units); seen++ {
		if from == to {
			return true
		}
		from = s.units[from].inside
	}
	return false
}
