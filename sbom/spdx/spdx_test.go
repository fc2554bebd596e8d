package spdx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

var _ = flag.Bool("update", false, "write the golden files")

var codec = exporttest.Codec{
	Encode: Encode, Decode: exporttest.Decoder(versioned(readJSON), decode), Read: read,
	Valid: valid, References: references, PURLs: purls, Footprint: footprint,
	Golden: "small.spdx.json",
}

func TestCodec(t *testing.T) { exporttest.Run(t, codec) }

func FuzzEncode(f *testing.F) { codec.FuzzEncode(f) }

func FuzzDecode(f *testing.F) { codec.FuzzDecode(f, `{"spdxVersion":"SPDX-2.3"}`) }

func BenchmarkEncode(b *testing.B) { codec.BenchmarkEncode(b) }

func BenchmarkDecode(b *testing.B) { codec.BenchmarkDecode(b) }

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `"a"`, "\x1b", "\u202e", "é", "\xe9", "\ufffd", "a\nb", `\x1b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := sbom.Text(s)
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e }) {
			t.Errorf("%q has control characters", text)
		}
		if back, err := sbom.ParseText(text); err != nil || back != s {
			t.Errorf("%q became %q and then %q, %v", s, text, back, err)
		}
		facts := []sbom.Fact{{Key: "k", Value: text}, {Key: "l", Value: text}}
		if back := sbom.ParseFacts(sbom.JoinFacts(facts)); !slices.Equal(facts, back) {
			t.Errorf("%q became %q", facts, back)
		}
	})
}

// TestElementIDs checks both forms of an identifier. Two names that collide in
// the short form would be needed to see the full one used, and finding some takes
// 2^32 hashes, so it is tested by itself.
func TestElementIDs(t *testing.T) {
	short, full := elementIDs(&sbom.Component{ID: "npm/@babel/core@7.26.0"})
	if want := "Package-npm--babel-core-7.26.0-"; !strings.HasPrefix(string(short), want) || len(short) != len(want)+16 {
		t.Errorf("short: %s", short)
	}
	if !strings.HasPrefix(string(full), string(short)) || len(full) != len(short)+48 {
		t.Errorf("full: %s does not lengthen %s", full, short)
	}
	long, _ := elementIDs(&sbom.Component{ID: strings.Repeat("é", 10_000)})
	if !idPattern.MatchString("SPDXRef-"+string(long)) || len(long) > 100 {
		t.Errorf("long: %s", long)
	}
}

func TestDecodeRefuses(t *testing.T) {
	setuptools, packaging := elementID("pypi/setuptools@66.1.1"), elementID("pypi/packaging@21.3")
	codec.Refuses(t, map[string]exporttest.Change{
		"third-party":    {Old: `Tool: depaudit-`, New: `Tool: other-`, Want: errThirdParty.Error()},
		"no rules":       {Old: `depaudit:rules=`, New: `depaudit:x=`, Want: errThirdParty.Error()},
		"no id":          {Old: `depaudit:id=pypi/packaging@21.3`, New: `x`, Want: "no fact depaudit:id"},
		"unquoted":       {Old: `"name": "bash"`, New: `"name": "\"bash"`, Want: "quoted text"},
		"broken record":  {Old: `environment={`, New: `environment=`, Want: "not a record"},
		"no number":      {Old: `installed-size=13000000`, New: `installed-size=1e7`, Want: "depaudit:installed-size"},
		"twice":          {Old: packaging, New: setuptools, Want: "used twice"},
		"dangling edge":  {Old: `"relatedSpdxElement": "` + packaging + `"`, New: `"relatedSpdxElement": "SPDXRef-x"`, Want: "SPDXRef-x is not a component"},
		"two owners":     {Old: `"relationshipType": "DEPENDS_ON"`, New: `"relationshipType": "CONTAINS"`, Want: "owner"},
		"lock":           {Old: `depaudit:lock=go.sum:3`, New: `depaudit:lock=go.sum`, Want: "want FILE:LINE"},
		"date":           {Old: `"created": "2024-04-29T12:00:00Z"`, New: `"created": "yesterday"`, Want: "creationInfo.created"},
		"version 9":      {Old: `"SPDX-2.3"`, New: `"SPDX-9"`, Want: "SPDX-9"},
		"null relations": {Old: `"relationships": [`, New: `"relationships": [null,`, Want: ""},
	})
}

func elementID(id string) string {
	short, _ := elementIDs(&sbom.Component{ID: id})
	return "SPDXRef-" + string(short)
}

// TestReferencesFinds checks the checker of references.
func TestReferencesFinds(t *testing.T) {
	packaging := elementID("pypi/packaging@21.3")
	codec.Finds(t, []exporttest.Change{
		{Old: `"SPDXID": "` + packaging + `"`, New: `"SPDXID": "` + elementID("pypi/setuptools@66.1.1") + `"`},
		{Old: `"SPDXID": "` + packaging + `"`, New: `"SPDXID": "SPDXRef-a_b"`},
		{Old: `"relatedSpdxElement": "` + packaging + `"`, New: `"relatedSpdxElement": "SPDXRef-x"`},
		{Old: `"relationshipType": "CONTAINS"`, New: `"relationshipType": "OTHER"`},
		{Old: `"relationshipType": "DESCRIBES"`, New: `"relationshipType": "OTHER"`},
		{Old: `"2024-04-29T12:00:00Z"`, New: `"2024-04-29T12:00:00.5Z"`},
		{Old: `"documentNamespace": "https:`, New: `"documentNamespace": "`},
	}, exporttest.Change{Old: `"LIBRARY"`, New: `"DEB"`})
}

func decodeSPDX(t testing.TB, data []byte) *v2_3.Document {
	t.Helper()
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(data), &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

func purls(t testing.TB, data []byte) []string {
	var out []string
	for _, p := range decodeSPDX(t, data).Packages {
		for _, r := range p.PackageExternalReferences {
			out = append(out, r.Locator)
		}
	}
	return out
}

// footprint counts the packages that the root contains.
func footprint(t testing.TB, data []byte) int {
	n := 0
	for _, r := range decodeSPDX(t, data).Relationships {
		if r.Relationship == "CONTAINS" && r.RefA.ElementRefID == environmentID && r.RefB.ElementRefID != osID {
			n++
		}
	}
	return n
}

// valid checks against the JSON schema of SPDX 2.3, which syft's module ships.
func valid(data []byte) error {
	schema, err := compiled()
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir, err := moduletest.Dependency("github.com/anchore/syft")
	if err != nil {
		return nil, err
	}
	return jsonschema.NewCompiler().Compile(filepath.Join(dir, "schema", "spdx-json", "spdx-schema-2.3.json"))
})

var (
	idPattern   = regexp.MustCompile(`^SPDXRef-[a-zA-Z0-9.-]+$`)                      // section 7.2
	datePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)             // section 6.9
	namePattern = regexp.MustCompile(`^https://[^#\s]+/[0-9a-f-]{36}$`)               // section 6.5
	hashPattern = regexp.MustCompile(`^[0-9a-f]{32,128}$`)                            // section 7.10
	toolPattern = regexp.MustCompile(`^(Tool|Organization|Person): depaudit-[!-~]+$`) // section 12.1
)

// references parses the document as plain JSON, without the library, and checks
// the rules of the specification that the schema does not have.
func references(data []byte) error {
	var doc struct {
		SPDXID, DocumentNamespace string
		CreationInfo              struct{ Created string }
		Annotations               []note
		Packages                  []struct {
			SPDXID       string
			Annotations  []note
			Checksums    []struct{ Algorithm, ChecksumValue string }
			ExternalRefs []struct{ ReferenceLocator string }
		}
		Relationships []struct{ SPDXElementID, RelatedSPDXElement, RelationshipType, Comment string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	check := func(what, value string, pattern *regexp.Regexp) {
		if !pattern.MatchString(value) {
			fail("%s %.100q does not match %s", what, value, pattern)
		}
	}
	notes := func(of string, list []note) {
		for _, a := range list {
			check("annotation date of "+of, a.AnnotationDate, datePattern)
			check("annotator of "+of, a.Annotator, toolPattern)
			if lines := strings.Count(a.Comment, "\n") + 1; len(sbom.ParseFacts(a.Comment)) != lines {
				fail("annotation %.100q of %s has lines that are no facts", a.Comment, of)
			}
		}
	}
	check("created", doc.CreationInfo.Created, datePattern)
	check("namespace", doc.DocumentNamespace, namePattern)
	notes("the document", doc.Annotations)
	known := map[string]bool{doc.SPDXID: true}
	for _, p := range doc.Packages {
		check("SPDXID", p.SPDXID, idPattern)
		if known[p.SPDXID] {
			fail("%s is used twice", p.SPDXID)
		}
		known[p.SPDXID] = true
		notes(p.SPDXID, p.Annotations)
		algorithms := map[string]bool{}
		for _, c := range p.Checksums {
			check("checksum", c.ChecksumValue, hashPattern)
			if algorithms[c.Algorithm] {
				fail("%s has two checksums %s", p.SPDXID, c.Algorithm)
			}
			algorithms[c.Algorithm] = true
		}
		for _, r := range p.ExternalRefs {
			check("locator", r.ReferenceLocator, regexp.MustCompile(`^[!-~]+$`))
		}
	}
	described := 0
	holder := map[string]string{}
	seen := map[string]bool{}
	for _, r := range doc.Relationships {
		key := strings.Join([]string{r.SPDXElementID, r.RelationshipType, r.RelatedSPDXElement, r.Comment}, " ")
		if seen[key] {
			fail("%s is there twice", key)
		}
		seen[key] = true
		for _, end := range []string{r.SPDXElementID, r.RelatedSPDXElement} {
			if end == "NOASSERTION" && r.RelationshipType == "DEPENDS_ON" {
				continue // what it depends on is not known (section 11.1)
			}
			if !known[end] {
				fail("%s: %s does not exist", key, end)
			}
		}
		switch r.RelationshipType {
		case "DESCRIBES":
			described++
			holder[r.RelatedSPDXElement] = r.SPDXElementID
		case "CONTAINS":
			if holder[r.RelatedSPDXElement] != "" {
				fail("%s is contained twice", r.RelatedSPDXElement)
			}
			holder[r.RelatedSPDXElement] = r.SPDXElementID
		}
	}
	if described != 1 {
		fail("the document describes %d packages", described)
	}
	for _, p := range doc.Packages {
		at := p.SPDXID
		for range len(doc.Packages) + 1 {
			at = holder[at]
		}
		if holder[p.SPDXID] == "" || at != "" {
			fail("%s does not hang below the document", p.SPDXID)
		}
	}
	return errors.Join(errs...)
}

type note struct{ AnnotationDate, Annotator, Comment string }

func read(data []byte) (*sbom.Document, error) {
	return Read(context.Background(), data, JSON, "document")
}
