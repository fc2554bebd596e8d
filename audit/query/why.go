package query

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Why says why a component is in a stage.
type Why struct {
	Head
	// Word is the word of the question; Path is it when it was a path, which
	// the target owns.
	Word string `json:"word"`
	Path string `json:"path,omitempty"`
	// All says that there is a chain for each component that needs the
	// target itself, and not for each root.
	All bool `json:"all,omitempty"`
	graph.Explanation
	// Components are those that are mentioned, sorted by ID.
	Components []Component `json:"components"`
}

// NewWhy makes the answer of what package graph found.
func NewWhy(s *Subject, asked, path string, all bool, paths *graph.Explanation) *Why {
	a := &Why{Head: s.head("why"), Word: asked, Path: path, All: all, Explanation: *paths}
	a.Chains = make([]graph.Chain, len(paths.Chains))
	for i, c := range paths.Chains {
		a.Chains[i] = s.filed(c)
	}
	l := s.components()
	l.add(paths.Target, paths.Owner)
	l.add(paths.RetainedBy...)
	for _, c := range paths.Chains {
		l.add(c.Root)
		for _, e := range c.Steps {
			l.add(e.From, e.To)
		}
	}
	a.Components = l.sorted()
	return a
}

// filed fills in which file says so, where the edge does not know: the record
// of the component that needs, which is the first place that shows it.
func (s *Subject) filed(c graph.Chain) graph.Chain {
	c.Steps = slices.Clone(c.Steps)
	for i := range c.Steps {
		e := &c.Steps[i]
		from := s.Graph.Component(e.From)
		if e.File == "" && e.Kind != graph.KindContains && e.Kind != graph.KindBundled && len(from.Paths) > 0 {
			e.File = from.Paths[0]
		}
	}
	return c
}

const (
	// maxShownSteps is how many steps of one chain are shown. Chains in real
	// stages have up to a dozen.
	maxShownSteps = 20
	// maxShownKeepers is the same for what every chain goes through.
	maxShownKeepers = 4
)

// Text writes the answer for people.
func (a *Why) Text(w io.Writer, o terminal.Options, _ int) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	if a.Path != "" {
		p.Prose("", indent, fmt.Sprintf("%s belongs to %s", terminal.Escape(a.Path), terminal.Escape(m.full(a.Target))), terminal.Plain)
	}
	t := m[a.Target]
	facts := t.Type
	if t.Provenance != "" {
		facts += ", " + t.Provenance
	}
	if s := terminal.Bytes(t.InstalledSize); s != "" {
		facts += ", " + s
	}
	p.Line("", fmt.Sprintf("%s  (%s)", terminal.Escape(m.full(a.Target)), terminal.Escape(facts)), terminal.Bold)
	p.Prose("", "", a.summary(m), terminal.Plain)
	file := a.oneFile()
	number := 0
	for _, c := range a.Chains {
		if len(c.Steps) == 0 {
			continue // that it is a root was said
		}
		number++
		p.Blank()
		p.chain(m, c, file)
	}
	if a.Cut > 0 {
		p.Blank()
		p.more("", a.Cut, " "+wording.Form(a.Cut, "chain", "chains"), " (--limit 0 shows all)")
	}
	if file != "" {
		p.Blank()
		p.Prose("", "", "As "+terminal.Escape(file)+" says.", terminal.Faint)
	}
	about := a.Head
	if !slices.Contains(about.Silent, t.Type) {
		about.Silent = nil // of others than the target
	}
	presumed := func(c graph.Chain) bool { return c.Reason == graph.Presumed }
	if a.Reason != graph.Presumed && !slices.ContainsFunc(a.Chains, presumed) {
		about.Presumed = nil // none of what is shown
	}
	p.caveats(&about)
	return p.write(w)
}

