package artifact

import (
	"archive/tar"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzz reads any bytes as an artifact. What is accepted has only paths within the
// installation, is the same a second time, and survives the cache.
func fuzz(f *testing.F, k Kind, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	read := readers()[k]
	f.Fuzz(func(t *testing.T, data []byte) {
		once := func() *Manifest {
			b := newBuilder(t.Context(), k, 0)
			b.left = 4 << 20
			if read(b, bytes.NewReader(data)) != nil {
				return nil
			}
			return b.finish()
		}
		m := once()
		if m == nil {
			return
		}
		if d := cmp.Diff(m, once()); d != "" {
			t.Fatal(d)
		}
		for _, file := range m.Files {
			if p, err := clean(file.Path); err != nil || p != file.Path || p == "" {
				t.Errorf("path %q", file.Path)
			}
			if !strings.ContainsRune("fdlho", rune(file.Type)) {
				t.Errorf("type %q", file.Type)
			}
		}
		data, err := encode("k", m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode("k", data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := encode("k", back)
		if err != nil || !bytes.Equal(data, again) {
			t.Error("the encoding differs after a round trip")
		}
	})
}

func FuzzDeb(f *testing.F) {
	plain := tarOf(f, file("./a", "b"), link(tar.TypeLink, "./b", "./a"))
	f.Add(arOf("debian-binary", "2.0\n", "control.tar", string(tarOf(f, file("control", helloControl), file("conffiles", "/a\n"))), "data.tar", string(plain)))
	fuzz(f, Deb, debOf(f, file("./a", "b")))
}

func FuzzWheel(f *testing.F) { fuzz(f, Wheel, fooWheel(f)) }
func FuzzNPM(f *testing.F) {
	fuzz(f, NPM, fooTarball(f), tarOf(f, file("package/package.json", `{"bin":{"a":"b"}}`)))
}
func FuzzGem(f *testing.F) {
	fuzz(f, Gem, tarOf(f, file("metadata.gz", gemspec), file("data.tar.gz", string(tarOf(f, file("a", "b"))))))
}
func FuzzCrate(f *testing.F) { fuzz(f, Crate, tarOf(f, file("foo-1.0.0/a", "x"))) }
func FuzzGoZip(f *testing.F) { fuzz(f, GoZip, zipOf(f, "m@v1.0.0/a", "x")) }
func FuzzConda(f *testing.F) {
	fuzz(f, Conda, tarOf(f, file("info/index.json", `{"name":"a","version":"1"}`), file("info/has_prefix", "a"), file("a", "x")))
}
func FuzzALPM(f *testing.F) {
	fuzz(f, ALPM, tarOf(f, file(".PKGINFO", "pkgname = foo\npkgver = 1\n"), file("a", "x")))
}
func FuzzAPK(f *testing.F) {
	fuzz(f, APK, apkOf(f, true, "pkgname = foo\npkgver = 1\n", gz(tarOf(f, file("a", "x")))))
}
func FuzzRPM(f *testing.F) {
	fuzz(f, RPM, rpmOf(cpioOf("./usr/bin/a", "", "./usr/bin/b", "body", "./etc/foo.conf", "x=1")))
}

// FuzzManifest decodes any bytes, without the checksum that protects them.
func FuzzManifest(f *testing.F) {
	data, err := encode("k", sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[sumSize:])
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeBody("k", data)
		if err != nil && !errors.Is(err, errEncoding) {
			t.Fatal(err)
		}
		if err == nil && m == nil {
			t.Fatal("nothing")
		}
	})
}
