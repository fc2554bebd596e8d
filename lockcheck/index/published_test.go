package index

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestPublishedApkIndexes verifies real indexes in other projects' test data, by
// keys that are there: of Alpine in an image of Alpine, which only a test trusts.
func TestPublishedApkIndexes(t *testing.T) {
	const apko = "chainguard.dev/apko@v0.30.0"
	for _, x := range []struct {
		file, keys string
		evidence   string
		p          Package
	}{
		{"alpine-316/APKINDEX.tar.gz", "alpine", Signed, Package{Type: "apk", Name: "musl", Version: "1.2.3-r2", Arch: "x86_64"}},
		{"alpine-316/APKINDEX.tar.gz", "signing/keys", Foreign, Package{Type: "apk", Name: "musl", Version: "1.2.3-r2", Arch: "x86_64"}},
		{"rsa256-signed/APKINDEX.tar.gz", "rsa256-signed", Signed, Package{Type: "apk", Name: "alpine-baselayout", Version: "3.2.0-r23"}},
		{"signing/APKINDEX.tar.gz", "signing/keys", Signed, Package{Type: "apk", Name: "glibc", Version: "2.40-r4"}},
	} {
		t.Run(x.file+" by "+x.keys, func(t *testing.T) {
			dir := filepath.Join(moduletest.Dir(t, apko), "pkg/apk/apk/testdata")
			var names []string
			if x.keys == "alpine" {
				names = keysOfAlpine(t)
			} else {
				var err error
				if names, err = filepath.Glob(filepath.Join(dir, x.keys, "*.rsa.pub")); err != nil || len(names) == 0 {
					t.Fatal(names, err)
				}
			}
			keys, err := trust.Open(names)
			if err != nil {
				t.Fatal(err)
			}
			s, closer, err := OpenSource(filepath.Join(dir, x.file))
			if err != nil {
				t.Fatal(err)
			}
			defer closer.Close()
			set, err := Open(context.Background(), []Source{s}, keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := set.Match(x.p); r.Evidence != x.evidence {
				t.Errorf("%+v, %+v", r, set.Indexes)
			}
		})
	}
}

// keysOfAlpine are the files of the keys of an image of Alpine.
func keysOfAlpine(t *testing.T) (names []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(moduletest.Dir(t, moduletest.Scalibr), "artifact/image/layerscanning/image/testdata/alpine.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	image := tar.NewReader(f)
	for {
		h, err := image.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/layer.tar") {
			continue
		}
		layer := tar.NewReader(image)
		for {
			h, err := layer.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeReg || path.Dir(h.Name) != "etc/apk/keys" {
				continue
			}
			text, err := io.ReadAll(layer)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, path.Base(h.Name))
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			names = append(names, file)
		}
	}
}
