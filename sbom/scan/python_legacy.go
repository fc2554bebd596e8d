package scan

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/zipfile"
)

// listless is a distribution whose installer left no list of files: setup.py
// install and develop, easy_install, distutils. What it installed follows from
// what it declares.
type listless struct {
	unit int
	site rootfs.Node // what Python imports it from
	// programs are the names of scripts that it declares.
	programs []string
	// bare is set for the single file that distutils writes, which declares
	// nothing but the name.
	bare bool
}

// claimListless claims what distributions without a list installed, after all
// lists were read: what another distribution lists is not theirs.
func (s *scanner) claimListless() {
	for _, d := range s.listless {
		for _, name := range d.programs {
			s.claimProgram(d, name)
		}
	}
	for _, d := range s.listless {
		if d.bare {
			s.claimRelated(d)
		}
	}
}

// binOf returns the directory of the programs of a directory of modules. setup.py
// install --home writes modules to lib/python.
func (s *inventory) binOf(site rootfs.Node) rootfs.Node {
	t := s.tree
	if lib := t.Parent(site); t.Name(site) == "python" && strings.HasPrefix(t.Name(lib), "lib") {
		return t.Child(t.Parent(lib), "bin")
	}
	if !isSiteDir(t.Name(site)) && s.structural(site) {
		return rootfs.None // of the system: it has no programs of a distribution
	}
	return t.Child(t.Lookup(s.pythonPrefix(site)), "bin")
}

func (s *scanner) claimProgram(d listless, name string) {
	n := s.tree.Child(s.binOf(d.site), name)
	if _, script := slices.BinarySearch(s.sniffed.scripts, n); script {
		s.claim(n, d.unit)
	}
}

// maxScript is the number of bytes of a script that are read to find the
// modules that it imports.
const maxScript = 64 << 10

var imports = lazyregexp.New(`(?m)^\s*(?:import|from)\s+([A-Za-z_][A-Za-z0-9_]*)`)

// claimRelated claims the modules beside a distribution, and the scripts for
// Python in its prefix, that have its name in theirs, and the scripts that import
// its modules. distutils records nothing else; a module of an unrelated name
// remains unaccounted.
func (s *scanner) claimRelated(d listless) {
	t := s.tree
	related := func(name string) bool {
		plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace
		name, own := plain(ecosystem.Lower(name)), plain(s.units[d.unit].Name)
		return len(own) > 2 && strings.Contains(name, own) || len(name) > 2 && strings.Contains(own, name)
	}
	var modules []string
	for n := range t.Children(d.site) {
		switch name := moduleName(t, n); {
		case name == "" || isDistName(t.Name(n)) || isCustomize(t.Name(n)):
		case s.claims[n] != 0 && s.claimant(n) == d.unit:
			modules = append(modules, name)
		case s.claims[n] == 0 && related(name) && (t.Kind(n) != rootfs.Dir || s.holdsModule(n)):
			modules = append(modules, name)
			s.claimModule(n, d.unit)
		}
	}
	for n := range t.Children(s.binOf(d.site)) {
		if _, script := slices.BinarySearch(s.sniffed.scripts, n); !script || s.claims[n] != 0 || s.owned(n) {
			continue
		}
		head := s.headOf(n, maxScript)
		if program, _ := interpreterOf(head); !pythonProgram.MatchString(path.Base(program)) {
			continue
		}
		uses := slices.ContainsFunc(imports.FindAllSubmatch(head, -1), func(m [][]byte) bool { return slices.Contains(modules, string(m[1])) })
		if uses || related(t.Name(n)) {
			s.claim(n, d.unit)
		}
	}
}

var pythonProgram = lazyregexp.New(`^(?:python|pypy)[0-9.]*$`)

// holdsModule reports whether a directory directly contains a module.
func (s *inventory) holdsModule(dir rootfs.Node) bool {
	for n := range s.tree.Children(dir) {
		if isPythonModule(s.tree, n) {
			return true
		}
	}
	return false
}

// programsOf returns the names of the scripts that the metadata of a
// distribution declares: entry points, and sources in a directory of scripts
// (https://packaging.python.org/en/latest/specifications/entry-points/,
// https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html).
func (s *scanner) programsOf(d rootfs.Node) []string {
	t := s.tree
	out := entryPoints(s.metadataText(d, "entry_points.txt"))
	for line := range strings.Lines(s.metadataText(d, "SOURCES.txt")) {
		if dir, name := path.Split(strings.TrimSpace(line)); dir != "" && !strings.HasSuffix(dir, ".egg-info/") {
			out = append(out, name)
		}
	}
	for n := range t.Children(t.Child(d, "scripts")) { // EGG-INFO/scripts
		out = append(out, t.Name(n))
	}
	return out
}

// metadataText returns a file of a distribution's metadata, empty without one.
func (s *scanner) metadataText(d rootfs.Node, name string) string {
	n := s.tree.ResolveNode(s.tree.Child(d, name))
	if n == rootfs.None || s.tree.Kind(n) != rootfs.File {
		return ""
	}
	data, err := s.tree.ReadFile(n, maxPythonMetadata)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
	}
	return string(data)
}

// entryPoints returns the names of the programs in an entry_points.txt.
func entryPoints(text string) []string {
	var out []string
	programs := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section := strings.TrimSpace(strings.Trim(line, "[]"))
			programs = section == "console_scripts" || section == "gui_scripts"
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); ok && programs && name != "" && name[0] != '#' && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	return out
}

