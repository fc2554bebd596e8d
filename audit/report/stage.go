package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/wording"
)

// stage is an audit.Stage with an index of its dependencies.
type stage struct {
	*audit.Stage
	byID map[string]*audit.Dependency
}

// indexed returns a stage with its index.
func indexed(s *audit.Stage) stage {
	byID := make(map[string]*audit.Dependency, len(s.Dependencies))
	for i := range s.Dependencies {
		byID[s.Dependencies[i].ID] = &s.Dependencies[i]
	}
	return stage{Stage: s, byID: byID}
}

// clean reports whether a stage has nothing to print besides its numbers.
func (s stage) clean() bool {
	return s.Verdict == audit.Pass && !slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return !idle(f) }) && len(s.Gaps) == 0 &&
		len(s.Growth.Added) == 0 && len(s.Growth.Weaker) == 0 && s.Growth.Method == nil
}

// warned returns the number of warnings of a stage that passes, "" if there are
// none: a pass with warnings is no clean one.
func (s stage) warned() []string {
	n := 0
	for _, f := range s.Findings {
		if f.Severity == audit.Warning {
			n++
		}
	}
	if s.Verdict != audit.Pass || n == 0 || s.Name == s.Environment { // a scan has no verdict
		return nil
	}
	return []string{wording.Count(n, "warning", "warnings")}
}

// idle reports whether a finding is for information and needs no action.
func idle(f audit.Finding) bool {
	return f.Severity == audit.Info && f.Fix == "" && f.Accept == ""
}

// added returns the number of dependencies that the baseline does not have.
func (s stage) added() int {
	n := 0
	for _, g := range s.Growth.Added {
		n += 1 + len(g.Introduces)
	}
	return n
}

// difference returns "+3 -1", "-1" or "+0"; "" when there is no baseline.
func (s stage) difference() string {
	if !s.Growth.Known {
		return ""
	}
	added, removed := s.added(), len(s.Growth.Removed)
	switch {
	case removed == 0:
		return fmt.Sprintf("+%d", added)
	case added == 0:
		return fmt.Sprintf("-%d", removed)
	}
	return fmt.Sprintf("+%d -%d", added, removed)
}

// cannotShow returns the names of the stage's limitations.
func (s stage) cannotShow() string {
	var names []string
	for _, l := range s.Limitations {
		if name := string(l.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// standing returns "critical", "enforced" or "".
func (s stage) standing() string {
	switch {
	case s.Critical:
		return "critical"
	case s.Enforced:
		return "enforced"
	}
	return ""
}

// waived returns the waiver of a gap, "" when it has none.
func waived(g audit.Gap) string {
	if g.Waived == nil {
		return ""
	}
	return fmt.Sprintf("until %s by %s: %s", g.Waived.Expires, g.Waived.Owner, g.Waived.Reason)
}

// openFirst returns the gaps of the stage, those with a waiver last.
func (s stage) openFirst() []audit.Gap {
	gaps := slices.Clone(s.Gaps)
	slices.SortStableFunc(gaps, func(a, b audit.Gap) int {
		return cmp.Compare(min(len(waived(a)), 1), min(len(waived(b)), 1))
	})
	return gaps
}
