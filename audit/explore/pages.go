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

// page is an answer that stands over the list until it is left.
type page struct {
	title string
	lines []pageLine
	top   int
	// target is set for the answer to why, all when it has every chain.
	target string
	all    bool
	// fitted are the lines for a width.
	fitted []pageLine
	width  int
}

// pageLine is a line of an answer, whose beginning has a meaning.
type pageLine struct {
	text  string
	style terminal.Style
}

// wrapped are the lines for a width.
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

// why is the answer to why a component is there.
func (m *model) why(id string, all bool) *page {
	r := m.rowOf(id)
	p := &page{title: "why " + r.label(), target: id, all: all}
	w, err := m.stage.Graph.Why(id, graph.WhyOptions{All: all})
	if err != nil {
		p.add(terminal.Red, "%s", terminal.Escape(err.Error()))
		return p
	}
	if h, err := m.stage.Graph.Retained(id); err == nil {
		p.add("", "%s", reasonText(w.Reason))
		p.add("", "keeps %s alone%s, and shares %d%s", wording.Count(h.Retained, "other", "others"), sized(h.RetainedSize), h.Shared, sized(h.SharedSize))
	}
	if w.Owner != "" {
		owner := m.rowOf(w.Owner)
		p.add("", "lies inside %s", owner.label())
	}
	if w.NeededBy > 0 {
		text := fmt.Sprintf("needed directly by %d", w.NeededBy)
		if w.Circular > 0 {
			text += fmt.Sprintf(", of which %d are here only because of it", w.Circular)
		}
		p.add("", "%s", text)
	}
	if len(w.RetainedBy) > 0 {
		p.add("", "leaves with any of:")
		for _, keeper := range w.RetainedBy {
			k := m.rowOf(keeper)
			p.add("", "    %s", k.label())
		}
	}
	m.unknown(p, w.Unknown)
	for _, c := range w.Chains {
		if len(c.Steps) == 0 {
			continue // that it is a root was said
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
		return "it was asked for"
	case graph.Essential:
		return "it is essential: part of the system's minimum"
	case graph.Named:
		return "it is named as a root"
	case graph.Presumed:
		return "presumed to be asked for: nothing says, and nothing else needs it"
	case graph.Orphan:
		return "nothing keeps it: it came with something that is gone"
	}
	return "it came because something needs it"
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

// unknown says of which types nothing says what was asked for.
func (m *model) unknown(p *page, types []string) {
	if len(types) > 0 {
		p.add("", "nothing says what was asked for of type %s: presumed is what nothing else needs", terminal.Escape(strings.Join(types, ", ")))
	}
}

// whatIf is the answer to what leaves with the marked components.
func (m *model) whatIf(ids []string) *page {
	var names []string
	for _, id := range ids {
		r := m.rowOf(id)
		names = append(names, r.name)
	}
	p := &page{title: "without " + strings.Join(names, ", ")}
	c, err := m.stage.Graph.Without(ids, graph.WhatIf{})
	if err != nil {
		p.add(terminal.Red, "%s", terminal.Escape(err.Error()))
		return p
	}
	p.add(terminal.Bold, "%s, %s", leaves(c.Count, c.Size), stays(c.Remaining, c.RemainingSize))
	m.unknown(p, c.Unknown)
	if len(c.Breaks) > 0 {
		p.add("", "")
		p.add(terminal.Red, "breaks (%d)", len(c.Breaks))
	}
	// What somebody asked for first: that is what they would miss.
	slices.SortStableFunc(c.Breaks, func(a, b graph.Break) int { return cmp.Compare(askedFirst(a), askedFirst(b)) })
	for _, b := range c.Breaks {
		from, to := m.rowOf(b.From), m.rowOf(b.To)
		text := fmt.Sprintf("  %s %s %s%s", from.label(), verb(b.Kind), to.label(), via(b.Edge))
		if b.Reason != "" {
			text += fmt.Sprintf(" (it is %s)", b.Reason)
		}
		if b.Stays {
			text += "; it stays, broken"
		}
		p.add("", "%s", text)
	}
	for _, group := range []struct {
		because graph.Because
		title   string
	}{
		{graph.Requested, "leaves as marked"},
		{graph.Broken, "leaves because it needs what leaves"},
		{graph.Unneeded, "leaves because nothing that stays needs it"},
		{graph.Orphaned, "leaves in any case: nothing keeps it now"},
	} {
		var rows []row
		for _, l := range c.Removed {
			if r := m.rowOf(l.ID); l.Because == group.because && !r.inside {
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

func askedFirst(b graph.Break) int {
	if b.Reason != "" {
		return 0
	}
	return 1
}

func leaves(n int, size int64) string {
	if n == 1 {
		return "1 dependency leaves" + sized(size)
	}
	return fmt.Sprintf("%d dependencies leave%s", n, sized(size))
}

func stays(n int, size int64) string {
	if n == 1 {
		return "1 stays" + sized(size)
	}
	return fmt.Sprintf("%d stay%s", n, sized(size))
}

// help lists the keys and what the columns mean.
func (m *model) help() *page {
	p := &page{title: "keys"}
	for _, l := range []string{
		"up down pgup pgdn home end   move (also j k g G)",
		"/              filter as you type: every word must be in name, version,",
		"               type, asked or from; enter keeps the filter, esc drops it",
		"s  S  r        sort by the next column, the previous one, backwards",
		"tab            between the list and the tree of what keeps what",
		"right left     open and close in the tree (also l h); * opens all below",
		"enter  w       why is this here; there: a for every way to it",
		"space          mark; u drops all marks",
		"x              what would leave and break without the marked ones, or",
		"               without the one under the cursor when none is marked",
		"?  q  esc      this page; quit, or leave a page; ctrl+z suspends",
		"",
		"asked  why it is there for its own sake: asked, essential, named as a",
		"       root, presumed (nothing says, and nothing else needs it); orphan:",
		"       nothing keeps it; auto: it came because something needs it;",
		"       shared, in the tree: several keep it",
		"from   what accounts for it, where a report says so",
		"keeps  how many others only it keeps: they would leave with it",
		"size   its own installed size, where the package database says so",
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
