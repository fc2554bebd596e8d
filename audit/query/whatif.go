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

// WhatIf is the answer to the question what a rebuild without some components
// would not have.
type WhatIf struct {
	Head
	// Without are the components to remove, Only the ones that stay explicit;
	// one of the two is empty.
	Without []string `json:"without,omitempty"`
	Only    []string `json:"only,omitempty"`
	graph.Removal
	// Unneeded are those in Removed that are automatic and not needed any
	// more, under the topmost ones that retain them, the largest first.
	Unneeded []Unneeded `json:"unneeded,omitempty"`
	// Components are those that the answer refers to, sorted by ID.
	Components []Component `json:"components"`
}

// Unneeded is an automatic component that is removed, with those that only it
// introduces.
type Unneeded struct {
	ID         string   `json:"id"`
	Introduces []string `json:"introduces,omitempty"`
	// Size is the installed size of all of them.
	Size int64 `json:"size,omitempty"`
}

// NewWhatIf returns what a rebuild without some components does not have, or a
// rebuild with some as its only explicit ones; one of the two is empty. The
// error is one of package graph.
func NewWhatIf(s *Subject, without, only []string) (*WhatIf, error) {
	ids, rebuild := without, s.Graph.RebuildWithout
	if len(only) > 0 {
		ids, rebuild = only, s.Graph.RebuildOnly
	}
	removal, err := rebuild(ids)
	if err != nil {
		return nil, err
	}
	a := &WhatIf{Head: s.head("whatif"), Without: without, Only: only, Removal: *removal}
	l := s.components()
	l.add(without...)
	l.add(only...)
	for _, x := range removal.Removed {
		l.add(x.ID)
	}
	if a.Autoremove != nil && a.Autoremove.Because != nil {
		l.add(a.Autoremove.Because.From, a.Autoremove.Because.To, a.Autoremove.Because.Instead)
	}
	for _, b := range removal.Breaks {
		l.add(b.From, b.To)
	}
	a.Components = l.sorted()
	a.Unneeded = unneeded(s.Graph.Rebuild(), removal.Removed)
	return a, nil
}

// unneededAutomatic reports whether a component is removed because nothing needs
// it any more, and it is not a root.
func unneededAutomatic(x graph.RemovedComponent) bool {
	return x.Because == graph.Unneeded && x.Reason == "" && x.Bundled == ""
}

