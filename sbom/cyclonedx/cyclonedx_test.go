package cyclonedx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
)

var _ = flag.Bool("update", false, "write the golden files")

var codec = exporttest.Codec{
	Encode: Encode, Decode: exporttest.Decoder(readJSON, decode), Read: read,
	Valid: valid, References: references, PURLs: purls, Footprint: footprint,
	Golden: "small.cdx.json",
}

func TestCodec(t *testing.T) { exporttest.Run(t, codec) }

func FuzzEncode(f *testing.F) { codec.FuzzEncode(f) }

func FuzzDecode(f *testing.F) { codec.FuzzDecode(f, `{"bomFormat":"CycloneDX","specVersion":"1.6"}`) }

func BenchmarkEncode(b *testing.B) { codec.BenchmarkEncode(b) }

func BenchmarkDecode(b *testing.B) { codec.BenchmarkDecode(b) }

// TestNothingLaterThan16 checks that the encoder uses no later version than 1.6.
func TestNothingLaterThan16(t *testing.T) {
	d, m := exporttest.Hostile()
	var direct, converted bytes.Buffer
	if err := Encode(&direct, d, m); err != nil {
		t.Fatal(err)
	}
	if err := cdx.NewBOMEncoder(&converted, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(decodeBOM(t, direct.Bytes()), cdx.SpecVersion1_6); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(direct.Bytes(), converted.Bytes()) {
		t.Error("converting to 1.6 changes the document")
	}
}

// TestAggregate checks what a document states of its list of components.
func TestAggregate(t *testing.T) {
	for want, d := range map[string]sbom.Document{
		"complete":   {Components: []sbom.Component{{Kind: sbom.KindPackage, Type: "npm", Name: "a", Version: "1"}}},
		"incomplete": {Gaps: []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/a"}}},
		"unknown":    {}, // nothing was found
	} {
		d.Environment.Kind = "dir"
		doc, err := sbom.New(d)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Encode(&b, doc, sbom.Meta{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `"aggregate": "`+want+`",`) {
			t.Errorf("not %s:\n%s", want, b.String())
		}
	}
}

// TestNestingIsOneLevel checks that a chain of owners is nested in one level.
func TestNestingIsOneLevel(t *testing.T) {
	d, m := exporttest.Small()
	var b bytes.Buffer
	if err := Encode(&b, d, m); err != nil {
		t.Fatal(err)
	}
	nested := 0
	for _, c := range list(decodeBOM(t, b.Bytes()).Components) {
		for _, inner := range list(c.Components) {
			nested++
			if inner.Components != nil {
				t.Errorf("%s is nested and nests", inner.BOMRef)
			}
		}
	}
	if nested != 2 {
		t.Errorf("%d nested components, want setuptools and the packaging bundled in it", nested)
	}
}

func TestDecodeRefuses(t *testing.T) {
	codec.Refuses(t, map[string]exporttest.Change{
		"third-party":    {Old: `"depaudit:environment"`, New: `"x"`, Want: errThirdParty.Error()},
		"no rules":       {Old: `"depaudit:rules"`, New: `"x"`, Want: errThirdParty.Error()},
		"unquoted":       {Old: `"name": "bash"`, New: `"name": "\"bash"`, Want: "quoted text"},
		"broken record":  {Old: `"value": "{\"ref\"`, New: `"value": "{ref\"`, Want: "not a record"},
		"no number":      {Old: `"value": "13000000"`, New: `"value": "1e7"`, Want: "depaudit:installed-size"},
		"more behind it": {Old: "\n}\n", New: "\n}\n{}\n", Want: "after top-level value"},
		"twice":          {Old: `"bom-ref": "pypi/packaging@21.3"`, New: `"bom-ref": "pypi/setuptools@66.1.1"`, Want: "used twice"},
		"dangling edge":  {Old: `"dependsOn": [`, New: `"dependsOn": ["nowhere",`, Want: "not a component"},
		"dangling owner": {Old: `"value": "pypi/setuptools@66.1.1"`, New: `"value": "nowhere"`, Want: "which is not a component"},
		"date":           {Old: `"timestamp": "2024-04-29T12:00:00Z"`, New: `"timestamp": "yesterday"`, Want: "metadata.timestamp"},
		"version 9":      {Old: `"specVersion": "1.6"`, New: `"specVersion": "9"`, Want: "unknown CycloneDX version"},
	})
}

// TestReferencesFinds checks the checker of references.
func TestReferencesFinds(t *testing.T) {
	codec.Finds(t, []exporttest.Change{
		{Old: `"bom-ref": "pypi/packaging@21.3"`, New: `"bom-ref": "pypi/setuptools@66.1.1"`},
		{Old: `"ref": "pypi/setuptools@66.1.1"`, New: `"ref": "nowhere"`},
		{Old: `"dependsOn": [`, New: `"dependsOn": ["nowhere",`},
		{Old: `"assemblies": [`, New: `"assemblies": ["nowhere",`},
	}, exporttest.Change{Old: `"type": "library"`, New: `"type": "deb"`})
}

func decodeBOM(t testing.TB, data []byte) *cdx.BOM {
	t.Helper()
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

func purls(t testing.TB, data []byte) []string {
	var out []string
	var walk func(*[]cdx.Component)
	walk = func(components *[]cdx.Component) {
		for _, c := range list(components) {
			if c.PackageURL != "" {
				out = append(out, c.PackageURL)
			}
			walk(c.Components)
		}
	}
	walk(decodeBOM(t, data).Components)
	return out
}

func footprint(t testing.TB, data []byte) int {
	n := 0
	for _, c := range list(decodeBOM(t, data).Components) {
		if c.Type != cdx.ComponentTypeOS {
			n++
		}
	}
	return n
}

// valid checks against the official schema of 1.6; testdata/schema has it and the
// two that it refers to.
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
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := filepath.Glob("testdata/schema/*.json")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		id, _ := schema.(map[string]any)["$id"].(string)
		for _, url := range []string{id, "http://cyclonedx.org/schema/" + filepath.Base(file)} {
			if err := c.AddResource(url, schema); err != nil {
				return nil, err
			}
		}
	}
	return c.Compile(schemaURL)
})

// references parses the document as plain JSON, without the library.
func references(data []byte) error {
	var bom struct {
		Metadata     struct{ Component entry }
		Components   []entry
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
		Compositions []struct{ Assemblies []string }
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		return err
	}
	known := map[string]bool{}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	var collect func(entry)
	collect = func(c entry) {
		switch {
		case c.BOMRef == "":
			fail("component %q has no reference", c.Name)
		case known[c.BOMRef]:
			fail("reference %q is used twice", c.BOMRef)
		case strings.HasPrefix(c.BOMRef, "urn:cdx:"):
			fail("reference %q looks like one into another document", c.BOMRef)
		}
		known[c.BOMRef] = true
		for _, inner := range c.Components {
			collect(inner)
		}
	}
	collect(bom.Metadata.Component)
	for _, c := range bom.Components {
		collect(c)
	}
	want := func(ref, by string) {
		if !known[ref] {
			fail("%s refers to %q, which does not exist", by, ref)
		}
	}
	seen := map[string]bool{}
	for _, d := range bom.Dependencies {
		want(d.Ref, "dependencies")
		if seen[d.Ref] {
			fail("dependencies of %q are listed twice", d.Ref)
		}
		seen[d.Ref] = true
		for _, on := range d.DependsOn {
			want(on, "dependencies of "+d.Ref)
		}
	}
	for _, c := range bom.Compositions {
		for _, ref := range c.Assemblies {
			want(ref, "a composition")
		}
	}
	return errors.Join(errs...)
}

type entry struct {
	BOMRef     string `json:"bom-ref"`
	Name       string
	Components []entry
}

// list returns the slice that the library points to, nil if it does not.
func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

func read(data []byte) (*sbom.Document, error) {
	return Read(context.Background(), data, JSON, "document")
}
