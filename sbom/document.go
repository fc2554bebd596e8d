// Package sbom is the inventory of one environment, as one scan saw it: the
// components, their relations, what was excluded and why, and what could not
// be examined.
//
// # Canonical on construction
//
// [New] makes a [Document]: it sorts and deduplicates. Two equal inventories
// therefore have equal bytes in every format, and no encoder sorts for itself.
// [Restore] does the same for a document that was saved.
//
// # Names that are not UTF-8
//
// A file name on Linux is a sequence of bytes, and JSON holds UTF-8 only:
// encoding/json replaces every other byte by U+FFFD, so 128 files whose names
// are one byte, 0x80 to 0xff, had one identity after the document had passed
// from the scanning process to its parent. New therefore escapes every string
// once: the byte 0x80 becomes `\x80`, and a file that is literally named
// `\x80` becomes `\x5cx80`. Other strings stay as they are. See [Escape] for
// the exact rule. Every string of a document, an ID or a path, has this form,
// and so have reports, snapshots, baselines and exported SBOMs.
//
// What a user types finds it as follows:
//
//   - A path, name or ID on the command line (why, find, whatif) is either the
//     printed form or the raw bytes, as a shell completes them: [EscapeInput].
//   - A path in a configuration (waive, exceptions, first-party) is the printed
//     form, since YAML is UTF-8. A pattern that equals the path matches it. In
//     a pattern with wildcards a backslash is written twice: `/opt/*/\\x80`.
//   - A question to the file system uses [Unescape].
//
// # Scope
//
// A document contains facts about the environment: the package database that
// lists a component, the digest that an installer recorded, the component that
// another one is bundled in. It has nothing of lock files, baselines or
// policy; package audit combines those. Sub-packages read environments (rootfs,
// ospkg, catalogers), put a document together (scan) and translate it (spdx,
// cyclonedx, sbomread). None of them is imported here.
package sbom

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Rules is the version of the counting rules that decide which components are
// dependencies. It is printed with every number and recorded in every baseline,
// because a change here changes counts without a change in the environment. It is
// the version of the digests of components' files as well, which baselines
// compare (package ledger).
const Rules = 2

// Document is one environment's inventory. Make it with [New]; treat it as
// immutable afterwards.
type Document struct {
	Environment Environment `json:"environment"`
	// Rules is the version of the counting rules that classified Components.
	Rules int `json:"rules"`
	// Catalogers is the engine that found the language packages, with its
	// version ("syft v1.54.1"). A different value can change the count.
	Catalogers string `json:"catalogers"`
	// Components are sorted by ID. Those with an empty Owner count.
	Components []Component `json:"components"`
	// Relations are sorted by From, To, Kind and Group; both ends are in
	// Components.
	Relations []Relation `json:"relations,omitempty"`
	// Excluded has the things that were found and are not installed, each with
	// its reason.
	Excluded []Exclusion `json:"excluded,omitempty"`
	// Gaps has the things that could not be examined. A document with gaps is
	// incomplete.
	Gaps []Gap `json:"gaps,omitempty"`
	// Limitations has the things that this kind of environment cannot show at
	// all, sorted by name. A scan of files has none; a third-party SBOM has
	// some.
	Limitations []Limitation `json:"limitations,omitempty"`
	// Notices has remarks for reviewers that are neither components nor gaps:
	// code that runs at interpreter start-up, a package that claims files of
	// another one, a package name outside ASCII.
	Notices []Notice `json:"notices,omitempty"`
}

