package sbomread

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
	"github.com/depaudit/depaudit/sbom/spdx"
)

func readText(t testing.TB, text string) *sbom.Document {
	t.Helper()
	d, err := Read(context.Background(), strings.NewReader(text), "sbom.json")
	if err != nil {
		t.Fatalf("%v\n%.500s", err, text)
	}
	return d
}

// summary returns a document in lines: counted and bundled components, relations,
// exclusions, gaps and limitations.
func summary(d *sbom.Document) string {
	var b strings.Builder
	for _, c := range d.Components {
		owner := ""
		if c.Owner != "" {
			owner = " inside " + c.Owner
		}
		fmt.Fprintf(&b, "%s %s%s\n", c.Kind, c.ID, owner)
	}
	for _, r := range d.Relations {
		fmt.Fprintf(&b, "%s %s %s\n", r.From, r.Kind, r.To)
	}
	for _, x := range d.Excluded {
		fmt.Fprintf(&b, "- %s %s %d\n", x.Reason, x.Name, x.Count)
	}
	for _, g := range d.Gaps {
		what, _, _ := strings.Cut(g.Detail, ":")
		fmt.Fprintf(&b, "! %s\n", what)
	}
	return b.String()
}

func limitations(d *sbom.Document) string {
	var names []string
	for _, l := range d.Limitations {
		names = append(names, string(l.Name))
	}
	return strings.Join(slices.Compact(names), " ")
}

// environments are documents of one environment in every format, each with the
// parts that its tool writes.
var environments = []struct {
	name, text  string
	want        string
	limitations string
	tools       string
	os          string
}{
	{
		"syft JSON of an image", `{
 "artifacts":[
  {"id":"1","name":"python3-setuptools","version":"66.1.1-1","type":"deb","foundBy":"dpkg-db-cataloger","locations":[{"path":"/var/lib/dpkg/status","layerID":"sha256:b"}],"purl":"pkg:deb/debian/python3-setuptools@66.1.1-1?arch=all&distro=debian-12","metadata":{"source":"setuptools","installedSize":3}},
  {"id":"2","name":"setuptools","version":"66.1.1","type":"python","foundBy":"python-installed-package-cataloger","locations":[{"path":"/usr/lib/python3/dist-packages/setuptools-66.1.1.egg-info/PKG-INFO"}],"purl":"pkg:pypi/setuptools@66.1.1"},
  {"id":"3","name":"bash","version":"5.2","type":"deb","foundBy":"deb-archive-cataloger","locations":[{"path":"/var/cache/apt/archives/bash.deb"}],"purl":"pkg:deb/debian/bash@5.2"},
  {"id":"4","name":"golang.org/x/mod","version":"v0.41.0","type":"go-module","foundBy":"go-module-binary-cataloger","locations":[{"path":"/usr/bin/tool"}],"purl":"pkg:golang/golang.org/x/mod@v0.41.0","metadata":{"h1Digest":"h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}],
 "artifactRelationships":[
  {"parent":"1","child":"2","type":"ownership-by-file-overlap"},{"parent":"4","child":"1","type":"dependency-of"},
  {"parent":"src","child":"1","type":"contains"},{"parent":"1","child":"f1","type":"contains"}],
 "files":[{"id":"f1","location":{"path":"/x"}}],
 "source":{"id":"src","type":"image","metadata":{"manifestDigest":"sha256:m","os":"linux","architecture":"amd64","layers":[{"digest":"sha256:a"},{"digest":"sha256:b"}]}},
 "distro":{"id":"debian","versionID":"12","prettyName":"Debian 12","idLike":"x"},
 "descriptor":{"name":"syft","version":"1.2.3"},"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json"}}`,
		`os deb/debian/python3-setuptools@66.1.1-1?arch=all
package golang/golang.org/x/mod@v0.41.0
package pypi/setuptools@66.1.1 inside deb/debian/python3-setuptools@66.1.1-1?arch=all
deb/debian/python3-setuptools@66.1.1-1?arch=all depends golang/golang.org/x/mod@v0.41.0
- file  1
- archive bash 1
`, "install-reason unaccounted", "syft 1.2.3", "debian 12",
	},
	{
		"SPDX by syft of an image", `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","creationInfo":{"creators":["Organization: Anchore, Inc","Tool: syft-1.2.3"]},
 "packages":[
  {"SPDXID":"SPDXRef-Root","name":"img","primaryPackagePurpose":"CONTAINER","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:oci/img@sha256:x"}]},
  {"SPDXID":"SPDXRef-1","name":"python3-setuptools","versionInfo":"66.1.1-1","sourceInfo":"acquired package info from DPKG DB: /var/lib/dpkg/status","externalRefs":[{"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/python3-setuptools@66.1.1-1?arch=all&distro=debian-12"}]},
  {"SPDXID":"SPDXRef-2","name":"setuptools","versionInfo":"66.1.1","sourceInfo":"acquired package info from installed python package manifest file: /usr/lib/a, /usr/lib/b","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:pypi/setuptools@66.1.1"}]}],
 "files":[{"SPDXID":"SPDXRef-F","fileName":"usr/lib/c"}],
 "relationships":[
  {"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-Root"},
  {"spdxElementId":"SPDXRef-Root","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-1"},
  {"spdxElementId":"SPDXRef-Root","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-2"},
  {"spdxElementId":"SPDXRef-1","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-F"},
  {"spdxElementId":"SPDXRef-1","relationshipType":"OTHER","relatedSpdxElement":"SPDXRef-2","comment":"ownership-by-file-overlap: indicates that the parent package claims ownership"},
  {"spdxElementId":"SPDXRef-2","relationshipType":"OTHER","relatedSpdxElement":"SPDXRef-F","comment":"evident-by: indicates the package's existence is evident by the given file"}]}`,
		`os deb/debian/python3-setuptools@66.1.1-1?arch=all
package pypi/setuptools@66.1.1 inside deb/debian/python3-setuptools@66.1.1-1?arch=all
- described img 1
- file  1
`, "install-reason relations unaccounted", "syft 1.2.3", "debian 12",
	},
	{
		"CycloneDX by trivy of an image", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"tools":{"components":[{"type":"application","name":"trivy","version":"0.60"}]},"component":{"type":"container","bom-ref":"root","name":"img"}},
 "components":[
  {"type":"operating-system","bom-ref":"os","name":"debian","version":"12.5"},
  {"type":"library","bom-ref":"b","name":"bash","version":"5.2-1","purl":"pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12.5","properties":[{"name":"aquasecurity:trivy:SrcName","value":"bash"}]},
  {"type":"application","bom-ref":"npm","name":"package-lock.json","properties":[{"name":"aquasecurity:trivy:Class","value":"lang-pkgs"}]},
  {"type":"library","bom-ref":"c","group":"@babel","name":"core","version":"7.26.0","purl":"pkg:npm/%40babel/core@7.26.0","properties":[{"name":"aquasecurity:trivy:FilePath","value":"app/node_modules/@babel/core/package.json"}]}],
 "dependencies":[{"ref":"root","dependsOn":["os","npm"]},{"ref":"os","dependsOn":["b"]},{"ref":"npm","dependsOn":["c"]},{"ref":"b","dependsOn":[]},{"ref":"c","dependsOn":[]}]}`,
		`os deb/debian/bash@5.2-1?arch=amd64
