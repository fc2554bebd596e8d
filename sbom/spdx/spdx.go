// Package spdx translates an [sbom.Document] to SPDX 2.3 JSON
// (https://spdx.github.io/spdx-spec/v2.3/) by means of
// github.com/spdx/tools-golang, and reads SPDX 2.2, 2.3 and 3.0, depaudit's own
// and anybody's.
//
// # Mapping
//
// [Encode] and [Decode] are each other's inverse: what is decoded equals what
// was encoded, to the last byte of a hostile file name. Facts are lines
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
// # Choices
//
// The packages that the root CONTAINS, less the operating system, are the
// footprint. What lies inside a component hangs below its owner by CONTAINS
// ("can be used to express when a package contains another", section 11.1)
// and not by DESCENDANT_OF, which is about lineage of code.
//
// The root is of purpose OTHER (CONTAINER for images) and only the operating
// system is OPERATING_SYSTEM, because scanners take the distribution from the
// package of that purpose. The schema spells it with an underscore, the
// prose with a hyphen; the schema is what documents are checked by.
//
// A digest becomes a checksum of the package when SPDX knows the algorithm,
// the value has its length and no other digest of that algorithm disagrees.
// It is the digest of the artifact that was installed, as the environment
// proves or claims it, so it is the package's and not a file's; whether
// proved or claimed, and by which record, says the fact. The h1 of Go modules
// is no SPDX algorithm and stays a fact.
//
// The download location is NOASSERTION, files are not analyzed, and licences
// are left out, which SPDX 2.3 reads as NOASSERTION: depaudit does not look.
//
// One annotation for all facts, and not one for each, because who, when and
// which type take more room than the fact: 35 MB instead of 19 for 10,000
// components, and most of the time. Values hold no line breaks, so
//
//	jq -r '.packages[].annotations[]?.comment | split("\n")[]'
//
// gives one fact a line.
//
// The namespace ends in a UUID made from the document's content, so the same
// environment gives the same bytes. SPDX identifiers allow letters, digits,
// "." and "-": each is a readable part and a hash of the component's ID, so
// that it does not depend on what else is in the document.
//
// # Reading what others wrote
//
// [Read] brings every form into one model of what matters here (model.go) and
// says it in the words of package draft, which counts:
//
//	SPDX                        counts as
//	--------------------------  ----------------------------------------------
//	DESCRIBES                   the subject, when there is one, or when it holds
//	                            or needs others and nothing needs it
//	purpose OPERATING_SYSTEM    the operating system
//	purpose CONTAINER, purl     an image: what is in it counts; if nothing is
//	of oci or docker            listed, the document is incomplete
//	purpose FILE, DEVICE, DATA  no package; but a package URL of an ecosystem is
//	                            one whatever the purpose
//	every other purpose         a package
//	no version, no purl, and    a group: a layer, a lock file
//	CONTAINS packages
//	CONTAINS, from a package    inside of it. From all others, scanners mean
//	with a purl of an ecosystem membership
//	OTHER, with syft's comment  inside of it ("ownership-by-file-overlap"), or
//	                            a place ("evident-by")
//	DEPENDS_ON, ..._LINK,       From needs To; the forms with _OF, the other way
//	HAS_PREREQUISITE, ..._OF    round; OPTIONAL_ is a recommendation
//	GENERATED_FROM              the source, when its purpose is SOURCE, does not
//	                            count
//	NOASSERTION in one of these the document is incomplete, and so by a reference
//	                            into another document (DocumentRef-)
//	every other relationship    nothing; but both ends must be there
//
// The library does not read here. It takes JSON apart three times over, holds
// all of it as a generic tree first, takes keys in any case and the last of
// two equal ones, refuses a document for a supplier that is written wrong, is
// quadratic in the length of a tag-value text, and reads 3.0 by way of a full
// expansion of JSON-LD.
//
// # Choices for that
//
// Version 3.0 is read in its canonical form, which has short names and one
// list; other spellings of JSON-LD are refused, not overlooked. RDF, XML and
// YAML are not read.
//
// BSI TR-03183-2 v2.1.0 asks for CycloneDX 1.6 or SPDX 3.0.1; where it
// applies, attach the CycloneDX document.
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

	// facts of relationships
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

// native are the component fields for which SPDX has one of its own.
func native(c *sbom.Component) []string {
	keys := []string{"name", "version", "owner"}
	if sbom.SafePURL(c.PURL) == c.PURL {
		keys = append(keys, "purl")
	}
	return keys
}
