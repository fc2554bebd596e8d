package scan_test

import (
	"os"
	"testing"

	"github.com/depaudit/depaudit/sbom/environ"
	"github.com/depaudit/depaudit/sbom/scan"
)

// BenchmarkRun scans the root file system in DEPAUDIT_BENCH_ROOT. To see
// where the time goes:
//
//	DEPAUDIT_BENCH_ROOT=/path/to/root go test ./sbom/scan -run '^$' -bench Run -cpuprofile cpu.out
func BenchmarkRun(b *testing.B) {
	root := os.Getenv("DEPAUDIT_BENCH_ROOT")
	if root == "" {
		b.Skip("DEPAUDIT_BENCH_ROOT names no root file system")
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := scan.Run(b.Context(), environ.Ref{Scheme: environ.SchemeDir, Path: root}, scan.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(d.Components)), "components")
		b.ReportMetric(float64(d.Environment.Files), "files")
	}
}
