package rootfs

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// recordSums returns the digests of all files of a root, as if they had been left
// alone for long.
func recordSums(t *testing.T, root string, set SumSet) (*Tree, *KnownSums) {
	t.Helper()
	tree := openDir(t, root)
	tree.Record()
	for n := range Node(tree.Len()) {
		if tree.Kind(n) == File {
			if _, err := tree.Sum(n, set); err != nil {
				t.Fatal(err)
			}
		}
	}
	known := tree.RecordedSums(time.Now().Add(time.Hour))
	if known == nil {
		t.Skip("the times of this file system do not tell when a file was changed")
	}
	return tree, known
}

func TestKnownSums(t *testing.T) {
	root, start := t.TempDir(), time.Now()
	write(t, root, "etc/same", "etc/changed", "etc/mode", "etc/replaced", "etc/moved", "top", "run")
	os.Chmod(root+"/run", 0o755)
	tree, known := recordSums(t, root, SumBLAKE3|SumMD5)
	if known.Len() != 7 {
		t.Fatalf("%d files", known.Len())
	}
	again, err := ParseKnownSums(slices.Clone(known.Bytes()))
	if err != nil || !bytes.Equal(again.Bytes(), known.Bytes()) || again.Len() != known.Len() {
		t.Fatal(err)
	}
	if none := tree.RecordedSums(start); none.Len() != 0 {
		t.Errorf("%d files have been left alone for a minute", none.Len())
	}

	// Whatever is changed is read again, also if its size and time stay.
	timetest.Tick(t, t.TempDir())
	changed := filepath.Join(root, "etc/changed")
	info, _ := os.Stat(changed)
	os.WriteFile(changed, []byte("etc/chang3d"), 0o644)
	os.Chtimes(changed, info.ModTime(), info.ModTime())
	os.Chmod(root+"/etc/mode", 0o4755)
	os.Rename(root+"/etc/moved", root+"/etc/else")
	os.Remove(root + "/etc/replaced")
	os.WriteFile(root+"/etc/replaced", []byte("etc/replac3d"), 0o644)
	for _, recall := range []*KnownSums{again, nil} {
		tree := openDir(t, root)
		tree.RecallSums(recall)
		reads := map[string]bool{}
		countReads(tree, reads)
		for path, read := range map[string]bool{"/etc/same": false, "/top": false, "/run": false, "/etc/changed": true, "/etc/mode": true, "/etc/replaced": true, "/etc/else": true} {
			content, err := os.ReadFile(root + path)
			if err != nil {
				t.Fatal(err)
			}
			x, err := tree.examineOne(tree.Lookup(path), SumMD5)
			if err != nil || x.Sums != sumsOf(content).Only(SumMD5) || x.Meta.Size != int64(len(content)) {
				t.Errorf("%s: %x %v", path, x.Sums, err)
			}
			if reads[path] != (read || recall == nil) {
				t.Errorf("%s was read: %v", path, reads[path])
			}
			// Another digest than those that are known is computed.
			if s, err := tree.Sum(tree.Lookup(path), SumSHA256); err != nil || s != sumsOf(content).Only(SumSHA256) {
				t.Errorf("%s: %x %v", path, s, err)
			}
		}
	}
}

func FuzzParseKnownSums(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(make([]byte, 16), 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
	f.Add(append(make([]byte, 16), 0))
	f.Add(append(make([]byte, 16), 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKnownSums(b)
		if err != nil {
			return
		}
		if !bytes.Equal(k.Bytes(), b) || k.Len() > len(b)/17 {
			t.Errorf("%d files in %d bytes", k.Len(), len(b))
		}
		for i := range k.Len() {
			var p Fingerprint
			copy(p[:], k.fingerprint(i))
			if _, ok := k.find(p, 0); !ok && p != (Fingerprint{}) {
				t.Errorf("file %d is not found", i)
			}
		}
	})
}

// countReads records which files are read.
func countReads(tree *Tree, reads map[string]bool) {
	tree.disk.fault = func(call, path string) error {
		if call == "read" {
			reads["/"+path] = true
		}
		return nil
	}
}
