package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Importable code outside of packages, of interpreters other than Python and
// Node, and the files that compilers use unasked (counting rule 5).
//
// An interpreter searches some directories below its prefix by default, and so
// does a compiler below /usr/local and /usr: a file in one of them becomes part
// of what a stage makes without any option that names it. The first bytes of
// such a file do not mark it as code: its directory and its name do, since they
// are what the interpreter looks for.

// searched are the directories that one interpreter or compiler searches by
// default.
type searched struct {
	// what a file of it is called.
	what string
	// programs are the interpreters. Besides /usr/local and /usr, they search the
	// prefix that they are installed in, the parent of bin.
	programs string
	// dirs are relative to a prefix. "*" is any name, "ARCH" the triple of a
	// machine.
	dirs string
	// entries matches the directories, relative to the prefix, whose entries are
	// installed one by one. The library of an interpreter itself is not one: it is
	// installed as a whole.
	entries string
	// names are patterns of the files.
	names string
	// flat is set when only the directories themselves are searched.
	flat bool
	// library is set for the directories of parts of libraries: see libraries.go.
	library bool
}

// version and machine are parts of the patterns of directories.
const (
	number  = `[0-9]+(?:\.[0-9]+)*`
	machine = `[a-z0-9_]+-linux[a-z0-9_-]*`
)

