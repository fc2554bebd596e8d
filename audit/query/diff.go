package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Diff is the difference between two environments, or stage by stage between
// two reports or baselines.
type Diff struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	// Before and After are where the sides are from.
	Before DiffSource `json:"before"`
	After  DiffSource `json:"after"`
	// Stages are the stages of both sides, in the order of the first.
	Stages []StageDiff `json:"stages"`
	// OnlyBefore and OnlyAfter are the stages that the other side does not
	// have.
	OnlyBefore []DiffSide `json:"onlyBefore,omitempty"`
	OnlyAfter  []DiffSide `json:"onlyAfter,omitempty"`
	// NotesLimit is the most lines of each list of [Diff.Notes], 0 for all that have
	// room.
	NotesLimit int `json:"-"`
}

// DiffSource is a reference, a report, a baseline or a release.
type DiffSource struct {
	Name string `json:"name"`
	// Verdict is that of a whole report; empty for all others.
	Verdict audit.Verdict `json:"verdict,omitempty"`
	// Date is that of a release, YYYY-MM-DD, and Subjects are the names of its
	// artifacts.
	Date     string   `json:"date,omitempty"`
	Subjects []string `json:"subjects,omitempty"`
}

// StageDiff is the difference of one stage.
type StageDiff struct {
	Before DiffSide `json:"before"`
	After  DiffSide `json:"after"`
	// Unsure are the reasons why the difference may not be in the environments;
	// empty when there are none.
	Unsure     []string         `json:"unsure,omitempty"`
	Difference *diff.Difference `json:"difference"`
	// Record is the difference in what decides about the stage; nil if neither side
	// has a policy.
	Record *RecordDiff `json:"record,omitempty"`
}

// Empty reports whether nothing differs.
func (s *StageDiff) Empty() bool { return s.Difference.Empty() && s.Record.Empty() }

// DiffSide is one side of a difference.
type DiffSide struct {
	Name string `json:"name"`
	// Stage is the name of the stage, empty for an environment.
	Stage string `json:"stage,omitempty"`
	// Kind is "scan", "report", "sbom" or "baseline".
	Kind string `json:"kind"`
	// OS is the name of the operating system, where it is known.
	OS string `json:"os,omitempty"`
	// Rules and Catalogers are the counting method.
	Rules       int               `json:"rules"`
	Catalogers  string            `json:"catalogers"`
	Gaps        []sbom.Gap        `json:"gaps,omitempty"`
	Limitations []sbom.Limitation `json:"limitations,omitempty"`
	// Counted is the number of dependencies.
	Counted int `json:"counted"`
	// Verdict is that of a stage of a report, Critical whether findings fail the
	// stage, and Limit the most dependencies; empty where they are not known.
	Verdict  audit.Verdict `json:"verdict,omitempty"`
	Critical bool          `json:"critical,omitempty"`
	Limit    *int          `json:"limit,omitempty"`
	// Definition are the numbers of what the stage runs on, nil without a definition.
	Definition *audit.UseCounts `json:"definition,omitempty"`

	side   diff.Side
	record *Record
}

// The kinds of a [DiffSide].
const (
	SideScan     = "scan"
	SideReport   = "report"
	SideSBOM     = "sbom"
	SideBaseline = "baseline"
)

// NewDiffSide returns a document as a side. The caller may set Rules and
// Catalogers afterwards.
func NewDiffSide(name, kind string, doc *sbom.Document, judgement func(id string) diff.Judgement) DiffSide {
	s := DiffSide{
		Name: name, Kind: kind, OS: doc.Environment.OS.Pretty, Rules: doc.Rules, Catalogers: doc.Catalogers,
		Gaps: doc.Gaps, Limitations: doc.Limitations,
		side: diff.Side{Document: doc, Known: diff.Everything(), Judgement: judgement},
	}
	for i := range doc.Components {
		if doc.Components[i].Counts() {
			s.Counted++
		}
	}
	if kind == SideBaseline {
		s.side.Known = diff.Known{}
	}
	s.side.Known.Bundled = s.side.Known.Bundled && !s.limited(sbom.LimitOwnership)
	s.side.Known.Relations = s.side.Known.Relations && !s.limited(sbom.LimitRelations)
	return s
}

