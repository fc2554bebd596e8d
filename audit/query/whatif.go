package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// WhatIf says what would leave a stage.
type WhatIf struct {
	Head
	// Without are the components that are taken away, Only those that alone
	// are asked for; one of them is empty.
	Without []string `json:"without,omitempty"`
	Only    []string `json:"only,omitempty"`
	graph.Removal
	// Orphans is the number of those in Leaves that nothing keeps now either.
	Orphans int `json:"orphans,omitempty"`
	// Bundles are those in Leaves that came along and are not needed any
	// more, under the ones that brought them, the largest first.
	Bundles []Bundle `json:"bundles,omitempty"`
	// Components are those that are mentioned, sorted by ID.
	Components []Component `json:"components"`
}

// Bundle is a component that leaves with those that only it keeps.
type Bundle struct {
	ID         string   `json:"id"`
	Introduces []string `json:"introduces,omitempty"`
	// Size is that of all of them together.
	Size int64 `json:"size,omitempty"`
}

// NewWhatIf makes the answer of what package graph found.
func NewWhatIf(s *Subject, without, only []string, change *graph.Removal) *WhatIf {
	a := &WhatIf{Head: s.head("whatif"), Without: without, Only: only, Removal: *change}
	l := s.components()
	l.add(without...)
	l.add(only...)
	for _, x := range change.Removed {
		l.add(x.ID)
		if x.Because == graph.Orphaned && x.Bundled == "" {
			a.Orphans++
		}
	}
	for _, b := range change.Breaks {
		l.add(b.From, b.To)
	}
	a.Components = l.sorted()
	a.Bundles = bundles(s.Graph, change.Removed)
	return a
}

// cameAlong says whether a component leaves because nothing needs it any
// more, and nobody asked for it.
func cameAlong(x graph.RemovedComponent) bool {
	return x.Because == graph.Unneeded && x.Reason == "" && x.Bundled == ""
}

