package spdx

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/tagvalue"

	"github.com/depaudit/depaudit/sbom/strictjson"
)

// TestLibraryReader checks the reasons of the package comment for a reader of
// our own. If a release of the library makes one of them untrue, the test
// fails, and the reader can be considered again.
func TestLibraryReader(t *testing.T) {
	const head = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT",`
	t.Run("case", func(t *testing.T) {
		// The strict reader cannot check what a type decodes by itself, and the
		// library's Document does: the package is "b" for the library, "a" for
		// every reader of JSON that compares keys exactly.
		data := []byte(head + `"packages":[{"SPDXID":"SPDXRef-a","name":"a","NAME":"b"}]}`)
		var theirs v2_3.Document
		if err := strictjson.Unmarshal(t.Context(), data, &theirs); err != nil || theirs.Packages[0].PackageName != "b" {
			t.Errorf("the library reads %+v, error %v", theirs.Packages, err)
		}
		if err := strictjson.Unmarshal(t.Context(), data, new(document)); err == nil {
			t.Error("our reader accepts two spellings of a key")
		}
	})
	// Each of these is in a field that has no effect on the count. The library
	// returns no package of the document at all.
	for _, part := range []string{
		`"packages":[{"SPDXID":"SPDXRef-a","name":"a","supplier":"Somebody"}]`,
		`"packages":[{"SPDXID":"SPDXRef-a","name":"a","originator":""}]`,
		`"packages":[{"SPDXID":"SPDXRef-a","name":"a"}],"creationInfo":{"created":"2024-01-01T00:00:00Z","creators":["syft"]}`,
		`"packages":[{"SPDXID":"SPDXRef-a","name":"a"}],"annotations":[{"annotator":"me","comment":"x"}]`,
	} {
		data := []byte(head + part + "}")
		if doc, err := spdxjson.Read(bytes.NewReader(data)); err == nil {
			t.Errorf("the library reads %s: %v", part, doc.Packages)
		}
		doc := new(document)
		if err := strictjson.Unmarshal(t.Context(), data, doc); err != nil || len(doc.Packages) != 1 {
			t.Errorf("our reader: %s: %v", part, err)
		}
	}
	t.Run("tag-value", func(t *testing.T) {
		const head = "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: x\nDocumentNamespace: http://x\n"
		const pack = head + "PackageName: a\nSPDXID: SPDXRef-a\n"
		for tags, version := range map[string]string{
			"PackageVersion: 1\nPackageVersion: 2\n":    "2", // the last of two
			"PackageVersion: 1 <text>2</text>\n":        "2", // what is before <text> is lost
			"PackageVersion: <text>1</text> PackageX\n": "1", // and what is after it
		} {
			doc, err := tagvalue.Read(strings.NewReader(pack + tags))
			if err != nil || doc.Packages[0].PackageVersion != version {
				t.Errorf("the library: %q: %v", tags, err)
			}
			if ours, err := readTags(t.Context(), []byte(pack+tags)); err == nil && ours.Packages[0].Version == version {
				t.Errorf("our reader accepts %q as version %q", tags, version)
			}
		}
		// A line of a <text> is appended to all before it.
		text := func(n int) string {
			return head + "DocumentComment: <text>" + strings.Repeat("a\n", n) + "</text>\n"
		}
		once, twice := allocated(t, text(10_000)), allocated(t, text(20_000))
		if twice < 3*once {
			t.Errorf("the library allocates %d bytes for a text and %d for one twice as long: no longer quadratic", once, twice)
		}
		long := pack + "PackageSummary: " + strings.Repeat("a", 70_000) + "\n"
		if _, err := tagvalue.Read(strings.NewReader(long)); err == nil {
			t.Error("the library reads a line of 70,000 bytes")
		}
		if _, err := readTags(t.Context(), []byte(long)); err != nil {
			t.Errorf("our reader: %v", err)
		}
	})
}

func allocated(t *testing.T, doc string) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := tagvalue.Read(strings.NewReader(doc)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// BenchmarkReaders compares both on a document of 10,000 packages.
func BenchmarkReaders(b *testing.B) {
	var s strings.Builder
	s.WriteString(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"SPDXRef-x","name":"x"}`)
	for i := range 10_000 {
		fmt.Fprintf(&s, `,{"SPDXID":"SPDXRef-%d","name":"n%d","versionInfo":"1","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/n%d@1"}]}`, i, i, i)
	}
	s.WriteString(`]}`)
	data := []byte(s.String())
	for name, to := range map[string]func() any{"library": func() any { return new(v2_3.Document) }, "ours": func() any { return new(document) }} {
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
