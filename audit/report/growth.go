package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// because returns the reason why the head of a group of new dependencies is in
// the stage.
func (s stage) because(g audit.GrowthGroup) string {
	var parts []string
	switch {
	case len(g.NeededBy) > 0:
		by := s.short(g.NeededBy[0])
		if more := len(g.NeededBy) - 1; more > 0 {
			by += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, "needed by "+by)
	case g.Because == "explicit":
		parts = append(parts, "explicit")
	case g.Because == "essential":
		parts = append(parts, "required by the system")
	case g.Because == "dependency":
		parts = append(parts, "needed by a dependency of the baseline")
	}
	if m := g.Mention; m != nil {
		parts = append(parts, s.mention(m))
	}
	if len(g.SharedBy) > 0 {
		parts = append(parts, "shared by "+s.heads(g.SharedBy))
	}
	if n := len(g.Introduces); n > 0 {
		parts = append(parts, fmt.Sprintf("introduces %d", n))
	}
	return strings.Join(parts, ", ")
}

// mention returns a relation that does not require its target.
func (s stage) mention(m *audit.Mention) string {
	verb := "mentioned by "
	switch m.Kind {
	case string(sbom.RelRecommends):
		verb = "not required, recommended by "
	case string(sbom.RelSuggests):
		verb = "not required, suggested by "
	}
	if m.Instead != "" {
		return fmt.Sprintf("not required: %s has it as an alternative to %s", s.short(m.From), s.short(m.Instead))
	}
	return verb + s.short(m.From)
}

// how is because with the layer of the head.
func (s stage) how(g audit.GrowthGroup) string {
	number, _ := s.layerOf(g.ID)
	how := s.because(g)
	switch {
	case number == "":
		return how
	case how == "":
		return "layer " + number
	}
	return "layer " + number + ", " + how
}

// heads names the heads that share something: all of a few, or the first of
// many.
func (s stage) heads(ids []string) string {
	const few = 3
	names := each(ids, s.short)
	switch n := len(names); {
	case n >= audit.MaxSharedBy:
		return names[0] + " and many more"
	case n > few:
		return fmt.Sprintf("%s and %d more", names[0], n-1)
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// shared has the dependencies that the same heads share.
type shared struct {
	by  []string // IDs of the heads
	ids []string // the largest groups first
}

// growth divides the new dependencies: those with a reason of their own, each
// with the ones that it introduces, and those that several of them share. There
// may be hundreds of the latter for a few heads, one for each library, so those
// of the same heads are put together.
func (s stage) growth() (groups []audit.GrowthGroup, common []shared) {
	at := map[string]int{}
	for _, g := range s.Growth.Added {
		if len(g.SharedBy) == 0 {
			groups = append(groups, g)
			continue
		}
		key := strings.Join(g.SharedBy, "\x00")
		i, known := at[key]
		if !known {
			i = len(common)
			at[key] = i
			common = append(common, shared{by: g.SharedBy})
		}
		common[i].ids = append(append(common[i].ids, g.ID), g.Introduces...)
	}
	slices.SortStableFunc(common, func(a, b shared) int { return cmp.Compare(len(b.ids), len(a.ids)) })
	return groups, common
}

// weaker returns the change of the evidence for a dependency.
func (s stage) weaker(w audit.Weaker) string {
	return fmt.Sprintf("%s %s -> %s", s.name(w.ID), strength(w.From.Provenance, w.From.Evidence), strength(w.To.Provenance, w.To.Evidence))
}

// removedName names an entry of the baseline that is not in the stage any more.
func removedName(e audit.Accepted) string {
	name, version := sbom.SplitIdentity(e.ID)
	return strings.TrimSpace(name + " " + version)
}

// changed returns the change of a version.
func changed(c audit.VersionChange) string {
	name, _ := sbom.SplitIdentity(c.Key)
	return fmt.Sprintf("%s %s -> %s", name, c.From, c.To)
}
