package ospkg

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

var alpine = sbom.OS{ID: "alpine", VersionID: "3.22.1"}

// apkRecordText returns an installed package with more fields.
func apkRecordText(name string, fields ...string) string {
	return "P:" + name + "\nV:1-r0\nA:x86_64\n" + strings.Join(append(fields, ""), "\n") + "\n"
}

// apkFixtures returns databases of real systems. Those of syft are parts of
// longer ones, cut by hand, without the empty line that apk writes at the end.
func apkFixtures(tb testing.TB) map[string]string {
	out := map[string]string{}
	for name, text := range map[string]string{
		"alpine 3.19 in syft":     readFile(tb, syft(tb), "alpine/testdata/multiple-1/lib/apk/db/installed"),
		"alpine 3.16 in syft":     readFile(tb, syft(tb), "alpine/testdata/multiple-2/lib/apk/db/installed"),
		"large in syft":           readFile(tb, syft(tb), "alpine/testdata/very-large-entries"),
		"alpine 3.16 in apko":     moduletest.File(tb, apko, "pkg/apk/apk/testdata/root/usr/lib/apk/db/installed"),
		"wolfi in apko":           moduletest.File(tb, apko, "pkg/apk/apk/testdata/installed/wolfi-base"),
		"redis in apko":           moduletest.File(tb, apko, "pkg/apk/apk/testdata/installed/redis-operator-compat"),
		"alpine in scalibr":       moduletest.File(tb, moduletest.Scalibr, "extractor/filesystem/os/apk/testdata/installed"),
		"two arches, scalibr":     moduletest.File(tb, moduletest.Scalibr, "extractor/filesystem/os/apk/testdata/different-arch"),
		"an empty field, syft":    readFile(tb, syft(tb), "alpine/testdata/empty-deps-and-provides"),
		"a root directory's mode": moduletest.File(tb, apko, "pkg/apk/apk/testdata/installed/bad-top-level-perms"),
	} {
		out[name] = strings.TrimRight(text, "\n") + "\n\n"
	}
	return out
}

