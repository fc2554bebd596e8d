package scan

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// replacedPackages returns the packages that pnpm moved out of its way: to
// .ignored/NAME (since version 7), or to .ignored_NAME. Node does not find them
// by their names. Each counts, unless pnpm's record of the installation is there
// and another package has its place: a name alone hides nothing.
func (s *inventory) replacedPackages() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	for _, modules := range s.survey.nodeModules {
		if record := t.Child(modules, ".modules.yaml"); record == rootfs.None || t.Kind(record) != rootfs.File {
			continue
		}
		add := func(dir rootfs.Node, name string) {
			at := t.ResolveNode(s.packageDir(modules, name))
			if t.Kind(dir) == rootfs.Dir && at != rootfs.None && s.manifestOf(at) != rootfs.None {
				out = append(out, dir)
			}
		}
		scoped := func(dir rootfs.Node, prefix string) {
			for c := range t.Children(dir) {
				if rest, ok := strings.CutPrefix(t.Name(c), prefix); ok {
					add(c, t.Name(dir)+"/"+rest)
				}
			}
		}
		for c := range t.Children(modules) {
			switch name := t.Name(c); {
			case name == ".ignored":
				for p := range t.Children(c) {
					if strings.HasPrefix(t.Name(p), "@") {
						scoped(p, "")
					} else {
						add(p, t.Name(p))
					}
				}
			case strings.HasPrefix(name, ".ignored_"):
				add(c, strings.TrimPrefix(name, ".ignored_"))
			case strings.HasPrefix(name, "@"):
				scoped(c, ".ignored_")
			}
		}
	}
	return out
}