// Environment is what was scanned.
type Environment struct {
	// Ref is the reference as the user wrote it ("dir:build", "host:").
	Ref string `json:"ref"`
	// Kind is the scheme of Ref: "dir", "host", "oci-dir", "sbom", ...
	Kind string `json:"kind"`
	// Image describes the container image; zero for anything else.
	Image Image `json:"image,omitzero"`
	// Digest is the digest of the document that an environment of the kind "sbom" is,
	// "sha256:" and 64 digits, of the bytes before they are decompressed; empty for
	// other kinds. That of an image is in Image; a directory has none.
	Digest string `json:"digest,omitempty"`
	// OS is the operating system by os-release; zero when there is none.
	OS OS `json:"os"`
	// PackageDB names the canonical package database that was read ("dpkg"),
	// empty when the environment has none.
	PackageDB string `json:"packageDB,omitempty"`
	// Apt are the settings of apt; zero for its defaults, and without apt.
	Apt Apt `json:"apt,omitzero"`
	// Files is the number of regular files in the environment.
	Files int `json:"files"`
	// Newest is when the newest of the files that show a component was modified, as
	// "2026-11-28T13:50:00Z"; empty when none has a date. It is the date of what an
	// SBOM was made from, and changes when something is installed.
	Newest string `json:"newest,omitempty"`
}

// Apt has the settings of apt that change what it installs and removes, as far as
// they are not the defaults (apt.conf(5)). They do not affect counts.
type Apt struct {
	// NoRecommends is set when apt installs no recommended packages
	// (APT::Install-Recommends "false").
	NoRecommends bool `json:"noRecommends,omitempty"`
	// TakeRecommended and TakeSuggested are set when autoremove takes packages
	// that others only recommend or suggest (APT::AutoRemove::RecommendsImportant
	// and SuggestsImportant "false"; images of Debian have the latter).
	TakeRecommended bool `json:"takeRecommended,omitempty"`
	TakeSuggested   bool `json:"takeSuggested,omitempty"`
}

// Image has the metadata of a container image
// (https://github.com/opencontainers/image-spec).
type Image struct {
	// Digest is the digest of the image's manifest ("sha256:..."), empty for
	// an archive that has none.
	Digest string `json:"digest,omitempty"`
	// Platform is "os/architecture", with "/variant" where there is one.
	Platform string `json:"platform,omitempty"`
	// Layers are in the order in which they are applied, the lowest first.
	Layers []Layer `json:"layers,omitempty"`
	// BaseName and BaseDigest are the annotations
	// org.opencontainers.image.base.name and .digest: a claim of the image's
	// author.
	BaseName   string `json:"baseName,omitempty"`
	BaseDigest string `json:"baseDigest,omitempty"`
}

// Layer is one layer of an image.
type Layer struct {
	// Digest is the digest of the blob in the manifest; empty for an archive
	// without a manifest.
	Digest string `json:"digest,omitempty"`
	// DiffID is the digest of the uncompressed layer in the image's
	// configuration.
	DiffID string `json:"diffID,omitempty"`
	// Size of the blob in bytes, 0 when unknown.
	Size int64 `json:"size,omitempty"`
	// CreatedBy is the build step that made the layer, from the image's history.
	CreatedBy string `json:"createdBy,omitempty"`
}

// OS is the part of os-release(5) that names a distribution.
type OS struct {
	ID        string   `json:"id,omitempty"`
	IDLike    []string `json:"idLike,omitempty"`
	VersionID string   `json:"versionID,omitempty"`
	Pretty    string   `json:"pretty,omitempty"`
}

// Kind is the origin of a component.
type Kind string

const (
	// KindOS is a package of the environment's canonical package database.
	KindOS Kind = "os"
	// KindPackage is an installed package of a language or another ecosystem.
	KindPackage Kind = "package"
	// KindFiles is a file, or a directory of files, that no package accounts for.
	KindFiles Kind = "files"
)

// InstallReason is the reason for which the installer installed a component, if
// it recorded one.
type InstallReason string

const (
	ReasonUnknown    InstallReason = ""           // no record
	ReasonExplicit   InstallReason = "explicit"   // installed on request
	ReasonDependency InstallReason = "dependency" // installed as a dependency of another one
	ReasonEssential  InstallReason = "essential"  // part of the minimal system, which the package manager never removes by itself
)

