package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// element is one of the minimum elements of an SBOM
// (https://www.cisa.gov/resources-tools/resources/2026-minimum-elements-software-bill-materials-sbom,
// Appendix A). The paths are those of the fields, from the document or, with a
// leading ".", from a component; "unknown" is the name in the property or the fact
// depaudit:unknown. Those of SPDX 3.0.1 begin with the type of the object.
type element struct {
	name, cyclonedx, spdx, spdx3, unknown, from string
}

func elements() []element {
	return []element{
		{"SBOM Author", "metadata.authors", "creationInfo.creators (Person, Organization)", "CreationInfo.createdBy", "author", "`--author`"},
		{"SBOM Author Signature", "", "", "", "", "beside the document: cosign, or the platform's attestation of it"},
		{"SBOM Data Format Name", "bomFormat", "spdxVersion", "@context", "", "the format"},
		{"SBOM Data Format Version", "specVersion", "spdxVersion", "CreationInfo.specVersion", "", "the format"},
		{"SBOM Generation Context", "metadata.lifecycles", "creationInfo.comment", "software_Sbom.software_sbomType", "", "what is installed, as a scan finds it"},
		{"SBOM Timestamp", "metadata.timestamp", "creationInfo.created", "CreationInfo.created", "timestamp", "`--date`, `SOURCE_DATE_EPOCH`, the newest file that shows a dependency"},
		{"SBOM Tool Name", "metadata.tools.components[].name", "creationInfo.creators (Tool)", "CreationInfo.createdUsing", "", "depaudit"},
		{"SBOM Tool Version", "metadata.tools.components[].version", "creationInfo.creators (Tool)", "CreationInfo.createdUsing", "", "the build information of the program"},
		{"SBOM Version", "version", "documentNamespace", "SpdxDocument.spdxId", "", "1; another content has another serial number, or namespace"},
		{"Component Producer", ".supplier", ".supplier", ".suppliedBy", "supplier", "the maintainer, vendor or packager in the package database; the author in METADATA, package.json, gemspecs, DESCRIPTION"},
		{"Component Dependency Relationship", "dependencies", "relationships", "Relationship", "dependencies", "the package database; METADATA, package.json, gemspecs; libraries and interpreters that files name"},
		{"Component Hash Value", ".hashes[].content", ".checksums[].checksumValue", ".verifiedUsing[].hashValue", "hash", "the artifact that proves every file; what the environment records of the artifact"},
		{"Component Hash Algorithm", ".hashes[].alg", ".checksums[].algorithm", ".verifiedUsing[].algorithm", "hash", "as the hash value"},
		{"Component Identifiers", ".purl", ".externalRefs", ".software_packageUrl", "", "type, name, version, architecture"},
		{"Component License", ".licenses", ".licenseDeclared", ".hasDeclaredLicense", "license", "the databases of rpm, apk, pacman, opkg and xbps; `/usr/share/doc/*/copyright` of Debian packages; METADATA with its classifiers, package.json, gemspecs, DESCRIPTION, Composer's installed.json"},
		{"Component Name", ".name", ".name", ".name", "", "the package database, or the metadata of the package"},
		{"Component Version", ".version", ".versionInfo", ".software_packageVersion", "version", "the same"},
	}
}

// elementsOfBSI are the data fields of BSI TR-03183-2 v2.1.0, sections 5.2.1 to 5.2.4
// (https://www.bsi.bund.de/dok/TR-03183-en), where its mapping of section 8.2 has them.
// "unknown" is the name in depaudit:bsi-unknown, or in depaudit:unknown.
func elementsOfBSI() []element {
	return []element{
		{"Creator of the SBOM", "metadata.manufacturer.contact[].email", "", "CreationInfo.createdBy", "author", "`--author`, with an address"},
		{"Timestamp", "metadata.timestamp", "", "CreationInfo.created", "timestamp", "`--date`, `SOURCE_DATE_EPOCH`, the newest file that shows a dependency"},
		{"SBOM-URI", "serialNumber", "", "SpdxDocument.spdxId", "", "the content"},
		{"Component creator", ".manufacturer.contact[].email", "", ".originatedBy", "creator", "the supplier, if it has an address"},
		{"Component name", ".name", "", ".name", "", "the package database, or the metadata of the package"},
		{"Component version", ".version", "", ".software_packageVersion", "version", "the same"},
		{"Filename of the component", ".bsi:component:filename", "", "", "filename", "components of one file, and archives such as .jar; a package that is unpacked has none"},
		{"Dependencies on other components", "dependencies", "", "Relationship", "dependencies", "as above, with compositions for what is not known"},
		{"Distribution licences", "", "", "", "distribution-licence", "not known: a conclusion of the one who delivers the stage"},
		{"Hash value of the deployable component", ".externalReferences[].hashes", "", ".verifiedUsing[].hashValue", "", "as the hash above; SHA-512 where the record has it (`sha-512`), which archives of Debian do not: they state SHA-256. The reference needs an address; without one the hash is in `hashes`"},
		{"Executable property", ".bsi:component:executable", "", "", "executable", "not known"},
		{"Archive property", ".bsi:component:archive", "", "", "archive", "`no archive` for packages that are unpacked, `archive` for .jar, .whl and the like"},
		{"Structured property", ".bsi:component:structured", "", "", "structured", "`structured` for both"},
		{"Source code URI", ".externalReferences[]", "", "", "source-uri", "the repository (`vcs`), where the installer records it"},
		{"URI of the deployable form", ".externalReferences[].url", "", ".software_downloadLocation", "deployable-uri", "where the installer records it: npm, pip"},
		{"Other unique identifiers", ".purl", "", ".software_packageUrl", "", "type, name, version, architecture"},
		{"Original licences", ".licenses", "", ".hasDeclaredLicense", "license", "as Component License, with the acknowledgement `declared`"},
	}
}

