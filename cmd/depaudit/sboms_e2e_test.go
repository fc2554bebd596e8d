package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestSBOMsOfRealStages writes the SBOMs of CPython's stages, with the artifacts that
// prove the one that builds the source, and checks them against the official schemas.
// It logs the shares of the elements that are known.
func TestSBOMsOfRealStages(t *testing.T) {
	roots := realRoots(t)
	// Before the stage sets HOME, where the module cache is.
	schemas, validator := officialSchemas(t), newSchemaValidator(t)
	s := newProvenStage(t, "build-source")
	config := fmt.Sprintf(`pipeline: cpython
artifacts: [wheels]
stages:
  - name: build-source
    environment: dir:%s
    locks: [%s/requirements.txt]
    verify: true
  - name: test-source
    environment: dir:%s/test-source
    locks: []
`, s.root, roots, roots)
	if err := os.WriteFile(filepath.Join(s.dir, "depaudit.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"audit", "-q", "--author", "Release Team <release@example.org>", "--date", "2026-11-28"}
	for format := range elementFiles("") {
		args = append(args, "-o", format+"={stage}."+format)
	}
	if out, stderr, code := program(t, s.dir, args...); code != exitPass {
		t.Fatalf("exit %d\n%s%s", code, out, stderr)
	}
	// The least that is known of the elements, in percent.
	for stage, least := range map[string]map[string]int{
		// .debs and wheels are known by their digests, but not what is bundled in them; 89 of 118 copyright files are
		// for machines, and the wheels, which are made for the test, state nothing.
		"build-source": {"hash": 98, "license": 55, "supplier": 74},
		// No stage without verification has a hash of a .deb.
		"test-source": {"license": 50, "supplier": 100},
	} {
		for format, file := range elementFiles(s.dir) {
			file = filepath.Join(s.dir, stage+"."+format)
			doc, components := readElements(t, format, file)
			t.Logf("%s: %s", stage, format)
			checkElements(t, format, elements(), doc, components, true)
			if format != "spdx-json" {
				checkElements(t, format, elementsOfBSI(), doc, components, true)
			}
			for name, share := range least {
				known := 0
				for _, c := range components {
					if !isUnknown(c, name) {
						known++
					}
				}
				if 100*known < share*len(components) {
					t.Errorf("%s: %s: %s of %d of %d components", stage, format, name, known, len(components))
				}
			}
			validator.check(t, file, schemas[format]...)
			if out, stderr, code := program(t, s.dir, "scan", "sbom:"+file); code != exitPass || strings.Contains(out+stderr, "changed since") {
				t.Errorf("%s: %s is read back with exit %d\n%s%s", stage, format, code, out, stderr)
			}
		}
	}
}

// officialSchemas are those that the formats publish: the arguments of the validator.
func officialSchemas(t *testing.T) map[string][]string {
	t.Helper()
	syft, err := moduletest.Dependency("github.com/anchore/syft")
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"spdx-json":      {filepath.Join(syft, "schema/spdx-json/spdx-schema-2.3.json")},
		"spdx3-json":     {filepath.Join(moduleRoot, "sbom/spdx/testdata/spdx-3.0.1/schema.json")},
		"cyclonedx-json": {"-formats", filepath.Join(moduleRoot, "sbom/cyclonedx/testdata/schema/bom-1.6.SNAPSHOT.schema.json")},
	}
}
