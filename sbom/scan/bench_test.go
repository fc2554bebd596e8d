package scan_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/snapshot"
)

// benchRoot is the root file system in DEPAUDIT_BENCH_ROOT. To see where the
// time goes:
//
//	DEPAUDIT_BENCH_ROOT=/path/to/root go test ./sbom/scan -run '^$' -bench . -cpuprofile cpu.out
func benchRoot(b *testing.B) rootfs.Ref {
	b.Helper()
	root := os.Getenv("DEPAUDIT_BENCH_ROOT")
	if root == "" {
		b.Skip("DEPAUDIT_BENCH_ROOT names no root file system")
	}
	return rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
}

func BenchmarkRun(b *testing.B) {
	root := benchRoot(b)
	b.ReportAllocs()
	for b.Loop() {
		d, err := scan.Run(b.Context(), root, scan.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(d.Components)), "components")
		b.ReportMetric(float64(d.Environment.Files), "files")
	}
}

// BenchmarkSnapshot is what "depaudit snapshot" does besides starting.
func BenchmarkSnapshot(b *testing.B) {
	root := benchRoot(b)
	b.ReportAllocs()
	for b.Loop() {
		var file bytes.Buffer
		s, err := scan.Snapshot(b.Context(), root, scan.Options{Now: time.Now()})
		if err == nil {
			err = snapshot.Write(&file, s)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(s.Fingerprints.Files)), "fingerprints")
		b.ReportMetric(float64(file.Len()), "file-bytes")
	}
}

// BenchmarkSince is a scan of what has not changed since its snapshot, with
// the reading of that ("read") and without ("scan"), and one that finds new
// names, and so has to look at everything but what it knows ("changed").
func BenchmarkSince(b *testing.B) {
	root := benchRoot(b)
	var file bytes.Buffer
	s, err := scan.Snapshot(b.Context(), root, scan.Options{Now: time.Now()})
	if err == nil {
		err = snapshot.Write(&file, s)
	}
	if err != nil {
		b.Fatal(err)
	}
	unchanged := false
	run := func(b *testing.B, since *snapshot.Snapshot) {
		b.Helper()
		unchanged = false
		_, err := scan.Run(b.Context(), root, scan.Options{Fingerprints: true, Since: since, Progress: func(p scan.Progress) { unchanged = unchanged || p.Unchanged }})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			since, err := snapshot.Read(bytes.NewReader(file.Bytes()))
			if err != nil {
				b.Fatal(err)
			}
			if run(b, since); !unchanged {
				b.Fatal("not recognised as unchanged")
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			run(b, s)
		}
	})
	b.Run("walked", func(b *testing.B) { // where the times of directories are not used
		other := *s
		fingerprints := *s.Fingerprints
		fingerprints.Mounts = ""
		other.Fingerprints = &fingerprints
		for b.Loop() {
			if run(b, &other); !unchanged {
				b.Fatal("not recognised as unchanged")
			}
		}
	})
	b.Run("changed", func(b *testing.B) {
		other := *s
		fingerprints := *s.Fingerprints
		fingerprints.Mounts = ""
		fingerprints.Names[0]++
		other.Fingerprints = &fingerprints
		for b.Loop() {
			if run(b, &other); unchanged {
				b.Fatal("recognised as unchanged")
			}
		}
	})
	b.Run("stamps", func(b *testing.B) {
		for b.Loop() {
			run(b, nil)
		}
	})
}