// bundles puts what came along under the topmost of them that keeps it.
func bundles(g *graph.Graph, leaves []graph.RemovedComponent) []Bundle {
	along := make(map[string]bool)
	for _, x := range leaves {
		if cameAlong(x) {
			along[x.ID] = true
		}
	}
	// head is the topmost keeper that came along too. Each is looked up once.
	head := make(map[string]string)
	headOf := func(id string) string {
		var below []string
		for head[id] == "" {
			keeper, err := g.Retainer(id)
			if err != nil || !along[keeper] {
				head[id] = id
				break
			}
			below = append(below, id)
			id = keeper
		}
		for _, b := range below {
			head[b] = head[id]
		}
		return head[id]
	}
	at := make(map[string]int)
	var out []Bundle
	for _, x := range leaves {
		if !along[x.ID] {
			continue
		}
		h := headOf(x.ID)
		i, ok := at[h]
		if !ok {
			i = len(out)
			at[h] = i
			out = append(out, Bundle{ID: h})
		}
		if x.ID != h {
			out[i].Introduces = append(out[i].Introduces, x.ID)
		}
		out[i].Size += max(g.Component(x.ID).InstalledSize, 0)
	}
	slices.SortFunc(out, func(a, b Bundle) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(len(b.Introduces), len(a.Introduces)), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Broken says whether something needs what leaves.
func (a *WhatIf) Broken() bool { return len(a.Breaks) > 0 }

// Text writes the answer for people, with no more than limit names of a
// group, all below one.
func (a *WhatIf) Text(w io.Writer, o terminal.Options, limit int) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	what, ids := "without", a.Without
	if len(a.Only) > 0 {
		what, ids = "with only", a.Only
	}
	p.Prose("", indent, fmt.Sprintf("%s %s %s", terminal.Escape(a.Subject), what, m.names(ids)), terminal.Bold)
	p.Prose(indent, indent, a.summary(), terminal.Plain)
	a.group(p, m, "Taken away", limit, func(x graph.RemovedComponent) bool { return x.Because == graph.Requested })
	a.breaks(p, m, limit)
	a.group(p, m, "Asked for, and not needed", limit, func(x graph.RemovedComponent) bool {
		return x.Because == graph.Unneeded && x.Reason != "" && x.Reason != graph.Presumed
	})
	a.group(p, m, "Presumed asked for, and not needed", limit, func(x graph.RemovedComponent) bool { return x.Because == graph.Unneeded && x.Reason == graph.Presumed })
	a.bundles(p, m, limit)
	a.group(p, m, "Kept by nothing even now", limit, func(x graph.RemovedComponent) bool { return x.Because == graph.Orphaned })
	p.caveats(&a.Head)
	return p.write(w)
}

func (a *WhatIf) summary() string {
	text := fmt.Sprintf("%s %s, %s", sized(dependencies(a.Count), a.Size), wording.Form(a.Count, "leaves", "leave"), sized(strconv.Itoa(a.Remaining), a.RemainingSize)+wording.Form(a.Remaining, " is left", " are left"))
	if a.Orphans > 0 {
		text += fmt.Sprintf("; %d of those that leave %s kept by nothing even now", a.Orphans, wording.Form(a.Orphans, "is", "are"))
	}
	if n := len(a.broken()); n > 0 {
		return text + fmt.Sprintf("; %d %s", n, wording.Form(n, "breaks", "break"))
	}
	return text + "; nothing breaks"
}

// group lists the components that leave for one reason.
func (a *WhatIf) group(p sheet, m index, title string, limit int, has func(graph.RemovedComponent) bool) {
	var names []string
	var bytes int64
	for _, x := range a.Removed {
		if has(x) && x.Bundled == "" {
			names = append(names, m.short(x.ID))
			bytes += max(m[x.ID].InstalledSize, 0)
		}
	}
	if len(names) == 0 {
		return
	}
	p.Blank()
	p.Prose("", "", title+": "+sized(strconv.Itoa(len(names)), bytes), terminal.Plain)
	p.names(names, limit)
}

// bundles lists what came along, each with the number of those that only it
// keeps.
func (a *WhatIf) bundles(p sheet, m index, limit int) {
	if len(a.Bundles) == 0 {
		return
	}
	shown := a.Bundles
	if limit > 0 {
		shown = shown[:min(len(shown), limit)]
	}
	var words []string
	all, brought, left := 0, false, 0
	var bytes int64
	for i, b := range a.Bundles {
		all += 1 + len(b.Introduces)
		bytes += b.Size
		if i >= len(shown) {
			left += 1 + len(b.Introduces)
			continue
		}
		word := m.short(b.ID)
		if n := len(b.Introduces); n > 0 {
			word += fmt.Sprintf(" +%d", n)
			brought = true
		}
		words = append(words, word)
	}
	title := "Not needed any more: "
	if len(a.Only) > 0 {
		title = "Came along, and not needed: "
	}
	title += sized(strconv.Itoa(all), bytes)
	if len(a.Bundles) > 1 {
		title += ", largest first"
	}
	if brought {
		title += ", +N for what only it keeps"
	}
	p.Blank()
	p.Prose("", "", title, terminal.Plain)
	p.List(indent, words)
	p.more(indent, left, "", " (--limit 0 lists all)")
}

// need is a component with what it needs and loses.
type need struct {
	id    string
	of    []string
	why   string
	asked bool
}

// broken are the components that lose something, those first that somebody
// asked for.
func (a *WhatIf) broken() []need {
	var out []need
	for _, b := range a.Breaks {
		if n := len(out); n == 0 || out[n-1].id != b.From { // they are sorted by it
			out = append(out, need{id: b.From, asked: b.Reason != "", why: "came along"})
			switch {
			case b.Stays:
				out[n].why = "stays, in another"
			case b.Reason != "":
				out[n].why = rootWord(b.Reason)
			}
		}
		last := &out[len(out)-1]
		last.of = append(last.of, b.To)
	}
	slices.SortStableFunc(out, func(a, b need) int {
		switch {
		case a.asked == b.asked:
			return 0
		case a.asked:
			return -1
		}
		return 1
	})
	return out
}

func (a *WhatIf) breaks(p sheet, m index, limit int) {
	all := a.broken()
	if len(all) == 0 {
		return
	}
	p.Blank()
	p.Prose("", "", fmt.Sprintf("Broken without %s: %d", wording.Form(len(a.Without), "it", "them"), len(all)), terminal.Red)
	shown := all
	if limit > 0 {
		shown = all[:min(len(all), limit)]
	}
	var rows [][]string
	for _, n := range shown {
		var of []string
		for _, id := range n.of {
			of = append(of, m.short(id))
		}
		rows = append(rows, []string{m.short(n.id), n.why, strings.Join(of, ", ")})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "Package"}, {Title: "Was", Whole: true}, {Title: "Needs"}}, Rows: rows})
	p.more(indent, len(all)-len(shown), "", " (--limit 0 lists all)")
}

// names are some components in a sentence.
func (m index) names(ids []string) string {
	const most = 6
	var out []string
	for _, id := range ids[:min(len(ids), most)] {
		out = append(out, terminal.Escape(m.short(id)))
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
