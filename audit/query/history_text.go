package query

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// The marks of a number, which a line below the table explains.
const (
	markFailed     = "!"
	markIncomplete = "?"
	markBreak      = "*"
)

// Text writes the answer for people: a table of all stages, or of one stage with more
// columns. The limit of the other answers is that of [History.Newest] here.
func (h *History) Text(w io.Writer, o terminal.Options, _ int) error {
	p := newSheet(o)
	p.Prose("", indent, h.headline(), terminal.Bold)
	p.Blank()
	if len(h.Lines) == 1 {
		p.Table(indent, h.stageTable(h.Lines[0]))
	} else {
		for i, t := range h.tables(p.Width()-len(indent), o.Markdown) {
			if i > 0 {
				p.Blank()
			}
			p.Table(indent, t)
		}
	}
	if h.Older > 0 {
		p.Prose(indent, indent, fmt.Sprintf("... and %s (--limit 0 shows all)", wording.Count(h.Older, "older release", "older releases")), terminal.Faint)
	}
	h.legend(p)
	h.breaks(p)
	h.absent(p)
	h.undated(p)
	h.errors(p)
	return p.write(w)
}

// headline is what the answer is about.
func (h *History) headline() string {
	what := "Dependencies of each stage"
	if len(h.Lines) == 1 {
		what = "Dependencies of " + h.title(h.Lines[0])
	}
	what += " in " + wording.Count(len(h.Releases), "release", "releases")
	if n := len(h.pipelines()); n > 1 {
		what += fmt.Sprintf(" of %d pipelines", n)
	}
	return what + h.span()
}

// span is the dates of the first and the last release, "" when there are none.
func (h *History) span() string {
	var dates []string
	for i := range h.Releases {
		if d := h.Releases[i].day(); d != "" {
			dates = append(dates, d)
		}
	}
	switch n := len(dates); {
	case n == 0:
		return ""
	case dates[0] == dates[n-1]:
		return ", " + dates[0]
	default:
		return ", " + dates[0] + " to " + dates[n-1]
	}
}

// day is the date of a release, "" if it has none.
func (r *HistoryRelease) day() string {
	if r.Date.IsZero() {
		return ""
	}
	return r.Date.Format(time.DateOnly)
}

// outcome is the verdict, or that there is none.
func (r *HistoryRelease) outcome() string {
	if r.Error != "" {
		return "not read"
	}
	return string(r.Verdict)
}

// number is the count of a stage with its limit and the mark of its verdict.
func (s *HistoryStage) number() string {
	if s.Limit == nil {
		return strconv.Itoa(s.Counts.Total) + s.mark()
	}
	return fmt.Sprintf("%d/%d%s", s.Counts.Total, *s.Limit, s.mark())
}

// mark is that of the verdict.
func (s *HistoryStage) mark() string {
	switch s.Verdict {
	case audit.Fail:
		return markFailed
	case audit.Incomplete:
		return markIncomplete
	}
	return ""
}

// cell is the number in a table, where a change of the counting method has a mark too.
func (s *HistoryStage) cell() string {
	if s.Break != nil {
		return s.number() + markBreak
	}
	return s.number()
}

// change is the difference in a few characters: "+3 -1".
func (s *HistoryStage) change(versions bool) string {
	if s.Change == nil {
		return ""
	}
	var out []string
	for _, part := range []struct {
		sign string
		n    int
	}{{"+", s.Change.Added}, {"-", s.Change.Removed}, {"~", s.Change.Changed}} {
		if part.n > 0 && (part.sign != "~" || versions) {
			out = append(out, part.sign+strconv.Itoa(part.n))
		}
	}
	return strings.Join(out, " ")
}

const (
	// maxTitle is the width of the name of a stage above its column.
	maxTitle = 16
	// maxNamed is the number of names in one note.
	maxNamed = 3
	// maxColumns is the number of stages of one table in Markdown, which has no width.
	maxColumns = 8
)

