package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPageSize holds the page of CPython's three stages to its size, so that it can
// be attached to anything.
func TestPageSize(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if _, errs, code := inProcess(t, moduleRoot, []string{"audit", "-c", "testdata/cpython/example/depaudit.yaml", "-o", "html=" + page}, nil); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	info, err := os.Stat(page)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 300_000
	t.Logf("%d bytes", info.Size())
	if info.Size() > limit {
		t.Errorf("the page has %d bytes, more than %d", info.Size(), limit)
	}
}
