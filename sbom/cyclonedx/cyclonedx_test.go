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
	Encode: Encode, Decode: Decode, Read: readAnybodys,
	Valid: valid, References: references, PURLs: purls, Footprint: footprint,
	Golden: "small.cdx.json",
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
	golden, err := os.ReadFile("testdata/small.cdx.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6"}`))
	f.Fuzz(func(t *testing.T, data []byte) { codec.CheckForeign(t, data) })
}

// Nothing that the encoder says is later than the version that it names.
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

// A chain of owners is as deep as a stranger wants; the document is not.
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
		t.Errorf("%d nested components, want setuptools and the packaging inside of it", nested)
	}
}

func TestDecodeRefuses(t *testing.T) {
	golden, err := os.ReadFile("testdata/small.cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		want     string
	}{
		"truncated":      {string(golden[len(golden)/2:]), "", "ends in the middle"},
		"foreign":        {`"depaudit:environment"`, `"x"`, ErrForeign.Error()},
		"no rules":       {`"depaudit:rules"`, `"x"`, ErrForeign.Error()},
		"unquoted":       {`"name": "bash"`, `"name": "\"bash"`, "quoted text"},
		"broken record":  {`"value": "{\"ref\"`, `"value": "{ref\"`, "no record"},
		"no number":      {`"value": "13000000"`, `"value": "1e7"`, "depaudit:installed-size"},
		"more behind it": {"\n}\n", "\n}\n{}\n", "after top-level value"},
		"twice":          {`"bom-ref": "pypi/packaging@21.3"`, `"bom-ref": "pypi/setuptools@66.1.1"`, "used twice"},
		"dangling edge":  {`"dependsOn": [`, `"dependsOn": ["nowhere",`, "no component"},
		"dangling owner": {`"value": "pypi/setuptools@66.1.1"`, `"value": "nowhere"`, "which is no component"},
		"date":           {`"timestamp": "2024-04-29T12:00:00Z"`, `"timestamp": "yesterday"`, "metadata.timestamp"},
		"version 9":      {`"specVersion": "1.6"`, `"specVersion": "9"`, "is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(golden, []byte(c.old)) {
				t.Fatalf("the golden file has no %s", c.old)
			}
			changed := strings.ReplaceAll(string(golden), c.old, c.new)
			_, _, err := Decode(strings.NewReader(changed))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
	if _, err := load(bytes.NewReader(golden), 100); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large: %v", err)
	}
}

// The checker of references finds what it is there to find.
func TestReferencesFinds(t *testing.T) {
	golden, err := os.ReadFile("testdata/small.cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{`"bom-ref": "pypi/packaging@21.3"`, `"bom-ref": "pypi/setuptools@66.1.1"`},
		{`"ref": "pypi/setuptools@66.1.1"`, `"ref": "nowhere"`},
		{`"dependsOn": [`, `"dependsOn": ["nowhere",`},
		{`"assemblies": [`, `"assemblies": ["nowhere",`},
	} {
		changed := strings.ReplaceAll(string(golden), c[0], c[1])
		if changed == string(golden) || references([]byte(changed)) == nil {
			t.Errorf("%s in place of %s is not found", c[1], c[0])
		}
	}
	if valid(bytes.Replace(golden, []byte(`"type": "library"`), []byte(`"type": "deb"`), 1)) == nil {
		t.Error("the schema accepts a type that it does not have")
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

// valid checks by the official schema of 1.6, which testdata/schema has with
// the two that it refers to.
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

// references reads the document as plain JSON, not by the library.
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
			fail("%s refers to %q, which is nothing", by, ref)
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

// list reads the library's pointers to slices, which may be nil.
func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

func readAnybodys(data []byte) (*sbom.Document, error) {
	return Read(context.Background(), data, JSON, "document")
}