// summary says in a sentence or two what the chains show.
func (a *Why) summary(m index) string {
	var out []string
	if a.Owner != "" {
		out = append(out, fmt.Sprintf("It lies inside %s, and comes and goes with that.", terminal.Escape(m.full(a.Owner))))
	}
	switch a.Reason {
	case graph.Explicit:
		out = append(out, "It was asked for.")
	case graph.Essential:
		out = append(out, "It is essential: part of the system's minimum.")
	case graph.Named:
		out = append(out, "It was named as a root.")
	case graph.Presumed:
		out = append(out, "Nothing says whether it was asked for, and nothing else keeps it: it is presumed to have been.")
	case graph.Orphan:
		out = append(out, "Nothing keeps it: it came automatically, and what it came for is gone.")
	}
	roots := a.Roots
	if a.Reason != "" && a.Reason != graph.Orphan {
		roots-- // itself
	}
	switch {
	case roots == 0 && a.NeededBy == 0:
		if a.Reason != "" && a.Owner == "" && a.Reason != graph.Orphan && a.Reason != graph.Presumed {
			out = append(out, "Nothing else needs it.")
		}
	case a.Owner != "" && a.NeededBy <= 1: // by its owner
	case a.NeededBy > 0:
		text := wording.Count(a.NeededBy, "component needs", "components need") + " it directly"
		if a.Circular > 0 {
			text += fmt.Sprintf(" (%d of them %s here only because of it)", a.Circular, wording.Form(a.Circular, "is", "are"))
		}
		if roots > 0 {
			text += fmt.Sprintf(", %d of what was asked for %s to it", roots, wording.Form(roots, "leads", "lead"))
			if direct := a.directRoots(); direct > 0 && direct < roots {
				text += fmt.Sprintf(", %d of them with no other in between", direct)
			}
		}
		out = append(out, text+".")
	}
	if n := len(a.RetainedBy); n > 0 && a.Owner == "" {
		names := make([]string, 0, maxShownKeepers)
		for _, id := range a.RetainedBy[:min(n, maxShownKeepers)] {
			names = append(names, terminal.Escape(m.short(id)))
		}
		text := strings.Join(names, ", ")
		if n > maxShownKeepers {
			text += fmt.Sprintf(" and %d more", n-maxShownKeepers)
		}
		if n == 1 {
			out = append(out, fmt.Sprintf("Every chain goes through %s: without that it leaves.", text))
		} else {
			out = append(out, fmt.Sprintf("Every chain goes through %s: without any of them it leaves.", text))
		}
	}
	return strings.Join(out, " ")
}

// directRoots is the number of chains from roots when there is one for each,
// 0 when the chains are others.
func (a *Why) directRoots() int {
	if a.All {
		return 0
	}
	n := a.Cut
	for _, c := range a.Chains {
		if len(c.Steps) > 0 {
			n++
		}
	}
	return n
}

// oneFile is the file that all edges of the chains are from, "" when there
// are several: it is named once then, and not on each line.
func (a *Why) oneFile() string {
	file := ""
	for _, c := range a.Chains {
		for _, e := range c.Steps {
			if e.File == "" {
				continue
			}
			if file != "" && e.File != file {
				return ""
			}
			file = e.File
		}
	}
	return file
}

// chain writes one chain, one edge a line. It does not step to the right with
// each edge: a long one would leave the screen.
func (p sheet) chain(m index, c graph.Chain, file string) {
	p.Pair("", m.full(c.Root), rootWord(c.Reason), false)
	kinds := 0
	for _, e := range c.Steps {
		kinds = max(kinds, min(len(terminal.Escape(e.Kind)), maxKind))
	}
	for i, e := range c.Steps {
		if hidden := len(c.Steps) - maxShownSteps; hidden > 0 && i >= maxShownSteps/2 && i < len(c.Steps)-maxShownSteps/2 {
			if i == maxShownSteps/2 {
				p.more(indent, hidden, " "+wording.Form(hidden, "step", "steps"), " (-o json has all)")
			}
			continue
		}
		text := fmt.Sprintf("%-*s  %s", kinds, e.Kind, terminal.Escape(m.full(e.To)))
		if e.Via != "" {
			text += " for " + terminal.Escape(e.Via)
		}
		from := e.File
		if from == file {
			from = ""
		}
		p.Pair(indent, text, from, true)
	}
}

// maxKind is the width of the kinds of edges; a document can have its own.
const maxKind = len("pre-depends")
