package scan

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/source/directorysource"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/moduletest"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// finding is one package as syft sees it.
type finding struct {
	id    string
	paths []string
	pkg   pkg.Package
}

// noDriver replaces the database driver that syft's reader of RPM databases
// requires. There is no such database here.
type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return nil, errors.New("there is no database") }

// licences is a context with a licence scanner, which takes syft most of a
// second to build.
var licences = sync.OnceValues(func() (context.Context, error) {
	if !slices.Contains(sql.Drivers(), "sqlite") { // else one of our own packages has a real one
		sql.Register("sqlite", noDriver{})
	}
	return syft.SetContextLicenseScanner(context.Background(), cataloging.DefaultLicenseConfig())
})

// askSyft runs syft's own CreateSBOM with the catalogers that it gives to
// images.
func askSyft(t *testing.T, root string) []finding {
	t.Helper()
	ctx, err := licences()
	if err != nil {
		t.Fatal(err)
	}
	src, err := directorysource.New(directorysource.Config{Path: root, Base: root})
	if err != nil {
		t.Fatal(err)
	}
	cfg := syft.DefaultCreateSBOMConfig().WithoutFiles().
		WithCatalogerSelection(cataloging.NewSelectionRequest().WithDefaults(pkgcataloging.ImageTag).WithAdditions("conda-meta-cataloger"))
	result, err := syft.CreateSBOM(ctx, src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []finding
	for p := range result.Artifacts.Packages.Enumerate() {
		f := finding{id: syftIdentity(p), pkg: p}
		for _, l := range p.Locations.ToSlice() {
			f.paths = append(f.paths, path.Clean("/"+l.RealPath))
		}
		out = append(out, f)
	}
	return out
}

// syftIdentity is the identity by counting rule 2, from the package URL.
func syftIdentity(p pkg.Package) string {
	c := sbom.Component{Kind: sbom.KindPackage, Type: cmp.Or(p.Type.PackageURLType(), "generic"), Name: p.Name, Version: p.Version}
	if u, err := packageurl.FromString(p.PURL); err == nil {
		c.Type, c.Namespace, c.Name = u.Type, u.Namespace, u.Name
		if u.Version != "" {
			c.Version = u.Version
		}
		switch u.Type {
		case "deb", "apk", "rpm", "alpm":
			c.Kind, c.Arch = sbom.KindOS, u.Qualifiers.Map()["arch"]
		}
	}
	if c.Version == "UNKNOWN" { // syft's stub for a missing version
		c.Version = ""
	}
	if p.Type == pkg.CondaPkg { // syft has no package URL for it
		c.Type = packageurl.TypeConda
	}
	if c.Type == "pypi" {
		c.Name = ecosystem.Python(c.Name)
	}
	return sbom.Identity(&c)
}

// difference is a reason why syft reports what we do not, by a counting rule.
type difference struct {
	why     string
	applies func(s *scanner, d *sbom.Document, f finding) bool
}

var differences = []difference{
	{"rule 3: in an archive that a package of the system owns, which is not opened", func(s *scanner, d *sbom.Document, f finding) bool {
		return f.pkg.Type == pkg.JavaPkg && !slices.ContainsFunc(f.paths, func(p string) bool { return !s.owned(s.tree.Lookup(p)) })
	}},
	{"rule 5: a file that is recognised by strings in it counts as a file, as the folder around it, or as part of the package that lists it", func(s *scanner, d *sbom.Document, f finding) bool {
		switch f.pkg.Metadata.(type) {
		case pkg.BinarySignature, pkg.PEBinary:
			return !slices.ContainsFunc(f.paths, func(p string) bool { return s.accountedBy(s.tree.Lookup(p)) < 0 })
		}
		return false
	}},
	{"rule 1: a manifest outside of node_modules declares and installs nothing, and is listed", func(s *scanner, d *sbom.Document, f finding) bool {
		return f.pkg.Type == pkg.NpmPkg && excluded(d, f.paths, sbom.ExcludedDeclared, sbom.ExcludedFixture)
	}},
	{"rule 1: a formula of a tap is a recipe and installs nothing, and is listed", func(s *scanner, d *sbom.Document, f finding) bool {
		return f.pkg.Type == pkg.HomebrewPkg && excluded(d, f.paths, sbom.ExcludedDeclared)
	}},
	{"rule 1: a lock file installs nothing, and is listed", func(s *scanner, d *sbom.Document, f finding) bool {
		return f.pkg.FoundBy == "dotnet-packages-lock-cataloger" && excluded(d, f.paths, sbom.ExcludedLock)
	}},
	{"only the canonical database is the system's", func(_ *scanner, _ *sbom.Document, f finding) bool {
		switch f.pkg.FoundBy {
		case "dpkg-db-cataloger", "apk-db-cataloger", "alpm-db-cataloger", "rpm-db-cataloger":
			return !slices.ContainsFunc(f.paths, func(p string) bool { return strings.HasPrefix(p, "/var/lib/dpkg/status") })
		}
		return false
	}},
	{"syft names no architecture without an os-release", func(s *scanner, d *sbom.Document, f finding) bool {
		return f.pkg.FoundBy == "dpkg-db-cataloger" && d.Environment.OS.ID == "" &&
			slices.ContainsFunc(d.Components, func(c sbom.Component) bool { return strings.HasPrefix(c.ID, f.id+"?arch=") })
	}},
	{"the metadata is malformed, which is a gap", func(s *scanner, d *sbom.Document, f finding) bool {
		return slices.ContainsFunc(d.Gaps, func(g sbom.Gap) bool { return slices.Contains(f.paths, g.Path) })
	}},
}

func excluded(d *sbom.Document, paths []string, reasons ...sbom.ExclusionReason) bool {
	return slices.ContainsFunc(d.Excluded, func(e sbom.Exclusion) bool {
		return slices.Contains(paths, e.Path) && slices.Contains(reasons, e.Reason)
	})
}

// scanned is a scan with what is known at its end besides the document.
func scanned(t *testing.T, root string) (*scanner, *sbom.Document) {
	t.Helper()
	tree, err := rootfs.Open(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{Classify: magic})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	s, err := open(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.examine(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.assemble()
	d, err := sbom.New(s.doc)
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// compareWithSyft holds that syft and we find the same packages in a tree,
// but for differences that a counting rule explains, and for ours in more.
func compareWithSyft(t *testing.T, root string, more ...string) {
	t.Helper()
	s, d := scanned(t, root)
	ours := make(map[string]bool)
	for _, c := range d.Components {
		if c.Kind != sbom.KindFiles {
			ours[c.ID] = true
		}
	}
	theirs := make(map[string]bool)
	explained := make(map[string]int)
	for _, f := range askSyft(t, root) {
		theirs[f.id] = true
		if ours[f.id] {
			continue
		}
		i := slices.IndexFunc(differences, func(r difference) bool { return r.applies(s, d, f) })
		if i < 0 {
			t.Errorf("only syft reports %s (%s, by %s)", f.id, f.paths, f.pkg.FoundBy)
			continue
		}
		explained[differences[i].why]++
	}
	for _, id := range slices.Sorted(maps.Keys(ours)) {
		if !theirs[id] && !slices.Contains(more, id) {
			t.Errorf("only we report %s (%v)", id, d.Component(id).Paths)
		}
	}
	for _, id := range more {
		if !ours[id] {
			t.Errorf("%s is no longer among ours", id)
		}
	}
	for _, g := range d.Gaps {
		t.Logf("gap: %+v", g)
	}
	t.Logf("%d of ours, %d of syft's; explained: %v", len(ours), len(theirs), explained)
}

func TestSyftFindsTheSameInTheExample(t *testing.T) {
	for _, stage := range []string{"build-source", "test-source", "build-docs"} {
		t.Run(stage, func(t *testing.T) { compareWithSyft(t, "../../testdata/cpython/example/"+stage) })
	}
}

// TestSyftFindsTheSameInItsTestdata goes through the trees that syft tests
// its own catalogers with. They are read where the module cache has them.
func TestSyftFindsTheSameInItsTestdata(t *testing.T) {
	base := moduletest.Dir(t, "github.com/anchore/syft")
	for _, c := range []struct {
		tree string
		more []string
	}{
		// Two databases and one os-release, which syft believes for both.
		{"cmd/syft/internal/test/integration/testdata/image-pkg-coverage", []string{"apk/libc-utils@0.7.2-r0?arch=x86_64", "apk/musl-utils@1.1.24-r2?arch=x86_64"}},
		{"syft/pkg/cataloger/ai/testdata", nil},
		{"syft/pkg/cataloger/apple/testdata", nil},
		{"syft/pkg/cataloger/bitnami/testdata", nil},
		{"syft/pkg/cataloger/conda/testdata", nil},
		{"syft/pkg/cataloger/cpp/testdata", nil},
		{"syft/pkg/cataloger/debian/testdata/image-single-dpkg", nil},
		{"syft/pkg/cataloger/debian/testdata/image-distroless-deb", []string{"deb/libsqlite3-0@3.34.1-3?arch=arm64"}},
		{"syft/pkg/cataloger/dotnet/testdata", nil},
		{"syft/pkg/cataloger/gentoo/testdata", nil},
		{"syft/pkg/cataloger/homebrew/testdata", nil},
		{"syft/pkg/cataloger/java/testdata", nil},
		{"syft/pkg/cataloger/javascript/testdata", nil},
		{"syft/pkg/cataloger/lua/testdata", nil},
		{"syft/pkg/cataloger/nix/testdata", nil},
		{"syft/pkg/cataloger/perl/testdata", nil},
		{"syft/pkg/cataloger/php/testdata", nil},
		// syft passes over everything that calls itself Python.
		{"syft/pkg/cataloger/python/testdata", []string{"pypi/python@2.7.13"}},
		{"syft/pkg/cataloger/r/testdata", nil},
		{"syft/pkg/cataloger/ruby/testdata", nil},
		{"syft/pkg/cataloger/rust/testdata", nil},
		{"syft/pkg/cataloger/snap/testdata", nil},
		{"syft/pkg/cataloger/wordpress/testdata", nil},
	} {
		t.Run(strings.TrimPrefix(c.tree, "syft/pkg/cataloger/"), func(t *testing.T) {
			compareWithSyft(t, wholeDatabase(t, filepath.Join(base, c.tree)), c.more...)
		})
	}
}

// wholeDatabase ends the last record of an apk database that a tree has cut
// off, in a copy: what a real apk writes ends with an empty line, and half a
// database is an error.
func wholeDatabase(t *testing.T, root string) string {
	t.Helper()
	const database = "lib/apk/db/installed"
	data, err := os.ReadFile(filepath.Join(root, database))
	if err != nil || bytes.HasSuffix(data, []byte("\n\n")) {
		return root
	}
	whole := t.TempDir()
	if err := os.CopyFS(whole, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(whole, database), append(data, "\n\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	return whole
}

// TestSyftFindsTheSameInRealInstallations asks npm and pip to install
// something, for which it needs the network.
func TestSyftFindsTheSameInRealInstallations(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("needs npm, Python and the network: set DEPAUDIT_E2E=1")
	}
	run := func(dir, name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	t.Run("npm", func(t *testing.T) {
		root := files{"/srv/app/package.json": `{"name": "app", "version": "1.0.0", "dependencies": {"resolve": "1.22.8", "express": "4.19.2", "ms-old": "npm:ms@0.7.1", "npm": "10.8.0"}}`}.plant(t)
		app := filepath.Join(root, "srv/app")
		run(app, "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")
		run(app, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		compareWithSyft(t, root)
		d := scanFolder(t, root)
		if !d.Complete() {
			t.Errorf("gaps: %+v", d.Gaps)
		}
		for _, c := range d.Components {
			if c.Counts() && (c.Kind != sbom.KindPackage || len(c.Digests) == 0) {
				t.Errorf("npm's record is not with %+v", c)
			}
		}
	})
	t.Run("venv", func(t *testing.T) {
		root := files{"/opt/": ""}.plant(t)
		run(root, "python3", "-m", "venv", "--copies", filepath.Join(root, "opt/venv"))
		wheels := t.TempDir()
		source, err := filepath.Abs("../../testdata/cpython")
		if err != nil {
			t.Fatal(err)
		}
		run(source, "python3", "make-wheels.py", "--out", wheels, "docs-requirements.in")
		run(root, filepath.Join(root, "opt/venv/bin/python"), "-m", "pip", "install", "--no-index", "--no-deps", "--find-links", wheels, "sphinx")
		compareWithSyft(t, root)
	})
}
