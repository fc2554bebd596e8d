package rootfs

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/charlievieth/fastwalk"
)

// benchRoot is a generated tree, or the one that DEPAUDIT_BENCH_ROOT names.
func benchRoot(b *testing.B) string {
	if root := os.Getenv("DEPAUDIT_BENCH_ROOT"); root != "" {
		return root
	}
	root := b.TempDir()
	for i := range 400 {
		dir := filepath.Join(root, "usr/lib", fmt.Sprintf("pkg-%d", i%20), fmt.Sprintf("module-%d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 50 {
			// Half of the names are the same everywhere, as in real trees.
			name := fmt.Sprintf("part_%02d.cpython-311.pyc", j)
			if j%2 == 0 {
				name = fmt.Sprintf("chapter-%d-%d.html", i, j)
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	return root
}

// BenchmarkOpen reports the state that an open tree keeps, in bytes a file,
// with the index of extensions.
func BenchmarkOpen(b *testing.B) {
	root := benchRoot(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	kept.Glob(mustGlob(b, "**/*.jar"), nil, func(Node) bool { return true })
	runtime.GC()
	runtime.ReadMemStats(&after)
	defer kept.Close()
	for b.Loop() {
		t, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		t.Close()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(kept.Files()), "state-bytes/file")
	b.ReportMetric(float64(kept.Files()), "files")
}

// BenchmarkWalkers compares the walk with find(1) and with the same tree built
// on github.com/charlievieth/fastwalk.
func BenchmarkWalkers(b *testing.B) {
	root := benchRoot(b)
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			t, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			t.Close()
		}
	})
	b.Run("fastwalk", func(b *testing.B) {
		for b.Loop() {
			if fastTree(b, root).Len() == 0 {
				b.Fatal("no tree")
			}
		}
	})
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			if err := exec.CommandContext(b.Context(), "find", root, "-type", "f").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fastTree builds a tree from fastwalk's callbacks.
func fastTree(tb testing.TB, root string) *Tree {
	build := newBuilder()
	var mu sync.Mutex
	directories := map[string]int32{root: 0}
	err := fastwalk.Walk(&fastwalk.Config{}, root, func(path string, e fs.DirEntry, err error) error {
		if path == root || err != nil {
			return err
		}
		kind := Other
		var target string
		switch e.Type() {
		case 0:
			kind = File
		case fs.ModeDir:
			kind = Dir
		case fs.ModeSymlink:
			kind = Symlink
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		name := e.Name()
		mu.Lock()
		defer mu.Unlock()
		n, err := build.add(directories[path[:len(path)-len(name)-1]], []byte(name), kind)
		if err != nil {
			return err
		}
		switch kind {
		case Dir:
			directories[path] = n
		case Symlink:
			return build.setTarget(n, []byte(target))
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return build.tree()
}

// BenchmarkGlob asks an open tree for all of syft's patterns.
func BenchmarkGlob(b *testing.B) {
	t, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: benchRoot(b)}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	var globs []*Glob
	for _, p := range syftPatterns(b) {
		globs = append(globs, mustGlob(b, p))
	}
	for b.Loop() {
		for _, g := range globs {
			t.Glob(g, nil, func(Node) bool { return true })
		}
	}
	b.ReportMetric(float64(len(globs)), "patterns")
}

// BenchmarkLookup looks every path of a tree up.
func BenchmarkLookup(b *testing.B) {
	t, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: benchRoot(b)}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	paths := make([]string, t.Len())
	for n := range t.Len() {
		paths[n] = t.Path(Node(n))
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	i := 0
	for b.Loop() {
		if t.Lookup(paths[i%len(paths)]) == None {
			b.Fatalf("no %q", paths[i%len(paths)])
		}
		i++
	}
}

func mustGlob(tb testing.TB, pattern string) *Glob {
	tb.Helper()
	g, err := CompileGlob(pattern)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// BenchmarkExamine computes digests of all files, without and with the one of
// dpkg. Compare it with find -type f -print0 | xargs -0 cat >/dev/null.
func BenchmarkExamine(b *testing.B) {
	t, err := Open(b.Context(), Ref{Scheme: SchemeDir, Path: benchRoot(b)}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	var nodes []Node
	for n := range Node(t.Len()) {
		if t.Kind(n) == File {
			nodes = append(nodes, n)
		}
	}
	for name, set := range map[string]SumSet{"meta": 0, "blake3": SumBLAKE3, "blake3+md5": SumBLAKE3 | SumMD5, "all": SumBLAKE3 | SumMD5 | SumSHA1 | SumSHA256} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := t.Examine(b.Context(), nodes, func(Node) SumSet { return set }, func(Examined) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
