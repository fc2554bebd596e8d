package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/wording"
)

// htmlNumbers is the table of the stages, with a bar for each, all to one scale.
type htmlNumbers struct {
	Caption, Remark string
	Rows            []htmlNumber
}

type htmlNumber struct {
	// ID is that of the stage's section, empty for what has none.
	ID, Name, Standing, Class, Verdict, Warned, Total, Limit, Baseline, Growth string
	Bar                                                                        *htmlBar
	// Evidence counts the dependencies of each grade, the weakest first.
	Evidence string
	// Why has the first reasons of a stage that does not pass, More the number of others.
	Why  []htmlFact
	More string
}

// htmlBar is a number as a length. Lengths are in percent of the width.
type htmlBar struct {
	Label string
	Parts []htmlBarPart
	Lines []htmlBarPart
}

type htmlBarPart struct{ Class, X, Width string }

// newHTMLNumbers has a row for each stage of the configuration, also for one that is
// not in the report, and one for all stages together.
func newHTMLNumbers(r *audit.Report) *htmlNumbers {
	out := &htmlNumbers{Caption: "To scale."}
	all := together(r)
	most := max(1, all)
	limits, baselines, growth := false, false, false
	for i := range r.Stages {
		s := stage{Stage: &r.Stages[i]}
		most = max(most, s.Counts.Total)
		if s.Limit != nil {
			most, limits = max(most, *s.Limit), true
		}
		if s.Growth.Known {
			most, baselines = max(most, s.Growth.Baseline), true
		}
		growth = growth || s.added() > 0
	}
	if growth {
		out.Caption += " The second part of a bar is new."
	}
	if slices.ContainsFunc(r.Stages, tooLow) {
		out.Caption += " ≥ is for a stage that could not be examined as a whole."
	}
	if limits {
		out.Caption += " The solid line is the limit."
	}
	if baselines {
		out.Caption += " The dashed line is the baseline."
	}
	scale := func(n int) string { return strconv.FormatFloat(float64(n)*100/float64(most), 'f', 2, 64) }
	number := 0
	out.Rows = inOrder(r, func(s *audit.Stage) htmlNumber {
		number++
		row := htmlStageNumber(stage{Stage: s}, scale)
		row.ID = fmt.Sprintf("stage-%d", number)
		return row
	}, func(c *audit.ConfiguredStage) htmlNumber {
		row := htmlNumber{Name: foreign(c.Name), Standing: stage{Stage: &audit.Stage{Critical: c.Critical, Enforced: c.Enforced}}.standing(), Class: "incomplete", Verdict: "? NOT REPORTED", Total: "not known"}
		if !slices.Contains(notReported(r), c.Name) {
			row.Class, row.Verdict, row.Total = "soft", "not in this report", ""
		}
		return row
	})
	if len(r.Stages) > 1 {
		out.Rows = append(out.Rows, htmlNumber{Name: "all stages in one", Total: strconv.Itoa(all), Bar: &htmlBar{
			Label: fmt.Sprintf("all stages in one: %s", wording.Count(all, "dependency", "dependencies")), Parts: []htmlBarPart{{"a", "0", scale(all)}},
		}})
		out.Remark = htmlSplit(r, all)
	}
	return out
}

