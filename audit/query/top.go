package query

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Top lists roots by the number of components that only they introduce.
type Top struct {
	Head
	// Total is the count of the stage.
	Total graph.Amount `json:"total"`
	// Roots are explicit, essential, named and presumed roots; those that
	// introduce most come first.
	Roots []TopRoot `json:"roots"`
	// Cut is the number of roots beyond the limit.
	Cut int `json:"cut,omitempty"`
	// ByReason is the number of all roots by reason.
	ByReason map[graph.Reason]int `json:"byReason"`
	// Together are the few roots that together introduce most, each after the
	// ones before it, where the number of each alone does not show that.
	Together []graph.JointRetention `json:"together,omitempty"`
	// Orphans is the number of components that a rebuild does not have.
	Orphans int `json:"orphans,omitempty"`
	// Components are those that the answer refers to, sorted by ID.
	Components []Component `json:"components"`
}

// TopRoot is a root with the components that it introduces.
type TopRoot struct {
	ID     string       `json:"id"`
	Reason graph.Reason `json:"reason,omitempty"`
	// Size is its own installed size in bytes, 0 when unknown.
	Size int64 `json:"size,omitempty"`
	// Introduces is the number of other components that a rebuild without it
	// does not have; IntroducesSize is their installed size.
	Introduces     int   `json:"introduces"`
	IntroducesSize int64 `json:"introducesSize,omitempty"`
	// Shared is the number of those that it leads to and that are there for
	// others too; SharedSize is their installed size.
	Shared     int   `json:"shared"`
	SharedSize int64 `json:"sharedSize,omitempty"`
	// Autoremove is what autoremove takes, where the number differs; its Count
	// is without the root itself, as Introduces is.
	Autoremove *graph.Autoremove `json:"autoremove,omitempty"`
}

// autoremoves returns the number of autoremove and why it is not that of a rebuild, after a beginning.
func autoremoves(a *graph.Autoremove, m index, what string) string {
	text := fmt.Sprintf("%s %d", what, a.Count)
	switch b := a.Because; {
	case b == nil:
		return text
	case b.Instead != "":
		return text + fmt.Sprintf(": %s has %s as an alternative to %s", terminal.Escape(m.short(b.From)), terminal.Escape(m.short(b.To)), terminal.Escape(m.short(b.Instead)))
	default:
		return text + fmt.Sprintf(": %s %s %s", terminal.Escape(m.short(b.From)), verbOf(b.Kind), terminal.Escape(m.short(b.To)))
	}
}

// verbOf returns a kind of relations as a verb.
func verbOf(kind string) string {
	switch kind {
	case string(sbom.RelRecommends), string(sbom.RelSuggests):
		return kind
	}
	return "needs"
}

// maxReasons bounds the rows whose number for autoremove is explained, each of
// which is a removal in the whole graph.
const maxReasons = 64

// maxTogether is the length of Together: more roots are not few.
const maxTogether = 8

// NewTop returns the limit roots that introduce most, all if limit is below one.
func NewTop(s *Subject, limit int) *Top {
	a := &Top{Head: s.head("top"), Total: total(s.Document), Roots: []TopRoot{}, ByReason: make(map[graph.Reason]int)}
	rebuild := s.Graph.Rebuild()
	roots := rebuild.Roots()
	for _, r := range roots.All {
		a.ByReason[r.Reason]++
	}
	a.Orphans = len(roots.Orphans)
	top, all := rebuild.Top(limit)
	reasons := 0
	for _, h := range top {
		root := TopRoot{ID: h.ID, Reason: h.Reason, Size: h.Size, Introduces: h.Retained, IntroducesSize: h.RetainedSize, Shared: h.Shared, SharedSize: h.SharedSize}
		if kept, err := s.Graph.Retained(h.ID); err == nil && kept.Retained != h.Retained {
			root.Autoremove = &graph.Autoremove{Count: kept.Retained, Size: kept.RetainedSize}
			if reasons++; reasons <= maxReasons {
				c, err := s.Graph.RebuildWithout([]string{h.ID})
				if err == nil && c.Autoremove != nil {
					root.Autoremove.Because = c.Autoremove.Because
				}
			}
		}
		a.Roots = append(a.Roots, root)
	}
	a.Cut = all - len(a.Roots)
	for _, p := range rebuild.TopTogether(maxTogether) {
		if p.Retained < 2 {
			break // it introduces nothing else
		}
		a.Together = append(a.Together, p)
	}
	l := s.components()
	for _, h := range a.Roots {
		l.add(h.ID)
		if h.Autoremove != nil && h.Autoremove.Because != nil {
			l.add(h.Autoremove.Because.From, h.Autoremove.Because.To, h.Autoremove.Because.Instead)
		}
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
	differs := slices.ContainsFunc(a.Roots, func(h TopRoot) bool { return h.Autoremove != nil })
	// That everything is the system's is told by the types.
	foreign := slices.ContainsFunc(a.Roots, func(h TopRoot) bool { return m[h.ID].Provenance != "os" })
	for _, h := range a.Roots {
		it := m[h.ID]
		provenance := it.Provenance
		if !foreign {
			provenance = ""
		}
		removed := ""
		if differs {
			removed = strconv.Itoa(h.Introduces)
		}
		if h.Autoremove != nil {
			removed = strconv.Itoa(h.Autoremove.Count)
		}
		why := ""
		if presumed || h.Reason == graph.Essential {
			why = string(h.Reason)
		}
		rows = append(rows, []string{
			it.FullName(), it.Version, strconv.Itoa(h.Introduces), terminal.Bytes(h.Size + h.IntroducesSize), removed, strconv.Itoa(h.Shared), terminal.Bytes(h.SharedSize), it.Type, provenance, why,
		})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "Root"}, {Title: "Version", Spare: 1}, {Title: "Introduces", Right: true}, {Title: "Size", Right: true}, {Title: "Autoremove", Right: true},
		{Title: "Shared", Right: true}, {Title: "Size", Long: "Size of shared", Right: true, Spare: 1}, {Title: "Type", Whole: true}, {Title: "Provenance", Spare: 1}, {Title: "Reason", Whole: true},
	}, Rows: rows})
	p.more(indent, a.Cut, "", " (--limit 0 lists all)")
	a.differences(p, m)
	a.together(p, m)
	p.caveats(&a.Head)
	return p.write(w)
}

// differences lists why autoremove takes less than a rebuild would not have.
func (a *Top) differences(p sheet, m index) {
	first := true
	for _, h := range a.Roots {
		if h.Autoremove == nil || h.Autoremove.Because == nil {
			continue
		}
		if first {
			p.Blank()
			first = false
		}
		p.Prose(indent, indent+indent, autoremoves(h.Autoremove, m, fmt.Sprintf("With %s, autoremove takes", terminal.Escape(m.short(h.ID)))), terminal.Faint)
	}
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
		out = append(out, fmt.Sprintf("%d that a rebuild does not have", a.Orphans))
	}
	return strings.Join(out, ", ")
}

func (a *Top) together(p sheet, m index) {
	if len(a.Together) == 0 {
		return
	}
	p.Blank()
	p.Prose("", "", "Roots that together introduce most, each without the ones above it:", terminal.Plain)
	p.Blank()
	var rows [][]string
	for _, t := range a.Together {
		rows = append(rows, []string{m.short(t.ID), strconv.Itoa(t.Retained), terminal.Bytes(t.Size), strconv.Itoa(t.Remaining)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "Without"}, {Title: "Introduces", Right: true}, {Title: "Size", Right: true}, {Title: "Remaining", Right: true},
	}, Rows: rows})
}
