package scan

import (
	"os"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// BenchmarkEdges is what relations cost besides the rest of a scan of
// DEPAUDIT_BENCH_ROOT.
func BenchmarkEdges(b *testing.B) {
	root := os.Getenv("DEPAUDIT_BENCH_ROOT")
	if root == "" {
		b.Skip("DEPAUDIT_BENCH_ROOT names no root file system")
	}
	tree, err := rootfs.Open(b.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{Classify: magic})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	s, err := open(b.Context(), tree)
	if err == nil {
		err = s.examine(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	s.assemble()
	var relations []sbom.Relation
	for b.Loop() {
		relations, _ = s.relations(b.Context(), s.doc.Components)
	}
	b.ReportMetric(float64(len(relations)), "edges")
	b.ReportMetric(float64(len(s.sniffed.executables)), "executables")
	b.ReportMetric(float64(len(s.sniffed.scripts)), "scripts")
}
