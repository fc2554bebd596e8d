package ospkg

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

// openRoot opens a root file system and its database.
func openRoot(tb testing.TB, root string) (*rootfs.Tree, *DB) {
	tb.Helper()
	t, err := openTree(tb, root)
	if err != nil {
		tb.Fatal(err)
	}
	release, err := rootfs.Release(t)
	if err != nil {
		tb.Fatal(err)
	}
	db, err := Open(context.Background(), t, release.OS)
	if err != nil {
		tb.Fatal(err)
	}
	return t, db
}

func openTree(tb testing.TB, root string) (*rootfs.Tree, error) {
	t, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: "dir", Path: root}, rootfs.Options{})
	if err == nil {
		tb.Cleanup(func() { t.Close() })
	}
	return t, err
}

// dpkgQuery runs the real tool on a root's database.
func dpkgQuery(tb testing.TB, root string, args ...string) []string {
	tb.Helper()
	out, err := exec.Command("dpkg-query", append([]string{"--admindir=" + filepath.Join(root, dpkgDir)}, args...)...).Output()
	if err != nil {
		tb.Fatalf("dpkg-query %v: %v", args, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// haveDpkg reports whether the real tool is installed. Without it the tests
// with committed data still run.
func haveDpkg() bool {
	_, err := exec.LookPath("dpkg-query")
	return err == nil
}

// copyDatabase copies the database of this machine into a separate root.
func copyDatabase(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	paths, err := filepath.Glob(dpkgInfo + "/*.list")
	if err != nil {
		tb.Fatal(err)
	}
	for _, path := range append(paths, dpkgStatus, dpkgDiversions, aptStates, "/etc/os-release") {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		writeFile(tb, root, path, string(text))
	}
	return root
}

func TestThisMachineAgreesWithDpkgQuery(t *testing.T) {
	if !haveDpkg() {
		t.Log("no dpkg-query here")
		return
	}
	root := copyDatabase(t)
	_, db := openRoot(t, root)
	comparePackages(t, root, db)
	// On a machine where dpkg works every package has its list.
	if len(db.Gaps) > 0 {
		t.Errorf("gaps: %v", gapDetails(db))
	}
}

func TestRootAgreesWithDpkg(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	roots, err := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_E2E_ROOTS"), "*", "var/lib/dpkg/status"))
	if err != nil || len(roots) == 0 {
		t.Fatalf("DEPAUDIT_E2E is set, but DEPAUDIT_E2E_ROOTS names no directory with Debian root file systems (%v)", err)
	}
	for _, status := range roots {
		root := strings.TrimSuffix(status, "/var/lib/dpkg/status")
		t.Run(filepath.Base(root), func(t *testing.T) { compareRoot(t, root) })
	}
}

func compareRoot(t *testing.T, root string) {
	t.Helper()
	tree, db := openRoot(t, root)
	comparePackages(t, root, db)
	compareOwners(t, root, tree, db)
	compareReasons(t, root, db)
	if len(db.Gaps) > 0 {
		t.Errorf("gaps: %v", db.Gaps)
	}
	t.Logf("%d packages, %d relations, %d paths of which %d are not there, notices: %v",
		len(db.Components), len(db.Relations), db.Listed, db.Absent, db.Notices)
}

func comparePackages(t *testing.T, root string, db *DB) {
	t.Helper()
	var want, got []string
	for _, line := range dpkgQuery(t, root, "-W", "-f", `${Package} ${Version} ${Architecture} ${db:Status-Status} ${Installed-Size} ${source:Package} ${Maintainer}\n`) {
		f := strings.Fields(line)
		if f[3] != "config-files" && f[3] != "not-installed" {
			want = append(want, strings.Join(slices.Delete(f, 3, 4), " "))
		}
	}
	for _, c := range db.Components {
		source := c.Source
		if source == "" {
			source = c.Name
		}
		got = append(got, fmt.Sprintf("%s %s %s %d %s %s", c.Name, c.Version, c.Arch, c.InstalledSize/1024, source, c.Supplier))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages differ from dpkg-query (-want +got):\n%s", diff)
	}
}

// compareOwners compares a sample of all listed paths with dpkg-query -S.
func compareOwners(t *testing.T, root string, tree *rootfs.Tree, db *DB) {
	t.Helper()
	lists, _ := filepath.Glob(filepath.Join(root, dpkgInfo, "*.list"))
	var paths []string
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if n := tree.ResolveParent(line); n != rootfs.None && !isDir(tree, n) && !strings.ContainsAny(line, `*?[\`) {
				paths = append(paths, line)
			}
		}
	}
	const most = 2000
	var sample []string
	for i := 0; i < len(paths); i += max(1, len(paths)/most) {
		sample = append(sample, paths[i])
	}
	answered := 0
	for _, line := range dpkgQuery(t, root, append([]string{"-S"}, sample...)...) {
		owner, path, _ := strings.Cut(line, ": ")
		if strings.HasPrefix(line, "diversion by") || strings.Contains(owner, ", ") {
			continue
		}
		answered++
		name, _, _ := strings.Cut(owner, ":")
		got := db.Owner(tree.ResolveParent(path))
		if _, rest, _ := strings.Cut(got, "/"); !strings.HasPrefix(rest[strings.IndexByte(rest, '/')+1:], name+"@") {
			t.Errorf("owner of %s is %q, dpkg-query -S says %s", path, got, owner)
		}
	}
	if answered < min(len(sample), 1000)/2 {
		t.Errorf("dpkg-query answered for %d of %d paths", answered, len(sample))
	}
	t.Logf("%d of %d files answered for", answered, len(paths))
}

func compareReasons(t *testing.T, root string, db *DB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, aptStates)); err != nil {
		for _, c := range db.Components {
			if c.InstallReason != sbom.ReasonUnknown && c.InstallReason != sbom.ReasonEssential {
				t.Errorf("%s is %q, although apt noted nothing", c.Name, c.InstallReason)
			}
		}
		return
	}
	want := map[string]bool{}
	for _, mode := range []string{"showmanual", "showauto"} {
		out, err := exec.Command("apt-mark", "-o", "Dir="+root, "-o", "Dir::State::status="+filepath.Join(root, dpkgStatus),
			"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", mode).Output()
		if err != nil {
			t.Fatalf("apt-mark %s: %v", mode, err)
		}
		for name := range bytes.Lines(out) {
			want[strings.TrimSpace(string(name))] = mode == "showauto"
		}
	}
	if len(want) == 0 {
		t.Fatal("apt-mark knows nothing")
	}
	for _, c := range db.Components {
		auto, known := want[c.Name]
		switch {
		case !known:
			t.Errorf("apt-mark does not know %s", c.Name)
		case c.InstallReason == sbom.ReasonEssential:
		case c.InstallReason == sbom.ReasonUnknown:
			t.Errorf("%s: not known whether it was asked for", c.Name)
		case auto != (c.InstallReason == sbom.ReasonDependency):
			t.Errorf("%s is %q, apt-mark says automatic=%v", c.Name, c.InstallReason, auto)
		}
	}
}
