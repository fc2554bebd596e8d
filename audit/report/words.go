package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// This file has the sentences that several formats share. What it returns is
// foreign text and own words mixed, and goes through sanitize.go afterwards.

// stage is an audit.Stage with an index.
type stage struct {
	*audit.Stage
	byID map[string]*audit.Dependency
}

func indexed(s *audit.Stage) stage {
	byID := make(map[string]*audit.Dependency, len(s.Dependencies))
	for i := range s.Dependencies {
		byID[s.Dependencies[i].ID] = &s.Dependencies[i]
	}
	return stage{Stage: s, byID: byID}
}

// clean says whether there is nothing to say about a stage but its numbers.
func (s stage) clean() bool {
	return s.Verdict == audit.Pass && !slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return !idle(f) }) && len(s.Gaps) == 0 &&
		len(s.Growth.Added) == 0 && len(s.Growth.Weaker) == 0 && s.Growth.Ruler == nil
}

// idle says whether a finding is good to know and leaves nothing to do.
func idle(f audit.Finding) bool {
	return f.Severity == audit.Info && f.Fix == "" && f.Accept == ""
}

// added is the number of dependencies that the baseline does not have.
func (s stage) added() int {
	n := 0
	for _, g := range s.Growth.Added {
		n += 1 + len(g.Brings)
	}
	return n
}

// difference is "+3 -1", "-1" or "+0"; "" when there is no baseline.
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

// headline is the number and what it is compared with.
func (s stage) headline() string {
	parts := []string{count(s.Counts.Total, "dependency", "dependencies")}
	if s.Limit != nil {
		parts = append(parts, fmt.Sprintf("limit %d", *s.Limit))
	}
	if g := s.Growth; g.Known {
		compared := fmt.Sprintf("baseline %d", g.Baseline)
		if len(g.Added)+len(g.Removed) > 0 {
			compared += fmt.Sprintf(" (%s, allowed +%d)", s.difference(), g.Allowed)
		}
		parts = append(parts, compared)
	}
	return strings.Join(parts, ", ")
}

// counts are the parts of the total, then what is not part of it.
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
	if c.Inside > 0 {
		beside = append(beside, fmt.Sprintf("inside others %d", c.Inside))
	}
	if c.Excluded > 0 {
		beside = append(beside, fmt.Sprintf("excluded %d", c.Excluded))
	}
	if n := len(s.Notices); n > 0 {
		beside = append(beside, fmt.Sprintf("notices %d", n))
	}
	return total, beside
}

// name is a dependency for people: its name with namespace and version, or
// the ID where the report does not have it.
func (s stage) name(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	if d.Kind == sbom.KindFiles {
		return fullName(d) // its version is that of one program in it
	}
	return strings.TrimSpace(fullName(d) + " " + d.Version)
}

// short is name without the version.
func (s stage) short(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	return fullName(d)
}

// provenance says why a dependency may be there and how well that is shown.
func (s stage) provenance(id string) string {
	d := s.byID[id]
	if d == nil {
		return ""
	}
	return provenance(d)
}

func provenance(d *audit.Dependency) string {
	evidence := d.Evidence
	if d.Provenance == audit.FromNowhere && d.Why != nil {
		evidence = d.Why.Code
	}
	return strength(d.Provenance, evidence)
}

func strength(p audit.Provenance, evidence string) string {
	if evidence == "" || evidence == "none" {
		return string(p)
	}
	return fmt.Sprintf("%s (%s)", p, evidence)
}

// why is what was looked for and not found, or what the thing is.
func (s stage) why(id string) string {
	d := s.byID[id]
	switch {
	case d == nil:
		return ""
	case d.Kind == sbom.KindFiles && d.Detail != "":
		return d.Detail // that no package accounts for it is said already
	case d.Why != nil && d.Why.Lock != nil:
		return strings.TrimSpace(detail(d) + " (" + entry(d.Why.Lock) + ")")
	case d.Why != nil && d.Why.Detail != "":
		return detail(d)
	}
	return d.Detail
}

// detail is why a dependency is not accounted for, without its name and
// version at the beginning: they stand beside it.
func detail(d *audit.Dependency) string {
	for _, said := range []string{"%q %q is ", "%q is installed at %q and "} {
		if rest, ok := strings.CutPrefix(d.Why.Detail, fmt.Sprintf(said, d.Name, d.Version)); ok {
			return rest
		}
	}
	return d.Why.Detail
}

