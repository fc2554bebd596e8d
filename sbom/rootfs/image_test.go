package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// TestOpenImage opens a layout by its reference, with what is wrong with it.
func TestOpenImage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	low, high := layerOf(t, "a", "etc/", "etc/os-release=ID=test\n"), layerOf(t, "b", ".wh.a")
	writeLayout(t, dir, [][]byte{low, high})
	ref := Ref{Scheme: SchemeOCIDir, Path: dir, Tag: "test"}
	tree, err := Open(t.Context(), ref, keepAll())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if got := fmt.Sprint(describe(t, tree)); got != "[2 b 1 etc/ 1 etc/os-release=ID=test\n]" {
		t.Errorf("nodes %s", got)
	}
	if tree.Ref() != ref || len(tree.Image().Layers) != 2 || !strings.HasPrefix(tree.Image().Digest, "sha256:") || tree.Layer(tree.Lookup("/b")) != 2 || tree.Layer(None) != 0 {
		t.Errorf("%v of %v", tree.Image(), tree.Ref())
	}
	if release, err := Release(tree); release.ID != "test" || err != nil {
		t.Errorf("release %v, %v", release, err)
	}

	blob := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(tree.Image().Layers[1].Digest, "sha256:"))
	changed := append([]byte(nil), high...)
	changed[0] ^= 1
	if err := os.WriteFile(blob, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	var wrong *layer.Error
	if tree, err := Open(t.Context(), ref, keepAll()); tree != nil || !errors.As(err, &wrong) || wrong.Number != 2 || !strings.HasPrefix(err.Error(), fmt.Sprintf("environment %q: layer 2 (sha256:", ref)) {
		t.Errorf("a changed blob: %v", err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if tree, err := Open(t.Context(), ref, keepAll()); tree != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing blob: %v", err)
	}
}

func TestImageCancel(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var entries []string
	for i := range 20_000 {
		entries = append(entries, fmt.Sprintf("%d/%d", i%100, i))
	}
	blob := layerOf(t, entries...)
	before := runtime.NumGoroutine()
	for _, cache := range []string{"", filepath.Join(dir, "cache")} {
		ctx, cancel := context.WithCancel(t.Context())
		opts := keepAll()
		opts.Cache = cache
		called := 0
		opts.Progress = func(Progress) { called++; cancel() }
		layers := []layer.Blob{memoryBlob(1, blob), memoryBlob(2, layerOf(t, "x"))}
		closed := false
		var tree *Tree
		var err error
		timetest.Work(t, time.Second, func() {
			tree, err = openLayers(ctx, Ref{Scheme: SchemeOCIDir}, opts, openedImage{layers: layers, close: func() error { closed = true; return nil }})
		})
		if tree != nil || err != context.Canceled || !closed || called == 0 {
			t.Errorf("%v, closed %v, called %d times", err, closed, called)
		}
		cancel()
	}
	timetest.Until(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	// A layer that was read to its end may stay in the cache.
	filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), "lock-") && !strings.HasSuffix(e.Name(), ".layer") {
			t.Errorf("left %s", path)
		}
		return err
	})
}

func TestImageProgress(t *testing.T) {
	var sources []layer.Blob
	total := int64(0)
	for i := range 5 {
		s := memoryBlob(i+1, layerOf(t, fmt.Sprintf("a=%s", strings.Repeat(fmt.Sprint(i), 3<<20))))
		sources = append(sources, s, s)
		total += s.Size
	}
	opts := keepAll()
	opts.Cache = filepath.Join(t.TempDir(), "cache")
	for range 2 { // read, and from the cache
		var last Progress
		var calls int
		opts.Progress = func(p Progress) {
			if p.Bytes < last.Bytes || p.Files < last.Files || p.Total != total {
				t.Errorf("%+v after %+v", p, last)
			}
			last = p
			calls++
		}
		tree, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir}, opts, openedImage{layers: sources, close: func() error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		tree.Close()
		if last.Bytes != total || last.Files < tree.Len() || calls < 3 {
			t.Errorf("last %+v of %d, %d calls", last, total, calls)
		}
	}
}

