package artifact

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Checksums that Yarn 4.18.1 and 3.8.7 wrote into yarn.lock for ms 2.0.0, and Yarn
// 4.18.1 for the package of [oddTarball].
const (
	msStored     = "yarn/10c0:f8fda810b39fd7255bbdc451c46286e549794fcc700dc9cd1d25658bbc4dc2563a5de6fe7c60f798a16a60c6ceb53f033cb353f493f0cf63e5199b702943159d"
	msCompressed = "yarn/8:0e6a22b8b746d2e0b65a430519934fefd41b6db0682e3477c10f60c76e947c4c0ad06f63ffdf1d78d335f83edee8c0aa928aa66a36c7cd95b69b26f468d527f4"
	oddStored    = "yarn/10c0:4340c5c9a93aa3995fe8638fb9c65f5aa6a5137368cdb15a07b7285330b9c958f405a4f186327ad0ad5f4785a0328694dce464130a196c3acf14f4c3c7ccb5f6"
)

// oddTarball has what tarballs of the registry rarely have: a directory, a file
// twice, a link, a file beside the first directory, names outside ASCII.
func oddTarball(t testing.TB) []byte {
	return gz(tarOf(t,
		dir("package").mode(0o700),
		file("package/lib/deep/a.js", "first"),
		file("package/package.json", `{"name":"@s/odd","version":"1.0.0"}`),
		file("package/bin/run", "#!/bin/sh\n").mode(0o744),
		file("package/empty", ""),
		dir("package/dir").mode(0o777),
		file("package/dir/x", strings.Repeat("x", 70000)),
		file("package/ümläut.txt", "u"),
		link(tar.TypeSymlink, "package/link", "lib/deep/a.js"),
		link(tar.TypeLink, "package/hard", "package/empty"),
		file("package/lib/deep/a.js", "second").mode(0o755),
		file("package/../package/climb", "no"),
		file("other/same.js", "o"),
		file("top", "no"),
		file("package/.gitignore", "g"),
		file("package/"+strings.Repeat("d", 120)+"/"+strings.Repeat("f", 120), "long"),
	))
}

