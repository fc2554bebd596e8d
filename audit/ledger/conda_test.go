package ledger

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// condaArchive is a package of the newer format, with its two archives not
// compressed. Files are pairs of name and content.
func condaArchive(t *testing.T, info, pkg [][2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, files := range [][][2]string{info, pkg} {
		w, err := z.Create([]string{"info-foo-1.0-py_0.tar.zst", "pkg-foo-1.0-py_0.tar.zst"}[i])
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewWriter(w)
		for _, f := range files {
			err := archive.WriteHeader(&tar.Header{Name: f[0], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[1]))})
			if err == nil {
				_, err = archive.Write([]byte(f[1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeAll(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConda leads from a list of conda to the files of a package, of which conda
// replaced the placeholder for the prefix in a text and in a binary file, and moved
// those for any Python.
func TestConda(t *testing.T) {
	const old = "/home/conda/placehold_placehold"
	data := condaArchive(t, [][2]string{
		{"info/index.json", `{"name":"foo","version":"1.0","build":"py_0","subdir":"noarch"}`},
		{"info/link.json", `{"noarch":{"type":"python"}}`},
		{"info/paths.json", `{"paths":[{"_path":"python-scripts/run","prefix_placeholder":"` + old + `","file_mode":"text"},{"_path":"lib/libx.so","prefix_placeholder":"` + old + `","file_mode":"binary"}]}`},
	}, [][2]string{
		{"site-packages/foo.py", "code"}, {"python-scripts/run", "#!" + old + "/bin/python\nimport foo\n"},
		{"lib/libx.so", "\x7fELF" + old + "/lib:" + old + "/lib64\x00more\x00" + old + "\x00"},
	})
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	short := strings.Repeat("\x00", len(old)-len("/opt/conda"))
	record := func(digest string) string {
		return `{"name":"foo","version":"1.0","build":"py_0","subdir":"noarch","sha256":"` + digest + `","url":"https://conda.anaconda.org/conda-forge/noarch/foo-1.0-py_0.conda",` +
			`"files":["lib/python3.11/site-packages/foo.py","bin/run","lib/libx.so"]}`
	}
	files := func() map[string]string {
		return map[string]string{
			"opt/conda/conda-meta/foo-1.0-py_0.json":          record(sum),
			"opt/conda/lib/python3.11/site-packages/foo.py":   "code",
			"opt/conda/bin/run":                               "#!/opt/conda/bin/python\nimport foo\n",
			"opt/conda/lib/libx.so":                           "\x7fELF/opt/conda/lib:/opt/conda/lib64\x00" + short + short + "more\x00/opt/conda\x00" + short,
			"opt/conda/lib/python3.11/site-packages/other.py": "",
		}
	}
	lock := "@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/noarch/foo-1.0-py_0.conda#sha256:" + sum + "\n"
	for _, tt := range []struct {
		name   string
		change func(map[string]string)
		proved bool
	}{
		{"as installed", func(map[string]string) {}, true},
		{"a changed module", func(f map[string]string) { f["opt/conda/lib/python3.11/site-packages/foo.py"] = "evil" }, false},
		{"a changed script", func(f map[string]string) { f["opt/conda/bin/run"] += "evil()\n" }, false},
		{"another interpreter", func(f map[string]string) { f["opt/conda/bin/run"] = "#!/opt/evil/bin/python\nimport foo\n" }, false},
		{"a changed library", func(f map[string]string) {
			f["opt/conda/lib/libx.so"] = strings.Replace(f["opt/conda/lib/libx.so"], "more", "evil", 1)
		}, false},
		{"code in the padding", func(f map[string]string) {
			f["opt/conda/lib/libx.so"] = strings.Replace(f["opt/conda/lib/libx.so"], "\x00\x00\x00", "\x00x\x00", 1)
		}, false},
		{"a missing file", func(f map[string]string) { delete(f, "opt/conda/lib/libx.so") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, dir := t.TempDir(), t.TempDir()
			f := files()
			tt.change(f)
			writeAll(t, root, f)
			writeAll(t, dir, map[string]string{"explicit.txt": lock, "foo-1.0-py_0.conda": string(data)})
			c := componentProof(t, npmProof(t, root, dir, filepath.Join(dir, "explicit.txt")), "conda/foo@1.0")
			if c.Proved != tt.proved || len(c.Artifact) != 1 || c.Artifact[0] != "sha256:"+sum {
				t.Errorf("%+v", c)
			}
		})
	}
	// The artifact of another build is not compared, and the locked one is absent.
	root, dir := t.TempDir(), t.TempDir()
	writeAll(t, root, files())
	writeAll(t, dir, map[string]string{"explicit.txt": strings.Replace(lock, sum, strings.Repeat("a", 64), 1), "foo-1.0-py_0.conda": string(data)})
	p := npmProof(t, root, dir, filepath.Join(dir, "explicit.txt"))
	if componentProof(t, p, "conda/foo@1.0").Proved || len(p.Absent) != 1 || p.Absent[0].URL != "https://conda.anaconda.org/conda-forge/noarch/foo-1.0-py_0.conda" {
		t.Errorf("%+v", p.Absent)
	}
}

func componentProof(t *testing.T, p *audit.Proof, id string) *audit.ComponentProof {
	t.Helper()
	for i := range p.Components {
		if p.Components[i].ID == id {
			return &p.Components[i]
		}
	}
	t.Fatalf("no proof of %s in %+v", id, p.Components)
	return nil
}

// TestJar checks that a Java archive with the digest of an entry is the artifact
// itself, in each of its places and whatever its group.
func TestJar(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nImplementation-Version: 1.2\n"}, {"A.class", "x"}} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
	lock := `<verification-metadata><components><component group="org.example" name="lib" version="1.2"><artifact name="lib-1.2.jar"><sha256 value="%s"/></artifact></component></components></verification-metadata>`
	for _, tt := range []struct {
		name, lock string
		files      map[string]string
		proved     bool
	}{
		{"the artifact", fmt.Sprintf(lock, sum), map[string]string{"app/lib-1.2.jar": b.String(), "srv/lib-1.2.jar": b.String()}, true},
		{"another one", fmt.Sprintf(lock, strings.Repeat("a", 64)), map[string]string{"app/lib-1.2.jar": b.String()}, false},
		{"a second copy that differs", fmt.Sprintf(lock, sum), map[string]string{"app/lib-1.2.jar": b.String(), "srv/lib-1.2.jar": strings.Replace(b.String(), "A.class", "B.class", 2)}, false},
	} {
		root, dir := t.TempDir(), t.TempDir()
		writeAll(t, root, tt.files)
		writeAll(t, dir, map[string]string{"verification-metadata.xml": tt.lock})
		p := npmProof(t, root, dir, filepath.Join(dir, "verification-metadata.xml"))
		if c := componentProof(t, p, "maven/lib/lib@1.2"); c.Proved != tt.proved {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
}
