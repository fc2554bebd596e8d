// Package judge makes a report ([audit.Report]): it combines the results of
// scans (package sbom), the pins of lock files (package lockcheck), the
// configuration and the baseline.
//
// [Pipeline] and [Environment] are pure functions. They read no file, no clock
// and no environment variable: the day on which exceptions are checked is an
// argument.
//
// # Steps
//
// base.go compares the base of a stage with its environment. footprint.go
// gives each component its provenance by the counting rules. growth.go compares
// the result with the baseline. policy.go turns both into findings by the rules
// of package audit.
//
// # Untrusted names
//
// Names, paths and details come from the environment and from lock files. The
// report contains them unchanged, since every format has its own escapes, and
// renderers neutralise them. The one exception is Finding.Accept, which is made
// to be pasted into a shell: it contains the stage's name and the flags of the
// command line, both quoted.
package judge

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// Input is one stage with the results of its scans.
type Input struct {
	Stage config.Stage
	// Document is the result of the scan, nil when there is none.
	Document *sbom.Document
	// Proof is what was verified beside the scan, nil when nothing was.
	Proof *audit.Proof
	// Lost is why the scan has no result, or only a part of one.
	Lost error
	// Locks are the stage's lock files.
	Locks []*lockcheck.Lock
	// Sight are lock files beside the configuration, or in the working directory,
	// that the stage does not name. They are suggested and pin nothing.
	Sight []*lockcheck.Lock
	// Roots are the stage's roots with the IDs of the components that they
	// name.
	Roots []audit.Root
	// Base is the base of the environment, nil without one.
	Base *Base
	// From is where the policy is from, nil for the checkout.
	From *audit.PolicyFrom
	// Definition is what defines the stage, nil if nothing is named.
	Definition *Definition
}

// Pipeline judges the stages of a pipeline. The report has the order of the
// configuration, whatever the order of inputs. accepted is nil when there is no
// baseline file. today, YYYY-MM-DD, is the day on which exceptions are checked.
func Pipeline(c *config.Config, inputs []Input, accepted *baseline.Baseline, tool audit.Tool, today string) *audit.Report {
	except := newExceptions(c.Exceptions, today)
	r := &audit.Report{Schema: audit.ReportSchema, Pipeline: c.Pipeline, Rules: sbom.Rules, Tool: tool, Config: sbom.ValidText(filepath.ToSlash(c.File)), Baseline: c.Baseline, Stages: []audit.Stage{}}
	place := func(in Input) int {
		i := slices.IndexFunc(c.Stages, func(s config.Stage) bool { return s.Name == in.Stage.Name })
		if i < 0 {
			return len(c.Stages)
		}
		return i
	}
	ordered := slices.SortedStableFunc(slices.Values(inputs), func(a, b Input) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Stage.Name, b.Stage.Name))
	})
	r.Inputs, r.PolicyFrom = inputsOf(c, accepted), c.From
	for _, in := range ordered {
		s := judgeStage(in, c.Registries, except, accepted, true)
		s.Remaining = remaining(in, &s, c.Registries, except, accepted)
		r.Stages = append(r.Stages, s)
	}
	r.Findings = pipelineFindings(c, accepted)
	r.Conclude(nil)
	return r
}

// remaining judges a stage once more by a baseline that has it as it is, unless that
// would change no verdict. It returns nil for a stage that no baseline can accept.
func remaining(in Input, s *audit.Stage, registries []string, all *exceptions, accepted *baseline.Baseline) *audit.Remaining {
	if !slices.ContainsFunc(s.AfterUpdate(), func(f audit.Finding) bool { return f.Accept != "" }) {
		return nil
	}
	next, err := accepted.With(*s, "accepted")
	if err != nil {
		return nil
	}
	after := judgeStage(in, registries, all, next, true)
	return &audit.Remaining{Findings: append([]audit.Finding{}, after.AfterUpdate()...)}
}

// inputsOf returns what all stages of the pipeline are judged by.
func inputsOf(c *config.Config, accepted *baseline.Baseline) *audit.Inputs {
	in := &audit.Inputs{Stages: []audit.ConfiguredStage{}, ExceptionNotice: c.Notice()}
	file := func(kind, path, digest string) {
		in.Files = append(in.Files, audit.InputFile{Kind: kind, Path: sbom.ValidText(filepath.ToSlash(path)), Digest: digest})
	}
	file(audit.InputConfiguration, c.File, c.Digest)
	if accepted != nil {
		file(audit.InputBaseline, c.Baseline, audit.TextDigest(accepted.Encode()))
		in.Files[len(in.Files)-1].Release = c.Release
	}
	if c.ExceptionsFile != "" {
		file(audit.InputExceptions, c.ExceptionsFile, c.ExceptionsDigest)
	}
	for i := range c.Stages {
		s := &c.Stages[i]
		stage := audit.ConfiguredStage{Name: s.Name, Line: s.Line, Critical: s.Critical, Enforced: s.Enforce && !s.Critical}
		for _, d := range s.Definitions {
			stage.Definition = append(stage.Definition, sbom.ValidText(d.Ref))
		}
		in.Stages = append(in.Stages, stage)
	}
	for i := range c.Exceptions {
		in.Exceptions = append(in.Exceptions, configuredException(&c.Exceptions[i]))
	}
	return in
}

