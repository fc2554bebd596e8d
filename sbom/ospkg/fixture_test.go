package ospkg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// bookworm returns a part of a real Debian 12, see testdata/bookworm.sh.
func bookworm(tb testing.TB) (f files, owners, packages []string) {
	tb.Helper()
	archive, err := txtar.ParseFile("testdata/bookworm.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	f = files{}
	for _, file := range archive.Files {
		lines := strings.Split(strings.TrimSuffix(string(file.Data), "\n"), "\n")
		switch file.Name {
		case "owners":
			owners = lines
		case "packages":
			packages = lines
		case "tree":
			for _, line := range lines {
				kind, rest, _ := strings.Cut(line, " ")
				path, target, _ := strings.Cut(rest, " ")
				switch kind {
				case "d":
					f[path+"/"] = ""
				case "l":
					f[path] = "-> " + target
				case "f":
					f[path] = ""
				}
			}
		default:
			f["/"+file.Name] = string(file.Data)
		}
	}
	return f, owners, packages
}

func TestDebian(t *testing.T) {
	f, owners, packages := bookworm(t)
	tree, db := f.mustOpen(t)
	t.Run("packages and owners", func(t *testing.T) { checkOwners(t, tree, db, owners, packages) })
	t.Run("components", func(t *testing.T) { checkComponents(t, db) })
	t.Run("same result", func(t *testing.T) { checkRepeatable(t, tree, db) })
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if db, err := Open(ctx, tree, debian); !errors.Is(err, context.Canceled) || db != nil {
			t.Errorf("Open after a cancel: %v, %v", db, err)
		}
	})
}

