package lockcheck

// Evidence says how strongly a lock entry is shown to be what is installed.
type Evidence string

const (
	// HashProved: the digest of what is installed equals the locked one.
	HashProved Evidence = "hash-proved"
	// HashClaimed: the installer's own record repeats the locked digest.
	HashClaimed Evidence = "hash-claimed"
	// HashLocked: the version equals that of an entry with a hash, and the
	// installed files have nothing to compare with it.
	HashLocked Evidence = "hash-locked"
	// VersionLocked: the version equals that of an entry without a hash.
	VersionLocked Evidence = "version-locked"
)

// rank orders evidence, strongest highest; 0 for none.
func (e Evidence) rank() int {
	switch e {
	case HashProved:
		return 4
	case HashClaimed:
		return 3
	case HashLocked:
		return 2
	case VersionLocked:
		return 1
	}
	return 0
}

// Reason says why a package is not pinned or, for a pinned one, why by its
// version only.
type Reason string

const (
	NotInAnyLock  Reason = "not-in-any-lock"
	OtherVersion  Reason = "locked-at-another-version"
	NotExact      Reason = "not-exact"        // the lock has only a range
	NoVersion     Reason = "no-version"       // the environment does not say which
	VCS           Reason = "vcs-install"      // from version control
	URL           Reason = "url-install"      // from a URL
	Editable      Reason = "editable-install" // a working copy
	Link          Reason = "link"             // a link to another folder
	LocalPath     Reason = "local-path"       // the lock takes it from a local folder
	OtherRegistry Reason = "other-registry"   // from a host that is not allowed
	OtherPackage  Reason = "other-package"    // the lock's URL is another package's
	Replaced      Reason = "replaced"         // go.mod puts another module in its place
	Alias         Reason = "aliased"          // the lock puts another package there
	HashMismatch  Reason = "hash-mismatch"    // not the bytes that were locked
	NonASCII      Reason = "look-alike-name"  // a name outside ASCII

	// With Pinned true and VersionLocked:
	NoHash   Reason = "no-hash"   // the entry has none
	WeakHash Reason = "weak-hash" // the entry has only sha1 or md5
)

// nearness orders the reasons of failure: the one that says most about what
// is installed is reported. A mismatch is an alarm; "not in any lock" is what
// is left when there is nothing to say.
func (r Reason) nearness() int {
	switch r {
	case HashMismatch:
		return 9
	case OtherRegistry, OtherPackage:
		return 8
	case Replaced, Alias:
		return 7
	case VCS, URL, Editable, Link, LocalPath:
		return 6
	case NotExact:
		return 5
	case OtherVersion:
		return 4
	case NonASCII, NoVersion:
		return 3
	}
	return 0
}

// Result is the answer for one package.
type Result struct {
	Pinned bool
	// Evidence is set when Pinned.
	Evidence Evidence
	// Entry is the entry that pins, or the nearest miss; nil without one.
	Entry *Entry
	// Reason is set when not Pinned, and for VersionLocked evidence.
	Reason Reason
	// Detail is one sentence for people. It quotes strings of the lock and
	// of the environment, whose neutralising is up to the renderer.
	Detail string
}
