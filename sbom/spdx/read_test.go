package spdx

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// One inventory in the three forms of SPDX: an image with its operating system, two
// packages of Debian, one that a pip metadata file shows, one bundled in that, and
// the package URLs, checksums and relationships that third-party tools write.
const (
	asJSON = `{
"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "image",
"creationInfo": {"created": "2024-04-29T12:00:00Z", "creators": ["Tool: maker-v1.2", "Organization: someone"]},
"packages": [
 {"SPDXID": "SPDXRef-image", "name": "image", "primaryPackagePurpose": "CONTAINER", "downloadLocation": "NONE"},
 {"SPDXID": "SPDXRef-os", "name": "debian", "versionInfo": "12", "primaryPackagePurpose": "OPERATING-SYSTEM", "downloadLocation": "NONE", "summary": "Debian GNU/Linux 12"},
 {"SPDXID": "SPDXRef-bash", "name": "bash", "versionInfo": "5.2.15-2", "downloadLocation": "NOASSERTION", "sourceInfo": "built package from: bash 5.2.15-2",
  "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/bash@5.2.15-2?arch=amd64&distro=debian-12"}]},
 {"SPDXID": "SPDXRef-libc", "name": "libc6", "versionInfo": "2.36-9", "downloadLocation": "NOASSERTION", "sourceInfo": "built package from: glibc 2.36-9",
  "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12"}]},
 {"SPDXID": "SPDXRef-pip", "name": "pip", "versionInfo": "23.0", "downloadLocation": "https://files.pythonhosted.org/pip-23.0.tar.gz",
  "checksums": [{"algorithm": "SHA256", "checksumValue": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}],
  "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:pypi/pip@23.0"}]},
 {"SPDXID": "SPDXRef-idna", "name": "idna", "versionInfo": "3.4", "downloadLocation": "NOASSERTION",
  "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:pypi/idna@3.4"}]}
],
"files": [{"SPDXID": "SPDXRef-file", "fileName": "/usr/lib/pip/METADATA"}],
"relationships": [
 {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-image"},
 {"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-bash"},
 {"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-pip"},
 {"spdxElementId": "SPDXRef-pip", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-idna"},
 {"spdxElementId": "SPDXRef-pip", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-file"},
 {"spdxElementId": "SPDXRef-bash", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-libc"},
 {"spdxElementId": "SPDXRef-bash", "relationshipType": "OPTIONAL_DEPENDENCY_OF", "relatedSpdxElement": "SPDXRef-pip"}
]}`

	asTags = `SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
DocumentName: image
## a remark
Creator: Tool: maker-v1.2
Creator: Organization: someone
Created: 2024-04-29T12:00:00Z

PackageName: image
SPDXID: SPDXRef-image
PackageDownloadLocation: NONE
PrimaryPackagePurpose: CONTAINER

PackageName: debian
SPDXID: SPDXRef-os
PackageVersion: 12
PackageDownloadLocation: NONE
PrimaryPackagePurpose: OPERATING-SYSTEM
PackageSummary: <text>Debian GNU/Linux 12</text>

PackageName: bash
SPDXID: SPDXRef-bash
PackageVersion: 5.2.15-2
PackageDownloadLocation: NOASSERTION
PackageSourceInfo: <text>built package from: bash 5.2.15-2</text>
ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/bash@5.2.15-2?arch=amd64&distro=debian-12

PackageName: libc6
SPDXID: SPDXRef-libc
PackageVersion: 2.36-9
PackageDownloadLocation: NOASSERTION
PackageSourceInfo: built package from: glibc 2.36-9
ExternalRef: PACKAGE_MANAGER purl pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12

PackageName: pip
SPDXID: SPDXRef-pip
PackageVersion: 23.0
PackageDownloadLocation: https://files.pythonhosted.org/pip-23.0.tar.gz
PackageChecksum: SHA256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/pip@23.0

PackageName: idna
SPDXID: SPDXRef-idna
PackageVersion: 3.4
PackageDownloadLocation: NOASSERTION
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/idna@3.4

FileName: /usr/lib/pip/METADATA
SPDXID: SPDXRef-file
FileComment: <text>a comment
PackageName: not-a-package
of several lines</text>

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-image
Relationship: SPDXRef-image CONTAINS SPDXRef-bash
Relationship: SPDXRef-image CONTAINS SPDXRef-pip
Relationship: SPDXRef-pip CONTAINS SPDXRef-idna
Relationship: SPDXRef-pip CONTAINS SPDXRef-file
Relationship: SPDXRef-bash DEPENDS_ON SPDXRef-libc
Relationship: SPDXRef-bash OPTIONAL_DEPENDENCY_OF SPDXRef-pip
`

	asGraph = `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
 {"type": "CreationInfo", "@id": "_:c", "created": "2024-04-29T12:00:00Z", "createdUsing": ["urn:tool"]},
 {"type": "Tool", "spdxId": "urn:tool", "name": "maker-v1.2"},
 {"type": "SpdxDocument", "spdxId": "urn:doc", "rootElement": ["urn:sbom"]},
 {"type": "software_Sbom", "spdxId": "urn:sbom", "rootElement": ["SPDXRef-image"]},
 {"type": "software_Package", "spdxId": "SPDXRef-image", "name": "image", "software_primaryPurpose": "container"},
 {"type": "software_Package", "spdxId": "SPDXRef-os", "name": "debian", "software_packageVersion": "12", "software_primaryPurpose": "operatingSystem", "summary": "Debian GNU/Linux 12"},
 {"type": "software_Package", "spdxId": "SPDXRef-bash", "name": "bash", "software_packageVersion": "5.2.15-2", "software_sourceInfo": "built package from: bash 5.2.15-2",
  "software_packageUrl": "pkg:deb/debian/bash@5.2.15-2?arch=amd64&distro=debian-12"},
 {"type": "software_Package", "spdxId": "SPDXRef-libc", "name": "libc6", "software_packageVersion": "2.36-9", "software_sourceInfo": "built package from: glibc 2.36-9",
  "externalIdentifier": [{"externalIdentifierType": "packageURL", "identifier": "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12"}]},
 {"type": "software_Package", "spdxId": "SPDXRef-pip", "name": "pip", "software_packageVersion": "23.0", "software_packageUrl": "pkg:pypi/pip@23.0",
  "software_downloadLocation": "https://files.pythonhosted.org/pip-23.0.tar.gz",
  "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]},
 {"type": "software_Package", "spdxId": "SPDXRef-idna", "name": "idna", "software_packageVersion": "3.4", "software_packageUrl": "pkg:pypi/idna@3.4"},
 {"type": "software_File", "spdxId": "SPDXRef-file", "name": "/usr/lib/pip/METADATA"},
 {"type": "Relationship", "spdxId": "urn:1", "from": "SPDXRef-image", "relationshipType": "contains", "to": ["SPDXRef-bash", "SPDXRef-pip"]},
 {"type": "Relationship", "spdxId": "urn:2", "from": "SPDXRef-pip", "relationshipType": "contains", "to": ["SPDXRef-idna", "SPDXRef-file"]},
 {"type": "LifecycleScopedRelationship", "spdxId": "urn:3", "from": "SPDXRef-bash", "relationshipType": "dependsOn", "to": "SPDXRef-libc", "scope": "runtime"},
 {"type": "Relationship", "spdxId": "urn:4", "from": "SPDXRef-pip", "relationshipType": "hasOptionalDependency", "to": ["SPDXRef-bash"]}
]}`
)

