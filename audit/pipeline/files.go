package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// listFiles returns all files of an environment.
func listFiles(ctx context.Context, files *scan.Files) ([]diff.File, error) {
	tree := files.Tree()
	out := make([]diff.File, tree.Len())
	nodes := make([]rootfs.Node, tree.Len())
	for i := range nodes {
		nodes[i] = rootfs.Node(i)
	}
	// Each goroutine writes other elements.
	err := tree.Examine(ctx, nodes, func(n rootfs.Node) rootfs.SumSet {
		if tree.Kind(n) == rootfs.File {
			return rootfs.SumBLAKE3
		}
		return 0
	}, func(x rootfs.Examined) { out[x.Node] = fileOf(tree, x) })
	if err != nil {
		return nil, err
	}
	doc := files.Document()
	for i := range out {
		if c := doc.Component(files.Owner(rootfs.Node(i))); c != nil && c.Kind != sbom.KindFiles {
			out[i].Component = c.Label()
		}
	}
	return out, nil
}

func fileOf(tree *rootfs.Tree, x rootfs.Examined) diff.File {
	kinds := map[rootfs.Kind]diff.FileKind{rootfs.Dir: diff.Directory, rootfs.File: diff.RegularFile, rootfs.Symlink: diff.Link, rootfs.Other: diff.SpecialFile}
	f := diff.File{Path: sbom.Escape(tree.Path(x.Node)), Kind: kinds[tree.Kind(x.Node)], Target: sbom.Escape(tree.Target(x.Node))}
	if x.Err != nil {
		f.Problem = sbom.Escape(strings.TrimPrefix(x.Err.Error(), "read "+tree.Path(x.Node)+": "))
		return f
	}
	f.Mode = fmt.Sprintf("%o", x.Meta.Mode)
	if x.Meta.UID >= 0 {
		f.Owner = fmt.Sprintf("%d:%d", x.Meta.UID, x.Meta.GID)
	}
	if f.Kind == diff.RegularFile {
		f.Size, f.Digest = x.Meta.Size, "blake3:"+hex.EncodeToString(x.Sums.BLAKE3[:])
		f.Capabilities = hex.EncodeToString(x.Meta.Capabilities)
	}
	return f
}
