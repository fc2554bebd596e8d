package artifact

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func sha256Of(data []byte) string {
	s := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(s[:])
}

func sha512Of(data []byte) string {
	s := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(s[:])
}

func write(t testing.TB, data []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func fooWheel(t testing.TB) []byte {
	return zipOf(t, "foo.py", "x", "foo-1.0.dist-info/METADATA", "Name: foo\nVersion: 1.0\n")
}

func fooTarball(t testing.TB) []byte {
	return gz(tarOf(t, file("package/package.json", `{"name":"foo","version":"1.0.0"}`)))
}

func TestStore(t *testing.T) {
	deb, wheel, tarball := debOf(t, file("./a", "a")), fooWheel(t), fooTarball(t)
	dir := t.TempDir()
	single := write(t, wheel, t.TempDir(), "some.whl")
	write(t, deb, dir, "pool", "hello_2.10-3_amd64.deb")
	write(t, []byte("not it"), dir, "first", "hello_2.10-3_amd64.deb")
	write(t, tarball, dir, "renamed")
	cacache := sha512Of(tarball)[len("sha512:"):]
	system := fstest.MapFS{
		"var/cache/apt/archives/hello_1%3a2.10-3_amd64.deb":                                            {Data: deb},
		"root/.npm/_cacache/content-v2/sha512/" + cacache[:2] + "/" + cacache[2:4] + "/" + cacache[4:]: {Data: tarball},
	}
	want := map[Kind]Want{
		Deb:   {Kind: Deb, Name: "hello", Version: "1:2.10-3", Arch: "amd64", Digests: []string{"md5:00", sha256Of(deb)}},
		Wheel: {Kind: Wheel, Name: "Foo", Version: "1.0", Digests: []string{sha256Of(wheel)}},
		NPM:   {Kind: NPM, Name: "foo", Version: "1.0.0", Digests: []string{sha512Of(tarball)}},
	}
	for name, c := range map[string]struct {
		options Options
		kinds   []Kind
	}{
		"directory": {Options{Directories: []string{dir}}, []Kind{Deb, NPM}},
		"file":      {Options{Directories: []string{single}}, []Kind{Wheel}},
		"source":    {Options{Sources: []Source{{FS: system, Homes: []string{"root"}}}}, []Kind{Deb, NPM}},
		"cached":    {Options{Directories: []string{dir, single}, Cache: filepath.Join(t.TempDir(), "cache")}, []Kind{Deb, NPM, Wheel}},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStore(c.options)
			for range 2 {
				for _, k := range c.kinds {
					m, d, err := s.Manifest(t.Context(), want[k])
					if err != nil {
						t.Errorf("%s: %v", k, err)
						continue
					}
					if m.Kind != k || len(m.Files) == 0 || d != want[k].Digests[len(want[k].Digests)-1] {
						t.Errorf("%s: %s, %d files", k, d, len(m.Files))
					}
				}
				if c.options.Cache != "" {
					s = NewStore(Options{Cache: c.options.Cache})
				}
			}
			if p := s.Problems(); len(p) > 0 {
				t.Error(p)
			}
		})
	}
}

