package scan

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// nodeNeed is a dependency of a package.json.
type nodeNeed struct {
	name, text string
	kind       sbom.RelationKind
}

// node adds the relations of npm packages to each other and to Node.
func (e *edges) node(ctx context.Context) {
	var all []int
	for i := range e.units {
		u := &e.units[i]
		if u.FoundBy != "node-reader" || u.node == rootfs.None || !e.outside(i) {
			continue
		}
		switch name := e.tree.Name(u.node); {
		case name == "package.json":
			all = append(all, i)
		case u.Kind == sbom.KindPackage && u.inside < 0: // in an archive; the list of the installation has its relations
			if n := e.program("node", e.tree.Parent(u.node)); n != rootfs.None {
				e.add(i, e.ownerOf(n), sbom.RelInterpreter, edgeReason{via: e.tree.Path(n)})
			}
		}
	}
	needs := make([][]nodeNeed, len(all))
	inParallel(ctx, len(all), func(i int) {
		if data, err := e.tree.ReadFile(e.units[all[i]].node, maxPackageJSON); err == nil {
			needs[i] = nodeNeeds(data)
		}
	})
	for i, from := range all {
		u := &e.units[from]
		dir, file := e.tree.Parent(u.node), e.tree.Path(u.node)
		for _, n := range needs[i] {
			if to := e.require(dir, n.name); to >= 0 {
				e.add(from, e.units[to].ID, n.kind, edgeReason{via: n.text, file: file})
			}
		}
		if u.inside >= 0 {
			continue // its owner needs Node
		}
		if n := e.program("node", e.tree.Parent(e.outermostModules(dir))); n != rootfs.None {
			e.add(from, e.ownerOf(n), sbom.RelInterpreter, edgeReason{via: e.tree.Path(n)})
		}
	}
}

// nodeNeeds returns the run-time dependencies of a package. Malformed ones were
// reported when the package was read.
//
// A name in optionalDependencies overrides one in dependencies
// (https://docs.npmjs.com/cli/configuring-npm/package-json#optionaldependencies).
func nodeNeeds(data []byte) []nodeNeed {
	fields, err := strictjson.Members([]byte(strings.TrimPrefix(string(data), "\ufeff")))
	if err != nil {
		return nil
	}
	ranges := func(key string) map[string]json.RawMessage {
		var m map[string]json.RawMessage
		if json.Unmarshal(fields[key], &m) != nil {
			return nil
		}
		return m
	}
	needs := make(map[string]nodeNeed)
	add := func(key string, kind func(name string) sbom.RelationKind) {
		for name, raw := range ranges(key) {
			if kind := kind(name); kind != "" && nodeName(name) {
				var wanted string
				_ = json.Unmarshal(raw, &wanted) // another type means any version
				text := name
				if wanted != "" {
					text += "@" + wanted
				}
				needs[name] = nodeNeed{name, text, kind}
			}
		}
	}
	meta := ranges("peerDependenciesMeta")
	add("peerDependencies", func(name string) sbom.RelationKind {
		var m struct {
			Optional bool `json:"optional"`
		}
		if json.Unmarshal(meta[name], &m) == nil && m.Optional {
			return sbom.RelRecommends
		}
		return sbom.RelDepends
	})
	add("dependencies", func(string) sbom.RelationKind { return sbom.RelDepends })
	add("optionalDependencies", func(string) sbom.RelationKind { return sbom.RelRecommends })
	out := make([]nodeNeed, 0, len(needs))
	for _, n := range needs {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b nodeNeed) int { return cmp.Compare(a.name, b.name) })
	return out
}

// nodeName reports whether a name is a valid package name, and so the name of a
// directory or of one in a scope. Node finds no other.
func nodeName(name string) bool {
	scope, rest, scoped := strings.Cut(name, "/")
	if scoped && (!strings.HasPrefix(scope, "@") || len(scope) < 2) {
		return false
	}
	if !scoped {
		rest = name
	}
	return rest != "" && !strings.HasPrefix(rest, ".") && !strings.ContainsAny(rest, "/\x00")
}

// require returns the unit that Node loads for a name in a directory
// (https://nodejs.org/api/modules.html#loading-from-node_modules-folders),
// -1 if none: from node_modules of the directory and of each parent. The
// directory is the real one, with links followed, as for Node.
func (e *edges) require(dir rootfs.Node, name string) int {
	t := e.tree
	scope, rest, scoped := strings.Cut(name, "/")
	for ; dir != rootfs.None; dir = t.Parent(dir) {
		if e.isNodeModules(dir) {
			continue
		}
		at := t.ResolveNode(t.Child(dir, "node_modules"))
		if at == rootfs.None {
			continue
		}
		if at = t.ResolveNode(t.Child(at, scope)); at != rootfs.None && scoped {
			at = t.ResolveNode(t.Child(at, rest))
		}
		if at == rootfs.None || t.Kind(at) != rootfs.Dir {
			continue
		}
		if manifest := e.manifestOf(at); manifest != rootfs.None {
			if i, ok := e.unitAt[manifest]; ok {
				return i
			}
		}
		if i, ok := e.unitAt[at]; ok {
			return i
		}
		return -1 // Node stops here, at a directory that is not a package
	}
	return -1
}

// outermostModules returns the topmost node_modules directory that contains a
// node, or the node.
func (s *inventory) outermostModules(n rootfs.Node) rootfs.Node {
	out := n
	for p := n; p != rootfs.None; p = s.tree.Parent(p) {
		if s.isNodeModules(p) {
			out = p
		}
	}
	return out
}