// TestReadForms checks that one inventory is one document in every form.
func TestReadForms(t *testing.T) {
	docs := map[string]*sbom.Document{}
	for _, f := range []struct {
		name string
		form Form
		data string
	}{{"JSON", JSON, asJSON}, {"tags", TagValue, asTags}, {"graph", Graph, asGraph}} {
		doc, err := Read(context.Background(), []byte(f.data), f.form, "image.spdx")
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		docs[f.name] = doc
	}
	json := docs["JSON"]
	var got []string
	for i := range json.Components {
		c := &json.Components[i]
		got = append(got, fmt.Sprintf("%s of %q by %q %v %d", c.ID, c.Owner, c.Source, c.Paths, len(c.Digests)))
	}
	want := []string{
		`deb/debian/bash@5.2.15-2?arch=amd64 of "" by "" [] 0`,
		`deb/debian/libc6@2.36-9?arch=amd64 of "" by "glibc" [] 0`,
		`pypi/idna@3.4 of "pypi/pip@23.0" by "" [] 0`,
		`pypi/pip@23.0 of "" by "" [/usr/lib/pip/METADATA] 1`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := json.Environment; e.OS.ID != "debian" || e.OS.VersionID != "12" || json.Catalogers != "maker v1.2" {
		t.Errorf("environment %+v, by %q", e, json.Catalogers)
	}
	if want := []sbom.Relation{
		{From: "deb/debian/bash@5.2.15-2?arch=amd64", To: "deb/debian/libc6@2.36-9?arch=amd64", Kind: sbom.RelDepends},
		{From: "pypi/pip@23.0", To: "deb/debian/bash@5.2.15-2?arch=amd64", Kind: sbom.RelRecommends},
	}; !cmp.Equal(want, json.Relations) {
		t.Error(cmp.Diff(want, json.Relations))
	}
	for _, name := range []string{"tags", "graph"} {
		if diff := cmp.Diff(json, docs[name]); diff != "" {
			t.Errorf("%s (-JSON +%s):\n%s", name, name, diff)
		}
	}
}

// TestReadIncomplete checks that a document states what it lacks.
func TestReadIncomplete(t *testing.T) {
	const head = "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nCreator: Tool: maker-1\n\nPackageName: a\nSPDXID: SPDXRef-a\nPackageVersion: 1\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/a@1\n\nPackageName: b\nSPDXID: SPDXRef-b\nPackageVersion: 1\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/b@1\n\n"
	for _, tt := range []struct{ name, line, gap string }{
		{"unknown needs", "Relationship: SPDXRef-a DEPENDS_ON NOASSERTION", "NOASSERTION"},
		{"unknown users", "Relationship: NOASSERTION DEPENDENCY_OF SPDXRef-a", "NOASSERTION"},
		{"another document", "Relationship: SPDXRef-a DEPENDS_ON DocumentRef-x:SPDXRef-c", "1 entries of other documents"},
		{"a described one of another document", "Relationship: SPDXRef-DOCUMENT DESCRIBES DocumentRef-x:SPDXRef-c", "1 entries of other documents"},
		{"an end that does not exist", "Relationship: SPDXRef-a DEPENDS_ON SPDXRef-c", "SPDXRef-c"},
		{"an end of a licence relation", "Relationship: SPDXRef-a PATCH_FOR SPDXRef-c", "SPDXRef-c"},
		{"an evidence that does not exist", "Relationship: SPDXRef-a OTHER SPDXRef-c\nRelationshipComment: evident-by: x", "SPDXRef-c"},
		{"two package URLs", "PackageName: c\nSPDXID: SPDXRef-c\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/c@1\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/d@1", "several package URLs"},
		{"no needs", "Relationship: SPDXRef-a DEPENDS_ON NONE", ""},
		{"more licences", "Relationship: SPDXRef-a AMENDS NOASSERTION", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := Read(context.Background(), []byte(head+tt.line+"\n"), TagValue, "d")
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, g := range doc.Gaps {
				said = append(said, g.Detail)
			}
			for _, l := range doc.Limitations {
				if l.Name == sbom.LimitIncomplete {
					said = append(said, l.Detail)
				}
			}
			if all := strings.Join(said, "\n"); (tt.gap == "") != (all == "") || !strings.Contains(all, tt.gap) {
				t.Errorf("%q, want %q", all, tt.gap)
			}
			if want := 2 + strings.Count(tt.line, "PackageName"); len(doc.Components) != want {
				t.Errorf("%d components, want %d", len(doc.Components), want)
			}
		})
	}
}

