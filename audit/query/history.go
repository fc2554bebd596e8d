package query

import (
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/growth"
)

// History is the answer to the question how the number of each stage developed from
// release to release.
type History struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	// Lines are the stages of all releases, in the order in which they appear.
	Lines []HistoryLine `json:"lines"`
	// Releases are those of the question, the oldest first.
	Releases []HistoryRelease `json:"releases"`
	// Older is the number of releases before them that were left out.
	Older int `json:"older,omitempty"`

	only []string // the stages of the question, none for all
	last map[HistoryLine]*historyPoint
}

// HistoryLine is one stage over the releases. Stages of one name in two pipelines
// are two lines.
type HistoryLine struct {
	Pipeline string `json:"pipeline,omitempty"`
	Stage    string `json:"stage"`
}

// HistoryRelease is one release.
type HistoryRelease struct {
	// Name is that of its directory, file or tag; Source is where its report is.
	Name   string `json:"name"`
	Source string `json:"source"`
	// Date is that of the release, zero for a report that has none.
	Date time.Time `json:"date,omitzero"`
	// Error is the reason why the report could not be read. Such a release has a
	// place in the order, and no numbers.
	Error    string         `json:"error,omitempty"`
	Pipeline string         `json:"pipeline,omitempty"`
	Verdict  audit.Verdict  `json:"verdict,omitempty"`
	Stages   []HistoryStage `json:"stages"`
	// Absent are the stages of its configuration that the report does not have.
	Absent []string `json:"absent,omitempty"`
}

// HistoryStage is a stage in one release.
type HistoryStage struct {
	Name     string `json:"name"`
	Critical bool   `json:"critical,omitempty"`
	// Verdict is that of the stage. The number of an incomplete one can be too low.
	Verdict audit.Verdict `json:"verdict"`
	Counts  audit.Counts  `json:"counts"`
	// Limit is the configured absolute limit, nil without one.
	Limit  *int         `json:"limit,omitempty"`
	Method audit.Method `json:"method"`
	// Change is the difference to the last release before that has the stage; nil
	// for the first one, and when that was counted by another method.
	Change *HistoryChange `json:"change,omitempty"`
	// Break is set when the last release before was counted by another method: the
	// numbers do not compare.
	Break *HistoryBreak `json:"break,omitempty"`
}

