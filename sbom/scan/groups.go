package scan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// groupUnaccounted counts the code that no package accounts for (counting rule 5):
// executables, shared libraries, scripts with an execute bit, code archives,
// and Python modules in a directory that Python imports from. Each group is an
// installation prefix, or the file: see prefixes.go.
func (s *scanner) groupUnaccounted() {
	loose := s.looseCode()
	if len(loose) == 0 {
		return
	}
	g := s.newGrouping(loose)
	own := make(map[rootfs.Node]rootfs.Node, len(loose)) // the installation around each file
	for _, n := range loose {
		own[n] = g.unit(n)
	}
	at := maps.Clone(own) // and the group that it is part of by its place
	s.joinTools(at)
	groups := s.unite(at) // and the one that counts it
	members, here := make(map[rootfs.Node][]rootfs.Node), make(map[rootfs.Node][]rootfs.Node)
	var tops []rootfs.Node
	for _, n := range loose {
		top := groups[n]
		if members[top] == nil {
			tops = append(tops, top)
		}
		members[top] = append(members[top], n)
		here[at[n]] = append(here[at[n]], n)
		if top != at[n] {
			s.shared[n] = true
		}
	}
	slices.Sort(tops)
	// others are what can be in a group's directory and is not part of it.
	others := slices.Clone(tops)
	for _, c := range s.caches {
		others = append(others, c.root)
	}
	slices.Sort(others)
	others = slices.Compact(others)
	names := s.classified()
	first := len(s.units)
	joined := s.joinLibraries(tops)
	libraries := make(map[rootfs.Node][]rootfs.Node)
	for _, top := range tops {
		if of, ok := joined[top]; ok {
			libraries[of] = append(libraries[of], top)
		}
	}
	for _, top := range tops {
		if _, ok := joined[top]; ok {
			continue
		}
		var parts []rootfs.Node // the other groups and names
		for _, n := range here[top] {
			if part := own[n]; part != top {
				parts = append(parts, part)
			}
		}
		parts = s.outermostOf(parts)
		i := s.add(s.groupUnit(top, here[top], parts, s.nested(append(slices.Clone(parts), top), others), names))
		for _, part := range parts {
			s.unitAt[part] = i
		}
		for _, part := range libraries[top] {
			s.addPart(i, part)
			members[top] = append(members[top], members[part]...)
			here[top] = append(here[top], here[part]...)
		}
		s.units[i].Detail += s.otherNames(here[top])
		for _, n := range members[top] {
			s.claim(n, i)
		}
	}
	for _, n := range loose {
		// A directory whose code counts elsewhere, under other names.
		if dir := own[n]; s.tree.Kind(dir) == rootfs.Dir {
			if _, ok := s.unitAt[dir]; !ok {
				s.unitAt[dir] = s.claimant(n)
			}
		}
	}
	s.adopt(first)
}

// outermostOf sorts nodes and removes those below another one.
func (s *inventory) outermostOf(nodes []rootfs.Node) []rootfs.Node {
	var out []rootfs.Node
	for _, c := range s.outermost(nodes) {
		out = append(out, c.root)
	}
	return out
}

// nested returns the outermost of the sorted tops that are below one of the
// directories and are none of them.
func (s *inventory) nested(dirs, tops []rootfs.Node) []rootfs.Node {
	slices.Sort(dirs)
	var out []rootfs.Node
	for _, dir := range dirs {
		_, end := s.tree.Subtree(dir)
		i, _ := slices.BinarySearch(tops, dir+1)
		for past := dir; i < len(tops) && tops[i] < end; i++ {
			if n := tops[i]; n >= past && !slices.Contains(dirs, n) {
				out = append(out, n)
				_, past = s.tree.Subtree(n)
			}
		}
	}
	return slices.Compact(out)
}

