package index

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// alpmDatabase is a sync database with one entry.
func alpmDatabase(t *testing.T, desc string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range []*tar.Header{{Name: "bash-5.2-1/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "bash-5.2-1/desc", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(desc))}} {
		if err := w.WriteHeader(f); err != nil {
			t.Fatal(err)
		}
		if f.Size > 0 {
			if _, err := w.Write([]byte(desc)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

const alpmDesc = "%FILENAME%\nbash-5.2-1-x86_64.pkg.tar.zst\n\n%NAME%\nbash\n\n%VERSION%\n5.2-1\n\n%CSIZE%\n100\n\n%ARCH%\nx86_64\n\n%SHA256SUM%\n"

func TestAlpmIndex(t *testing.T) {
	keys, err := trust.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := strings.Repeat("ab", 32)
	bash := Package{Type: "alpm", Name: "bash", Version: "5.2-1", Arch: "x86_64"}
	for _, test := range []struct {
		name, desc string
		signature  string
		evidence   string
		problem    string
	}{
		{"unsigned", alpmDesc + sum + "\n\n", "", Listed, notSigned},
		{"a signature that is none", alpmDesc + sum + "\n\n", "nonsense", "", "damaged"},
		{"a wrong digest", alpmDesc + "abc\n", "", "", "is not a SHA-256"},
		{"two names", alpmDesc + sum + "\n\n%NAME%\nx\n\n", "", "", "two lines"},
		{"no name", "%VERSION%\n1\n", "", "", "no name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := fstest.MapFS{"core.db": {Data: alpmDatabase(t, test.desc)}}
			if test.signature != "" {
				files["core.db.sig"] = &fstest.MapFile{Data: []byte(test.signature)}
			}
			set, err := Open(context.Background(), []Source{{Name: "d", Files: files}}, keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := set.Match(bash); r.Evidence != test.evidence || test.evidence != "" && r.Entry.Digests[0] != "sha256:"+sum {
				t.Errorf("%+v", r)
			}
			if len(set.Indexes) != 1 || !strings.Contains(set.Indexes[0].Problem, test.problem) {
				t.Errorf("%+v", set.Indexes)
			}
		})
	}
}

// TestRepoAdd reads a database that repo-add made and gpg signed.
func TestRepoAdd(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	dir := t.TempDir()
	home, err := os.MkdirTemp("", "gpg") // its socket has a short path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "LC_ALL=C")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	for name, text := range map[string]string{
		".PKGINFO": "pkgname = tool\npkgver = 1:2-3\npkgdesc = x\narch = any\nsize = 1\npackager = x\n", "usr/bin/tool": "x",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run("tar", "-czf", "tool-1:2-3-any.pkg.tar.gz", ".PKGINFO", "usr", "--force-local")
	run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "maker", "rsa2048", "sign", "never")
	run("sh", "-c", "gpg --armor --export maker > key.asc")
	run("repo-add", "--sign", "core.db.tar.gz", "tool-1:2-3-any.pkg.tar.gz")
	os.Mkdir(filepath.Join(dir, "sync"), 0o755)
	run("cp", "-L", "core.db", "core.db.sig", "sync")
	archive, err := os.ReadFile(filepath.Join(dir, "tool-1:2-3-any.pkg.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	tool := Package{Type: "alpm", Name: "tool", Version: "1:2-3", Arch: "any"}
	for _, trusted := range []bool{true, false} {
		names := []string{filepath.Join(dir, "key.asc")}
		want, standing := Signed, ""
		if !trusted {
			names, want, standing = nil, Foreign, "is not trusted"
		}
		keys, err := trust.Open(names)
		if err != nil {
			t.Fatal(err)
		}
		set, err := Open(context.Background(), []Source{{Name: "sync", Files: os.DirFS(filepath.Join(dir, "sync"))}}, keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := set.Match(tool)
		if r.Evidence != want || r.Entry == nil || r.Entry.Digests[0] != fmt.Sprintf("sha256:%x", sha256.Sum256(archive)) || r.Entry.File != "tool-1:2-3-any.pkg.tar.gz" {
			t.Errorf("%+v %+v", r, r.Entry)
		}
		if len(set.Indexes) != 1 || !strings.Contains(set.Indexes[0].Problem, standing) {
			t.Errorf("%+v", set.Indexes)
		}
	}
	database := filepath.Join(dir, "sync", "core.db")
	data, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	data[9] ^= 1 // the operating system in the head of gzip: the content is the same
	if err := os.WriteFile(database, data, 0o644); err != nil {
		t.Fatal(err)
	}
	keys, err := trust.Open([]string{filepath.Join(dir, "key.asc")})
	if err != nil {
		t.Fatal(err)
	}
	set, err := Open(context.Background(), []Source{{Name: "sync", Files: os.DirFS(filepath.Join(dir, "sync"))}}, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := set.Match(tool); r.Evidence != Listed || len(set.Problems) != 1 {
		t.Errorf("%+v, %+v", r, set.Problems)
	}
}
