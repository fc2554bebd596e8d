package lockcheck

import (
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
)

// Lock has the entries of one lock file and of the files that it includes.
type Lock struct {
	// Path is the path that was given to [Open].
	Path string
	// Format is the name of the format, which is that of its best-known file:
	// "requirements.txt", "package-lock.json". docs/locks.md has all of them.
	Format string
	// For are the directories of the environment, or patterns of them, in which
	// the lock pins packages; none for everywhere. See [Lock.Governing].
	For []string
	// Definition is true for a file that names what a stage runs on and what its
	// environment does not show: a workflow, a Dockerfile.
	Definition bool
	// Entries are in the order of the file; those of an included file are at
	// the place of the include.
	Entries []Entry
	// Notes are the places where the lock pins less than it seems to.
	Notes []Problem
	// Digest identifies the content of the files that were read: for one file the
	// SHA-256 of it as git stores text, with LF at the end of lines, as
	// "sha256:" and digits. For several, as with the includes of
	// requirements.txt, it is the SHA-256 of their digests.
	Digest string

	// place returns the path of the content of a file, nil for its own.
	place func(path string) (string, error)
	// digests are those of the files, in the order in which they were read.
	digests []string
	// edges are the requirements between entries, where they decide which of
	// them apply.
	edges []edge
}

// Entry is one package in a lock file.
type Entry struct {
	Type, Namespace, Name string
	// Version is the exact version. It is empty for an entry without a version
	// or with a range.
	Version string
	// Spec has the version specifiers of an entry without an exact version.
	Spec   string
	Hashes []Hash
	Source Source
	// File and Line are the place of the entry, Line from 1.
	File string
	Line int
	// Install is npm's key of the entry: the directory that it is installed
	// in, relative to the project ("node_modules/a/node_modules/b").
	Install string
	// Platform is that of a gem, "ruby" for one without compiled code. A version has
	// a file for each platform.
	Platform string
	// Marker is the condition under which the entry applies, as written.
	// [Set.Match] evaluates it. Alternatives are joined by "or".
	Marker string
	// Dev, Optional and Direct are false where the format does not record
	// them.
	Dev, Optional, Direct bool
	// FirstParty is true for the project itself and for members of its
	// workspace. Source.URL is then its directory, relative to the project.
	FirstParty bool
	// Constraint is true for an entry that limits the version of a package
	// which another entry requires (pip's -c).
	Constraint bool
	// Bundled is true for an npm package in the tarball of another one, whose
	// hash covers it.
	Bundled bool
	// Patched is true for a package with patches, the project's or those of the
	// package manager itself, of which Hashes are of the patched one.
	Patched bool
	// Base is true for a package that is in the lock only to be patched: the
	// patched one is installed in its place (Yarn's protocol "patch:").
	Base bool

	// names are the names of directories that the package is installed under,
	// where the lock has names and no directories. Nil for any.
	names []string
	// unhashed is why the tool records no hash of the entry, where that is known.
	unhashed string
	// unnamed is true for a member of the workspace whose name the lock does not
	// have. Name is then its directory.
	unnamed bool
	// members are the patterns of the directories of all members, where the
	// file has no more than those.
	members []string
	// platforms are those that a lock of Bundler is for.
	platforms []string
	// twin is true for a gem of which the lock has an entry for another spelling
	// of the same platform.
	twin bool
	// hashesOnly is true for an entry of a file that has the hashes of what other
	// locks name: Gradle's verification-metadata.xml.
	hashesOnly bool
	// verbatim is true for "===", which compares text, not versions (PEP 440).
	verbatim bool
	// specifiers are those that Version is from, in the formats that have
	// specifiers and not versions.
	specifiers pep508.Specifiers
	// when is the condition under which the installer takes the entry.
	when condition
	// flaw is the reason, found while parsing, why the entry pins nothing.
	flaw flaw
}

// flaw is a reason with its detail. The zero value is no flaw.
type flaw struct {
	reason Reason
	detail string
}

// patch records that the package manager applies a patch to what the entry
// names: what is installed is not the locked artifact, and no hash of the lock
// is that of the installed files. file is the patch as the lock has it, or
// empty. An earlier flaw remains.
func (e *Entry) patch(file string) {
	if e.flaw.reason != "" {
		return
	}
	detail := "a patch is applied to " + quote(e.fullName())
	if file != "" {
		detail = "the patch " + quote(file) + " is applied to " + quote(e.fullName())
	}
	e.flaw = flaw{Patched, detail + " after it is unpacked: what is installed is not the locked artifact"}
}

// Source is the place from which the installer takes an entry.
type Source struct {
	// Kind is one of KindRegistry, KindVCS, KindURL, KindPath, KindEditable,
	// KindLink, KindReplace.
	Kind string
	// URL has no user information, query or fragment. For a registry it is the
	// URL of the artifact where the lock has it, and of the index otherwise.
	URL string
	// Registry is the host of the index, empty for the ecosystem's default.
	Registry string
	// Also has further URLs from which the installer may take it: other
	// indexes, and the single files of a release. The policy must allow each.
	Also []string
	// Commit is the VCS revision that the lock fixes.
	Commit string
}