// Component is an installed thing, with the paths that show it.
type Component struct {
	// ID is the component's identity within a document: see [Identity].
	ID string `json:"id"`
	// PURL is the package URL (https://github.com/package-url/purl-spec).
	PURL string `json:"purl"`
	Kind Kind   `json:"kind"`
	// Type is the purl type: "deb", "pypi", "npm", "golang", "generic", ...
	Type      string `json:"type"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Version is empty when the environment has none; such a component never
	// counts as pinned.
	Version string `json:"version,omitempty"`
	// Arch is the architecture of an OS package, as its database spells it.
	Arch string `json:"arch,omitempty"`
	// Paths are the paths that show the component, absolute within the
	// environment, sorted.
	Paths []string `json:"paths,omitempty"`
	// Owner is the ID of the component that this one is bundled in; empty for a
	// component that counts.
	Owner string `json:"owner,omitempty"`
	// Evidence is the grade of evidence for an OS package ("db-owned"); empty
	// for other components.
	Evidence string `json:"evidence,omitempty"`
	// FoundBy names the cataloger or the reader.
	FoundBy       string        `json:"foundBy,omitempty"`
	InstallReason InstallReason `json:"installReason,omitempty"`
	// Digests are the digests that the environment has of the installed
	// artifact, to be compared with a lock file.
	Digests []Digest `json:"digests,omitempty"`
	// Installers are the programs that recorded that they installed it ("pip",
	// "uv"), sorted: several where it is in several places.
	Installers []string `json:"installers,omitempty"`
	// Install is the origin of the artifact, if the installer recorded it.
	Install *Install `json:"install,omitempty"`
	// Files is the number of regular files of a KindFiles component.
	Files int `json:"files,omitempty"`
	// Layer is the number, from 1 for the lowest, of the image's layer that the
	// component is from: the last one that wrote a path that shows it. 0 outside
	// of images.
	Layer int `json:"layer,omitempty"`
	// Fingerprint identifies the content of a KindFiles component: "sha256:" and a
	// digest of the paths, sizes, permissions and times of modification of
	// its files. Two components of one identity are the same only if their
	// fingerprints are equal.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Detail is a short remark for the reader ("go 1.26.8, 13,214 files").
	Detail string `json:"detail,omitempty"`
	// Source is the name of the source package of an OS package, when it
	// differs from Name.
	Source string `json:"source,omitempty"`
	// InstalledSize is the installed size in bytes as the database states
	// it, 0 when it does not.
	InstalledSize int64 `json:"installedSize,omitempty"`
	// Supplier is who the metadata of the package names as its maintainer, vendor or
	// author, and Licenses are the licences that it states, as it spells them:
	// claims that are exported and decide nothing. See [Statement].
	Supplier string   `json:"supplier,omitempty"`
	Licenses []string `json:"licenses,omitempty"`
}

// Counts reports whether the component is a dependency by counting rule 3.
func (c *Component) Counts() bool { return c.Owner == "" }

// Digest is a digest of the artifact that a component was installed from.
type Digest struct {
	// Algorithm is "sha1", "sha256", "sha384", "sha512", "md5", "h1" for
	// a Go module's directory hash (golang.org/x/mod/sumdb/dirhash), or
	// "nuget-sha512" for the hash of a NuGet package without its signature.
	Algorithm string `json:"alg"`
	// Value is lower-case hexadecimal; for "h1" the base64 after "h1:".
	Value string `json:"value"`
	// Proved is set when the digest is bound to the installed bytes, as in a Go
	// binary, and not when an installer's record repeats it, as in
	// node_modules/.package-lock.json.
	Proved bool `json:"proved,omitempty"`
	// File is the path of the record within the environment.
	File string `json:"file"`
}

// InstallKind is the kind of origin of an artifact.
type InstallKind string

const (
	InstallRegistry InstallKind = "registry" // by name from a package index
	InstallVCS      InstallKind = "vcs"      // from a version control checkout
	InstallURL      InstallKind = "url"      // from a URL or a local archive
	InstallEditable InstallKind = "editable" // a working tree that is used in place
	InstallLink     InstallKind = "link"     // a link to another directory
	InstallPath     InstallKind = "path"     // built from a local directory
)

// Install is an installer's record of origin (direct_url.json of PEP 610,
// "resolved" in node_modules/.package-lock.json).
type Install struct {
	Kind InstallKind `json:"kind"`
	// URL is scrubbed of user information and query.
	URL string `json:"url,omitempty"`
	// Commit is the VCS revision, when recorded.
	Commit string `json:"commit,omitempty"`
	// File is the path of the record within the environment.
	File string `json:"file,omitempty"`
	// Patch is what was applied to the artifact after it was unpacked.
	Patch string `json:"patch,omitempty"`
}

// RelationKind is the kind of an edge between two components.
type RelationKind string

const (
	RelDepends    RelationKind = "depends"
	RelPreDepends RelationKind = "pre-depends"
	RelRecommends RelationKind = "recommends"
	RelSuggests   RelationKind = "suggests" // weaker than a recommendation

	// The following are found in files; no package database has them.

	// RelInterpreter leads from a script, or from a package in an interpreted
	// language, to the component of its interpreter or of the interpreter's
	// library.
	RelInterpreter RelationKind = "interpreter"
	// RelLibrary leads from the component of an ELF file to the component of a
	// shared library that the file names.
	RelLibrary RelationKind = "library"
)

// Relation is an edge that is satisfied in the environment: From needs To.
type Relation struct {
	From string       `json:"from"`
	To   string       `json:"to"`
	Kind RelationKind `json:"kind"`
	// Via is the requirement as the package states it, when To satisfies it
	// under another name or as one of several alternatives.
	Via string `json:"via,omitempty"`
	// Group numbers, from 1 in each From, the requirements that several
	// components satisfy: relations of one From and Group are alternatives, and
	// From does not need To while another one is installed. One of them may be
	// From itself. 0 is a requirement that only To satisfies, or whose
	// alternatives the document does not have.
	Group int `json:"group,omitempty"`
	// File is the path of the record that states the relation. It is empty when
	// that is the first of From's Paths, as for OS packages, whose record shows
	// the package and its dependencies.
	File string `json:"file,omitempty"`
}

// Exclusion is something that was found and does not count, with the reason.
type Exclusion struct {
	Path    string `json:"path"`
	PURL    string `json:"purl,omitempty"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	// Reason is one of the Excluded constants.
	Reason ExclusionReason `json:"reason"`
	// Detail is a remark for the reader ("612 archives").
	Detail string `json:"detail,omitempty"`
	// Count is the number of findings that this exclusion summarizes, at
	// least 1.
	Count int `json:"count"`
}

