package ospkg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// pkgbuilds are packages that together use every feature of the database: two
// packages of one source, an epoch, configuration files, provided names with
// and without a version, a link in place of a directory, and file names that
// need quoting elsewhere.
var pkgbuilds = map[string]string{
	"filesystem": `pkgname=filesystem
pkgver=2024.1
pkgrel=1
arch=(any)
package() { mkdir -p "$pkgdir"/usr/bin "$pkgdir"/usr/lib "$pkgdir"/etc; ln -s usr/bin "$pkgdir"/bin; ln -s usr/lib "$pkgdir"/lib; printf 'ID=arch\n' >"$pkgdir"/usr/lib/os-release; ln -s ../usr/lib/os-release "$pkgdir"/etc/os-release; }
`,
	"suite": `pkgbase=suite
pkgname=(suite-a libsuite)
pkgver=1.2.3
pkgrel=4
epoch=1
arch=(any)
package_suite-a() { depends=('libsuite>=1:1.2' 'libsuite.so' 'sh'); optdepends=('extra: for more'); backup=(etc/suite.conf)
 mkdir -p "$pkgdir"/usr/bin "$pkgdir"/etc; echo x >"$pkgdir"/usr/bin/suite; echo x >"$pkgdir"/etc/suite.conf; mkdir -p "$pkgdir/usr/share/suite/a b"; echo x >"$pkgdir/usr/share/suite/a b/ü 100%"; echo x >"$pkgdir/usr/share/suite/a b/gone"; ln -s suite "$pkgdir"/usr/bin/suite-link; }
package_libsuite() { provides=('libsuite.so=1-64' 'sh'); mkdir -p "$pkgdir"/usr/lib; echo x >"$pkgdir"/usr/lib/libsuite.so.1; }
`,
	"extra": `pkgname=extra
pkgver=0.1.r5.gabc
pkgrel=1.1
arch=(any)
depends=('suite-a' 'libsuite<2:0')
replaces=(old-extra)
package() { mkdir -p "$pkgdir"/opt/extra; echo x >"$pkgdir"/opt/extra/run; }
`,
	"empty": `pkgname=empty
pkgver=1
pkgrel=1
arch=(any)
package() { :; }
`,
}

