package catalog

import (
	"context"
	"unsafe"
)

// withTempDir gives the catalogers the factory for temporary files that the
// Java, kernel, RPM and model catalogers refuse to work without ("no temp
// dir factory in context"). syft's only public way to it is CreateSBOM,
// which would build a 0.7 s licence scanner first; hence the link name. Files
// go to $TMPDIR: the process that scans has a folder of its own there, which
// its parent removes.
func withTempDir(ctx context.Context) context.Context {
	ctx, _ = tmpdirRoot(ctx, "catalog")
	return ctx
}

//go:linkname tmpdirRoot github.com/anchore/syft/internal/tmpdir.Root
func tmpdirRoot(ctx context.Context, prefix string) (context.Context, unsafe.Pointer)