// TestYarnZip makes zip files again of tarballs, byte for byte as Yarn made them.
func TestYarnZip(t *testing.T) {
	tgz, err := os.ReadFile("testdata/yarn/ms-2.0.0.tgz")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		data []byte
		want string
	}{{tgz, msStored}, {oddTarball(t), oddStored}} {
		got, err := digest(newBudget(t.Context(), int64(len(tt.data))), bytes.NewReader(tt.data), "yarn/10c0")
		if err != nil || got != tt.want {
			t.Errorf("%s, want %s, %v", got, tt.want, err)
		}
	}
	if _, err := digest(newBudget(t.Context(), 0), bytes.NewReader(tgz), "yarn/8"); err == nil {
		t.Error("a compressed zip file was made")
	}
	for text, data := range map[string][]byte{
		"no package.json":  gz(tarOf(t, file("package/a", "x"))),
		"has no name":      gz(tarOf(t, file("package/package.json", `{"name":"../x"}`))),
		"package.json":     gz(tarOf(t, file("package/package.json", `{"name":1}`))),
		"unexpected EOF":   tgz[:100],
		"no package.json ": nil,
	} {
		if _, err := digest(newBudget(t.Context(), 0), bytes.NewReader(data), "yarn/10c0"); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestYarn reads a zip file that Yarn 3 compressed, and a tarball.
func TestYarn(t *testing.T) {
	want := []string{"f 0644 index.js 2764", "f 0644 license.md 1077", "f 0644 package.json 704", "f 0644 readme.md 1721"}
	for _, name := range []string{"ms-npm-2.0.0-9e1101a471-8.zip", "ms-2.0.0.tgz"} {
		data, err := os.ReadFile(filepath.Join("testdata/yarn", name))
		if err != nil {
			t.Fatal(err)
		}
		m := mustRead(t, Yarn, data)
		equal(t, m, "ms 2.0.0 ", want...)
		if len(m.Scripts) != 1 || m.Scripts[0].Path != yarnArchive || m.Scripts[0].Size == 0 {
			t.Errorf("%s: %+v", name, m.Scripts)
		}
	}
	m := mustRead(t, Yarn, oddTarball(t))
	equal(t, m, "@s/odd 1.0.0 ", "f 0644 .gitignore 1", "f 0755 bin/run 10", "f 0644 "+strings.Repeat("d", 120)+"/"+strings.Repeat("f", 120)+" 4", "f 0644 dir/x 70000", "f 0644 empty 0",
		"f 0755 lib/deep/a.js 6", "l 0000 link 0 to lib/deep/a.js", "f 0644 package.json 35", "f 0644 same.js 1", "f 0644 ümläut.txt 1")
	refused(t, Yarn, zipOf(t, "node_modules/a/package.json", "{}", "node_modules/b/x", "x"), "is not in the directory")
	refused(t, Yarn, zipOf(t, "node_modules/@s/a/package.json", "{}", "node_modules/@s/b/x", "x"), "is not in the directory")
	refused(t, Yarn, zipOf(t, "node_modules/package.json", "{}"), "is not in the directory")
	refused(t, Yarn, zipOf(t, "node_modules/@s/package.json", "{}"), "is not in the directory")
	refused(t, Yarn, zipOf(t, "package/package.json", "{}"), "is not in the directory")
	refused(t, Yarn, zipOf(t, "node_modules/a/x", "x"), "no package.json")
	refused(t, Yarn, zipOf(t, "node_modules/a/package.json", "{}", "node_modules/a/package.json", "{}"), "twice")
}

// TestYarnStore finds zip files by the names that Yarn gives them, and tarballs in
// directories, and does not take those of other packages.
func TestYarnStore(t *testing.T) {
	root := t.TempDir()
	put := func(name, from string) {
		data, err := os.ReadFile(filepath.Join("testdata/yarn", from))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	find := func(w Want) string {
		s := NewStore(Options{Directories: []string{filepath.Join(root, "artifacts")}, Sources: []Source{{FS: os.DirFS(root), Yarn: []string{"app/.yarn/cache"}}}})
		m, d, err := s.Manifest(t.Context(), w)
		if err != nil {
			return err.Error()
		}
		return m.Name + " " + d[:12]
	}
	ms := Want{Kind: Yarn, Name: "ms", Version: "2.0.0", Digests: []string{msCompressed}}
	none := "no such artifact"
	check := func(what string, w Want, want string) {
		t.Helper()
		if got := find(w); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "artifacts"), 0o755); err != nil {
		t.Fatal(err)
	}
	check("nothing", ms, none)
	put("root/.yarn/berry/cache/ms-npm-2.0.0-9e1101a471-8.zip", "ms-npm-2.0.0-9e1101a471-8.zip")
	check("the global cache", ms, "ms yarn/8:0e6a2")
	check("another version", Want{Kind: Yarn, Name: "ms", Version: "2.0.1", Digests: ms.Digests}, none)
	check("another checksum", Want{Kind: Yarn, Name: "ms", Version: "2.0.0", Digests: []string{msStored}}, none)
	check("a checksum of another kind", Want{Kind: NPM, Name: "ms", Version: "2.0.0", Digests: []string{msCompressed}}, none)
	os.RemoveAll(filepath.Join(root, "root"))
	put("app/.yarn/cache/ms-npm-2.0.0-9e1101a471-0e6a22b8b7.zip", "ms-npm-2.0.0-9e1101a471-8.zip")
	check("the project's cache", ms, "ms yarn/8:0e6a2")
	put("artifacts/registry.npmjs.org/ms/-/ms-2.0.0.tgz", "ms-2.0.0.tgz")
	check("a tarball", Want{Kind: Yarn, Name: "ms", Version: "2.0.0", Digests: []string{msStored}}, "ms yarn/10c0:f8")
	os.RemoveAll(filepath.Join(root, "app"))
	check("a tarball, and the checksum of a compressed zip file", ms, none)
}

// TestCheckYarn compares files with checksums.
func TestCheckYarn(t *testing.T) {
	for _, tt := range []struct{ file, digest, want string }{
		{"ms-2.0.0.tgz", msStored, ""},
		{"ms-npm-2.0.0-9e1101a471-8.zip", msCompressed, ""},
		{"ms-2.0.0.tgz", oddStored, "has the digest " + msStored},
		{"ms-2.0.0.tgz", msCompressed, "cannot be made again"},
		{"ms-2.0.0.tgz", "sha512:00", "no checksum of Yarn"},
		{"absent.tgz", msStored, "no such file"},
	} {
		err := CheckYarn(t.Context(), filepath.Join("testdata/yarn", tt.file), []string{tt.digest})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.file, err, tt.want)
		}
	}
}

// TestYarnKey compares names of files in Yarn's caches.
func TestYarnKey(t *testing.T) {
	for file, want := range map[string]string{
		"ms-npm-2.0.0-9e1101a471-8.zip":              "ms-npm-2.0.0.yarn",
		"@babel-core-npm-7.24.5-b52405e538-10c0.zip": "@babel-core-npm-7.24.5.yarn",
		"typescript-patch-6e159bfddb-0123456789.zip": "typescript-patch.yarn",
		"a-npm-1.0.0-rc.1-0123456789-9cmixed.zip":    "a-npm-1.0.0-rc.1.yarn",
		"a.zip": "a.zip",
		"Upper-npm-1.0.0-0123456789-0123456789.zip": "upper-npm-1.0.0.yarn",
		"is-odd-https-0123456789-0123456789.zip":    "is-odd-https.yarn",
		YarnPatch("@s/a"):                           "@s-a-patch.yarn",
	} {
		if got := nameKey(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	w := Want{Kind: Yarn, Name: "@babel/core", Version: "7.24.5", Digests: []string{msStored}}
	if d := cmp.Diff(true, strings.Contains(strings.Join(names(w, msStored), " "), "@babel-core-npm-7.24.5.yarn")); d != "" {
		t.Error(d)
	}
}

func FuzzYarn(f *testing.F) {
	fuzz(f, Yarn, oddTarball(f), zipOf(f, "node_modules/a/package.json", `{"name":"a"}`, "node_modules/a/b", "x"), zipOf(f, "node_modules/@s/a/package.json", "{}"))
}