// TestApkFixtures compares the packages with a few lines of code that split the
// same file at colons, and the owners with a tree made of the same lines.
func TestApkFixtures(t *testing.T) {
	for name, text := range apkFixtures(t) {
		t.Run(name, func(t *testing.T) {
			var want, paths []string
			f := files{apkDir + apkInstalled: text, apkWorld: "nothing\n"}
			owners := map[string]string{}
			p, dir := "", ""
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
				switch key {
				case "P":
					p = value
				case "V":
					want = append(want, p+" "+value)
				case "F":
					dir = "/" + value
					paths = append(paths, dir)
				case "R":
					path := filepath.Join(dir, value)
					owners[path] = p
					paths = append(paths, path)
				}
			}
			if len(owners) < 2000 {
				for path := range owners {
					f[path] = ""
				}
			}
			tree, db, err := f.open(t, alpine)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range db.Components {
				got = append(got, c.Name+" "+c.Version)
				if c.Kind != sbom.KindOS || c.Type != "apk" || c.Namespace != "alpine" || c.FoundBy != "apk" || c.InstallReason != sbom.ReasonDependency {
					t.Errorf("component %+v", c)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if len(db.Gaps) > 0 {
				t.Errorf("gaps %v", gapDetails(db))
			}
			listed := 0
			for _, path := range paths {
				if path != "/" {
					listed++
				}
			}
			if db.Listed != listed {
				t.Errorf("%d paths listed, want %d", db.Listed, listed)
			}
			if len(owners) >= 2000 {
				return
			}
			areas := findAreas(tree)
			for path, want := range owners {
				n := tree.ResolveParent(path)
				if areas.around(tree, n) != noArea {
					want = ""
				}
				if got := owner(t, tree, db, path); got != want {
					t.Errorf("%s belongs to %q, want %q", path, got, want)
				}
			}
		})
	}
}

func TestApkSystem(t *testing.T) {
	tree, db, err := files{
		"/lib": "-> usr/lib",
		"/bin": "-> usr/bin",
		"/usr/lib/apk/db/installed": apkRecordText("musl", "C:Q1lVAM7vn9XHtyClU/ZflmqTH8EUo=", "I:667648", "o:musl", "p:so:libc.musl-x86_64.so.1=1", "F:lib", "R:ld-musl.so.1", "a:0:0:755", "Z:Q1+zEJiG53Cxy7DkV5oZQqeWnzybY=") +
			apkRecordText("busybox", "p:cmd:sh=1 /bin/sh", "D:so:libc.musl-x86_64.so.1", "F:bin", "R:busybox", "F:var", "F:var/tmp", "M:0:0:1777") +
			apkRecordText("busybox-openrc", "o:busybox", "i:openrc busybox=1-r0") +
			apkRecordText("openrc", "D:/bin/sh !old-openrc") +
			apkRecordText("gcc", "D:busybox>2") +
			apkRecordText("make", "D:musl~1 so:absent") +
			apkRecordText("apk-tools", "D:musl>=1 cmd:sh", "r:busybox", "F:usr/bin", "R:apk", "R:busybox") +
			"P:.build-deps\nV:20240101.000000\nA:noarch\nT:virtual meta package\nD:gcc make>0\n\n",
		"/usr/lib/apk/db/scripts.tar": "", "/usr/lib/apk/db/evil": "", "/etc/apk/repositories": "https://dl-cdn.alpinelinux.org/alpine/v3.22/main\n",
		apkWorld:                "apk-tools\n!vim\nbusybox@edge>=1\n.build-deps=20240101.000000\nopenrc<1\n",
		"/usr/lib/ld-musl.so.1": "", "/usr/bin/busybox": "", "/usr/bin/apk": "", "/var/tmp/": "",
	}.open(t, alpine)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]sbom.InstallReason{}
	for _, c := range db.Components {
		reasons[c.Name] = c.InstallReason
	}
	if diff := cmp.Diff(map[string]sbom.InstallReason{"musl": "dependency", "busybox": "explicit", "busybox-openrc": "dependency", "openrc": "dependency", "gcc": "explicit", "make": "explicit", "apk-tools": "explicit"}, reasons); diff != "" {
		t.Errorf("install reasons (-want +got):\n%s", diff)
	}
	var relations []string
	for _, r := range db.Relations {
		name := func(id string) string {
			return strings.TrimSuffix(strings.TrimPrefix(id, "apk/alpine/"), "@1-r0?arch=x86_64")
		}
		relations = append(relations, fmt.Sprintf("%s %s %s %s", name(r.From), r.Kind, name(r.To), r.Via))
	}
	if diff := cmp.Diff([]string{
		"apk-tools depends busybox cmd:sh",
		"apk-tools depends musl ",
		"busybox recommends busybox-openrc install_if openrc busybox=1-r0",
		"busybox depends musl so:libc.musl-x86_64.so.1",
		"make depends musl ",
		"openrc recommends busybox-openrc install_if openrc busybox=1-r0",
		"openrc depends busybox /bin/sh",
	}, relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
	musl := db.Components[slices.IndexFunc(db.Components, func(c sbom.Component) bool { return c.Name == "musl" })]
	if diff := cmp.Diff([]sbom.Digest{{Algorithm: "sha1", Value: "95500ceef9fd5c7b720a553f65f966a931fc114a", File: "/usr/lib/apk/db/installed"}}, musl.Digests); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
	if musl.InstalledSize != 667648 || musl.Source != "" || musl.PURL != "pkg:apk/alpine/musl@1-r0?arch=x86_64&distro=alpine-3.22.1" {
		t.Errorf("component %+v", musl)
	}
	for path, want := range map[string]string{"/lib/ld-musl.so.1": "musl", "/usr/bin/apk": "apk-tools", "/usr/bin/busybox": "apk-tools", "/bin": "busybox", "/var/tmp": "busybox",
		"/usr/lib/apk/db/installed": "apk-tools", "/lib/apk/db/scripts.tar": "apk-tools", "/lib/apk/db/evil": "", "/etc/apk/world": "apk-tools"} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if len(db.Gaps) > 0 || len(db.Notices) > 0 {
		t.Errorf("gaps %v, notices %v", db.Gaps, db.Notices)
	}
	if diff := cmp.Diff([]sbom.Exclusion{{Path: "/usr/lib/apk/db/installed", PURL: "pkg:apk/alpine/.build-deps@20240101.000000?arch=noarch&distro=alpine-3.22.1", Name: ".build-deps",
		Version: "20240101.000000", Reason: sbom.ExcludedDeclared, Detail: "a virtual package: a name for packages that were requested together", Count: 1}}, db.Excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
	checkRepeatable2(t, tree, db, alpine)
}

// TestVirtualPackagesHaveNoFiles checks that a name that starts with a dot
// hides nothing.
func TestVirtualPackagesHaveNoFiles(t *testing.T) {
	_, db, err := files{apkDir + apkInstalled: apkRecordText(".evil", "T:virtual meta package", "F:usr/bin", "R:evil")}.open(t, alpine)
	if err != nil || len(db.Components) != 1 || db.Components[0].Name != ".evil" {
		t.Errorf("%+v, %v", db, err)
	}
}

func checkRepeatable2(t *testing.T, tree *rootfs.Tree, first *DB, release sbom.OS) {
	t.Helper()
	for range 3 {
		again, err := Open(context.Background(), tree, release)
		if err != nil {
			t.Fatal(err)
		}
		checkEqual(t, first, again)
	}
	if _, err := sbom.New(sbom.Document{Environment: sbom.Environment{Kind: "dir"}, Components: first.Components, Relations: first.Relations}); err != nil {
		t.Error(err)
	}
}

func TestBrokenApkDatabasesAreErrors(t *testing.T) {
	installed := apkDir + apkInstalled
	a := apkRecordText("a")
	for _, test := range []struct {
		name string
		f    files
		want string
	}{
		{"garbage", files{installed: "this is a corrupt db\n\n"}, `/lib/apk/db/installed:1: "this is a corrupt db" is not a field`},
		{"binary", files{installed: "ADBd\x00\x00\n"}, "/lib/apk/db/installed:1: zero byte"},
		{"carriage returns", files{installed: strings.ReplaceAll(a, "\n", "\r\n")}, "/lib/apk/db/installed:1: line ends with a carriage return"},
		{"no name", files{installed: a + "V:1\nA:x\n\n"}, "/lib/apk/db/installed:5: record has no P: field"},
		{"no version", files{installed: a + "P:b\n\n"}, "/lib/apk/db/installed:5: package b has no V: field"},
		{"bad name", files{installed: apkRecordText("../b")}, `/lib/apk/db/installed:1: "../b" is not a package name`},
		{"look-alike", files{installed: apkRecordText("b\u0430sh")}, "is not a package name"},
		{"escape in version", files{installed: "P:b\nV:1\x1b[2J\n\n"}, `"1\x1b[2J" is not a version`},
		{"bad arch", files{installed: "P:b\nV:1\nA:x y\n\n"}, `/lib/apk/db/installed:3: "x y" is not an architecture`},
		{"twice", files{installed: a + apkRecordText("b") + a}, "/lib/apk/db/installed:9: package a has a second record, the first one is in line 1"},
		{"two in one", files{installed: "P:a\nV:1\nP:b\nV:1\n\n"}, `/lib/apk/db/installed:3: field 'P' appears twice in one record, first in line 1`},
		{"file without a directory", files{installed: "P:a\nV:1\nR:x\n\n"}, `/lib/apk/db/installed:3: field 'R' without a directory or file before it`},
		{"digest without a file", files{installed: "P:a\nV:1\nF:x\nZ:Q1\n\n"}, `/lib/apk/db/installed:4: field 'Z' without a directory or file before it`},
		{"files first", files{installed: "F:x\nP:a\nV:1\n\n"}, `/lib/apk/db/installed:1: field 'F' before the name of the package`},
		{"no last line", files{installed: a + "P:b\nV:1\n"}, "/lib/apk/db/installed:6: the last record has no empty line after it: the file is truncated (run apk fix"},
		{"no last newline", files{installed: a + "P:b\nV:1"}, "/lib/apk/db/installed:6: the last line has no newline: the file is truncated"},
		{"long line", files{installed: a + "P:" + strings.Repeat("x", maxLine) + "\n\n"}, "/lib/apk/db/installed:5: line is longer than 1048576 bytes"},
		{"a directory", files{installed + "/": ""}, "/lib/apk/db/installed: is a directory, not a file"},
		{"a dead link", files{installed: "-> /proc/1/root/x"}, "/lib/apk/db/installed: is a dangling symbolic link"},
		{"directory is a file", files{apkDir: "x"}, "/lib/apk/db: is a file, not a directory"},
		{"taken away", files{apkUsrDir + "/scripts.tar": ""}, "/usr/lib/apk/db/installed: is missing, although there are scripts of packages beside it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.f.open(t, alpine)
			if err == nil || db != nil {
				t.Fatalf("Open: %+v, %v", db, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error\n%v\nwant\n%s", err, test.want)
			}
			var parse *parseError
			if !errors.As(err, &parse) {
				t.Errorf("%#v is no parseError", err)
			}
		})
	}
}

func TestApkGaps(t *testing.T) {
	installed := apkDir + apkInstalled
	for _, test := range []struct {
		name    string
		f       files
		release sbom.OS
		want    []string
	}{
		{"in order", files{installed: apkRecordText("a")}, alpine, nil},
		{"derivative", files{installed: apkRecordText("a")}, sbom.OS{ID: "x", IDLike: []string{"wolfi"}}, nil},
		{"another system", files{installed: apkRecordText("a")}, debian, []string{`system /lib/apk/db: os-release names the system "debian", which uses dpkg and not apk, but its database is of the kind apk`}},
		{"empty", files{installed: ""}, alpine, []string{"package-database /lib/apk/db/installed: the package database lists no installed package"}},
		{"climbing", files{installed: apkRecordText("a", "F:usr/../etc", "R:passwd", "F:/etc", "F:etc/", "F:usr", "R:../etc/passwd", "R:", "R:ok"), "/etc/passwd": "", "/usr/ok": ""}, alpine,
			[]string{`malformed /lib/apk/db/installed: line 4: path "/usr/../etc" of package a is not a clean path: it may lead out of the package; 6 lines like this are ignored`}},
		{"unknown field", files{installed: apkRecordText("a", "y:new")}, alpine, []string{`malformed /lib/apk/db/installed: line 4: package a: unknown field 'y'`}},
		{"bad digest", files{installed: apkRecordText("a", "C:Q1short")}, alpine, []string{`malformed /lib/apk/db/installed: line 4: package a: "Q1short" is not a digest`}},
		{"bad dependency", files{installed: apkRecordText("a", "D:b>=")}, alpine, []string{`malformed /lib/apk/db/installed: line 4: package a: field 'D': "b>=" has no version after >=`}},
		{"bad world", files{installed: apkRecordText("a"), apkWorld: "a\n>1\n"}, alpine, []string{`malformed /etc/apk/world: the explicitly installed packages are unknown: /etc/apk/world:2: ">1" is not a dependency`}},
		{"two databases", files{installed: apkRecordText("a"), apkUsrDir + apkInstalled: apkRecordText("b")}, alpine,
			[]string{"package-database /usr/lib/apk/db/installed: a second apk database, beside /lib/apk/db/installed, which is the one that apk uses: its packages are unknown"}},
		{"volumes", files{installed: apkRecordText("a"), apkElsewhere: ""}, alpine, []string{"package-database /lib/apk/db-uvol/installed: a database of packages on separate volumes: its packages are unknown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, db, err := test.f.open(t, test.release)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, gapDetails(db)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if test.name == "climbing" {
				for path, want := range map[string]string{"/etc/passwd": "", "/usr/ok": "a"} {
					if got := owner(t, tree, db, path); got != want {
						t.Errorf("%s belongs to %q, want %q", path, got, want)
					}
				}
			}
		})
	}
}

func TestApkClaims(t *testing.T) {
	tree, db, err := files{
		apkDir + apkInstalled: apkRecordText("a", "F:home/x", "R:y", "F:usr/bin", "R:tool") + apkRecordText("b", "F:usr/bin", "R:tool") +
			apkRecordText("c", "o:s", "F:usr/bin", "R:shared") + apkRecordText("d", "o:s", "F:usr/bin", "R:shared"),
		"/home/x/y": "", "/usr/bin/tool": "", "/usr/bin/shared": "",
	}.open(t, alpine)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"claimed-files /home/x/y: a lists a file in /home, where packages of a distribution have none; the package does not own them (/lib/apk/db/installed)",
		"claimed-files /usr/bin/tool: a and b both list a file; neither replaces the other",
	}, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if got := owner(t, tree, db, "/home/x/y"); got != "" {
		t.Errorf("/home/x/y belongs to %s", got)
	}
}

