package ospkg

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// finder finds the nodes of the paths of file lists. Neighbouring lines are in
// the same directory or near it, so that it keeps the directories down to the
// last one. Most lists are sorted, so that the next line is the next entry of
// its directory and needs no search. A finder is not safe for concurrent use;
// the tree and the areas are.
type finder struct {
	tree  *rootfs.Tree
	areas *areas
	stack []pathDir // from the root down
}

// pathDir is a directory of a path, with its links followed.
type pathDir struct {
	path string      // as listed, "" for the root
	node rootfs.Node // None when it does not exist or is not a directory
	area int         // index of areas, or noArea
	last rootfs.Node // the entry that was found last, or None
}

func newFinder(t *rootfs.Tree, a *areas) *finder {
	return &finder{tree: t, areas: a, stack: []pathDir{{node: t.Resolve("/"), area: noArea, last: rootfs.None}}}
}

// find returns the node of an absolute path, with links followed in all but
// the last component, and the area that contains it. It finds nothing for a
// path that is not clean, because no file is named "", "." or "..".
func (f *finder) find(path string) (rootfs.Node, int) {
	slash := strings.LastIndexByte(path, '/')
	dir := f.enter(path[:slash])
	if path == "/" {
		return dir.node, dir.area
	}
	return f.child(dir, path[slash+1:]), dir.area
}

// enter makes the directory of that path the last of the stack. Its result is
// valid until the next call.
func (f *finder) enter(path string) *pathDir {
	top := len(f.stack) - 1
	for ; !isInside(path, f.stack[top].path); top-- {
	}
	f.stack = f.stack[:top+1]
	at := &f.stack[top]
	for len(at.path) < len(path) {
		end := len(path)
		if i := strings.IndexByte(path[len(at.path)+1:], '/'); i >= 0 {
			end = len(at.path) + 1 + i
		}
		f.stack = append(f.stack, f.step(at, path[:end]))
		at = &f.stack[len(f.stack)-1]
	}
	return at
}

// step descends by one directory.
func (f *finder) step(at *pathDir, path string) pathDir {
	n := f.child(at, path[len(at.path)+1:])
	area := at.area
	switch f.tree.Kind(n) {
	case rootfs.Dir:
		if own := f.areas.at(n); own != noArea {
			area = own
		}
	case rootfs.Symlink:
		n = f.tree.Resolve(path)
		area = f.areas.around(f.tree, n)
		if f.tree.Kind(n) != rootfs.Dir {
			n = rootfs.None
		}
	default:
		n = rootfs.None
	}
	return pathDir{path, n, area, rootfs.None}
}

// child tries the entry that was found last, then the one after it, and then
// searches.
func (f *finder) child(dir *pathDir, name string) rootfs.Node {
	if dir.node == rootfs.None {
		return rootfs.None
	}
	if dir.last != rootfs.None {
		if f.tree.Name(dir.last) == name {
			return dir.last
		}
		_, next := f.tree.Subtree(dir.last)
		if f.tree.Parent(next) == dir.node && f.tree.Name(next) == name {
			dir.last = next
			return next
		}
	}
	n := f.tree.Child(dir.node, name)
	if n != rootfs.None {
		dir.last = n
	}
	return n
}

// isInside reports whether path is dir or below it.
func isInside(path, dir string) bool {
	return strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}

// cleanPath reports whether a path is absolute and has no component that is
// empty, "." or "..", and no zero byte, which no file name has.
func cleanPath(path string) bool {
	if path == "" || path[0] != '/' || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	if path == "/" {
		return true
	}
	if strings.HasSuffix(path, "/") || strings.Contains(path, "//") {
		return false
	}
	for rest := path; ; {
		i := strings.Index(rest, "/.")
		if i < 0 {
			return true
		}
		rest = rest[i+2:]
		if rest == "" || rest[0] == '/' || rest == "." || strings.HasPrefix(rest, "./") {
			return false
		}
	}
}
