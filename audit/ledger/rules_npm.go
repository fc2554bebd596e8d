package ledger

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// npmPrograms explains programs that the install script of an npm package put in
// the place of one of its files: a copy of the native program in the package of the
// platform, which its package.json names as an optional dependency. esbuild does so
// (https://github.com/evanw/esbuild/blob/main/lib/npm/node-install.ts). The copy must
// have every byte of a file that is proved. It is derived and not proved, since the
// package's own artifact has another file there.
func (e *engine) npmPrograms() {
	rule := slices.IndexFunc(e.rules, func(r Rule) bool { return r.Name == ruleNPMProgram })
	var changes []rootfs.Node
	for n := range e.nodes {
		f := &e.nodes[n]
		if f.status == changed && f.how == howContent && e.isNPM(f) && e.native(rootfs.Node(n)) {
			changes = append(changes, rootfs.Node(n))
		}
	}
	if len(changes) == 0 {
		return
	}
	sources := map[[32]byte][]int32{} // components with a proved file
	for n := range e.nodes {
		if f := &e.nodes[n]; f.status == proved && f.summed && e.isNPM(f) {
			sources[f.sum] = append(sources[f.sum], f.component)
		}
	}
	for _, n := range changes {
		f := &e.nodes[n]
		optional := e.optionalDependencies(n)
		for _, c := range sources[f.sum] {
			d := &e.doc.Components[c-1]
			if _, ok := optional[ecosystem.Join(d.Namespace, d.Name)]; ok && c != f.component {
				f.status, f.how, f.rule = derived, 0, uint8(rule)+1
				break
			}
		}
	}
}

// nodeLink reports whether a link in node_modules leads to the package of its name in
// the same installation: pnpm, Yarn and Bun keep packages in a directory of
// node_modules, and link them for each package that requires them. A link of another
// name is an alias, which the lock alone can have.
func (e *engine) nodeLink(n rootfs.Node) bool {
	t := e.tree
	modules, name := t.Parent(n), t.Name(n)
	if strings.HasPrefix(t.Name(modules), "@") {
		modules, name = t.Parent(modules), t.Name(modules)+"/"+name
	}
	if t.Kind(n) != rootfs.Symlink || t.Name(modules) != "node_modules" {
		return false
	}
	dir := t.ResolveNode(n)
	if dir == rootfs.None || t.Kind(dir) != rootfs.Dir {
		return false
	}
	m := t.Child(dir, "package.json")
	if m == rootfs.None || !e.isNPM(&e.nodes[m]) || e.nodes[m].status == unexplained || e.nodes[m].status == changed {
		return false
	}
	c := &e.doc.Components[e.nodes[m].component-1]
	if ecosystem.Join(c.Namespace, c.Name) != name {
		return false
	}
	// Both are of one project: a member of a workspace has links into the
	// node_modules of a directory around it.
	from, _, _ := strings.Cut(t.Path(modules)+"/", "/node_modules/")
	to, _, found := strings.Cut(t.Path(dir), "/node_modules/")
	return found && (from == to || strings.HasPrefix(from, to+"/"))
}

// pnpm explains what pnpm writes beside packages.
func (e *engine) pnpm(n rootfs.Node) bool {
	t := e.tree
	dir := t.Parent(n)
	switch name, in := t.Name(n), t.Name(dir); {
	case t.Kind(n) != rootfs.File || dir == rootfs.None:
		return false
	case in == "node_modules" && (name == ".modules.yaml" || name == ".pnpm-workspace-state.json" || name == ".pnpm-workspace-state-v1.json"),
		in == ".pnpm" && name == "lock.yaml" && t.Name(t.Parent(dir)) == "node_modules":
		return e.inert(n)
	case in != ".bin" || t.Name(t.Parent(dir)) != "node_modules" || !e.isNPM(&e.nodes[n]) || e.nodes[n].mode&setID != 0:
		return false
	}
	text, ok := e.text(n)
	if !ok {
		return false
	}
	program, ok := scan.NodeLauncher(t.Path(dir), text)
	if !ok {
		return false
	}
	to := t.Resolve(program)
	return to != rootfs.None && t.Kind(to) == rootfs.File && e.isNPM(&e.nodes[to]) && e.nodes[to].status != unexplained && e.nodes[to].status != changed
}

const ruleNPMProgram = "npm-program"

func (e *engine) isNPM(f *node) bool {
	return f.component > 0 && e.doc.Components[f.component-1].Type == "npm"
}

// native reports whether a file begins as a native program: ELF, Mach-O or PE.
func (e *engine) native(n rootfs.Node) bool {
	if e.tree.Kind(n) != rootfs.File {
		return false
	}
	f, err := e.tree.OpenFile(n)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [4]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return false
	}
	switch string(head[:]) {
	case "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe":
		return true
	}
	return string(head[:2]) == "MZ"
}

// optionalDependencies returns those in the package.json of the package that a file
// is in, which must be proved itself.
func (e *engine) optionalDependencies(n rootfs.Node) map[string]json.RawMessage {
	for dir := e.tree.Parent(n); dir != 0 && dir != rootfs.None && e.tree.Name(dir) != "node_modules"; dir = e.tree.Parent(dir) {
		m := e.tree.Lookup(e.tree.Path(dir) + "/package.json")
		if m == rootfs.None || e.nodes[m].component != e.nodes[n].component || e.nodes[m].status != proved {
			continue
		}
		data, err := e.tree.ReadFile(m, maxSmall)
		if err != nil {
			return nil
		}
		var fields map[string]json.RawMessage
		var optional map[string]json.RawMessage
		if json.Unmarshal(data, &fields) != nil || json.Unmarshal(fields["optionalDependencies"], &optional) != nil {
			return nil
		}
		return optional
	}
	return nil
}
