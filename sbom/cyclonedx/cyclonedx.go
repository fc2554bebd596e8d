// Package cyclonedx translates an [sbom.Document] to CycloneDX 1.6 JSON
// (https://cyclonedx.org/docs/1.6/json/) by means of
// github.com/CycloneDX/cyclonedx-go, and reads CycloneDX 1.0 to 1.7 of any
// origin in JSON and XML. Version 1.6 is the oldest that BSI TR-03183-2 v2.1.0
// accepts.
//
// # Mapping
//
// [Read] is the inverse of [Encode]: it returns the document that was encoded, to
// the last byte of a hostile file name. Facts are properties
// "depaudit:KEY" ([sbom.Fact]); names and references are [sbom.Text].
//
//	sbom                        CycloneDX 1.6
//	--------------------------  ----------------------------------------------
//	Meta.Name                   metadata.component.name
//	Meta.ToolVersion            metadata.tools.components, "depaudit"
//	Meta.Created                metadata.timestamp
//	Document.Environment        metadata.component, bom-ref "depaudit:environment";
//	                            exact as metadata property "environment"
//	Environment.OS              component of type operating-system, bom-ref
//	                            "depaudit:os"
//	Rules, Catalogers, Gaps,    metadata properties "rules", "catalogers", "gap",
//	Notices, Excluded           "notice", "excluded"
//	(counts)                    metadata properties "count:..."; not read back
//	Component                   component
//	  .ID                       bom-ref
//	  .PURL                     purl; property "purl" when it has characters that
//	                            no URL may have
//	  .Namespace, .Name         group, name
//	  .Version                  version; property "version" when it is too long
//	  .Owner                    property "owner" and nesting, see below
//	  .Digests                  property "digest"; hashes as well, see below
//	  .Supplier                 supplier; exact as property "supplier"
//	  .Licenses                 licenses; exact as properties "license"
//	  .Paths                    evidence.occurrences[].location
//	  everything else           properties: kind, type, arch, os-evidence, found-by,
//	                            install-reason, install, files, detail, source,
//	                            installed-size
//	Annotation                  properties: provenance, evidence, lock (FILE:LINE), why
//	Relation
//	  depends, pre-depends      dependencies: To in dependsOn of From
//	  any other kind            not in the graph: a satisfied recommendation is no
//	                            dependency
//	  Kind, Via, Group, File    property "relation" of From, for all relations of a
//	                            pair that is more than one plain "depends"
//	Document.Complete           compositions: complete or incomplete
//
// # Bundled components
//
// A bundled component is nested in the components of its topmost owner, which
// CycloneDX calls an assembly. So the top level of the document, less the
// operating system, is the footprint:
//
//	jq '[.components[] | select(.type != "operating-system")] | length'
//
// A property alone would keep the list flat, and a tool that counts its entries,
// as most do, would get the number that depaudit exists to correct. Nesting has
// one level only, however long the chain of owners: the depth of a jar in a jar
// in a jar is untrusted, and JSON readers fail at some depth. The property "owner" names the direct owner.
//
// # Choices
//
// The environment is of type platform, "a runtime environment which
// interprets or executes software" (container for images), and the operating
// system is one of the components, because scanners take the distribution from
// there. In the graph the environment depends on every component that counts:
// those are the dependencies of the stage. An OS package has an entry in the
// graph even if it depends on nothing, since its database states that; the
// dependencies of other packages without an entry are unknown, by the
// specification.
//
// A digest becomes a hash of the component when CycloneDX knows the
// algorithm, the value has its length and no other digest of that algorithm
// disagrees. The property has the record that states it, and whether it is bound
// to what is installed.
//
// # Third-party documents
//
// [Read] translates a document for package draft, which counts:
//
//	CycloneDX                   counts as
//	--------------------------  ----------------------------------------------
//	metadata.component          the subject; its nested components count
//	library, framework,         a package
//	application, platform,
//	device-driver, firmware,
//	machine-learning-model
//	application with neither    a group: a lock file, when it needs or contains
//	version nor purl            others, or trivy marks it as one
//	container                   an image: its content counts; if none is listed,
//	                            the document is incomplete
//	operating-system            the operating system
//	file, data, device,         not a package, unless it has a package URL of an
//	cryptographic-asset         ecosystem
//	any other type, none        a package, and a gap
//	scope "excluded"            not installed, according to the document
//	nested components           bundled in the outer one, if that counts
//	services, formulation       not installed; listed as exclusions
//	dependencies                From needs To
//	compositions                incomplete or unknown: the document is incomplete
//	evidence, properties of     paths, the cataloger, the source package
//	syft, trivy and cdxgen
//
// # Why the library does not read
//
// TestLibraryReader has the inputs for each reason, with cyclonedx-go v0.12.0:
//
//   - After the strict check of package strictjson the library reads a valid
//     document correctly. But any detail that has no effect on the count makes
//     the whole document unreadable: "version":1.0, which the schema allows, a
//     licence or a supplier that is a string, an author that is an object, a
//     line number in quotes. It was also unable to read valid documents of
//     cdxgen until it knew the identity of 1.6
//     (https://github.com/CycloneDX/cyclonedx-go/issues/192).
//   - In XML the last of two elements wins, of any name space. A check of our own
//     (xmlGuard) finds these, but not a licence with another child.
//   - A component takes 400 bytes instead of 232, and 100,000 of them 96 MiB
//     instead of 54.
//
// # Identifier
//
// The serial number is a UUID made from the document's content, so the same
// environment gives the same bytes.
package cyclonedx

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/depaudit/depaudit/sbom"
)

const (
	schemaURL = "http://cyclonedx.org/schema/bom-1.6.schema.json"

	// reserved begins the references to anything but components.
	reserved       = "depaudit:"
	environmentRef = reserved + "environment"
	osRef          = reserved + "os"
	toolName       = "depaudit"

	// bomLink begins references into other documents; no reference of this one
	// may begin with it (refType in the schema).
	bomLink = "urn:cdx:"

	// maxVersion is the number of characters that the schema allows a version.
	maxVersion = 1024

	keyRelation = "relation"
)

// native returns the component fields for which CycloneDX has a field.
func native(c *sbom.Component) []string {
	keys := []string{"id", "namespace", "name", "path"}
	if sbom.SafePURL(c.PURL) == c.PURL {
		keys = append(keys, "purl")
	}
	if fits(c.Version) {
		keys = append(keys, "version")
	}
	return keys
}

// fits reports whether the schema allows the length of a version. It counts bytes
// where the schema counts characters, which are never more.
func fits(version string) bool { return len(sbom.Text(version)) <= maxVersion }

// ref returns the bom-ref of the component with that ID. It is quoted, which
// [sbom.ParseText] reverses, when it would have another meaning.
func ref(id string) string {
	if id == "" || strings.HasPrefix(id, reserved) || strings.HasPrefix(id, bomLink) {
		return quote(id)
	}
	return sbom.Text(id)
}

// relation is the record of an edge, a property of the component that it leaves.
type relation struct {
	To    string            `json:"to"`
	Kind  sbom.RelationKind `json:"kind"`
	Via   string            `json:"via,omitempty"`
	Group int               `json:"group,omitempty"`
	File  string            `json:"file,omitempty"`
}

// plain reports whether the graph alone expresses these relations of one pair.
func plain(pair []sbom.Relation) bool {
	return len(pair) == 1 && pair[0] == sbom.Relation{From: pair[0].From, To: pair[0].To, Kind: sbom.RelDepends}
}

func property(f sbom.Fact) cdx.Property {
	return cdx.Property{Name: sbom.FactPrefix + f.Key, Value: f.Value}
}
