package ledger

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// busyboxLists is the directory in which packages of Alpine Linux and Wolfi list
// the commands that "busybox --install" makes.
const busyboxLists = "/etc/busybox-paths.d"

// busyboxLink reports whether a link is one that the scripts of a package make for
// a command of its busybox: its path is in the list of a package, and it leads to
// a program of that name that a package has.
func (e *engine) busyboxLink(n rootfs.Node) bool {
	if e.tree.Kind(n) != rootfs.Symlink {
		return false
	}
	to := e.tree.ResolveNode(n)
	if e.tree.Kind(to) != rootfs.File || !e.vouched(to) {
		return false
	}
	return e.busyboxPaths()[e.tree.Path(n)] == e.tree.Name(to)
}

// busyboxPaths returns the program of each path.
func (e *engine) busyboxPaths() map[string]string {
	if e.known.busybox != nil {
		return e.known.busybox
	}
	e.known.busybox = map[string]string{}
	for list := range e.tree.Children(e.tree.Resolve(busyboxLists)) {
		if !e.vouched(list) {
			continue
		}
		text, _ := e.text(list)
		for line := range strings.Lines(text) {
			if p := strings.TrimSpace(line); p != "" {
				e.known.busybox["/"+strings.TrimPrefix(p, "/")] = e.tree.Name(list)
			}
		}
	}
	return e.known.busybox
}
