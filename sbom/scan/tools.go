package scan

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Tools that were unpacked over a shared prefix, such as /usr/local.
//
// "make install" of an interpreter writes to bin, lib, include and share, among
// the files of other tools. These are one dependency, as they are in a prefix of
// their own. A tool is recognised by a directory of the library that has its
// name and version, with the program of that name in bin. To it belong:
//
//   - the directory with all code that is not in a directory of packages;
//   - the shared libraries that have its name and exactly its version, and those
//     that its files need by name (DT_NEEDED) and that nothing else needed first;
//     not one that could be loaded instead of a library of the system;
//   - what compilers use of it, by that name and version: headers, static
//     libraries, descriptions for pkg-config;
//   - the scripts that start its own modules: the first line is the program, the
//     name is that of a module of the library, and the text does nothing but
//     import and call it; or the list of installed files that the tool's own
//     installation wrote has them;
//   - the programs that a directory of its data names: share/cmake-3.28 has
//     manuals of ctest and cpack.
//
// A first line alone is no sign: any script may have that of an interpreter. Nor
// is a name. Whatever has not all of the signs is a dependency of its own. A
// new file can only get them by a change of the tool's own directory, which is
// one accepted thing and could contain the new file itself.

// sharedTool is a tool in a shared prefix.
type sharedTool struct {
	prefix  rootfs.Node
	name    string      // of the program in bin: python3.12
	version string      // in the names of its files; empty if they have none
	dir     rootfs.Node // the directory of its library or data
	program rootfs.Node // None when it is not loose
	// library reports whether the directory is one that the program loads code
	// from; else it has data.
	library bool
	// named are the names of the files below dir, with and without extensions, of
	// a tool with data.
	named map[string]bool
}

// joinTools lets the groups of each tool be one, which is that of its program.
// tops are the groups of the loose files.
func (s *scanner) joinTools(tops map[rootfs.Node]rootfs.Node) {
	t := s.tree
	var loose []rootfs.Node
	for n := range tops {
		loose = append(loose, n)
	}
	slices.Sort(loose)
	var tools []*sharedTool
	seen := make(map[rootfs.Node]bool)
	for _, n := range loose {
		dir := t.Parent(n)
		for p := t.Parent(dir); p != rootfs.None && t.Name(dir) != "bin" && t.Name(dir) != "sbin"; p = t.Parent(p) {
			dir = t.Parent(dir)
		}
		prefix := t.Parent(dir)
		if prefix == rootfs.None || seen[prefix] {
			continue
		}
		seen[prefix] = true
		tools = append(tools, s.toolsOf(prefix, tops)...)
	}
	joined := make(map[rootfs.Node]bool) // the groups that belong to a tool
	join := func(x *sharedTool, top rootfs.Node) {
		for _, n := range loose {
			if tops[n] == top {
				tops[n] = x.program
			}
		}
		joined[top] = true
	}
	// The sets of groups are small where several tools share a prefix: what is in
	// a directory is one group.
	for _, x := range tools {
		joined[x.program] = true
	}
	for _, x := range tools {
		installed := s.installedList(x)
		from, end := t.Subtree(x.dir)
		for _, n := range loose {
			top := tops[n]
			switch dir := t.Parent(n); {
			case top == x.program || joined[top]:
			case x.library && s.isDevelopmentOf(x, top):
				join(x, top)
			case from <= n && n < end:
				if !isInSiteDir(t, n) && !isImported(t, n) {
					join(x, top)
				}
			case top != n:
			case dir == t.Child(x.prefix, "bin") || dir == t.Child(x.prefix, "sbin"):
				if s.isProgramOf(x, n, installed) {
					join(x, n)
				}
			case strings.HasPrefix(t.Name(dir), "lib") && t.Parent(dir) == x.prefix:
				if x.library && s.isLibraryOf(x, n) && !s.shadows(n, t.Name(n)) {
					join(x, n)
				}
			}
		}
	}
	s.joinNeeded(loose, tops, joined)
	for _, n := range loose {
		// python3.pc leads to python-3.12.pc beside it.
		if to := t.ResolveNode(n); to != n && tops[n] == n && t.Parent(to) == t.Parent(n) {
			if top, ok := tops[to]; ok {
				tops[n] = top
			}
		}
	}
}

