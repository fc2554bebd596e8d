package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSumOfReplaced replaces files after the walk: nothing outside of the root
// is read, and nothing blocks.
func TestSumOfReplaced(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(root string) *Tree) {
		root := t.TempDir()
		write(t, root, "file", "dir/file", "gone", "fifo", "link -> file", "opt/x/y")
		tree := open(root)
		for _, path := range []string{"file", "dir", "gone", "fifo", "link"} {
			if err := os.RemoveAll(root + "/" + path); err != nil {
				t.Fatal(err)
			}
		}
		os.Symlink("/etc/passwd", root+"/file")
		os.Symlink("/etc", root+"/dir")
		unix.Mkfifo(root+"/fifo", 0o644)
		os.WriteFile(root+"/link", nil, 0o644)
		for _, path := range []string{"/file", "/dir/file", "/fifo", "/gone", "/dir", "/link"} {
			n := tree.Lookup(path)
			if path == "/link" {
				n = tree.Child(0, "link")
			}
			if tree.Kind(n) == File {
				if _, err := tree.Sum(n, SumMD5); err == nil {
					t.Errorf("%s has a digest", path)
				} else if errors.Is(err, fs.ErrNotExist) != (path == "/gone") {
					t.Errorf("%s: %v", path, err)
				}
			}
			if _, err := tree.Meta(n); err == nil {
				t.Errorf("%s has metadata", path)
			}
		}
	})
}

// TestSumFaults makes system calls fail.
func TestSumFaults(t *testing.T) {
	root := t.TempDir()
	write(t, root, "opt/x", "opt/y")
	for _, test := range []struct {
		call, path string
		err        error
	}{
		{"openat2", "opt", unix.EIO}, {"openat2", "opt", unix.ENOENT}, {"openat", "x", unix.EACCES}, {"openat", "x", unix.ENOENT},
		{"openat", "x", unix.EMFILE}, {"read", "opt/x", unix.EIO}, {"read", "opt/x", io.EOF},
	} {
		armed := false
		tree := openFaulty(t, root, func(call, path string) error {
			if armed && call == test.call && path == test.path {
				return test.err
			}
			return nil
		})
		armed = true
		if _, err := tree.Sum(tree.Lookup("/opt/x"), SumBLAKE3); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v: %v", test.call, test.err, err)
		}
	}
}

func TestCapabilities(t *testing.T) {
	root := t.TempDir()
	write(t, root, "ping", "plain")
	os.Chmod(root+"/ping", 0o755)
	// cap_net_raw=ep
	value := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(root+"/ping", "security.capability", value, 0); err != nil {
		t.Skip("this user or file system cannot set capabilities:", err)
	}
	blob := tarOf(t, root, "--format=pax", "--xattrs", "--xattrs-include=security.capability")
	opts := Options{Sums: SumMD5}
	for _, tree := range []*Tree{mustOpenBlobs(t, opts, blob), mustOpenBlobs(t, opts, blob, layerOf(t, "other"))} {
		if m, err := tree.Meta(tree.Lookup("/ping")); err != nil || string(m.Capabilities) != string(value) {
			t.Errorf("image: %x %v", m.Capabilities, err)
		}
	}
	tree := openDir(t, root)
	for _, want := range []SumSet{0, SumMD5} {
		x, err := tree.examineOne(tree.Lookup("/ping"), want)
		if err != nil || string(x.Meta.Capabilities) != string(value) {
			t.Errorf("%x %v", x.Meta.Capabilities, err)
		}
	}
	if m, err := tree.Meta(tree.Lookup("/plain")); err != nil || m.Capabilities != nil {
		t.Errorf("%+v %v", m, err)
	}
}