// looseCode returns all code that neither the system nor a package claims, in
// node order.
func (s *scanner) looseCode() []rootfs.Node {
	var loose []rootfs.Node
	add := func(n rootfs.Node) {
		if s.isLoose(n) {
			loose = append(loose, n)
		}
	}
	for _, e := range s.sniffed.executables {
		if e.Type != catalogers.ELFObject || isKernelModule(s.tree.Name(e.Node)) {
			add(e.Node)
		}
	}
	gems := make(map[string]int) // by name, the first unit
	composer := false
	for i, u := range s.units {
		composer = composer || u.Type == "composer"
		if _, ok := gems[u.Name]; u.Type == "gem" && !ok {
			gems[u.Name] = i
		}
	}
	for _, n := range s.sniffed.scripts {
		if s.claims[n] == 0 && !s.isBinstub(n, gems) && !s.isLauncher(n) && !(composer && s.isComposerProxy(n)) {
			add(n)
		}
	}
	for _, n := range s.sniffed.archives {
		add(n)
	}
	for _, n := range s.sniffed.classes {
		add(n)
	}
	s.placed = s.findPlaced()
	for n := range s.placed {
		add(n)
	}
	for _, n := range s.modules {
		add(n)
	}
	for _, n := range s.looseImports() {
		add(n)
	}
	for _, n := range s.searchedModules() {
		add(n)
	}
	targets := make(map[rootfs.Node]bool)
	for _, dir := range s.importDirs() {
		from, to := s.tree.Subtree(dir)
		for n := from; n < to; n++ {
			switch s.tree.Kind(n) {
			case rootfs.File:
				if isPythonModule(s.tree, n) {
					add(n)
				}
			case rootfs.Symlink:
				if s.leadsToLooseModule(n, targets) {
					add(n)
				}
			}
		}
	}
	slices.Sort(loose)
	return slices.Compact(loose)
}

// isLoose reports whether neither the system nor a package accounts for a file.
func (s *inventory) isLoose(n rootfs.Node) bool { return s.claims[n] == 0 && !s.owned(n) }

func isKernelModule(name string) bool {
	return strings.HasSuffix(name, ".ko") || strings.Contains(name, ".ko.")
}

// grouping finds the directory that an unaccounted file belongs to. The sums are
// over nodes in the tree's order, in which a subtree is one range.
type grouping struct {
	s *scanner
	// hard counts nodes that prevent a directory from being a group: files that
	// the system owns, and files of packages that are not in a directory of
	// packages. claimed also counts the latter.
	hard, claimed []int32
	prefixes      *prefixes
}

func (s *scanner) newGrouping(loose []rootfs.Node) *grouping {
	t := s.tree
	g := &grouping{s: s, hard: make([]int32, t.Len()+1), claimed: make([]int32, t.Len()+1)}
	g.prefixes = s.newPrefixes(loose)
	packages, toolchains := s.packageDirs(), g.toolchains()
	for n := rootfs.Node(0); int(n) < t.Len(); n++ {
		hard, claimed := int32(0), int32(0)
		if s.shared[n] || s.alias[n] != 0 || s.caches.contain(n) {
			// The other name of a file says nothing about this directory, and a
			// cache or an environment in it does not make it another one's.
		} else if s.owned(n) {
			hard, claimed = 1, 1
		} else if s.claims[n] != 0 {
			claimed = 1
			if !packages.contain(n) && !toolchains.contain(n) {
				hard = 1
			}
		}
		g.hard[n+1] = g.hard[n] + hard
		g.claimed[n+1] = g.claimed[n] + claimed
	}
	return g
}

// packageDirs returns the directories of packages. Their content does not make
// the directory around them accounted for.
func (s *inventory) packageDirs() caches {
	return s.outermost(slices.Concat(s.survey.siteDirs, s.survey.nodeModules))
}

// outermost returns the subtrees of the nodes that are in none of the others.
func (s *inventory) outermost(nodes []rootfs.Node) caches {
	slices.Sort(nodes)
	var out caches
	for _, n := range nodes {
		if len(out) > 0 && n < out[len(out)-1].end {
			continue
		}
		_, end := s.tree.Subtree(n)
		out = append(out, cache{root: n, from: n, end: end})
	}
	return out
}

