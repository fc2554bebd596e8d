package scan

import (
	"context"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxGemspec is the size of a gemspec. RubyGems writes a few kilobytes.
const maxGemspec = 1 << 20

// gemNeed matches a line as RubyGems itself writes it into specifications
// (rubygems/specification.rb, to_ruby). A gemspec is a program: any other form
// of it is ignored, without guesses.
var gemNeed = lazyregexp.New(`(?m)^[ \t]*s\.add_(?:runtime_)?dependency\(%q<([A-Za-z0-9._-]+)>(?:\.freeze)?, \[([^\]\n]*)\]\)[ \t]*\r?$`)

var gemVersion = lazyregexp.New(`"([^"\\#]*)"`)

// gemDependency is a run-time dependency of a gem.
type gemDependency struct{ name, text string }

func gemDependencies(spec string) []gemDependency {
	var out []gemDependency
	for _, m := range gemNeed.FindAllStringSubmatch(spec, -1) {
		var versions []string
		for _, v := range gemVersion.FindAllStringSubmatch(m[2], -1) {
			versions = append(versions, v[1])
		}
		d := gemDependency{m[1], strings.TrimSpace(m[1] + " " + strings.Join(versions, ", "))}
		if !slices.Contains(out, d) { // older ones repeat it for each version of RubyGems
			out = append(out, d)
		}
	}
	return out
}

// gems adds the relations of gems to each other and to Ruby. It searches for a
// gem in the gem home of the one that needs it, then in all others. It adds all
// of several versions as alternatives: which one is loaded depends on the other
// requirements of a program.
func (e *edges) gems(ctx context.Context) {
	t := e.tree
	byHome := make(map[rootfs.Node]map[string][]int)
	byName := make(map[string][]int)
	var from []int
	homeOf := func(i int) rootfs.Node {
		for n := t.Parent(e.units[i].node); n != rootfs.None; n = t.Parent(n) {
			if t.Name(n) == "specifications" {
				return t.Parent(n)
			}
		}
		return rootfs.None
	}
	for i := range e.units {
		u := &e.units[i]
		if u.Type != "gem" || u.node == rootfs.None || u.carried || !strings.HasSuffix(t.Name(u.node), ".gemspec") {
			continue
		}
		home := homeOf(i)
		if byHome[home] == nil {
			byHome[home] = make(map[string][]int)
		}
		byHome[home][u.Name] = append(byHome[home][u.Name], i)
		byName[u.Name] = append(byName[u.Name], i)
		if e.outside(i) {
			from = append(from, i)
		}
	}
	needs := make([][]gemDependency, len(from))
	inParallel(ctx, len(from), func(i int) {
		if data, err := t.ReadFile(e.units[from[i]].node, maxGemspec); err == nil {
			needs[i] = gemDependencies(string(data))
		}
	})
	for i, unit := range from {
		u := &e.units[unit]
		home, file := homeOf(unit), t.Path(u.node)
		for _, d := range needs[i] {
			found := byHome[home][d.name]
			if len(found) == 0 {
				found = byName[d.name]
			}
			group := 0
			if len(found) > 1 {
				group = e.newGroup(u.ID)
			}
			for _, to := range found {
				e.add(unit, e.units[to].ID, sbom.RelDepends, edgeReason{via: d.text, file: file, group: group})
			}
		}
		if u.inside >= 0 {
			continue
		}
		if n := e.program("ruby", home); n != rootfs.None {
			e.add(unit, e.ownerOf(n), sbom.RelInterpreter, edgeReason{via: t.Path(n)})
		}
	}
}
