// Package query answers questions about environments: why a component is there,
// which roots retain most, what a removal would take with it, how a stage could
// be split, what differs between two, which ones contain a component, how the
// number developed over releases. Packages graph, diff and growth compute the
// answers; this package adds names, numbers and units, and writes them as text
// for a terminal and as JSON.
//
// # It decides nothing
//
// Each answer is a value made from the result of these packages, with
// the components that it refers to by ID. Its text, and the exit codes of the
// command, are computed from that value alone: see Broken, Unsure.
//
// # Two readers
//
// Text is for people: it fits the width of the terminal, long lists are cut,
// and the number of lines that were cut is printed with the option that shows
// them. JSON is for programs: an object with a schema number, the question, and
// the whole answer within the limits of the question. The types of this package
// are its documentation. Names are unchanged in JSON, and escaped in text.
//
// # Words
//
// A component introduces those that a rebuild without it would not have. That
// number comes first in every answer. The number of those that autoremove would
// take after it is printed beside it where it differs, with the reason.
//
// # Presumptions
//
// Chains begin at explicit packages. Where an installer did not record install
// reasons, some packages are presumed to be explicit, and where a document does
// not have relations, there are no chains at all. Every answer includes both.
package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// schema is the version of the JSON of all answers. It grows when a reader of
// the former one would misunderstand.
const schema = 1

// Subject is the stage that a question is about.
type Subject struct {
	// Name identifies the stage in answers.
	Name     string
	Document *sbom.Document
	Graph    *graph.Graph
	// Provenance returns the provenance of a dependency by an audit; nil when
	// there was none.
	Provenance func(id string) string
}

// Head is the beginning of every answer.
type Head struct {
	Schema int `json:"schema"`
	// Question is "why", "top", "whatif" or "split".
	Question string `json:"question"`
	// Subject is the reference of the environment, or the name of a stage.
	Subject string `json:"subject"`
	// Presumed are the types without recorded install reasons, so that the
	// beginnings of chains are presumed.
	Presumed []string `json:"presumed,omitempty"`
	// Gaps is the number of gaps in the document.
	Gaps int `json:"gaps,omitempty"`
	// Limitations are those of the document.
	Limitations []sbom.LimitationName `json:"limitations,omitempty"`
	// Unrelated are the types without any relation, so that chains end where
	// they begin.
	Unrelated []string `json:"unrelated,omitempty"`
}

func (s *Subject) head(question string) Head {
	roots := s.Graph.Rebuild().Roots()
	h := Head{Schema: schema, Question: question, Subject: s.Name, Presumed: roots.Unknown, Unrelated: unrelated(s.Document), Gaps: len(s.Document.Gaps)}
	for _, l := range s.Document.Limitations {
		h.Limitations = append(h.Limitations, l.Name)
	}
	return h
}