// toolchains returns the outermost installation prefixes. Packages that are
// installed into such a toolchain do not split it.
func (g *grouping) toolchains() caches {
	var out []rootfs.Node
	for d := range g.prefixes.code {
		if !g.s.structural(d) && g.s.tree.Child(d, "pyvenv.cfg") == rootfs.None && (g.prefixes.isPrefix(d) || g.prefixes.isMarked(d)) {
			out = append(out, d)
		}
	}
	return g.s.outermost(out)
}

// unit returns the installation that an unaccounted file belongs to.
func (g *grouping) unit(n rootfs.Node) rootfs.Node {
	if c := g.s.caches.of(n); c != nil {
		return c.unit(g.s.tree, n)
	}
	return g.prefixes.prefix(g.top(n), n)
}

// top returns the topmost unaccounted directory around n, or n.
func (g *grouping) top(n rootfs.Node) rootfs.Node {
	s, t := g.s, g.s.tree
	sums := g.hard
	for p := t.Parent(n); p != rootfs.None; p = t.Parent(p) {
		if name := t.Name(p); isSiteDir(name) || name == "node_modules" {
			sums = g.claimed
			break
		}
	}
	top := n
	for p := t.Parent(n); p != rootfs.None && !s.structural(p); p = t.Parent(p) {
		from, to := t.Subtree(p)
		if sums[to]-sums[from] > 0 {
			break
		}
		top = p
	}
	return top
}

// classified returns the packages that the binary classifiers recognised, by the
// nodes of the files.
func (s *scanner) classified() map[rootfs.Node]catalogers.Found {
	out := make(map[rootfs.Node]catalogers.Found)
	for _, f := range s.found {
		if !f.Classifier {
			continue
		}
		for _, p := range f.Paths {
			n := s.tree.Lookup(p)
			if n == rootfs.None {
				continue
			}
			if old, ok := out[n]; !ok || old.PURL > f.PURL {
				out[n] = f
			}
		}
	}
	return out
}

// maxNamed is the number of versions in the remark of a group.
const maxNamed = 3

// groupUnit names a group, by the classified program that is nearest to the top.
// Where that exists in several versions, the group has no version.
// members are the code in its directories and files, also what counts in another
// group under another name; parts are more directories and files of the group;
// nested are the installations within it, which are no part of it.
func (s *scanner) groupUnit(top rootfs.Node, members, parts, nested []rootfs.Node, names map[rootfs.Node]catalogers.Found) unit {
	t := s.tree
	p := t.Path(top)
	name, version := s.named(top)
	// The path of the program, or of the directory, identifies the group. Other
	// names of a program are other places, which an exception has to cover.
	isName := func(n rootfs.Node) bool {
		_, ok := slices.BinarySearch(t.Links(top), n)
		return ok
	}
	paths, more := []string{p}, []rootfs.Node(nil)
	for _, n := range parts {
		if isName(n) {
			paths = append(paths, t.Path(n))
		} else {
			more = append(more, n)
		}
	}
	slices.Sort(paths)
	c := sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: name, Version: version, Paths: paths, FoundBy: "unaccounted-files", Files: s.filesBelow(top)}
	for _, n := range parts {
		if !isName(n) {
			c.Files += s.filesBelow(n)
		}
	}
	for _, n := range nested {
		c.Files -= s.filesBelow(n)
	}
	best, label := -1, ""
	for _, n := range members {
		f, ok := names[n]
		if ok && f.Described && n != top {
			continue // an installer's stub among the modules is not the name
		}
		if ok && (best < 0 || s.depth(n) < best) {
			best, label = s.depth(n), f.Name
		}
	}
	var versions []string
	for _, n := range members {
		if f, ok := names[n]; ok && f.Name == label && f.Version != "" && !slices.Contains(versions, f.Version) {
			versions = append(versions, f.Version)
		}
	}
	if label != "" {
		c.Name, c.Version = label, ""
	}
	switch len(versions) {
	case 0:
	case 1:
		c.Version = versions[0]
	default:
		slices.Sort(versions)
		label += " " + strings.Join(versions[:min(maxNamed, len(versions))], ", ")
		if more := len(versions) - maxNamed; more > 0 {
			label += fmt.Sprintf(" and %d more", more)
		}
	}
	if label != "" && c.Version != "" {
		label += " " + c.Version
	}
	if t.Kind(top) == rootfs.Dir || c.Files > 1 {
		files := s.distinct(members)
		if label == "" || best < 0 {
			label = s.countMembers(files)
		}
		label += ", " + wording.Count(c.Files, "file", "files") + s.memberNames(top, files)
	} else if label == "" {
		label = s.whatIs(top)
	}
	if by, ok := s.placed[top]; ok && by != top {
		label += ", " + t.Path(by) + " leads to it"
	}
	c.Detail = label
	c.PURL = filesPURL(&c)
	return unit{Component: c, node: top, inside: -1, own: true, more: more, nested: nested}
}