// TestStoreNone has what is not found, and why.
func TestStoreNone(t *testing.T) {
	deb := debOf(t, file("./a", "a"))
	dir := t.TempDir()
	write(t, deb, dir, "hello_2.10-3_amd64.deb")
	s := NewStore(Options{Directories: []string{dir}})
	other := sha256Of([]byte("another"))
	for name, c := range map[string]struct {
		want Want
		text string
	}{
		"weak":        {Want{Kind: Deb, Name: "hello", Digests: []string{"md5:" + strings.Repeat("0", 32)}}, "no digest of SHA-256 or stronger"},
		"no hex":      {Want{Kind: Deb, Name: "hello", Digests: []string{"sha256:xyz"}}, "no digest of SHA-256 or stronger"},
		"wrong":       {Want{Kind: Deb, Name: "hello", Version: "2.10-3", Arch: "amd64", Digests: []string{other}}, "hello_2.10-3_amd64.deb has another digest"},
		"unknown":     {Want{Kind: Deb, Name: "other", Version: "1", Digests: []string{other}}, ErrNone.Error()},
		"h1 of a deb": {Want{Kind: Deb, Name: "x", Digests: []string{"h1:" + strings.Repeat("A", 43) + "="}}, "no digest"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.Manifest(t.Context(), c.want)
			if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
}

// TestStoreDamaged checks that bytes that the entry names and that are refused are
// an error of their own, with the place.
func TestStoreDamaged(t *testing.T) {
	bad := debOf(t, file("/etc/passwd", "a"))
	dir := t.TempDir()
	write(t, bad, dir, "x.deb")
	_, _, err := NewStore(Options{Directories: []string{dir}}).Manifest(t.Context(), Want{Kind: Deb, Digests: []string{sha256Of(bad)}})
	if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "x.deb: .deb: ") {
		t.Errorf("error %v", err)
	}
}

func TestStoreProblems(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	s := NewStore(Options{Directories: []string{missing}, Sources: []Source{{FS: fstest.MapFS{}}}})
	if _, _, err := s.Manifest(t.Context(), Want{Kind: Deb, Digests: []string{sha256Of(nil)}}); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if p := s.Problems(); len(p) != 1 || !errors.Is(p[0], fs.ErrNotExist) {
		t.Error(p)
	}
}

func TestStoreCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	deb := debOf(t, file("./a", "a"))
	write(t, deb, dir, "x.deb")
	_, _, err := NewStore(Options{Directories: []string{dir}}).Manifest(ctx, Want{Kind: Deb, Digests: []string{sha256Of(deb)}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestStoreFits checks that of the wheels of several platforms the one that fits is
// taken, from directories and from the cache.
func TestStoreFits(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	w := Want{Kind: Wheel, Name: "foo", Version: "1.0", Digests: []string{sha256Of(nil)}}
	for _, body := range []string{"mac", "linux", "windows"} {
		data := zipOf(t, body+".so", body, "foo-1.0.dist-info/METADATA", "Name: foo\nVersion: 1.0\n")
		write(t, data, dir, "foo-1.0-cp311-cp311-"+body+".whl")
		w.Digests = append(w.Digests, sha256Of(data))
	}
	for range 2 {
		s := NewStore(Options{Directories: []string{dir}, Cache: cache})
		for _, body := range []string{"linux", "mac", "windows", "linux"} {
			w.Fits = func(m *Manifest) bool {
				return slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == body+".so" })
			}
			m, d, err := s.Manifest(t.Context(), w)
			if err != nil || !w.Fits(m) || !slices.Contains(w.Digests, d) {
				t.Errorf("%s: %v %v", body, d, err)
			}
		}
		w.Fits = func(*Manifest) bool { return false }
		if _, _, err := s.Manifest(t.Context(), w); err != nil {
			t.Errorf("none fits: %v", err)
		}
		dir = t.TempDir() // the second time from the cache alone
	}
}

// TestStoreSize checks that files with unusual names are hashed up to a limit, and
// that those beyond it are a problem.
func TestStoreSize(t *testing.T) {
	dir := t.TempDir()
	wheel := fooWheel(t)
	write(t, wheel, dir, "odd")
	huge := write(t, []byte("PK\x03\x04"), dir, "huge")
	if err := os.Truncate(huge, maxHashed+1); err != nil {
		t.Skip(err)
	}
	write(t, []byte("PK\x03\x04"), dir, "foo-1.0-py3-none-any.whl")
	s := NewStore(Options{Directories: []string{dir}})
	w := Want{Kind: Wheel, Name: "foo", Version: "1.0", Digests: []string{sha256Of(wheel)}, Size: int64(len(wheel))}
	if _, _, err := s.Manifest(t.Context(), w); err != nil {
		t.Error(err)
	}
	if p := s.Problems(); len(p) != 1 || !strings.Contains(p[0].Error(), "4 GiB") {
		t.Error(p)
	}
}

// TestStoreConcurrent has several goroutines and stores that share a cache.
func TestStoreConcurrent(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	var wants []Want
	for i := range 20 {
		deb := debOf(t, file("./a", strings.Repeat("x", i)))
		write(t, deb, dir, strings.Repeat("n", i+1))
		wants = append(wants, Want{Kind: Deb, Digests: []string{sha256Of(deb)}})
	}
	var group sync.WaitGroup
	for range 4 {
		s := NewStore(Options{Directories: []string{dir}, Cache: cache, Warn: func(s string) { t.Error(s) }})
		for range 2 {
			group.Go(func() {
				for i, w := range wants {
					m, _, err := s.Manifest(t.Context(), w)
					if err != nil || m.Files[0].Size != int64(i) {
						t.Error(i, err)
					}
				}
			})
		}
	}
	group.Wait()
}
