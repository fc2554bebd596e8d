package sbomread

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
	"github.com/depaudit/depaudit/sbom/spdx"
)

const (
	// softLimit is the memory limit that a scanning process of 2 GiB sets for
	// the collector.
	softLimit = 1536 << 20
	// maxPeak is the memory for reading the worst document, so that the rest of
	// the program fits into the 2 GiB.
	maxPeak = 1700 << 20
)

// fill repeats item until the document has the largest size that is read.
func fill(head, item, tail string) []byte {
	var b bytes.Buffer
	b.Grow(MaxBytes)
	b.WriteString(head)
	n := 0
	for {
		s := strings.ReplaceAll(item, "#", strconv.Itoa(n))
		if n > 0 && strings.HasPrefix(strings.TrimSpace(head), "{") {
			s = "," + s
		}
		if b.Len()+len(s)+len(tail) > MaxBytes {
			break
		}
		b.WriteString(s)
		n++
	}
	b.WriteString(tail)
	return b.Bytes()
}

// own encodes a document with n components.
func own(encode func(io.Writer, *sbom.Document, sbom.Meta) error, n int) []byte {
	d, m := exporttest.Large(n)
	var b bytes.Buffer
	if err := encode(&b, d, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// largest are documents of the largest size that is read. Each takes the most
// memory of its kind.
var largest = map[string]func() []byte{
	"CycloneDX, empty components": func() []byte {
		return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[`, `{}`, `]}`)
	},
	"CycloneDX, components": func() []byte {
		return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[`,
			`{"type":"library","bom-ref":"r#","name":"n#","version":"1","purl":"pkg:npm/n#@1","properties":[`+strings.Repeat(`{"name":"syft:location:0:path","value":"/a/#"},`, 6)+`{"name":"x","value":"y"}]}`, `]}`)
	},
	"CycloneDX, edges": func() []byte {
		return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","bom-ref":"a","name":"a"}],"dependencies":[`,
			`{"ref":"a","dependsOn":["a","a","a","a","a","a","a","b#"]}`, `]}`)
	},
	"CycloneDX, one string": func() []byte {
		return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"`+strings.Repeat("x", MaxBytes-200)+`"}],"x":[`, `0`, `]}`)
	},
	"CycloneDX, XML": func() []byte {
		return fill(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>`,
			`<component type="library" bom-ref="r#"><name>n#</name><version>1</version><purl>pkg:npm/n#@1</purl><properties>`+strings.Repeat(`<property name="syft:location:0:path">/a/#</property>`, 5)+`</properties></component>`, `</components></bom>`)
	},
	"SPDX, packages": func() []byte {
		return fill(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[`,
			`{"SPDXID":"SPDXRef-#","name":"n#","versionInfo":"1","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/n#@1"}],"checksums":[{"algorithm":"SHA1","checksumValue":"0123456789012345678901234567890123456789"}],"comment":"`+strings.Repeat("x", 150)+`"}`, `]}`)
	},
	"SPDX, files": func() []byte {
		return fill(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","files":[`, `{"SPDXID":"f#","fileName":"/#"}`, `]}`)
	},
	"SPDX, relations": func() []byte {
		return fill(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"a","name":"a"}],"relationships":[`,
			`{"spdxElementId":"a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"b#"}`, `]}`)
	},
	"SPDX 3.0, packages": func() []byte {
		return fill(`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[`,
			`{"type":"software_Package","spdxId":"https://x.org/#","name":"n#","software_packageVersion":"1","software_packageUrl":"pkg:npm/n#@1","summary":"`+strings.Repeat("x", 300)+`"}`, `]}`)
	},
	"SPDX, tag-value": func() []byte {
		return fill("SPDXVersion: SPDX-2.3\n", "PackageName: n#\nSPDXID: SPDXRef-#\nPackageVersion: 1\nExternalRef: PACKAGE-MANAGER purl pkg:npm/n#@1\nPackageComment: "+strings.Repeat("x", 330)+"\n", "")
	},
	"syft": func() []byte {
		return fill(`{"artifacts":[`, `{"id":"#","name":"n#","version":"1","type":"npm","purl":"pkg:npm/n#@1","locations":[{"path":"/a/#","layerID":"x","annotations":{"evidence":"primary"}}],"metadata":{"author":"`+strings.Repeat("x", 250)+`"}}`, `],"artifactRelationships":[]}`)
	},
	"syft in a statement": func() []byte {
		return fill(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://syft.dev/bom","predicate":{"artifactRelationships":[],"artifacts":[`,
			`{"id":"#","name":"n#","version":"1","type":"npm","purl":"pkg:npm/n#@1","locations":[{"path":"/a/#"}],"metadata":{"author":"`+strings.Repeat("x", 350)+`"}}`, `]}}`)
	},
	"our own SPDX":      func() []byte { return own(spdx.Encode, 60_000) },
	"our own CycloneDX": func() []byte { return own(cyclonedx.Encode, 80_000) },
	"lists": func() []byte {
		return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6","x":[`, `[]`, `]}`)
	},
	"keys": func() []byte { return fill(`{"bomFormat":"CycloneDX","specVersion":"1.6",`, `"#":0`, `}`) },
}

// TestMemoryAtLimit checks the peak memory of reading the largest documents, each
// in its own process.
func TestMemoryAtLimit(t *testing.T) {
	if name := os.Getenv("DEPAUDIT_INTAKE_LARGEST"); name != "" {
		readLargest(t, name)
		return
	}
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("takes minutes: set DEPAUDIT_E2E=1")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range largest {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(self, "-test.run=^TestMemoryAtLimit$", "-test.v")
			cmd.Env = append(os.Environ(), "DEPAUDIT_INTAKE_LARGEST="+name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, rest, _ := strings.Cut(string(out), "peak ")
			kib, err := strconv.Atoi(strings.Fields(rest + " ?")[0])
			if err != nil {
				t.Fatalf("no peak in\n%s", out)
			}
			t.Log(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
			if kib<<10 > maxPeak {
				t.Errorf("took %d MiB", kib>>10)
			}
		})
	}
}

func readLargest(t *testing.T, name string) {
	make, ok := largest[name]
	if !ok {
		make = largest[strings.ReplaceAll(name, "_", " ")]
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make()); err != nil {
		t.Fatal(err)
	}
	// The memory for making the document does not count.
	reset(t)
	debug.SetMemoryLimit(softLimit)
	if _, err := file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	d, err := Read(context.Background(), file, "largest")
	result := fmt.Sprint(err)
	if err == nil {
		result = fmt.Sprintf("%d components, %d relations, %d gaps", len(d.Components), len(d.Relations), len(d.Gaps))
	}
	fmt.Printf("peak %d KiB, %.1f s: %.200s\n", peak(t), time.Since(start).Seconds(), result)
}
