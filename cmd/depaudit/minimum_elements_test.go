package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// element is one of the minimum elements of an SBOM
// (https://www.cisa.gov/resources-tools/resources/2026-minimum-elements-software-bill-materials-sbom,
// Appendix A). The paths are those of the fields, from the document or, with a
// leading ".", from a component; "unknown" is the name in the property or the fact
// depaudit:unknown.
type element struct {
	name, cyclonedx, spdx, unknown, from string
}

func elements() []element {
	return []element{
		{"SBOM Author", "metadata.authors", "creationInfo.creators (Person, Organization)", "author", "`--author`"},
		{"SBOM Author Signature", "", "", "", "beside the document: cosign, or the platform's attestation of it"},
		{"SBOM Data Format Name", "bomFormat", "spdxVersion", "", "the format"},
		{"SBOM Data Format Version", "specVersion", "spdxVersion", "", "the format"},
		{"SBOM Generation Context", "metadata.lifecycles", "creationInfo.comment", "", "what is installed, as a scan finds it"},
		{"SBOM Timestamp", "metadata.timestamp", "creationInfo.created", "timestamp", "`--date`, `SOURCE_DATE_EPOCH`"},
		{"SBOM Tool Name", "metadata.tools.components[].name", "creationInfo.creators (Tool)", "", "depaudit"},
		{"SBOM Tool Version", "metadata.tools.components[].version", "creationInfo.creators (Tool)", "", "the build information of the program"},
		{"SBOM Version", "version", "documentNamespace", "", "1; another content has another serial number, or namespace"},
		{"Component Producer", ".supplier", ".supplier", "supplier", "the maintainer, vendor or packager in the package database; the author in METADATA, package.json, gemspecs, DESCRIPTION"},
		{"Component Dependency Relationship", "dependencies", "relationships", "dependencies", "the package database; METADATA, package.json, gemspecs; libraries and interpreters that files name"},
		{"Component Hash Value", ".hashes[].content", ".checksums[].checksumValue", "hash", "the artifact that proves every file; what the environment records of the artifact"},
		{"Component Hash Algorithm", ".hashes[].alg", ".checksums[].algorithm", "hash", "as the hash value"},
		{"Component Identifiers", ".purl", ".externalRefs", "", "type, name, version, architecture"},
		{"Component License", ".licenses", ".licenseDeclared", "license", "the databases of rpm, apk, pacman, opkg and xbps; METADATA, package.json, gemspecs. dpkg's database has none"},
		{"Component Name", ".name", ".name", "", "the package database, or the metadata of the package"},
		{"Component Version", ".version", ".versionInfo", "version", "the same"},
	}
}

// TestMinimumElements checks both SBOMs of CPython's stage that builds the source:
// each element has a value, or is marked as not known. It logs the
// shares, and holds the table of docs/sbom.md.
func TestMinimumElements(t *testing.T) {
	var b strings.Builder
	b.WriteString("| element | CycloneDX 1.6 | SPDX 2.3 | from |\n| --- | --- | --- | --- |\n")
	code := func(path string) string {
		if path == "" {
			return ""
		}
		field, note, _ := strings.Cut(path, " ")
		return strings.TrimSpace("`" + strings.TrimPrefix(field, ".") + "` " + note)
	}
	for _, e := range elements() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.name, code(e.cyclonedx), code(e.spdx), e.from)
	}
	generated(t, "docs/sbom.md", "elements", b.String())

	dir := t.TempDir()
	for _, author := range []string{"", "Release Team <release@example.org>"} {
		args := []string{"scan", "testdata/cpython/example/build-source", "--locks", "testdata/cpython/example/requirements.txt"}
		args = append(args, "-o", "cyclonedx-json="+filepath.Join(dir, "cdx"), "-o", "spdx-json="+filepath.Join(dir, "spdx"))
		if author != "" {
			args = append(args, "--author", author, "--date", "2026-11-28")
		}
		if _, errs, code := inProcess(t, moduleRoot, args, nil); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		for format, list := range map[string]string{"cdx": "components", "spdx": "packages"} {
			data, err := os.ReadFile(filepath.Join(dir, format))
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			checkElements(t, format, doc, doc[list].([]any), author != "")
		}
	}
}

func checkElements(t *testing.T, format string, doc map[string]any, list []any, authored bool) {
	t.Helper()
	var components []map[string]any
	for _, c := range list {
		c := c.(map[string]any)
		if c["type"] != "operating-system" && c["primaryPackagePurpose"] != "OPERATING_SYSTEM" && c["SPDXID"] != "SPDXRef-Environment" {
			components = append(components, c)
		}
	}
	if len(components) < 150 {
		t.Fatalf("%s: %d components", format, len(components))
	}
	unknown := func(of any, name string) bool {
		text, _ := json.Marshal(of)
		for _, mark := range []string{`"name":"depaudit:unknown","value":"`, `depaudit:unknown=`} {
			if _, rest, found := bytes.Cut(text, []byte(mark)); found {
				value, _, _ := strings.Cut(string(rest[:bytes.IndexAny(append(rest, '"'), `"\`)]), "\n")
				for field := range strings.SplitSeq(value, ",") {
					if field == name {
						return true
					}
				}
			}
		}
		return false
	}
	head := map[string]any{"metadata": doc["metadata"], "annotations": doc["annotations"]}
	for _, e := range elements() {
		path := e.cyclonedx
		if format == "spdx" {
			path = e.spdx
		}
		field, _, _ := strings.Cut(path, " ")
		if field == "" {
			continue
		}
		field, of := strings.CutPrefix(field, ".")
		switch {
		case e.name == "Component Dependency Relationship":
			continue // below
		case !of && e.unknown == "":
			if !present(doc, field) {
				t.Errorf("%s: no %s", format, e.name)
			}
		case !of:
			if known := !unknown(head, e.unknown); known != authored {
				t.Errorf("%s: %s is known: %v, want %v", format, e.name, known, authored)
			}
		default:
			known := 0
			for _, c := range components {
				c = maps.Clone(c)
				delete(c, "components") // bundled ones say for themselves
				has := present(c, field)
				if has {
					known++
				}
				if e.unknown == "" && !has || e.unknown != "" && has == unknown(c, e.unknown) {
					t.Errorf("%s: %v: %s: has a value: %v, is said to be unknown: %v", format, c["name"], e.name, has, unknown(c, e.unknown))
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
