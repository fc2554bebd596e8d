// Package spdx translates an [sbom.Document] to SPDX 2.3 JSON
// (https://spdx.github.io/spdx-spec/v2.3/) and back, by means of
// github.com/spdx/tools-golang.
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
//	                            found-by, asked, install, files, detail, source,
//	                            installed-size
//	Annotation                  facts: provenance, evidence, lock (FILE:LINE), why
//	Relation
//	  depends                   From DEPENDS_ON To
//	  pre-depends               From DEPENDS_ON To, comment "depaudit:kind=pre-depends"
//	  recommends                To OPTIONAL_DEPENDENCY_OF From
//	  any other                 From OTHER To, comment "depaudit:kind=..."
//	  .Via                      a line "depaudit:via=..." of the comment
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
	keyKind = "kind"
	keyVia  = "via"

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
	keys := []string{"name", "version", "inside-of"}
	if sbom.SafePURL(c.PURL) == c.PURL {
		keys = append(keys, "purl")
	}
	return keys
}