// interpreted are the directories of interpreters. Sources: perlrun and "perl -V"
// (https://perldoc.perl.org/perlvar#@INC), and the policies of Debian
// (https://www.debian.org/doc/packaging-manuals/perl-policy/), Fedora and
// Alpine; "ruby -e 'puts $:'" and "gem env"; package.path of Lua's luaconf.h;
// .libPaths of R; PHP's include_path; Guile's %load-path and
// %load-compiled-path; the load-path of Emacs; Tcl's auto_path; code:lib_dir of
// Erlang; the search paths of OCaml, GHC, Octave, ASDF, GNU awk, Julia and TeX;
// the global directories of Node as Debian builds it.
var interpreted = []searched{
	{what: "Perl module", programs: "perl", names: "*.pm *.pl *.pmc *.ph *.al",
		dirs: "share/perl share/perl5 lib/perl lib/perl5 lib64/perl5 lib/ARCH/perl lib/ARCH/perl5 lib/ARCH/perl-base lib/site_perl lib/vendor_perl",
		entries: `(share/perl5?|lib64/perl5|lib/perl|lib/` + machine + `/perl5?)(/(site_perl|vendor_perl|` + number + `|` + machine + `|auto))*` +
			`|lib/(perl5/(` + number + `/)?)?(site_perl|vendor_perl)(/(` + number + `|` + machine + `|auto))*`},
	{what: "Ruby file", programs: "ruby jruby truffleruby", names: "*.rb",
		dirs: "lib/ruby lib64/ruby share/ruby lib/ARCH/ruby lib/site_ruby lib/ARCH/site_ruby share/rubygems share/rubygems-integration",
		entries: `((lib|lib64|share|lib/` + machine + `)/(ruby/)?(site_ruby|vendor_ruby))(/(` + number + `|` + machine + `))*` +
			`|(lib|lib64|share|lib/` + machine + `)/(ruby/)?(gems/` + number + `|gems|rubygems-integration/[^/]+)/(gems|extensions(/[^/]+){0,2})`},
	{what: "Lua module", programs: "lua lua5.1 lua5.2 lua5.3 lua5.4 luajit texlua", names: "*.lua *.luac",
		dirs: "share/lua/* lib/lua/* lib64/lua/* lib/ARCH/lua/*", entries: `(share|lib|lib64|lib/` + machine + `)/lua/` + number},
	{what: "R file", programs: "R Rscript", names: "*.R *.r *.rdb",
		dirs: "lib/R/library lib64/R/library share/R/library lib/R/site-library lib64/R/site-library", entries: `(lib|lib64|share)/R/(site-)?library`},
	{what: "PHP file", programs: "php", names: "*.php *.inc *.phar",
		dirs: "share/php share/pear lib/php lib64/php", entries: `share/(php|pear)|lib/php`},
	{what: "Guile module", programs: "guile", names: "*.scm *.sls *.go",
		dirs: "share/guile lib/guile lib64/guile lib/ARCH/guile", entries: `share/guile/site(/` + number + `)?|(lib|lib64|lib/` + machine + `)/guile/` + number + `/site-ccache`},
	{what: "Emacs Lisp file", programs: "emacs emacs-nox", names: "*.el *.elc *.el.gz",
		dirs: "share/emacs share/emacs-*", entries: `share/emacs(/` + number + `)?/site-lisp(/elpa|/site-start\.d)?`},
	{what: "Tcl script", programs: "tclsh wish", names: "*.tcl *.tm *.tk",
		dirs: "share/tcltk lib/tcltk lib/ARCH/tcltk lib/tcl* share/tcl*", entries: `(share|lib|lib/` + machine + `)/tcltk`},
	{what: "Erlang module", programs: "erl elixir", names: "*.beam *.app *.ez",
		dirs: "lib/erlang lib64/erlang lib/elixir lib64/elixir share/elixir"},
	{what: "OCaml library", programs: "ocaml", names: "*.cma *.cmxa *.cmi *.cmo *.cmxs", dirs: "lib/ocaml lib64/ocaml lib/ARCH/ocaml"},
	{what: "Haskell library", programs: "ghc", names: "*.hi *.dyn_hi *.conf", dirs: "lib/ghc lib/ghc-* lib64/ghc-* lib/haskell-packages"},
	{what: "Octave file", programs: "octave octave-cli", names: "*.m", dirs: "share/octave",
		entries: `share/octave/(packages|(` + number + `/)?site(/` + number + `)?/m)`},
	{what: "Lisp file", programs: "sbcl", names: "*.lisp *.asd *.fasl *.cl", dirs: "share/common-lisp lib/sbcl", entries: `share/common-lisp/(source|systems)`},
	{what: "Julia file", programs: "julia", names: "*.jl", dirs: "share/julia local/share/julia"},
	{what: "awk file", programs: "gawk awk", names: "*.awk", dirs: "share/awk", entries: `share/awk`},
	{what: "TeX file", programs: "tex", names: "*.sty *.cls *.tex *.def *.ltx *.lua", dirs: "share/texmf lib/texmf",
		entries: `(share|lib)/texmf(/(tex|scripts)(/(latex|plain|generic|context|xelatex|xetex|lualatex|luatex|texlua))?)?`},
	{what: "JavaScript file", programs: "node nodejs", names: "*.js *.cjs *.mjs",
		dirs: "share/nodejs lib/nodejs lib/ARCH/nodejs lib/node", entries: `(share|lib|lib/` + machine + `)/nodejs|lib/node`},
	{what: "introspection file", programs: "gjs", names: "*.typelib", dirs: "lib/girepository-1.0 lib64/girepository-1.0 lib/ARCH/girepository-1.0",
		entries: `(lib|lib64|lib/` + machine + `)/girepository-1.0`},
}

