package ospkg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

var arch = sbom.OS{ID: "arch"}

// alpmPackage returns the files of a package in the database.
func alpmPackage(name, desc string, paths ...string) files {
	dir := alpmLocal + "/" + name + "-1-1"
	return files{
		alpmVersion:    "9\n",
		dir + "/desc":  "%NAME%\n" + name + "\n\n%VERSION%\n1-1\n\n%ARCH%\nx86_64\n\n" + desc,
		dir + "/files": "%FILES%\n" + strings.Join(append(paths, ""), "\n") + "\n",
	}
}

func together(all ...files) files {
	out := files{}
	for _, f := range all {
		for path, text := range f {
			out[path] = text
		}
	}
	return out
}

// TestAlpmFixtures reads the databases in syft and scalibr. Most of them are
// written by hand: without a last empty line, damaged on purpose.
func TestAlpmFixtures(t *testing.T) {
	local := filepath.Join(syft(t), "arch/testdata/installed/var/lib/pacman/local")
	dirs, err := os.ReadDir(local)
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, dir := range dirs {
		text := readFile(t, local, dir.Name(), "desc")
		p, err := readAlpmDesc(context.Background(), strings.NewReader(strings.TrimRight(text, "\n")+"\n\n"), "desc")
		switch {
		case strings.HasPrefix(dir.Name(), "corrupt"):
			if err == nil {
				t.Errorf("%s is %+v", dir.Name(), p)
			}
		case err != nil:
			t.Errorf("%s: %v", dir.Name(), err)
		case p.name+"-"+p.version != dir.Name():
			t.Errorf("%s is %s %s", dir.Name(), p.name, p.version)
		default:
			whole++
		}
	}
	if whole < 4 {
		t.Errorf("only %d packages", whole)
	}
	// gmp is as pacman left it, but for the last empty line.
	name := "gmp-6.2.1-2"
	list := strings.TrimRight(readFile(t, local, name, "files"), "\n") + "\n\n"
	f := files{alpmVersion: "9\n", alpmLocal + "/" + name + "/desc": strings.TrimRight(readFile(t, local, name, "desc"), "\n") + "\n\n", alpmLocal + "/" + name + "/files": list}
	paths := 0
	for line := range strings.Lines(list) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line != "%FILES%" {
			f["/"+line] = ""
			paths++
		}
	}
	tree, db, err := f.open(t, arch)
	if err != nil {
		t.Fatal(err)
	}
	c := db.Components[0]
	if len(db.Components) != 1 || c.PURL != "pkg:alpm/arch/gmp@6.2.1-2?arch=x86_64&distro=arch&upstream=gmp" || c.InstalledSize != 1044438 || c.InstallReason != sbom.ReasonDependency {
		t.Errorf("components %+v", db.Components)
	}
	if len(db.Gaps) > 0 || db.Listed != paths || db.Absent != 0 || paths < 19 {
		t.Errorf("gaps %v, %d listed, %d absent, want %d", gapDetails(db), db.Listed, db.Absent, paths)
	}
	for _, path := range []string{"/usr/include/gmp.h", "/usr/lib", alpmLocal + "/gmp-6.2.1-2/desc"} {
		if got := owner(t, tree, db, path); got != "gmp" {
			t.Errorf("%s belongs to %q", path, got)
		}
	}
	checkRepeatable2(t, tree, db, arch)
	for _, text := range []string{"valid", "valid_one_dep", "valid_no_dep"} {
		text = moduletest.File(t, moduletest.Scalibr, "extractor/filesystem/os/pacman/testdata", text)
		if p, err := readAlpmDesc(context.Background(), strings.NewReader(strings.TrimRight(text, "\n")+"\n\n"), "desc"); err != nil || !strings.Contains(text, "%NAME%\n"+p.name+"\n") {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestAlpmSystem(t *testing.T) {
	tree, db, err := together(
		alpmPackage("pacman", "%DEPENDS%\nlibarchive>=3\nlib.so=1-64\nsh\nglibc>1: not this one\n\n%OPTDEPENDS%\nextra: for more\n\n", "usr/", "usr/bin/", "usr/bin/pacman", "usr/lib/shared"),
		alpmPackage("lib", "%REASON%\n1\n\n%PROVIDES%\nlib.so=1-64\nsh\nlibarchive=2\n\n%REPLACES%\npacman<0\n\n%BASE%\nlibs\n\n%SIZE%\n12\n\n", "usr/lib/shared", "lib/x", "home/", "home/u/", "home/u/f"),
		alpmPackage("glibc", "", "opt/", "opt/x"),
		alpmPackage("extra", "%DEPENDS%\nsh>2\n\n", "opt/x"),
		files{"/lib": "-> usr/lib", "/usr/bin/pacman": "", "/usr/lib/shared": "", "/usr/lib/x": "", "/home/u/f": "", "/opt/x": "", alpmDir + "/sync/core.db": "", alpmDir + "/sync/evil": "",
			alpmLocal + "/lib-1-1/mtree": "", alpmLocal + "/lib-1-1/evil": ""},
	).open(t, arch)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/usr/bin/pacman": "pacman", "/usr/lib/shared": "lib", "/lib/x": "lib", "/home/u/f": "", "/opt/x": "extra", alpmDir + "/sync/core.db": "pacman",
		alpmDir + "/sync/evil": "", alpmLocal + "/lib-1-1/mtree": "lib", alpmLocal + "/lib-1-1/evil": "", alpmVersion: "pacman"} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	var relations []string
	for _, r := range db.Relations {
		name := func(id string) string {
			return strings.TrimSuffix(strings.TrimPrefix(id, "alpm/arch/"), "@1-1?arch=x86_64")
		}
		relations = append(relations, strings.TrimSpace(name(r.From)+" "+string(r.Kind)+" "+name(r.To)+" "+r.Via))
	}
	if diff := cmp.Diff([]string{"pacman suggests extra", "pacman depends lib sh"}, relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"claimed-files /home/u/f: lib lists a file in /home, where packages of a distribution have none; the package does not own them (/var/lib/pacman/local/lib-1-1/files)",
		"claimed-files /opt/x: extra and glibc both list a file; neither replaces the other",
	}, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	lib := db.Components[slices.IndexFunc(db.Components, func(c sbom.Component) bool { return c.Name == "lib" })]
	if lib.Source != "libs" || lib.InstalledSize != 12 || lib.InstallReason != sbom.ReasonDependency || db.Components[0].InstallReason != sbom.ReasonExplicit {
		t.Errorf("component %+v", lib)
	}
}

func TestBrokenAlpmDatabases(t *testing.T) {
	a := alpmPackage("a", "")
	desc := alpmLocal + "/a-1-1/desc"
	with := func(text string) files { return together(a, files{desc: text}) }
	for _, test := range []struct {
		name string
		f    files
		want string
	}{
		{"no desc", files{alpmLocal + "/a-1-1/files": ""}, desc + ": is missing, although the directory of the package exists"},
		{"empty desc", with(""), desc + ": has no section %NAME%"},
		{"no version", with("%NAME%\na\n\n"), desc + ": package a has no section %VERSION%"},
		{"cut off", with("%NAME%\na\n\n%VERSION%\n1-"), desc + ":5: the last line has no newline: the file is truncated"},
		{"cut at a line", with("%NAME%\na\n\n%VERSION%\n1-1\n"), desc + ":5: section %VERSION% has no empty line after it: the file is truncated"},
		{"binary", with("\x7fELF\x00\n"), desc + ":1: zero byte"},
		{"carriage returns", with("%NAME%\r\na\r\n\r\n"), desc + ":1: line ends with a carriage return"},
		{"not a section", with("NAME\na\n\n"), desc + `:1: "NAME" is not a section header`},
		{"one percent sign", with("%\na\n\n"), desc + `:1: "%" is not a section header`},
		{"bad name", with("%NAME%\n../a\n\n"), desc + `:2: "../a" is not a package name`},
		{"look-alike", with("%NAME%\nb\u0430sh\n\n"), "is not a package name"},
		{"two names", with("%NAME%\na\nb\n\n"), desc + ":3: section %NAME% has a second line"},
		{"twice a section", with("%NAME%\na\n\n%NAME%\nb\n\n"), desc + ":4: section %NAME% appears twice, first in line 1"},
		{"bad version", with("%NAME%\na\n\n%VERSION%\n1\x1b-1\n\n"), desc + `:5: "1\x1b-1" is not a version`},
		{"long line", with("%NAME%\n" + strings.Repeat("x", maxLine+1) + "\n\n"), desc + ":2: line is longer than"},
		{"twice", together(a, files{alpmLocal + "/a-2-1/desc": a[desc]}), "package a has a second record, the first one is " + desc},
		{"desc is a directory", files{desc + "/": ""}, desc + ": is a directory, not a file"},
		{"database is a file", files{alpmLocal: ""}, alpmLocal + ": is a file, not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.f.open(t, arch)
			if err == nil || db != nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Open: %+v\n%v\nwant\n%s", db, err, test.want)
			}
			var parse *parseError
			if !errors.As(err, &parse) {
				t.Errorf("%#v is no parseError", err)
			}
		})
	}
}

