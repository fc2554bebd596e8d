package scan

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The program that scans, where it is in the environment: on the machine that it
// runs on it is not a dependency of the stage. It is recognised as the same file
// by device and inode, which its caller states, and never by a name. Its caches, its reports and its baseline are no code, so that
// nothing of them counts; directories of them are not left out, since anything
// could be put there.

// ownPaths returns where files of this machine are in an environment, by their
// paths; none for an image.
func ownPaths(ref rootfs.Ref, own []string) []string {
	root := "/"
	switch ref.Scheme {
	case rootfs.SchemeHost:
	case rootfs.SchemeDir:
		var err error
		if root, err = filepath.Abs(ref.Path); err != nil {
			return nil
		}
		if root, err = filepath.EvalSymlinks(root); err != nil {
			return nil
		}
	default:
		return nil
	}
	var out []string
	for _, p := range own {
		real, err := filepath.EvalSymlinks(p)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(root, real)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") || rel == "." {
			continue
		}
		out = append(out, "/"+rel)
	}
	return out
}

// findOwn finds the files of the caller in the tree, with all of their names.
func (s *scanner) findOwn(own []string) {
	t := s.tree
	s.own = make(map[rootfs.Node]bool)
	for _, p := range own {
		real, err := filepath.EvalSymlinks(p)
		if err != nil {
			continue
		}
		same, err := os.Stat(real)
		if err != nil || !same.Mode().IsRegular() {
			continue
		}
		for _, inside := range ownPaths(t.Ref(), []string{p}) {
			n := t.Lookup(inside)
			if t.Kind(n) != rootfs.File || s.owned(n) {
				continue
			}
			if info, err := t.Stat(n); err != nil || !os.SameFile(same, info) {
				continue
			}
			s.own[n] = true
			for _, m := range t.Links(n) {
				s.own[m] = true
			}
		}
	}
}

// excludeOwn lists the files of the caller that nothing accounts for.
func (s *scanner) excludeOwn() {
	for n := range s.own {
		if s.claims[n] == 0 {
			s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
				Path: s.tree.Path(n), Name: s.tree.Name(n), Reason: sbom.ExcludedOwn, Detail: "the program that made this document", Count: 1,
			})
		}
	}
}
