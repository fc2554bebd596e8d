package oracle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/source/directorysource"

	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestLicensesOfDebian compares the licences that package ospkg reads with those of
// syft, on the root file systems in DEPAUDIT_CI_ROOTS. The first word of each
// statement of ours must be among syft's, which takes no more of a line. Nor does it take one
// after a tab or two blanks. It has more: the names of texts that no file is under, and, of
// files that are not for machines, the texts in /usr/share/common-licenses that they
// mention in any way.
func TestLicensesOfDebian(t *testing.T) {
	roots, _ := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_CI_ROOTS"), "*", "var/lib/dpkg/status"))
	if os.Getenv("DEPAUDIT_E2E") == "" || len(roots) == 0 {
		t.Skip("needs DEPAUDIT_E2E=1 and DEPAUDIT_CI_ROOTS, a directory with root file systems")
	}
	ctx, err := licences()
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range roots {
		root := strings.TrimSuffix(status, "/var/lib/dpkg/status")
		tree, err := rootfs.Open(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		system, err := rootfs.Release(tree)
		if err != nil {
			t.Fatal(err)
		}
		db, err := ospkg.Open(t.Context(), tree, system.OS)
		if err != nil {
			t.Fatal(err)
		}
		src, err := directorysource.New(directorysource.Config{Path: root, Base: root})
		if err != nil {
			t.Fatal(err)
		}
		result, err := syft.CreateSBOM(ctx, src, syft.DefaultCreateSBOMConfig().WithoutFiles().
			WithCatalogerSelection(cataloging.NewSelectionRequest().WithDefaults("dpkg-db-cataloger")))
		if err != nil {
			t.Fatal(err)
		}
		theirs := map[string][]string{}
		for p := range result.Artifacts.Packages.Enumerate() {
			for _, l := range p.Licenses.ToSlice() {
				theirs[p.Name] = append(theirs[p.Name], strings.ToLower(l.Value))
			}
		}
		ours, both, more, guessed := 0, 0, 0, 0
		for _, c := range db.Components {
			list := theirs[c.Name]
			if len(list) > 0 {
				both++
			}
			if len(c.Licenses) == 0 {
				if len(list) > 0 {
					guessed++
				}
				continue
			}
			ours++
			more += len(list) - len(c.Licenses)
			for _, s := range c.Licenses {
				word, _, _ := strings.Cut(strings.ToLower(s), " ")
				text, err := os.ReadFile(filepath.Join(root, "usr/share/doc", c.Name, "copyright"))
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(text, []byte("\nLicense: "+s)) && !slices.Contains(list, strings.TrimSuffix(word, ",")) {
					t.Errorf("%s: %s: syft does not have %q: %q", root, c.Name, s, list)
				}
			}
		}
		t.Logf("%s: %d packages, %d with licences; %d of syft, %d of them from files that are not for machines, and %d more names", filepath.Base(root), len(db.Components), ours, both, guessed, more)
	}
}