// HistoryChange is a difference by identity, as growth is.
type HistoryChange struct {
	// Since is the name of the release that was compared.
	Since   string `json:"since"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	// Changed is the number of dependencies at another version, and Weaker that of
	// those whose evidence is weaker.
	Changed int `json:"changed"`
	Weaker  int `json:"weaker"`
}

// HistoryBreak is a change of the counting method.
type HistoryBreak struct {
	// Since is the name of the release before, and Method how that was counted.
	Since  string       `json:"since"`
	Method audit.Method `json:"method"`
}

// historyPoint is what the next release is compared with.
type historyPoint struct {
	release  string
	method   audit.Method
	accepted []audit.Accepted
}

// NewHistory returns an answer without releases. Of the stages, it will have those
// that only names, or all if there are none.
func NewHistory(only []string) *History {
	return &History{Schema: schema, Question: "history", Lines: []HistoryLine{}, Releases: []HistoryRelease{}, only: only, last: map[HistoryLine]*historyPoint{}}
}

// Add adds the next release. Date is zero if it has none. Nothing of the report is
// kept but what the following one is compared with.
func (h *History) Add(name, source string, date time.Time, r *audit.Report) {
	release := HistoryRelease{Name: name, Source: source, Date: date.UTC(), Pipeline: r.Pipeline, Verdict: r.Verdict, Stages: []HistoryStage{}}
	for i := range r.Stages {
		s := &r.Stages[i]
		if len(h.only) > 0 && !slices.Contains(h.only, s.Name) {
			continue
		}
		line := HistoryLine{r.Pipeline, s.Name}
		if !slices.Contains(h.Lines, line) {
			h.Lines = append(h.Lines, line)
		}
		now := &historyPoint{name, s.Method, s.Accepted()}
		out := HistoryStage{Name: s.Name, Critical: s.Critical, Verdict: s.Verdict, Counts: s.Counts, Limit: s.Limit, Method: s.Method}
		switch before := h.last[line]; {
		case before == nil:
		case before.method != now.method:
			out.Break = &HistoryBreak{before.release, before.method}
		default:
			out.Change = historyChange(before, now)
		}
		h.last[line] = now
		release.Stages = append(release.Stages, out)
	}
	if r.Inputs != nil {
		for _, s := range r.Inputs.Stages {
			if !slices.ContainsFunc(r.Stages, func(o audit.Stage) bool { return o.Name == s.Name }) && (len(h.only) == 0 || slices.Contains(h.only, s.Name)) {
				release.Absent = append(release.Absent, s.Name)
			}
		}
	}
	h.Releases = append(h.Releases, release)
}

func historyChange(before, now *historyPoint) *HistoryChange {
	d := growth.Difference(before.accepted, now.accepted)
	return &HistoryChange{
		Since: before.release, Added: len(d.Added), Removed: len(d.Removed), Changed: len(d.Changed),
		Weaker: len(growth.Weaker(slices.Concat(d.Same, d.Changed))),
	}
}

// AddError adds a release whose report could not be read.
func (h *History) AddError(name, source string, date time.Time, err error) {
	text := err.Error()
	for _, prefix := range []string{source + ":", "report:"} { // the name of the report is beside the text
		text = strings.TrimPrefix(text, prefix)
	}
	h.Releases = append(h.Releases, HistoryRelease{
		Name: name, Source: source, Date: date.UTC(), Error: strings.TrimSpace(text), Stages: []HistoryStage{},
	})
}

// Newest leaves out all but the newest n releases, if n is above 0, and the lines that
// none of them has.
func (h *History) Newest(n int) {
	if n <= 0 || n >= len(h.Releases) {
		return
	}
	h.Older = len(h.Releases) - n
	h.Releases = h.Releases[h.Older:]
	h.Lines = slices.DeleteFunc(h.Lines, func(l HistoryLine) bool {
		return !slices.ContainsFunc(h.Releases, func(r HistoryRelease) bool { return r.stage(l) != nil })
	})
}

// Unread returns the number of releases whose report could not be read.
func (h *History) Unread() (n int) {
	for i := range h.Releases {
		if h.Releases[i].Error != "" {
			n++
		}
	}
	return n
}

// stage returns the stage of a line, nil if the release does not have it.
func (r *HistoryRelease) stage(l HistoryLine) *HistoryStage {
	if r.Pipeline != l.Pipeline {
		return nil
	}
	if i := slices.IndexFunc(r.Stages, func(s HistoryStage) bool { return s.Name == l.Stage }); i >= 0 {
		return &r.Stages[i]
	}
	return nil
}

// joined reports whether a line goes on between two releases that have the stage: no
// release of the pipeline between them is without it, and none could not be read.
func (h *History) joined(l HistoryLine, from, to int) bool {
	for i := from + 1; i < to; i++ {
		if r := &h.Releases[i]; r.Error != "" || r.Pipeline == l.Pipeline {
			return false
		}
	}
	s := h.Releases[to].stage(l)
	return s != nil && s.Break == nil
}

// title returns the name of a line: that of the stage, with the pipeline where there
// are several.
func (h *History) title(l HistoryLine) string {
	if l.Pipeline == "" || len(h.pipelines()) < 2 {
		return l.Stage
	}
	return l.Pipeline + "/" + l.Stage
}

// pipelines returns those of the lines, in their order.
func (h *History) pipelines() []string {
	var out []string
	for _, l := range h.Lines {
		if !slices.Contains(out, l.Pipeline) {
			out = append(out, l.Pipeline)
		}
	}
	return out
}
