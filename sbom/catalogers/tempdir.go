package catalogers

import (
	"context"
	"unsafe"
)

// withTempDir gives the catalogers the factory for temporary files that the
// Java, kernel, RPM and model catalogers refuse to work without ("no temp
// dir factory in context"). syft's only public way to it is CreateSBOM,
// which would build a 0.7 s licence scanner first; hence the link name. Files
// go to $TMPDIR: the process that scans has a folder of its own there, which
// its parent removes, so that a killed process leaves nothing either.
//
// done removes what is left, and must be called when the catalogers ended.
func withTempDir(ctx context.Context) (_ context.Context, done func()) {
	ctx, dir := tmpdirRoot(ctx, "depaudit-catalog")
	// What cannot be removed is in $TMPDIR, whose owner removes it.
	return ctx, func() { _ = tmpdirCleanup(dir) }
}

//go:linkname tmpdirRoot github.com/anchore/syft/internal/tmpdir.Root
func tmpdirRoot(ctx context.Context, prefix string) (context.Context, unsafe.Pointer)

//go:linkname tmpdirCleanup github.com/anchore/syft/internal/tmpdir.(*TempDir).Cleanup
func tmpdirCleanup(dir unsafe.Pointer) error
