package scan

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Owner is the component that a path belongs to. Its strings have the form of
// the document: see [sbom.Escape].
type Owner struct {
	// Path is the path that was requested.
	Path string `json:"path"`
	// Real is the owned path, absolute within the environment: Path with the
	// links of its directories followed, and with a link at its end followed
	// when the link has no owner. It is empty when the path does not exist.
	Real string `json:"real,omitempty"`
	// ID is that of the component, empty when no component accounts for the
	// path.
	ID string `json:"id,omitempty"`
	// Dir is true for a directory. It has no ID, unless one component
	// accounts for all of its content: packages of the system share theirs.
	Dir bool `json:"dir,omitempty"`
	// Script is the first line of a script, without its "#!". Interpreter is the
	// ID of the component that the interpreter in it belongs to, empty when it
	// is not in the environment or nothing accounts for it.
	Script      string `json:"script,omitempty"`
	Interpreter string `json:"interpreter,omitempty"`
}

// Owners is [Run], and also returns the component of each path, in the order of
// paths. A package of the system is preferred to a component bundled in it. The
// snapshot in opts is not used: it would skip the reads that this needs. A path
// is user input: as a report prints it, or the bytes of the file's name
// ([sbom.EscapeInput]).
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
		o.Real, o.Dir = sbom.Escape(s.tree.Path(n)), s.tree.Kind(n) == rootfs.Dir
		if o.ID = sbom.Escape(s.ownerOf(n)); o.ID != "" {
			break
		}
	}
	if n := s.tree.Resolve(path); o.ID != "" && n != rootfs.None && s.tree.Kind(n) == rootfs.File {
		o.Script, o.Interpreter = s.interpreter(n)
	}
	return o
}

// interpreter returns the first line of a script and the component of its
// interpreter. A name that env(1) runs is searched for as in execvp(3).
func (s *inventory) interpreter(n rootfs.Node) (line, id string) {
	program, line := interpreterOf(s.headOf(n, maxInterpreterLine))
	if program == "" {
		return "", ""
	}
	places := []string{program}
	if !strings.HasPrefix(program, "/") {
		places = nil
		for _, dir := range SearchPath() {
			places = append(places, dir+"/"+program)
		}
	}
	for _, place := range places {
		if at := s.tree.Resolve(place); at != rootfs.None && s.tree.Kind(at) == rootfs.File {
			return sbom.Escape(line), sbom.Escape(s.ownerOf(at))
		}
	}
	return sbom.Escape(line), ""
}

// ownerOf returns the ID of the component that a node belongs to.
func (s *inventory) ownerOf(n rootfs.Node) string {
	if s.owned(n) {
		if s.tree.Kind(n) == rootfs.Dir {
			return ""
		}
		return s.osOwner(n)
	}
	if i := s.accountedBy(n); i >= 0 {
		return s.units[i].ID
	}
	return ""
}
