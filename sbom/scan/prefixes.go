package scan

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Installation prefixes (counting rule 5).
//
// What nothing accounts for is counted by installation: the directory that one
// unpacked archive, one "make install" or one installer made. The unit is the
// innermost such directory around a file and not the topmost, since a directory
// above may hold the installations of many tools, and what is added to it later
// is another dependency. By the structure of a directory d:
//
//   - d is an installation when it has the layout of a prefix (bin with programs
//     and lib, share or the like beside it), when an installer left its mark
//     (d.complete beside it, a source.properties in it), when it has the name of
//     a version or of a version of a tool, or when it is a checkout.
//   - d is a container when it has no files, or no others than programs: the
//     directories and the programs in it are installations each.
//   - Any other directory is one installation with all that is below it, except
//     for the installations within.
//
// A prefix within another is an installation of its own. Not so the directories
// of versions in lib or share of a prefix, nor the directory of a target machine
// in a compiler's prefix: those are how one tool arranges its files.
//
// No rule hides anything: each of them decides which files count together.

// prefixParts are the names of directories by which an installation prefix is
// recognised besides its programs: those of the GNU Coding Standards
// (https://www.gnu.org/prep/standards/html_node/Directory-Variables.html) and
// those that release archives usually have. "src" and "pkg" are not among them,
// which are beside bin in a workspace of Go.
var prefixParts = []string{"lib", "lib32", "lib64", "libexec", "share", "include", "etc", "conf", "config", "man", "doc", "docs", "data", "modules", "plugins", "jre"}

// programParts are the directories of a prefix that contain programs.
var programParts = []string{"bin", "sbin", "libexec"}

// internalParts are directories of an installation in which a directory with
// the name of a version is an arrangement of files, not an installation.
var internalParts = append([]string{"bin", "sbin", "src", "pkg"}, prefixParts...)

// dirCode is what the direct entries of a directory are, as far as unaccounted
// code is in it or below it.
type dirCode struct {
	programs int           // files that are run
	machine  bool          // one of the programs is machine code
	parts    int           // libraries, archives, modules
	dirs     []rootfs.Node // directories with unaccounted code in them
}

// prefixes finds the installation that an unaccounted file belongs to.
type prefixes struct {
	s     *inventory
	code  map[rootfs.Node]*dirCode
	roots map[rootfs.Node]bool // whether a directory is an installation, as far as known
}

func (s *inventory) newPrefixes(loose []rootfs.Node) *prefixes {
	p := &prefixes{s: s, code: make(map[rootfs.Node]*dirCode), roots: make(map[rootfs.Node]bool)}
	t := s.tree
	for _, n := range loose {
		d := p.at(t.Parent(n))
		program, machine := s.isProgram(n)
		if program {
			d.programs++
			d.machine = d.machine || machine
		} else {
			d.parts++
		}
	}
	return p
}

// at returns the entry of a directory, and adds it with those above it.
func (p *prefixes) at(dir rootfs.Node) *dirCode {
	if d, ok := p.code[dir]; ok {
		return d
	}
	d := new(dirCode)
	p.code[dir] = d
	if up := p.s.tree.Parent(dir); up != rootfs.None {
		above := p.at(up)
		above.dirs = append(above.dirs, dir)
	}
	return d
}

// isProgram reports whether a file is a program and not part of one, and whether
// it is machine code.
func (s *inventory) isProgram(n rootfs.Node) (program, machine bool) {
	if _, ok := slices.BinarySearch(s.sniffed.scripts, n); ok {
		return true, false
	}
	e, ok := s.executable(n)
	if _, placed := s.placed[n]; placed && !ok {
		return true, false
	}
	if !ok || e.Type == catalogers.ELFObject || libraryName.MatchString(s.tree.Name(n)) {
		return false, false
	}
	return true, true
}

// libraryName matches the names of shared libraries. A program may be position
// independent, so that the header does not tell them apart.
var libraryName = lazyregexp.New(`(?i)\.(so(\.[0-9.]+)?|so[.-][^/]*|dylib|dll|node|ko(\.[a-z0-9]+)?)$`)

// prefix returns the installation that a file belongs to: a directory between
// top and the file, or the file. top is the topmost directory that nothing
// accounts for, or the file.
func (p *prefixes) prefix(top, n rootfs.Node) rootfs.Node {
	if top == n {
		return n
	}
	t := p.s.tree
	var dirs []rootfs.Node // from the file upwards
	for d := t.Parent(n); ; d = t.Parent(d) {
		dirs = append(dirs, d)
		if d == top {
			break
		}
	}
	root, internal := rootfs.None, false
	for i := len(dirs) - 1; i >= 0; i-- {
		d := dirs[i]
		switch {
		case p.isMarked(d):
			root, internal = d, false
		case p.isPrefix(d) && !p.isTarget(d) && (root == rootfs.None || p.holdsMachineCode(d)):
			root, internal = d, false
		case versioned(t.Name(d)) && !internal:
			root = d
		case root == rootfs.None && !p.isContainer(d):
			root = d
		case root != rootfs.None && slices.Contains(internalParts, t.Name(d)):
			internal = true
		}
	}
	if root == rootfs.None {
		return n
	}
	return root
}

