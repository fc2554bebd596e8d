package scan

import (
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// part is a distribution that its builder made a part of an interpreter or of an
// application: no installer put it there, and none can remove it.
type part struct {
	unit int
	dir  rootfs.Node // of the whole
}

// wholeOf returns the directory whose parts the distributions in a directory of
// modules are, None if they are installed. CPython describes its own library
// (Python-2.7.18.egg-info, wsgiref.egg-info), and PyInstaller stores the metadata
// of what is frozen beside the archive of the library
// (https://pyinstaller.org/en/stable/operating-mode.html).
func (s *inventory) wholeOf(site rootfs.Node) rootfs.Node {
	t := s.tree
	if isSiteDir(t.Name(site)) {
		return rootfs.None
	}
	for _, dir := range []rootfs.Node{site, t.Parent(site)} {
		if dir != rootfs.None && (dir == site || t.Name(site) == "lib-dynload") && s.isPythonLibrary(dir) && !s.owned(t.Child(dir, "os.py")) {
			return dir
		}
	}
	if n := t.Child(site, "base_library.zip"); t.Kind(n) == rootfs.File {
		return site
	}
	return rootfs.None
}

// settleParts bundles parts in the unaccounted files of their whole. Without
// such files, a part counts.
func (s *scanner) settleParts() {
	for _, p := range s.parts {
		from, to := s.tree.Subtree(p.dir)
		for n := from; n < to; n++ {
			if i := s.accountedBy(n); i >= 0 && s.units[i].Kind == sbom.KindFiles {
				s.units[p.unit].inside = i
				break
			}
		}
	}
}
