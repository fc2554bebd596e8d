package artifact

import (
	"archive/tar"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestPublished reads packages of other projects' test data, which were made by
// the real tools.
func TestPublished(t *testing.T) {
	const (
		apko  = "chainguard.dev/apko@v0.30.0"
		utils = "github.com/sassoftware/go-rpmutils"
	)
	for _, c := range []struct {
		kind         Kind
		module, file string
		id           string
		files        int
	}{
		{APK, apko, "pkg/apk/apk/testdata/alpine-316/alpine-baselayout-3.2.0-r23.apk", "alpine-baselayout 3.2.0-r23 aarch64", 83},
		{APK, apko, "pkg/apk/fs/testdata/hello-2.12-r0.apk", "hello 2.12-r0 aarch64", 144},
		{APK, apko, "internal/cli/testdata/packages/x86_64/replayout-1.0.0-r0.apk", "replayout 1.0.0-r0 x86_64", 7},
		{RPM, utils, "testdata/simple-1.0.1-1.i386.rpm", "simple 1.0.1-1 i386", 3},
		{RPM, utils, "testdata/payload-test-0.1-w6.xzdio.x86_64.rpm", "payload-test 0.1-w6.xzdio x86_64", 1},
		{RPM, utils, "testdata/payload-test-0.1-w3.zstdio.x86_64.rpm", "payload-test 0.1-w3.zstdio x86_64", 1},
		{RPM, utils, "testdata/nfpm/test-1.0.0.x86_64.rpm", "test 0:1.0.0-1 x86_64", 1},
		{Gem, moduletest.Scalibr, "extractor/filesystem/language/ruby/gem/testdata/rack-3.1.8.gem", "rack 3.1.8 ruby", 55},
		{Gem, moduletest.Scalibr, "extractor/filesystem/language/ruby/gem/testdata/aws-sdk-core-3.218.0.gem", "aws-sdk-core 3.218.0 ruby", 290},
		{Wheel, moduletest.Scalibr, "clients/resolution/testdata/beautifulsoup4-4.12.3-py3-none-any.whl", "beautifulsoup4 4.12.3 ", 50},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			m := readFile(t, c.kind, filepath.Join(moduleDir(t, c.module), c.file))
			if got := m.Name + " " + m.Version + " " + m.Arch; got != c.id || len(m.Files) != c.files {
				t.Errorf("it is %q with %d files, want %q with %d", got, len(m.Files), c.id, c.files)
			}
		})
	}
}

// moduleDir is the directory of a module, which may be an indirect dependency.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	if !strings.Contains(module, "@") {
		if _, err := os.Stat(moduletest.Dir(t, module)); err != nil {
			t.Skip(err)
		}
	}
	return moduletest.Dir(t, module)
}

// TestAPKIndex checks the digest of the control part against a real index, which
// Alpine signed.
func TestAPKIndex(t *testing.T) {
	dir := filepath.Join(moduletest.Dir(t, "chainguard.dev/apko@v0.30.0"), "pkg/apk/apk/testdata")
	f, err := os.Open(filepath.Join(dir, "rsa256-signed/APKINDEX.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var index []byte
	for r := tar.NewReader(z); index == nil; {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "APKINDEX" {
			if index, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	var want string
	for stanza := range strings.SplitSeq(string(index), "\n\n") {
		if strings.Contains("\n"+stanza, "\nP:alpine-baselayout\n") {
			_, sum, _ := strings.Cut("\n"+stanza, "\nC:Q1")
			raw, err := base64.StdEncoding.DecodeString(sum[:28])
			if err != nil {
				t.Fatal(err)
			}
			want = "apk:" + hex.EncodeToString(raw)
		}
	}
	s := NewStore(Options{Directories: []string{dir}})
	m, d, err := s.Manifest(t.Context(), Want{Kind: APK, Name: "alpine-baselayout", Version: "3.2.0-r23", Digests: []string{want}})
	if err != nil || d != want || len(m.Files) != 83 {
		t.Errorf("%v, digest %s, want %s", err, d, want)
	}
}