// isMarked reports whether a directory is an installation by the mark of the
// installer that made it.
func (p *prefixes) isMarked(d rootfs.Node) bool {
	if is, ok := p.roots[d]; ok {
		return is
	}
	t := p.s.tree
	is := false
	switch up := t.Parent(d); {
	case up == rootfs.None:
	case t.Kind(t.Child(up, t.Name(d)+".complete")) == rootfs.File:
		// The tool cache of runners of GitHub Actions
		// (https://github.com/actions/toolkit/tree/main/packages/tool-cache).
		is = true
	case t.Kind(t.Child(d, "source.properties")) == rootfs.File:
		is = true // a package of the Android SDK
	case t.Child(d, "INSTALLATION_COMPLETE") != rootfs.None:
		is = true // a browser of Playwright
	case t.Child(d, ".git") != rootfs.None:
		is = true // a checkout
	}
	p.roots[d] = is
	return is
}

// isPrefix reports whether a directory has the layout of an installation prefix.
func (p *prefixes) isPrefix(d rootfs.Node) bool {
	t := p.s.tree
	programs := ""
	for _, name := range programParts {
		if c := p.code[t.Child(d, name)]; c != nil && c.programs > 0 {
			programs = name
			break
		}
	}
	if programs != "" && t.Path(t.Parent(d)) == "/opt" {
		return true // the directory of a package by the Filesystem Hierarchy Standard, section 3.13
	}
	return programs != "" && slices.ContainsFunc(prefixParts, func(name string) bool {
		return name != programs && t.Kind(t.Child(d, name)) == rootfs.Dir
	})
}

// holdsMachineCode reports whether a prefix has compiled programs or archives of
// code. Within another installation, a directory of scripts with a library
// beside it is one of its components: each package of a JavaScript project has
// that layout.
func (p *prefixes) holdsMachineCode(d rootfs.Node) bool {
	t := p.s.tree
	for _, name := range programParts {
		if c := p.code[t.Child(d, name)]; c != nil && c.machine {
			return true
		}
	}
	c := p.code[t.Child(d, "lib")]
	return c != nil && c.parts > 0
}

// isTarget reports whether a directory of a compiler has the files for a target
// machine: PREFIX/TRIPLE of GNU toolchains, which have programs of that name in
// PREFIX/bin, and PREFIX/lib/rustlib/TRIPLE of Rust, beside the list of its
// components.
func (p *prefixes) isTarget(d rootfs.Node) bool {
	t := p.s.tree
	name, up := t.Name(d), t.Parent(d)
	if !triple.MatchString(name) {
		return false
	}
	if t.Name(up) == "rustlib" && t.Kind(t.Child(up, "components")) == rootfs.File {
		return true
	}
	for c := range t.Children(t.Child(up, "bin")) {
		if strings.HasPrefix(t.Name(c), name+"-") {
			return true
		}
	}
	return false
}

var triple = lazyregexp.New(`^[a-z0-9_]+(-[a-z0-9_.]+){1,3}$`)

// isContainer reports whether a directory only contains installations: it has
// no files, or none but programs. A directory of programs with a library of
// theirs beside it is not one.
func (p *prefixes) isContainer(d rootfs.Node) bool {
	t := p.s.tree
	c := p.code[d]
	if c == nil || c.parts > 0 {
		return false
	}
	files := 0
	for n := range t.Children(d) {
		switch name := t.Name(n); {
		case t.Kind(n) == rootfs.File && !incidental(name) && !p.s.own[n]:
			files++
		case t.Kind(n) == rootfs.Dir && c.programs > 0 && slices.Contains(prefixParts, name):
			return false
		}
	}
	return files <= c.programs
}

// incidental reports whether a file in a container does not mean that all of the
// container is one installation: marks and locks of installers, hidden files.
func incidental(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".complete") || strings.HasSuffix(name, ".lock")
}

// versioned reports whether a directory is named by a version (21.0.2-tem,
// v20.1.0), by a tool and its version (node-v22.1.0-linux-x64, go1.22.1) or by a
// digest, as managers of versions name the directory of each.
func versioned(name string) bool {
	return versionName.MatchString(name) || toolVersion.MatchString(name)
}

var (
	versionName = lazyregexp.New(`^(v?[0-9]+(\.[0-9]+)+([-+._][0-9A-Za-z.+_-]+)?|[0-9a-f]{40}|[0-9a-f]{64})$`)
	toolVersion = lazyregexp.New(`^[A-Za-z][A-Za-z0-9._+]*([-_][A-Za-z][A-Za-z0-9._+]*)*([-_@]v?[0-9]+(\.[0-9]+)+|[0-9]+(\.[0-9]+){2,})([-+._][0-9A-Za-z.+_-]*)?$`)
	machineName = lazyregexp.New(`^((linux|windows|darwin)[-_]?)?(x64|x86|x86_64|amd64|i[3-6]86|arm|arm64|armv[5-8][a-z]*|aarch64|ppc64le|s390x|riscv64)$`)
)

// named returns the name and the version of an installation by its path: of
// TOOL/VERSION and TOOL/VERSION/MACHINE those of the tool, else the name of the
// directory.
func (s *inventory) named(root rootfs.Node) (name, version string) {
	t := s.tree
	d := root
	if machineName.MatchString(t.Name(d)) {
		d = t.Parent(d)
	}
	if !versionName.MatchString(t.Name(d)) {
		return t.Name(root), ""
	}
	tool := t.Parent(d)
	if tool == rootfs.None || s.structural(tool) {
		return t.Name(root), ""
	}
	switch t.Name(tool) {
	case "versions", "releases", "installs", "toolchains":
		if tool = t.Parent(tool); tool == rootfs.None || s.structural(tool) {
			return t.Name(root), ""
		}
	}
	return strings.TrimPrefix(t.Name(tool), "."), strings.TrimPrefix(t.Name(d), "v")
}