// TestReadRefuses checks that input whose meaning is not certain is an error with a
// position, and never a shorter list.
func TestReadRefuses(t *testing.T) {
	graph := func(nodes string) string {
		return `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[` + nodes + `]}`
	}
	for _, tt := range []struct {
		name string
		form Form
		data string
		want string
	}{
		{"version", TagValue, "SPDXVersion: SPDX-1.2\n", `unknown SPDX version "SPDX-1.2"`},
		{"no tag", TagValue, "SPDXVersion: SPDX-2.3\nhello\n", "2"},
		{"open text", TagValue, "SPDXVersion: SPDX-2.3\nDocumentComment: <text>never ends\n", "2"},
		{"relationship", TagValue, "SPDXVersion: SPDX-2.3\nRelationship: a b\n", "2"},
		{"external reference", TagValue, "SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: SPDXRef-a\nExternalRef: purl\n", "4"},
		{"checksum", TagValue, "SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: SPDXRef-a\nPackageChecksum: x\n", "4"},
		{"version twice", TagValue, "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVersion: 1\nPackageVersion: 2\n", "4"},
		{"context", Graph, `{"@context":"https://example.org/other.jsonld","@graph":[]}`, "@context"},
		{"context of two", Graph, `{"@context":["https://spdx.org/rdf/3.0.1/spdx-context.jsonld"],"@graph":[]}`, "@context"},
		{"full name", Graph, graph(`{"type":"https://spdx.org/rdf/3.0.1/terms/Software/Package","https://spdx.org/rdf/3.0.1/terms/Core/name":"a"}`), "a full name"},
		{"prefixed type", Graph, graph(`{"type":"software:Package","spdxId":"a"}`), "@graph[0]"},
		{"two types", Graph, graph(`{"type":"software_Package","@type":"Tool","spdxId":"a"}`), "@graph[0]"},
		{"two identifiers", Graph, graph(`{"type":"software_Package","spdxId":"a","@id":"b"}`), "@graph[0]"},
		{"no type", Graph, graph(`{"spdxId":"a"}`), "@graph[0]"},
		{"name twice", Graph, graph(`{"type":"software_Package","spdxId":"a","name":"a","name":"b"}`), "name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if doc, err := Read(context.Background(), []byte(tt.data), tt.form, "d"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %v, want an error with %q", doc, err, tt.want)
			}
		})
	}
}
