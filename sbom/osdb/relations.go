package osdb

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// maxRelations is the number of edges in one environment: a Debian system of
// 3,000 packages has 25,000. Records in which everybody provides what
// everybody needs would have millions.
const maxRelations = 1_000_000

// maxMatches is how often a package is compared with what another one needs;
// the same system needs 60,000 of them.
const maxMatches = 20_000_000

// offer is a package that satisfies a name, under its own name or another.
type offer struct {
	component int
	version   string // "" for a Provides without one
	provided  bool
}

// relate adds an edge from each package to every installed package that
// satisfies one of its requirements: all alternatives of "a | b" that are
// there, and all that provide a virtual package. What is not satisfied, a
// recommendation mostly, has no edge.
func (d *dpkg) relate() {
	offers := map[string][]offer{}
	for i, p := range d.packages {
		offers[p.name] = append(offers[p.name], offer{component: i, version: p.version})
	}
	for i, p := range d.packages {
		for _, a := range p.provides {
			// Only "=" makes sense in Provides (Debian Policy, section 7.5).
			if a.op == "=" || a.op == "" {
				offers[a.name] = append(offers[a.name], offer{i, a.version, true})
			}
		}
	}
	type edge struct {
		to   int
		kind sbom.RelationKind
	}
	matches := 0
	for from, p := range d.packages {
		found := map[edge]string{}
		for _, field := range p.requires {
			for _, r := range field.items {
				for _, a := range r {
					if matches += len(offers[a.name]); matches > maxMatches {
						d.gap(sbom.GapLimit, p.file, "dependencies beyond package %s are not followed: more than %d candidates", p.name, maxMatches)
						return
					}
					for _, o := range offers[a.name] {
						if o.component == from || !d.satisfies(o, a, p) {
							continue
						}
						via := ""
						if o.provided || len(r) > 1 {
							via = r.String()
						}
						e := edge{o.component, field.kind}
						if before, known := found[e]; !known || shorter(via, before) {
							found[e] = via
						}
					}
				}
			}
		}
		if len(d.Relations)+len(found) > maxRelations {
			d.gap(sbom.GapLimit, p.file, "dependencies beyond package %s are not followed: more than %d", p.name, maxRelations)
			return
		}
		edges := make([]edge, 0, len(found))
		for e := range found {
			edges = append(edges, e)
		}
		slices.SortFunc(edges, func(x, y edge) int { return cmp.Or(cmp.Compare(x.to, y.to), cmp.Compare(x.kind, y.kind)) })
		for _, e := range edges {
			d.Relations = append(d.Relations, sbom.Relation{From: d.Components[from].ID, To: d.Components[e.to].ID, Kind: e.kind, Via: found[e]})
		}
	}
}

// shorter prefers the plainest of several reasons for one edge: none beyond
// the name itself, or else the shortest.
func shorter(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0
}

// satisfies says whether an offer is what a package asks for: the version
// (Debian Policy, section 7.1; a Provides without a version satisfies no
// versioned requirement, section 7.5) and the architecture (archsatisfied in
// dpkg's lib/dpkg/depcon.c).
func (d *dpkg) satisfies(o offer, a alternative, p *dpkgRecord) bool {
	if a.op != "" && (o.version == "" || !a.accepts(o.version)) {
		return false
	}
	to := d.packages[o.component]
	switch a.arch {
	case "":
		return to.multiArch == "foreign" || d.arch(to.arch) == d.arch(p.arch)
	case "any":
		return to.multiArch == "allowed" || to.multiArch == "foreign" || d.arch(to.arch) == d.arch(p.arch)
	case "native":
		return d.arch(to.arch) == d.native
	}
	return d.arch(to.arch) == a.arch
}

// arch is the architecture that a package runs on.
func (d *dpkg) arch(arch string) string {
	if arch == "all" || arch == "" {
		return d.native
	}
	return arch
}
