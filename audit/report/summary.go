package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Headline returns the number of a stage for a line in a log, with the baseline
// and the limit that it is compared with. It is escaped.
func Headline(s *audit.Stage) string { return stage{Stage: s}.headline(terminal.Escape) }

// headline returns the number of a stage with its unit, the limitations of the
// environment, and the baseline and limit that it is compared with. untrusted
// escapes text for the format.
func (s stage) headline(untrusted func(string) string) string {
	total := wording.Count(s.Counts.Total, "dependency", "dependencies")
	if tooLow(*s.Stage) {
		total = "at least " + total
	}
	var marks []string
	if s.FromDocument() {
		marks = append(marks, "from an SBOM")
	}
	if names := s.cannotShow(); names != "" {
		marks = append(marks, "cannot show: "+untrusted(names))
	}
	if len(marks) > 0 {
		total += " (" + strings.Join(marks, "; ") + ")"
	}
	parts := []string{total}
	based := s.Base != nil && s.Base.Known
	switch {
	case based:
		parts = append(parts, fmt.Sprintf("base %d, added %d", s.Base.Present, s.Base.Added))
	case s.Base != nil && !s.Base.Claimed:
		parts = append(parts, "base not known")
	}
	if s.Limit != nil {
		parts = append(parts, fmt.Sprintf("limit %d", *s.Limit))
	}
	if g := s.Growth; g.Known {
		compared := fmt.Sprintf("baseline %d", g.Baseline)
		if based && g.Base != nil {
			compared = fmt.Sprintf("baseline %d added", g.Baseline-g.Base.Baseline)
		}
		if len(g.Added)+len(g.Removed) > 0 {
			compared += fmt.Sprintf(" (%s, allowed +%d)", s.difference(), g.Allowed)
		}
		parts = append(parts, compared)
	}
	return strings.Join(append(parts, s.warned()...), ", ")
}

// counts returns the parts of the total, then the numbers beside it.
func (s stage) counts() (total []string, beside []string) {
	c := s.Counts
	total = append(total, fmt.Sprintf("OS-provided %d", c.OS), fmt.Sprintf("lock-pinned %d", c.Lock))
	if c.Image > 0 {
		total = append(total, fmt.Sprintf("base image %d", c.Image))
	}
	if c.Exception > 0 {
		total = append(total, fmt.Sprintf("excepted %d", c.Exception))
	}
	total = append(total, fmt.Sprintf("unaccounted %d", c.Unaccounted))
	if c.Bundled > 0 {
		beside = append(beside, fmt.Sprintf("bundled %d", c.Bundled))
	}
	if c.Excluded > 0 {
		excluded := fmt.Sprintf("excluded %d", c.Excluded)
		if n := s.firstParty(); n > 0 {
			excluded += fmt.Sprintf(" (first-party %d)", n)
		}
		beside = append(beside, excluded)
	}
	if n := len(s.Notices); n > 0 {
		beside = append(beside, fmt.Sprintf("notices %d", n))
	}
	return total, beside
}

// firstParty returns the number of components that the project builds.
func (s stage) firstParty() int {
	n := 0
	for _, e := range s.Excluded {
		if e.Reason == audit.ExcludedFirstParty {
			n += max(e.Count, 1)
		}
	}
	return n
}

// ecosystems returns the total by type of package, "" for none.
func (s stage) ecosystems(untrusted func(string) string) string {
	var parts []string
	for _, e := range s.Ecosystems {
		parts = append(parts, fmt.Sprintf("%s %d", untrusted(e.Type), e.Count))
	}
	return strings.Join(parts, ", ")
}

// summary counts the stages by verdict: "1 of 3 stages failed, 1 incomplete", and
// those that are required and that no report has.
func summary(r *audit.Report) string {
	n := map[audit.Verdict]int{}
	for _, s := range r.Stages {
		n[s.Verdict]++
	}
	all := wording.Count(len(r.Stages), "stage", "stages")
	text := all
	switch {
	case n[audit.Fail] > 0 && n[audit.Incomplete] > 0:
		text = fmt.Sprintf("%d of %s failed, %d incomplete", n[audit.Fail], all, n[audit.Incomplete])
	case n[audit.Fail] > 0:
		text = fmt.Sprintf("%d of %s failed", n[audit.Fail], all)
	case n[audit.Incomplete] > 0:
		text = fmt.Sprintf("%d of %s incomplete", n[audit.Incomplete], all)
	}
	if missing := len(notReported(r)); missing > 0 {
		text += fmt.Sprintf(", %d not reported", missing)
	} else if n[r.Verdict] == 0 {
		// No stage has the verdict: the findings about the configuration decide.
		if rules := deciding(r); len(rules) > 0 {
			text += "; " + strings.Join(rules, ", ")
		}
	}
	return text
}

