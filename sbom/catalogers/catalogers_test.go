package catalogers

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

func TestVersionIsThatOfTheModule(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Require {
		if r.Mod.Path == "github.com/anchore/syft" {
			if want := "syft " + r.Mod.Version + ", "; !strings.HasPrefix(Version, want) {
				t.Errorf("Version is %q, go.mod says %q: reports and baselines would name another counting method than the one in use", Version, want)
			}
			return
		}
	}
	t.Error("go.mod does not require syft")
}