// Judged adds the record of a stage, which may be nil.
func (s *DiffSide) Judged(stage string, r *Record) {
	s.Stage, s.record = stage, r
	if r == nil {
		return
	}
	s.Verdict, s.Critical, s.Definition = r.verdict, r.state.Critical, countUses(r.state.Definition)
	if r.state.Policy != nil {
		s.Limit = r.state.Policy.Limit
	}
}

func (s *DiffSide) limited(name sbom.LimitationName) bool {
	return slices.ContainsFunc(s.Limitations, func(l sbom.Limitation) bool { return l.Name == name })
}

// NewStageDiff compares two sides.
func NewStageDiff(before, after DiffSide) StageDiff {
	d := diff.Between(before.side, after.side)
	return StageDiff{Before: before, After: after, Unsure: unsure(&before, &after), Difference: d, Record: compareRecords(&before, &after, d)}
}

// unsure returns the reasons why a difference may come from the two
// examinations, and not from the environments. A limitation of both sides is
// not a difference.
func unsure(before, after *DiffSide) []string {
	var out []string
	for _, s := range []*DiffSide{before, after} {
		if n := len(s.Gaps); n > 0 {
			out = append(out, fmt.Sprintf("%s of %s could not be examined: %s", wording.Count(n, "place", "places"), s.Name, gapText(s.Gaps)))
		}
	}
	for _, name := range []sbom.LimitationName{sbom.LimitOwnership, sbom.LimitUnaccounted, sbom.LimitInstalled, sbom.LimitIncomplete} {
		switch x, y := before.limited(name), after.limited(name); {
		case x && y && name == sbom.LimitIncomplete:
			out = append(out, fmt.Sprintf("%s and %s are declared incomplete", before.Name, after.Name))
		case x && !y:
			out = append(out, fmt.Sprintf("%s cannot show: %s (%s)", before.Name, limitText(name), name))
		case !x && y:
			out = append(out, fmt.Sprintf("%s cannot show: %s (%s)", after.Name, limitText(name), name))
		}
	}
	if before.Rules != after.Rules {
		out = append(out, fmt.Sprintf("counted by different rules: %d and %d", before.Rules, after.Rules))
	}
	if before.Catalogers != after.Catalogers {
		out = append(out, fmt.Sprintf("found by different catalogers: %s and %s", orUnknown(before.Catalogers), orUnknown(after.Catalogers)))
	}
	return out
}

// gapText returns the first gaps.
func gapText(gaps []sbom.Gap) string {
	var out []string
	for _, g := range gaps[:min(len(gaps), maxUnseen)] {
		out = append(out, strings.TrimSpace(g.Path+" "+g.Detail))
	}
	if n := len(gaps) - len(out); n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, "; ")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func limitText(name sbom.LimitationName) string {
	switch name {
	case sbom.LimitOwnership:
		return "components bundled in OS packages"
	case sbom.LimitUnaccounted:
		return "files that no package accounts for"
	case sbom.LimitInstalled:
		return "whether packages are installed, and not only declared"
	}
	return "everything"
}

// NewDiff returns the difference of several stages.
func NewDiff(stages []StageDiff, onlyBefore, onlyAfter []DiffSide) *Diff {
	return &Diff{Schema: schema, Question: "diff", Stages: stages, OnlyBefore: onlyBefore, OnlyAfter: onlyAfter}
}

// Differs reports whether there is any difference.
func (d *Diff) Differs() bool {
	return len(d.OnlyBefore)+len(d.OnlyAfter) > 0 || slices.ContainsFunc(d.Stages, func(s StageDiff) bool { return !s.Empty() })
}

// Unsure reports whether any stage has a reason to be unsure.
func (d *Diff) Unsure() bool {
	return slices.ContainsFunc(d.Stages, func(s StageDiff) bool { return len(s.Unsure) > 0 })
}
