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

// Why is the answer to the question why a component is in a stage.
type Why struct {
	Head
	// Word is the word of the question; Path is set when it was a path, which
	// the target owns.
	Word string `json:"word"`
	Path string `json:"path,omitempty"`
	// All is set when there is a chain for each component that needs the
	// target directly, instead of one for each root.
	All bool `json:"all,omitempty"`
	graph.Explanation
	// BundledType is the type of the components that are bundled in the target,
	// empty when they have several.
	BundledType string `json:"bundledType,omitempty"`
	// Components are those that the answer refers to, sorted by ID.
	Components []Component `json:"components"`
}

// NewWhy returns the answer for an explanation of package graph.
func NewWhy(s *Subject, word, path string, all bool, paths *graph.Explanation) *Why {
	a := &Why{Head: s.head("why"), Word: word, Path: path, All: all, Explanation: *paths}
	a.Chains = make([]graph.Chain, len(paths.Chains))
	for i, c := range paths.Chains {
		a.Chains[i] = s.filed(c)
	}
	types := make(map[string]bool)
	for i := range s.Document.Components {
		if c := &s.Document.Components[i]; c.Owner == paths.Target {
			types[c.Type] = true
			a.BundledType = c.Type
		}
	}
	if len(types) > 1 {
		a.BundledType = ""
	}
	l := s.components()
	l.add(paths.Target, paths.Owner)
	l.add(paths.RetainedBy...)
	for _, c := range paths.Chains {
		l.add(c.Root)
		for _, e := range c.Steps {
			l.add(e.From, e.To, e.Instead)
		}
	}
	a.Components = l.sorted()
	return a
}

// filed adds the file that records an edge, where the edge has none: the record
// of the component that needs, which is the first path that shows it.
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
	// maxShownSteps is the number of steps of one chain that are shown. Chains in real
	// stages have up to a dozen.
	maxShownSteps = 20
	// maxShownRetainers is the same for the components that every chain goes
	// through.
	maxShownRetainers = 4
)

// Text writes the answer for people.
func (a *Why) Text(w io.Writer, o terminal.Options, _ int) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	if a.Path != "" {
		p.Prose("", indent, fmt.Sprintf("%s is part of %s", terminal.Escape(a.Path), terminal.Escape(m.full(a.Target))), terminal.Plain)
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
			continue // the summary has it
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
		p.Prose("", "", "Recorded in "+terminal.Escape(file)+".", terminal.Faint)
	}
	about := a.Head
	if !slices.Contains(about.Unrelated, t.Type) {
		about.Unrelated = nil // those of other types than the target's
	}
	presumed := func(c graph.Chain) bool { return c.Reason == graph.Presumed }
	if a.Reason != graph.Presumed && !slices.ContainsFunc(a.Chains, presumed) {
		about.Presumed = nil // nothing that is shown is presumed
	}
	p.caveats(&about)
	return p.write(w)
}

// summary puts the chains into a sentence or two.
func (a *Why) summary(m index) string {
	var out []string
	if a.Owner != "" {
		out = append(out, fmt.Sprintf("It is bundled in %s, and is installed and removed with it.", terminal.Escape(m.full(a.Owner))))
	}
	switch a.Reason {
	case graph.Explicit:
		out = append(out, "It is explicit.")
	case graph.Essential:
		out = append(out, "It is required by the system: part of its minimum.")
	case graph.Named:
		out = append(out, "It was named as a root.")
	case graph.Presumed:
		out = append(out, "Its install reason is not recorded: it is presumed to be explicit.")
	case graph.Orphan:
		out = append(out, "Nothing retains it: it was installed automatically, and no package needs it any more.")
	}
	roots := a.Roots
	if a.Reason != "" && a.Reason != graph.Orphan {
		roots-- // itself
	}
	switch {
	case roots == 0 && a.NeededBy == 0:
		if a.Reason != "" && a.Owner == "" && a.Reason != graph.Orphan {
			text := "Nothing else needs it"
			if n := a.Bundled; n > 0 {
				text += fmt.Sprintf("; %s bundled in it", wording.Count(n, a.bundledWord()+" is", a.bundledWord()+"s are"))
			}
			out = append(out, text+".")
		}
	case a.Owner != "" && a.NeededBy <= 1: // by its owner
	case a.NeededBy > 0:
		text := wording.Count(a.NeededBy, "component needs", "components need") + " it directly"
		if a.Circular > 0 {
			text += fmt.Sprintf(" (%d of them %s installed only because of it)", a.Circular, wording.Form(a.Circular, "is", "are"))
		}
		if roots > 0 {
			text += fmt.Sprintf(", and %s to it", wording.Count(roots, "root leads", "roots lead"))
			if direct := a.directRoots(); direct > 0 && direct < roots {
				text += fmt.Sprintf(", %d of them without another one in between", direct)
			}
		}
		out = append(out, text+".")
	}
	if n := len(a.RetainedBy); n > 0 && a.Owner == "" {
		names := make([]string, 0, maxShownRetainers)
		for _, id := range a.RetainedBy[:min(n, maxShownRetainers)] {
			names = append(names, terminal.Escape(m.short(id)))
		}
		text := strings.Join(names, ", ")
		if n > maxShownRetainers {
			text += fmt.Sprintf(" and %d more", n-maxShownRetainers)
		}
		if n == 1 {
			out = append(out, fmt.Sprintf("Every chain goes through %s, and it is removed with that.", text))
		} else {
			out = append(out, fmt.Sprintf("Every chain goes through %s, and it is removed with any of them.", text))
		}
	}
	return strings.Join(out, " ")
}

// bundledWord returns what the ecosystem of the bundled components calls them.
func (a *Why) bundledWord() string {
	if a.BundledType == "golang" {
		return "module"
	}
	return "package"
}

// directRoots returns the number of chains from roots when there is one for
// each root, otherwise 0.
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

// oneFile returns the file that records all edges of the chains, "" when there
// are several. It is printed once then, and not on each line.
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

// chain writes one chain, one edge a line. The indent does not grow with each
// edge: a long chain would leave the screen.
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
		if e.Instead != "" {
			text += fmt.Sprintf(" (%s satisfies it)", terminal.Escape(m.short(e.Instead)))
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