// Problem is a place in a lock that pins less than it appears to.
type Problem struct {
	Kind ProblemKind
	File string
	Line int
	// Name is the name of the package. It is empty for the whole file.
	Name string
	// Host is the host that ProblemInsecure is about, empty for all hosts.
	Host string
	// Detail is one sentence. It contains strings of the lock.
	Detail string
}

// ProblemKind is a kind of weakness.
type ProblemKind string

const (
	ProblemEmpty       ProblemKind = "empty-lock"        // no entries at all
	ProblemUnpinned    ProblemKind = "unpinned"          // no exact version
	ProblemNoHash      ProblemKind = "no-hash"           // a version without a hash
	ProblemWeakHash    ProblemKind = "weak-hash"         // only sha1 or md5
	ProblemBadHash     ProblemKind = "malformed-hash"    // a hash of the wrong form
	ProblemRegistry    ProblemKind = "other-index"       // another index than the default
	ProblemInsecure    ProblemKind = "insecure"          // the connection is not verified
	ProblemVCS         ProblemKind = "vcs"               // from version control
	ProblemURL         ProblemKind = "url"               // by URL
	ProblemPath        ProblemKind = "path"              // from a local path
	ProblemEditable    ProblemKind = "editable"          // a working copy
	ProblemLink        ProblemKind = "link"              // a link to another directory
	ProblemAlias       ProblemKind = "alias"             // installed under another name
	ProblemOther       ProblemKind = "other-package"     // the URL is another package's
	ProblemReplaced    ProblemKind = "replaced"          // go.mod replaces it
	ProblemPatched     ProblemKind = "patched"           // a patch changes it
	ProblemContradicts ProblemKind = "contradicts"       // two entries differ
	ProblemNonASCII    ProblemKind = "non-ascii-name"    // a look-alike
	ProblemFloating    ProblemKind = "floating"          // a tag or a branch, which can be another commit tomorrow
	ProblemVariable    ProblemKind = "variable"          // decided by an environment variable
	ProblemPartlyRead  ProblemKind = "partly-read"       // a part of the lock is not read
	ProblemIgnored     ProblemKind = "ignored-by-reader" // an option that pip ignores at that place
)

// problem adds a problem to the notes.
func (l *Lock) problem(kind ProblemKind, file string, line int, name, detail string) {
	l.Notes = append(l.Notes, Problem{Kind: kind, File: file, Line: line, Name: name, Detail: detail})
}

// insecure adds a note about an entry that is taken from a host by a connection that
// is not verified.
func (l *Lock) insecure(e *Entry, host string) {
	l.Notes = append(l.Notes, Problem{
		Kind: ProblemInsecure, File: e.File, Line: e.Line, Name: e.Name, Host: host, Detail: "the connection to " + quote(host) + " is not verified",
	})
}

// add adds an entry, and the notes that follow from the entry alone.
func (l *Lock) add(e Entry) {
	note := func(kind ProblemKind, detail string) { l.problem(kind, e.File, e.Line, e.Name, detail) }
	name := quote(e.fullName())
	if !ecosystem.ASCII(e.fullName()) {
		note(ProblemNonASCII, name+" is not an ASCII name: it looks like another package")
	}
	switch e.Source.Kind {
	case KindVCS:
		note(ProblemVCS, name+" comes from version control")
	case KindURL:
		note(ProblemURL, name+" comes from a URL, not from an index")
	case KindPath:
		if !e.FirstParty {
			note(ProblemPath, name+" comes from a local path")
		}
	case KindEditable:
		note(ProblemEditable, name+" is a working copy")
	case KindLink:
		note(ProblemLink, name+" is a link to another directory")
	default:
		if e.Source.Registry != "" {
			note(ProblemRegistry, name+" comes from "+quote(e.Source.Registry))
		}
		l.noteHashes(&e, note)
	}
	switch e.flaw.reason {
	case Replaced:
		note(ProblemReplaced, e.flaw.detail)
	case OtherPackage:
		note(ProblemOther, e.flaw.detail)
	case Patched:
		note(ProblemPatched, e.flaw.detail)
	}
	l.Entries = append(l.Entries, e)
}

func (l *Lock) noteHashes(e *Entry, note func(ProblemKind, string)) {
	name := quote(e.fullName())
	switch {
	case e.Version == "":
		note(ProblemUnpinned, name+" has no exact version")
	case len(e.Hashes) == 0:
		if !e.Bundled {
			note(ProblemNoHash, name+" has no hash")
		}
	case len(strong(e.Hashes)) == 0:
		note(ProblemWeakHash, name+" has only a hash that can be forged (sha1 or md5)")
	}
}

// finish adds the notes about the lock as a whole.
func (l *Lock) finish() {
	if len(l.Entries) == 0 && !l.Definition {
		l.problem(ProblemEmpty, l.Path, 1, "", "the lock has no entries: it pins nothing")
	}
}

// FullName returns the name with its namespace, as the ecosystem writes it.
func (e *Entry) FullName() string { return e.fullName() }

// fullName returns the name with its namespace, as the ecosystem writes it.
func (e *Entry) fullName() string { return ecosystem.Join(e.Namespace, e.Name) }
