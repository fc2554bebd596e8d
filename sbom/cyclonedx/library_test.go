package cyclonedx

import (
	"bytes"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/depaudit/depaudit/sbom/strictjson"
)

// TestLibraryReader checks the reasons of the package comment for a reader of
// our own. If a release of the library makes one of them untrue, the test
// fails, and the reader can be considered again.
func TestLibraryReader(t *testing.T) {
	// Each of these is in a field that has no effect on the count, and the
	// library returns no component of the document. The first is valid by the
	// schema, to which 1.0 is an integer.
	for _, part := range []string{
		`"version":1.0,"components":[{"type":"library","name":"a"}]`,
		`"components":[{"type":"library","name":"a","licenses":[{"license":"MIT"}]}]`,
		`"components":[{"type":"library","name":"a","supplier":"Somebody"}]`,
		`"components":[{"type":"library","name":"a","author":{"name":"Somebody"}}]`,
		`"components":[{"type":"library","name":"a","evidence":{"occurrences":[{"location":"/a","line":"3"}]}}]`,
		`"components":[{"type":"library","name":"a"}],"vulnerabilities":[{"ratings":[{"score":"7.5"}]}]`,
	} {
		data := []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6",` + part + `}`)
		if err := strictjson.Unmarshal(t.Context(), data, new(cdx.BOM)); err == nil {
			t.Errorf("the library reads %s", part)
		}
		ours := new(bom)
		if err := strictjson.Unmarshal(t.Context(), data, ours); err != nil || len(ours.Components) != 1 {
			t.Errorf("our reader: %s: %v", part, err)
		}
	}
	t.Run("XML", func(t *testing.T) {
		for _, components := range []string{
			// The last of two elements, one of them in another namespace.
			`<component type="library"><name>a</name><name>b</name></component>`,
			`<component type="library"><name>a</name><name xmlns="http://example.org/">b</name></component>`,
		} {
			data := []byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>` + components + `</components></bom>`)
			theirs := new(cdx.BOM)
			err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatXML).Decode(theirs)
			if err != nil || (*theirs.Components)[0].Name != "b" {
				t.Errorf("the library: %s: %v", components, err)
			}
			if _, err := readXML(t.Context(), data); err == nil {
				t.Errorf("our reader accepts %s", components)
			}
		}
		// The guard of our reader removes these two, but not this one.
		data := []byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>a</name><licenses><licence>MIT</licence></licenses></component></components></bom>`)
		if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatXML).Decode(new(cdx.BOM)); err == nil {
			t.Error("the library reads a licence of another spelling")
		}
		if _, err := readXML(t.Context(), data); err != nil {
			t.Errorf("our reader: %v", err)
		}
	})
}

// BenchmarkReaders compares both on a document of 10,000 components.
func BenchmarkReaders(b *testing.B) {
	data := []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` +
		strings.TrimSuffix(strings.Repeat(`{"type":"library","bom-ref":"r","name":"n","version":"1","purl":"pkg:npm/n@1","licenses":[{"license":{"id":"MIT"}}],"properties":[{"name":"a","value":"b"}]},`, 10_000), ",") + `]}`)
	for name, to := range map[string]func() any{"library": func() any { return new(cdx.BOM) }, "ours": func() any { return new(bom) }} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := strictjson.Unmarshal(b.Context(), data, to()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
