package oracle

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
	"github.com/anchore/syft/syft/source/directorysource"

	"github.com/depaudit/depaudit/sbom/catalogers"
)

// omitted are the catalogers that syft runs on images and that do not run
// here, each with its reason.
var omitted = map[string]string{
	"alpm-db-cataloger":              "package ospkg reads the operating system's database",
	"apk-db-cataloger":               "package ospkg reads the operating system's database",
	"dpkg-db-cataloger":              "package ospkg reads the operating system's database",
	"rpm-db-cataloger":               "package ospkg reads the operating system's database",
	"dotnet-packages-lock-cataloger": "a lock file declares and does not install",
}

// added are the catalogers that run here and that syft does not run on
// images.
var added = map[string]string{
	"conda-meta-cataloger": "a conda prefix in an image is as installed as one in a directory",
}

// TestCatalogersAreThoseOfImages fails when an upgrade of syft adds or removes
// a cataloger, or changes the tag of one.
func TestCatalogersAreThoseOfImages(t *testing.T) {
	want := slices.DeleteFunc(imageCatalogers(t), func(name string) bool { return omitted[name] != "" })
	for name := range added {
		want = append(want, name)
	}
	slices.Sort(want)
	got := catalogers.Covered()
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s runs here, and is neither among syft's for images nor in added", name)
		}
		if strings.Contains(name, "archive-cataloger") && name != "java-archive-cataloger" {
			t.Errorf("%s reads archives, which are not installed", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("syft runs %s on images: add it, or omit it with a reason", name)
		}
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Error("a cataloger is in the list twice")
	}
	all := imageCatalogers(t)
	for name := range omitted {
		if !slices.Contains(all, name) {
			t.Errorf("%s is omitted, and syft does not run it on images", name)
		}
	}
	for name := range added {
		if slices.Contains(all, name) {
			t.Errorf("%s is added, and syft runs it on images", name)
		}
	}
}

// imageCatalogers returns the catalogers that syft runs on an image. They are
// in the description of every SBOM that it writes.
func imageCatalogers(t *testing.T) []string {
	t.Helper()
	if _, err := licences(); err != nil { // which registers the database driver
		t.Fatal(err)
	}
	src, err := directorysource.NewFromPath(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := syft.DefaultCreateSBOMConfig().WithoutFiles().
		WithCatalogerSelection(cataloging.NewSelectionRequest().WithDefaults(pkgcataloging.ImageTag))
	result, err := syft.CreateSBOM(context.Background(), src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(result.Descriptor.Configuration)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Catalogers struct {
			Used []string `json:"used"`
		} `json:"catalogers"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Catalogers.Used) < 20 {
		t.Fatalf("syft lists only %q", c.Catalogers.Used)
	}
	return slices.DeleteFunc(c.Catalogers.Used, func(name string) bool { return strings.HasPrefix(name, "file-") })
}