// toolsOf returns the tools in a prefix whose program is a group of its own.
func (s *inventory) toolsOf(prefix rootfs.Node, tops map[rootfs.Node]rootfs.Node) []*sharedTool {
	t := s.tree
	bin := t.Child(prefix, "bin")
	var out []*sharedTool
	add := func(dir rootfs.Node, name, version string, library bool) {
		n := t.ResolveNode(t.Child(bin, name))
		if t.Kind(dir) != rootfs.Dir || n == rootfs.None || t.Parent(n) != bin {
			return
		}
		if top, ok := tops[n]; ok && t.Kind(top) == rootfs.File && t.Parent(top) == bin {
			if _, machine := s.isProgram(n); machine {
				x := &sharedTool{prefix: prefix, name: name, version: version, dir: dir, program: top, library: library}
				if !library {
					x.named = s.namesBelow(dir)
				}
				out = append(out, x)
			}
		}
	}
	for _, name := range []string{"lib", "lib64"} {
		lib := t.Child(prefix, name)
		for dir := range t.Children(lib) {
			if m := pythonLibrary.FindStringSubmatch(t.Name(dir)); m != nil && t.Kind(t.Child(dir, "os.py")) == rootfs.File {
				add(dir, m[0], m[1], true)
			}
		}
		for _, interpreter := range []struct{ dir, name string }{{"ruby", "ruby"}, {"perl5", "perl"}} {
			for dir := range t.Children(t.Child(lib, interpreter.dir)) {
				if versionName.MatchString(t.Name(dir)) {
					add(dir, interpreter.name, t.Name(dir), true)
				}
			}
		}
	}
	for _, name := range []string{"share", "lib", "libexec"} {
		for dir := range t.Children(t.Child(prefix, name)) {
			if m := dataOfTool.FindStringSubmatch(t.Name(dir)); m != nil {
				add(dir, m[1], "", false)
			}
		}
	}
	return out
}

var (
	pythonLibrary = lazyregexp.New(`^python([0-9]+\.[0-9]+)t?$`)
	// dataOfTool matches the directory of a tool's data or helpers, by the name of
	// the tool: cmake-3.28, git-core.
	dataOfTool = lazyregexp.New(`^([a-z][a-z0-9_+]*)-(core|v?[0-9]+(?:\.[0-9]+)+)$`)
)

// isLibraryOf reports whether a shared library has the name and the version of
// an interpreter: libpython3.12.so.1.0, libruby.so.3.3.
func (s *inventory) isLibraryOf(x *sharedTool, n rootfs.Node) bool {
	name, ok := strings.CutPrefix(s.tree.Name(n), "lib"+strings.TrimSuffix(x.name, "t"))
	if !ok {
		return false
	}
	abi := strings.IndexByte(name, '.')
	if abi < 0 || strings.Trim(name[:abi], "dmtu") != "" { // Python's ABI flags
		return false
	}
	rest, ok := strings.CutPrefix(name[abi:], ".so")
	if !ok || rest != "" && !versionSuffix.MatchString(rest) {
		return false
	}
	// The name has the version of Python's libraries before ".so".
	return strings.HasSuffix(x.name, x.version) || strings.HasPrefix(x.version+".", strings.TrimPrefix(rest, ".")+".") && rest != ""
}

// isDevelopmentOf reports whether a group is what compilers use of an
// interpreter: include/python3.12, lib/libpython3.12.a, lib/pkgconfig/python-3.12.pc.
func (s *inventory) isDevelopmentOf(x *sharedTool, top rootfs.Node) bool {
	t := s.tree
	prefix, ok := s.imports.libraries[t.Parent(top)]
	if _, machine := s.executable(top); !ok || machine || prefix != x.prefix || s.structural(top) {
		return false
	}
	name := strings.Replace(t.Name(top), "-embed", "", 1)
	p, ok := libraryPartOf(name, t.Kind(top) == rootfs.Dir)
	return ok && strings.Contains(p.version, ".") && p.name == strings.TrimRight(x.name, "0123456789.") && strings.HasPrefix(x.version+".", p.version+".")
}

