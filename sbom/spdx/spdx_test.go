package spdx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
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
	Encode: Encode, Decode: Decode, Read: readAnybodys,
	Valid: valid, References: references, PURLs: purls, Footprint: footprint,
	Golden: "small.spdx.json",
}

func TestCodec(t *testing.T) { exporttest.Run(t, codec) }

func FuzzEncode(f *testing.F) {
	f.Add([]byte("openssl\n3.0.1\npkg:deb/debian/openssl@3.0.1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, m := exporttest.Arbitrary(data)
		codec.Check(t, d, m)
	})
}

func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile("testdata/small.spdx.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3"}`))
	f.Fuzz(func(t *testing.T, data []byte) { codec.CheckForeign(t, data) })
}

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

// Two names that collide in the short form of an identifier stay two. Nobody
// can make such a pair in a test, so the long form is tested by itself.
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
	golden, err := os.ReadFile("testdata/small.spdx.json")
	if err != nil {
		t.Fatal(err)
	}
	setuptools, packaging := elementID("pypi/setuptools@66.1.1"), elementID("pypi/packaging@21.3")
	for name, c := range map[string]struct {
		old, new string
		want     string
	}{
		"truncated":      {string(golden[len(golden)/2:]), "", "ends in the middle"},
		"foreign":        {`Tool: depaudit-`, `Tool: other-`, ErrForeign.Error()},
		"no rules":       {`depaudit:rules=`, `depaudit:x=`, ErrForeign.Error()},
		"no id":          {`depaudit:id=pypi/packaging@21.3`, `x`, "no fact depaudit:id"},
		"unquoted":       {`"name": "bash"`, `"name": "\"bash"`, "quoted text"},
		"broken record":  {`environment={`, `environment=`, "no record"},
		"no number":      {`installed-size=13000000`, `installed-size=1e7`, "depaudit:installed-size"},
		"twice":          {packaging, setuptools, "used twice"},
		"dangling edge":  {`"relatedSpdxElement": "` + packaging + `"`, `"relatedSpdxElement": "SPDXRef-x"`, "SPDXRef-x is no component"},
		"two owners":     {`"relationshipType": "DEPENDS_ON"`, `"relationshipType": "CONTAINS"`, "owner"},
		"lock":           {`depaudit:lock=go.sum:3`, `depaudit:lock=go.sum`, "want FILE:LINE"},
		"date":           {`"created": "2024-04-29T12:00:00Z"`, `"created": "yesterday"`, "creationInfo.created"},
		"version 9":      {`"SPDX-2.3"`, `"SPDX-9"`, "SPDX-9"},
		"not SPDX":       {string(golden), `[]`, "a array where an object belongs"},
		"null relations": {`"relationships": [`, `"relationships": [null,`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(golden, []byte(c.old)) {
				t.Fatalf("the golden file has no %s", c.old)
			}
			_, _, err := Decode(strings.NewReader(strings.ReplaceAll(string(golden), c.old, c.new)))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("want no error, got %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
	if _, err := load(bytes.NewReader(golden), 100); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large: %v", err)
	}
}

func elementID(id string) string {
	short, _ := elementIDs(&sbom.Component{ID: id})
	return "SPDXRef-" + string(short)
}

// The checker of references finds what it is there to find.
func TestReferencesFinds(t *testing.T) {
	golden, err := os.ReadFile("testdata/small.spdx.json")
	if err != nil {
		t.Fatal(err)
	}
	packaging := elementID("pypi/packaging@21.3")
	for _, c := range [][2]string{
		{`"SPDXID": "` + packaging + `"`, `"SPDXID": "` + elementID("pypi/setuptools@66.1.1") + `"`},
		{`"SPDXID": "` + packaging + `"`, `"SPDXID": "SPDXRef-a_b"`},
		{`"relatedSpdxElement": "` + packaging + `"`, `"relatedSpdxElement": "SPDXRef-x"`},
		{`"relationshipType": "CONTAINS"`, `"relationshipType": "OTHER"`},
		{`"relationshipType": "DESCRIBES"`, `"relationshipType": "OTHER"`},
		{`"2024-04-29T12:00:00Z"`, `"2024-04-29T12:00:00.5Z"`},
		{`"documentNamespace": "https:`, `"documentNamespace": "`},
	} {
		changed := strings.ReplaceAll(string(golden), c[0], c[1])
		if changed == string(golden) || references([]byte(changed)) == nil {
			t.Errorf("%s in place of %s is not found", c[1], c[0])
		}
	}
	if valid(bytes.Replace(golden, []byte(`"LIBRARY"`), []byte(`"DEB"`), 1)) == nil {
		t.Error("the schema accepts a purpose that it does not have")
	}
}

func BenchmarkEncode(b *testing.B) {
	d, m := exporttest.Large(10_000)
	size := &counter{}
	for b.Loop() {
		size.n = 0
		if err := Encode(size, d, m); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(size.n)
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func BenchmarkDecode(b *testing.B) {
	d, m := exporttest.Large(10_000)
	var data bytes.Buffer
	if err := Encode(&data, d, m); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(data.Len()))
	for b.Loop() {
		if _, _, err := Decode(bytes.NewReader(data.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
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

// footprint counts what the root contains.
func footprint(t testing.TB, data []byte) int {
	n := 0
	for _, r := range decodeSPDX(t, data).Relationships {
		if r.Relationship == "CONTAINS" && r.RefA.ElementRefID == environmentID && r.RefB.ElementRefID != osID {
			n++
		}
	}
	return n
}

// valid checks by the JSON schema of SPDX 2.3, which syft's module ships.
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

// references reads the document as plain JSON, not by the library, and checks
// the rules of the specification that the schema leaves out.
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
			fail("%s is said twice", key)
		}
		seen[key] = true
		for _, end := range []string{r.SPDXElementID, r.RelatedSPDXElement} {
			if !known[end] {
				fail("%s: %s is nothing", key, end)
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

func readAnybodys(data []byte) (*sbom.Document, error) {
	return Read(context.Background(), data, JSON, "document")
}