package npm/@babel/core@7.26.0
- described debian 1
- described img 1
- described package-lock.json 1
`, "install-reason ownership paths unaccounted", "trivy 0.60", "debian 12.5",
	},
	{
		"CycloneDX XML by a build tool", `<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
 <metadata><tools><tool><vendor>v</vendor><name>maven-plugin</name><version>2.7</version></tool></tools>
  <component type="library" bom-ref="root"><name>app</name><version>1</version></component></metadata>
 <components>
  <component type="library" bom-ref="a"><group>org</group><name>a</name><version>1.0</version><scope>required</scope><purl>pkg:maven/org/a@1.0?type=jar</purl>
   <hashes><hash alg="SHA-256">0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef</hash></hashes></component>
  <component type="library" bom-ref="t"><group>org</group><name>t</name><version>1.0</version><scope>excluded</scope><purl>pkg:maven/org/t@1.0</purl></component>
  <component type="framework" bom-ref="f"><name>f</name><version>2</version><components><component type="library"><name>nested</name><version>3</version></component></components></component>
 </components>
 <dependencies><dependency ref="root"><dependency ref="a"/></dependency><dependency ref="a"><dependency ref="f"/></dependency></dependencies>
 <compositions><composition><aggregate>incomplete</aggregate><assemblies><assembly ref="root"/></assemblies></composition></compositions>
</bom>`,
		`package generic/f@2
package generic/nested@3 inside generic/f@2
package maven/org/a@1.0
maven/org/a@1.0 depends generic/f@2
- described app 1
- not-installed t 1
`, "incomplete install-reason installed ownership paths unaccounted", "maven-plugin 2.7", " ",
	},
	{
		"SPDX tag-value", `SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: x
Creator: Tool: bom-v0.5.1
DocumentComment: <text>several
PackageName: not-a-package
lines</text>
##### Package
PackageName: app
SPDXID: SPDXRef-app
PackageDownloadLocation: NONE
FileName: ./x
SPDXID: SPDXRef-file
PackageName: a
SPDXID: SPDXRef-a
PackageVersion: 1.0
PackageChecksum: SHA1: 0123456789012345678901234567890123456789
ExternalRef: PACKAGE-MANAGER purl pkg:golang/a@1.0
PackageName: b
SPDXID: SPDXRef-b
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-app
Relationship: SPDXRef-app DEPENDS_ON SPDXRef-a
Relationship: SPDXRef-b DEPENDENCY_OF SPDXRef-a
Relationship: SPDXRef-app DEPENDS_ON NOASSERTION
Relationship: SPDXRef-a DEPENDS_ON DocumentRef-other:SPDXRef-c
`,
		`package generic/b
