package lockcheck

// Evidence is the strength of the evidence that the installed package is the
// one of a lock entry.
type Evidence string

const (
	// HashClaimed: the installer's record has the locked digest. The build
	// information of a Go program is such a record.
	HashClaimed Evidence = "hash-claimed"
	// HashLocked: the version equals that of an entry with a hash, and neither
	// the installed files nor a record have a digest to compare.
	HashLocked Evidence = "hash-locked"
	// VersionLocked: the version equals that of an entry without a hash.
	VersionLocked Evidence = "version-locked"
)

// rank orders evidence: 3 is the strongest, 0 is none.
func (e Evidence) rank() int {
	switch e {
	case HashClaimed:
		return 3
	case HashLocked:
		return 2
	case VersionLocked:
		return 1
	}
	return 0
}

// Reason is the reason why a package is not pinned, or why a pinned one is
// pinned by its version only.
type Reason string

const (
	NotInAnyLock  Reason = "not-in-any-lock"
	OtherVersion  Reason = "locked-at-another-version"
	OtherBuild    Reason = "other-build"      // another build of a conda package's version
	NotExact      Reason = "not-exact"        // the lock has only a range
	NoVersion     Reason = "no-version"       // the environment has no version
	VCS           Reason = "vcs-install"      // from version control
	URL           Reason = "url-install"      // from a URL
	Editable      Reason = "editable-install" // a working copy
	Link          Reason = "link"             // a link to another directory
	LocalPath     Reason = "local-path"       // the lock takes it from a local directory
	OtherRegistry Reason = "other-registry"   // from a host that is not allowed
	OtherPackage  Reason = "other-package"    // the lock's URL is another package's
	Replaced      Reason = "replaced"         // go.mod replaces it by another module
	Alias         Reason = "aliased"          // the lock has another package at that path
	Patched       Reason = "patched"          // a patch changes the locked bytes
	HashMismatch  Reason = "hash-mismatch"    // not the bytes that were locked
	NonASCII      Reason = "look-alike-name"  // a name outside ASCII
	OtherPlatform Reason = "other-platform"   // the entry is for another Python or platform
	UnknownMarker Reason = "unknown-platform" // whether the entry applies cannot be decided

	// With Pinned true and VersionLocked:
	NoHash   Reason = "no-hash"   // the entry has none
	WeakHash Reason = "weak-hash" // the entry has only sha1 or md5
	// LocalVersion, with HashLocked: the entry's version has no local part and the installed one
	// has ("1.2.0" and "1.2.0+x"), so that its hashes are those of other builds.
	LocalVersion Reason = "local-version"
)

// nearness orders the reasons of failure. The one that describes the installed
// package best is reported: a mismatch first, "not in any lock" only when there
// is no other.
func (r Reason) nearness() int {
	switch r {
	case HashMismatch:
		return 11
	case OtherRegistry, OtherPackage:
		return 10
	case Replaced, Alias, Patched:
		return 9
	case VCS, URL, Editable, Link, LocalPath:
		return 8
	case UnknownMarker:
		return 7
	case OtherPlatform:
		return 6
	case NotExact, OtherBuild:
		return 5
	case OtherVersion:
		return 4
	case NonASCII, NoVersion:
		return 3
	}
	return 0
}

// Result is the result for one package.
type Result struct {
	Pinned bool
	// Evidence is set when Pinned.
	Evidence Evidence
	// Entry is the entry that pins, or the nearest miss, or nil.
	Entry *Entry
	// Named is the entry of another lock that names the version of which Entry only
	// has the hashes: of a gradle.lockfile beside verification-metadata.xml.
	Named *Entry
	// Reason is set when not Pinned, for VersionLocked evidence, and for a local
	// version.
	Reason Reason
	// Detail is one sentence. It quotes strings of the lock and of the
	// environment, which a renderer must escape.
	Detail string
	// Others are the entries of the package in its other places, of which the
	// result is not shown.
	Others []*Entry
	// Contradicts is another entry that pins the same version to other
	// bytes than Entry; nil if there is none. Contradiction is one sentence.
	Contradicts   *Entry
	Contradiction string
}
