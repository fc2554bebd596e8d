package inquiry

import (
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/sbom/graph"
)

// WhatIf says what would leave a stage.
type WhatIf struct {
	Head
	// Without are the components that are taken away, Only those that alone
	// are asked for; one of them is empty.
	Without []string `json:"without,omitempty"`
	Only    []string `json:"only,omitempty"`
	graph.Change
	// Orphans is the number of those in Leaves that nothing keeps now either.
	Orphans int `json:"orphans,omitempty"`
	// Components are those that are mentioned, sorted by ID.
	Components []Item `json:"components"`

	limit int
}

// NewWhatIf makes the answer of what package graph found. Text shows no more
// than limit names of a group, all below one.
func NewWhatIf(s *Subject, without, only []string, change *graph.Change, limit int) *WhatIf {
	a := &WhatIf{Head: s.head("whatif"), Without: without, Only: only, Change: *change, limit: limit}
	l := s.items()
	l.add(without...)
	l.add(only...)
	for _, x := range change.Leaves {
		l.add(x.ID)
		if x.Because == graph.Orphaned && x.Inside == "" {
			a.Orphans++
		}
	}
	for _, b := range change.Breaks {
		l.add(b.From, b.To)
	}
	a.Components = l.sorted()
	return a
}

// Broken says whether something needs what leaves.
func (a *WhatIf) Broken() bool { return len(a.Breaks) > 0 }

// leavingGroup is why some components leave, for people.
type leavingGroup struct {
	title string
	has   func(graph.Leaving) bool
}

func (a *WhatIf) groups() []leavingGroup {
	needless := "Not needed any more"
	if len(a.Only) > 0 {
		needless = "Came along, and not needed"
	}
	return []leavingGroup{
		{"Taken away", func(x graph.Leaving) bool { return x.Because == graph.Removed }},
		{"Broken without it", func(x graph.Leaving) bool { return x.Because == graph.Broken }},
		{"Asked for, and not needed", func(x graph.Leaving) bool { return x.Because == graph.Unneeded && x.Reason != "" }},
		{needless, func(x graph.Leaving) bool { return x.Because == graph.Unneeded && x.Reason == "" }},
		{"Kept by nothing even now", func(x graph.Leaving) bool { return x.Because == graph.Orphaned }},
	}
}

// Text writes the answer for people.
func (a *WhatIf) Text(w io.Writer, o report.Options) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	what, ids := "without", a.Without
	if len(a.Only) > 0 {
		what, ids = "with only", a.Only
	}
	p.Prose("", indent, fmt.Sprintf("%s  %s %s", report.Terminal(a.Subject), what, m.names(ids)), report.Strong)
	p.Prose(indent, indent, a.summary(), report.Plain)
	for _, g := range a.groups() {
		var names []string
		var bytes int64
		inside := 0
		for _, x := range a.Leaves {
			switch {
			case !g.has(x):
			case x.Inside != "":
				inside++
			default:
				names = append(names, m.short(x.ID))
				bytes += max(m[x.ID].Size, 0)
			}
		}
		if len(names) == 0 {
			continue
		}
		p.Blank()
		title := fmt.Sprintf("%s: %s", g.title, sized(fmt.Sprint(len(names)), bytes))
		if inside > 0 {
			title += fmt.Sprintf(", with %d inside", inside)
		}
		p.Prose("", "", title, report.Plain)
		p.names(names, a.limit)
	}
	a.breaks(p, m)
	p.caveats(&a.Head)
	return p.write(w)
}

func (a *WhatIf) summary() string {
	text := fmt.Sprintf("%s %s, %s", sized(dependencies(a.Count), a.Size), plural(a.Count, "leaves", "leave"), sized(fmt.Sprintf("%d are left", a.Left), a.LeftSize))
	if a.Orphans > 0 {
		text += fmt.Sprintf("; %d of them nothing keeps now either", a.Orphans)
	}
	if n := len(a.Breaks); n > 0 {
		return text + "; " + count(n, "need is", "needs are") + " not met any more"
	}
	return text + "; nothing breaks"
}

// breaks lists what needs what leaves.
func (a *WhatIf) breaks(p sheet, m index) {
	if len(a.Breaks) == 0 {
		return
	}
	p.Blank()
	p.Prose("", "", "Not met any more:", report.Bad)
	shown := a.Breaks
	if a.limit > 0 {
		shown = shown[:min(len(shown), a.limit)]
	}
	var rows [][]string
	for _, b := range shown {
		why := ""
		switch {
		case b.Stays:
			why = "stays, as part of another one"
		case b.Reason != "":
			why = rootWord(b.Reason)
		}
		need := m.short(b.To)
		if b.Via != "" && b.Via != need {
			need += " for " + b.Via
		}
		rows = append(rows, []string{m.short(b.From), b.Kind, need, why})
	}
	p.Table(indent, []report.SheetColumn{{Title: "Of"}, {Title: "Kind", Whole: true}, {Title: "Needs"}, {Title: "Which was"}}, rows)
	p.more(indent, len(a.Breaks)-len(shown), "", " (--limit 0 lists all)")
}

// names are some components in a sentence.
func (m index) names(ids []string) string {
	const most = 6
	var out []string
	for _, id := range ids[:min(len(ids), most)] {
		out = append(out, report.Terminal(m.short(id)))
	}
	text := strings.Join(out, ", ")
	if len(ids) > most {
		text += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return text
}

// names lists names beside each other, no more than limit.
func (p sheet) names(names []string, limit int) {
	shown := names
	if limit > 0 {
		shown = names[:min(len(names), limit)]
	}
	p.List(indent, shown)
	p.more(indent, len(names)-len(shown), "", " (--limit 0 lists all)")
}