// inHomes are the directories below a home directory. Sources: the page "Modules:
// CommonJS modules" of the manual of Node; local::lib of Perl; .libPaths of R; the
// manuals of LuaRocks, Guile, Octave, Julia and Emacs; TEXMFHOME of TeX Live.
var inHomes = []searched{
	{what: "JavaScript file", names: "*.js *.cjs *.mjs *.node", dirs: ".node_modules .node_libraries", entries: `\.node_(modules|libraries)`},
	{what: "Perl module", names: "*.pm *.pl *.pmc", dirs: "perl5/lib/perl5", entries: `perl5/lib/perl5(/(` + number + `|` + machine + `|auto))*`},
	{what: "R file", names: "*.R *.r *.rdb", dirs: "R/*-library/*", entries: `R/[^/]+-library/[^/]+`},
	{what: "Lua module", names: "*.lua *.luac", dirs: ".luarocks/share/lua/* .luarocks/lib/lua/*", entries: `\.luarocks/(share|lib)/lua/` + number},
	{what: "Guile module", names: "*.scm *.go", dirs: ".local/share/guile/site", entries: `\.local/share/guile/site(/` + number + `)?`},
	{what: "Octave file", names: "*.m", dirs: "octave .local/share/octave"},
	{what: "Julia file", names: "*.jl", dirs: ".julia/packages .julia/dev", entries: `\.julia/(packages|dev)`},
	{what: "Erlang module", names: "*.beam *.ez", dirs: ".mix/archives .mix/elixir", entries: `\.mix/archives`},
	{what: "Haskell library", names: "*.hi *.dyn_hi *.conf", dirs: ".cabal/store .local/state/cabal/store .stack/snapshots"},
	{what: "Dart file", names: "*.dart", dirs: ".pub-cache/hosted .pub-cache/git", entries: `\.pub-cache/(hosted/[^/]+|git)`},
	{what: "Nim file", names: "*.nim", dirs: ".nimble/pkgs .nimble/pkgs2", entries: `\.nimble/pkgs2?`},
	{what: "Emacs Lisp file", names: "*.el *.elc", dirs: ".emacs.d/elpa .emacs.d/lisp .config/emacs/elpa", entries: `(\.emacs\.d|\.config/emacs)/(elpa|lisp)`},
	{what: "TeX file", names: "*.sty *.cls *.tex *.def *.ltx *.lua", dirs: "texmf", entries: `texmf(/tex(/[^/]+)?)?`},
}

// compiled are the directories of compilers and of the tools that configure
// builds. Sources: "gcc -v" and the manual of GNU ld, pkg-config(1), aclocal(1),
// find_package of CMake.
var compiled = []searched{
	{what: "static library", names: "lib*.a", dirs: "lib lib32 lib64 lib/ARCH", entries: `lib/` + machine, flat: true, library: true},
	{what: "linker script", names: "lib*.so", dirs: "lib lib32 lib64 lib/ARCH", flat: true},
	{what: "object file", names: "*.o", dirs: "lib lib32 lib64 lib/ARCH", flat: true},
	{what: "libtool library", names: "lib*.la", dirs: "lib lib32 lib64 lib/ARCH", flat: true},
	{what: "header", names: "*", dirs: "include", entries: `include(/` + machine + `)?`, library: true},
	{what: "pkg-config file", names: "*.pc", dirs: "lib/pkgconfig lib64/pkgconfig lib/ARCH/pkgconfig share/pkgconfig", entries: `.*`, library: true},
	{what: "CMake package", names: "*.cmake", dirs: "lib/cmake lib64/cmake lib/ARCH/cmake share/cmake", entries: `[^/]+(/` + machine + `)?/cmake`, library: true},
	{what: "CMake package", names: "*.cmake", dirs: "share/*/cmake lib/*/cmake share/cmake-*"},
	{what: "macro file", names: "*.m4", dirs: "share/aclocal", entries: `.*`, library: true},
	{what: "compiler file", names: "specs *.a *.o *.h *.mod", dirs: "lib/gcc lib64/gcc lib/gcc-cross libexec/gcc"},
	{what: "Rust library", names: "*.rlib *.rmeta", dirs: "lib/rustlib lib64/rustlib lib/rust-*/lib/rustlib"},
	{what: "Go source file", names: "*.go *.s", dirs: "lib/go lib/go-* share/go-* lib64/go"},
}

// importables are the results of findImports.
type importables struct {
	// files may be imported and have no owner, in node order.
	files []importable
	// entries are the directories whose entries are installed one by one.
	entries map[rootfs.Node]bool
	// libraries are the directories of compiled, by their prefix.
	libraries map[rootfs.Node]rootfs.Node
}

// of returns the interpreter that imports a file, nil if there is none.
func (m *importables) of(n rootfs.Node) *searched {
	i, ok := slices.BinarySearchFunc(m.files, n, func(f importable, n rootfs.Node) int { return int(f.node) - int(n) })
	if !ok {
		return nil
	}
	return m.files[i].by
}

type importable struct {
	node rootfs.Node
	by   *searched
}

