//go:build unix

package image

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// TestFIFO checks that opening a FIFO does not block.
func TestFIFO(t *testing.T) {
	dir := newLayout().dir(t)
	for _, name := range []string{filepath.Join(dir, indexFile), filepath.Join(dir, "fifo")} {
		if err := syscall.Mkfifo(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	timetest.Ends(t, func() {
		wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), "index.json is not a regular file")
		wantError(t, Location{schemeOCIArchive, filepath.Join(dir, "fifo"), ""}, "", system(), "is not a regular file")
	})
}