// TestRootMadeByPacman compares the result with pacman's own queries of a root
// that it made from packages that makepkg built.
func TestRootMadeByPacman(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	if os.Getuid() != 0 {
		t.Fatal("DEPAUDIT_E2E is set, but pacman installs as root only")
	}
	root := t.TempDir()
	mkdir(t, filepath.Join(root, alpmDir))
	archives := buildPackages(t)
	conf := filepath.Join(t.TempDir(), "pacman.conf")
	if err := os.WriteFile(conf, []byte("[options]\nArchitecture = auto\nSigLevel = Never\nLocalFileSigLevel = Never\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	pacman := func(args ...string) []string {
		t.Helper()
		scratch := t.TempDir()
		cmd := exec.Command("pacman", append([]string{"--config", conf, "--root", root, "--dbpath", filepath.Join(root, alpmDir), "--noconfirm",
			"--cachedir", scratch, "--hookdir", scratch, "--gpgdir", scratch, "--logfile", filepath.Join(scratch, "log")}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("pacman %v: %v\n%s", args, err, out)
		}
		if len(out) == 0 {
			return nil
		}
		return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	}
	pacman("-U", archives["filesystem"], archives["empty"])
	pacman("-U", "--asdeps", archives["libsuite"])
	pacman("-U", archives["suite-a"])
	pacman("-U", archives["extra"])
	pacman("-D", "--asdeps", "empty")

	tree, db := openRoot(t, root)
	checkRecords(t, tree, root, recordsOf(t, db), nil)
	if len(db.Gaps) > 0 || len(db.Notices) > 0 || db.Kind != "alpm" {
		t.Errorf("kind %s, gaps %v, notices %v", db.Kind, db.Gaps, db.Notices)
	}
	list := func(keep func(sbom.Component) bool) (out []string) {
		for _, c := range db.Components {
			if keep(c) {
				out = append(out, c.Name+" "+c.Version)
			}
		}
		slices.Sort(out)
		return out
	}
	for _, test := range []struct {
		option string
		keep   func(sbom.Component) bool
	}{
		{"-Q", func(sbom.Component) bool { return true }},
		{"-Qe", func(c sbom.Component) bool { return c.InstallReason == sbom.ReasonExplicit }},
		{"-Qd", func(c sbom.Component) bool { return c.InstallReason == sbom.ReasonDependency }},
	} {
		if diff := cmp.Diff(pacman(test.option), list(test.keep)); diff != "" {
			t.Errorf("pacman %s (-want +got):\n%s", test.option, diff)
		}
	}
	listed := pacman("-Ql")
	if len(listed) < 15 || len(listed) != db.Listed || db.Absent != 0 {
		t.Errorf("pacman lists %d paths, we %d, of which %d are not there", len(listed), db.Listed, db.Absent)
	}
	for _, line := range listed {
		name, path, _ := strings.Cut(line, " ")
		path = strings.TrimPrefix(path, strings.TrimSuffix(root, "/"))
		n := tree.ResolveParent(strings.TrimSuffix(path, "/"))
		if got := owner(t, tree, db, strings.TrimSuffix(path, "/")); got != name && tree.Kind(n) != rootfs.Dir {
			t.Errorf("%s belongs to %q, pacman says %s", path, got, name)
		}
	}
	for n := rootfs.Node(0); int(n) < tree.Len(); n++ {
		if tree.Kind(n) != rootfs.Dir && !db.Owns(n) && tree.Name(n) != "ALPM_DB_VERSION" {
			t.Errorf("nobody owns %s", tree.Path(n))
		}
	}
	var relations []string
	name := func(id string) string {
		name, _, _ := strings.Cut(id[strings.LastIndexByte(id, '/')+1:], "@")
		return name
	}
	for _, r := range db.Relations {
		relations = append(relations, fmt.Sprintf("%s %s %s %s", name(r.From), r.Kind, name(r.To), r.Via))
	}
	if diff := cmp.Diff([]string{"extra depends libsuite ", "extra depends suite-a ", "suite-a suggests extra ", "suite-a depends libsuite "}, relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
	if c := db.Components[slices.IndexFunc(db.Components, func(c sbom.Component) bool { return c.Name == "suite-a" })]; c.Source != "suite" ||
		c.PURL != "pkg:alpm/arch/suite-a@1%3A1.2.3-4?arch=any&distro=arch&upstream=suite" {
		t.Errorf("component %+v", c)
	}
	for _, path := range []string{"etc/suite.conf", "usr/bin/suite", "usr/share/suite/a b/ü 100%", "opt/extra/run"} {
		writeFile(t, root, path, "other")
	}
	if err := os.Chmod(filepath.Join(root, "usr/lib/libsuite.so.1"), 0o4755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "usr/bin/suite-link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", filepath.Join(root, "usr/bin/suite-link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "usr/share/suite/a b/gone")); err != nil {
		t.Fatal(err)
	}
	tree, db = openRoot(t, root)
	out, _ := exec.Command("pacman", "--config", conf, "--root", root, "--dbpath", filepath.Join(root, alpmDir), "-Qkk").CombinedOutput()
	checkRecords(t, tree, root, recordsOf(t, db), []string{
		"/etc/suite.conf: content", "/opt/extra/run: content", "/usr/bin/suite-link: link", "/usr/bin/suite: content",
		"/usr/lib/libsuite.so.1: mode", "/usr/share/suite/a b/gone: absent", "/usr/share/suite/a b/ü 100%: content",
	})
	for _, want := range []string{
		"/etc/suite.conf (SHA256 checksum mismatch)", "/opt/extra/run (SHA256 checksum mismatch)", "/usr/bin/suite (SHA256 checksum mismatch)",
		"/usr/bin/suite-link (Symlink path mismatch)", "/usr/lib/libsuite.so.1 (Permissions mismatch)", "/usr/share/suite/a b/gone (No such file or directory)", "/usr/share/suite/a b/ü 100% (SHA256 checksum mismatch)",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("pacman -Qkk does not print %q:\n%s", want, out)
		}
	}
	truncateEverywhere(t, filepath.Join(root, alpmLocal, "suite-a-1:1.2.3-4", "desc"))
}

// truncateEverywhere checks that a truncated desc file is an error, or lacks
// only complete sections at its end.
func truncateEverywhere(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		p, err := readAlpmDesc(t.Context(), strings.NewReader(string(text[:i])), "desc")
		if err == nil && (!strings.HasSuffix(string(text[:i]), "\n\n") || p.name != "suite-a" || p.version != "1:1.2.3-4") {
			t.Fatalf("%d bytes of %d are a whole record %+v", i, len(text), p)
		}
	}
}

// buildPackages runs makepkg, which refuses to run as root, and returns the
// archives by package name.
func buildPackages(t *testing.T) map[string]string {
	const nobody = 65534
	out := map[string]string{}
	base := t.TempDir()
	if err := os.Chmod(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pkgbuilds {
		dir := filepath.Join(base, name)
		mkdir(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "PKGBUILD"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("makepkg", "-d", "--noconfirm")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "PKGEXT=.pkg.tar.gz", "SOURCE_DATE_EPOCH=1700000000"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("makepkg of %s: %v\n%s", name, err, text)
		}
		archives, _ := filepath.Glob(filepath.Join(dir, "*.pkg.tar.gz"))
		for _, archive := range archives {
			// name-version-release-arch.pkg.tar.gz
			words := strings.Split(filepath.Base(archive), "-")
			out[strings.Join(words[:len(words)-3], "-")] = archive
		}
	}
	if len(out) != 5 {
		t.Fatalf("built %v", out)
	}
	return out
}
