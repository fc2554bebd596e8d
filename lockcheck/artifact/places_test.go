package artifact

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/dirhash"
)

// pipAnswer is an answer as CacheControl stores it, with a body.
func pipAnswer(body []byte) []byte {
	out := []byte("cc=4,\x82\xa8response\x87\xa4body\xc6")
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	return append(append(out, body...), "\xa7headers\x80"...)
}

// goSum is the hash of a module's zip file by the go command's own package.
func goSum(t *testing.T, data []byte) string {
	t.Helper()
	sum, err := dirhash.HashZip(write(t, data, t.TempDir(), "a.zip"), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestPlaces has a file in each kind of cache.
func TestPlaces(t *testing.T) {
	wheel, tarball, deb := fooWheel(t), fooTarball(t), debOf(t, file("./a", "b"))
	crate := gz(tarOf(t, file("foo-1.0.0/Cargo.toml", "x")))
	gem := tarOf(t, file("metadata.gz", string(gz([]byte(gemspec)))), file("data.tar.gz", string(gz(tarOf(t, file("a", "b"))))))
	module := zipOf(t, "example.com/Foo@v1.0.0/go.mod", "module x", "example.com/Foo@v1.0.0/a.go", "x")
	apk := apkOf(t, true, "pkgname = foo\npkgver = 1.0-r0\n", gz(tarOf(t, file("a", "b"))))
	alpm := zst(tarOf(t, file(".PKGINFO", "pkgname = foo\npkgver = 1.0-1\n")))
	rpm := rpmOf(cpioOf("./usr/bin/b", "body", "./etc/foo.conf", "x=1"))
	control, err := digest(newBudget(t.Context(), 0), strings.NewReader(string(apk)), algAPK)
	if err != nil {
		t.Fatal(err)
	}
	hex := sha512Of(tarball)[len("sha512:"):]
	for name, c := range map[string]struct {
		path string
		data []byte
		want Want
	}{
		"apt":          {"var/cache/apt/archives/hello_1%3a2.10-3_amd64.deb", deb, Want{Kind: Deb, Name: "hello", Version: "1:2.10-3", Arch: "amd64"}},
		"dnf":          {"var/cache/dnf/base-0123/packages/foo-1.0-2.x86_64.rpm", rpm, Want{Kind: RPM, Name: "foo", Version: "3:1.0-2", Arch: "x86_64"}},
		"apk":          {"var/cache/apk/foo-1.0-r0.0123abcd.apk", apk, Want{Kind: APK, Name: "foo", Version: "1.0-r0", Digests: []string{control}}},
		"pacman":       {"var/cache/pacman/pkg/foo-1.0-1-any.pkg.tar.zst", alpm, Want{Kind: ALPM, Name: "foo", Version: "1.0-1", Arch: "x86_64"}},
		"npm":          {"home/me/.npm/_cacache/content-v2/sha512/" + hex[:2] + "/" + hex[2:4] + "/" + hex[4:], tarball, Want{Kind: NPM, Name: "foo", Version: "1.0.0", Digests: []string{sha512Of(tarball)}}},
		"yarn":         {"root/.cache/yarn/v6/npm-@a-foo-1.0.0-0123-integrity/node_modules/@a/foo/.yarn-tarball.tgz", tarball, Want{Kind: NPM, Name: "@a/foo", Version: "1.0.0"}},
		"pip http-v2":  {"root/.cache/pip/http-v2/0/1/2/3/4/0123.body", wheel, Want{Kind: Wheel, Name: "foo", Version: "1.0"}},
		"pip http":     {"root/.cache/pip/http/0/1/2/3/4/0123", pipAnswer(wheel), Want{Kind: Wheel, Name: "foo", Version: "1.0"}},
		"poetry":       {"xdg/pypoetry/artifacts/00/11/22/33/foo-1.0-py3-none-any.whl", wheel, Want{Kind: Wheel, Name: "Foo", Version: "1.0"}},
		"cargo":        {"root/.cargo/registry/cache/index.crates.io-0123/foo-1.0.0.crate", crate, Want{Kind: Crate, Name: "foo", Version: "1.0.0"}},
		"gem":          {"var/lib/gems/3.1.0/cache/foo-1.2.gem", gem, Want{Kind: Gem, Name: "foo", Version: "1.2"}},
		"go":           {"root/go/pkg/mod/cache/download/example.com/!foo/@v/v1.0.0.zip", module, Want{Kind: GoZip, Name: "example.com/Foo", Version: "v1.0.0", Digests: []string{goSum(t, module)}}},
		"go of images": {"go/pkg/mod/cache/download/example.com/!foo/@v/v1.0.0.zip", module, Want{Kind: GoZip, Name: "example.com/Foo", Version: "v1.0.0", Digests: []string{goSum(t, module)}}},
	} {
		t.Run(name, func(t *testing.T) {
			system := fstest.MapFS{c.path: {Data: c.data}, "home/me/x": {}}
			if c.want.Digests == nil {
				c.want.Digests = []string{sha256Of(c.data)}
				if strings.HasPrefix(name, "pip") {
					c.want.Digests = []string{sha256Of(wheel)}
				}
			}
			s := NewStore(Options{Sources: []Source{{FS: system, Caches: []string{"xdg"}}}})
			m, _, err := s.Manifest(t.Context(), c.want)
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind != c.want.Kind || !strings.EqualFold(m.Name, "foo") && !strings.HasSuffix(m.Name, "Foo") && m.Name != "hello" {
				t.Errorf("%s %s", m.Kind, m.Name)
			}
			// The same bytes in a directory that the user named, under any name.
			dir := t.TempDir()
			write(t, c.data, dir, "deep", "er", "0123")
			if _, _, err := NewStore(Options{Directories: []string{dir}}).Manifest(t.Context(), c.want); err != nil {
				t.Errorf("in a directory: %v", err)
			}
			// Other bytes are not it.
			system[c.path] = &fstest.MapFile{Data: append([]byte(strings.Repeat("\x00", 8)), c.data...)}
			s = NewStore(Options{Sources: []Source{{FS: system, Caches: []string{"xdg"}}}})
			if _, _, err := s.Manifest(t.Context(), c.want); !errors.Is(err, ErrNone) {
				t.Errorf("other bytes: %v", err)
			}
		})
	}
}

// TestUsualNames has names that identify an artifact and names that do not.
func TestUsualNames(t *testing.T) {
	for name, want := range map[string]bool{
		"hello_2.10-3_amd64.deb": true, "hello.deb": false, "foo-1.0-py3-none-any.whl": true, "foo-1.0-1-py3-none-any.whl": true,
		"some.whl": false, "foo-1.0.0.tgz": true, "package.tgz": false, "foo-1.0.0-rc.1.crate": true, "foo-1.0-2.x86_64.rpm": true,
		"0123.body": false, "foo.rpm": false,
	} {
		if got := usual(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestPipEntryDamaged checks that an answer which is no whole answer is taken as
// it is.
func TestPipEntryDamaged(t *testing.T) {
	whole := pipAnswer([]byte("body"))
	if r := pipEntry(strings.NewReader(string(whole))); r.Size() != 4 {
		t.Errorf("%d bytes", r.Size())
	}
	for i := range whole {
		if i == len(whole)-len("\xa7headers\x80") {
			break // the body is whole
		}
		if r := pipEntry(strings.NewReader(string(whole[:i]))); r.Size() != int64(i) {
			t.Errorf("%d of %d bytes: %d", i, len(whole), r.Size())
		}
	}
}

// TestRealGoModules checks the hash of modules in the module cache of the
// toolchain that runs this test, which has at least those of go.mod.
func TestRealGoModules(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip(err)
	}
	hashes, _ := filepath.Glob(filepath.Join(home, "go/pkg/mod/cache/download/github.com/*/*/@v/*.ziphash"))
	s := NewStore(Options{Sources: []Source{{FS: os.DirFS("/"), Homes: []string{strings.TrimPrefix(filepath.ToSlash(home), "/")}}}})
	read := 0
	for _, name := range hashes {
		if read == 10 {
			break
		}
		h1, err := os.ReadFile(name)
		zip := strings.TrimSuffix(name, "hash")
		info, err2 := os.Stat(zip)
		if err != nil || err2 != nil || info.Size() > 1<<20 {
			continue
		}
		_, module, _ := strings.Cut(filepath.ToSlash(zip), "/cache/download/")
		module, version, _ := strings.Cut(strings.TrimSuffix(module, ".zip"), "/@v/")
		if strings.Contains(module+version, "!") {
			continue
		}
		read++
		m, _, err := s.Manifest(t.Context(), Want{Kind: GoZip, Name: module, Version: version, Digests: []string{strings.TrimSpace(string(h1))}})
		if err != nil {
			t.Errorf("%s@%s: %v", module, version, err)
			continue
		}
		if m.Name != module || m.Version != version {
			t.Errorf("%s@%s", m.Name, m.Version)
		}
	}
	t.Logf("%d modules", read)
}
