package ledger

import (
	"path"
	"slices"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// wheelFits returns a function that reports whether a wheel is the one that was
// installed. A lock has the digests of the wheels of all platforms, and the cache of
// manifests those that other stages needed. Installers copy the file WHEEL as it is,
// and it has the tags of the platform. It decides only which wheel is compared: with
// an edited one the files differ.
func (e *engine) wheelFits(c *sbom.Component) func(*artifact.Manifest) bool {
	var installed [][32]byte
	for _, file := range c.Paths {
		meta := e.tree.Lookup(sbom.Unescape(file))
		if meta == rootfs.None {
			continue
		}
		data, err := e.tree.ReadFile(e.tree.Resolve(path.Join(e.tree.Path(e.tree.Parent(meta)), "WHEEL")), maxSmall)
		if err == nil {
			installed = append(installed, blake3.Sum256(data))
		}
	}
	if installed == nil {
		return nil
	}
	return func(m *artifact.Manifest) bool {
		return slices.ContainsFunc(m.Files, func(f artifact.File) bool {
			return f.Place == "" && strings.HasSuffix(f.Path, ".dist-info/WHEEL") && slices.Contains(installed, f.Digest)
		})
	}
}
