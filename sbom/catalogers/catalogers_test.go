package catalogers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
	"github.com/anchore/syft/syft/source/directorysource"
	"golang.org/x/mod/modfile"
)

// omitted are the catalogers that syft gives to images and that are not
// ours, each with the reason.
var omitted = map[string]string{
	"alpm-db-cataloger":              "the operating system's database is package osdb's business",
	"apk-db-cataloger":               "the operating system's database is package osdb's business",
	"dpkg-db-cataloger":              "the operating system's database is package osdb's business",
	"rpm-db-cataloger":               "the operating system's database is package osdb's business",
	"dotnet-packages-lock-cataloger": "a lock file declares and does not install",
}

// added are the catalogers that are ours and that syft does not give to
// images.
var added = map[string]string{
	"conda-meta-cataloger": "a conda prefix in an image is as installed as one in a folder",
}

// TestCatalogersAreThoseOfImages is there to be seen when an upgrade of syft
// adds a cataloger, takes one away or gives one another tag.
func TestCatalogersAreThoseOfImages(t *testing.T) {
	want := slices.DeleteFunc(imageCatalogers(t), func(name string) bool { return omitted[name] != "" })
	for name := range added {
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	for _, c := range catalogers() {
		if r, ok := c.(*reader); ok && len(r.replaces) > 0 {
			got = append(got, r.replaces...)
			continue
		}
		got = append(got, c.Name())
	}
	slices.Sort(got)
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is in our list, and neither among syft's for images nor in added", name)
		}
		if strings.Contains(name, "archive-cataloger") && name != "java-archive-cataloger" {
			t.Errorf("%s reads archives, which are not installed", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("syft gives %s to images: take it, or omit it with a reason", name)
		}
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Error("a cataloger stands twice in the list")
	}
	all := imageCatalogers(t)
	for name := range omitted {
		if !slices.Contains(all, name) {
			t.Errorf("%s is omitted, but syft does not give it to images", name)
		}
	}
	for name := range added {
		if slices.Contains(all, name) {
			t.Errorf("%s is added, but syft gives it to images by itself", name)
		}
	}
}

// noDriver stands for the database driver that syft's reader of RPM
// databases insists on. There is nothing to read with it here.
type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return nil, errors.New("there is no database") }

var registerDriver = sync.OnceFunc(func() { sql.Register("sqlite", noDriver{}) })

// imageCatalogers asks syft which catalogers it runs on an image: it writes
// the list into the description of every SBOM.
func imageCatalogers(t *testing.T) []string {
	t.Helper()
	registerDriver()
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
		t.Fatalf("syft names only %q", c.Catalogers.Used)
	}
	return slices.DeleteFunc(c.Catalogers.Used, func(name string) bool { return strings.HasPrefix(name, "file-") })
}

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
			if want := "syft " + r.Mod.Version; Version != want {
				t.Errorf("Version is %q, go.mod says %q: reports and baselines would name another ruler than the one that measured", Version, want)
			}
			return
		}
	}
	t.Error("go.mod does not require syft")
}