// unneeded puts each automatic component under the topmost one that retains it.
func unneeded(g *graph.Graph, removed []graph.RemovedComponent) []Unneeded {
	automatic := make(map[string]bool)
	for _, x := range removed {
		if unneededAutomatic(x) {
			automatic[x.ID] = true
		}
	}
	// head is the topmost retainer that is removed too. Each is looked up once.
	head := make(map[string]string)
	headOf := func(id string) string {
		var below []string
		for head[id] == "" {
			retainer, err := g.Retainer(id)
			if err != nil || !automatic[retainer] {
				head[id] = id
				break
			}
			below = append(below, id)
			id = retainer
		}
		for _, b := range below {
			head[b] = head[id]
		}
		return head[id]
	}
	at := make(map[string]int)
	var out []Unneeded
	for _, x := range removed {
		if !automatic[x.ID] {
			continue
		}
		h := headOf(x.ID)
		i, ok := at[h]
		if !ok {
			i = len(out)
			at[h] = i
			out = append(out, Unneeded{ID: h})
		}
		if x.ID != h {
			out[i].Introduces = append(out[i].Introduces, x.ID)
		}
		out[i].Size += max(g.Component(x.ID).InstalledSize, 0)
	}
	slices.SortFunc(out, func(a, b Unneeded) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(len(b.Introduces), len(a.Introduces)), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Broken reports whether a component needs one that is removed.
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
	if a.Autoremove != nil {
		p.Prose(indent, indent, autoremoves(a.Autoremove, m, "autoremove would take")+".", terminal.Plain)
	}
	a.group(p, m, "Removed on request", limit, func(x graph.RemovedComponent) bool { return x.Because == graph.Requested })
	a.breaks(p, m, limit)
	a.group(p, m, "Explicit, and not needed", limit, func(x graph.RemovedComponent) bool {
		return x.Because == graph.Unneeded && x.Reason != "" && x.Reason != graph.Presumed
	})
	a.group(p, m, "Presumed explicit, and not needed", limit, func(x graph.RemovedComponent) bool { return x.Because == graph.Unneeded && x.Reason == graph.Presumed })
	a.unneeded(p, m, limit)
	p.caveats(&a.Head)
	return p.write(w)
}

func (a *WhatIf) summary() string {
	what := wording.Form(len(a.Without), "it", "them")
	text := fmt.Sprintf("A rebuild without %s has %s", what, fewer(a.Count, a.Size))
	if len(a.Only) > 0 {
		text = "A rebuild has " + fewer(a.Count, a.Size)
	}
	text += fmt.Sprintf(": %s %s", sized(strconv.Itoa(a.Remaining), a.RemainingSize), wording.Form(a.Remaining, "remains", "remain"))
	if n := len(a.broken()); n > 0 {
		text += fmt.Sprintf("; %d %s", n, wording.Form(n, "breaks", "break"))
	} else {
		text += "; nothing breaks"
	}
	if a.Orphans > 0 {
		text += fmt.Sprintf(". %d more %s not in a rebuild even now", a.Orphans, wording.Form(a.Orphans, "is", "are"))
	}
	return text + "."
}

// fewer returns a number of removed components.
func fewer(n int, size int64) string {
	if n == 0 {
		return "no fewer dependencies"
	}
	return sized(fmt.Sprintf("%d fewer %s", n, wording.Form(n, "dependency", "dependencies")), size)
}

// group lists the components that are removed for one reason.
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

// unneeded lists the automatic components that are not needed any more, each
// with the number of those that only it retains.
func (a *WhatIf) unneeded(p sheet, m index, limit int) {
	if len(a.Unneeded) == 0 {
		return
	}
	shown := a.Unneeded
	if limit > 0 {
		shown = shown[:min(len(shown), limit)]
	}
	var words []string
	all, retains, left := 0, false, 0
	var bytes int64
	for i, b := range a.Unneeded {
		all += 1 + len(b.Introduces)
		bytes += b.Size
		if i >= len(shown) {
			left += 1 + len(b.Introduces)
			continue
		}
		word := m.short(b.ID)
		if n := len(b.Introduces); n > 0 {
			word += fmt.Sprintf(" +%d", n)
			retains = true
		}
		words = append(words, word)
	}
	title := "Not needed any more: "
	if len(a.Only) > 0 {
		title = "Automatic, and not needed: "
	}
	title += sized(strconv.Itoa(all), bytes)
	if len(a.Unneeded) > 1 {
		title += ", largest first"
	}
	if retains {
		title += ", +N for those that only it introduces"
	}
	p.Blank()
	p.Prose("", "", title, terminal.Plain)
	p.List(indent, words)
	p.more(indent, left, "", " (--limit 0 lists all)")
}

// need is a component that loses some of its needs.
type need struct {
	id   string
	of   []string
	why  string
	root bool
}

// broken returns the components that break, roots first.
func (a *WhatIf) broken() []need {
	var out []need
	for _, b := range a.Breaks {
		if n := len(out); n == 0 || out[n-1].id != b.From { // they are sorted by it
			out = append(out, need{id: b.From, root: b.Reason != "", why: "automatic"})
			switch {
			case b.Stays:
				out[n].why = "bundled, stays"
			case b.Reason != "":
				out[n].why = rootWord(b.Reason)
			}
		}
		last := &out[len(out)-1]
		last.of = append(last.of, b.To)
	}
	slices.SortStableFunc(out, func(a, b need) int {
		switch {
		case a.root == b.root:
			return 0
		case a.root:
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
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "Package"}, {Title: "Reason", Whole: true}, {Title: "Needs"}}, Rows: rows})
	p.more(indent, len(all)-len(shown), "", " (--limit 0 lists all)")
}

// names returns some components for a sentence.
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

// names writes names beside each other, no more than limit.
func (p sheet) names(names []string, limit int) {
	shown := names
	if limit > 0 {
		shown = names[:min(len(names), limit)]
	}
	p.List(indent, shown)
	p.more(indent, len(names)-len(shown), "", " (--limit 0 lists all)")
}