// TestMinimumElements checks the SBOMs of CPython's stage that builds the source:
// each element has a value, or is marked as not known. It logs the
// shares, and holds the tables of docs/sbom.md.
func TestMinimumElements(t *testing.T) {
	var cisa, bsi strings.Builder
	cisa.WriteString("| element | CycloneDX 1.6 | SPDX 2.3 | SPDX 3.0.1 | from |\n| --- | --- | --- | --- | --- |\n")
	for _, e := range elements() {
		fmt.Fprintf(&cisa, "| %s | %s | %s | %s | %s |\n", e.name, fieldOf(e.cyclonedx), fieldOf(e.spdx), fieldOf(e.spdx3), e.from)
	}
	generated(t, "docs/sbom.md", "elements", cisa.String())
	bsi.WriteString("| data field | CycloneDX 1.6 | SPDX 3.0.1 | if not known | from |\n| --- | --- | --- | --- | --- |\n")
	for _, e := range elementsOfBSI() {
		fmt.Fprintf(&bsi, "| %s | %s | %s | %s | %s |\n", e.name, fieldOf(e.cyclonedx), fieldOf(e.spdx3), fieldOf(e.unknown), e.from)
	}
	generated(t, "docs/sbom.md", "bsi", bsi.String())

	dir := t.TempDir()
	for _, author := range []string{"", "Release Team <release@example.org>"} {
		args := []string{"scan", "testdata/cpython/example/build-source", "--locks", "testdata/cpython/example/requirements.txt"}
		for format, file := range elementFiles(dir) {
			args = append(args, "-o", format+"="+file)
		}
		if author != "" {
			args = append(args, "--author", author, "--date", "2026-11-28")
		}
		if _, errs, code := inProcess(t, moduleRoot, args, nil); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		for format, file := range elementFiles(dir) {
			doc, components := readElements(t, format, file)
			if len(components) < 150 {
				t.Fatalf("%s: %d components", format, len(components))
			}
			checkElements(t, format, elements(), doc, components, author != "")
			if format != "spdx-json" { // which the guideline does not allow
				checkElements(t, format, elementsOfBSI(), doc, components, author != "")
			}
		}
	}
}

// elementFiles has a file for each format of SBOMs.
func elementFiles(dir string) map[string]string {
	files := map[string]string{}
	for _, format := range []string{"cyclonedx-json", "spdx-json", "spdx3-json"} {
		files[format] = filepath.Join(dir, format)
	}
	return files
}

// fieldOf returns a path for the tables; what follows a blank is a remark.
func fieldOf(path string) string {
	if path == "" {
		return ""
	}
	field, note, _ := strings.Cut(path, " ")
	return strings.TrimSpace("`" + strings.TrimPrefix(field, ".") + "` " + note)
}