// readEggLink reads the record of "setup.py develop": a distribution that Python
// imports from a working tree
// (https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html#egg-links).
func (s *scanner) readEggLink(link rootfs.Node) {
	t := s.tree
	site := t.Parent(link)
	data, err := t.ReadFile(link, maxPythonSmall)
	if err != nil {
		s.gap(sbom.GapUnreadable, t.Path(link), reason(err))
		return
	}
	line, setup, _ := strings.Cut(string(data), "\n") // the second line leads to setup.py
	full, _ := within(t.Path(site), strings.TrimSpace(line), "/")
	want := ecosystem.Python(strings.TrimSuffix(t.Name(link), ".egg-link"))
	for d := range t.Children(t.Resolve(full)) {
		if !isDistName(t.Name(d)) {
			continue
		}
		i, ok := s.unitAt[s.metadataOf(t.ResolveNode(d))]
		if !ok || s.units[i].Name != want {
			continue
		}
		s.claim(link, i)
		if u := &s.units[i]; u.Install == nil {
			u.Install = &sbom.Install{Kind: sbom.InstallEditable, URL: "file://" + full, File: t.Path(link)}
		}
		metadata := t.ResolveNode(d)
		s.listless = append(s.listless, listless{unit: i, site: site, programs: s.programsOf(metadata)})
		tree, _ := within(full, strings.TrimSpace(setup), "/")
		s.claimSources(i, tree, metadata)
		return
	}
}

// claimSources claims the files of a working tree that its list of sources names:
// their programs are run from there, and setup.py leaves copies of the scripts in
// build.
func (s *scanner) claimSources(i int, tree string, metadata rootfs.Node) {
	t := s.tree
	if top := t.Lookup(tree); top == rootfs.None || s.structural(top) {
		return // a directory of the system is no working tree
	}
	var copies []rootfs.Node
	for c := range t.Children(t.Lookup(path.Join(tree, "build"))) {
		if strings.HasPrefix(t.Name(c), "scripts-") {
			copies = append(copies, c)
		}
	}
	for line := range strings.Lines(s.metadataText(metadata, "SOURCES.txt")) {
		source, ok := within(tree, strings.TrimSpace(line), tree)
		n := t.Lookup(source)
		if !ok || n == rootfs.None || t.Kind(n) != rootfs.File {
			continue
		}
		s.claim(n, i)
		for _, dir := range copies {
			if c := t.Child(dir, t.Name(n)); t.Kind(c) == rootfs.File {
				s.claim(c, i)
			}
		}
	}
}

// projectOf returns the working tree that metadata beside the modules is of, None
// for an installation. The modules are often in a directory of their own (src).
func (s *inventory) projectOf(site rootfs.Node) rootfs.Node {
	t := s.tree
	for _, dir := range []rootfs.Node{site, t.Parent(site)} {
		if dir != rootfs.None && (t.Child(dir, "setup.py") != rootfs.None || t.Child(dir, "pyproject.toml") != rootfs.None) {
			return dir
		}
	}
	return rootfs.None
}

// readEgg adds the distribution of an egg that is a zip file, which Python
// imports from without unpacking it.
func (s *scanner) readEgg(n rootfs.Node) {
	t := s.tree
	members, err := s.eggMembers(n)
	if err == nil && members["PKG-INFO"] == "" {
		return // not an egg: a code archive
	}
	var m coreMetadata
	if err == nil {
		m, err = parseCoreMetadata(strings.NewReader(members["PKG-INFO"]))
	}
	if err != nil {
		s.gap(sbom.GapMalformed, t.Path(n), "the egg's metadata cannot be read: "+err.Error())
		return
	}
	i := s.add(unit{node: n, inside: -1, own: true, carried: true, site: t.Parent(n), Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "pypi", Name: ecosystem.Python(m.name), Version: m.version,
		Paths: []string{t.Path(n)}, FoundBy: "python-reader", Detail: "in a zip file", Supplier: m.supplier(), Licenses: m.licenses(),
	}})
	s.claim(n, i)
	d := listless{unit: i, site: t.Parent(n), programs: entryPoints(members["entry_points.txt"])}
	for member := range members {
		if name, ok := strings.CutPrefix(member, "scripts/"); ok {
			d.programs = append(d.programs, name)
		}
	}
	slices.Sort(d.programs)
	s.listless = append(s.listless, d)
}

// eggMembers returns the metadata of a zipped egg by its names in EGG-INFO. Of
// others than the two that are read it has the names only.
func (s *inventory) eggMembers(n rootfs.Node) (map[string]string, error) {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, _, err := zipfile.Open(f, info.Size(), maxArchiveDirectory)
	if err != nil {
		return nil, nil // an archive that is not examined is unaccounted
	}
	out := make(map[string]string)
	for _, m := range z.File {
		name, ok := strings.CutPrefix(m.Name, "EGG-INFO/")
		if !ok {
			continue
		}
		out[name] = ""
		if name != "PKG-INFO" && name != "entry_points.txt" {
			continue
		}
		r, err := m.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(r, maxPythonMetadata+1))
		r.Close()
		if err != nil {
			return nil, err
		}
		if len(data) > maxPythonMetadata {
			return nil, errors.New(name + " is larger than any real one")
		}
		out[name] = string(data)
	}
	return out, nil
}

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
	known, ok := s.modulesOf[site]
	if !ok {
		known = make(map[string][]rootfs.Node)
		for c := range t.Children(site) {
			if name := moduleName(t, c); name != "" {
				known[name] = append(known[name], c)
			}
		}
		s.modulesOf[site] = known
	}
	for _, m := range modules {
		for _, n := range known[m] {
			s.claimModule(n, i)
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