// findImports searches the directories of all interpreters and compilers.
func (s *inventory) findImports() importables {
	out := importables{entries: make(map[rootfs.Node]bool), libraries: make(map[rootfs.Node]rootfs.Node)}
	t := s.tree
	standard := []rootfs.Node{t.Lookup("/"), t.Lookup("/usr"), t.Lookup("/usr/local")}
	for _, by := range interpreted {
		prefixes := slices.Clone(standard)
		for program := range strings.FieldsSeq(by.programs) {
			for n := range t.Named(program) {
				if bin := t.Parent(n); t.Kind(n) != rootfs.Dir && t.Name(bin) == "bin" && !s.caches.contain(n) {
					prefixes = append(prefixes, t.Parent(bin))
				}
			}
		}
		s.searchIn(&by, prefixes, &out)
	}
	for _, by := range compiled {
		s.searchIn(&by, standard, &out)
	}
	for _, by := range inHomes {
		s.searchIn(&by, s.homes(), &out)
	}
	// Debian's Ruby installs gems below /var, and its Perl searches /etc first.
	s.searchIn(&searched{what: "Ruby file", names: "*.rb", dirs: "var/lib/gems", entries: `var/lib/gems/` + number + `/(gems|extensions(/[^/]+){0,2})`}, standard[:1], &out)
	s.searchIn(&searched{what: "Perl module", names: "*.pm *.pl", dirs: "etc/perl", entries: `etc/perl`}, standard[:1], &out)
	s.searchIn(&searched{what: "Haskell library", names: "*.conf", dirs: "var/lib/ghc/package.conf.d", entries: `var/lib/ghc/package\.conf\.d`}, standard[:1], &out)
	var vendored []rootfs.Node // packages of PHP, which Composer's autoloader loads
	for n := range t.Named("autoload.php") {
		if dir := t.Parent(n); t.Name(dir) == "vendor" && !s.owned(n) && !s.caches.contain(n) {
			vendored = append(vendored, dir)
			for c := range t.Children(dir) {
				if t.Kind(c) == rootfs.Dir {
					out.entries[c] = true
				}
			}
		}
	}
	s.searchIn(&searched{what: "PHP file", names: "*.php *.inc *.phar", dirs: "*/*", entries: `[^/]+`}, vendored, &out)
	var bowers []rootfs.Node
	for n := range t.Named("bower_components") {
		if t.Kind(n) == rootfs.Dir && !s.caches.contain(n) {
			bowers = append(bowers, t.Parent(n))
		}
	}
	s.searchIn(&searched{what: "JavaScript file", names: "*.js *.mjs *.cjs", dirs: "bower_components", entries: `bower_components`}, bowers, &out)
	var homes []rootfs.Node // of gems, anywhere: a gem without a specification
	for n := range t.Named("gems") {
		up := t.Parent(n)
		switch {
		case t.Kind(n) != rootfs.Dir:
		case t.Name(up) == "bundler":
			homes = append(homes, t.Parent(up))
		case t.Kind(t.Child(up, "specifications")) == rootfs.Dir, t.Name(t.Parent(up)) == "ruby" && rubyABI.MatchString(t.Name(up)):
			homes = append(homes, up)
		}
	}
	s.searchIn(&searched{what: "Ruby file", names: "*.rb", dirs: "gems bundler/gems", entries: `(bundler/)?gems`}, homes, &out)
	slices.SortFunc(out.files, func(a, b importable) int { return int(a.node) - int(b.node) })
	out.files = slices.CompactFunc(out.files, func(a, b importable) bool { return a.node == b.node })
	return out
}

// rubyABI matches the directory of gems for one Ruby.
var rubyABI = lazyregexp.New(`^` + number + `$`)

// searchIn searches the directories of one interpreter below some prefixes.
func (s *inventory) searchIn(by *searched, prefixes []rootfs.Node, out *importables) {
	var entries *lazyregexp.Regexp
	if by.entries != "" {
		entries = lazyregexp.New(`^(` + by.entries + `)$`)
	}
	search := search{by: by, names: strings.Fields(by.names), entries: entries}
	slices.Sort(prefixes)
	for _, prefix := range slices.Compact(prefixes) {
		if prefix == rootfs.None {
			continue
		}
		for dir := range strings.FieldsSeq(by.dirs) {
			s.eachDir(prefix, dir, "", func(root rootfs.Node, rel string) {
				s.searchBelow(&search, root, rel, out)
				if by.library {
					out.libraries[root] = prefix
				}
			})
		}
	}
}