// tables returns the numbers of all stages: as many stages in one table as the width
// has room for. Each begins with the releases; the first has what is about a release
// as a whole.
func (h *History) tables(width int, markdown bool) []terminal.Table {
	head := func(first bool) terminal.Table {
		t := terminal.Table{Columns: []terminal.Column{{Title: "Release", Path: true}}}
		if first {
			t.Columns = append(t.Columns, terminal.Column{Title: "Date", Whole: true}, terminal.Column{Title: "Verdict", Whole: true})
		}
		for i := range h.Releases {
			r := &h.Releases[i]
			row := []string{r.Name}
			if first {
				row = append(row, r.day(), r.outcome())
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	}
	out := []terminal.Table{head(true)}
	stages := 0
	add := func(columns terminal.Table, isStage bool) {
		t := &out[len(out)-1]
		used := len(t.Columns)
		if stages > 0 && (markdown && isStage && stages == maxColumns || !markdown && widthOf(*t)+len(terminal.Gap)+widthOf(columns) > width) {
			out = append(out, head(false))
			t, stages = &out[len(out)-1], 0
			used = len(t.Columns)
		}
		t.Columns = append(t.Columns[:used:used], columns.Columns...)
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], columns.Rows[i]...)
		}
		stages++
	}
	for _, l := range h.Lines {
		name := h.title(l)
		t := terminal.Table{Columns: []terminal.Column{
			{Title: terminal.Cut(terminal.Escape(name), maxTitle), Long: terminal.MarkdownText(terminal.Escape(name)), Name: true, Right: true}, {Title: "", Whole: true},
		}}
		for i := range h.Releases {
			row := []string{"", ""}
			if s := h.Releases[i].stage(l); s != nil {
				row = []string{s.cell(), s.change(false)}
			}
			t.Rows = append(t.Rows, row)
		}
		add(t.Filled(), true)
	}
	sums := terminal.Table{Columns: []terminal.Column{{Title: "Unaccounted", Right: true}, {Title: "Weaker", Right: true}}}
	for i := range h.Releases {
		row := []string{"", ""}
		if r := &h.Releases[i]; r.Error == "" {
			unaccounted, weaker := 0, 0
			for j := range r.Stages {
				unaccounted += r.Stages[j].Counts.Unaccounted
				if c := r.Stages[j].Change; c != nil {
					weaker += c.Weaker
				}
			}
			row = []string{strconv.Itoa(unaccounted), strconv.Itoa(weaker)}
		}
		sums.Rows = append(sums.Rows, row)
	}
	add(sums, false)
	return out
}

// widthOf returns the width at which no cell of a table is cut.
func widthOf(t terminal.Table) int {
	n := len(terminal.Gap) * (len(t.Columns) - 1)
	for i, c := range t.Columns {
		w := terminal.Width(c.Title)
		for _, row := range t.Rows {
			w = max(w, terminal.Width(terminal.Escape(row[i])))
		}
		n += w
	}
	return n
}

