package rootfs

import (
	"os"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestSchemes checks that an environment kind is described where users and
// documents need it.
func TestSchemes(t *testing.T) {
	var table strings.Builder
	table.WriteString("| reference | environment |\n| --- | --- |\n")
	schema, err := os.ReadFile("../../docs/depaudit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Schemes() {
		table.WriteString("| `" + s.Form + "` | " + s.Text + " |\n")
		if !strings.Contains(string(schema), s.Name+":") && s.Name != SchemeSnapshot && s.Name != SchemeAttestation {
			t.Errorf("the schema of the configuration does not mention %s:", s.Name)
		}
		if got := (&sbom.Environment{Kind: s.Name}).IsImage(); got != s.Image {
			t.Errorf("%s: sbom.Environment.IsImage is %v, want %v", s.Name, got, s.Image)
		}
		// The form is an example of itself, with a path that does not exist.
		form := strings.NewReplacer("[", "", "]", "").Replace(s.Form)
		if ref, err := ParseRef(form); err != nil || ref.Scheme != s.Name || ref.String() != form {
			t.Errorf("%s is parsed as %+v, %v", form, ref, err)
		}
		if form := s.Name + ":"; s.Path != PathNone {
			if _, err := ParseRef(form); err == nil || !strings.Contains(err.Error(), s.Form[:len(form)]) {
				t.Errorf("%s: error %v", form, err)
			}
		}
	}
	doc, err := os.ReadFile("../../docs/environments.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), table.String()) {
		t.Errorf("docs/environments.md must contain\n%s", table.String())
	}
}
