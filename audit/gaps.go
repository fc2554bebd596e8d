package audit

import (
	"slices"

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
		sbom.GapUnreadable, sbom.GapMount, sbom.GapCataloger, sbom.GapMalformed,
		sbom.GapUnreported, sbom.GapLimit, sbom.GapSystem, GapBase,
	}
}

// Waivable reports whether the configuration can waive the gap. A gap of the
// base without a path means that the base is unknown, with everything that
// rests on it.
func (g *Gap) Waivable() bool {
	return !slices.Contains(UnwaivableGaps(), g.Kind) && (g.Kind != GapBase || g.Path != "")
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
