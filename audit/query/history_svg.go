package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// maxPictureName is the number of characters of a name in a picture and in its
	// description.
	maxPictureName = 100
	// maxSpelled is the number of releases of which the description has every number.
	maxSpelled = 12
)

// SVG writes the numbers as a picture for a README or a page: a line for each stage, at
// most [maxChartLines] of them.
func (h *History) SVG(w io.Writer) error {
	lines := h.pictured()
	c := h.chart(lines)
	_, err := w.Write(c.svg(h.spelled(lines, c.notes)))
	return err
}

// pictured returns the lines of the picture: if there are too many, those of critical
// stages first, then those with the greatest number at their end.
func (h *History) pictured() []HistoryLine {
	if len(h.Lines) <= maxChartLines {
		return h.Lines
	}
	order := slices.Clone(h.Lines)
	ends := make(map[HistoryLine]*HistoryStage, len(order))
	for _, l := range order {
		_, ends[l] = h.end(l)
	}
	slices.SortStableFunc(order, func(a, b HistoryLine) int {
		x, y := ends[a], ends[b]
		if x.Critical != y.Critical {
			return map[bool]int{true: -1, false: 1}[x.Critical]
		}
		return cmp.Compare(y.Counts.Total, x.Counts.Total)
	})
	order = order[:maxChartLines]
	return slices.DeleteFunc(slices.Clone(h.Lines), func(l HistoryLine) bool { return !slices.Contains(order, l) })
}

// end returns the last release that has a line, and the stage in it.
func (h *History) end(l HistoryLine) (int, *HistoryStage) {
	for i, r := range slices.Backward(h.Releases) {
		if s := r.stage(l); s != nil {
			return i, s
		}
	}
	return -1, nil // no line is without a release
}

// pictureName makes a name printable and not too long.
func pictureName(s string) string { return terminal.EscapeTo(s, maxPictureName) }

func (h *History) chart(lines []HistoryLine) *chart {
	c := &chart{title: terminal.EscapeTo(h.headline(), 2*maxPictureName)}
	for i := range h.Releases {
		c.columns = append(c.columns, pictureName(h.Releases[i].Name))
		if h.Releases[i].Error != "" {
			c.unread = append(c.unread, i)
		}
	}
	for _, change := range h.methodChanges() {
		if change.at > 0 && (change.allLines || len(h.Lines) == 1) {
			c.breaks = append(c.breaks, change.at)
		}
	}
	top := 1
	for _, l := range lines {
		c.lines = append(c.lines, h.chartLine(l))
		for _, p := range c.lines[len(c.lines)-1].points {
			top = max(top, p.value)
		}
	}
	// A limit of more than half as much again as all numbers would make flat lines of them.
	var outside []string
	for i := range c.lines {
		for j := range c.lines[i].points {
			if p := &c.lines[i].points[j]; p.limit-top > top/2 {
				p.limit = noLimit
				outside = append(outside, c.lines[i].name)
			}
		}
	}
	c.notes, c.shortNotes = h.pictureNotes(c, lines, slices.Compact(outside))
	return c
}

func (h *History) chartLine(l HistoryLine) chartLine {
	out := chartLine{name: pictureName(h.title(l))}
	var first *HistoryStage
	last, compares := -1, true
	for i := range h.Releases {
		s := h.Releases[i].stage(l)
		if s == nil {
			continue
		}
		p := chartPoint{at: i, value: s.Counts.Total, open: s.Verdict == audit.Incomplete, limit: noLimit}
		if s.Limit != nil {
			p.limit = max(*s.Limit, 0)
		}
		if last >= 0 {
			p.joined = h.joined(l, last, i)
			compares = compares && s.Break == nil
		} else {
			first = s
		}
		out.points = append(out.points, p)
		last = i
	}
	end := h.Releases[last].stage(l)
	out.number, out.short = end.number(), strconv.Itoa(end.Counts.Total)+end.mark()
	if compares && len(out.points) > 1 && first.Verdict != audit.Incomplete && end.Verdict != audit.Incomplete {
		out.change = bracketed(end.Counts.Total - first.Counts.Total)
	}
	return out
}

// bracketed is a change of a number.
func bracketed(n int) string {
	switch {
	case n > 0:
		return fmt.Sprintf("(+%d)", n)
	case n < 0:
		return fmt.Sprintf("(-%d)", -n)
	}
	return "(+0)"
}