// memberNames returns the paths of the first files of code of a group, relative
// to its directory.
func (s *inventory) memberNames(top rootfs.Node, members []rootfs.Node) string {
	t := s.tree
	if t.Kind(top) != rootfs.Dir {
		return ""
	}
	var names []string
	for _, n := range members {
		if rel, ok := strings.CutPrefix(t.Path(n), t.Path(top)+"/"); ok && len(names) < maxNamed {
			names = append(names, rel)
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := ": " + strings.Join(names, ", ")
	if more := len(members) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// filesPURL returns the package URL of files that no package accounts for.
func filesPURL(c *sbom.Component) string {
	return packageurl.NewPackageURL("generic", c.Namespace, c.Name, c.Version, packageurl.QualifiersFromMap(map[string]string{"path": c.Paths[0]}), "").ToString()
}

// countMembers returns the number of files of code of a group.
func (s *inventory) countMembers(members []rootfs.Node) string {
	var by *searched
	if len(members) > 0 {
		by = s.imports.of(members[0])
	}
	if by == nil {
		return wording.Count(len(members), "executable", "executables")
	}
	for _, n := range members {
		if _, ok := s.executable(n); ok || s.imports.of(n) != by {
			return wording.Count(len(members), "executable", "executables")
		}
	}
	plural := by.what + "s"
	if rest, ok := strings.CutSuffix(by.what, "y"); ok {
		plural = rest + "ies"
	}
	return wording.Count(len(members), by.what, plural)
}

// whatIs returns the kind of code of a file, in a word or two.
func (s *inventory) whatIs(n rootfs.Node) string {
	if e, ok := s.executable(n); ok {
		switch e.Type {
		case catalogers.ELF:
			return "ELF executable or shared library"
		case catalogers.ELFObject:
			return "ELF object"
		case catalogers.MachO:
			return "Mach-O executable"
		default:
			return "PE executable"
		}
	}
	if _, ok := slices.BinarySearch(s.sniffed.scripts, n); ok {
		return "executable script"
	}
	if _, ok := slices.BinarySearch(s.sniffed.archives, n); ok {
		return "archive of code"
	}
	if by := s.imports.of(n); by != nil {
		return by.what
	}
	if _, ok := slices.BinarySearch(s.sniffed.classes, n); ok {
		if class, _, err := s.tree.Classify(n); err == nil && class == magicCode {
			return "code of a virtual machine"
		}
		return "Java class"
	}
	if _, ok := s.placed[n]; ok {
		return "program by its place"
	}
	return "Python module"
}

// executable returns the entry of a file among those with machine code.
func (s *inventory) executable(n rootfs.Node) (catalogers.Executable, bool) {
	i, ok := slices.BinarySearchFunc(s.sniffed.executables, n, func(e catalogers.Executable, n rootfs.Node) int { return cmp.Compare(e.Node, n) })
	if !ok {
		return catalogers.Executable{}, false
	}
	return s.sniffed.executables[i], true
}

// adopt bundles in the groups, which are the units from first on, what is linked
// or packed into their files and bundled with no other unit: modules of a Go
// program without a version, crates.
func (s *scanner) adopt(first int) {
	for i := range s.units[:first] {
		u := &s.units[i]
		if !u.carried || u.inside >= 0 || u.Owner != "" || u.node == rootfs.None {
			continue
		}
		if group := s.claimant(u.node); group >= first {
			u.inside = group
		}
	}
}
