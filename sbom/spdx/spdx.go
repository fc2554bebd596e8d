// Package spdx translates an [sbom.Document] to SPDX 2.3 JSON
// (https://spdx.github.io/spdx-spec/v2.3/) by means of
// github.com/spdx/tools-golang, and to SPDX 3.0.1
// (https://spdx.github.io/spdx-spec/v3.0.1/), and reads SPDX 2.2, 2.3 and 3.0 of any
// origin.
//
// # Mapping
//
// [Read] is the inverse of [Encode]: it returns the document that was encoded, to
// the last byte of a hostile file name. Facts are lines
// "depaudit:KEY=VALUE" ([sbom.Fact]) in the comment of one annotation of type
// OTHER for each package and one for the document; names are [sbom.Text].
//
//	sbom                        SPDX 2.3
//	--------------------------  ----------------------------------------------
//	Meta.Name                   name; name of the root package
//	Meta.ToolVersion            creationInfo.creators, annotator: "Tool: depaudit-VERSION"
//	Meta.Created                creationInfo.created, annotationDate
//	Document.Environment        root package SPDXRef-Environment, which the document
//	                            DESCRIBES; exact as document fact "environment"
//	Environment.OS              package SPDXRef-OperatingSystem, purpose
//	                            OPERATING_SYSTEM, which the root CONTAINS
//	Rules, Catalogers, Gaps,    document facts "rules", "catalogers", "gap",
//	Notices, Excluded           "notice", "excluded"
//	(counts)                    document facts "count:..."; not read back
//	Component                   package
//	  .ID                       fact "id"; SPDXID is derived from it
//	  .PURL                     externalRefs PACKAGE-MANAGER purl; fact "purl" when
//	                            it has characters that no URL may have
//	  .Name, .Version           name, versionInfo
//	  .Owner                    owner CONTAINS package; a package that counts is
//	                            contained in the root
//	  .Digests                  fact "digest"; checksums as well, see below
//	  .Supplier                 supplier; exact as fact "supplier"
//	  .Licenses                 licenseDeclared; exact as facts "license"
//	  .Paths                    fact "path", one each
//	  everything else           facts: kind, type, namespace, arch, os-evidence,
//	                            found-by, install-reason, install, files, detail, source,
//	                            installed-size
//	Annotation                  facts: provenance, evidence, lock (FILE:LINE), why
//	Relation
//	  depends                   From DEPENDS_ON To
//	  pre-depends               From DEPENDS_ON To, comment "depaudit:kind=pre-depends"
//	  recommends                To OPTIONAL_DEPENDENCY_OF From
//	  any other                 From OTHER To, comment "depaudit:kind=..."
//	  .Via, .Group, .File       lines "depaudit:via=..." and so on of the comment
//
// # Version 3.0.1
//
// [EncodeGraph] writes the canonical form, with the same names, facts and parts of
// identifiers:
//
//	SPDX 2.3                    SPDX 3.0.1
//	--------------------------  ----------------------------------------------
//	name, namespace             SpdxDocument; its root element is a software_Sbom of
//	                            the type "deployed", of which all others are elements
//	creators                    createdBy (the author, else the tool as an agent),
//	                            createdUsing (the tool)
//	annotation                  Annotation of the same facts
//	supplier                    suppliedBy; absent for NOASSERTION, since 3.0.1 has no
//	                            agent of that meaning
//	checksums                   verifiedUsing
//	licenseDeclared             hasDeclaredLicense to a LicenseExpression or to
//	                            NoAssertionLicense
//	OPTIONAL_DEPENDENCY_OF      hasOptionalDependency, from the one that needs
//	DEPENDS_ON NOASSERTION      dependsOn NoAssertionElement
//
// # Choices
//
// The packages that the root CONTAINS, less the operating system, are the
// footprint. The owner of a bundled component CONTAINS it ("can be used to
// express when a package contains another", section 11.1). DESCENDANT_OF is
// about the lineage of code and is not used.
//
// The root is of purpose OTHER (CONTAINER for images) and only the operating
// system is OPERATING_SYSTEM, because scanners take the distribution from the
// package of that purpose. The schema spells it with an underscore, the prose
// with a hyphen; documents are checked against the schema.
//
// A digest becomes a checksum of the package when SPDX knows the algorithm,
// the value has its length and no other digest of that algorithm disagrees.
// It is the digest of the installed artifact, so it belongs to the package and
// not to a file. The fact has the record that states the digest, and whether
// the digest is bound to what is installed. The h1 of Go modules is not an SPDX
// algorithm and stays a fact.
//
// The download location and the concluded licence are NOASSERTION, and files are
// not analyzed. The declared licence and the supplier are what the metadata of the
// package states. A statement that is no expression is a text of the document.
// docs/sbom.md lists how a value that is not known is marked.
//
// There is one annotation for all facts, and not one for each, because the
// annotator, date and type take more space than the fact: 35 MB instead of 19
// for 10,000 components, and most of the time. Values have no line breaks, so
//
//	jq -r '.packages[].annotations[]?.comment | split("\n")[]'
//
// prints one fact on each line.
//
// The namespace ends in a UUID made from the document's content, so the same
// environment gives the same bytes. SPDX identifiers allow letters, digits,
// "." and "-": each is a readable part and a hash of the component's ID, so it
// does not depend on the rest of the document.
//
// # Third-party documents
//
// [Read] brings every form into one model of the fields that are read (model.go)
// and translates it for package draft, which counts:
//
//	SPDX                        counts as
//	--------------------------  ----------------------------------------------
//	DESCRIBES                   the subject, when it is the only one, or when it
//	                            contains or needs others and nothing needs it
//	purpose OPERATING_SYSTEM    the operating system
//	purpose CONTAINER, purl     an image: its content counts; if none is listed,
//	of oci or docker            the document is incomplete
//	purpose FILE, DEVICE, DATA  not a package, unless it has a package URL of an
//	                            ecosystem
//	every other purpose         a package
//	no version, no purl, and    a group: a layer, a lock file
//	CONTAINS packages
//	CONTAINS, from a package    bundled in it. From every other package, scanners
//	with a purl of an ecosystem mean membership
//	OTHER, with syft's comment  bundled in it ("ownership-by-file-overlap"), or
//	                            a path ("evident-by")
//	DEPENDS_ON, ..._LINK,       From needs To; the forms with _OF, in reverse;
//	HAS_PREREQUISITE, ..._OF    OPTIONAL_ is a recommendation
//	GENERATED_FROM              the source, when its purpose is SOURCE, does not
//	                            count
//	NOASSERTION in one of these the document is incomplete, and so by a reference
//	                            into another document (DocumentRef-)
//	every other relationship    no effect, but both ends must exist
//
// # Why the library does not read
//
// TestLibraryReader has the inputs for each reason, with tools-golang
// v0.6.0-rc4:
//
//   - A JSON document with the keys "name":"a","NAME":"b" is the package "b" for
//     the library. Its types decode themselves, so the strict check of keys
//     (package strictjson) cannot find the second one.
//   - A field that has no effect on the count makes the whole document
//     unreadable: a supplier or an annotator without a kind, an originator that
//     is empty, a creator "syft".
//   - In tag-value, the last of two versions wins, and what is before <text> or
//     after </text> is dropped silently. A <text> takes memory that is
//     quadratic in its length (39 GB allocated for 400 KB), and a line of more
//     than 64 KiB is an error.
//   - 10,000 packages of JSON take three times as long (BenchmarkReaders).
//   - 3.0 is read by a full expansion of JSON-LD.
//
// # Why the library does not write 3.0.1
//
// What it writes is valid, and TestLibraryWriter3 has the reasons:
//
//   - Elements are in the order of a map, another one each time.
//   - "No assertion" and the like are variables of the package, in which each document
//     leaves its creation information for the next one of the process: the author of
//     one is in the other.
//   - 10,000 components take 4.1 s and 2.1 GB of allocations, for 0.5 s and 0.6 GB of
//     ours, and the binary is 1.3 MB larger.
//
// It reads what we write, in tests, and checks it against the constraints of the model.
//
// # Choices for third-party documents
//
// Version 3.0 is read in its canonical form, which has short names and one
// list; other spellings of JSON-LD are refused. RDF, XML and YAML are not read.
package spdx

import (
	"github.com/depaudit/depaudit/sbom"
)

const (
	documentID    = "DOCUMENT"
	environmentID = "Environment"
	osID          = "OperatingSystem"

	// namespace is followed by a UUID. SPDX wants a unique URI there, not one
	// that can be opened (section 6.5).
	namespace = "https://github.com/depaudit/depaudit/spdx/"

	// Facts of relationships.
	keyKind  = "kind"
	keyVia   = "via"
	keyGroup = "group"
	keyFile  = "file"

	toolPrefix  = "depaudit-"
	noAssertion = "NOASSERTION"

	purposeOS        = "OPERATING_SYSTEM"
	purposeContainer = "CONTAINER"
	purposeLibrary   = "LIBRARY"
	purposeFile      = "FILE"
	purposeOther     = "OTHER"
)

// native returns the component fields for which SPDX has a field.
func native(c *sbom.Component) []string {
	keys := []string{"name", "version", "owner"}
	if sbom.SafePURL(c.PURL) == c.PURL {
		keys = append(keys, "purl")
	}
	return keys
}
