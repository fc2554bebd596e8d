package scan

import (
	"path/filepath"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestOwn has the scanning program in the environment, and what only has its
// name or its bytes.
func TestOwn(t *testing.T) {
	x := "x:" + goProgram(t)
	root := files{"/usr/local/bin/depaudit": x, "/opt/tools/auditor": "=> /usr/local/bin/depaudit", "/opt/tools/kubectl": "x:" + program(t), "/opt/copy/depaudit": x, "/root/.cache/depaudit/layers/evil": "x:" + program(t)}.plant(t)
	own := filepath.Join(root, "usr/local/bin/depaudit")
	ref := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
	std := "inside golang/example.org/dep@v1.2.3 in " + unaccounted("/opt/copy/depaudit")
	without, err := Run(t.Context(), ref, Options{Own: []string{own, filepath.Join(t.TempDir(), "none"), root}})
	if err != nil {
		t.Fatal(err)
	}
	got := summary(without)
	want := map[string]bool{
		"excluded own /usr/local/bin/depaudit": true, "excluded own /opt/tools/auditor": true, std: true,
		"counts " + unaccounted("/opt/copy/depaudit"): true, "counts " + unaccounted("/opt/tools/kubectl"): true, "counts " + unaccounted("/root/.cache/depaudit/layers/evil"): true,
	}
	for _, line := range got {
		delete(want, line)
	}
	if len(want) > 0 {
		t.Errorf("missing %v in %q", want, got)
	}
	n := 0
	for _, c := range without.Components {
		if c.Counts() {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d count, not 3: %q", n, got)
	}

	// A snapshot is of one own program: without it the document is another.
	s, err := Snapshot(t.Context(), ref, Options{Own: []string{own}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Run(t.Context(), ref, Options{Since: s, Fingerprints: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := again.Component(unaccounted("/usr/local/bin/depaudit")); c == nil && again.Component(unaccounted("/opt/tools/auditor")) == nil {
		t.Errorf("the program does not count for another caller: %q", summary(again))
	}
}
