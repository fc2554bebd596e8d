package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// page is an answer that covers the list until it is closed.
type page struct {
	title string
	lines []pageLine
	top   int
	// target is set for the answer to why; all is set when it has every chain.
	target string
	all    bool
	// fitted has the lines for a width.
	fitted []pageLine
	width  int
}

// pageLine is a line of an answer. Its indent is kept when it is wrapped.
type pageLine struct {
	text  string
	style terminal.Style
}

// wrapped returns the lines for a width.
func (p *page) wrapped(width int) []pageLine {
	if p.width != width {
		p.width, p.fitted = width, nil
		for _, l := range p.lines {
			for _, text := range wrap(l.text, width) {
				p.fitted = append(p.fitted, pageLine{text, l.style})
			}
		}
	}
	return p.fitted
}

func (p *page) add(s terminal.Style, format string, args ...any) {
	p.lines = append(p.lines, pageLine{fmt.Sprintf(format, args...), s})
}

// why returns the answer to why a component is there.
func (m *model) why(id string, all bool) *page {
	r := m.rowOf(id)
	p := &page{title: "why " + r.label(), target: id, all: all}
	w, err := m.stage.Graph.Why(id, graph.WhyOptions{All: all})
	if err != nil {
		p.add(terminal.Red, "%s", terminal.Escape(err.Error()))
		return p
	}
	if h, err := m.stage.Graph.Rebuild().Retained(id); err == nil {
		p.add("", "%s", reasonText(w.Reason))
		p.add("", "introduces %s%s, and shares %d%s", wording.Count(h.Retained, "other", "others"), sized(h.RetainedSize), h.Shared, sized(h.SharedSize))
	}
	if w.Owner != "" {
		owner := m.rowOf(w.Owner)
		p.add("", "is bundled in %s", owner.label())
	}
	if w.NeededBy > 0 {
		text := fmt.Sprintf("needed directly by %d", w.NeededBy)
		if w.Circular > 0 {
			text += fmt.Sprintf(", of which %d are installed only because of it", w.Circular)
		}
		p.add("", "%s", text)
	}
	if len(w.RetainedBy) > 0 {
		p.add("", "is removed with any of:")
		for _, keeper := range w.RetainedBy {
			k := m.rowOf(keeper)
			p.add("", "    %s", k.label())
		}
	}
	m.unknown(p, w.Unknown)
	for _, c := range w.Chains {
		if len(c.Steps) == 0 {
			continue // the first line has it
		}
		root := m.rowOf(c.Root)
		p.add("", "")
		p.add(terminal.Bold, "%s (%s)", root.label(), c.Reason)
		for i, e := range c.Steps {
			to := m.rowOf(e.To)
			p.add("", "  %s%s %s%s", strings.Repeat("  ", min(i, maxIndent)), verb(e.Kind), to.label(), via(e))
		}
	}
	if w.Cut > 0 {
		p.add("", "")
		p.add("", "%s more are not shown", wording.Count(w.Cut, "chain", "chains"))
	}
	return p
}

// maxIndent is how far the steps of a chain move to the right.
const maxIndent = 8

func reasonText(r graph.Reason) string {
	switch r {
	case graph.Explicit:
		return "it is explicit"
	case graph.Essential:
		return "it is essential: part of the system's minimum"
	case graph.Named:
		return "it is named as a root"
	case graph.Presumed:
		return "it is presumed explicit: its install reason is not recorded, and nothing else needs it"
	case graph.Orphan:
		return "it is orphaned: no installed package needs it any more"
	}
	return "it is automatic: another package needs it"
}

func verb(kind string) string {
	switch kind {
	case string(sbom.RelDepends), string(sbom.RelPreDepends):
		return "needs"
	}
	return terminal.Escape(kind)
}

func via(e graph.Edge) string {
	if e.Via == "" {
		return ""
	}
	return " (as " + terminal.Escape(e.Via) + ")"
}

func sized(n int64) string {
	if n <= 0 {
		return ""
	}
	return " (" + terminal.Bytes(n) + ")"
}

// unknown adds the types without recorded install reasons.
func (m *model) unknown(p *page, types []string) {
	if len(types) > 0 {
		p.add("", "no install reasons are recorded for type %s: packages that no other one needs are presumed explicit", terminal.Escape(strings.Join(types, ", ")))
	}
}

