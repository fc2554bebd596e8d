package ledger

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// TestRoot prints the ledger of DEPAUDIT_ROOT.
func TestRoot(t *testing.T) {
	root := os.Getenv("DEPAUDIT_ROOT")
	if root == "" {
		t.Skip("DEPAUDIT_ROOT is not set")
	}
	ref, err := rootfs.ParseRefIn("/", root)
	if err != nil {
		t.Fatal(err)
	}
	var p *audit.Proof
	began := time.Now()
	_, err = scan.Run(context.Background(), ref, scan.Options{Sums: rootfs.SumBLAKE3 | rootfs.SumMD5 | rootfs.SumSHA256 | rootfs.SumSHA1, Use: func(ctx context.Context, f *scan.Files) error {
		fmt.Println("scan", time.Since(began))
		began = time.Now()
		p, err = Make(ctx, f, Request{Sealed: os.Getenv("SEALED") != "", Artifacts: strings.Fields(os.Getenv("ARTIFACTS")), Locks: strings.Fields(os.Getenv("LOCKS")), Cache: os.Getenv("MCACHE")})
		fmt.Println("ledger", time.Since(began))
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Ledger.Counts {
		fmt.Println(c.Status, c.Files, c.Bytes)
	}
	fmt.Println("components", len(p.Components), "gaps", len(p.Gaps))
	for _, g := range p.Gaps {
		fmt.Println("gap", g)
	}
	evidence := map[string]int{}
	for _, c := range p.Components {
		evidence[fmt.Sprint(c.Evidence, " proved=", c.Proved, " consistent=", c.Consistent, " differs=", c.Differs)]++
	}
	fmt.Println(evidence, len(p.Absent), p.Indexes)
	for _, l := range p.Ledger.Lines {
		fmt.Println(l.Status, l.Path, l.How, l.Component, l.Rule, l.Detail, l.Runs, l.Mode)
	}
}
