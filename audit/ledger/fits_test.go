package ledger

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// TestWheelFits checks that of the wheels of several platforms, all of which the
// lock names and which are all at hand, the installed one is compared.
func TestWheelFits(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	site := filepath.Join(root, "venv/lib/python3.11/site-packages")
	put(filepath.Join(root, "venv/pyvenv.cfg"), "home = /usr/bin\n")
	lock := "foo==1.0"
	for _, platform := range []string{"macosx", "manylinux", "win"} {
		files := []string{
			"foo/__init__.py", "x = 1\n",
			"foo/native.so", platform,
			"foo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n",
			"foo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-" + platform + "\n",
			"foo-1.0.dist-info/RECORD", "foo/__init__.py,,\nfoo/native.so,,\nfoo-1.0.dist-info/METADATA,,\nfoo-1.0.dist-info/WHEEL,,\nfoo-1.0.dist-info/RECORD,,\n",
		}
		var wheel bytes.Buffer
		z := zip.NewWriter(&wheel)
		for i := 0; i < len(files); i += 2 {
			w, err := z.Create(files[i])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, files[i+1])
			if platform == "manylinux" {
				put(filepath.Join(site, files[i]), files[i+1])
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		put(filepath.Join(dir, "foo-1.0-cp311-cp311-"+platform+".whl"), wheel.String())
		lock += fmt.Sprintf(" --hash=sha256:%x", sha256.Sum256(wheel.Bytes()))
	}
	requirements := filepath.Join(dir, "requirements.txt")
	put(requirements, lock+"\n")

	ref, err := rootfs.ParseRefIn("/", root)
	if err != nil {
		t.Fatal(err)
	}
	changed := func() []string {
		t.Helper()
		var p *audit.Proof
		_, err := scan.Run(t.Context(), ref, scan.Options{Sums: rootfs.SumBLAKE3, Use: func(ctx context.Context, f *scan.Files) error {
			p, err = Make(ctx, f, Request{Artifacts: []string{dir}, Locks: []string{requirements}})
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(p.Components, func(c audit.ComponentProof) bool { return len(c.Artifact) == 1 }) {
			t.Fatalf("no artifact was found: %+v", p)
		}
		var out []string
		for _, l := range p.Ledger.Lines {
			if l.Status == audit.FileChanged {
				out = append(out, filepath.Base(l.Path))
			}
		}
		return out
	}
	for _, c := range []struct {
		file, text string
		want       []string
	}{
		{"foo/__init__.py", "x = 1\n", nil},
		{"foo/native.so", "macosx", []string{"native.so"}},
		{"foo-1.0.dist-info/WHEEL", "edited", []string{"WHEEL", "native.so"}},
	} {
		put(filepath.Join(site, c.file), c.text)
		if got := changed(); len(got) < len(c.want) || c.want == nil && got != nil {
			t.Errorf("%s: changed files %q, want %q", c.file, got, c.want)
		}
	}
}