// whatIf returns the answer to what is removed with the marked components.
func (m *model) whatIf(ids []string) *page {
	var names []string
	for _, id := range ids {
		r := m.rowOf(id)
		names = append(names, r.name)
	}
	p := &page{title: "without " + strings.Join(names, ", ")}
	c, err := m.stage.Graph.RebuildWithout(ids)
	if err != nil {
		p.add(terminal.Red, "%s", terminal.Escape(err.Error()))
		return p
	}
	p.add(terminal.Bold, "a rebuild has %s, %s", fewer(c.Count, c.Size), remaining(c.Remaining, c.RemainingSize))
	if a := c.Autoremove; a != nil {
		text := fmt.Sprintf("autoremove would take %d", a.Count)
		if b := a.Because; b != nil {
			from, to := m.rowOf(b.From), m.rowOf(b.To)
			text += fmt.Sprintf(": %s %s %s%s", from.label(), verb(b.Kind), to.label(), via(*b))
		}
		p.add("", "%s", text)
	}
	m.unknown(p, c.Unknown)
	if len(c.Breaks) > 0 {
		p.add("", "")
		p.add(terminal.Red, "breaks (%d)", len(c.Breaks))
	}
	// Roots first: they are missed most.
	slices.SortStableFunc(c.Breaks, func(a, b graph.Break) int { return cmp.Compare(rootsFirst(a), rootsFirst(b)) })
	for _, b := range c.Breaks {
		from, to := m.rowOf(b.From), m.rowOf(b.To)
		text := fmt.Sprintf("  %s %s %s%s", from.label(), verb(b.Kind), to.label(), via(b.Edge))
		if b.Reason != "" {
			text += fmt.Sprintf(" (it is %s)", b.Reason)
		}
		if b.Stays {
			text += "; it remains, broken"
		}
		p.add("", "%s", text)
	}
	for _, group := range []struct {
		because graph.Because
		title   string
	}{
		{graph.Requested, "removed as marked"},
		{graph.Broken, "removed because it needs a removed one"},
		{graph.Unneeded, "removed because nothing that remains needs it"},
	} {
		var rows []row
		for _, l := range c.Removed {
			if r := m.rowOf(l.ID); l.Because == group.because && !r.bundled {
				rows = append(rows, r)
			}
		}
		if len(rows) == 0 {
			continue
		}
		slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.id, b.id)) })
		p.add("", "")
		p.add(terminal.Bold, "%s (%d)", group.title, len(rows))
		for _, r := range rows {
			p.add("", "  %8s  %s", terminal.Bytes(r.size), r.label())
		}
	}
	return p
}

func rootsFirst(b graph.Break) int {
	if b.Reason != "" {
		return 0
	}
	return 1
}

func fewer(n int, size int64) string {
	return wording.Count(n, "dependency less", "dependencies less") + sized(size)
}

func remaining(n int, size int64) string {
	return wording.Count(n, "remains", "remain") + sized(size)
}

// help lists the keys and explains the columns.
func (m *model) help() *page {
	p := &page{title: "keys"}
	for _, l := range []string{
		"up down pgup pgdn home end   move (also j k g G)",
		"/              filter as you type: every word must be in name, version,",
		"               type, reason or provenance; enter keeps it, esc drops it",
		"s  S  r        sort by the next column, the previous one, backwards",
		"tab            between the list and the tree of what introduces what",
		"right left     open and close in the tree (also l h); * opens all below",
		"enter  w       why is this here; there: a for every way to it",
		"space          mark; u drops all marks",
		"x              what is removed and breaks without the marked ones, or",
		"               without the one under the cursor when none is marked",
		"?  q  esc      this page; quit, or leave a page; ctrl+z suspends",
		"",
		"reason      why it is installed: explicit, essential, named as a root,",
		"            presumed explicit (not recorded, and nothing else needs it);",
		"            dependency: another package needs it; orphan: no package",
		"            needs it any more; shared, in the tree: several introduce it",
		"provenance  what accounts for it, if a report has it",
		"introduces  how many others a rebuild without it would not have",
		"size        its own installed size, if the package database has it",
	} {
		p.add("", "%s", l)
	}
	if len(m.stage.Notes) > 0 {
		p.add("", "")
		p.add(terminal.Bold, "%s", "about this environment")
	}
	for _, n := range m.stage.Notes {
		p.add("", "%s", terminal.Escape(n))
	}
	return p
}