var versionSuffix = lazyregexp.New(`^(\.[0-9]+)+$`)

// isProgramOf reports whether a program in bin belongs to a tool. installed are
// the paths in the tool's own list.
func (s *inventory) isProgramOf(x *sharedTool, n rootfs.Node, installed map[string]bool) bool {
	t := s.tree
	if !x.library {
		return x.named[t.Name(n)]
	}
	if _, script := slices.BinarySearch(s.sniffed.scripts, n); !script {
		return false
	}
	text, err := t.ReadFile(n, maxLauncher)
	if err != nil {
		return installed[t.Path(n)] // a list is enough for the larger scripts
	}
	interpreter, _ := interpreterOf(text[:min(len(text), maxInterpreterLine)])
	name := t.Name(n)
	if flags, ok := strings.CutPrefix(name, x.name); ok && x.version != "" {
		// Of Python: a script of the shell, and one of gdb.
		if flags = strings.TrimLeft(flags, "dmu"); flags == "-config" || flags == "-gdb.py" {
			return path.Base(interpreter) == "sh" || s.starts(x, interpreter)
		}
	}
	if !s.starts(x, interpreter) {
		return false
	}
	if installed[t.Path(n)] {
		return true
	}
	_, body, _ := bytes.Cut(text, []byte("\n"))
	stem, ok := strings.CutSuffix(name, x.version)
	if stem = strings.TrimSuffix(stem, "-"); ok && len(bytes.TrimSpace(body)) == 0 {
		return true // it does nothing
	}
	return s.launches(x.dir, stem, body)
}

// starts reports whether the first line of a script names the program of a
// tool, by any of its names. A prefix that was moved leaves lines that name
// nothing.
func (s *inventory) starts(x *sharedTool, interpreter string) bool {
	n := s.tree.Resolve(interpreter)
	if n != rootfs.None && s.fileOf(n) == s.fileOf(x.program) {
		return true
	}
	family := strings.TrimRight(x.name, "0123456789.")
	return n == rootfs.None && path.IsAbs(interpreter) && strings.HasPrefix(x.name, path.Base(interpreter)) && strings.HasPrefix(path.Base(interpreter), family)
}

// maxLauncher is the number of bytes of a script that starts a module of an
// interpreter's library, or that a list names. Those of Python have about a
// hundred, those of Perl up to 200,000.
const maxLauncher = 1 << 20

// launches reports whether the text of a script does nothing but import a module
// of a library whose name contains the name of the script, and call it.
func (s *inventory) launches(library rootfs.Node, stem string, body []byte) bool {
	t := s.tree
	if len(stem) < 3 {
		return false
	}
	var modules, names []string // names are the ones that may be called
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") || launcherGuard.MatchString(text) || text == "import sys" {
			continue
		}
		if m := importFrom.FindStringSubmatch(text); m != nil {
			modules, names = append(modules, m[1]), append(names, m[2])
			continue
		}
		if m := importModule.FindStringSubmatch(text); m != nil {
			modules, names = append(modules, m[1]), append(names, m[1])
			continue
		}
		m := launcherCall.FindStringSubmatch(text)
		if m == nil || !slices.ContainsFunc(names, func(name string) bool { return m[1] == name || strings.HasPrefix(m[1], name+".") }) {
			return false
		}
	}
	if len(modules) == 0 {
		return false
	}
	for _, m := range modules {
		module, _, _ := strings.Cut(m, ".")
		if !strings.Contains(module, stem) || t.Child(library, module) == rootfs.None && t.Child(library, module+".py") == rootfs.None {
			return false
		}
	}
	return true
}

var (
	launcherGuard = lazyregexp.New(`^if __name__ == ['"]__main__['"]:$`)
	importFrom    = lazyregexp.New(`^from ([A-Za-z0-9_.]+) import ([A-Za-z0-9_]+)$`)
	importModule  = lazyregexp.New(`^import ([A-Za-z0-9_.]+)$`)
	launcherCall  = lazyregexp.New(`^(?:sys\.exit\()?([A-Za-z0-9_.]+)\((?:"[A-Za-z0-9_.]*")?\)\)?$`)
)