// TestLayersAreReadOnce has one layer several times in an image, and wants
// layers to be read side by side.
func TestLayersAreReadOnce(t *testing.T) {
	want := int64(min(2, runtime.GOMAXPROCS(0)))
	var mu sync.Mutex
	var reads, now, most int64
	met := make(chan struct{}) // closed when as many are read at a time as should be
	count := func(s layer.Blob) layer.Blob {
		open := s.Open
		s.Open = func(ctx context.Context) (io.ReadCloser, error) {
			mu.Lock()
			reads++
			now++
			most = max(most, now)
			if reads == want && now == want {
				close(met)
			}
			mu.Unlock()
			select {
			case <-met:
			case <-time.After(timetest.Patience):
			}
			mu.Lock()
			now--
			mu.Unlock()
			return open(ctx)
		}
		return s
	}
	a, b := count(memoryBlob(1, layerOf(t, "a"))), count(memoryBlob(2, layerOf(t, ".wh.a", "b")))
	tree, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir}, keepAll(), openedImage{layers: []layer.Blob{a, b, a, b, a}, close: func() error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if got := fmt.Sprint(describe(t, tree)); got != "[5 a 4 b]" || reads != 2 {
		t.Errorf("%s after %d reads", got, reads)
	}
	if most != want {
		t.Errorf("%d at a time, want %d", most, want)
	}
}

// TestImageErrors wants the error of the layer that failed, and not of those
// that were given up because of it.
func TestImageErrors(t *testing.T) {
	slow := memoryBlob(1, layerOf(t, "a"))
	slow.Open = func(ctx context.Context) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	bad := memoryBlob(2, layerOf(t, "b")[:700])
	bad.Size++
	if runtime.GOMAXPROCS(0) > 1 {
		_, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir}, keepAll(), openedImage{layers: []layer.Blob{slow, bad}, close: func() error { return nil }})
		if err == nil || !strings.Contains(err.Error(), "layer 2 (") {
			t.Errorf("error %v", err)
		}
	}
	closeErr := errors.New("cannot close")
	tree, err := openLayers(t.Context(), Ref{Scheme: SchemeOCIDir}, keepAll(), openedImage{layers: []layer.Blob{memoryBlob(1, layerOf(t, "a"))}, close: func() error { return closeErr }})
	if tree != nil || !errors.Is(err, closeErr) {
		t.Errorf("%v, %v", tree, err)
	}
	opts := keepAll()
	opts.Cache = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(opts.Cache, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openBlobs(t, opts, layerOf(t, "a")); err == nil || !strings.Contains(err.Error(), "use another") {
		t.Errorf("a cache that is a file: %v", err)
	}
}

// TestDeepImage has directories inside each other as deep as a path allows.
func TestDeepImage(t *testing.T) {
	path := strings.Repeat("d/", layer.MaxPath/2-1) + "f"
	tree := mustOpenBlobs(t, keepAll(), layerOf(t, path, strings.Repeat("d/", layer.MaxPath)+"f"))
	n := tree.Lookup("/" + path)
	if data, err := tree.ReadFile(n, layer.MaxPath); err != nil || string(data) != path {
		t.Errorf("%d: %v", n, err)
	}
	if gaps := tree.Gaps(); tree.Len() != layer.MaxPath/2+1 || len(gaps) != 1 || len(gaps[0].Path) > 300 {
		t.Errorf("%d nodes, %.500v", tree.Len(), gaps)
	}
}

func TestDefaultCache(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("LocalAppData", filepath.Join(home, "cache"))
	dir, _ := DefaultCache()
	if info, err := os.Stat(dir); !strings.HasPrefix(dir, home) || err != nil || !info.IsDir() {
		t.Errorf("%q: %v", dir, err)
	}
	if runtime.GOOS == "linux" {
		t.Setenv("XDG_CACHE_HOME", "/dev/null")
		if dir, err := DefaultCache(); dir != "" || err == nil {
			t.Errorf("%q in a file, %v", dir, err)
		}
	}
}