// unrelated returns the types of which no package needs another one. A type
// with a single package is not among them: it may well need nothing.
func unrelated(d *sbom.Document) []string {
	related := make(map[string]bool)
	byID := make(map[string]*sbom.Component, len(d.Components))
	count := make(map[string]int)
	for i := range d.Components {
		c := &d.Components[i]
		byID[c.ID] = c
		if c.Counts() && c.Kind != sbom.KindFiles {
			count[c.Type]++
		}
	}
	for _, r := range d.Relations {
		if c := byID[r.From]; c != nil {
			related[c.Type] = true
		}
	}
	var out []string
	for t, n := range count {
		if n > 1 && !related[t] {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// Unsure reports whether the answer could be different without the gaps and
// limitations of the document.
func (h *Head) Unsure() bool { return h.Gaps > 0 || h.NoRelations() }

// NoRelations reports whether the document does not contain relations.
func (h *Head) NoRelations() bool { return slices.Contains(h.Limitations, sbom.LimitRelations) }

// Component is a component that an answer refers to by its ID.
type Component struct {
	sbom.Component
	// Provenance is why the audit accepts the component, if there was one.
	Provenance string `json:"provenance,omitempty"`
}

// components collects the components that an answer refers to.
type components struct {
	subject *Subject
	seen    map[string]bool
	list    []Component
}

func (s *Subject) components() *components {
	return &components{subject: s, seen: make(map[string]bool)}
}

func (l *components) add(ids ...string) {
	for _, id := range ids {
		c := l.subject.Graph.Component(id)
		if c == nil || l.seen[id] {
			continue
		}
		l.seen[id] = true
		out := Component{Component: *c}
		if l.subject.Provenance != nil {
			out.Provenance = l.subject.Provenance(id)
		}
		l.list = append(l.list, out)
	}
}

// sorted returns the components by ID.
func (l *components) sorted() []Component {
	slices.SortFunc(l.list, func(a, b Component) int { return strings.Compare(a.ID, b.ID) })
	return l.list
}

// index has the components of an answer by ID.
type index map[string]*Component

func newIndex(list []Component) index {
	m := make(index, len(list))
	for i := range list {
		m[list[i].ID] = &list[i]
	}
	return m
}

// full returns name and version, for text.
func (m index) full(id string) string {
	it := m[id]
	if it == nil {
		return id
	}
	return it.Label()
}

// short returns the name alone.
func (m index) short(id string) string {
	if it := m[id]; it != nil {
		return it.FullName()
	}
	return id
}

// WriteJSON writes an answer. It ends with a line break.
func WriteJSON(w io.Writer, answer any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
}

// sheet is a page with the parts that several answers have.
type sheet struct {
	*terminal.Page
}

func newSheet(o terminal.Options) sheet { return sheet{terminal.NewPage(o)} }

func (p sheet) write(w io.Writer) error {
	_, err := p.WriteTo(w)
	return err
}

const indent = "  "

// caveats writes the presumptions and gaps of an answer below it.
func (p sheet) caveats(h *Head) {
	var out []string
	switch {
	case h.NoRelations():
		out = append(out, "The document does not contain relations: every package in it is its own root.")
	case len(h.Unrelated) > 0 && slices.Equal(h.Unrelated, h.Presumed):
		out = append(out, fmt.Sprintf("Neither relations nor install reasons are recorded for type %s: each of these packages is its own root.", listed(h.Unrelated)))
	case len(h.Unrelated) > 0:
		out = append(out, fmt.Sprintf("No relations are recorded for type %s: each of these packages is its own root.", listed(h.Unrelated)))
	}
	if len(h.Presumed) > 0 && !slices.Equal(h.Unrelated, h.Presumed) {
		out = append(out, fmt.Sprintf("No install reasons are recorded for type %s: packages that no other package needs are presumed to be explicit (--root names better roots).", listed(h.Presumed)))
	}
	if h.Gaps > 0 {
		out = append(out, fmt.Sprintf("%s not be examined: the answer may be incomplete.", wording.Count(h.Gaps, "place could", "places could")))
	}
	if len(out) > 0 {
		p.Blank()
	}
	for _, text := range out {
		p.Prose("", "", text, terminal.Yellow)
	}
}

// more writes the number of rows that were left out of a list.
func (p sheet) more(indent string, n int, what, how string) {
	if n > 0 {
		p.Prose(indent, indent, fmt.Sprintf("... and %d more%s%s", n, what, how), terminal.Faint)
	}
}

func dependencies(n int) string { return wording.Count(n, "dependency", "dependencies") }

// sized adds the size in parentheses, if it is known.
func sized(text string, n int64) string {
	if s := terminal.Bytes(n); s != "" {
		return text + " (" + s + ")"
	}
	return text
}

// rootWord returns the reason for a root in words.
func rootWord(r graph.Reason) string {
	switch r {
	case graph.Explicit:
		return "explicit"
	case graph.Essential:
		return "required by the system"
	case graph.Named:
		return "named as a root"
	case graph.Presumed:
		return "presumed explicit"
	case graph.Orphan:
		return "orphaned"
	}
	return string(r)
}
