// Package lockcheck parses lock files and reports whether a lock file pins an
// installed package, which entry pins it, and with which evidence.
//
// # Parsing and matching are separate
//
// [Open] parses one lock file, with all files that it includes, into entries
// with their file and line. [Set.Match] compares one installed [Package] with
// all entries. Parsing does not judge: an entry that pins nothing (a range, a
// link, a tarball on an untrusted host) is an entry with its flaw, so that a
// report shows the near miss instead of "not found".
//
// # Fail closed
//
// A file that cannot be parsed as its own installer parses it is an error with
// a position, not a shorter list. Where installers differ or are lenient, the
// strict interpretation applies: repeated keys, two hashes for one artifact and
// options that pip refuses are errors. Nothing is expanded from the
// environment, fetched or executed.
//
// # Pinning
//
// A package is pinned by a name and an exact version, from a registry that the
// policy allows. The hashes decide about the evidence; see [Evidence]. A
// version control checkout is pinned by its full commit, with the evidence of a
// version, because no hash of the artifact exists. A hash does not excuse an
// untrusted host: the author of the lock chose both.
//
// # Conditions
//
// An entry whose marker does not hold in the environment of the package is not
// one that the installer would take, and pins nothing: a lock of several
// versions with markers pins one of them. [Package.Markers] has the values.
// Where they do not decide, the entry pins nothing either, and the result has
// the variables that are not known. uv.lock has the markers on the edges between
// packages (reach.go). npm's "os", "cpu" and "libc" are conditions too, but a
// package whose record repeats the locked digest is the locked one on any
// platform: npm installs for another one when it is told to. They do not select
// between versions, so that not to know the platform is no doubt either.
//
// # Formats
//
// [Lock.Format] is one of a table (format.go), which has the names, the
// recognition by content, the parser and the strongest evidence of each format.
// JSON, TOML and YAML are parsed into one positional tree (json.go by package
// strictjson, toml.go, yaml.go), which refuses repeated keys, deep nesting and
// invalid UTF-8; a format is then a short walk over that tree. So are the terms of
// Erlang and Elixir (term.go); HCL and opam files share their lexer (lexer.go).
// requirements.txt is split into options and requirements as pip does,
// requirements are parsed by package pep508, and go.mod by golang.org/x/mod.
//
// # Files
//
// The path of a file through the package is: open.go reads it (read.go) and finds
// its format (formats.go, the table; format.go, what a row means); the format's
// own file, which has its name or that of its tool, walks the tree (tree.go, by
// json.go, toml.go or yaml.go) or the lines and adds entries (lock.go). Files of
// one tool share a prefix: yarn.go, yarn_classic.go and yarn_berry.go. machinery.go
// and dockerfile.go are the files that name what a stage runs on. The path of a
// package is: scope.go and trees.go select the locks of its place, match.go the
// entries, and judge.go compares it with each, by condition.go and reach.go
// (where an entry applies), policy.go and url.go (where it comes from), hash.go
// (its bytes) and pin.go (what other entries say). result.go is the answer.
// member.go and workspace.go decide what is the project's own, and absent.go is
// the opposite question.
//
// # Names and versions
//
// Names are compared by package ecosystem: PEP 503 for Python, byte for byte
// for the other formats. Versions are compared by package version: PEP 440 for
// Python, byte for byte elsewhere. A name outside ASCII never matches: no
// registry of these ecosystems has one, so it is a look-alike.
package lockcheck

// Package is the installed side of a comparison.
type Package struct {
	// Type is the package URL type: "pypi", "npm", "golang", "gem" and so on.
	Type string
	// Namespace is the namespace of the package URL ("@scope" for npm, the
	// path before the last slash for Go). It can be part of Name instead.
	Namespace string
	Name      string
	// Version is empty when the environment has no record of it.
	Version string
	// Paths are the places in the environment where it is installed. For npm
	// they select the entry of the lock.
	Paths []string
	// Digests are the environment's own records of the installed artifact.
	Digests []Hash
	// Copies has the digests of each record by its path, one of Paths, where one
	// version is installed several times and has several artifacts: the builds of
	// a conda package. Each copy must be pinned. For a gem the paths are those of the
	// archives in GEM_HOME/cache.
	Copies  map[string][]Hash
	Install Install
	// Markers has the values of marker variables (PEP 508) in each Python
	// environment that it is installed in. An entry must apply in all of them.
	// Without any, no marker can be decided.
	Markers []map[string]string
	// Platform is the platform that npm's entries are compared with.
	Platform Platform

	// platform is that of a gem, of which each is judged by itself; empty where it
	// is not known.
	platform string
}

// Hash is a digest of an artifact.
type Hash struct {
	// Algorithm is "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "h1" for
	// the directory hash of a Go module (golang.org/x/mod/sumdb/dirhash), or
	// "nuget-sha512" for the hash of a NuGet package without its signature.
	Algorithm string
	// Value is lower-case hexadecimal; for "h1" the base64 after "h1:".
	Value string
}

// Kinds of [Install] and of [Source].
const (
	KindRegistry = "registry" // by name from a package index
	KindVCS      = "vcs"      // a version control checkout
	KindURL      = "url"      // an archive by its URL
	KindEditable = "editable" // a working copy, not a copy of it
	KindLink     = "link"     // a link to another directory
	KindPath     = "path"     // a local directory or archive, also a workspace member
	KindReplace  = "replace"  // a Go module that replaces another one in go.mod
)

// Install is the installer's own record of where a package came from.
type Install struct {
	// Kind is empty (not recorded) or one of KindRegistry, KindVCS, KindURL,
	// KindEditable, KindLink, KindPath.
	Kind string
	// URL can contain user information and a query; both are ignored.
	URL string
	// Commit is the VCS revision.
	Commit string
	// File is the path of the record; of a link, the link itself. URL is then
	// the directory that it leads to.
	File string
	// Patch is what was applied to the artifact, by the installer's record.
	Patch string
}
