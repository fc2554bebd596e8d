package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// What exceptions cover.
//
// An exception that names one package covers what reviewers saw when they read it.
// One with a wildcard, and one for a directory, covers what others put there later.
// The baseline therefore has what such an exception covered when it was accepted,
// by the text of its purl and path: a wider text is another exception, with
// nothing accepted under it.

// reportUses adds the exceptions that the stage needs to the report, in the order
// of the configuration.
func (p *policy) reportUses(accepted *baseline.Stage) {
	for _, i := range slices.Sorted(maps.Keys(p.except.uses)) {
		x, u := &p.except.list[i], p.except.uses[i]
		since := cmp.Or(x.Added, p.except.today)
		if accepted != nil {
			// An exception that is renewed with a later day does not become new.
			since = min(since, cmp.Or(accepted.Exceptions[x.String()], since))
		}
		use := audit.ExceptionUse{
			ConfiguredException: configuredException(x), Since: since, Age: max(0, days(since, p.except.today)), Left: days(p.except.today, x.Expires), Expired: !p.except.live[i],
			Excuses: slices.Sorted(maps.Keys(u.rules)), Dependencies: p.known(u.dependencies), Paths: slices.Sorted(maps.Keys(u.paths)),
		}
		p.stage.Exceptions = append(p.stage.Exceptions, use)
		if !use.Expired {
			p.add(audit.RuleExcepted, audit.Facts{
				Subject: fmt.Sprintf("%s (%s)", x, x.Owner), Dependencies: use.Dependencies, Paths: use.Paths, Place: exceptionPlace(x),
				Detail: fmt.Sprintf("it is %s old and has %s left", wording.Count(use.Age, "day", "days"), wording.Count(use.Left, "day", "days")),
			})
		}
	}
}

// configuredException returns an exception as the report has it.
func configuredException(x *config.Exception) audit.ConfiguredException {
	return audit.ConfiguredException{
		PURL: x.PURL, Path: x.Path, Stages: x.Stages, Rules: x.Rules, Reason: x.Reason, Owner: x.Owner, Added: x.Added, Expires: x.Expires,
		File: sbom.ValidText(x.File), Line: x.Line,
	}
}

func exceptionPlace(x *config.Exception) *audit.Place {
	return &audit.Place{File: sbom.ValidText(x.File), Line: x.Line, Entry: x.String()}
}

// useForNotice records the exception for a notice. Its path is what a wildcard or a
// directory covers; without one, its component is.
func (p *policy) useForNotice(h hit, r audit.Rule, n *sbom.Notice) {
	if n.Path == "" {
		p.except.use(h, r.ID, n.Component, "")
		return
	}
	p.except.use(h, r.ID, "", n.Path)
	if label := h.covers(); label != "" {
		p.coveredNotices = append(p.coveredNotices, audit.AcceptedFile{Rule: r.ID, Path: n.Path, Digest: audit.ShortDigest(n.Digest), Exception: label})
	}
}