// ExclusionReason is the reason for which a finding is not a dependency.
type ExclusionReason string

const (
	ExcludedCache      ExclusionReason = "cache"         // a package manager's cache
	ExcludedArchive    ExclusionReason = "archive"       // a package archive, not installed
	ExcludedLock       ExclusionReason = "lock-file"     // declares, installs nothing
	ExcludedDeclared   ExclusionReason = "declared"      // a manifest outside of any installation
	ExcludedFixture    ExclusionReason = "fixture"       // test data of another component
	ExcludedNotInstall ExclusionReason = "not-installed" // in the database, but not in the state installed
	ExcludedPseudo     ExclusionReason = "pseudo-filesystem"
	ExcludedKey        ExclusionReason = "key"   // a public key that a package database holds
	ExcludedNames      ExclusionReason = "names" // the same files under other names
	ExcludedOwn        ExclusionReason = "own"   // the program that scanned

	// The following are entries of a third-party document.
	ExcludedDescribed   ExclusionReason = "described"    // the subject of the document, or a group of its entries
	ExcludedFile        ExclusionReason = "file"         // a file, not a package
	ExcludedNotSoftware ExclusionReason = "not-software" // data, a service, an algorithm, a device
)

// Gap is something that could not be examined.
type Gap struct {
	Kind GapKind `json:"kind"`
	// Path is within the environment; empty when the gap has none.
	Path   string `json:"path,omitempty"`
	Detail string `json:"detail"`
}

// GapKind is the kind of a gap.
type GapKind string

