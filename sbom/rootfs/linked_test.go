package rootfs

import (
	"context"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// keepNamed keeps what has a name of a metadata file or of a Python program,
// as a scan does.
func keepNamed(cache string) Options {
	return Options{Cache: cache, Keep: &Keep{ID: "named", Content: func(p string, size int64, class Class) bool {
		base := path.Base(p)
		return base == "METADATA" || base == "package.json" || strings.HasPrefix(base, "python")
	}}}
}

// countedImage is an image in memory that counts the passes over each layer
// and how often it was closed.
type countedImage struct {
	openedImage
	passes []atomic.Int64
	closed atomic.Int64
	fail   atomic.Bool // passes fail from now on
}

func newCountedImage(blobs ...[]byte) *countedImage {
	c := &countedImage{passes: make([]atomic.Int64, len(blobs))}
	for i, b := range blobs {
		blob := memoryBlob(i+1, b)
		open := blob.Open
		blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
			if c.fail.Load() {
				return nil, errors.New("the registry is gone")
			}
			c.passes[i].Add(1)
			return open(ctx)
		}
		c.layers = append(c.layers, blob)
	}
	c.close = func() error { c.closed.Add(1); return nil }
	return c
}

func (c *countedImage) open(t *testing.T, opts Options) *Tree {
	t.Helper()
	tree, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir}, opts, c.openedImage)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// counts returns the passes over each layer since the last call.
func (c *countedImage) counts() []int64 {
	var counts []int64
	for i := range c.passes {
		counts = append(counts, c.passes[i].Swap(0))
	}
	return counts
}

// TestPasses counts how often the layers of an image are read, with links
// whose names are wanted and lead to files whose names are not. Opening is one
// pass over each layer, whatever links there are; a second pass happens when a
// linked file is opened, over its layer only. With the cache there is none.
func TestPasses(t *testing.T) {
	const man = "usr/share/man/man1/"
	tests := []struct {
		name   string
		layers [][]string
		open   map[string]string // path -> content
		second []int64           // passes when these are opened
	}{
		{"python3-dev, whose pages nothing opens", // debian 12, libpython3.11-dev and python3.11-dev
			[][]string{{man + "x86_64-linux-gnu-python3.11-config.1.gz=page", man + "python3.11-config.1.gz -> x86_64-linux-gnu-python3.11-config.1.gz",
				man + "python3-config.1.gz -> python3.11-config.1.gz", "usr/bin/python3.11=program", "usr/bin/python3 -> python3.11"}},
			map[string]string{"/usr/bin/python3": "program"}, []int64{0}},
		{"a store with hard links", // pnpm; .links of Nix and objects of OSTree are the same
			[][]string{{"root/store/v3/files/00/ab12=one", "root/store/v3/files/01/cd34=two", "root/store/v3/files/02/ef56=code",
				"srv/node_modules/a/package.json => root/store/v3/files/00/ab12", "srv/node_modules/a/index.js => root/store/v3/files/02/ef56",
				"srv/node_modules/b/package.json => root/store/v3/files/01/cd34"}},
			map[string]string{"/srv/node_modules/a/package.json": "one", "/srv/node_modules/b/package.json": "two"}, []int64{1}},
		{"a chain of symbolic links",
			[][]string{{"opt/data=end", "opt/second -> data", "opt/first -> ../opt/second", "a/METADATA -> /opt/first"}},
			map[string]string{"/a/METADATA": "end"}, []int64{1}},
		{"links in front of their target",
			[][]string{{"a/METADATA -> ../z/data", "z/data=end"}},
			map[string]string{"/a/METADATA": "end"}, []int64{1}},
		{"links across layers",
			[][]string{{"opt/data=low", "opt/other=untouched"}, {"usr/x=middle"}, {"a/METADATA -> /opt/data", "b/METADATA => opt/data", "c/METADATA => usr/x"}},
			map[string]string{"/a/METADATA": "low", "/b/METADATA": "low"}, []int64{1, 0, 0}},
		{"a directory behind a link",
			[][]string{{"real/x/", "python -> real/x"}, {"python/data=never wanted", "python/METADATA=kept"}},
			map[string]string{"/real/x/METADATA": "kept"}, []int64{0, 0}},
		{"a target that is replaced",
			[][]string{{"opt/data=old", "a/METADATA -> /opt/data"}, {"opt/data=new"}},
			map[string]string{"/a/METADATA": "new"}, []int64{0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var blobs [][]byte
			once, never := make([]int64, len(tt.layers)), make([]int64, len(tt.layers))
			for i, entries := range tt.layers {
				blobs = append(blobs, layerOf(t, entries...))
				once[i] = 1
			}
			cache := filepath.Join(t.TempDir(), "cache")
			image := newCountedImage(blobs...)
			for i, dir := range []string{"", cache, cache} {
				first, second := once, tt.second
				if i == 2 {
					first, second = never, never
				}
				tree := image.open(t, keepNamed(dir))
				if got := image.counts(); !slices.Equal(got, first) {
					t.Errorf("cache %q: opening takes %v passes, want %v", dir, got, first)
				}
				for range 2 {
					for p, want := range tt.open {
						if data, err := tree.ReadFile(tree.Resolve(p), 100); err != nil || string(data) != want {
							t.Errorf("%s: %q, %v, want %q", p, data, err, want)
						}
					}
				}
				if got := image.counts(); !slices.Equal(got, second) {
					t.Errorf("cache %q: reading linked files takes %v passes, want %v", dir, got, second)
				}
				if err := tree.Close(); err != nil {
					t.Error(err)
				}
				if got := image.closed.Swap(0); got != 1 {
					t.Errorf("the image was closed %d times", got)
				}
			}
		})
	}
}

