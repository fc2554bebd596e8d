package scan

import (
	"context"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Owner is the component that a path belongs to. Its strings have the form of
// the document: see [sbom.Escape].
type Owner struct {
	// Path is the path that was requested.
	Path string `json:"path"`
	// Real is the path that is owned, absolute within the environment: Path
	// with the links of its directories followed, and with a link at its end
	// followed when nothing owns that. Empty when nothing is there.
	Real string `json:"real,omitempty"`
	// ID is that of the component, empty when nothing accounts for the path.
	ID string `json:"id,omitempty"`
	// Folder is set when it is one. It has no ID then, unless one component
	// accounts for all that is in it: packages of the system share theirs.
	Folder bool `json:"folder,omitempty"`
}

// Owners is [Run], and says besides which component each path belongs to, in
// the order of paths. A package of the system comes before what lies inside
// it. The snapshot in opts is not used: what it spares the scan to read is what
// this has to know. A path is what a user typed: as a report prints it, or the
// bytes that the file has ([sbom.EscapeInput]).
func Owners(ctx context.Context, ref rootfs.Ref, opts Options, paths []string) (*sbom.Document, []Owner, error) {
	var owners []Owner
	opts.Since = nil
	opts.assembled = func(s *scanner) {
		for _, path := range paths {
			owners = append(owners, s.owner(path))
		}
	}
	doc, err := Run(ctx, ref, opts)
	if err != nil {
		return nil, nil, err
	}
	return doc, owners, nil
}

func (s *inventory) owner(path string) Owner {
	o := Owner{Path: sbom.EscapeInput(path)}
	path = sbom.Unescape(o.Path)
	for _, n := range []rootfs.Node{s.tree.ResolveParent(path), s.tree.Resolve(path)} {
		if n == rootfs.None {
			continue
		}
		o.Real, o.Folder = sbom.Escape(s.tree.Path(n)), s.tree.Kind(n) == rootfs.Dir
		if o.ID = sbom.Escape(s.ownerOf(n)); o.ID != "" {
			break
		}
	}
	return o
}

// ownerOf is the ID of the component that a node belongs to.
func (s *inventory) ownerOf(n rootfs.Node) string {
	if s.owned(n) {
		if s.tree.Kind(n) == rootfs.Dir {
			return ""
		}
		return s.db.Owner(n)
	}
	if i := s.accountedBy(n); i >= 0 {
		return s.units[i].ID
	}
	return ""
}
