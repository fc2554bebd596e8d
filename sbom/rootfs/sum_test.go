package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/zeebo/blake3"
)

const allSums = SumBLAKE3 | SumMD5 | SumSHA1 | SumSHA256

func sumsOf(content []byte) Sums {
	return Sums{BLAKE3: blake3.Sum256(content), MD5: md5.Sum(content), SHA1: sha1.Sum(content), SHA256: sha256.Sum256(content)}
}

// sumRoot is a directory with files of all sizes around that of a read.
func sumRoot(t testing.TB) (string, map[string][]byte) {
	t.Helper()
	root := t.TempDir()
	write(t, root, "a/b/c", "a/b/link -> c", "a/empty/", "z")
	contents := map[string][]byte{"/a/b/c": []byte("a/b/c"), "/z": []byte("z"), "/nothing": nil}
	for name, size := range map[string]int{"less": sumBuffer - 1, "equal": sumBuffer, "more": sumBuffer + 1, "much": 3*sumBuffer + 5} {
		contents["/"+name] = bytes.Repeat([]byte(name), size)[:size]
	}
	for path, b := range contents {
		if err := os.WriteFile(root+path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]fs.FileMode{"/z": fs.ModeSetuid | 0o755, "/less": fs.ModeSetgid | 0o750, "/a/empty": fs.ModeSticky | 0o777, "/nothing": 0o600} {
		if err := os.Chmod(root+path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return root, contents
}

// TestSumsOfImages checks what is computed while layers stream: of the layer that
// wrote a file, with and without the cache, and only what was requested.
func TestSumsOfImages(t *testing.T) {
	lower := layerOf(t, "bin/", "bin/a", "bin/b", "bin/c")
	upper := layerOf(t, "bin/b", "h => bin/a")
	cache := t.TempDir()
	for _, opts := range []Options{{Sums: allSums}, {Sums: SumBLAKE3}, {Sums: SumBLAKE3, Cache: cache, Keep: keepAll().Keep}, {Sums: SumBLAKE3, Cache: cache, Keep: keepAll().Keep}, {Sums: allSums, Cache: cache, Keep: keepAll().Keep}, {}, {Cache: cache, Keep: keepAll().Keep}} {
		tree := mustOpenBlobs(t, opts, lower, upper)
		for _, path := range []string{"/bin/a", "/bin/b", "/bin/c", "/h"} {
			n := tree.Lookup(path)
			full := mustOpenBlobs(t, keepAll(), lower, upper)
			content, err := full.ReadFile(full.Lookup(path), 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []SumSet{allSums, SumBLAKE3, SumMD5 | SumSHA1} {
				s, err := tree.Sum(n, want)
				if opts.Sums&want != want {
					if err == nil {
						t.Errorf("%s: digests %04b of %04b", path, want, opts.Sums)
					}
					continue
				}
				if err != nil || s != sumsOf(content).Only(want) {
					t.Errorf("%s: %x %v", path, s, err)
				}
			}
			if _, err := tree.Meta(n); (err == nil) != (opts.Sums != 0) {
				t.Errorf("%s: metadata: %v", path, err)
			}
		}
	}
}

// TestChangedIn checks which layer is said to have changed a file.
func TestChangedIn(t *testing.T) {
	tree := mustOpenBlobs(t, Options{Sums: SumBLAKE3},
		layerOf(t, "bin/", "bin/same", "bin/other", "bin/gone", "bin/type", "link -> bin", "moved -> bin", "hard => bin/same"),
		layerOf(t, "bin/", "bin/same", "bin/other=x", "bin/.wh.gone", "bin/type -> same", "link -> bin", "moved -> /bin", "new"),
		layerOf(t, "bin/same", "bin/gone", "bin/late => bin/same"),
	)
	for path, want := range map[string]int{
		"bin/same": 1, "bin/other": 2, "bin/gone": 3, "bin/type": 2, "link": 1, "moved": 2, "hard": 1, "new": 2, "bin/late": 1,
	} {
		n := Node(0)
		for name := range strings.SplitSeq(path, "/") {
			n = tree.Child(n, name)
		}
		if got := tree.ChangedIn(n); got != want {
			t.Errorf("%s was changed in layer %d, want %d", path, got, want)
		}
	}
	setID := mustOpenBlobs(t, Options{Sums: SumBLAKE3}, layerOf(t, "bin/", "bin/sh"), func() []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: "x", Linkname: "bin/sh", Typeflag: tar.TypeLink, Mode: 0o4755})
		w.WriteHeader(&tar.Header{Name: "y", Linkname: "bin/sh", Typeflag: tar.TypeLink})
		w.Close()
		return b.Bytes()
	}())
	for _, path := range []string{"/bin/sh", "/x", "/y"} {
		if m, err := setID.Meta(setID.Lookup(path)); err != nil || m.Mode != 0o4755 || setID.ChangedIn(setID.Lookup(path)) != 2 {
			t.Errorf("%s: %o %v", path, m.Mode, err)
		}
	}
	if openDir(t, t.TempDir()).ChangedIn(0) != 0 {
		t.Error("a directory has layers")
	}
}

func TestExamine(t *testing.T) {
	root, contents := sumRoot(t)
	tree := openDir(t, root)
	var nodes []Node
	for n := range Node(tree.Len()) {
		nodes = append(nodes, n)
	}
	var mu sync.Mutex
	found := map[Node]Examined{}
	err := tree.Examine(t.Context(), nodes, func(n Node) SumSet {
		if tree.Kind(n) == File {
			return allSums
		}
		return 0
	}, func(x Examined) {
		mu.Lock()
		defer mu.Unlock()
		found[x.Node] = x
	})
	if err != nil || len(found) != len(nodes) {
		t.Fatal(err, len(found))
	}
	modes := map[string]uint32{"/z": 0o4755, "/less": 0o2750, "/a/empty": 0o1777, "/nothing": 0o600, "/a": 0o755, "/more": 0o644}
	for n, x := range found {
		path := tree.Path(n)
		if x.Err != nil {
			t.Errorf("%s: %v", path, x.Err)
		}
		if mode, ok := modes[path]; ok && x.Meta.Mode != mode {
			t.Errorf("%s has mode %o", path, x.Meta.Mode)
		}
		if meta, err := tree.Meta(n); err != nil || meta.Mode != x.Meta.Mode || meta.UID != x.Meta.UID || meta.GID != x.Meta.GID || meta.Size != x.Meta.Size {
			t.Errorf("%s: %+v %v, want %+v", path, meta, err, x.Meta)
		}
		if tree.Kind(n) != File {
			if _, err := tree.Sum(n, SumMD5); err == nil || x.Meta.Size != 0 {
				t.Errorf("%s has a content", path)
			}
			continue
		}
		if x.Sums != sumsOf(contents[path]) || x.Meta.Size != int64(len(contents[path])) {
			t.Errorf("%s: %d bytes, %x", path, x.Meta.Size, x.Sums)
		}
		if s, err := tree.Sum(n, SumBLAKE3); err != nil || s != (Sums{BLAKE3: x.Sums.BLAKE3}) {
			t.Errorf("%s: %x %v", path, s, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Examine(ctx, nodes, func(Node) SumSet { return 0 }, func(Examined) { t.Error("seen after the end") }); err == nil {
		t.Error("no error of a canceled context")
	}
	if _, err := tree.Sum(None, SumMD5); err == nil {
		t.Error("no node has a digest")
	}
}
