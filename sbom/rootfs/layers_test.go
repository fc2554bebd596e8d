package rootfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
	"github.com/google/go-cmp/cmp"
)

// keepAll is a rule that keeps every content and classifies by the first byte.
func keepAll() Options {
	return Options{
		Classify: firstByte,
		Keep:     &Keep{ID: "all", Content: func(string, int64, Class) bool { return true }},
	}
}

func firstByte(head []byte) Class {
	if len(head) == 0 {
		return 0
	}
	return Class(head[0])
}

// memoryBlob is a layer in memory.
func memoryBlob(number int, blob []byte) layer.Blob {
	return layer.Blob{
		Layer:  sbom.Layer{Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(blob)), Size: int64(len(blob))},
		Number: number,
		Open:   func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil },
	}
}

// openBlobs opens the image of layers.
func openBlobs(t testing.TB, opts Options, blobs ...[]byte) (*Tree, error) {
	t.Helper()
	source := openedImage{close: func() error { return nil }}
	for i, b := range blobs {
		s := memoryBlob(i+1, b)
		source.meta.Layers = append(source.meta.Layers, s.Layer)
		source.layers = append(source.layers, s)
	}
	tree, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir, Path: "image"}, opts, source)
	if err == nil {
		t.Cleanup(func() { tree.Close() })
	}
	return tree, err
}

func mustOpenBlobs(t testing.TB, opts Options, blobs ...[]byte) *Tree {
	t.Helper()
	tree, err := openBlobs(t, opts, blobs...)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// tarOf is what tar(1) makes of a directory.
func tarOf(t testing.TB, root string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tar", append([]string{"-C", root, "--sort=name", "-cf", "-"}, append(args, ".")...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestImageEqualsDir asks the same of a directory and of an image of it.
func TestImageEqualsDir(t *testing.T) {
	root := t.TempDir()
	write(t, root, "usr/bin/sh -> bash", "usr/bin/bash", "bin -> usr/bin", "etc/hostname", "etc/empty/", "var/lib/x/deep/er/file", "new\nline", "dangling -> /nowhere")
	if err := os.WriteFile(root+"/big", bytes.Repeat([]byte("0123456789abcdef"), 100_000), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/nothing", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(root+"/big", root+"/etc/linked"); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{"/usr/bin/bash": fs.ModeSetuid | 0o755, "/etc/hostname": fs.ModeSetgid | 0o640, "/etc/empty": fs.ModeSticky | 0o777} {
		if err := os.Chmod(root+path, mode); err != nil {
			t.Fatal(err)
		}
	}
	sparse, err := os.Create(root + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	sparse.WriteAt([]byte("middle"), 1<<20)
	sparse.Truncate(3 << 20)
	sparse.Close()
	directory, err := Open(t.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{Classify: firstByte})
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	for _, args := range [][]string{
		{"--format=gnu"}, {"--format=pax"}, {"--format=ustar"}, {"--format=v7"},
		{"--format=gnu", "--sparse"}, {"--format=pax", "--sparse", "--sparse-version=1.0"},
		{"--format=pax", "--sparse", "--sparse-version=0.1"}, {"--format=gnu", "--gzip"}, {"--format=gnu", "--zstd"},
	} {
		blob := tarOf(t, root, args...)
		sameTree(t, fmt.Sprint(args), directory, mustOpenBlobs(t, keepAll(), blob))
		for _, keep := range []Options{keepAll(), {Classify: firstByte}} {
			keep.Sums = allSums
			sameSums(t, fmt.Sprint(args), directory, mustOpenBlobs(t, keep, blob))
		}
	}
}

// sameSums compares the digests and metadata of two trees.
func sameSums(t *testing.T, what string, want, got *Tree) {
	t.Helper()
	for n := range Node(want.Len()) {
		set := SumSet(0)
		if want.Kind(n) == File {
			set = allSums
		}
		a, errA := want.examineOne(n, set)
		b, errB := got.examineOne(n, set)
		a.Node, a.Changed = b.Node, b.Changed // an image has no such time
		if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
			t.Errorf("%s: %s: %v %v %s", what, want.Path(n), errA, errB, diff)
		}
	}
}

// sameTree compares two trees in all that both can tell.
func sameTree(t *testing.T, what string, want, got *Tree) {
	t.Helper()
	if want.Len() != got.Len() || want.Files() != got.Files() {
		t.Fatalf("%s: %d nodes and %d files, want %d and %d:\n%q\n%q", what, got.Len(), got.Files(), want.Len(), want.Files(), list(got), list(want))
	}
	if gaps := got.Gaps(); len(gaps) > 0 {
		t.Errorf("%s: gaps %v", what, gaps)
	}
	for i := range want.Len() {
		n := Node(i)
		path := want.Path(n)
		if got.Path(n) != path || got.Kind(n) != want.Kind(n) || got.Target(n) != want.Target(n) || got.Lookup(path) != n || got.Resolve(path) != want.Resolve(path) {
			t.Fatalf("%s: node %d is %s %q -> %q, want %s %q -> %q", what, n, got.Kind(n), got.Path(n), got.Target(n), want.Kind(n), path, want.Target(n))
		}
		a, errA := want.Stat(n)
		b, errB := got.Stat(n)
		if errA != nil || errB != nil || a.Mode() != b.Mode() || a.Name() != b.Name() && n != 0 || a.ModTime().Unix() != b.ModTime().Unix() || !a.IsDir() && a.Size() != b.Size() {
			t.Errorf("%s: %s: stat %v %v %v, want %v %v %v", what, path, b.Mode(), b.Size(), errB, a.Mode(), a.Size(), errA)
		}
		if want.Kind(n) != File {
			if _, err := got.OpenFile(n); err == nil {
				t.Errorf("%s: %s was opened", what, path)
			}
			continue
		}
		contentA, errA := want.ReadFile(n, 64<<20)
		contentB, errB := got.ReadFile(n, 64<<20)
		if errA != nil || errB != nil || !bytes.Equal(contentA, contentB) {
			t.Errorf("%s: %s: %d bytes, %v; want %d, %v", what, path, len(contentB), errB, len(contentA), errA)
		}
		classA, modeA, _ := want.Classify(n)
		classB, modeB, err := got.Classify(n)
		if classA != classB || modeA != modeB || err != nil {
			t.Errorf("%s: %s: class %d %v, want %d %v", what, path, classB, modeB, classA, modeA)
		}
	}
}
