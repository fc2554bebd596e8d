package spdx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spdx/tools-golang/spdx/v3/v3_0"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

var graphCodec = exporttest.Codec{
	Encode: EncodeGraph,
	Decode: exporttest.Decoder(readGraph, func(doc *document) (*sbom.Document, sbom.Meta, error) { return decode(asTwo(doc)) }),
	Read:   func(data []byte) (*sbom.Document, error) { return Read(context.Background(), data, Graph, "document") },
	Valid:  validGraph, References: graphReferences, PURLs: graphPURLs, Footprint: graphFootprint,
	Golden: "small.spdx3.json",
}

func TestGraphCodec(t *testing.T) { exporttest.Run(t, graphCodec) }

func FuzzEncodeGraph(f *testing.F) { graphCodec.FuzzEncode(f) }

func BenchmarkEncodeGraph(b *testing.B) { graphCodec.BenchmarkEncode(b) }

// validGraph checks against the JSON schema of 3.0.1 that the specification publishes;
// testdata/spdx-3.0.1 has it and its origin.
func validGraph(data []byte) error {
	schema, err := compiledGraph()
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

var compiledGraph = sync.OnceValues(func() (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) { return moduletest.Compile(s) })
	return c.Compile(filepath.Join("testdata", "spdx-3.0.1", "schema.json"))
})