// entry is the place of a lock entry.
func entry(l *audit.LockRef) string {
	if l.Line > 0 {
		return fmt.Sprintf("%s:%d", l.File, l.Line)
	}
	return l.File
}

// fullName names a dependency the way its ecosystem does: the namespace is
// part of an npm or Go name, and only the distribution's name of a deb.
// Files have no better name than their path.
func fullName(d *audit.Dependency) string {
	if d.Kind == sbom.KindFiles && len(d.Paths) > 0 {
		return d.Paths[0]
	}
	if d.Namespace == "" || d.Kind == sbom.KindOS {
		return d.Name
	}
	return d.Namespace + "/" + d.Name
}

// because says how the head of a group of new dependencies got there.
func (s stage) because(g audit.GrowthGroup) string {
	var parts []string
	switch {
	case len(g.NeededBy) > 0:
		by := s.short(g.NeededBy[0])
		if more := len(g.NeededBy) - 1; more > 0 {
			by += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, "needed by "+by)
	case g.Because == "asked":
		parts = append(parts, "asked for")
	case g.Because == "auto":
		parts = append(parts, "needed by what was there")
	}
	if n := len(g.Brings); n > 0 {
		brings := fmt.Sprintf("brings %d", n)
		if shared := len(g.Shared); shared > 0 {
			brings += fmt.Sprintf(" (%d shared)", shared)
		}
		parts = append(parts, brings)
	}
	return strings.Join(parts, ", ")
}

// weaker says what happened to the proof of a dependency.
func (s stage) weaker(w audit.Weaker) string {
	return fmt.Sprintf("%s %s -> %s", s.name(w.ID), strength(w.From.Provenance, w.From.Evidence), strength(w.To.Provenance, w.To.Evidence))
}

// gone names an entry of the baseline that is not there any more.
func gone(e audit.Entry) string {
	if e.Key == "" {
		return e.ID
	}
	return strings.TrimSpace(e.Key + " " + e.Version)
}

func changed(c audit.Change) string { return fmt.Sprintf("%s %s -> %s", c.Key, c.From, c.To) }

// standing says why a stage is judged as it is: "critical", "enforced" or "".
func (s stage) standing() string {
	switch {
	case s.Critical:
		return "critical"
	case s.Enforced:
		return "enforced"
	}
	return ""
}

// summary counts the stages by verdict: "1 of 3 stages failed, 1 incomplete".
func summary(r *audit.Report) string {
	n := map[audit.Verdict]int{}
	for _, s := range r.Stages {
		n[s.Verdict]++
	}
	all := count(len(r.Stages), "stage", "stages")
	switch {
	case n[audit.Fail] > 0 && n[audit.Incomplete] > 0:
		return fmt.Sprintf("%d of %s failed, %d incomplete", n[audit.Fail], all, n[audit.Incomplete])
	case n[audit.Fail] > 0:
		return fmt.Sprintf("%d of %s failed", n[audit.Fail], all)
	case n[audit.Incomplete] > 0:
		return fmt.Sprintf("%d of %s incomplete", n[audit.Incomplete], all)
	}
	return all
}

// ruler is what the numbers were made with.
func ruler(r *audit.Report) string {
	parts := []string{fmt.Sprintf("counting rules %d", r.Rules), r.Tool.Catalogers, strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version)}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// isScan says whether the report is of one environment without a pipeline.
func isScan(r *audit.Report) bool { return r.Pipeline == "" && len(r.Stages) == 1 }

// verdictWord is how people read a verdict. A saved report can hold anything;
// what is no verdict is not one here either.
func verdictWord(v audit.Verdict) string {
	switch v {
	case audit.Pass, audit.Fail, audit.Incomplete:
		return strings.ToUpper(string(v))
	}
	return "UNKNOWN"
}

func severityWord(s audit.Severity) string {
	switch s {
	case audit.Error, audit.Warning, audit.Stop, audit.Info:
		return string(s)
	}
	return "unknown"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// textLines are the lines of a text that its author broke into lines.
func textLines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// command is a text to copy in full, or, and then false, what stands in its
// place.
func command(text string) (string, bool) {
	if len(text) > maxCommand {
		return fmt.Sprintf("(%d bytes, too long to show here: see the json report)", len(text)), false
	}
	return neutral(text, maxCommand*len(`\U0010ffff`)), true
}

func each[T any](list []T, f func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
