package sbomread

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

// corpora are modules with third-party documents, with the number of documents
// that are read, so that the test fails if it finds none. Modules that are not in
// go.mod are downloaded.
var corpora = []struct {
	module, version string // version is empty for what go.mod has
	dirs            []string
	read            int
	// refused are the other documents, each with the error.
	refused map[string]string
}{
	{"github.com/anchore/syft", "", []string{"syft/format"}, 49, map[string]string{
		"spdxjson/testdata/spdx/bad/example7-bin.spdx.json":                 "creators", // objects in the place of strings
		"spdxjson/testdata/spdx/bad/example7-go-module.spdx.json":           "creators",
		"spdxjson/testdata/spdx/bad/example7-golang.spdx.json":              "creators",
		"spdxjson/testdata/spdx/bad/example7-third-party-modules.spdx.json": "creators",
		"spdxtagvalue/testdata/identify/2.1.sbom":                           `unknown SPDX version "SPDX-2.1"`,
	}},
	{"github.com/CycloneDX/cyclonedx-go", "", []string{"testdata"}, 180, map[string]string{}},
	{"github.com/spdx/tools-golang", "", []string{"examples/sample-docs", "json", "spdx"}, 10, map[string]string{
		"sample-docs/yaml/SPDXYAMLExample-2.2.spdx.yaml": "SPDX in YAML",
		"sample-docs/yaml/SPDXYAMLExample-2.3.spdx.yaml": "SPDX in YAML",
	}},
	{"github.com/google/osv-scalibr", "v0.5.3", []string{"binary", "extractor/filesystem/sbom"}, 25, map[string]string{
		"binary/spdx/testdata/yaml-format":                      "SPDX in YAML",
		"extractor/filesystem/sbom/spdx/testdata/sbom.spdx.yml": "SPDX in YAML",
	}},
	{"github.com/anchore/grype", "v0.121.2", []string{"grype/pkg/testdata", "grype/presenter/cyclonedx/testdata/snapshot", "test/cli/testdata"}, 9, map[string]string{
		"grype/pkg/testdata/alpine-tampered.cdx.att.json": "in the payload: line 1, column 64: not JSON", // its payload is no JSON
	}},
	{"github.com/sigstore/cosign/v2", "v2.6.5", []string{"test/testdata"}, 2, map[string]string{
		"bom-go-mod.spdx": "25:1: a line without a tag", // it writes relationships without a colon
	}},
	{"github.com/CycloneDX/cyclonedx-gomod", "v1.10.0", []string{"examples", "pkg"}, 21, map[string]string{}},
}

// marks are the strings that documents are found by, in any directory. The reader
// must recognise them in another way.
var marks = regexp.MustCompile(`"spdxVersion"|(?m)^SPDXVersion:|^spdxVersion:|"bomFormat"|cyclonedx\.org/schema/bom/|"artifactRelationships"|in-toto\.io|spdx-context\.jsonld|"payloadType"|<SpdxDocument`)

func TestCorpora(t *testing.T) {
	for _, c := range corpora {
		t.Run(c.module, func(t *testing.T) {
			module := c.module
			if c.version != "" {
				module += "@" + c.version
			}
			if os.Getenv("DEPAUDIT_E2E") == "" {
				t.Setenv("GOPROXY", "off") // these modules are large: only those in the cache
			}
			dir := moduletest.Dir(t, module)
			read, missed := 0, maps.Clone(c.refused)
			for _, path := range documents(t, dir, c.dirs) {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := Read(context.Background(), bytes.NewReader(data), filepath.Base(path))
				want, listed := "", false
				for suffix, why := range c.refused {
					if strings.HasSuffix(filepath.ToSlash(path), suffix) {
						want, listed = why, why != ""
						delete(missed, suffix)
					}
				}
				rel, _ := filepath.Rel(dir, path)
				switch {
				case listed && (err == nil || !strings.Contains(err.Error(), want)):
					t.Errorf("%s: want refused with %q, got %v", rel, want, err)
				case !listed && err != nil:
					t.Errorf("%s: %v", rel, err)
				case err == nil:
					read++
					compare(t, rel, data, doc)
				}
			}
			if read != c.read {
				t.Errorf("%d documents were read, want %d", read, c.read)
			}
			for suffix := range missed {
				t.Errorf("%s is not there any more", suffix)
			}
		})
	}
}

