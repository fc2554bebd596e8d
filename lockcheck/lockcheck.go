// Package lockcheck reads lock files and says whether an installed package is
// what a lock file pinned, which entry pins it, and how strongly.
//
// # Two questions, answered apart
//
// [Open] reads one lock file, with everything that it includes, into entries
// that each know their file and line. [Set.Match] compares one installed
// [Package] with all entries. Reading never judges: an entry that pins nothing
// (a range, a link, a tarball on a stranger's host) is kept with what is wrong
// about it, so that a near miss can be shown instead of "not found".
//
// # Fail closed
//
// A file that cannot be read as its own installer reads it is an error with a
// position, not a shorter list. Where installers differ or are lenient, the
// strict reading is taken: duplicate keys, two hashes for one artifact, an
// option that pip would refuse. Nothing is expanded from the environment,
// fetched or executed.
//
// # What pins
//
// A name and an exact version, taken from a registry that the policy allows.
// How strongly follows from the hashes: see [Evidence]. A version control
// checkout is pinned by its full commit and never stronger than by version,
// because no hash of the artifact exists. A hash does not excuse a foreign
// host: whoever wrote the lock chose both.
//
// # One reader for each syntax
//
// JSON and TOML are read into one positional tree each (json.go, toml.go),
// which refuses duplicate keys, deep nesting and invalid UTF-8; a format is
// then a short walk over that tree. requirements.txt follows pip's own reader
// line by line, go.mod is read by golang.org/x/mod.
//
// # Names and versions
//
// Names compare canonically: PEP 503 for Python, exactly elsewhere. Versions
// compare by PEP 440 for Python, exactly elsewhere. A name outside ASCII never
// matches: no registry read here has one, so it can only be a look-alike.
package lockcheck

// Package is the installed side of a comparison.
type Package struct {
	// Type is the package URL type: "pypi", "npm", "golang" or "cargo".
	Type string
	// Namespace is what a package URL calls by that name ("@scope" for npm,
	// the path before the last slash for Go). It may as well be part of Name.
	Namespace string
	Name      string
	// Version is empty when the environment does not say.
	Version string
	// Paths are where it is installed, within the environment. For npm they
	// tell which entry of the lock is meant.
	Paths []string
	// Digests are what the environment itself says about the artifact that
	// was installed.
	Digests []Hash
	Install Install
}

// Hash is a digest of an artifact.
type Hash struct {
	// Algorithm is "md5", "sha1", "sha256", "sha384", "sha512", or "h1" for
	// the directory hash of a Go module (golang.org/x/mod/sumdb/dirhash).
	Algorithm string
	// Value is lower-case hexadecimal; for "h1" the base64 after "h1:".
	Value string
	// Proved is true for an installed package's digest that is bound to what
	// is installed, false for one that an installer's record merely repeats.
	// It is false in every lock entry.
	Proved bool
}

// Kinds of [Install] and of [Source].
const (
	KindRegistry = "registry" // by name from a package index
	KindVCS      = "vcs"      // a version control checkout
	KindURL      = "url"      // an archive by its URL
	KindEditable = "editable" // a working copy, not a copy of it
	KindLink     = "link"     // a link to another folder
	KindPath     = "path"     // a local folder or archive, also a workspace member
	KindReplace  = "replace"  // a Go module that go.mod puts in another one's place
)

// Install is the installer's own record of where a package came from.
type Install struct {
	// Kind is empty (not recorded) or one of KindRegistry, KindVCS, KindURL,
	// KindEditable, KindLink.
	Kind string
	// URL needs no scrubbing: user information and query are ignored.
	URL string
	// Commit is the VCS revision.
	Commit string
}