// pictureNotes returns the lines below the picture, and those below a narrow one, which
// has less to explain.
func (h *History) pictureNotes(c *chart, lines []HistoryLine, outside []string) (all, short []string) {
	if n := len(h.Lines); n > len(lines) {
		all = append(all, fmt.Sprintf("%d of %d stages: critical ones first, then those with the most dependencies.", len(lines), n))
	}
	var limited, bracket, failed, incomplete bool
	for _, l := range c.lines {
		bracket = bracket || l.change != ""
		failed = failed || strings.HasSuffix(l.short, markFailed)
		for _, p := range l.points {
			limited, incomplete = limited || p.limit != noLimit, incomplete || p.open
		}
	}
	// Each has a text for a narrow picture, in which only the dashed lines are limits.
	var signs, few []string
	for _, sign := range []struct {
		shown       bool
		long, short string
	}{
		{limited, "Dashed, and after /: the limit.", "Dashed: the limit."},
		{bracket, "In brackets: the change since the first release of the line.", ""},
		{failed, markFailed + " is for a stage that failed.", markFailed + " is for a stage that failed."},
		{incomplete, "Open markers and " + markIncomplete + ": incomplete, the number can be too low.", "Open markers: incomplete, the number can be too low."},
	} {
		if sign.shown {
			signs, few = append(signs, sign.long), append(few, sign.short)
		}
	}
	var rest []string
	if n := len(c.unread); n > 0 {
		rest = append(rest, "× could not be read: "+fewNames(n, func(i int) string { return c.columns[c.unread[i]] })+".")
	}
	changes := h.methodChanges()
	for i, m := range changes {
		if i == maxNamed {
			rest = append(rest, fmt.Sprintf("The counting method changed %d more times.", len(changes)-i))
			break
		}
		stages := " " + fewNames(len(m.stages), func(i int) string { return pictureName(m.stages[i]) })
		if m.allLines || len(h.Lines) == 1 {
			stages = ""
		}
		rest = append(rest, fmt.Sprintf("%s:%s counted by another method than in %s, the numbers do not compare.", c.columns[m.at], stages, pictureName(m.before.Since)))
	}
	var left []string
	for _, l := range lines {
		if at, _ := h.end(l); slices.ContainsFunc(h.Releases[at+1:], func(r HistoryRelease) bool { return r.Error == "" && r.Pipeline == l.Pipeline }) {
			left = append(left, fmt.Sprintf("%s until %s", pictureName(h.title(l)), c.columns[at]))
		}
	}
	if len(left) > 0 {
		rest = append(rest, "Not in the last release: "+fewNames(len(left), func(i int) string { return left[i] })+".")
	}
	if len(outside) > 0 {
		rest = append(rest, "A limit above the picture: "+fewNames(len(outside), func(i int) string { return outside[i] })+".")
	}
	if absent := h.absences(); len(absent) > 0 {
		rest = append(rest, "Reports without a stage of the configuration: "+fewNames(len(absent), func(i int) string { return pictureName(absent[i]) })+".")
	}
	if h.Older > 0 {
		rest = append(rest, wording.Count(h.Older, "older release is", "older releases are")+" not shown.")
	}
	join := func(signs []string) []string {
		out := slices.Clone(all)
		if text := strings.Join(strings.Fields(strings.Join(signs, " ")), " "); text != "" {
			out = append(out, text)
		}
		return append(out, rest...)
	}
	return join(signs), join(few)
}

// spelled is the picture in words.
func (h *History) spelled(lines []HistoryLine, notes []string) string {
	var out []string
	for _, l := range lines {
		var at []int
		for i := range h.Releases {
			if h.Releases[i].stage(l) != nil {
				at = append(at, i)
			}
		}
		number := func(i int) string {
			s := h.Releases[i].stage(l)
			text := strconv.Itoa(s.Counts.Total)
			if s.Limit != nil {
				text += fmt.Sprintf(" of at most %d", *s.Limit)
			}
			text += " in " + pictureName(h.Releases[i].Name)
			if s.Verdict != audit.Pass {
				text += " (" + string(s.Verdict) + ")"
			}
			return text
		}
		var numbers []string
		if len(at) <= maxSpelled {
			for _, i := range at {
				numbers = append(numbers, number(i))
			}
		} else {
			total := func(i int) int { return h.Releases[i].stage(l).Counts.Total }
			by := func(a, b int) int { return cmp.Compare(total(a), total(b)) }
			numbers = []string{"first " + number(at[0]), "lowest " + number(slices.MinFunc(at, by)), "highest " + number(slices.MaxFunc(at, by)), "last " + number(at[len(at)-1])}
		}
		out = append(out, pictureName(h.title(l))+": "+strings.Join(numbers, ", ")+".")
	}
	if len(out) == 0 {
		out = append(out, "No numbers.")
	}
	return strings.Join(append(out, notes...), " ")
}
