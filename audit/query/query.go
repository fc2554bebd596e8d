// Package query writes down the answers to questions about one stage: why
// something is there, what keeps most of it, what would leave, how it could be
// split. Package graph finds the answers; here they get names, numbers and
// units, as text for a terminal and as JSON.
//
// # It decides nothing
//
// Each answer is a value made from what package graph returned, with the
// components that it mentions. What it says can be computed from that value
// alone, and so do the exit codes of the command: see Broken, Unsure.
//
// # Two readers
//
// Text is for people: it fits the width of the terminal, is cut where a list
// gets long, and then says how much was cut and how to see it. JSON is for
// programs: an object with a schema number, the question, and the whole
// answer within the limits that were asked for. The types of this package are
// its documentation. Names are as they are in JSON, and neutralised in text.
//
// # What is presumed
//
// Chains begin at what was asked for. Where an installer kept no record of
// that, something stands in for it, and where a document does not know what
// needs what, there are no chains at all. Both is said with every answer.
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

// Schema is the version of the JSON of all answers. It grows when a reader of
// the former one would misunderstand.
const Schema = 1

// Subject is the stage that is asked about.
type Subject struct {
	// Name is how answers call it.
	Name     string
	Document *sbom.Document
	Graph    *graph.Graph
	// Provenance is why a dependency may be in the stage, as an audit decided
	// it; nil when none did.
	Provenance func(id string) string
}

// Head is what all answers have in front.
type Head struct {
	Schema int `json:"schema"`
	// Question is "why", "top", "whatif" or "split".
	Question string `json:"question"`
	// Subject is the reference of the environment, or the name of a stage.
	Subject string `json:"subject"`
	// Presumed are the types of which nothing says what was asked for, so
	// that something stands in where chains begin.
	Presumed []string `json:"presumed,omitempty"`
	// Gaps is the number of things that could not be examined.
	Gaps int `json:"gaps,omitempty"`
	// Limitations are what the document cannot show at all.
	Limitations []sbom.LimitationName `json:"limitations,omitempty"`
	// Silent are the types of packages of which none is known to need
	// anything, so that chains end where they begin.
	Silent []string `json:"silent,omitempty"`
}

func (s *Subject) head(question string) Head {
	roots := s.Graph.Roots()
	h := Head{Schema: Schema, Question: question, Subject: s.Name, Presumed: roots.Unknown, Silent: silent(s.Document), Gaps: len(s.Document.Gaps)}
	for _, l := range s.Document.Limitations {
		h.Limitations = append(h.Limitations, l.Name)
	}
	return h
}

// silent are the types of packages of which none needs anything. A single
// package may well need nothing.
func silent(d *sbom.Document) []string {
	speaks := make(map[string]bool)
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
			speaks[c.Type] = true
		}
	}
	var out []string
	for t, n := range count {
		if n > 1 && !speaks[t] {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// Unsure says that the answer could be another one if more had been seen:
// there are gaps, or it is not known what needs what.
func (h *Head) Unsure() bool { return h.Gaps > 0 || h.Blind() }

// Blind says that it is not known what needs what.
func (h *Head) Blind() bool { return slices.Contains(h.Limitations, sbom.LimitRelations) }

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

// fullName is the name with the namespace where that is part of it for
// people: the scope of a package, the group of a jar, but not the
// distribution of a package of the system.
func fullName(c *sbom.Component) string {
	if c.Namespace == "" || c.Kind == sbom.KindOS || c.Kind == sbom.KindFiles {
		return c.Name
	}
	return c.Namespace + "/" + c.Name
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

// full is name and version, for text.
func (m index) full(id string) string {
	it := m[id]
	if it == nil {
		return id
	}
	return strings.TrimSpace(fullName(&it.Component) + " " + it.Version)
}

// short is the name alone.
func (m index) short(id string) string {
	if it := m[id]; it != nil {
		return fullName(&it.Component)
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

// sheet is a page with what all texts share.
type sheet struct {
	*terminal.Page
}

func newSheet(o terminal.Options) sheet { return sheet{terminal.NewPage(o)} }

func (p sheet) write(w io.Writer) error {
	_, err := p.WriteTo(w)
	return err
}

const indent = "  "

// caveats say what the answer rests on, below it.
func (p sheet) caveats(h *Head) {
	var out []string
	switch {
	case h.Blind():
		out = append(out, "The document does not say what needs what: everything in it stands for itself.")
	case len(h.Silent) > 0 && slices.Equal(h.Silent, h.Presumed):
		out = append(out, fmt.Sprintf("Nothing says what packages of the type %s need, or which of them were asked for: each of them stands for itself.", listed(h.Silent)))
	case len(h.Silent) > 0:
		out = append(out, fmt.Sprintf("Nothing says what packages of the type %s need: each of them stands for itself.", listed(h.Silent)))
	}
	if len(h.Presumed) > 0 && !slices.Equal(h.Silent, h.Presumed) {
		out = append(out, fmt.Sprintf("Nothing says what was asked for of the type %s: what nothing else needs is presumed to have been (--root names better ones).", listed(h.Presumed)))
	}
	if h.Gaps > 0 {
		out = append(out, fmt.Sprintf("%s not be examined: the answer may lack what is there.", wording.Count(h.Gaps, "thing could", "things could")))
	}
	if len(out) > 0 {
		p.Blank()
	}
	for _, text := range out {
		p.Prose("", "", text, terminal.Yellow)
	}
}

// more says how many rows were left out of a list.
func (p sheet) more(indent string, n int, what, how string) {
	if n > 0 {
		p.Prose(indent, indent, fmt.Sprintf("... and %d more%s%s", n, what, how), terminal.Faint)
	}
}

func dependencies(n int) string { return wording.Count(n, "dependency", "dependencies") }

// sized adds the size in brackets, if it is known.
func sized(text string, n int64) string {
	if s := terminal.Bytes(n); s != "" {
		return text + " (" + s + ")"
	}
	return text
}

// rootWord says for people why something is a root.
func rootWord(r graph.Reason) string {
	switch r {
	case graph.Explicit:
		return "asked for"
	case graph.Essential:
		return "essential"
	case graph.Named:
		return "named as a root"
	case graph.Presumed:
		return "presumed asked for"
	case graph.Orphan:
		return "kept by nothing"
	}
	return string(r)
}