// readElements returns a document and its components, without the environment and the
// operating system. Properties of BSI, and what version 3 of SPDX has in objects of
// their own, are fields of both.
func readElements(t *testing.T, format, file string) (doc map[string]any, components []map[string]any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var list []any
	switch format {
	case "cyclonedx-json":
		list = doc["components"].([]any)
		doc["head"] = doc["metadata"]
	case "spdx-json":
		list = doc["packages"].([]any)
		doc["head"] = doc["annotations"]
	default:
		packages := map[string]map[string]any{}
		texts := map[any]any{}
		for _, o := range doc["@graph"].([]any) {
			o := o.(map[string]any)
			switch kind := o["type"].(string); kind {
			case "software_Package":
				list = append(list, o)
				packages[o["spdxId"].(string)] = o
			case "simplelicensing_LicenseExpression":
				texts[o["spdxId"]] = o["simplelicensing_licenseExpression"]
			case "CreationInfo", "SpdxDocument", "software_Sbom", "Relationship":
				doc[kind] = o
			}
		}
		for _, o := range doc["@graph"].([]any) {
			o := o.(map[string]any)
			from, _ := o["from"].(string)
			subject, _ := o["subject"].(string)
			switch {
			case o["relationshipType"] == "hasDeclaredLicense":
				packages[from]["hasDeclaredLicense"] = texts[o["to"].([]any)[0]]
			case packages[subject] != nil:
				packages[subject]["statement"] = o["statement"]
			case subject != "":
				doc["head"] = o["statement"]
			}
		}
	}
	for _, c := range list {
		c := maps.Clone(c.(map[string]any))
		id, _ := c["spdxId"].(string)
		if c["type"] == "operating-system" || c["primaryPackagePurpose"] == "OPERATING_SYSTEM" || c["SPDXID"] == "SPDXRef-Environment" ||
			c["software_primaryPurpose"] == "operatingSystem" || strings.HasSuffix(id, "#Environment") {
			continue
		}
		delete(c, "components") // bundled ones say for themselves
		properties, _ := c["properties"].([]any)
		for _, p := range properties {
			p := p.(map[string]any)
			if name := p["name"].(string); strings.HasPrefix(name, "bsi:") {
				c[name] = p["value"]
			}
		}
		components = append(components, c)
	}
	return doc, components
}

// isUnknown reports whether a document, or a component, states that a field is not
// known.
func isUnknown(of any, name string) bool {
	text, _ := json.Marshal(of)
	for _, mark := range []string{`"name":"depaudit:unknown","value":"`, `depaudit:unknown=`, `"name":"depaudit:bsi-unknown","value":"`, `depaudit:bsi-unknown=`} {
		if _, rest, found := bytes.Cut(text, []byte(mark)); found {
			value := string(rest[:bytes.IndexAny(append(rest, '"'), `"\`)])
			if slices.Contains(strings.Split(value, ","), name) {
				return true
			}
		}
	}
	return false
}

func checkElements(t *testing.T, format string, list []element, doc map[string]any, components []map[string]any, authored bool) {
	t.Helper()
	for _, e := range list {
		path := map[string]string{"cyclonedx-json": e.cyclonedx, "spdx-json": e.spdx, "spdx3-json": e.spdx3}[format]
		field, _, _ := strings.Cut(path, " ")
		if e.name == "Component Dependency Relationship" || strings.HasPrefix(e.name, "Dependencies") || field == "" && e.unknown == "" {
			continue // tests of the encoders; the signature is elsewhere
		}
		field, of := strings.CutPrefix(field, ".")
		switch {
		case !of && field != "" && e.unknown == "":
			if !present(doc, field) {
				t.Errorf("%s: no %s", format, e.name)
			}
		case !of && field != "":
			// The date of the newest file is that of the document if none is stated.
			if known := !isUnknown(doc["head"], e.unknown); known != (authored || e.unknown == "timestamp") {
				t.Errorf("%s: %s is known: %v", format, e.name, known)
			}
		default:
			known := 0
			for _, c := range components {
				has := field != "" && present(c, field)
				if has {
					known++
				}
				unknown := isUnknown(c, e.unknown)
				switch {
				case e.name == "Hash value of the deployable component":
					// Without an address the hash is in the field of the element above.
				case e.name == "Component creator" && format == "spdx3-json":
					if !has && !unknown {
						t.Errorf("%s: %v: %s: neither a value nor a mark", format, c["name"], e.name)
					}
				case e.unknown == "" && !has, e.unknown != "" && field != "" && has == unknown, field == "" && !unknown:
					t.Errorf("%s: %v: %s: has a value: %v, is said to be unknown: %v", format, c["name"], e.name, has, unknown)
				}
			}
			t.Logf("%s: %s of %d of %d components", format, e.name, known, len(components))
		}
	}
}

// present reports whether an object has a value at a path that is not one for
// "not known".
func present(v any, path string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "[]", ".[]"), ".") {
		if part == "[]" {
			list, _ := v.([]any)
			if len(list) == 0 {
				return false
			}
			v = list[0]
			continue
		}
		object, _ := v.(map[string]any)
		v = object[part]
	}
	list, isList := v.([]any)
	return v != nil && v != "" && v != "NOASSERTION" && !(isList && len(list) == 0)
}
