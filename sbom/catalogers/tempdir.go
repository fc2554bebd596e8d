package catalogers

import (
	"context"
	"unsafe"
)

// withTempDir adds the factory for temporary files to the context. The Nix and
// model catalogers return an error without it ("no temp dir factory in
// context"). Only CreateSBOM sets it, after it has built a licence scanner for
// 0.7 s; hence the link name. The files are in $TMPDIR: the process that scans
// has a directory of its own there, which its parent removes, also when the
// process is killed.
//
// done removes the files. Call it when the catalogers have ended.
func withTempDir(ctx context.Context) (_ context.Context, done func()) {
	ctx, dir := tmpdirRoot(ctx, "depaudit-catalog")
	// The parent process removes the rest of $TMPDIR.
	return ctx, func() { _ = tmpdirCleanup(dir) }
}

//go:linkname tmpdirRoot github.com/anchore/syft/internal/tmpdir.Root
func tmpdirRoot(ctx context.Context, prefix string) (context.Context, unsafe.Pointer)

//go:linkname tmpdirCleanup github.com/anchore/syft/internal/tmpdir.(*TempDir).Cleanup
func tmpdirCleanup(dir unsafe.Pointer) error
