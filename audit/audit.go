// Package audit decides: it combines what a scan saw (package sbom), what
// lock files pin (package lockcheck), what the team configured and what it
// accepted before (the baseline) into a [Report].
//
// # The report is the decision
//
// [Run] is a pure function of values. It reads no file, no clock and no
// environment: the day that exceptions are held against is handed in. The
// verdict, the findings and their texts are in the report; renderers only
// show them, and a report read back from disk is worth the same ([ReadReport]
// checks that its verdict follows from its findings).
//
// # Three outcomes
//
// A finding of severity [Error] says that something is wrong, one of severity
// [SeverityIncomplete] that something could not be judged. A stage with the first fails; a
// stage with only the second is incomplete, which is never a pass. Where both
// are true the failure is told, because it stands whatever the rest would
// have shown. The same holds for the report: fail, else incomplete, else
// pass.
//
// # What counts
//
// footprint.go gives each component its provenance by the counting rules,
// growth.go compares identities with the baseline, grouping.go says what
// brought what, policy.go turns both into findings by the rules in rules.go,
// which are values that document themselves.
//
// # Names are foreign
//
// Names, paths and details come from the environment and from lock files, and
// every string of a report may hold them as they are. Neutralising them is up
// to each renderer, since each has its own ways of being attacked. The one
// exception is Finding.Accept: it is made to be pasted into a shell, holds
// nothing but the name of the stage, and is quoted for that.
package audit

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// Input is one stage with what was found for it.
type Input struct {
	Stage StageConfig
	// Document is the result of the scan, nil when there is none.
	Document *sbom.Document
	// Lost is why the scan has no result.
	Lost error
	// Locks are the stage's lock files.
	Locks []*lockcheck.Lock
	// Roots are the stage's roots with the components that they mean.
	Roots []Root
	// Base is what the environment started from, nil when nobody names it.
	Base *Base
}

// Run judges the stages of a pipeline. The order of inputs is of no
// importance: the report has the order of the configuration. base is nil when
// there is no baseline file. today, YYYY-MM-DD, is the day that exceptions
// are held against.
func Run(c *Config, inputs []Input, base *Baseline, tool Tool, today string) *Report {
	except := newExceptions(c.Exceptions, today)
	r := &Report{Schema: ReportSchema, Pipeline: c.Pipeline, Rules: sbom.Rules, Tool: tool, Baseline: c.Baseline, Stages: []Stage{}}
	place := func(in Input) int {
		i := slices.IndexFunc(c.Stages, func(s StageConfig) bool { return s.Name == in.Stage.Name })
		if i < 0 {
			return len(c.Stages)
		}
		return i
	}
	ordered := slices.SortedStableFunc(slices.Values(inputs), func(a, b Input) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Stage.Name, b.Stage.Name))
	})
	lost := false
	for _, in := range ordered {
		lost = lost || in.Document == nil
		r.Stages = append(r.Stages, judgeStage(in, c.Registries, except, base, true))
	}
	r.Findings = pipelineFindings(c, ordered, lost, except, base)
	r.Verdict = r.verdict()
	return r
}

// Scan reports on one environment without configuration and baseline: what is
// there, and what accounts for it. Findings are warnings; only gaps, and an
// environment with nothing in it, make it incomplete.
func Scan(in Input, tool Tool) *Report {
	in.Stage.Critical, in.Stage.Enforce = false, false
	if in.Stage.Minimum == nil {
		// There is no configuration in which to say that it is meant to be
		// this lean.
		in.Stage.Minimum = new(int)
		*in.Stage.Minimum = 1
	}
	r := &Report{Schema: ReportSchema, Rules: sbom.Rules, Tool: tool}
	r.Stages = []Stage{judgeStage(in, nil, newExceptions(nil, ""), nil, false)}
	r.Verdict = r.verdict()
	return r
}

// ExitCode is the exit code of the design: 0 pass, 1 fail, 3 incomplete.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 3
}

// verdict follows from the stages, and from nothing else.
func (r *Report) verdict() Verdict {
	v := Pass
	for i := range r.Stages {
		switch r.Stages[i].verdict() {
		case Fail:
			return Fail
		case Incomplete:
			v = Incomplete
		}
	}
	if len(r.Stages) == 0 {
		return Incomplete
	}
	return v
}