// TestTruncatedApk checks that a truncated file is an error, unless it ends
// with a record.
func TestTruncatedApk(t *testing.T) {
	text := moduletest.File(t, apko, "pkg/apk/apk/testdata/installed/wolfi-base")[:5000]
	tree, err := openTree(t, files{"/x": ""}.plant(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for i := range text {
		records, err := allApk(tree, text[:i])
		if err != nil {
			continue
		}
		if whole++; records != strings.Count("\n"+text[:i], "\nP:") || (i > 0 && !strings.HasSuffix(text[:i], "\n\n")) {
			t.Fatalf("%d bytes of %d are a whole database of %d packages", i, len(text), records)
		}
	}
	if whole > 20 {
		t.Errorf("%d of %d cuts are not seen", whole, len(text))
	}
}

func allApk(tree *rootfs.Tree, text string) (int, error) {
	d := &apk{system: system{DB: &DB{}, tree: tree}}
	err := d.read(newApkReader(context.Background(), strings.NewReader(text), "f", rootfs.None, newFinder(tree, &areas{})))
	return len(d.packages) + len(d.virtuals), err
}

// TestApkDigestIsThatOfTheControlSegment checks the digest of a package that
// Alpine built. The expected digest is from the test of another
// implementation.
func TestApkDigestIsThatOfTheControlSegment(t *testing.T) {
	dir := filepath.Join(moduletest.Dir(t, apko), "pkg/apk/apk")
	archive := bufio.NewReader(strings.NewReader(readFile(t, dir, "testdata/alpine-316/alpine-baselayout-3.2.0-r23.apk")))
	control := ""
	for range 2 { // the signature comes first
		h := sha1.New()
		z, err := gzip.NewReader(&hashed{archive, h})
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		if _, err := io.Copy(io.Discard, z); err != nil {
			t.Fatal(err)
		}
		control = hex.EncodeToString(h.Sum(nil))
	}
	const written = "Q1LLq2qDNrS/qRnhxQ3hsY/sHbQnc="
	if !strings.Contains(readFile(t, dir, "implementation_test.go"), control+".ctl.tar.gz") {
		t.Fatal("the other implementation does not know this digest any more")
	}
	if d, err := parseApkDigest(written); err != nil || d.Algorithm != "sha1" || d.Value != control {
		t.Errorf("%+v, %v; the control segment has %s", d, err, control)
	}
}

// hashed reads one byte at a time, so that the reader of a gzip stream takes no
// bytes of the next one.
type hashed struct {
	r *bufio.Reader
	h io.Writer
}

func (r *hashed) Read(p []byte) (int, error) {
	b, err := r.r.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	_, err = r.h.Write(p[:1])
	return 1, err
}

func (r *hashed) ReadByte() (byte, error) {
	var p [1]byte
	_, err := r.Read(p[:])
	return p[0], err
}

func TestApkDependencies(t *testing.T) {
	for _, test := range []struct {
		text string
		want []alternative
	}{
		{"a", []alternative{{name: "a"}}},
		{"  a  b ", []alternative{{name: "a"}, {name: "b"}}},
		{"a@edge>=1.2-r3", []alternative{{name: "a", op: ">=", version: "1.2-r3"}}},
		{"!a !b<1", nil},
		{"/bin/sh so:libc.musl-x86_64.so.1=1 cmd:x~2 py3.12:y", []alternative{{name: "/bin/sh"}, {name: "so:libc.musl-x86_64.so.1", op: "=", version: "1"}, {name: "cmd:x", op: "~", version: "2"}, {name: "py3.12:y"}}},
		{"a><Q1x=", []alternative{{name: "a", op: "><", version: "Q1x="}}},
	} {
		got, err := parseApkDependencies(test.text, true)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: %+v, %v", test.text, got, err)
		}
	}
	for _, text := range []string{">1", "a>", "!", "a=\x01", "@x", "b\u0430"} {
		if got, err := parseApkDependencies(text, true); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzApk(f *testing.F) {
	for _, text := range apkFixtures(f) {
		if len(text) < 3_000 {
			f.Add(text)
		}
	}
	f.Add(apkRecordText("a", "F:usr/../x", "R:y", "F:", "R:bin", "i:a b", "r:x", "f:fs"))
	tree, err := openTree(f, files{"/usr/bin/a": "", "/etc/passwd": "", "/bin": "-> usr/bin"}.plant(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := &apk{system: system{DB: &DB{Kind: "apk"}, tree: tree, areas: findAreas(tree)}}
		err := d.read(newApkReader(context.Background(), strings.NewReader(text), "f", 0, newFinder(tree, d.areas)))
		if err != nil {
			var parse *parseError
			if !errors.As(err, &parse) || parse.Line < 1 {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		// Every line that starts with P: is a package, and no other.
		names := strings.Count("\n"+text, "\nP:")
		if got := len(d.packages) + len(d.virtuals); got != names {
			t.Fatalf("%d records, %d names", got, names)
		}
		files := 0
		for _, p := range append(d.packages, d.virtuals...) {
			files += p.files.listed + p.files.malformed
			if !validApkName(p.name) || !printable(p.version) {
				t.Errorf("record %+v", p)
			}
		}
		if want := strings.Count("\n"+text, "\nR:") + strings.Count("\n"+text, "\nF:") - strings.Count("\n"+text, "\nF:\n"); files != want {
			t.Errorf("%d paths, want %d", files, want)
		}
		d.addPackages("/f")
		d.relate(d.relating())
	})
}

func FuzzApkWorld(f *testing.F) {
	f.Add("alpine-base\nbusybox@edge>=1.2\n!x\n.v=1\na><Q1+=\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readApkWorld(context.Background(), strings.NewReader(text), "f")
		if err != nil {
			return
		}
		for _, a := range got {
			again, err := parseApkDependencies(a.name+a.op+a.version, false)
			if err != nil || len(again) != 1 && a.name[0] != '!' {
				t.Errorf("%+v is read as %+v, %v", a, again, err)
			}
		}
	})
}

// TestManyApkRules checks that packages that all provide one name, and that are
// all installed for it, end in a gap and not in quadratic time.
func TestManyApkRules(t *testing.T) {
	const packages = 5000
	var text strings.Builder
	for i := range packages {
		text.WriteString(apkRecordText(fmt.Sprintf("p%d", i), "p:x", "i:x"))
	}
	_, db, err := files{apkDir + apkInstalled: text.String()}.open(t, alpine)
	if err != nil || len(db.Components) != packages {
		t.Fatalf("%v", err)
	}
	if got := gapDetails(db); len(got) != 2 || !strings.HasPrefix(got[0], "limit ") || !strings.HasPrefix(got[1], "limit ") {
		t.Errorf("gaps %v", got)
	}
}

func TestApkSatisfies(t *testing.T) {
	d := &apk{packages: []*apkRecord{{identity: "Q1a="}}}
	for _, test := range []struct {
		version, op, want string
		ok                bool
	}{
		{"1.6.5", "~", "1.6", true}, {"1.6.1", "<", "1.6", false}, {"1.6", "", "", true},
		{"", ">=", "2", true}, {"1", "><", "Q1a=", true}, {"1", "><", "Q1b=", false}, {"2", "<>=", "1", true},
	} {
		if got := d.satisfies(offer{version: test.version}, alternative{name: "x", op: test.op, version: test.want}); got != test.ok {
			t.Errorf("%s %s %s: %v", test.version, test.op, test.want, got)
		}
	}
}