const (
	GapUnreadable GapKind = "unreadable"       // a directory or file that could not be read
	GapPermission GapKind = "permission"       // a directory or file that only another user may read
	GapMount      GapKind = "mount"            // a mount that was not entered
	GapCataloger  GapKind = "cataloger"        // a cataloger failed
	GapMalformed  GapKind = "malformed"        // a package's metadata lacks a required field
	GapUnreported GapKind = "unreported"       // a package directory that no cataloger reported
	GapDatabase   GapKind = "package-database" // a package database, or one of its records, could not be read
	GapSystem     GapKind = "system"           // the system has no name, or another package database than its name requires
	GapLimit      GapKind = "limit"            // a named limit was reached
	GapLost       GapKind = "lost-scan"        // the scan's process ended without a result
)

// Limitation is something that this kind of environment cannot show at all. It
// can change the count: a report names every limitation, and in a critical stage
// a limitation that the configuration does not accept is a gap.
type Limitation struct {
	Name LimitationName `json:"name"`
	// Detail describes the limitation for the reader.
	Detail string `json:"detail"`
}

// LimitationName is the name by which a configuration accepts a limitation.
type LimitationName string

const (
	// LimitOwnership: the owners of paths are unknown, and so are the components
	// that OS packages bundle.
	LimitOwnership LimitationName = "ownership"
	// LimitPaths: the paths of components are unknown.
	LimitPaths LimitationName = "paths"
	// LimitUnaccounted: files that no package accounts for are not visible.
	LimitUnaccounted LimitationName = "unaccounted"
	// LimitRelations: the dependencies between components are unknown.
	LimitRelations LimitationName = "relations"
	// LimitInstallReason: the reasons of installation are unknown.
	LimitInstallReason LimitationName = "install-reason"
	// LimitInstalled: a component may be declared in a manifest or stored in a
	// cache and not installed.
	LimitInstalled LimitationName = "installed"
	// LimitIncomplete: the document states that it is incomplete.
	LimitIncomplete LimitationName = "incomplete"
)

// LimitationNames returns all names, in the order of the documentation.
func LimitationNames() []LimitationName {
	return []LimitationName{LimitOwnership, LimitPaths, LimitUnaccounted, LimitRelations, LimitInstallReason, LimitInstalled, LimitIncomplete}
}

// Notice is a remark about the environment that is not a component.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	Path string     `json:"path,omitempty"`
	// Component is the ID of the component that it is about, if any.
	Component string `json:"component,omitempty"`
	Detail    string `json:"detail"`
	// Digest identifies the content that the notice is about: "sha256:" and
	// hexadecimal digits of a file, or of the statements in it that the notice
	// is about. A reviewer who accepts the notice accepts this content and no
	// other. Empty when there is no such content.
	Digest string `json:"digest,omitempty"`
}

// NoticeKind is the kind of a notice.
type NoticeKind string

const (
	NoticeStartup   NoticeKind = "startup-code"          // code that runs unasked: at the start of an interpreter, a shell, the system, a tool
	NoticeRedirect  NoticeKind = "config-redirect"       // configuration that decides where packages come from, and who is believed
	NoticePrivilege NoticeKind = "privilege"             // rights beyond those of the program or the user
	NoticeClaim     NoticeKind = "claimed-files"         // a package lists files where OS packages have none
	NoticeLeftover  NoticeKind = "leftover-list"         // a file list of a package that is not installed
	NoticeNonASCII  NoticeKind = "non-ascii-name"        // a look-alike in an ecosystem of ASCII names
	NoticeUnread    NoticeKind = "unread-in-unaccounted" // a file that no cataloger could read, in a directory that is unaccounted
	NoticeImage     NoticeKind = "image-claim"           // metadata of an image that contradicts its content
	NoticeHalfState NoticeKind = "half-installed"        // a package in a broken state
	NoticeIdentity  NoticeKind = "duplicate-identity"    // a place that contradicts the metadata of the package in it
	NoticeName      NoticeKind = "program-name"          // a name of a program that no package lists

	NoticeSystem NoticeKind = "system"       // a line of os-release that could not be read, or a package list without files
	NoticeStale  NoticeKind = "stale-record" // an installer's record that the installer itself would not use

	NoticeRequirement NoticeKind = "unread-requirement" // a requirement that could not be read: a relation may be missing

	NoticeUnverified NoticeKind = "unverified-signature" // the signature of a document was not verified
)