// search is the search for the files of one interpreter.
type search struct {
	by      *searched
	names   []string
	entries *lazyregexp.Regexp // nil if there are none
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// eachDir calls a function with each directory that matches a pattern of
// [searched.dirs], and with its path relative to the prefix. It follows links,
// as the interpreters do.
func (s *inventory) eachDir(dir rootfs.Node, pattern, rel string, each func(rootfs.Node, string)) {
	t := s.tree
	if dir = t.ResolveNode(dir); dir == rootfs.None || t.Kind(dir) != rootfs.Dir || s.caches.contain(dir) {
		return
	}
	if pattern == "" {
		each(dir, rel)
		return
	}
	first, rest, _ := strings.Cut(pattern, "/")
	switch {
	case first == "ARCH":
		for c := range t.Children(dir) {
			if name := t.Name(c); multiarch.MatchString(name) {
				s.eachDir(c, rest, path.Join(rel, name), each)
			}
		}
	case strings.Contains(first, "*"):
		for c := range t.Children(dir) {
			if ok, _ := path.Match(first, t.Name(c)); ok {
				s.eachDir(c, rest, path.Join(rel, t.Name(c)), each)
			}
		}
	default:
		if c := t.Child(dir, first); c != rootfs.None {
			s.eachDir(c, rest, path.Join(rel, first), each)
		}
	}
}

// searchBelow adds the files below a directory. rel is its path relative to the
// prefix.
func (s *inventory) searchBelow(q *search, dir rootfs.Node, rel string, out *importables) {
	t := s.tree
	if q.entries != nil && q.entries.MatchString(rel) {
		out.entries[dir] = true
	}
	for n := range t.Children(dir) {
		name := t.Name(n)
		switch t.Kind(n) {
		case rootfs.Dir:
			if !q.by.flat && !isSiteDir(name) && name != "node_modules" && !s.caches.contain(n) {
				s.searchBelow(q, n, rel+"/"+name, out)
			}
		case rootfs.File:
			if matchesAny(q.names, name) && !s.owned(n) && !s.isCompiledBeside(n) {
				out.files = append(out.files, importable{n, q.by})
			}
		case rootfs.Symlink:
			to := t.ResolveNode(n)
			isFile := t.Kind(to) == rootfs.File && matchesAny(q.names, name)
			if to != rootfs.None && !s.owned(n) && (isFile || t.Kind(to) == rootfs.Dir && !q.by.flat) {
				out.files = append(out.files, importable{n, q.by})
			}
		}
	}
}

// isCompiledBeside reports whether a file is the compiled form of the file beside
// it, which distributions make when they install a package of Emacs.
func (s *inventory) isCompiledBeside(n rootfs.Node) bool {
	source, ok := strings.CutSuffix(s.tree.Name(n), "c")
	if !ok || !strings.HasSuffix(source, ".el") {
		return false
	}
	dir := s.tree.Parent(n)
	return s.tree.Child(dir, source) != rootfs.None || s.tree.Child(dir, source+".gz") != rootfs.None
}

// looseImports returns the files and links by which an interpreter can import code
// that neither the system nor a package accounts for.
func (s *inventory) looseImports() []rootfs.Node {
	t := s.tree
	type target struct {
		by *searched
		to rootfs.Node
	}
	known := make(map[target]bool) // several links may lead to one directory
	var out []rootfs.Node
	for _, f := range s.imports.files {
		to := t.ResolveNode(f.node)
		from, end := t.Subtree(to)
		switch {
		case to == f.node, t.Kind(to) == rootfs.File:
			if s.isLoose(to) {
				out = append(out, f.node)
			}
			continue
		case from <= f.node && f.node < end:
			continue // a directory around the link
		}
		loose, ok := known[target{f.by, to}]
		if !ok {
			names := strings.Fields(f.by.names)
			for n := from; n < end && !loose; n++ {
				loose = t.Kind(n) == rootfs.File && matchesAny(names, t.Name(n)) && s.isLoose(n)
			}
			known[target{f.by, to}] = loose
		}
		if loose {
			out = append(out, f.node)
		}
	}
	return out
}
