package scan

import (
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// settleReasons sets the install reasons that a package itself does not record.
func (s *scanner) settleReasons() {
	s.settlePythonReasons()
	s.settleNodeReasons()
}

// settlePythonReasons clears the install reasons of distributions where none has
// a REQUESTED file: only pip and similar installers write it, and pip since
// 20.2
// (https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-requested-file).
func (s *scanner) settlePythonReasons() {
	recorded := make(map[rootfs.Node]bool)
	for i := range s.units {
		if u := &s.units[i]; u.FoundBy == "python-reader" && u.InstallReason == sbom.ReasonExplicit {
			recorded[u.site] = true
		}
	}
	for i := range s.units {
		if u := &s.units[i]; u.FoundBy == "python-reader" && u.InstallReason == sbom.ReasonDependency && !recorded[u.site] {
			u.InstallReason = sbom.ReasonUnknown
		}
	}
}

// settleNodeReasons uses the project's manifest where npm left no record of its
// installation: the packages that it names are explicit, and the others in the
// project's node_modules are dependencies. In a global installation, which has
// no manifest, all packages at the top are explicit.
func (s *scanner) settleNodeReasons() {
	t := s.tree
	type installation struct {
		known, global bool
		asked         map[rootfs.Node]bool // manifests
	}
	installations := make(map[rootfs.Node]*installation)
	for i := range s.units {
		u := &s.units[i]
		if u.FoundBy != "node-reader" || u.Type != "npm" || u.InstallReason != sbom.ReasonUnknown || u.node == rootfs.None || s.owned(u.node) {
			continue
		}
		modules := s.outermostModules(u.node)
		if !s.isNodeModules(modules) {
			continue
		}
		in := installations[modules]
		if in == nil {
			in = &installation{asked: make(map[rootfs.Node]bool)}
			installations[modules] = in
			root := t.Parent(modules)
			manifest := s.manifestOf(root)
			m := &nodeManifest{}
			var err error
			if t.Child(modules, ".package-lock.json") != rootfs.None {
				// npm records it, and the reason of other packages is unknown.
			} else if s.isFile(manifest) {
				m, err = s.packageJSON(manifest)
				in.known = err == nil
			} else if t.Name(root) == "lib" && manifest == rootfs.None {
				in.known, in.global = true, true
			}
			if in.known && !in.global {
				for _, names := range []map[string]bool{m.dependencies, m.dev, m.optional} {
					for name := range names {
						if nodeName(name) {
							in.asked[s.manifestOf(t.ResolveNode(s.below(modules, name)))] = true
						}
					}
				}
			}
		}
		dir := t.Parent(u.node)
		above := t.Parent(dir)
		if len(t.Name(above)) > 0 && t.Name(above)[0] == '@' {
			above = t.Parent(above)
		}
		switch {
		case !in.known:
		case in.asked[u.node], in.global && above == modules:
			u.InstallReason = sbom.ReasonExplicit
		default:
			u.InstallReason = sbom.ReasonDependency
		}
	}
}

// below returns the entry of a node_modules directory for a name, which may
// have a scope.
func (s *inventory) below(modules rootfs.Node, name string) rootfs.Node {
	n := modules
	for i := 0; i < len(name) && n != rootfs.None; {
		end := i
		for end < len(name) && name[end] != '/' {
			end++
		}
		n = s.tree.ResolveNode(s.tree.Child(n, name[i:end]))
		i = end + 1
	}
	return n
}
