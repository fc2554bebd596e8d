package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestFS(t *testing.T) {
	root := t.TempDir()
	lists := filepath.Join(root, "var/lib/apt/lists")
	if err := os.MkdirAll(filepath.Join(lists, "partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"var/lib/apt/lists/a_InRelease": "x", "var/lib/apt/lists/partial/b": "y", "etc-passwd": "z"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := openDir(t, root)
	if err := fstest.TestFS(tree.FS("/var/lib/apt"), "lists/a_InRelease", "lists/partial/b"); err != nil {
		t.Error(err)
	}
	for name, target := range map[string]string{"in": "a_InRelease", "root": "/etc-passwd", "out": "../../../../../../../../etc/hostname", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(lists, name)); err != nil {
			t.Fatal(err)
		}
	}
	files := openDir(t, root).FS("/var/lib/apt/lists")
	for name, want := range map[string]string{"in": "x", "root": "z", "out": "", "loop": ""} {
		data, err := fs.ReadFile(files, name)
		if string(data) != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v; want %q", name, data, err, want)
		}
	}
	if _, err := fs.Stat(tree.FS("/no/such"), "."); err == nil {
		t.Error("a directory that does not exist can be read")
	}
}
