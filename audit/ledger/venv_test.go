package ledger

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// TestVenvByItself scans a virtual environment without the system around it: its
// commands have the path of the machine in their first line.
func TestVenvByItself(t *testing.T) {
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
	put(filepath.Join(root, "pyvenv.cfg"), "home = /usr/bin\n")
	var wheel bytes.Buffer
	z := zip.NewWriter(&wheel)
	for _, f := range [][2]string{
		{"foo.py", "x = 1\n"},
		{"foo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n"},
		{"foo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"},
		{"foo-1.0.dist-info/entry_points.txt", "[console_scripts]\nfoo = foo:main\n"},
		{"foo-1.0.dist-info/RECORD", "foo.py,,\nfoo-1.0.dist-info/METADATA,,\nfoo-1.0.dist-info/WHEEL,,\nfoo-1.0.dist-info/entry_points.txt,,\nfoo-1.0.dist-info/RECORD,,\n../../../bin/foo,,\n"},
	} {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, f[1])
		put(filepath.Join(root, "lib/python3.11/site-packages", f[0]), f[1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(dir, "foo-1.0-py3-none-any.whl"), wheel.String())
	lock := filepath.Join(dir, "requirements.txt")
	put(lock, fmt.Sprintf("foo==1.0 --hash=sha256:%x\n", sha256.Sum256(wheel.Bytes())))
	ref, err := rootfs.ParseRefIn("/", root)
	if err != nil {
		t.Fatal(err)
	}
	script := func(interpreter string) string {
		return "#!" + interpreter + "\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom foo import main\nif __name__ == '__main__':\n" +
			"    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit(main())\n"
	}
	for _, c := range []struct {
		name, text string
		proved     bool
	}{
		{"where it was made", script(root + "/bin/python3"), true},
		{"of the system", script("/usr/bin/python3"), true},
		{"another interpreter", script("/tmp/elsewhere/bin/python3"), false},
		{"a directory beside it", script(root + "-evil/bin/python3"), false},
		{"another code", script(root+"/bin/python3") + "import os\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			put(filepath.Join(root, "bin/foo"), c.text)
			if err := os.Chmod(filepath.Join(root, "bin/foo"), 0o755); err != nil {
				t.Fatal(err)
			}
			var p *audit.Proof
			_, err = scan.Run(t.Context(), ref, scan.Options{Sums: rootfs.SumBLAKE3, Use: func(ctx context.Context, f *scan.Files) error {
				p, err = Make(ctx, f, Request{Artifacts: []string{dir}, Locks: []string{lock}})
				return err
			}})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Components) != 1 || p.Components[0].Proved != c.proved {
				t.Errorf("%+v\n%+v", p.Components, p.Ledger)
			}
		})
	}
}
