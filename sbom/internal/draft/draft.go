// Package draft makes an [sbom.Document] of a third-party document. The readers
// of the formats (sbom/spdx, sbom/cyclonedx, sbom/sbomread) bring a document
// into the form of [Draft]; this package applies the counting rules, so that
// they are the same for every format.
//
// # What counts
//
// An entry counts when it is a package and is not bundled in another entry that
// counts. Everything else that a document lists (its own subject, the operating
// system, files, the lock file that a group of packages was read from) is an
// exclusion with a reason. In doubt an entry counts: a count that is too high
// is questioned, a count that is too low is not.
//
// # Identity
//
// The package URL is the identity, because other programs compare it. People
// read the name and the version. A document in which they differ shows a
// harmless package to people and another one to programs, so the difference is
// a gap. An entry without a package URL is of type "generic".
//
// # Limits
//
// Names, versions and paths are bounded, and so is the number of entries. A
// document with an entry over a bound is refused. A fault that a document has
// a hundred thousand times is reported [maxSame] times and then counted.
package draft

import "github.com/depaudit/depaudit/sbom"

// Role is the part that an entry plays in a document.
type Role int

const (
	// Package is something that is installed. It counts.
	Package Role = iota
	// Subject is what the document describes: an image, a project.
	Subject
	// Group holds packages together and is not a package: a lock file, a layer.
	Group
	// System is the operating system itself, not one of its packages.
	System
	// File is a file, which is a part of something.
	File
	// NotSoftware is data, an algorithm, a key, a device.
	NotSoftware
	// NotInstalled is not installed, according to the document.
	NotInstalled
	// Archive is a package in a cache that is not installed.
	Archive
	// Source is what another entry was built from.
	Source
)

// Element is an entry of a document.
type Element struct {
	// Ref is the name of the entry in relations; empty when it has none.
	Ref string
	// Label is the place of the entry, for messages: "components[3]".
	Label string
	Role  Role
	// Why adds to the reason of an exclusion.
	Why string

	PURL string
	// Type is the purl type of an entry without a package URL whose document
	// nevertheless names the ecosystem.
	Type    string
	Group   string // the namespace, when the document has a field for it
	Name    string
	Version string
	Arch    string
	// BundledIn is the Ref of the entry that this one is part of.
	BundledIn string
	Paths     []string
	Layer     int
	Digests   []sbom.Digest
	Install   *sbom.Install
	FoundBy   string
	Source    string
	Size      int64
	// Image is set for a container image whose content the document does not
	// list.
	Image bool
	// Locked is set for an entry that was read from a lock file or a manifest.
	Locked bool
}

// Edge is a dependency: From needs To.
type Edge struct {
	From, To string
	Kind     sbom.RelationKind
}

// Draft is a document as it was written.
type Draft struct {
	// Tools are the programs that made the document, according to it: "syft
	// 1.2.3".
	Tools []string
	// Created is the date of the document, in RFC 3339; of another form it is none.
	Created  string
	OS       sbom.OS
	Image    sbom.Image
	Elements []Element
	Edges    []Edge
	// Known reports whether a reference names something that is not an
	// element: a file, a formula, the document. It may be nil.
	Known func(ref string) bool
	// Files is the number of files that the document lists beside packages.
	Files int

	// Ownership is set when the document shows which package owns what.
	Ownership bool
	// Graphed is set when the document lists the needs of every entry, even
	// if there are none.
	Graphed bool
	// Installed is set when the document was made from what is installed, and
	// not from manifests.
	Installed bool
	// Incomplete are the reasons for which the document is incomplete by its
	// own account.
	Incomplete []string

	Excluded []sbom.Exclusion
	Notices  []sbom.Notice

	gaps   []sbom.Gap
	faults map[fault]int
	// uncounted are the faults that occur more than maxSame times, in order.
	uncounted []fault
}