// verdict follows from the findings, the gaps that are not waived and the
// limitations that are not accepted of the stage.
func (s *Stage) verdict() Verdict {
	v := Pass
	if s.openGaps() > 0 || s.limited() {
		v = Incomplete
	}
	for _, f := range s.Findings {
		switch f.Severity {
		case Error:
			return Fail
		case SeverityIncomplete:
			v = Incomplete
		}
	}
	return v
}

func judgeStage(in Input, registries []string, except *exceptions, base *Baseline, gated bool) Stage {
	config := &in.Stage
	s := Stage{
		Name: config.Name, Critical: config.Critical, Enforced: config.Enforce && !config.Critical,
		Environment: clean(config.Environment), Limit: config.Limit, Message: config.Message,
		Dependencies: []Dependency{}, Findings: []Finding{}, Gaps: []Gap{},
		Growth: Growth{Allowed: config.Growth, Added: []GrowthGroup{}, Removed: []Entry{}, Changed: []Change{}},
	}
	var before *StageBaseline
	if base != nil {
		before = base.Stages[config.Name]
	}
	p := &policy{stage: &s, config: config, except: except, waive: newWaivers(config.Waive, except.today), gated: gated}
	if in.Document == nil {
		s.Base = holdBase(in).info()
		if s.Base != nil {
			// Without the stage there is nothing to count of it.
			s.Base.Known, s.Base.Layers, s.Base.Dependencies = false, 0, 0
		}
		detail := "the scan did not finish"
		if in.Lost != nil {
			detail = clean(in.Lost.Error())
		}
		s.Gaps = append(s.Gaps, Gap{Kind: string(sbom.GapLost), Detail: detail})
	} else {
		p.footprint = newFootprint(in, registries, except)
		s.describe(p.footprint, p.waive)
		for _, r := range in.Roots {
			s.Roots = append(s.Roots, Root{Name: clean(r.Name), ID: clean(r.ID)})
		}
		s.Growth = growthOf(p.footprint, before, s.Method)
		if in.Lost != nil {
			// A document in spite of an error is half a result.
			s.Gaps = append(s.Gaps, Gap{Kind: string(sbom.GapLost), Detail: clean(in.Lost.Error())})
		}
	}
	p.judge()
	s.Verdict = s.verdict()
	return s
}

// describe takes over what was seen.
func (s *Stage) describe(f *footprint, waive *waivers) {
	doc := f.doc
	s.Image = cleanImage(doc.Environment.Image)
	s.limitations(doc.Limitations, f.config.Accept)
	s.OS = clean(cmp.Or(doc.Environment.OS.Pretty, doc.Environment.OS.ID))
	s.Method = Method{Rules: doc.Rules, Catalogers: clean(doc.Catalogers)}
	s.Counts, s.Dependencies, s.Relations, s.Excluded = f.counts, f.dependencies, f.relations, f.excluded
	for _, g := range doc.Gaps {
		gap := Gap{Kind: clean(string(g.Kind)), Path: clean(g.Path), Detail: clean(g.Detail)}
		waive.apply(&gap, g.Path)
		s.Gaps = append(s.Gaps, gap)
	}
	if s.Base = f.base.info(); s.Base != nil && s.Base.Known {
		s.Base.Present, s.Base.Gone = len(f.taken), f.gone()
		s.Base.Added = s.Counts.Total - s.Base.Present
	}
	if f.base != nil && (f.base.problem == "" || f.unjudged()) {
		f.base.gaps(s, waive)
	}
	for _, n := range doc.Notices {
		s.Notices = append(s.Notices, Notice{Kind: string(n.Kind), Path: clean(n.Path), ID: clean(n.Component), Detail: clean(n.Detail)})
	}
	for _, l := range f.locks {
		file := LockFile{Path: clean(l.Path), Format: l.Format, Entries: len(l.Entries)}
		for _, n := range l.Notes {
			file.Notes = append(file.Notes, LockNote{Kind: string(n.Kind), File: clean(n.File), Line: n.Line, Name: clean(n.Name), Detail: clean(n.Detail)})
		}
		s.Locks = append(s.Locks, file)
	}
}

// cleanImage is what an image says of itself, as text.
func cleanImage(i sbom.Image) sbom.Image {
	i.Digest, i.Platform, i.BaseName, i.BaseDigest = clean(i.Digest), clean(i.Platform), clean(i.BaseName), clean(i.BaseDigest)
	layers := i.Layers
	i.Layers = nil
	for _, l := range layers {
		l.Digest, l.DiffID, l.CreatedBy = clean(l.Digest), clean(l.DiffID), clean(l.CreatedBy)
		i.Layers = append(i.Layers, l)
	}
	return i
}
