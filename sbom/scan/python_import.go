package scan

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Python modules outside of the directories of packages (counting rule 5). Python
// also imports from the directories that PYTHONPATH and the .pth files name, and
// a program imports from the directory that it is in: there, a module is found
// by its name alone.

// searchedModules returns the modules that Python finds in such directories.
func (s *scanner) searchedModules() []rootfs.Node {
	var out []rootfs.Node
	for _, dir := range s.pythonPath() {
		out = append(out, s.modulesIn(dir)...)
	}
	return append(out, s.modulesBeside()...)
}

// modulesIn returns the modules and packages of a directory, and the files of
// the latter; a zip file itself, which Python imports from too.
func (s *scanner) modulesIn(dir rootfs.Node) []rootfs.Node {
	t := s.tree
	switch t.Kind(dir) {
	case rootfs.File:
		class, _, err := t.Classify(dir)
		if err != nil {
			s.gap(sbom.GapUnreadable, t.Path(dir), reason(err))
		}
		if class == magicZip {
			return []rootfs.Node{dir}
		}
		return nil
	case rootfs.Dir:
		if s.caches.contain(dir) || s.isWorkingTree(dir) {
			return nil
		}
	default:
		return nil
	}
	targets := make(map[rootfs.Node]bool)
	var out []rootfs.Node
	for c := range t.Children(dir) {
		switch t.Kind(c) {
		case rootfs.File:
			if isPythonModule(t, c) {
				out = append(out, c)
			}
		case rootfs.Symlink:
			if s.leadsToLooseModule(c, targets) {
				out = append(out, c)
			}
		case rootfs.Dir:
			if s.holdsModule(c) {
				out = append(out, s.modulesBelow(c)...)
			}
		}
	}
	return out
}

func (s *inventory) modulesBelow(dir rootfs.Node) []rootfs.Node {
	var out []rootfs.Node
	from, to := s.tree.Subtree(dir)
	for n := from; n < to; n++ {
		if s.tree.Kind(n) == rootfs.File && isPythonModule(s.tree, n) {
			out = append(out, n)
		}
	}
	return out
}

// isWorkingTree reports whether a directory is that of a project that is
// installed from there (setup.py develop): its modules are those of the
// distribution, which counts.
func (s *inventory) isWorkingTree(dir rootfs.Node) bool {
	t := s.tree
	if t.Child(dir, "setup.py") == rootfs.None && t.Child(dir, "pyproject.toml") == rootfs.None {
		return false
	}
	for c := range t.Children(dir) {
		if isDistName(t.Name(c)) {
			if _, ok := s.unitAt[s.metadataOf(c)]; ok {
				return true
			}
		}
	}
	return false
}

// pythonPath returns what Python searches besides its own directories: what
// PYTHONPATH and .pth files without an owner name, MicroPython's directories
// (https://docs.micropython.org/en/latest/unix/quickref.html), and PyPy's second
// library.
func (s *scanner) pythonPath() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	add := func(base, name string) {
		if full, _ := within(base, name, "/"); name != "" && full != "/" {
			out = append(out, t.Resolve(full))
		}
	}
	for _, variable := range append(t.Env(), s.systemEnvironment()...) {
		if list, ok := strings.CutPrefix(variable, "PYTHONPATH="); ok {
			for name := range strings.SplitSeq(list, ":") {
				if strings.HasPrefix(name, "/") {
					add("/", name)
				}
			}
		}
	}
	for _, n := range s.survey.startup {
		if !strings.HasSuffix(t.Name(n), ".pth") || !isSiteDir(t.Name(t.Parent(n))) || s.owned(n) || s.claims[n] != 0 || s.caches.contain(n) {
			continue
		}
		dirs, _, _ := s.pthLines(n) // a file that cannot be read is a gap of startupCode
		for _, dir := range dirs {
			add(t.Path(t.Parent(n)), dir)
		}
	}
	for n := range t.Named("micropython") {
		if strings.HasPrefix(t.Name(t.Parent(n)), "lib") {
			out = append(out, n)
		}
	}
	for n := range t.Named(".micropython") {
		out = append(out, t.ResolveNode(t.Child(n, "lib")))
	}
	for n := range t.Named("lib_pypy") {
		if t.Child(t.Parent(n), "lib-python") != rootfs.None {
			out = append(out, n)
		}
	}
	return out
}

// systemEnvironment returns the variables of pam_env(8)'s /etc/environment.
func (s *scanner) systemEnvironment() []string {
	n := s.tree.Resolve("/etc/environment")
	if n == rootfs.None || s.tree.Kind(n) != rootfs.File {
		return nil
	}
	data, err := s.tree.ReadFile(n, maxPythonSmall)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok && !strings.HasPrefix(name, "#") {
			out = append(out, strings.TrimSpace(name)+"="+strings.Trim(value, `"'`))
		}
	}
	return out
}