package golang/a@1.0
golang/a@1.0 depends generic/b
- described app 1
- file  1
`, "incomplete install-reason installed ownership paths unaccounted", "bom v0.5.1", " ",
	},
	{
		"SPDX 3.0", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[
 {"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1","createdUsing":["urn:tool"]},
 {"type":"Tool","spdxId":"urn:tool","name":"yocto 5.1"},
 {"type":"SpdxDocument","spdxId":"urn:doc","rootElement":["urn:sbom"]},
 {"type":"software_Sbom","spdxId":"urn:sbom","rootElement":["urn:root"]},
 {"type":"software_Package","spdxId":"urn:root","name":"image","software_primaryPurpose":"container"},
 {"type":"software_Package","spdxId":"urn:os","name":"debian","software_packageVersion":"12","software_primaryPurpose":"operatingSystem"},
 {"type":"software_Package","spdxId":"urn:a","name":"a","software_packageVersion":"1","software_packageUrl":"pkg:deb/debian/a@1?arch=amd64"},
 {"type":"software_Package","spdxId":"urn:b","name":"b","software_packageVersion":"2","externalIdentifier":[{"type":"ExternalIdentifier","externalIdentifierType":"packageUrl","identifier":"pkg:pypi/b@2"}],"verifiedUsing":[{"type":"Hash","algorithm":"sha256","hashValue":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]},
 {"type":"software_File","spdxId":"urn:f","name":"/x"},
 {"type":"Relationship","spdxId":"urn:r1","from":"urn:root","relationshipType":"contains","to":["urn:a","urn:b","urn:f"]},
 {"type":"LifecycleScopedRelationship","spdxId":"urn:r2","from":"urn:b","relationshipType":"dependsOn","to":["urn:a"],"scope":"runtime","completeness":"incomplete"},
 {"type":"Relationship","spdxId":"urn:r3","from":"urn:a","relationshipType":"hasConcludedLicense","to":["urn:l"]},
 {"type":"simplelicensing_LicenseExpression","spdxId":"urn:l"}]}`,
		`os deb/debian/a@1?arch=amd64
package pypi/b@2
pypi/b@2 depends deb/debian/a@1?arch=amd64
- described debian 1
- described image 1
- file  1
`, "incomplete install-reason installed ownership paths unaccounted", "yocto 5.1", "debian 12",
	},
	{
		"cdxgen of a source tree", `{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"tools":[{"vendor":"cyclonedx","name":"cdxgen","version":"9"}],"lifecycles":[{"phase":"build"}],"component":{"type":"application","bom-ref":"root","name":"app","components":[{"type":"application","name":"sub","version":"1","purl":"pkg:npm/sub@1"}]}},
 "components":[{"type":"library","bom-ref":"a","name":"a","version":"1","purl":"pkg:npm/a@1","evidence":{"occurrences":[{"location":"package-lock.json#12"}]},"externalReferences":[{"type":"distribution","url":"https://u:p@registry.npmjs.org/a/-/a-1.tgz?t=1"}]},
  {"type":"container","name":"base","purl":"pkg:oci/base@sha256:x"},{"type":"data","name":"d"},{"type":"cryptographic-asset","name":"rsa"},{"type":"platform","name":"node","version":"20"},{"type":"hologram","name":"h"}],
 "services":[{"bom-ref":"s","name":"api"}],"formulation":[{"components":[{"type":"library","name":"git"},{"type":"library","name":"make"}]}]}`,
		`package generic/h
package generic/node@20
package npm/a@1
package npm/sub@1
- described app 1
- described base 1
- described formulation 2
- not-software api 1
- not-software d 1
- not-software rsa 1
! a component has an unknown type, and is counted
`, "incomplete install-reason installed ownership paths relations unaccounted", "cdxgen 9", " ",
	},
}

func TestEnvironments(t *testing.T) {
	for _, e := range environments {
		t.Run(e.name, func(t *testing.T) {
			d := readText(t, e.text)
			if diff := cmp.Diff(e.want, summary(d)); diff != "" {
				t.Error(diff)
			}
			if got := limitations(d); got != e.limitations {
				t.Errorf("limitations %s, want %s", got, e.limitations)
			}
			if d.Catalogers != e.tools || d.Environment.OS.ID+" "+d.Environment.OS.VersionID != e.os {
				t.Errorf("tools %q, OS %+v", d.Catalogers, d.Environment.OS)
			}
			if d.Environment.Kind != "sbom" || d.Environment.Ref != "sbom.json" || d.Rules != sbom.Rules {
				t.Errorf("%+v", d.Environment)
			}
		})
	}
}

