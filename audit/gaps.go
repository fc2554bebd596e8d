package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Gap is something that could not be examined. A report with gaps that are
// not waived is never a pass.
type Gap struct {
	sbom.Gap
	// Waived is the configuration's entry that waives the gap.
	Waived *ExceptionRef `json:"waived,omitempty"`
}

// GapBase is the kind of a gap in the examination of the stage's base. Scans
// do not report it.
const GapBase sbom.GapKind = "base"

// GapDefinition is the kind of a gap in what defines the stage: a part of a
// workflow or the like that is not understood. Scans do not report it.
const GapDefinition sbom.GapKind = "definition"

// UnwaivableGaps returns the kinds of gaps that leave nothing to judge: the
// result of a lost scan is unknown, and without a package database all of its
// packages are missing.
func UnwaivableGaps() []sbom.GapKind {
	return []sbom.GapKind{sbom.GapLost, sbom.GapDatabase}
}

// WaivableGaps returns all other kinds. A test compares both lists with the
// kinds of package sbom.
func WaivableGaps() []sbom.GapKind {
	return []sbom.GapKind{
		sbom.GapUnreadable, sbom.GapPermission, sbom.GapMount, sbom.GapCataloger, sbom.GapMalformed,
		sbom.GapUnreported, sbom.GapLimit, sbom.GapSystem, GapBase, GapDefinition,
	}
}

// Waivable reports whether the configuration can waive the gap. A gap of the
// base without a path means that the base is unknown, with everything that
// rests on it.
func (g *Gap) Waivable() bool {
	return !slices.Contains(UnwaivableGaps(), g.Kind) && (g.Kind != GapBase || g.Path != "")
}

// Lost reports whether the gap is a scan without a result, or with a part of one.
func (g *Gap) Lost() bool { return g.Kind == sbom.GapLost }

// MergeGaps returns gaps for people: those of paths that only root can read are
// one, which names the first of them.
func MergeGaps(gaps []Gap) []Gap {
	paths := map[ExceptionRef][]string{}
	for _, g := range gaps {
		if g.Kind == sbom.GapPermission {
			paths[g.waiver()] = append(paths[g.waiver()], g.Path)
		}
	}
	var out []Gap
	for _, g := range gaps {
		list := paths[g.waiver()]
		switch {
		case g.Kind != sbom.GapPermission || len(list) == 1:
			out = append(out, g)
		case len(list) > 1:
			const most = 3
			names := strings.Join(list[:min(most, len(list))], ", ")
			if n := len(list) - most; n > 0 {
				names += fmt.Sprintf(" and %d more", n)
			}
			g.Path, g.Detail = "", fmt.Sprintf("%d paths only root can read: run with sudo, or waive them (%s)", len(list), names)
			out = append(out, g)
			paths[g.waiver()] = nil
		}
	}
	return out
}

// waiver returns the waiver as a key, its zero value for none.
func (g *Gap) waiver() ExceptionRef {
	if g.Waived == nil {
		return ExceptionRef{}
	}
	return *g.Waived
}

// OpenGaps returns the number of gaps that are not waived.
func (s *Stage) OpenGaps() int {
	n := 0
	for i := range s.Gaps {
		if s.Gaps[i].Waived == nil {
			n++
		}
	}
	return n
}

// Limitation is something that this kind of environment cannot show.
type Limitation struct {
	sbom.Limitation
	// Accepted is true when the configuration accepts it.
	Accepted bool `json:"accepted,omitempty"`
}

// Limited reports whether a limitation that is not accepted keeps the stage
// from being judged.
func (s *Stage) Limited() bool {
	return (s.Critical || s.Enforced) && slices.ContainsFunc(s.Limitations, func(l Limitation) bool { return !l.Accepted })
}

// FromDocument reports whether the stage's environment is an SBOM that was
// made by another tool, and not a root file system that was examined.
func (s *Stage) FromDocument() bool { return IsDocument(EnvironmentKind(s.Environment)) }