// known returns the IDs that are dependencies of the stage, sorted.
func (p *policy) known(ids map[string]bool) []string {
	var out []string
	for id := range ids {
		if p.footprint.byID[id] != nil {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// expired reports the expired exceptions of what breaks a rule.
func (p *policy) expired() {
	for _, i := range slices.Sorted(maps.Keys(p.except.uses)) {
		if p.except.live[i] {
			continue
		}
		x, u := &p.except.list[i], p.except.uses[i]
		p.add(audit.RuleExpired, audit.Facts{
			Subject: fmt.Sprintf("%s (%s)", x, x.Owner), Detail: x.Expires, Line: x.Line, Place: exceptionPlace(x),
			Dependencies: p.known(u.dependencies), Paths: slices.Sorted(maps.Keys(u.paths)),
		})
	}
}

// markCovered sets the exception of each dependency that a wildcard or a directory
// covers.
func (p *policy) markCovered() {
	for i := range p.stage.Dependencies {
		d := &p.stage.Dependencies[i]
		d.Covered = audit.CoverLabel(slices.Collect(maps.Keys(p.except.covered[d.ID])))
	}
}

// newlyCovered reports what such exceptions cover and the baseline does not have
// under them. Without a baseline of the stage, another rule applies.
func (p *policy) newlyCovered(accepted *baseline.Stage) {
	if !p.gated || accepted == nil {
		return
	}
	found := map[string]*audit.Facts{}
	at := func(label string) *audit.Facts {
		if found[label] == nil {
			found[label] = &audit.Facts{Paths: p.coveredFiles[label]}
		}
		return found[label]
	}
	for label := range p.coveredFiles {
		at(label)
	}
	if p.stage.Growth.Method == nil && !p.footprint.unjudged() {
		parts := growth.Compare(accepted.Dependencies, p.stage.Accepted(), p.footprint.base.trusted())
		for _, a := range slices.Concat(parts.Added, parts.BaseAdded) {
			for _, more := range audit.CoversMore("", a.Exception) {
				f := at(more)
				f.Dependencies = append(f.Dependencies, a.ID)
			}
		}
		for _, pair := range parts.Compared {
			for _, more := range audit.CoversMore(pair.Before.Exception, pair.Now.Exception) {
				f := at(more)
				f.Dependencies = append(f.Dependencies, pair.Now.ID)
			}
		}
	}
	for _, label := range slices.Sorted(maps.Keys(found)) {
		f := found[label]
		slices.Sort(f.Dependencies)
		f.Dependencies = slices.Compact(f.Dependencies)
		slices.Sort(f.Paths)
		f.Paths = slices.Compact(f.Paths)
		f.Subject, f.Count, f.Accept = label, len(f.Dependencies)+len(f.Paths), updateCommand(p.config, true)
		if i := slices.IndexFunc(p.except.list, func(x config.Exception) bool { return x.String() == label && x.ForStage(p.stage.Name) }); i >= 0 {
			f.Place = exceptionPlace(&p.except.list[i])
		}
		p.add(audit.RuleExceptionGrowth, *f)
	}
}

// introduced reports the dependencies that excused ones introduce beyond what
// their exception allows.
func (p *policy) introduced() {
	var g *graph.Graph
	for _, i := range slices.Sorted(maps.Keys(p.except.uses)) {
		x, u := &p.except.list[i], p.except.uses[i]
		if x.Introduces == nil || !p.except.live[i] {
			continue
		}
		if g == nil {
			g = p.footprint.graph(p.stage)
		}
		if typ := p.footprint.unrelated(p.stage, u.dependencies); typ != "" {
			p.add(audit.RuleIntroduces, audit.Facts{Severity: audit.Warning, Subject: x.String(), Detail: "unknown " + typ, Place: exceptionPlace(x)})
		}
		ids := p.footprint.introducedBy(g, u.dependencies)
		f := audit.Facts{Subject: x.String(), Limit: x.Introduces.Most, Count: len(ids), Dependencies: ids, Place: exceptionPlace(x)}
		if len(x.Introduces.PURLs) > 0 {
			f.Dependencies = slices.DeleteFunc(ids, func(id string) bool {
				c := p.footprint.doc.Component(id)
				return slices.ContainsFunc(x.Introduces.PURLs, func(purl string) bool {
					s := newSelector("", purl, "")
					return s.matches(c)
				})
			})
			f.Count, f.Detail = len(f.Dependencies), "list"
			if f.Count == 0 {
				continue
			}
		} else if f.Count <= f.Limit {
			continue
		}
		p.add(audit.RuleIntroduces, f)
	}
}

// unrelated returns the first type of the given packages of which no package of the
// stage has a relation, although there are several, else "".
func (f *footprint) unrelated(s *audit.Stage, ids map[string]bool) string {
	related, packages := map[string]bool{}, map[string]int{}
	for _, r := range s.Relations {
		if d := f.byID[r.From]; d != nil {
			related[d.Type] = true
		}
	}
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Kind != sbom.KindFiles && d.Provenance.Counted() {
			packages[d.Type]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if d := f.byID[id]; d != nil && d.Kind != sbom.KindFiles && packages[d.Type] > 1 && !related[d.Type] {
			return d.Type
		}
	}
	return ""
}

// introducedBy returns the IDs of the counted dependencies that are there only
// because of the given ones, sorted.
func (f *footprint) introducedBy(g *graph.Graph, ids map[string]bool) []string {
	seen := map[string]bool{}
	var out []string
	todo := slices.Sorted(maps.Keys(ids))
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		below, err := g.Retains(id)
		if err != nil {
			continue // it is in no graph, such as one that is bundled
		}
		for _, b := range below {
			if seen[b] {
				continue
			}
			seen[b] = true
			todo = append(todo, b)
			if d := f.byID[b]; d != nil && d.Provenance.Counted() && !ids[b] {
				out = append(out, b)
			}
		}
	}
	slices.Sort(out)
	return out
}
