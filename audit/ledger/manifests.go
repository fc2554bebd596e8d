package ledger

import (
	"context"

	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// expectation is what a manifest states about a file that is there.
type expectation struct {
	digest   [32]byte
	conffile bool
}

func (e *engine) readManifests(ctx context.Context) error { return ctx.Err() }

func (e *engine) compareManifest(n rootfs.Node, f *node, x rootfs.Examined, r ospkg.FileRecord) {}