// stageTable returns the numbers of one stage.
func (h *History) stageTable(l HistoryLine) terminal.Table {
	t := terminal.Table{Columns: []terminal.Column{
		{Title: "Release", Path: true}, {Title: "Date", Whole: true}, {Title: "Verdict", Whole: true}, {Title: "Count", Right: true},
		{Title: "Changes", Whole: true}, {Title: "Unaccounted", Right: true}, {Title: "Weaker", Right: true},
	}}
	for i := range h.Releases {
		r := &h.Releases[i]
		row := []string{r.Name, r.day(), r.outcome(), "", "", "", ""}
		if s := r.stage(l); s != nil {
			row[2], row[3], row[4], row[5] = string(s.Verdict), s.cell(), s.change(true), strconv.Itoa(s.Counts.Unaccounted)
			if s.Change != nil {
				row[6] = strconv.Itoa(s.Change.Weaker)
			}
		} else if r.Error == "" {
			row[2] = "" // the verdict is about other stages
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// each calls f for each stage of each release.
func (h *History) each(f func(r *HistoryRelease, s *HistoryStage)) {
	for i := range h.Releases {
		for j := range h.Releases[i].Stages {
			f(&h.Releases[i], &h.Releases[i].Stages[j])
		}
	}
}

// legend explains the signs and marks of the tables that they have.
func (h *History) legend(p sheet) {
	var limited, failed, incomplete, changed, versions, weaker bool
	h.each(func(_ *HistoryRelease, s *HistoryStage) {
		limited = limited || s.Limit != nil
		failed = failed || s.Verdict == audit.Fail
		incomplete = incomplete || s.Verdict == audit.Incomplete
		if c := s.Change; c != nil {
			changed = changed || c.Added+c.Removed > 0
			versions = versions || c.Changed > 0
			weaker = true
		}
	})
	before := "the release before"
	for i := 1; i < len(h.Releases); i++ {
		if slices.ContainsFunc(h.Releases[i].Stages, func(s HistoryStage) bool { return s.Change != nil && s.Change.Since != h.Releases[i-1].Name }) {
			before = "the last release before that has the stage"
		}
	}
	var out []string
	for _, line := range []struct {
		shown bool
		text  string
	}{
		{versions && len(h.Lines) == 1, "Differences are to " + before + ": + added, - removed, ~ at another version"},
		{changed && !(versions && len(h.Lines) == 1), "Differences are to " + before + ": + added, - removed"},
		{weaker, "Weaker: with weaker evidence than there"},
		{limited, "After / is the limit"},
		{failed, markFailed + " is for a stage that failed"},
		{incomplete, markIncomplete + " is for an incomplete stage, whose number can be too low"},
	} {
		if line.shown {
			out = append(out, line.text)
		}
	}
	if len(out) > 0 {
		p.Blank()
		p.Prose("", indent, strings.Join(out, ". ")+".", terminal.Plain)
	}
}

// methodChange is one change of the counting method, in the stages of a release.
type methodChange struct {
	at       int // the index of the release
	now      string
	stages   []string
	before   HistoryBreak
	allLines bool // no stage of the release is counted as before
}

// methodChanges returns the places where numbers do not compare, in order.
func (h *History) methodChanges() []methodChange {
	var out []methodChange
	for i := range h.Releases {
		r := &h.Releases[i]
		first := len(out)
		for j := range r.Stages {
			s := &r.Stages[j]
			if s.Break == nil {
				continue
			}
			now := s.Method.String()
			at := slices.IndexFunc(out[first:], func(c methodChange) bool { return c.now == now && c.before == *s.Break })
			if at < 0 {
				at = len(out) - first
				out = append(out, methodChange{at: i, now: now, before: *s.Break})
			}
			out[first+at].stages = append(out[first+at].stages, h.title(HistoryLine{r.Pipeline, s.Name}))
		}
		if len(out) == first+1 {
			out[first].allLines = len(out[first].stages) == len(r.Stages)
		}
	}
	return out
}

// breaks lists where numbers do not compare.
func (h *History) breaks(p sheet) {
	for i, c := range h.methodChanges() {
		if i == 0 {
			p.Blank()
		}
		stages := " " + listed(c.stages)
		if c.allLines && len(h.Lines) > 1 {
			stages = ""
		}
		p.Prose("", indent, fmt.Sprintf("%s %s:%s counted by %s, in %s by %s. The numbers do not compare.",
			markBreak, h.Releases[c.at].Name, stages, c.now, c.before.Since, c.before.Method), terminal.Yellow)
	}
}

// absences returns the releases whose reports do not have all stages of the
// configuration, each with these stages.
func (h *History) absences() []string {
	var out []string
	for i := range h.Releases {
		if r := &h.Releases[i]; len(r.Absent) > 0 {
			out = append(out, r.Name+" (without "+strings.Join(r.Absent, ", ")+")")
		}
	}
	return out
}

// fewNames returns the first names of a list, and how many there are more.
func fewNames(n int, name func(int) string) string {
	var out []string
	for i := range min(n, maxNamed) {
		out = append(out, name(i))
	}
	if n > maxNamed {
		return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", n-maxNamed)
	}
	return strings.Join(out, ", ")
}

// absent names reports of a part of the stages, as each job of a release writes one.
func (h *History) absent(p sheet) {
	list := h.absences()
	if len(list) == 0 {
		return
	}
	p.Blank()
	p.Prose("", indent, "Reports without a stage of the configuration: "+fewNames(len(list), func(i int) string { return terminal.Escape(list[i]) })+
		". \"depaudit report REPORT... -o json=FILE\" makes one of those of a release.", terminal.Yellow)
}

// undated names the releases that have no date among those that have one.
func (h *History) undated(p sheet) {
	var names []string
	for i := range h.Releases {
		if h.Releases[i].Date.IsZero() {
			names = append(names, h.Releases[i].Name)
		}
	}
	if n := len(names); n > 0 && n < len(h.Releases) {
		p.Blank()
		p.Prose("", indent, "Without a date, and placed by name: "+fewNames(n, func(i int) string { return terminal.Escape(names[i]) }), terminal.Plain)
	}
}

// errors lists the releases that could not be read.
func (h *History) errors(p sheet) {
	if n := h.Unread(); n > 0 {
		p.Blank()
		p.Prose("", indent, wording.Count(n, "report", "reports")+" could not be read:", terminal.Yellow)
	}
	for i := range h.Releases {
		if r := &h.Releases[i]; r.Error != "" {
			p.Prose(indent, indent+indent, r.Source+": "+r.Error, terminal.Plain)
		}
	}
}

// CSV writes a line for each stage of each release (RFC 4180), and one without a stage
// for each report that could not be read.
func (h *History) CSV(w io.Writer) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	write := func(row ...string) {
		for i := range row {
			row[i] = terminal.CSVCell(row[i])
		}
		_ = out.Write(row)
	}
	write("release", "date", "source", "pipeline", "stage", "critical", "verdict", "count", "limit", "os", "lock", "image", "exception", "unaccounted",
		"since", "added", "removed", "changed", "weaker", "rules", "catalogers", "comparable", "error")
	for i := range h.Releases {
		r := &h.Releases[i]
		date := ""
		if !r.Date.IsZero() {
			date = r.Date.Format(time.RFC3339)
		}
		if r.Error != "" {
			write(append([]string{r.Name, date, r.Source}, append(slices.Repeat([]string{""}, 19), r.Error)...)...)
			continue
		}
		for j := range r.Stages {
			s := &r.Stages[j]
			limit := ""
			if s.Limit != nil {
				limit = strconv.Itoa(*s.Limit)
			}
			change, comparable := []string{"", "", "", "", ""}, ""
			if c := s.Change; c != nil {
				change, comparable = []string{c.Since, strconv.Itoa(c.Added), strconv.Itoa(c.Removed), strconv.Itoa(c.Changed), strconv.Itoa(c.Weaker)}, "true"
			} else if s.Break != nil {
				change[0], comparable = s.Break.Since, "false"
			}
			row := []string{r.Name, date, r.Source, r.Pipeline, s.Name, strconv.FormatBool(s.Critical), string(s.Verdict), strconv.Itoa(s.Counts.Total), limit}
			for _, n := range []int{s.Counts.OS, s.Counts.Lock, s.Counts.Image, s.Counts.Exception, s.Counts.Unaccounted} {
				row = append(row, strconv.Itoa(n))
			}
			row = append(row, change...)
			write(append(row, strconv.Itoa(s.Method.Rules), s.Method.Catalogers, comparable, "")...)
		}
	}
	out.Flush()
	_, err := w.Write(b.Bytes())
	return err
}