// TestGraphSchema checks that the schema refuses what it should, with our engine of
// expressions too.
func TestGraphSchema(t *testing.T) {
	d, m := exporttest.Small()
	var b bytes.Buffer
	if err := EncodeGraph(&b, d, m); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"software_packageVersion"`, `"packageVersion"`},
		{`"relationshipType": "contains"`, `"relationshipType": "CONTAINS"`},
		{`"created": "2024-04-29T12:00:00Z"`, `"created": "2024-04-29"`},
		{`"spdxId": "https:`, `"spdxId": "_:`},
		{`"algorithm": "sha512"`, `"algorithm": "SHA512"`},
		{`"software_sbomType"`, `"sbomType"`},
	} {
		changed := strings.Replace(b.String(), change[0], change[1], 1)
		if changed == b.String() {
			t.Errorf("%s: not in the document", change[0])
		} else if validGraph([]byte(changed)) == nil {
			t.Errorf("%s: valid", change[1])
		}
	}
}

// TestLibraryWriter3 has the reasons of the package comment for a writer of our own:
// elements are in the order of a map, and the individuals of the model are variables,
// in which a document leaves its author for the next one. If a release of the library
// makes them untrue, the test fails, and the library can be considered again.
func TestLibraryWriter3(t *testing.T) {
	write := func(author string, more ...v3_0.AnyElement) string {
		info := &v3_0.CreationInfo{SpecVersion: v3_0.Version, CreatedBy: v3_0.AgentList{&v3_0.SoftwareAgent{ID: "https://example.org/a", Name: author}}}
		bom := &v3_0.SBOM{ID: "https://example.org/b", CreationInfo: info}
		for i := range 50 {
			bom.Elements = append(bom.Elements, &v3_0.Package{ID: fmt.Sprintf("https://example.org/p%d", i), CreationInfo: info, Name: "p"})
		}
		bom.Elements = append(bom.Elements, more...)
		doc := &v3_0.Document{SpdxDocument: v3_0.SpdxDocument{ID: "https://example.org/d", CreationInfo: info, RootElements: v3_0.ElementList{bom}}}
		var b bytes.Buffer
		if err := doc.ToJSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first, differs := write("a"), false
	for range 10 {
		differs = differs || write("a") != first
	}
	if !differs {
		t.Error("the library writes elements in one order")
	}
	individual := v3_0.IndividualLicensingInfo_NoneLicense
	defer individual.SetCreationInfo(individual.GetCreationInfo())
	write("the first author", individual)
	if !strings.Contains(write("b", individual), "the first author") {
		t.Error("the library no longer writes the author of one document into another")
	}
}

// TestLibraryReadsGraph has what we write read by the library, which checks it against
// the constraints of the model (SHACL), of which the schema has a part.
func TestLibraryReadsGraph(t *testing.T) {
	for name, make := range map[string]func() (*sbom.Document, sbom.Meta){
		"small": exporttest.Small, "hostile": exporttest.Hostile,
	} {
		d, m := make()
		var b bytes.Buffer
		if err := EncodeGraph(&b, d, m); err != nil {
			t.Fatal(err)
		}
		var doc v3_0.Document
		if err := doc.FromJSON(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := doc.Validate(false); err != nil {
			for line := range strings.Lines(err.Error()) {
				// The model's individuals are not of the document; in the hostile one
				// package URLs are arbitrary texts.
				if !strings.Contains(line, "<Individual") && !(name == "hostile" && strings.Contains(line, ".PackageURL<URI>")) {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
		bom, ok := doc.RootElements[0].(*v3_0.SBOM)
		if !ok {
			t.Fatalf("%s: the root is %T", name, doc.RootElements[0])
		}
		packages := 0
		for _, e := range bom.Elements {
			if p, ok := e.(*v3_0.Package); ok && p.GetCreationInfo() != nil {
				packages++
			}
		}
		if want := len(d.Components) + 2; packages != want {
			t.Errorf("%s: the library reads %d packages, %d were written", name, packages, want)
		}
	}
}

type graphNode struct {
	Type, SPDXID, AtID, Name, From, RelationshipType, Comment, Subject, Statement, SuppliedBy string
	CreationInfo                                                                              any
	To, RootElement, Element                                                                  []string
	PURL                                                                                      string `json:"software_packageUrl"`
	Purpose                                                                                   string `json:"software_primaryPurpose"`
	Created                                                                                   string
	VerifiedUsing                                                                             []struct{ Algorithm, HashValue string }
}

func graphNodes(data []byte) ([]graphNode, error) {
	var doc struct {
		Graph []graphNode `json:"@graph"`
	}
	err := json.Unmarshal(data, &doc)
	return doc.Graph, err
}

func graphPURLs(t testing.TB, data []byte) []string {
	nodes, err := graphNodes(data)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range nodes {
		if n.PURL != "" {
			out = append(out, n.PURL)
		}
	}
	return out
}

// graphFootprint counts what the root of the SBOM contains, less the operating system.
func graphFootprint(t testing.TB, data []byte) int {
	nodes, err := graphNodes(data)
	if err != nil {
		t.Fatal(err)
	}
	var root string
	systems := map[string]bool{}
	for _, n := range nodes {
		if n.Type == "software_Sbom" {
			root = n.RootElement[0]
		}
		if n.Purpose == "operatingSystem" {
			systems[n.SPDXID] = true
		}
	}
	count := 0
	for _, n := range nodes {
		if n.RelationshipType == "contains" && n.From == root && !systems[n.To[0]] {
			count++
		}
	}
	return count
}

// graphReferences checks what the schema does not: identifiers are used once, and lead
// to an object or to an individual of the model; each object is an element of the
// SBOM; each package hangs below its root.
func graphReferences(data []byte) error {
	nodes, err := graphNodes(data)
	if err != nil {
		return err
	}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	known := map[string]string{
		"https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement":              "Element",
		"https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense": "License",
	}
	for _, n := range nodes {
		if n.Type == "CreationInfo" {
			if !datePattern.MatchString(n.Created) {
				fail("created %s", n.Created)
			}
			continue
		}
		if known[n.SPDXID] != "" {
			fail("%s is used twice", n.SPDXID)
		}
		known[n.SPDXID] = n.Type
		if !graphID.MatchString(n.SPDXID) {
			fail("%.100q is no identifier of ours", n.SPDXID)
		}
	}
	holder := map[string]string{}
	elements := map[string]bool{}
	for _, n := range nodes {
		for _, id := range slices.Concat(n.To, n.RootElement, n.Element, []string{n.From, n.Subject, n.SuppliedBy}) {
			if id != "" && known[id] == "" {
				fail("%s: %s does not exist", n.SPDXID, id)
			}
		}
		if n.RelationshipType == "contains" {
			if holder[n.To[0]] != "" {
				fail("%s is contained twice", n.To[0])
			}
			holder[n.To[0]] = n.From
		}
		if n.Type == "software_Sbom" {
			for _, id := range n.Element {
				elements[id] = true
			}
			holder[n.RootElement[0]] = n.SPDXID
		}
		if n.Statement != "" {
			if lines := strings.Count(n.Statement, "\n") + 1; len(sbom.ParseFacts(n.Statement)) != lines {
				fail("the statement %.100q has lines that are no facts", n.Statement)
			}
		}
		for _, h := range n.VerifiedUsing {
			if !hashPattern.MatchString(h.HashValue) || h.Algorithm == "" {
				fail("%s: hash %v", n.SPDXID, h)
			}
		}
	}
	for _, n := range nodes {
		if n.Type == "CreationInfo" || n.Type == "SpdxDocument" || n.Type == "software_Sbom" {
			continue
		}
		if !elements[n.SPDXID] {
			fail("%s is no element of the SBOM", n.SPDXID)
		}
		if n.Type == "software_Package" {
			at := n.SPDXID
			for range len(nodes) {
				at = holder[at]
			}
			if holder[n.SPDXID] == "" || at != "" {
				fail("%s does not hang below the SBOM", n.SPDXID)
			}
		}
	}
	return errors.Join(errs...)
}

var graphID = regexp.MustCompile(`^https://[^#\s]+/[0-9a-f-]{36}(#[a-zA-Z0-9.-]+)?$`)
