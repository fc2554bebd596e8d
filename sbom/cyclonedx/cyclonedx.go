// Package cyclonedx translates an [sbom.Document] to CycloneDX 1.6 JSON
// (https://cyclonedx.org/docs/1.6/json/) by means of
// github.com/CycloneDX/cyclonedx-go, and reads CycloneDX of any version in
// JSON and XML, depaudit's own and anybody's. Version 1.6 is the oldest that
// BSI TR-03183-2 v2.1.0 accepts.
//
// # Mapping
//
// [Encode] and [Decode] are each other's inverse: what is decoded equals what
// was encoded, to the last byte of a hostile file name. Facts are properties
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
// # Inside
//
// A component that lies inside another one is nested in the components of the
// topmost one, which is what CycloneDX calls an assembly. So the top level of
// the document, less the operating system, is the footprint:
//
//	jq '[.components[] | select(.type != "operating-system")] | length'
//
// A property alone would have kept the list flat, and whoever counts its
// entries, as most tools do, would have got the number that depaudit exists
// to correct. Nesting has one level only, however long the chain of owners: a
// jar in a jar in a jar is a stranger's choice of depth, and JSON readers
// give up at some depth. The property "owner" names the direct owner.
//
// # Choices
//
// The environment is of type platform, "a runtime environment which
// interprets or executes software" (container for images), and the operating
// system stands among the components, because scanners take the distribution
// from there. In the graph the environment depends on everything that counts:
// that is what a dependency of a stage is. OS packages have an entry in the
// graph also when they depend on nothing, since their database says so; for
// other packages without an entry it is unknown, as the specification puts it.
//
// A digest becomes a hash of the component when CycloneDX knows the
// algorithm, the value has its length and no other digest of that algorithm
// disagrees; whether it is proved or claimed, and by which record, says the
// property.
//
// # Reading what others wrote
//
// [Read] says what is in a document in the words of package draft, which
// counts:
//
//	CycloneDX                   counts as
//	--------------------------  ----------------------------------------------
//	metadata.component          the subject; what is nested in it counts
//	library, framework,         a package
//	application, platform,
//	device-driver, firmware,
//	machine-learning-model
//	application with neither    a group: a lock file, when it needs or holds
//	version nor purl            others, or trivy marks it as one
//	container                   an image: what is in it counts; if nothing is
//	                            listed, the document is incomplete
//	operating-system            the operating system
//	file, data, device,         no package; but a package URL of an ecosystem is
//	cryptographic-asset         one whatever the type
//	any other type, none        a package, and a gap
//	scope "excluded"            not installed, by the document's own word
//	nested components           inside of the outer one, if that counts
//	services, formulation       neither is installed; listed as exclusions
//	dependencies                From needs To
//	compositions                incomplete or unknown: the document is incomplete
//	evidence, properties of     places, the cataloger, the source package
//	syft, trivy and cdxgen
//
// The library does not read here. In JSON it takes keys in any case and the
// last of two equal ones; in XML it takes elements of any name space and the
// last of two; and it fails on a detail of a licence that nobody asked about.
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

	// reserved begins the references that are not components'.
	reserved       = "depaudit:"
	environmentRef = reserved + "environment"
	osRef          = reserved + "os"
	toolName       = "depaudit"

	// bomLink begins references into other documents, so that no reference of
	// this one should (refType in the schema).
	bomLink = "urn:cdx:"

	// maxVersion is the number of characters that the schema allows a version.
	maxVersion = 1024

	keyRelation = "relation"
)

// native are the component fields for which CycloneDX has one of its own.
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

// fits counts bytes where the schema counts characters, which is never more.
func fits(version string) bool { return len(sbom.Text(version)) <= maxVersion }

// ref is the bom-ref of the component with that ID. It is quoted, which
// [sbom.ParseText] undoes, when it would be taken for something else.
func ref(id string) string {
	if id == "" || strings.HasPrefix(id, reserved) || strings.HasPrefix(id, bomLink) {
		return quote(id)
	}
	return sbom.Text(id)
}

// relation is the record of an edge, kept with the component that it leaves.
type relation struct {
	To    string            `json:"to"`
	Kind  sbom.RelationKind `json:"kind"`
	Via   string            `json:"via,omitempty"`
	Group int               `json:"group,omitempty"`
	File  string            `json:"file,omitempty"`
}

// plain says whether the graph alone expresses these relations of one pair.
func plain(pair []sbom.Relation) bool {
	return len(pair) == 1 && pair[0] == sbom.Relation{From: pair[0].From, To: pair[0].To, Kind: sbom.RelDepends}
}

func property(f sbom.Fact) cdx.Property {
	return cdx.Property{Name: sbom.FactPrefix + f.Key, Value: f.Value}
}