// checkOwners compares the owners with dpkg-query's for the same database.
func checkOwners(t *testing.T, tree *rootfs.Tree, db *DB, owners, packages []string) {
	var got []string
	for _, c := range db.Components {
		got = append(got, fmt.Sprintf("%s %s %s", c.Name, c.Version, c.Arch))
		if c.Kind != sbom.KindOS || c.Type != "deb" || c.Namespace != "debian" || c.Evidence != "db-owned" ||
			!slices.Equal(c.Paths, []string{"/var/lib/dpkg/status"}) || c.FoundBy != "dpkg" || c.InstalledSize == 0 {
			t.Errorf("component %+v", c)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(slices.Values(packages)), got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if len(owners) < 800 {
		t.Fatalf("only %d paths", len(owners))
	}
	for _, line := range owners {
		want, path, _ := strings.Cut(line, ": ")
		want, _, _ = strings.Cut(want, ":")
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, dpkg says %q", path, got, want)
		}
	}
	if len(db.Gaps) > 0 || len(db.Notices) > 0 || len(db.Excluded) > 0 {
		t.Errorf("gaps %v, notices %v, excluded %v", db.Gaps, db.Notices, db.Excluded)
	}
	if db.Listed < len(owners) || db.Absent != 0 {
		t.Errorf("%d listed, %d absent", db.Listed, db.Absent)
	}
	// The parent directory of a link to it, the link, and the database itself.
	for path, want := range map[string]string{
		"/usr/bin/bash": "bash", "/bin/bash": "bash", "/usr/bin": "apt", "/lib": "apt", "/boot": "base-files",
		"/var/lib/dpkg/info/bash.postinst": "bash", "/var/lib/dpkg/info/libc6:amd64.list": "libc6",
		"/var/lib/dpkg/status": "dpkg", "/var/lib/apt/extended_states": "apt",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
}

func checkComponents(t *testing.T, db *DB) {
	byName := map[string]sbom.Component{}
	for _, c := range db.Components {
		byName[c.Name] = c
	}
	libgcc := byName["libgcc-s1"]
	if want := "pkg:deb/debian/libgcc-s1@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12"; libgcc.PURL != want {
		t.Errorf("purl %s, want %s", libgcc.PURL, want)
	}
	if want := "deb/debian/libgcc-s1@12.2.0-14+deb12u1?arch=amd64"; libgcc.ID != want || libgcc.Source != "gcc-12" {
		t.Errorf("ID %s, source %q", libgcc.ID, libgcc.Source)
	}
	for name, want := range map[string]sbom.InstallReason{"bash": sbom.ReasonEssential, "libacl1": sbom.ReasonDependency, "mawk": sbom.ReasonEssential} {
		if got := byName[name].InstallReason; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, want := range []sbom.Relation{
		{From: byName["bash"].ID, To: byName["libtinfo6"].ID, Kind: sbom.RelPreDepends},
		{From: byName["bash"].ID, To: byName["debianutils"].ID, Kind: sbom.RelDepends},
		{From: byName["base-files"].ID, To: byName["mawk"].ID, Kind: sbom.RelPreDepends, Via: "awk"},
	} {
		if !slices.Contains(db.Relations, want) {
			t.Errorf("no relation %+v", want)
		}
	}
}

func checkRepeatable(t *testing.T, tree *rootfs.Tree, first *DB) {
	for range 5 {
		again, err := Open(context.Background(), tree, debian)
		if err != nil {
			t.Fatal(err)
		}
		checkEqual(t, first, again)
	}
	// The result must make a document.
	if _, err := sbom.New(sbom.Document{Environment: sbom.Environment{Kind: "dir"}, Components: first.Components, Relations: first.Relations}); err != nil {
		t.Error(err)
	}
}

// FuzzFinder checks that the search directory by directory finds a path exactly
// where the tree finds it, in any order of the paths, and that it never finds a
// path that is not clean.
func FuzzFinder(f *testing.F) {
	tree, err := openTree(f, files{
		"/usr/bin/a": "", "/usr/bin/b": "", "/usr/lib/a/b": "", "/usr/lib/a.b/c": "", "/bin": "-> usr/bin", "/lib": "-> /usr/lib",
		"/loop": "-> loop", "/up": "-> ../..", "/usr/a": "-> b", "/usr/b": "-> bin/a", "/.a/..b": "", "/venv/pyvenv.cfg": "", "/venv/bin/x": "",
	}.plant(f))
	if err != nil {
		f.Fatal(err)
	}
	areas := findAreas(tree)
	f.Add("/.\n/usr\n/usr/bin\n/usr/bin/a\n/usr/bin/b\n/bin/a\n/usr/lib/a/b\n/lib/a.b/c\n/lib/a/b")
	f.Add("/up/usr/bin/a\n/loop/x\n/usr/a\n/usr/a/x\n/.a/..b\n/../bin\n//bin/a\n/bin/\n/usr/../bin/a\n/venv/bin/x")
	f.Fuzz(func(t *testing.T, text string) {
		finder := newFinder(tree, areas)
		for line := range strings.SplitSeq(text, "\n") {
			path, err := listedPath(line)
			if err != nil {
				continue
			}
			got, area := finder.find(path)
			want := tree.ResolveParent(path)
			if !cleanPath(path) {
				want = rootfs.None
			}
			if got != want {
				t.Errorf("%q is found at %q, want %q", path, tree.Path(got), tree.Path(want))
			}
			if got != rootfs.None && area != areas.around(tree, tree.Parent(got)) {
				t.Errorf("%q is in area %d", path, area)
			}
		}
	})
}

// FuzzDiversions checks that an accepted diversion has clean paths and a
// package.
func FuzzDiversions(f *testing.F) {
	f.Add("/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.real\n:\n")
	f.Add("/a\n/b\n")
	f.Add("a\n../b\nc\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readDiversions(context.Background(), strings.NewReader(text), "f")
		if err != nil {
			return
		}
		if len(got)*3 > strings.Count(text, "\n")+1 {
			t.Errorf("%d diversions in %q", len(got), text)
		}
		for from, d := range got {
			if !cleanPath(from) || !cleanPath(d.to) || (d.by != ":" && !validPackageName(d.by)) {
				t.Errorf("diversion of %q: %+v", from, d)
			}
		}
	})
}