// Environment reports on one environment without configuration and baseline.
// Findings are warnings; only gaps, and an environment without any dependency,
// make the report incomplete.
func Environment(in Input, tool audit.Tool) *audit.Report {
	in.Stage.Critical, in.Stage.Enforce = false, false
	if in.Stage.Minimum == nil {
		// No configuration can state that the environment is lean on purpose.
		in.Stage.Minimum = new(int)
		*in.Stage.Minimum = 1
	}
	r := &audit.Report{Schema: audit.ReportSchema, Rules: sbom.Rules, Tool: tool}
	r.Stages = []audit.Stage{judgeStage(in, nil, newExceptions(nil, ""), nil, false)}
	r.Verdict = r.DeriveVerdict()
	return r
}

func judgeStage(in Input, registries []string, all *exceptions, accepted *baseline.Baseline, gated bool) audit.Stage {
	c := &in.Stage
	s := audit.Stage{
		Name: c.Name, Line: c.Line, Critical: c.Critical, Enforced: c.Enforce && !c.Critical,
		Environment: sbom.ValidText(c.Environment), Limit: c.Limit, Message: c.Message,
		Dependencies: []audit.Dependency{}, Findings: []audit.Finding{}, Gaps: []audit.Gap{},
		Growth: audit.Growth{Allowed: c.Growth, Added: []audit.GrowthGroup{}, Removed: []audit.Accepted{}, Changed: []audit.VersionChange{}},
	}
	except := all.inStage(c.Name)
	p := &policy{stage: &s, config: c, from: in.From, except: except, waive: newWaivers(c.Waive, except.today), gated: gated, coveredFiles: map[string][]string{}}
	var before *baseline.Stage
	if accepted != nil {
		before = accepted.Stages[c.Name]
		s.Growth.Accepted = before.Digest(c.Name)
	}
	if gated {
		s.Policy = c.Policy(registries)
	}
	if in.Document == nil {
		s.Base = compareBase(in).info()
		if s.Base != nil {
			// Without the stage, nothing of the base can be counted.
			s.Base.Known, s.Base.Layers, s.Base.Dependencies = false, 0, 0
		}
		detail := "the scan did not finish"
		if in.Lost != nil {
			detail = sbom.ValidText(in.Lost.Error())
		}
		s.Gaps = append(s.Gaps, audit.Gap{Gap: sbom.Gap{Kind: sbom.GapLost, Detail: detail}})
	} else {
		p.footprint = newFootprint(in, registries, except)
		p.footprint.lostBase = lostBase(before, c)
		p.footprint.describe(&s, p.waive)
		for _, r := range in.Roots {
			s.Roots = append(s.Roots, audit.Root{Name: sbom.ValidText(r.Name), ID: r.ID})
		}
		if accepted != nil {
			p.footprint.compareBaseline(&s, before)
		}
		if in.Lost != nil {
			// A document beside an error is a partial result.
			s.Gaps = append(s.Gaps, audit.Gap{Gap: sbom.Gap{Kind: sbom.GapLost, Detail: sbom.ValidText(in.Lost.Error())}})
		}
	}
	p.definition(in.Definition, in.Locks, before)
	p.judge(before)
	s.Verdict = s.DeriveVerdict()
	return s
}

// describe fills in the stage's dependencies and the facts about its
// environment.
func (f *footprint) describe(s *audit.Stage, waive *waivers) {
	doc := f.doc
	s.Digest, s.Image, s.Apt, s.Newest = doc.Environment.Digest, doc.Environment.Image, doc.Environment.Apt, doc.Environment.Newest
	s.Limitations = limitations(doc.Limitations, f.config.Accept)
	s.OS = cmp.Or(doc.Environment.OS.Pretty, doc.Environment.OS.ID)
	s.Method = audit.Method{Rules: doc.Rules, Catalogers: doc.Catalogers}
	s.Counts, s.Dependencies, s.Relations, s.Excluded = f.counts, f.dependencies, f.relations, f.excluded
	s.Ecosystems = audit.CountEcosystems(s.Dependencies)
	for _, g := range doc.Gaps {
		gap := audit.Gap{Gap: g}
		waive.apply(&gap)
		s.Gaps = append(s.Gaps, gap)
	}
	if s.Base = f.base.info(); s.Base != nil && s.Base.Known {
		s.Base.Present, s.Base.Gone = len(f.present)+f.upgraded(), f.gone()
		s.Base.Added = s.Counts.Total - s.Base.Present
	}
	if f.base != nil && (f.base.problem == "" || f.unjudged()) {
		f.base.gaps(s, waive)
	}
	s.Notices = slices.Clone(doc.Notices)
	if p := f.proof; p != nil {
		s.Verified, s.Sealed = true, f.config.Verify == config.VerifySealed
		s.Ledger, s.Indexes = &p.Ledger, p.Indexes
		for _, g := range p.Gaps {
			gap := audit.Gap{Gap: g}
			if slices.ContainsFunc(s.Gaps, func(have audit.Gap) bool { return have.Gap == g }) {
				continue // the scan has it too
			}
			waive.apply(&gap)
			s.Gaps = append(s.Gaps, gap)
		}
	}
	s.Absent, s.MoreAbsent = f.absent()
	for _, l := range f.locks {
		s.Locks = append(s.Locks, lockFile(l))
	}
}

// lockFile returns a lock file as the report lists it.
func lockFile(l *lockcheck.Lock) audit.LockFile {
	file := audit.LockFile{Path: sbom.ValidText(l.Path), Format: l.Format, Entries: len(l.Entries), Digest: l.Digest}
	for _, dir := range l.For {
		file.For = append(file.For, sbom.ValidText(dir))
	}
	for _, n := range l.Notes {
		file.Notes = append(file.Notes, audit.LockNote{
			Kind: string(n.Kind), File: sbom.ValidText(n.File), Line: n.Line, Name: sbom.ValidText(n.Name), Detail: sbom.ValidText(n.Detail),
		})
	}
	return file
}
