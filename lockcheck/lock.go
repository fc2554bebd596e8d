package lockcheck

import "github.com/depaudit/depaudit/sbom/ecosystem"

// Lock is what one lock file pins, with the files that it includes.
type Lock struct {
	// Path is the path as it was given to [Open].
	Path   string
	Format string
	// Entries are in the order of the file; those of an included file stand
	// where it is included.
	Entries []Entry
	// Notes are the places where the lock pins less than it seems to.
	Notes []Problem
}

// Entry is one package in a lock file.
type Entry struct {
	Type, Namespace, Name string
	// Version is the exact version, empty when the entry names none or only
	// a range.
	Version string
	// Spec is the requirement as written, where it is not an exact version.
	Spec   string
	Hashes []Hash
	Source Source
	// File and Line are the place of the entry, Line from 1.
	File string
	Line int
	// Install is npm's key of the entry: the folder that it is installed in,
	// relative to the project ("node_modules/a/node_modules/b").
	Install string
	// Marker is the condition under which the entry applies, not evaluated.
	Marker string
	// Dev, Optional and Direct are as far as the format tells.
	Dev, Optional, Direct bool
	// Own is true for the project itself and for members of its workspace.
	Own bool
	// Constraint is true for an entry that only limits a version if the
	// package is wanted at all (pip's -c).
	Constraint bool
	// Bundled is true for an npm package that lies in another one's tarball
	// and is covered by that one's hash.
	Bundled bool

	// verbatim is true for ===, which compares text, not versions (PEP 440).
	verbatim bool
	// flaw is why the entry can never pin anything, found while reading.
	flaw flaw
}

// flaw is a reason with its sentence; none when reason is empty.
type flaw struct {
	reason Reason
	detail string
}

// Source is where the installer takes an entry from.
type Source struct {
	// Kind is one of KindRegistry, KindVCS, KindURL, KindPath, KindEditable,
	// KindLink, KindReplace.
	Kind string
	// URL is without user information, query and fragment. For a registry it
	// is the artifact's where the lock names it, the index's otherwise.
	URL string
	// Registry is the host of the index, empty for the ecosystem's default.
	Registry string
	// Also are further URLs that the installer may take it from: other
	// indexes, the single files of a release. Each must be allowed too.
	Also []string
	// Commit is the VCS revision that the lock fixes.
	Commit string
}

// Problem is a place where a lock pins less than it seems to.
type Problem struct {
	Kind ProblemKind
	File string
	Line int
	// Name is the package that it is about, empty for the whole file.
	Name string
	// Detail is one sentence for people; it holds strings of the lock.
	Detail string
}

// ProblemKind says what kind of weakness it is.
type ProblemKind string

const (
	ProblemEmpty       ProblemKind = "empty-lock"        // no entries at all
	ProblemUnpinned    ProblemKind = "unpinned"          // no exact version
	ProblemNoHash      ProblemKind = "no-hash"           // a version without a hash
	ProblemWeakHash    ProblemKind = "weak-hash"         // only sha1 or md5
	ProblemBadHash     ProblemKind = "malformed-hash"    // a hash that is none
	ProblemRegistry    ProblemKind = "other-index"       // another index than the default
	ProblemInsecure    ProblemKind = "insecure"          // no verified connection
	ProblemVCS         ProblemKind = "vcs"               // from version control
	ProblemURL         ProblemKind = "url"               // by URL
	ProblemPath        ProblemKind = "path"              // from a local path
	ProblemEditable    ProblemKind = "editable"          // a working copy
	ProblemLink        ProblemKind = "link"              // a link to another folder
	ProblemAlias       ProblemKind = "alias"             // installed under another name
	ProblemOther       ProblemKind = "other-package"     // the URL is another package's
	ProblemReplaced    ProblemKind = "replaced"          // go.mod replaces it
	ProblemContradicts ProblemKind = "contradicts"       // two entries disagree
	ProblemNonASCII    ProblemKind = "non-ascii-name"    // a look-alike
	ProblemVariable    ProblemKind = "variable"          // decided by an environment variable
	ProblemIgnored     ProblemKind = "ignored-by-reader" // pip ignores that option there
)

// problem adds a note.
func (l *Lock) problem(kind ProblemKind, file string, line int, name, detail string) {
	l.Notes = append(l.Notes, Problem{Kind: kind, File: file, Line: line, Name: name, Detail: detail})
}

// add takes an entry in, with the notes that follow from the entry alone.
func (l *Lock) add(e Entry) {
	note := func(kind ProblemKind, detail string) { l.problem(kind, e.File, e.Line, e.Name, detail) }
	name := quote(e.fullName())
	if !ecosystem.ASCII(e.fullName()) {
		note(ProblemNonASCII, name+" is not an ASCII name: a look-alike of another package")
	}
	switch e.Source.Kind {
	case KindVCS:
		note(ProblemVCS, name+" comes from version control")
	case KindURL:
		note(ProblemURL, name+" comes from a URL, not from an index")
	case KindPath:
		if !e.Own {
			note(ProblemPath, name+" comes from a local path")
		}
	case KindEditable:
		note(ProblemEditable, name+" is a working copy")
	case KindLink:
		note(ProblemLink, name+" is a link to another folder")
	default:
		if e.Source.Registry != "" {
			note(ProblemRegistry, name+" comes from "+quote(e.Source.Registry))
		}
		l.noteHashes(&e, note)
	}
	if e.flaw.reason == OtherPackage {
		note(ProblemOther, e.flaw.detail)
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

// finish adds what can only be said of the whole lock.
func (l *Lock) finish() {
	if len(l.Entries) == 0 {
		l.problem(ProblemEmpty, l.Path, 1, "", "the lock has no entries: it pins nothing")
	}
}

// fullName is the name with its namespace, as the ecosystem writes it.
func (e *Entry) fullName() string { return ecosystem.Join(e.Namespace, e.Name) }