func TestDetails(t *testing.T) {
	d := readText(t, environments[0].text)
	deb := d.Component("deb/debian/python3-setuptools@66.1.1-1?arch=all")
	if deb.Source != "setuptools" || deb.InstalledSize != 3072 || deb.Layer != 2 || deb.Evidence != "db-owned" || deb.FoundBy != "dpkg-db-cataloger" {
		t.Errorf("%+v", deb)
	}
	mod := d.Component("golang/golang.org/x/mod@v0.41.0")
	if diff := cmp.Diff([]sbom.Digest{{Algorithm: "h1", Value: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", File: "sbom.json"}}, mod.Digests); diff != "" {
		t.Error(diff)
	}
	if img := d.Environment.Image; img.Digest != "sha256:m" || img.Platform != "linux/amd64" || len(img.Layers) != 2 || img.Layers[1].DiffID != "sha256:b" {
		t.Errorf("%+v", img)
	}
	d = readText(t, environments[1].text)
	if got := d.Component("pypi/setuptools@66.1.1").Paths; !slices.Equal(got, []string{"/usr/lib/a", "/usr/lib/b", "/usr/lib/c"}) {
		t.Errorf("%q", got)
	}
	d = readText(t, environments[6].text)
	if got := d.Component("npm/a@1"); got.Install == nil || got.Install.URL != "https://registry.npmjs.org/a/-/a-1.tgz" || !slices.Equal(got.Paths, []string{"/package-lock.json"}) {
		t.Errorf("%+v", got)
	}
	if i := slices.IndexFunc(d.Limitations, func(l sbom.Limitation) bool { return l.Name == sbom.LimitInstalled }); !strings.HasPrefix(d.Limitations[i].Detail, "1 of 4 packages were read from lock files") {
		t.Errorf("%+v", d.Limitations)
	}
}

func statement(version, predicateType, predicate string) string {
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/%s","subject":[{"name":"img","digest":{"sha256":"abc"}}],"predicateType":%q,"predicate":%s}`, version, predicateType, predicate)
}

func envelope(payload string, encoding *base64.Encoding) string {
	return fmt.Sprintf(`{"payloadType":"application/vnd.in-toto+json","payload":%q,"signatures":[{"sig":"x"}]}`, encoding.EncodeToString([]byte(payload)))
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

func TestWrapped(t *testing.T) {
	syft, spdxJSON, cdx, tags := environments[0].text, environments[1].text, environments[2].text, environments[4].text
	for name, c := range map[string]struct{ text, inner string }{
		"v0.1":               {statement("v0.1", "https://spdx.dev/Document", spdxJSON), spdxJSON},
		"v1, with a version": {statement("v1", "https://spdx.dev/Document/v2.3", spdxJSON), spdxJSON},
		"CycloneDX":          {statement("v1", "https://cyclonedx.org/bom", cdx), cdx},
		"CycloneDX v1.4":     {statement("v1", "https://cyclonedx.org/bom/v1.4", cdx), cdx},
		"cosign's old type":  {statement("v0.1", "https://cyclonedx.org/schema", cdx), cdx},
		"syft":               {statement("v0.1", "https://syft.dev/bom", syft), syft},
		"DSSE":               {envelope(statement("v1", "https://spdx.dev/Document", spdxJSON), base64.StdEncoding), spdxJSON},
		"DSSE, for URLs":     {envelope(statement("v1", "https://spdx.dev/Document", spdxJSON), base64.RawURLEncoding), spdxJSON},
		"bundle":             {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":` + envelope(statement("v1", "https://spdx.dev/Document", spdxJSON), base64.StdEncoding) + `}`, spdxJSON},
		"tag-value":          {statement("v0.1", "https://spdx.dev/Document", quote(tags)), tags},
		"cosign's record":    {statement("v0.1", "https://cosign.sigstore.dev/attestation/v1", `{"Data":`+quote(cdx)+`,"Timestamp":"x"}`), cdx},
		"cosign's, object":   {statement("v0.1", "https://cyclonedx.org/bom", `{"Data":`+cdx+`,"Timestamp":"x"}`), cdx},
		"byte order mark":    {"\xef\xbb\xbf" + cdx, cdx},
		"white space":        {"\n\t " + cdx + "\n", cdx},
		"gzip":               {zipped(cdx), cdx},
		"GitHub":             {`{"sbom":` + spdxJSON + `}`, spdxJSON},
		"as a string":        {quote(cdx), cdx},
	} {
		t.Run(name, func(t *testing.T) {
			d, want := readText(t, c.text), readText(t, c.inner)
			if diff := cmp.Diff(summary(want), summary(d)); diff != "" {
				t.Error(diff)
			}
			unverified := 0
			for _, n := range d.Notices {
				if n.Kind == sbom.NoticeUnverified {
					unverified++
				}
			}
			if signed := strings.Contains(c.text, "payloadType"); signed && unverified != 2 {
				t.Errorf("notices %v", d.Notices)
			}
		})
	}
	d := readText(t, statement("v1", "https://cyclonedx.org/bom", spdxJSON))
	if len(d.Gaps) != 1 || !strings.Contains(d.Gaps[0].Detail, "announces CycloneDX") {
		t.Errorf("another format than stated: %v", d.Gaps)
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// TestRoundTrip checks that a document that depaudit wrote is read as it was
// encoded, in every wrapping, without further limitations.
func TestRoundTrip(t *testing.T) {
	for name, make := range map[string]func() (*sbom.Document, sbom.Meta){
		"small": exporttest.Small, "hostile": exporttest.Hostile,
		"large": func() (*sbom.Document, sbom.Meta) { return exporttest.Large(300) },
	} {
		d, m := make()
		var asSPDX, asCycloneDX bytes.Buffer
		if err := errors.Join(spdx.Encode(&asSPDX, d, m), cyclonedx.Encode(&asCycloneDX, d, m)); err != nil {
			t.Fatal(err)
		}
		want := *d
		want.Environment.Kind, want.Environment.Ref = "sbom", "sbom.json"
		for _, data := range []string{asSPDX.String(), asCycloneDX.String(), zipped(asSPDX.String())} {
			want.Environment.Digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(data))) // as sha256sum prints it
			if diff := cmp.Diff(&want, readText(t, data), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		wrapped := readText(t, envelope(statement("v1", "https://spdx.dev/Document", asSPDX.String()), base64.StdEncoding))
		if len(wrapped.Limitations) != len(d.Limitations) || len(wrapped.Gaps) != len(d.Gaps) || wrapped.Rules != d.Rules {
			t.Errorf("%s: %v %v", name, wrapped.Limitations, wrapped.Gaps)
		}
	}
}

// TestTampered checks that a changed document of depaudit has a gap.
func TestTampered(t *testing.T) {
	d, m := exporttest.Small()
	var asSPDX, asCycloneDX bytes.Buffer
	if err := errors.Join(spdx.Encode(&asSPDX, d, m), cyclonedx.Encode(&asCycloneDX, d, m)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, old, new string }{
		{asSPDX.String(), `"versionInfo": "5.2.15-2"`, `"versionInfo": "5.2.15-3"`},
		{asSPDX.String(), `"name": "bash"`, `"name": "b\u0061sh "`},
		{asSPDX.String(), `"packages": [`, `"packages": [ {"SPDXID":"SPDXRef-x","name":"added"},`},
		{asSPDX.String(), `count:total=`, `count:total=1`},
		{asSPDX.String(), `"relationshipType": "DEPENDS_ON"`, `"relationshipType": "OTHER"`},
		{asCycloneDX.String(), `"version": "5.2.15-2"`, `"version": "5.2.15-3"`},
		{asCycloneDX.String(), `"components": [`, `"components": [ {"type":"library","name":"added"},`},
		{asCycloneDX.String(), `"depaudit:gap"`, `"depaudit:g"`},
		{asCycloneDX.String(), `"aggregate": "incomplete"`, `"aggregate": "complete"`},
	} {
		if !strings.Contains(c.text, c.old) {
			t.Fatalf("no %s", c.old)
		}
		d := readText(t, strings.Replace(c.text, c.old, c.new, 1))
		if !slices.ContainsFunc(d.Gaps, func(g sbom.Gap) bool { return strings.Contains(g.Detail, "was changed since") }) {
			t.Errorf("%s: no gap: %v", c.new, d.Gaps)
		}
		if limitations(d) == "" {
			t.Errorf("%s: no limitations", c.new)
		}
	}
}

func TestRefused(t *testing.T) {
	nested := strings.Repeat(`{"type":"library","name":"n","components":[`, 300) + strings.Repeat(`]}`, 300)
	cdx := func(component string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + component + `]}`
	}
	xml := func(component string) string {
		return `<bom xmlns="http://cyclonedx.org/schema/bom/1.6" xmlns:x="urn:x"><components><component type="library">` + component + `</component></components></bom>`
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":                                {"", "the document is empty"},
		"blank":                                {" \n ", "the document is empty"},
		"package.json":                         {`{"name":"x","version":"1","dependencies":{}}`, "a package.json and not an SBOM"},
		"package-lock":                         {`{"name":"x","lockfileVersion":3}`, "a lock file of npm"},
		"web page":                             {"<!DOCTYPE html><html><body>404</body></html>", "a web page and not an SBOM"},
		"GitHub's error":                       {`{"message":"Not Found","documentation_url":"x"}`, "an error message of a server"},
		"trivy report":                         {`{"SchemaVersion":2,"ArtifactName":"x","Results":[]}`, "a report of Trivy"},
		"grype report":                         {`{"matches":[],"source":{},"descriptor":{}}`, "a report of Grype"},
		"SARIF":                                {`{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[]}`, "a SARIF report"},
		"our report":                           {`{"schema":1,"verdict":"pass","rules":1,"tool":{},"stages":[]}`, "a report of depaudit"},
		"our baseline":                         {`{"schema":1,"rules":1,"stages":{}}`, "a baseline of depaudit"},
		"image index":                          {`{"schemaVersion":2,"manifests":[]}`, "a part of a container image"},
		"openvex":                              {`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[],"author":"x"}`, "a VEX or CSAF document"},
		"list":                                 {`[{"RepoTags":["x"]}]`, "docker-archive:FILE"},
		"other JSON":                           {`{"a":1}`, "no known SBOM format"},
		"text":                                 {"hello\nworld\n", "no known SBOM format"},
		"pom":                                  {`<project xmlns="http://maven.apache.org/POM/4.0.0"/>`, "a pom.xml"},
		"tar":                                  {strings.Repeat("x", 257) + "ustar" + strings.Repeat("x", 300), "a tar archive"},
		"zip":                                  {"PK\x03\x04", "a zip archive"},
		"ELF":                                  {"\x7fELF", "an ELF program"},
		"binary":                               {"ab\x00cd", "a binary file"},
		"UTF-16":                               {"\xff\xfe{\x00", "UTF-16"},
		"UTF-16 unmarked":                      {"{\x00\"\x00", "UTF-16"},
		"zstd":                                 {"\x28\xb5\x2f\xfd", "zstd -d"},
		"half gzip":                            {zipped(strings.Repeat("x", 10_000))[:30], "truncated"},
		"no gzip":                              {"\x1f\x8b\x00", "gzip"},
		"RDF":                                  {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>`, "SPDX in RDF/XML"},
		"SPDX XML":                             {`<Document><spdxVersion>SPDX-2.3</spdxVersion></Document>`, "SPDX in XML"},
		"SPDX YAML":                            {"SPDXID: SPDXRef-DOCUMENT\nspdxVersion: SPDX-2.3\n", "SPDX in YAML"},
		"SPDX 2.1":                             {`{"spdxVersion":"SPDX-2.1"}`, `unknown SPDX version "SPDX-2.1"`},
		"SPDX 9":                               {`{"spdxVersion":"SPDX-2.30"}`, `unknown SPDX version "SPDX-2.30"`},
		"CycloneDX 1.8":                        {`{"bomFormat":"CycloneDX","specVersion":"1.8"}`, `unknown CycloneDX version "1.8"`},
		"no format":                            {`{"bomFormat":"CDX","specVersion":"1.6"}`, `"bomFormat" is "CDX"`},
		"two formats":                          {`{"bomFormat":"CycloneDX","spdxVersion":"SPDX-2.3"}`, "keys of two formats"},
		"not UTF-8":                            {cdx("{\"name\":\"\xff\"}"), "sbom.json:1:69: the byte 0xff is not UTF-8"},
		"syntax":                               {"{\n\"bomFormat\": nope}", "sbom.json:2:15: not JSON"},
		"two documents":                        {cdx("") + "\n" + cdx(""), "sbom.json:2:1: not JSON"},
		"key twice":                            {cdx(`{"type":"library","name":"evil","name":"lodash"}`), "twice"},
		"other case":                           {cdx(`{"type":"library","name":"evil","NAME":"lodash"}`), `is not "name" by the format`},
		"other case alone":                     {cdx(`{"type":"library","name":"evil","Scope":"excluded"}`), `is not "scope" by the format`},
		"escaped key":                          {cdx(`{"type":"library","name":"evil","n\u0061me":"lodash"}`), "twice"},
		"in SPDX":                              {`{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"a","SpdxId":"b"}]}`, `is not "SPDXID" by the format`},
		"in syft":                              {`{"artifacts":[{"id":"1","PURL":"pkg:npm/a@1"}],"artifactRelationships":[]}`, `is not "purl" by the format`},
		"deep":                                 {cdx(nested), "nested more than"},
		"number":                               {cdx(`{"type":"library","name":"a","version":1}`), `"components.version" is a number`},
		"long name":                            {cdx(`{"type":"library","name":"` + strings.Repeat("x", 100_000) + `"}`), "(100000 bytes) is longer than"},
		"XML, cut":                             {xml("<name>a</name>")[:100], "is truncated"},
		"XML, name twice":                      {xml("<name>evil</name><name>lodash</name>"), "<name> is in one <component> twice"},
		"XML, namespace":                       {xml("<name>evil</name><x:scope>excluded</x:scope>"), "another namespace"},
		"XML, attribute":                       {strings.Replace(xml("<name>a</name>"), `type="library"`, `type="library" type="file"`, 1), "twice"},
		"XML, attribute of another name space": {strings.Replace(xml("<name>a</name>"), `type="library"`, `x:type="file"`, 1), "another namespace"},
		"XML, entity":                          {`<!DOCTYPE bom [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>` + xml("<name>&b;</name>"), "a document type declaration"},
		"XML, no entity":                       {xml("<name>&b;</name>"), "invalid character entity"},
		"XML, latin-1":                         {`<?xml version="1.0" encoding="ISO-8859-1"?>` + xml("<name>a</name>"), "convert it"},
		"XML, two":                             {xml("<name>a</name>") + xml("<name>b</name>"), "a second document"},
		"XML, deep":                            {xml(strings.Repeat("<a>", 500) + strings.Repeat("</a>", 500)), "nested more than"},
		"XML, version":                         {strings.Replace(xml(""), "1.6", "2.0", 1), `unknown CycloneDX version "2.0"`},
		"tags, cut":                            {"SPDXVersion: SPDX-2.3\nPackageName: a\nPackageComment: <text>x", "sbom.json:3:1: a <text> is not closed"},
		"tags, junk":                           {"SPDXVersion: SPDX-2.3\njunk\n", "sbom.json:2:1: a line without a tag"},
		"tags, twice":                          {"SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: a\nPackageVersion: 1\nPackageVersion: 2\n", "sbom.json:5:1: PackageVersion is given twice"},
		"tags, case":                           {"SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVERSION: 1\n", "is not PackageVersion by the format"},
		"context":                              {`{"@context":["https://spdx.org/rdf/3.0.1/spdx-context.jsonld",{"x":"y"}],"@graph":[]}`, "@context is not exactly that of SPDX 3.0"},
		"full names":                           {`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"https://spdx.org/rdf/3.0.1/terms/Software/Package","spdxId":"a"}]}`, "a full name where"},
		"type":                                 {`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"x:Package","spdxId":"a"}]}`, "not one of the canonical form"},
		"provenance":                           {statement("v1", "https://slsa.dev/provenance/v1", "{}"), "unknown predicate type \"https://slsa.dev/provenance/v1\""},
		"no predicate":                         {statement("v1", "https://spdx.dev/Document", "null"), "without a predicate"},
		"not base64":                           {`{"payloadType":"application/vnd.in-toto+json","payload":"!!"}`, "not base64"},
		"other payload":                        {`{"payloadType":"text/plain","payload":"aGVsbG8="}`, "unknown payload type"},
		"cut within":                           {envelope(statement("v1", "https://spdx.dev/Document", environments[1].text)[:300], base64.StdEncoding), "in the payload: line 2, column 5: the document is truncated"},
		"wrapped too much":                     {strings.Repeat(`{"sbom":`, 20) + "{}" + strings.Repeat("}", 20), "wrapped more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(context.Background(), strings.NewReader(c.text), "sbom.json")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "sbom.json:") {
				t.Errorf("want %q, got %v", c.want, err)
			}
			if err != nil && (len(err.Error()) > 1500 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f })) {
				t.Errorf("unfit to print: %q", err.Error())
			}
		})
	}
	if _, err := read(context.Background(), strings.NewReader(cdx("")), "x", 10); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large: %v", err)
	}
	if _, err := read(context.Background(), strings.NewReader(zipped(strings.Repeat(" ", 1<<20))), "x", 1<<16); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("bomb: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, strings.NewReader(environments[0].text), "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestCut checks that a document that is truncated anywhere is refused, and not
// read as a smaller one.
func TestCut(t *testing.T) {
	for _, e := range environments {
		text := strings.TrimRight(e.text, " \n")
		for i := range len(text) {
			d, err := Read(context.Background(), strings.NewReader(text[:i]), "x")
			if err == nil && e.name != "SPDX tag-value" {
				t.Errorf("%s cut at %d of %d is read: %s", e.name, i, len(text), summary(d))
				break
			}
		}
	}
}

// TestRules checks the counting rules that the environments do not show.
func TestRules(t *testing.T) {
	spdxDoc := func(packages, relationships string) string {
		return `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[` + packages + `],"relationships":[` + relationships + `]}`
	}
	pkg := func(id, purl, more string) string {
		ref := ""
		if purl != "" {
			ref = `,"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"` + purl + `"}]`
		}
		return `{"SPDXID":"` + id + `","name":"` + id + `"` + ref + more + `}`
	}
	rel := func(a, kind, b string) string {
		return `{"spdxElementId":"` + a + `","relationshipType":"` + kind + `","relatedSpdxElement":"` + b + `"}`
	}
	for name, c := range map[string]struct{ text, want string }{
		"a package of an ecosystem contains": {
			spdxDoc(pkg("a", "pkg:maven/g/a@1", "")+","+pkg("b", "pkg:maven/g/b@1", ""), rel("b", "CONTAINED_BY", "a")),
			"package maven/g/a@1\npackage maven/g/b@1 inside maven/g/a@1\n",
		},
		"one without package URL does not": {
			spdxDoc(pkg("a", "", `,"versionInfo":"1"`)+","+pkg("b", "pkg:maven/g/b@1", ""), rel("a", "CONTAINS", "b")),
			"package generic/a@1\npackage maven/g/b@1\n",
		},
		"one without version either is a group": {
			spdxDoc(pkg("a", "", "")+","+pkg("b", "pkg:maven/g/b@1", ""), rel("a", "CONTAINS", "b")),
			"package maven/g/b@1\n- described a 1\n",
		},
		"every package described": {
			spdxDoc(pkg("a", "pkg:npm/a@1", "")+","+pkg("b", "pkg:npm/b@1", ""), rel("SPDXRef-DOCUMENT", "DESCRIBES", "a")+","+rel("SPDXRef-DOCUMENT", "DESCRIBES", "b")),
			"package npm/a@1\npackage npm/b@1\n",
		},
		"two projects described": {
			spdxDoc(pkg("a", "pkg:npm/a@1", "")+","+pkg("b", "pkg:npm/b@1", "")+","+pkg("c", "pkg:npm/c@1", ""),
				rel("SPDXRef-DOCUMENT", "DESCRIBES", "a")+","+rel("b", "DESCRIBED_BY", "SPDXRef-DOCUMENT")+","+rel("a", "DEPENDS_ON", "c")+","+rel("b", "DEPENDS_ON", "c")),
			"package npm/c@1\n- described a 1\n- described b 1\n",
		},
		"a relation does not hide a package": {
			spdxDoc(pkg("a", "pkg:npm/a@1", "")+","+pkg("b", "pkg:npm/b@1", ""), rel("a", "GENERATED_FROM", "b")),
			"package npm/a@1\npackage npm/b@1\n",
		},
		"source code that is marked as such": {
			spdxDoc(pkg("a", "pkg:deb/debian/a@1", "")+","+pkg("b", "", `,"primaryPackagePurpose":"SOURCE"`), rel("a", "GENERATED_FROM", "b")),
			"os deb/debian/a@1\n- declared b 1\n",
		},
		"several package URLs": {
			spdxDoc(`{"SPDXID":"a","name":"a","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/a@1"},{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/evil@1"}]}`, ""),
			"package npm/a@1\n! a package has several package URLs, and the first counts\n",
		},
		"kinds of need": {
			spdxDoc(pkg("a", "pkg:npm/a@1", "")+","+pkg("b", "pkg:npm/b@1", "")+","+pkg("c", "pkg:npm/c@1", "")+","+pkg("d", "pkg:npm/d@1", ""),
				rel("b", "DEV_DEPENDENCY_OF", "a")+","+rel("a", "DYNAMIC_LINK", "c")+","+rel("d", "OPTIONAL_DEPENDENCY_OF", "a")+","+rel("a", "VARIANT_OF", "d")),
			"package npm/a@1\npackage npm/b@1\npackage npm/c@1\npackage npm/d@1\nnpm/a@1 depends npm/b@1\nnpm/a@1 depends npm/c@1\nnpm/a@1 recommends npm/d@1\n",
		},
		"nothing at the other end": {
			spdxDoc(pkg("a", "pkg:npm/a@1", ""), rel("a", "DEPENDS_ON", "gone")+","+rel("a", "COPY_OF", "lost")),
			"package npm/a@1\n! a relation leads to an entry that is not in the document\n! a relation leads to an entry that is not in the document\n",
		},
		"an identifier twice": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","bom-ref":"a","name":"a"},{"type":"library","bom-ref":"a","name":"b"}]}`,
			"package generic/a\npackage generic/b\n! an identifier is used twice, so that relations may mean either\n",
		},
		"one identity": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","bom-ref":"1","name":"a","version":"1","purl":"pkg:npm/a@1?x=1"},{"type":"library","bom-ref":"2","name":"a","version":"1","purl":"pkg:npm/a@1"}]}`,
			"package npm/a@1\n",
		},
		"no version": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a","purl":"pkg:npm/a"}]}`,
			"package npm/a\n",
		},
		"no name": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library"}]}`,
			"! an entry has neither a name nor a package URL\n",
		},
		"seen as one, compared as another": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"lodash","version":"4.17.21","purl":"pkg:npm/evil@6.6.6"}]}`,
			"package npm/evil@6.6.6\n! name and package URL name different packages, and the package URL counts\n! version and package URL name different versions, and the package URL counts\n",
		},
		"a lone surrogate": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a\ud800"}]}`,
			"package generic/a\ufffd\n! a name has replacement characters (U+FFFD), so that it is not the whole name\n",
		},
		"a file with the URL of a package": {
			`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"file","name":"evil","version":"1","purl":"pkg:npm/evil@1"},{"type":"file","name":"/x"}]}`,
			"package npm/evil@1\n- file  1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, summary(readText(t, c.text))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzRead checks that reading arbitrary bytes gives a valid document or an error
// that can be printed, and twice the same.
func FuzzRead(f *testing.F) {
	for _, e := range environments {
		f.Add([]byte(e.text))
		f.Add([]byte(statement("v1", "https://spdx.dev/Document", quote(e.text))))
	}
	d, m := exporttest.Small()
	var b bytes.Buffer
	if err := spdx.Encode(&b, d, m); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(b.Bytes()))
	b.Reset()
	if err := cyclonedx.Encode(&b, d, m); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := read(context.Background(), bytes.NewReader(data), "x", 1<<20)
		again, errAgain := read(context.Background(), bytes.NewReader(data), "x", 1<<20)
		if fmt.Sprint(err) != fmt.Sprint(errAgain) || !cmp.Equal(d, again) {
			t.Fatalf("read twice: %v, %v\n%s", err, errAgain, cmp.Diff(d, again))
		}
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "x:") || len(text) > 4000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
				t.Errorf("unfit to print: %q", text)
			}
			return
		}
		if d.Environment.Kind != "sbom" {
			t.Errorf("%+v", d.Environment)
		}
		rules := d.Rules
		same, err := sbom.Restore(*d)
		if err != nil {
			t.Fatal(err)
		}
		if same.Rules = rules; !cmp.Equal(d, same, cmpopts.EquateEmpty()) {
			t.Errorf("not canonical:\n%s", cmp.Diff(d, same))
		}
		for _, g := range d.Gaps {
			if g.Kind == "" || g.Detail == "" {
				t.Errorf("%+v", g)
			}
		}
	})
}
