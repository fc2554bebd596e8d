//go:build unix

package image

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestFIFO checks that opening a FIFO does not block.
func TestFIFO(t *testing.T) {
	start := time.Now()
	dir := newLayout().dir(t)
	for _, name := range []string{filepath.Join(dir, indexFile), filepath.Join(dir, "fifo")} {
		if err := syscall.Mkfifo(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), "index.json is not a regular file")
	wantError(t, Location{schemeOCIArchive, filepath.Join(dir, "fifo"), ""}, "", system(), "is not a regular file")
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("that took %v", d)
	}
}
