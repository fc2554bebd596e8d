package scan

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
)

// arrows are the relations of a document that a package database does not
// know, as text.
func arrows(d *sbom.Document) []string {
	var out []string
	for _, r := range d.Relations {
		if from := d.Component(r.From); from.Kind == sbom.KindOS {
			continue
		}
		line := fmt.Sprintf("%s %s %s", r.From, r.Kind, r.To)
		if r.Via != "" {
			line += " (" + r.Via + ")"
		}
		if r.Group != 0 {
			line += fmt.Sprintf(" #%d", r.Group)
		}
		out = append(out, line)
	}
	return out
}

// TestPrintEdges is for people: DEPAUDIT_EDGES_OF=/path/to/root.
func TestPrintEdges(t *testing.T) {
	root := os.Getenv("DEPAUDIT_EDGES_OF")
	if root == "" {
		t.Skip("DEPAUDIT_EDGES_OF names no root")
	}
	d, err := Run(context.Background(), environ.Ref{Scheme: environ.SchemeDir, Path: root}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(strings.Join(arrows(d), "\n"))
	_ = filepath.Join
	_ = slices.Sort[[]string]
	_ = cmp.Compare[int]
}