func htmlStageNumber(s stage, scale func(int) string) htmlNumber {
	total := s.Counts.Total
	row := htmlNumber{
		Name: foreign(s.Name), Standing: s.standing(), Class: foreign(string(s.Verdict)), Verdict: htmlVerdict(s.Verdict), Total: strconv.Itoa(total), Growth: s.difference(),
	}
	row.Warned = strings.Join(s.warned(), ", ")
	bar := htmlBar{Label: row.Name + ": " + wording.Count(total, "dependency", "dependencies")}
	if tooLow(*s.Stage) {
		row.Total = "≥ " + row.Total
		bar.Label = row.Name + ": at least " + wording.Count(total, "dependency", "dependencies")
	}
	old := total
	if n := total - s.added(); s.Growth.Known && n >= 0 {
		old = n
	}
	bar.Parts = append(bar.Parts, htmlBarPart{"o", "0", scale(old)})
	if old < total {
		bar.Parts = append(bar.Parts, htmlBarPart{"g", scale(old), scale(total - old)})
		bar.Label += fmt.Sprintf(", %d of them new", total-old)
	}
	if s.Growth.Known {
		row.Baseline = strconv.Itoa(s.Growth.Baseline)
		bar.Lines = append(bar.Lines, htmlBarPart{Class: "d", X: scale(s.Growth.Baseline)})
		bar.Label += ", baseline " + row.Baseline
	}
	if s.Limit != nil {
		row.Limit = strconv.Itoa(*s.Limit)
		bar.Lines = append(bar.Lines, htmlBarPart{X: scale(*s.Limit)})
		bar.Label += ", limit " + row.Limit
	}
	row.Bar = &bar
	var grades []string
	for _, l := range slices.Backward(s.legend()) {
		word, _, _ := strings.Cut(l.Meaning, " ")
		grades = append(grades, fmt.Sprintf("%d %s (%s)", l.Count, strings.TrimRight(word, ":"), l.Letter))
	}
	row.Evidence = strings.Join(grades, ", ")
	row.why(s)
	return row
}

// reasonsShown is the number of reasons in the table of the stages, which has to be
// read at a glance.
const reasonsShown = 3

// why adds the first findings for which a stage does not pass. They are in the order of
// the report, the most severe first.
func (row *htmlNumber) why(s stage) {
	more := 0
	for _, f := range s.Findings {
		switch {
		case f.Severity != audit.Error && f.Severity != audit.SeverityIncomplete:
		case len(row.Why) < reasonsShown:
			text := f.Message
			if gaps := s.openFirst(); f.Rule == audit.RuleGaps.ID && len(gaps) > 0 {
				text += ": " + strings.TrimPrefix(gaps[0].Path+": ", ": ") + gaps[0].Detail
			}
			row.Why = append(row.Why, htmlFact{foreign(f.Rule), foreign(text)})
		default:
			more++
		}
	}
	if more > 0 {
		row.More = fmt.Sprintf("and %d more", more)
	}
}

// tooLow reports whether a part of the environment was not examined, so that the
// number of the stage is the least that it can be.
func tooLow(s audit.Stage) bool {
	return slices.ContainsFunc(s.Gaps, func(g audit.Gap) bool {
		return g.Waived == nil && g.Kind != audit.GapBase && g.Kind != audit.GapDefinition
	})
}

// htmlSplit compares the critical stages with one environment for everything.
func htmlSplit(r *audit.Report, all int) string {
	var parts []string
	for i := range r.Stages {
		if s := &r.Stages[i]; s.Critical && all > 0 {
			parts = append(parts, fmt.Sprintf("%s has %d of them (%d %%)", foreign(s.Name), s.Counts.Total, (s.Counts.Total*100+all/2)/all))
		}
	}
	text := fmt.Sprintf("One environment for all of these stages would have at least %s", wording.Count(all, "dependency", "dependencies"))
	if len(parts) > 0 {
		text += "; " + strings.Join(parts, ", ")
	}
	return text + "."
}

// together returns how many dependencies one environment for all stages would have
// at least. Of a package that stages have at different versions it may have one, or
// as many as the stage with the most of them.
func together(r *audit.Report) int {
	most := map[string]int{}
	for i := range r.Stages {
		n := map[string]int{}
		for j := range r.Stages[i].Dependencies {
			if d := &r.Stages[i].Dependencies[j]; d.Provenance.Counted() {
				n[d.Key]++
				most[d.Key] = max(most[d.Key], n[d.Key])
			}
		}
	}
	sum := 0
	for _, n := range most {
		sum += n
	}
	return sum
}
