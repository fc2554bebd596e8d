//go:build unix

package ospkg

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestSpecialFilesAreNotOpened(t *testing.T) {
	root := t.TempDir()
	mkdir(t, filepath.Join(root, dpkgDir))
	if err := syscall.Mkfifo(filepath.Join(root, dpkgStatus), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(t, root)
	if err != nil {
		t.Fatal(err)
	}
	if db, err := Open(t.Context(), tree, debian); db != nil || err == nil || err.Error() != "/var/lib/dpkg/status: is a special file, not a file" {
		t.Errorf("Open: %+v, %v", db, err)
	}
}