// TestSecondPassIsShared opens many linked files at once, of a layer that is
// in the image twice.
func TestSecondPassIsShared(t *testing.T) {
	var entries []string
	for _, c := range "abcdefghij" {
		entries = append(entries, "store/"+string(c)+"="+string(c), string(c)+"/METADATA => store/"+string(c))
	}
	blob := layerOf(t, entries...)
	image := newCountedImage(blob, layerOf(t, ".wh.a"), blob)
	tree := image.open(t, keepNamed(""))
	var wg sync.WaitGroup
	for n := range tree.Named("METADATA") {
		wg.Go(func() {
			data, err := tree.ReadFile(n, 100)
			if want := tree.Name(tree.Parent(n)); err != nil || string(data) != want {
				t.Errorf("%s: %q, %v", tree.Path(n), data, err)
			}
		})
	}
	wg.Wait()
	if got := image.counts(); !slices.Equal(got, []int64{2, 1, 0}) {
		t.Errorf("passes %v, want the shared layer twice", got)
	}
}

// TestSecondPassErrors checks that content that cannot be read again is an
// error of the file, and that nothing is read after Close.
func TestSecondPassErrors(t *testing.T) {
	blob := layerOf(t, "opt/data=x", "a/METADATA -> /opt/data", "opt/other=never wanted")
	image := newCountedImage(blob)
	tree := image.open(t, keepNamed(""))
	image.fail.Store(true)
	n := tree.Resolve("/a/METADATA")
	var wrong *layer.Error
	for range 2 {
		if _, err := tree.OpenFile(n); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "open /opt/data: layer 1 (") {
			t.Errorf("error %v", err)
		}
	}
	var dropped *NotKeptError
	if _, err := tree.OpenFile(tree.Lookup("/opt/other")); !errors.As(err, &dropped) {
		t.Errorf("a file that no name wants: %v", err)
	}
	tree.Close()
	image.fail.Store(false)
	if _, err := tree.OpenFile(n); err == nil {
		t.Error("a linked file was read after Close")
	}
	if tree.Close(); image.closed.Load() != 1 {
		t.Errorf("the image was closed %d times", image.closed.Load())
	}
}
