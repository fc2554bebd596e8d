package ospkg

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// maxRelations is the number of edges in one environment: a Debian system of
// 3,000 packages has 25,000. Records in which every package provides what every
// package needs would have millions.
const maxRelations = 1_000_000

// maxMatches is the number of comparisons of a package with a requirement of
// another one; the same system needs 60,000 of them.
const maxMatches = 20_000_000

// offer is a package that satisfies a name, under its own name or another.
type offer struct {
	component int
	version   string // "" for a Provides without a version
	provided  bool
}

// requires has the requirements of one kind of a package.
type requires struct {
	kind  sbom.RelationKind
	items []requirement
}

// relating has the rules of a kind of database for [system.relate].
type relating struct {
	// offers are the installed packages by the names that they satisfy.
	offers   map[string][]offer
	requires func(component int) []requires
	// satisfies reports whether an offer of the required name satisfies the
	// rest of the requirement.
	satisfies func(o offer, a alternative, from int) bool
	// write formats a requirement as the package manager writes it.
	write func(r requirement) string
}

// relate adds a relation from each package to every installed package that
// satisfies one of its requirements: all installed alternatives of "a | b",
// and all providers of a virtual package. Those of one requirement have one
// number ([sbom.Relation.Group]), the package itself included when it also
// satisfies the requirement. A requirement that is not satisfied, most often a
// recommendation, has no relation, and neither has one that the package alone
// satisfies for itself.
//
// Many requirements have the same satisfiers, as "a (>= 1)" and "a (<< 2)".
// They are always satisfied together, so that they are one.
func (s *system) relate(k relating) {
	matches := 0
	for from := range s.Components {
		c := &s.Components[from]
		found := needed{from: from, groups: map[string]int{}, via: map[need]string{}}
		for _, field := range k.requires(from) {
			for _, r := range field.items {
				met := map[int]string{}
				for _, a := range r {
					offers := k.offers[a.name]
					if matches += len(offers); matches > maxMatches {
						s.gap(sbom.GapLimit, c.Paths[0], "dependencies beyond package %s are not followed: more than %d candidates", c.Name, maxMatches)
						return
					}
					for _, o := range offers {
						if !k.satisfies(o, a, from) {
							continue
						}
						via := ""
						if o.provided || len(r) > 1 {
							via = k.write(r)
						}
						if before, known := met[o.component]; !known || shorter(via, before) {
							met[o.component] = via
						}
					}
				}
				found.add(field.kind, met)
			}
		}
		if len(s.Relations)+len(found.via) > maxRelations {
			s.gap(sbom.GapLimit, c.Paths[0], "dependencies beyond package %s are not followed: more than %d", c.Name, maxRelations)
			return
		}
		for _, n := range found.sorted() {
			s.Relations = append(s.Relations, sbom.Relation{From: c.ID, To: s.Components[n.to].ID, Kind: n.kind, Via: found.via[n], Group: n.group})
		}
	}
}

// needed has the requirements of one package.
type needed struct {
	from   int
	groups map[string]int // the number of each set of several satisfiers
	via    map[need]string
}

// need is one relation.
type need struct {
	to    int
	kind  sbom.RelationKind
	group int
}

// add adds a requirement with its satisfiers.
func (n *needed) add(kind sbom.RelationKind, met map[int]string) {
	group := 0
	switch _, itself := met[n.from]; {
	case len(met) > 1:
		members := sortedKeys(met)
		key := fmt.Sprint(kind, members)
		if group = n.groups[key]; group == 0 {
			group = len(n.groups) + 1
			n.groups[key] = group
		}
	case itself:
		return
	}
	for to, via := range met {
		at := need{to, kind, group}
		if before, known := n.via[at]; !known || shorter(via, before) {
			n.via[at] = via
		}
	}
}

func (n *needed) sorted() []need {
	return slices.SortedFunc(maps.Keys(n.via), func(x, y need) int {
		return cmp.Or(cmp.Compare(x.to, y.to), cmp.Compare(x.kind, y.kind), cmp.Compare(x.group, y.group))
	})
}

// shorter returns the simpler of two reasons for one edge: none beyond the name
// itself, or else the shorter one.
func shorter(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0
}