func TestAlpmGaps(t *testing.T) {
	list := alpmLocal + "/a-1-1/files"
	with := func(f files) files { return together(alpmPackage("a", ""), f) }
	for _, test := range []struct {
		name string
		f    files
		want []string
	}{
		{"in order", with(nil), nil},
		{"no packages", files{alpmVersion: "9\n"}, []string{"package-database /var/lib/pacman/local: the package database lists no installed package"}},
		{"old layout", with(files{alpmVersion: "8\n"}), []string{`package-database /var/lib/pacman/local/ALPM_DB_VERSION: unknown layout "8" of the package database`}},
		{"a file of no package", with(files{alpmLocal + "/x": ""}), []string{"package-database /var/lib/pacman/local/x: file among the directories of packages"}},
		{"no list", files{alpmVersion: "9\n", alpmLocal + "/a-1-1/desc": alpmPackage("a", "")[alpmLocal+"/a-1-1/desc"]},
			[]string{"package-database /var/lib/pacman/local: installed packages have no file list, so that their files count as unaccounted; 1 without one: a"}},
		{"climbing list", with(files{list: "%FILES%\nusr/../etc/passwd\n/etc/passwd\nok\n\n", "/etc/passwd": "", "/ok": ""}),
			[]string{`malformed /var/lib/pacman/local/a-1-1/files: line 2: path "/usr/../etc/passwd" is not a clean path: it may lead out of the package; 2 lines like this are ignored`}},
		{"cut list", with(files{list: "%FILES%\nusr/\nusr/b"}), []string{"malformed /var/lib/pacman/local/a-1-1/files: file list of package a: /var/lib/pacman/local/a-1-1/files:3: the last line has no newline: the file is truncated"}},
		{"another list", with(files{list: "%BACKUP%\nx\t1\n\n"}), []string{"malformed /var/lib/pacman/local/a-1-1/files: file list of package a: /var/lib/pacman/local/a-1-1/files:3: has no section %FILES%"}},
		{"empty list", with(files{list: ""}), nil},
		{"another directory", together(alpmPackage("b", ""), files{alpmLocal + "/a-1-1/desc": "%NAME%\nc\n\n%VERSION%\n1-1\n\n", list: ""}),
			[]string{`package-database /var/lib/pacman/local/a-1-1/desc: describes c 1-1, but is in the directory "a-1-1", whose name pacman uses`}},
		{"odd reason", alpmPackage("a", "%REASON%\n7\n\n"), []string{`malformed /var/lib/pacman/local/a-1-1/desc: line 11: unknown install reason "7"`}},
		{"odd dependency", alpmPackage("a", "%DEPENDS%\n>=1\nb>=\n\n"), []string{`malformed /var/lib/pacman/local/a-1-1/desc: line 11: ">=1" is not a dependency`,
			`malformed /var/lib/pacman/local/a-1-1/desc: line 12: "b>=" has no version to compare with`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, db, err := test.f.open(t, arch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, gapDetails(db)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if test.name == "climbing list" && (owner(t, tree, db, "/etc/passwd") != "" || owner(t, tree, db, "/ok") != "a") {
				t.Error("a path that is not believed has an owner")
			}
		})
	}
}

func FuzzAlpm(f *testing.F) {
	f.Add("%NAME%\na\n\n%VERSION%\n1:1-1\n\n%DEPENDS%\nb>=1: why\n\n%REASON%\n1\n\n")
	f.Add("%NAME%\na\n\n%VERSION%\n1-1\n\n%VALIDATION%\npgp\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readAlpmDesc(context.Background(), strings.NewReader(text), "f")
		if err != nil {
			var parse *parseError
			if !errors.As(err, &parse) {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		// The name is the one that is written there, and there is one only.
		if !strings.Contains("\n"+text, "\n%NAME%\n"+p.name+"\n\n") || !strings.Contains("\n"+text, "\n%VERSION%\n"+p.version+"\n\n") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%+v of %q", p, text)
		}
	})
}

func FuzzAlpmFiles(f *testing.F) {
	f.Add("%FILES%\nusr/\nusr/bin/\nusr/bin/a\n../etc/passwd\n\n%BACKUP%\netc/x\t12\n\n")
	tree, err := openTree(f, files{"/usr/bin/a": "", "/etc/passwd": "", "/bin": "-> usr/bin"}.plant(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &collector{finder: newFinder(tree, &areas{})}
		err := readAlpmFiles(newLines(context.Background(), strings.NewReader(text), "f"), c)
		if len(c.nodes) > c.listed {
			t.Errorf("%d nodes of %d paths in %q", len(c.nodes), c.listed, text)
		}
		if err == nil && text != "" && !strings.HasSuffix(text, "\n") {
			t.Errorf("%q has its end", text)
		}
	})
}
