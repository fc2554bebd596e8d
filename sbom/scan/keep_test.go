package scan

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/moduletest"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// realRoots returns whole root file systems: those in the directory
// DEPAUDIT_E2E_ROOTS, none in a quick run.
func realRoots(t *testing.T) []string {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_E2E_ROOTS"), "*", "var/lib/dpkg/status"))
	if err != nil || len(found) == 0 {
		t.Fatalf("DEPAUDIT_E2E_ROOTS must name a directory with root file systems: %v", err)
	}
	for i, p := range found {
		found[i] = strings.TrimSuffix(p, "/var/lib/dpkg/status")
	}
	return found
}

// fixtureRoots returns the directories of syft's test data. Each is an
// environment that was written for another scanner.
func fixtureRoots(t *testing.T) []string {
	t.Helper()
	base := filepath.Join(moduletest.Dir(t, "github.com/anchore/syft"), "syft", "pkg", "cataloger")
	var roots []string
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			roots = append(roots, p)
			return fs.SkipDir
		}
		return err
	})
	if err != nil || len(roots) < 20 {
		t.Fatalf("%d directories of test data, %v", len(roots), err)
	}
	return roots
}

// TestKeptIsOpened scans directories and checks that the rule for images would
// have kept every file that is opened.
func TestKeptIsOpened(t *testing.T) {
	keep := keepRule().Content
	opened := 0
	for _, root := range append(fixtureRoots(t), realRoots(t)...) {
		tree, err := rootfs.Open(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{Classify: magic})
		if err != nil {
			t.Fatal(err)
		}
		tree.Record()
		if _, err := scanTree(t.Context(), tree, Options{}, nil, func(Progress) {}); err != nil {
			t.Logf("%s: %v", root, err) // an incomplete fixture; the files that were opened count
		}
		fingerprints, err := tree.Fingerprints(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fingerprints.Files {
			if m.Read&rootfs.ReadContent == 0 || tree.Kind(m.Node) != rootfs.File {
				continue
			}
			opened++
			info, err := tree.Stat(m.Node)
			if err != nil {
				t.Fatal(err)
			}
			class := m.Class
			if m.Read&rootfs.ReadClass == 0 {
				if class, _, err = tree.Classify(m.Node); err != nil {
					t.Fatal(err)
				}
			}
			if p := tree.Path(m.Node); !keep(p, info.Size(), class) {
				t.Errorf("%s: %s is opened, and would not be kept of an image", root, p)
			}
		}
		tree.Close()
	}
	if opened < 100 {
		t.Errorf("only %d files were opened: nothing was tested", opened)
	}
}

// TestKeepsLicenses checks that the rule does not depend on the name of a package:
// those of package managers are also names of directories of databases.
func TestKeepsLicenses(t *testing.T) {
	keep := keepRule().Content
	for _, name := range []string{"bash", "dpkg", "apt", "rpm", "info", "db", "history", "packages", "lists", "dnf", "libstdc++6"} {
		if !keep("/usr/share/doc/"+name+"/copyright", 1000, magicNone) {
			t.Errorf("the copyright file of %s is not kept", name)
		}
	}
	for _, p := range []string{"/usr/share/doc/a/b/copyright", "/srv/copyright", "/usr/share/doc/copyright"} {
		if keep(p, 1000, magicNone) {
			t.Errorf("%s is kept", p)
		}
	}
}