func documents(t *testing.T, dir string, below []string) []string {
	t.Helper()
	var out []string
	for _, sub := range below {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".md") || strings.Contains(path, "schema") {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			head, err := io.ReadAll(io.LimitReader(f, 4<<20))
			if err == nil && marks.Match(head) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

// compare checks a document against an independent parser of the same bytes:
// every package URL and every name of an entry is a component, an exclusion or the
// operating system, and there is nothing else.
func compare(t *testing.T, name string, data []byte, doc *sbom.Document) {
	t.Helper()
	want := entries(t, name, data)
	if want == nil {
		return
	}
	got := map[string]bool{}
	for _, c := range doc.Components {
		got[plainPURL(c.PURL)] = true
		got[strings.ToLower(c.Name)] = true
	}
	for _, x := range doc.Excluded {
		got[plainPURL(x.PURL)] = true
		got[strings.ToLower(x.Name)] = true
		got[strings.ToLower(x.Name[strings.LastIndexByte(x.Name, '/')+1:])] = true
	}
	for what := range want {
		if !got[what] {
			t.Errorf("%s: %q is in the document and was lost", name, what)
		}
	}
	for _, c := range doc.Components {
		if !want[plainPURL(c.PURL)] && !want[strings.ToLower(c.Name)] {
			t.Errorf("%s: %s is not in the document", name, c.ID)
		}
	}
	// One identity, one component.
	seen := map[string]bool{}
	for _, c := range doc.Components {
		if seen[c.ID] {
			t.Errorf("%s: %s is there twice", name, c.ID)
		}
		seen[c.ID] = true
	}
	again, err := Read(context.Background(), bytes.NewReader(data), "again")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(doc.Components)
	b, _ := json.Marshal(again.Components)
	if !bytes.Equal(bytes.ReplaceAll(a, []byte(filepath.Base(name)), nil), bytes.ReplaceAll(b, []byte("again"), nil)) {
		t.Errorf("%s: read twice, and differs", name)
	}
}

// plainPURL returns the identifying parts of a package URL in one spelling.
func plainPURL(purl string) string {
	if !strings.HasPrefix(purl, "pkg:") {
		return "-"
	}
	purl, _, _ = strings.Cut(purl, "?")
	purl, _, _ = strings.Cut(purl, "#")
	for old, new := range map[string]string{"%2B": "+", "%2b": "+", "%40": "@", "%3A": ":", "%3a": ":", "%2F": "/", "%2f": "/", "%7E": "~", "%7e": "~", "%28": "(", "%29": ")"} {
		purl = strings.ReplaceAll(purl, old, new)
	}
	return strings.ToLower(purl)
}

// entries returns the package URLs of the entries of a document, and the names of
// entries without one, parsed without the code under test; nil for a document
// that wraps another one.
func entries(t *testing.T, name string, data []byte) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	add := func(purl, name string) {
		switch {
		case strings.HasPrefix(purl, "pkg:"):
			out[plainPURL(purl)] = true
		case name != "":
			out[strings.ToLower(name)] = true
		}
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	switch {
	case strings.HasPrefix(text, "{"):
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if !listed(doc, add) {
			return nil
		}
	case strings.HasPrefix(text, "<"):
		xmlEntries(t, []byte(text), add)
	default:
		section := regexp.MustCompile(`(?m)^(PackageName|FileName|SnippetSPDXID|LicenseID):`)
		at := section.FindAllStringIndex(text, -1)
		for i, a := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			part := text[a[0]:end]
			if !strings.HasPrefix(part, "PackageName:") || purpose(part, "OPERATING") || purpose(part, "FILE") {
				continue
			}
			line, _, _ := strings.Cut(part, "\n")
			purl := ""
			if m := regexp.MustCompile(`(?m)^ExternalRef: PACKAGE[-_]MANAGER purl (\S+)`).FindStringSubmatch(part); m != nil {
				purl = m[1]
			}
			add(purl, strings.TrimSpace(strings.TrimPrefix(line, "PackageName:")))
		}
	}
	return out
}

func purpose(part, word string) bool {
	return strings.Contains(part, "\nPrimaryPackagePurpose: "+word)
}

func text1(m map[string]any, key string) string { s, _ := m[key].(string); return s }

func list1(m map[string]any, key string) []map[string]any {
	var out []map[string]any
	l, _ := m[key].([]any)
	for _, x := range l {
		if x, ok := x.(map[string]any); ok {
			out = append(out, x)
		}
	}
	return out
}

func listed(doc map[string]any, add func(purl, name string)) bool {
	switch {
	case doc["bomFormat"] != nil:
		var walk func(list []map[string]any)
		walk = func(list []map[string]any) {
			for _, c := range list {
				if kind := text1(c, "type"); kind != "operating-system" && kind != "file" || text1(c, "purl") != "" && !strings.HasPrefix(text1(c, "purl"), "pkg:generic") {
					add(text1(c, "purl"), text1(c, "name"))
				}
				walk(list1(c, "components"))
			}
		}
		walk(list1(doc, "components"))
		if m, ok := doc["metadata"].(map[string]any); ok {
			if c, ok := m["component"].(map[string]any); ok {
				walk(list1(c, "components"))
			}
		}
	case doc["spdxVersion"] != nil:
		for _, p := range list1(doc, "packages") {
			purl := ""
			for _, r := range list1(p, "externalRefs") {
				if text1(r, "referenceType") == "purl" && purl == "" {
					purl = text1(r, "referenceLocator")
				}
			}
			if kind := text1(p, "primaryPackagePurpose"); !strings.HasPrefix(kind, "OPERATING") && kind != "FILE" {
				add(purl, text1(p, "name"))
			}
		}
	case doc["@graph"] != nil:
		for _, p := range list1(doc, "@graph") {
			if text1(p, "type") == "software_Package" {
				add(text1(p, "software_packageUrl"), text1(p, "name"))
			}
		}
	case doc["artifacts"] != nil:
		for _, a := range list1(doc, "artifacts") {
			add(text1(a, "purl"), text1(a, "name"))
		}
	default:
		return false
	}
	return true
}

func xmlEntries(t *testing.T, data []byte, add func(purl, name string)) {
	t.Helper()
	type component struct {
		Type       string `xml:"type,attr"`
		Name       string `xml:"name"`
		PURL       string `xml:"purl"`
		Components struct {
			Inner []byte `xml:",innerxml"`
		} `xml:"components"`
	}
	var walk func(inner []byte)
	walk = func(inner []byte) {
		var list struct {
			Components []component `xml:"component"`
		}
		if err := xml.Unmarshal(slices.Concat([]byte("<x>"), inner, []byte("</x>")), &list); err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Components {
			if c.Type != "operating-system" && c.Type != "file" {
				add(strings.TrimSpace(c.PURL), strings.TrimSpace(c.Name))
			}
			walk(c.Components.Inner)
		}
	}
	var bom struct {
		Components struct {
			Inner []byte `xml:",innerxml"`
		} `xml:"components"`
		Metadata struct {
			Component struct {
				Components struct {
					Inner []byte `xml:",innerxml"`
				} `xml:"components"`
			} `xml:"component"`
		} `xml:"metadata"`
	}
	if err := xml.Unmarshal(data, &bom); err != nil {
		t.Fatal(err)
	}
	walk(bom.Components.Inner)
	walk(bom.Metadata.Component.Components.Inner)
}
