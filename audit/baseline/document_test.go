package baseline

import (
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// TestBaselineDocument checks that the document of a baseline has exactly the
// identities of the baseline.
func TestBaselineDocument(t *testing.T) {
	b, err := Load("../../testdata/cpython/example/depaudit.baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, stage := range b.Stages {
		doc, entries, err := stage.Document()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(doc.Components) != len(stage.Dependencies) || len(entries) != len(stage.Dependencies) {
			t.Errorf("%s: %d components of %d entries", name, len(doc.Components), len(stage.Dependencies))
		}
		for i := range doc.Components {
			c := &doc.Components[i]
			if e := entries[c.ID]; e == nil || e.Key != sbom.Key(c) || e.Version != c.Version || e.PURL != c.PURL {
				t.Errorf("%s: %+v of %+v", name, c, e)
			}
		}
		total += len(doc.Components)
	}
	if total < 1000 {
		t.Errorf("only %d components", total)
	}
}

func TestBaselineDocumentKeepsIdentities(t *testing.T) {
	for _, c := range []sbom.Component{
		{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "libstdc++6", Version: "12.2.0-14", Arch: "amd64"},
		{Kind: sbom.KindOS, Type: "rpm", Name: "gpg-pubkey", Version: "1"},
		{Kind: sbom.KindPackage, Type: "npm", Namespace: "@types", Name: "node", Version: "20.1.0"},
		{Kind: sbom.KindPackage, Type: "golang", Namespace: "github.com/spf13", Name: "cobra", Version: "v1.8.0"},
		{Kind: sbom.KindPackage, Type: "pypi", Name: "x"},
		{Kind: sbom.KindFiles, Type: "generic", Name: "go", Paths: []string{"/opt/a?arch=b/go@1"}},
	} {
		e := newAccepted(sbom.Key(&c), c.Version, audit.FromOS, "", "")
		if got := component(&e); sbom.Identity(&got) != sbom.Identity(&c) && c.Kind != sbom.KindFiles {
			t.Errorf("%s reads back as %s", sbom.Identity(&c), sbom.Identity(&got))
		} else if sbom.Key(&got) != sbom.Key(&c) {
			t.Errorf("%s reads back as %s", sbom.Key(&c), sbom.Key(&got))
		}
	}
}
