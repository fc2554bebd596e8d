package query

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Top lists roots by the number of components that only they retain.
type Top struct {
	Head
	// Total is the count of the stage.
	Total graph.Amount `json:"total"`
	// Roots are explicit, essential, named and presumed roots; those that
	// retain most come first.
	Roots []graph.Retention `json:"roots"`
	// Cut is the number of roots beyond the limit.
	Cut int `json:"cut,omitempty"`
	// ByReason is the number of all roots by reason.
	ByReason map[graph.Reason]int `json:"byReason"`
	// Together are the few roots that together retain most, each after the
	// ones before it, where the number of each alone does not show that.
	Together []graph.JointRetention `json:"together,omitempty"`
	// Orphans is the number of components that nothing retains.
	Orphans int `json:"orphans,omitempty"`
	// Components are those that the answer refers to, sorted by ID.
	Components []Component `json:"components"`
}

// maxTogether is the length of Together: more roots are not few.
const maxTogether = 8

// NewTop returns the limit roots that retain most, all if limit is below one.
func NewTop(s *Subject, limit int) *Top {
	a := &Top{Head: s.head("top"), Total: total(s.Document), ByReason: make(map[graph.Reason]int)}
	roots := s.Graph.Roots()
	for _, r := range roots.All {
		a.ByReason[r.Reason]++
	}
	a.Orphans = len(roots.Orphans)
	var all int
	a.Roots, all = s.Graph.Top(limit)
	a.Cut = all - len(a.Roots)
	for _, p := range s.Graph.TopTogether(maxTogether) {
		if p.Retained < 2 {
			break // it retains only itself
		}
		a.Together = append(a.Together, p)
	}
	l := s.components()
	for _, h := range a.Roots {
		l.add(h.ID)
	}
	for _, p := range a.Together {
		l.add(p.ID)
	}
	a.Components = l.sorted()
	return a
}

// total returns the count of a document.
func total(d *sbom.Document) (t graph.Amount) {
	for i := range d.Components {
		if c := &d.Components[i]; c.Counts() {
			t.Count++
			t.Size += max(c.InstalledSize, 0)
		}
	}
	return t
}

// Text writes the answer for people.
func (a *Top) Text(w io.Writer, o terminal.Options, _ int) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	p.Line("", a.Subject, terminal.Bold)
	p.Prose(indent, indent, sized(dependencies(a.Total.Count), a.Total.Size)+": "+a.summary(), terminal.Plain)
	p.Blank()
	var rows [][]string
	presumed := a.ByReason[graph.Presumed] > 0 || a.ByReason[graph.Named] > 0
	for _, h := range a.Roots {
		it := m[h.ID]
		why := ""
		if presumed || h.Reason == graph.Essential {
			why = string(h.Reason)
		}
		rows = append(rows, []string{
			fullName(&it.Component), it.Version, strconv.Itoa(h.Retained), terminal.Bytes(h.Size + h.RetainedSize), strconv.Itoa(h.Shared), terminal.Bytes(h.SharedSize), it.Type, it.Provenance, why,
		})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "Root"}, {Title: "Version", Spare: true}, {Title: "Retains", Right: true}, {Title: "Size", Right: true},
		{Title: "Shared", Right: true}, {Title: "Size", Right: true, Spare: true}, {Title: "Type", Whole: true}, {Title: "Provenance", Spare: true}, {Title: "Reason", Whole: true},
	}, Rows: rows})
	p.more(indent, a.Cut, "", " (--limit 0 lists all)")
	a.together(p, m)
	p.caveats(&a.Head)
	return p.write(w)
}

func (a *Top) summary() string {
	var out []string
	n := 0
	for _, reason := range []graph.Reason{graph.Explicit, graph.Named, graph.Presumed, graph.Essential} {
		if k := a.ByReason[reason]; k > 0 {
			out = append(out, fmt.Sprintf("%d %s", k, rootWord(reason)))
			n += k
		}
	}
	out = append(out, fmt.Sprintf("%d automatic", max(0, a.Total.Count-n-a.Orphans)))
	if a.Orphans > 0 {
		out = append(out, fmt.Sprintf("%d orphaned", a.Orphans))
	}
	return strings.Join(out, ", ")
}

func (a *Top) together(p sheet, m index) {
	if len(a.Together) == 0 {
		return
	}
	p.Blank()
	p.Prose("", "", "Roots that together retain most, each without the ones above it:", terminal.Plain)
	p.Blank()
	var rows [][]string
	for _, t := range a.Together {
		rows = append(rows, []string{m.short(t.ID), strconv.Itoa(t.Retained), terminal.Bytes(t.Size), strconv.Itoa(t.Remaining)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "Without"}, {Title: "Retains", Right: true}, {Title: "Size", Right: true}, {Title: "Remaining", Right: true},
	}, Rows: rows})
}