// namesBelow returns the names of the files below a directory, and what is before
// a dot in each.
func (s *inventory) namesBelow(dir rootfs.Node) map[string]bool {
	t := s.tree
	out := make(map[string]bool)
	from, to := t.Subtree(dir)
	for n := from; n < to; n++ {
		if t.Kind(n) == rootfs.Dir {
			continue
		}
		name := t.Name(n)
		out[name] = true
		for i := range len(name) {
			if name[i] == '.' {
				out[name[:i]] = true
			}
		}
	}
	return out
}

// shadows reports whether the system has a library of the same name: the dynamic
// linker may load this one instead, for any program.
func (s *inventory) shadows(n rootfs.Node, name string) bool {
	for m := range s.tree.Named(name) {
		if m != n && s.owned(m) {
			return true
		}
	}
	return false
}

// installedList returns the paths in the list of files that the installation of
// Perl itself wrote: .packlist in the directory of the machine
// (ExtUtils::Packlist).
func (s *inventory) installedList(x *sharedTool) map[string]bool {
	t := s.tree
	if x.name != "perl" {
		return nil
	}
	out := make(map[string]bool)
	for arch := range t.Children(x.dir) {
		list := t.Child(arch, ".packlist")
		if t.Kind(list) != rootfs.File {
			continue
		}
		data, err := t.ReadFile(list, maxReceipt)
		if err != nil {
			continue // the scripts are dependencies of their own
		}
		for line := range strings.Lines(string(data)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ") // with type=file and the like
			out[name] = true
		}
	}
	return out
}

// joinNeeded lets a shared library beside a program's directory belong to the
// program that needs it, the first by path where several do.
func (s *inventory) joinNeeded(loose []rootfs.Node, tops map[rootfs.Node]rootfs.Node, joined map[rootfs.Node]bool) {
	t := s.tree
	// of returns the library of a prefix with a name, if it is a group of its own.
	of := func(prefix rootfs.Node, name string) rootfs.Node {
		for _, dir := range []string{"lib", "lib64"} {
			n := t.ResolveNode(t.Child(t.Child(prefix, dir), name))
			if top, ok := tops[n]; ok && top == n && !joined[n] && libraryName.MatchString(t.Name(n)) && !s.shadows(n, name) && !s.shadows(n, t.Name(n)) {
				return n
			}
		}
		return rootfs.None
	}
	todo := slices.DeleteFunc(slices.Clone(loose), func(n rootfs.Node) bool {
		e, ok := s.executable(n)
		dir := t.Name(t.Parent(n))
		return !ok || e.Type != catalogers.ELF || t.Kind(tops[n]) != rootfs.File || libraryName.MatchString(t.Name(n)) && !joined[n] || dir != "bin" && dir != "sbin" && !strings.HasPrefix(dir, "lib")
	})
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		prefix := t.Parent(t.Parent(n))
		for _, name := range s.readNeeds(n).needed {
			if lib := of(prefix, name); lib != rootfs.None && lib != tops[n] {
				tops[lib], joined[lib] = tops[n], true
				todo = append(todo, lib)
			}
		}
		// A stub names the library that it is for: libpython3.so.
		for _, lib := range s.stubs(n, tops, joined) {
			tops[lib], joined[lib] = tops[n], true
		}
	}
}

// stubs returns the libraries beside a joined one that need it and have a prefix
// of its name: libpython3.so needs libpython3.12.so.1.0, for extensions that
// work with each version.
func (s *inventory) stubs(n rootfs.Node, tops map[rootfs.Node]rootfs.Node, joined map[rootfs.Node]bool) []rootfs.Node {
	t := s.tree
	if !joined[n] || !libraryName.MatchString(t.Name(n)) {
		return nil
	}
	var out []rootfs.Node
	for c := range t.Children(t.Parent(n)) {
		stem, _, ok := strings.Cut(t.Name(c), ".so")
		if top, loose := tops[c]; !ok || !loose || top != c || joined[c] || !strings.HasPrefix(t.Name(n), stem+".") {
			continue
		}
		if slices.Contains(s.readNeeds(c).needed, t.Name(n)) {
			out = append(out, c)
		}
	}
	return out
}