// deciding returns the rules of the findings about the configuration and the baseline
// that decide the verdict, each once.
func deciding(r *audit.Report) []string {
	var rules []string
	for _, f := range r.Findings {
		if decides(f) && !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// notReported returns the names of the required stages that no report has.
func notReported(r *audit.Report) []string {
	var names []string
	for _, f := range r.Findings {
		if f.Rule == audit.RuleNotReported.ID && f.Place != nil {
			names = append(names, f.Place.Entry)
		}
	}
	return names
}

// inOrder returns what one returns of each stage of the report, and what absent returns
// of each stage of the configuration that is not in it, in the order of the
// configuration.
func inOrder[T any](r *audit.Report, one func(*audit.Stage) T, absent func(*audit.ConfiguredStage) T) []T {
	var out []T
	at := 0
	if r.Inputs != nil {
		missing := absentStages(r)
		for i := range r.Inputs.Stages {
			c := &r.Inputs.Stages[i]
			if slices.Contains(missing, c.Name) {
				out = append(out, absent(c))
				continue
			}
			for ; at < len(r.Stages); at++ {
				out = append(out, one(&r.Stages[at]))
				if r.Stages[at].Name == c.Name {
					at++
					break
				}
			}
		}
	}
	for ; at < len(r.Stages); at++ {
		out = append(out, one(&r.Stages[at]))
	}
	return out
}

// absentStages returns the names of the stages of the configuration that are not in the
// report, in its order.
func absentStages(r *audit.Report) []string {
	if r.Inputs == nil {
		return nil
	}
	return slices.DeleteFunc(r.Inputs.StageNames(), func(name string) bool {
		return slices.ContainsFunc(r.Stages, func(s audit.Stage) bool { return s.Name == name })
	})
}

// rows returns the rows of the table of stages: one returns that of a stage, and a
// required stage that no report has is a row in its place in the configuration.
func rows(r *audit.Report, columns []terminal.Column, one func(stage) []string) [][]string {
	missing := notReported(r)
	all := inOrder(r, func(s *audit.Stage) []string { return one(indexed(s)) }, func(c *audit.ConfiguredStage) []string {
		if !slices.Contains(missing, c.Name) {
			return nil
		}
		row := make([]string, len(columns))
		row[0], row[1] = c.Name, "NOT REPORTED"
		gate := slices.IndexFunc(columns, func(c terminal.Column) bool { return c.Title == "Gate" })
		row[gate] = stage{Stage: &audit.Stage{Critical: c.Critical, Enforced: c.Enforced}}.standing()
		return row
	})
	return slices.DeleteFunc(all, func(row []string) bool { return row == nil })
}

// method returns the counting method.
func method(r *audit.Report) string {
	catalogers := r.Tool.Catalogers
	if len(r.Stages) == 1 && r.Stages[0].FromDocument() {
		catalogers = r.Stages[0].Method.Catalogers // the catalogers of this program did not find it
	}
	parts := []string{fmt.Sprintf("counting rules %d", r.Rules), catalogers, strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version)}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// isScan reports whether the report is of one environment without a pipeline.
func isScan(r *audit.Report) bool { return r.Pipeline == "" && len(r.Stages) == 1 }

// verdictWord returns a verdict for people. A saved report can hold any string;
// an unknown verdict is printed as such.
func verdictWord(v audit.Verdict) string {
	switch v {
	case audit.Pass, audit.Fail, audit.Incomplete:
		return strings.ToUpper(string(v))
	}
	return "UNKNOWN"
}

// severityWord is verdictWord for a severity.
func severityWord(s audit.Severity) string {
	switch s {
	case audit.Error, audit.Warning, audit.SeverityIncomplete, audit.Info:
		return string(s)
	}
	return "unknown"
}

// baselineLine returns which release the baseline is, and who signed it, by a key of at
// most so many digits; "" for a file. untrusted escapes text for the format; a date and a
// key have a form that a report is checked for.
func baselineLine(r *audit.Report, digits int, untrusted func(string) string) string {
	if r.Inputs == nil {
		return ""
	}
	f := r.Inputs.File(audit.InputBaseline)
	if f == nil || f.Release == nil {
		return ""
	}
	release := *f.Release
	release.Key = release.Key[:min(len(release.Key), digits)]
	return untrusted(f.Path) + ", the release of " + release.Day() + ", " + release.Signer()
}

// The digits of a key's name: all of them, and those of a line that cannot be longer.
const (
	allDigits  = 64
	someDigits = 12
)

// policyLine returns where the policy is from if it is not of the checkout, and what
// the checkout changes of it; "" otherwise. untrusted escapes text for the format.
func policyLine(r *audit.Report, untrusted func(string) string) string {
	p := r.PolicyFrom
	if p == nil {
		return ""
	}
	text := untrusted(p.Name())
	if p.Self {
		text += ", the commit under test"
	}
	if changes := p.Summary(untrusted); changes != "" {
		text += "; this branch " + changes
	}
	return text
}
