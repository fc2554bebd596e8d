package rootfs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// benchLayer is the file of a gzip layer: the one that DEPAUDIT_BENCH_LAYER
// names, or one that is made of benchRoot.
func benchLayer(b *testing.B) string {
	if name := os.Getenv("DEPAUDIT_BENCH_LAYER"); name != "" {
		return name
	}
	name := filepath.Join(b.TempDir(), "layer.tar.gz")
	if out, err := exec.CommandContext(b.Context(), "tar", "-C", benchRoot(b), "--sort=name", "-czf", name, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return name
}

// fileBlob is a layer in a file.
func fileBlob(tb testing.TB, number int, name string) layer.Blob {
	tb.Helper()
	f, err := os.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		tb.Fatal(err)
	}
	return layer.Blob{
		Layer:  sbom.Layer{Digest: fmt.Sprintf("sha256:%x", h.Sum(nil)), Size: size},
		Number: number,
		Open:   func(context.Context) (io.ReadCloser, error) { return os.Open(name) },
	}
}

// BenchmarkImage opens an image of one gzip layer, and reports the time as a
// multiple of that of the faster one of pigz -dc and Go's own decompression,
// which take turns with it. state-bytes/file is what the open tree keeps in
// memory; peak-MB is the most memory that the process had meanwhile.
func BenchmarkImage(b *testing.B) {
	source := fileBlob(b, 1, benchLayer(b))
	for _, bench := range []struct {
		name string
		opts Options
	}{
		{"index", Options{Classify: firstByte}},
		{"keep-small", Options{Classify: firstByte, Keep: &Keep{ID: "small", Content: func(_ string, size int64, _ Class) bool { return size < 4<<10 }}}},
		{"keep-all", keepAll()},
		{"blake3", Options{Classify: firstByte, Sums: SumBLAKE3}},
		{"all-sums", Options{Classify: firstByte, Sums: allSums}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			open := func() *Tree {
				tree, err := openLayers(b.Context(), Ref{Scheme: SchemeOCIDir}, bench.opts,
					openedImage{layers: []layer.Blob{source}, close: func() error { return nil }})
				if err != nil {
					b.Fatal(err)
				}
				return tree
			}
			before := heap()
			kept := open()
			kept.Glob(mustGlob(b, "**/*.jar"), nil, func(Node) bool { return true })
			state := float64(heap()-before) / float64(kept.Files())
			kept.Close()

			var own, pigz, golang time.Duration
			peak := int64(0)
			for b.Loop() {
				b.StopTimer()
				pigz += timed(func() {
					cmd := exec.CommandContext(b.Context(), "pigz", "-dc")
					cmd.Stdin, _ = source.Open(b.Context())
					cmd.Stdout = discard{}
					if err := cmd.Run(); err != nil {
						b.Fatal(err)
					}
				})
				golang += timed(func() {
					f, _ := source.Open(b.Context())
					z, err := gzip.NewReader(f)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, z); err != nil {
						b.Fatal(err)
					}
				})
				runtime.GC()
				resetPeak()
				b.StartTimer()
				own += timed(func() { open().Close() })
				b.StopTimer()
				peak = max(peak, peakMemory(b))
				b.StartTimer()
			}
			b.ReportMetric(float64(own)/float64(min(pigz, golang)), "times-faster-gunzip")
			b.ReportMetric(pigz.Seconds()/float64(b.N), "pigz-s")
			b.ReportMetric(golang.Seconds()/float64(b.N), "go-gunzip-s")
			b.ReportMetric(state, "state-bytes/file")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
		})
	}
}

// discard is no *os.File, so that pigz writes to a pipe as it does in use.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resetPeak forgets the peak of this process' memory (proc_pid_clear_refs(5)).
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemory is the most memory that this process had, in bytes; 0 where
// there is no /proc.
func peakMemory(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb << 10
}
