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

// requires is the requirements of one kind that a package has.
type requires struct {
	kind  sbom.RelationKind
	items []requirement
}

// relating is what [system.relate] asks a kind of database.
type relating struct {
	// offers are the installed packages by the names that they satisfy.
	offers   map[string][]offer
	requires func(component int) []requires
	// satisfies says whether an offer of the name that a package asks for is
	// also what it asks for otherwise.
	satisfies func(o offer, a alternative, from int) bool
	// write is a requirement as the kind writes it.
	write func(r requirement) string
}

// relate adds an edge from each package to every installed package that
// satisfies one of its requirements: all alternatives of "a | b" that are
// there, and all that provide a virtual package. What is not satisfied, a
// recommendation mostly, has no edge.
func (s *system) relate(k relating) {
	type edge struct {
		to   int
		kind sbom.RelationKind
	}
	matches := 0
	for from := range s.Components {
		c := &s.Components[from]
		found := map[edge]string{}
		for _, field := range k.requires(from) {
			for _, r := range field.items {
				for _, a := range r {
					offers := k.offers[a.name]
					if matches += len(offers); matches > maxMatches {
						s.gap(sbom.GapLimit, c.Paths[0], "dependencies beyond package %s are not followed: more than %d candidates", c.Name, maxMatches)
						return
					}
					for _, o := range offers {
						if o.component == from || !k.satisfies(o, a, from) {
							continue
						}
						via := ""
						if o.provided || len(r) > 1 {
							via = k.write(r)
						}
						e := edge{o.component, field.kind}
						if before, known := found[e]; !known || shorter(via, before) {
							found[e] = via
						}
					}
				}
			}
		}
		if len(s.Relations)+len(found) > maxRelations {
			s.gap(sbom.GapLimit, c.Paths[0], "dependencies beyond package %s are not followed: more than %d", c.Name, maxRelations)
			return
		}
		edges := make([]edge, 0, len(found))
		for e := range found {
			edges = append(edges, e)
		}
		slices.SortFunc(edges, func(x, y edge) int { return cmp.Or(cmp.Compare(x.to, y.to), cmp.Compare(x.kind, y.kind)) })
		for _, e := range edges {
			s.Relations = append(s.Relations, sbom.Relation{From: c.ID, To: s.Components[e.to].ID, Kind: e.kind, Via: found[e]})
		}
	}
}

// shorter prefers the plainest of several reasons for one edge: none beyond
// the name itself, or else the shortest.
func shorter(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0
}