// New makes a document of what was found in an environment. It escapes every
// string ([Escape]), fills in missing IDs, merges components of one identity,
// sorts everything, and checks that owners and relations point to components.
// An error is a defect of the caller, not of the environment.
func New(d Document) (*Document, error) {
	stringMapper{Escape, ValidText}.document(&d)
	d.Rules = Rules
	return canonical(d)
}

// Restore makes a document of one that [New] made: decoded from JSON or from
// an exchange format, or with parts added to it. It does what New does, but
// leaves the strings and the version of the counting rules as they are, since
// a string is escaped once. It returns an error for a string that is not valid
// UTF-8.
func Restore(d Document) (*Document, error) {
	valid := true
	check := func(s string) string {
		valid = valid && utf8.ValidString(s)
		return s
	}
	stringMapper{check, check}.document(&d)
	if !valid {
		return nil, errNotUTF8
	}
	return canonical(d)
}

func canonical(d Document) (*Document, error) {
	if d.Environment.Kind == "" {
		return nil, errors.New("sbom: document without an environment")
	}
	components, err := mergeComponents(d.Components)
	if err != nil {
		return nil, err
	}
	d.Components = components
	known := make(map[string]*Component, len(components))
	for i := range components {
		known[components[i].ID] = &components[i]
	}
	for _, c := range components {
		if c.Owner == "" {
			continue
		}
		if err := checkOwner(known, &c); err != nil {
			return nil, err
		}
	}
	for _, r := range d.Relations {
		if known[r.From] == nil || known[r.To] == nil {
			return nil, fmt.Errorf("sbom: relation %s -> %s has an end that is not a component", r.From, r.To)
		}
		if r.Group < 0 {
			return nil, fmt.Errorf("sbom: relation %s -> %s has the group %d (groups are numbered from 1)", r.From, r.To, r.Group)
		}
	}
	d.Relations = sortUnique(d.Relations, func(a, b Relation) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Via, b.Via), cmp.Compare(a.File, b.File))
	})
	d.Excluded = sortUnique(d.Excluded, func(a, b Exclusion) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Version, b.Version), cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Count, b.Count))
	})
	d.Gaps = sortUnique(d.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Detail, b.Detail))
	})
	d.Limitations = sortUnique(d.Limitations, func(a, b Limitation) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Detail, b.Detail))
	})
	d.Notices = sortUnique(d.Notices, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Component, b.Component), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Digest, b.Digest))
	})
	return &d, nil
}

// Complete reports whether everything in the environment could be examined.
func (d *Document) Complete() bool { return len(d.Gaps) == 0 }

// ExcludedCount returns the number of findings that do not count.
func (d *Document) ExcludedCount() int {
	n := 0
	for _, e := range d.Excluded {
		n += max(e.Count, 1)
	}
	return n
}

// Component returns the component with that ID, or nil.
func (d *Document) Component(id string) *Component {
	i, ok := slices.BinarySearchFunc(d.Components, id, func(c Component, id string) int { return cmp.Compare(c.ID, id) })
	if !ok {
		return nil
	}
	return &d.Components[i]
}

func sortUnique[T comparable](in []T, order func(a, b T) int) []T {
	if len(in) == 0 {
		return nil
	}
	out := slices.Clone(in)
	slices.SortFunc(out, order)
	return slices.Compact(out)
}

// checkOwner follows the chain of owners: each must exist, and the chain must not
// have a cycle.
func checkOwner(known map[string]*Component, c *Component) error {
	seen := map[string]bool{c.ID: true}
	for owner := c.Owner; owner != ""; {
		o := known[owner]
		if o == nil {
			return fmt.Errorf("sbom: %s is bundled in %s, which is not a component", c.ID, owner)
		}
		if seen[o.ID] {
			return fmt.Errorf("sbom: %s is bundled in itself", o.ID)
		}
		seen[o.ID] = true
		owner = o.Owner
	}
	return nil
}