// modulesBeside returns the modules beside those that the system owns: a program
// of the system, or the program that Python is embedded in, imports from the
// directory of its modules.
func (s *inventory) modulesBeside() []rootfs.Node {
	t := s.tree
	modules := make(map[rootfs.Node]bool)  // directories with modules of the system
	packages := make(map[rootfs.Node]bool) // directories with its packages
	for n := rootfs.Node(0); int(n) < t.Len(); n++ {
		name := t.Name(n)
		if !strings.HasSuffix(name, ".py") || !s.owned(n) || t.Kind(n) == rootfs.Dir {
			continue
		}
		dir := t.Parent(n)
		modules[dir] = true
		if name == "__init__.py" {
			packages[t.Parent(dir)] = true
		}
	}
	var out []rootfs.Node
	for n := rootfs.Node(0); int(n) < t.Len(); n++ {
		dir := t.Parent(n)
		switch t.Kind(n) {
		case rootfs.File:
			if (modules[dir] || packages[dir]) && isPythonModule(t, n) {
				out = append(out, n)
			}
		case rootfs.Dir:
			if packages[dir] && t.Child(n, "__init__.py") != rootfs.None {
				out = append(out, s.modulesBelow(n)...)
			}
		}
	}
	return out
}

// venvsInCaches returns the virtual environments in caches: uv runs tools and
// scripts in place there (https://docs.astral.sh/uv/concepts/tools/).
func venvsInCaches(t *rootfs.Tree, c caches) []rootfs.Node {
	var out []rootfs.Node
	end := rootfs.Node(0) // of the last one: there is none in another
	for n := range t.Named("pyvenv.cfg") {
		if dir := t.Parent(n); c.contain(n) && dir >= end && t.Child(dir, "lib") != rootfs.None {
			out = append(out, dir)
			_, end = t.Subtree(dir)
		}
	}
	return out
}

// isPythonLibrary reports whether a directory is the library of an interpreter:
// of CPython, PyPy (lib-python/3) or Jython (Lib).
func (s *inventory) isPythonLibrary(dir rootfs.Node) bool {
	for _, name := range []string{"os.py", "site.py", "abc.py"} {
		if s.tree.Child(dir, name) == rootfs.None {
			return false
		}
	}
	return true
}

// importDirs returns the directories that Python imports from: those of
// installed packages, and its own library where that has an owner. A library
// without an owner is unaccounted as a whole, by its programs.
func (s *inventory) importDirs() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	for _, site := range s.survey.siteDirs {
		if !s.caches.contain(site) {
			out = append(out, site)
		}
	}
	for n := range t.Named("os.py") {
		lib := t.Parent(n)
		if (strings.HasPrefix(t.Name(lib), "python") || s.isPythonLibrary(lib)) && !s.caches.contain(n) && (s.owned(n) || s.claims[n] != 0) {
			out = append(out, lib)
		}
	}
	return out
}

// leadsToLooseModule reports whether a link lets Python import code that neither
// the system nor a package accounts for. targets caches the results for
// directories: several links may lead to one.
func (s *inventory) leadsToLooseModule(link rootfs.Node, targets map[rootfs.Node]bool) bool {
	t := s.tree
	to := t.ResolveNode(link)
	switch {
	case to == rootfs.None:
		return false
	case t.Kind(to) == rootfs.File:
		return s.isLoose(to) && isPythonModule(t, link)
	case t.Kind(to) != rootfs.Dir || isInSiteDir(t, to):
		return false
	}
	answer, ok := targets[to]
	if !ok {
		from, end := t.Subtree(to)
		for n := from; n < end && !answer; n++ {
			answer = t.Kind(n) == rootfs.File && isPythonModule(t, n) && s.isLoose(n)
		}
		targets[to] = answer
	}
	return answer
}

func isInSiteDir(t *rootfs.Tree, n rootfs.Node) bool {
	for ; n != rootfs.None; n = t.Parent(n) {
		if isSiteDir(t.Name(n)) {
			return true
		}
	}
	return false
}

// isPythonModule reports whether Python can import a file by its name. Compiled
// files below __pycache__ are only used beside their source, which is preferred
// to one beside it.
func isPythonModule(t *rootfs.Tree, n rootfs.Node) bool {
	name := t.Name(n)
	switch path.Ext(name) {
	case ".py", ".so":
		return true
	case ".pyc":
		dir := t.Parent(n)
		return t.Name(dir) != "__pycache__" && t.Child(dir, strings.TrimSuffix(name, "c")) == rootfs.None
	}
	return false
}
