package explore

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// row is a component as it is shown. Its texts are escaped.
type row struct {
	id             string
	name, version  string
	typ            string
	reason         string
	provenance     string
	detail         string
	search         string // the text that a filter is matched with
	introduces     int
	introducedSize int64
	size           int64
	bundled        bool
}

// column is a column that rows can be sorted by.
type column int

const (
	byName column = iota
	byVersion
	byReason
	byProvenance
	byIntroduces
	bySize
)

// titles returns the titles in the order of the columns.
func titles() []string {
	return []string{"name", "version", "reason", "provenance", "introduces", "size"}
}

// rowsOf returns the components that count, sorted by ID.
func rowsOf(s Stage) []row {
	var rows []row
	for _, h := range s.Graph.Rebuild().Retentions() {
		r := rowOf(s, h.ID)
		r.introduces, r.introducedSize = h.Retained, h.RetainedSize
		if h.Reason != "" {
			r.reason = string(h.Reason)
		}
		rows = append(rows, r)
	}
	return rows
}

func rowOf(s Stage, id string) row {
	c := s.Graph.Component(id)
	r := row{
		id: id, name: terminal.Escape(c.FullName()), version: terminal.Escape(c.Version), typ: terminal.Escape(c.Type),
		reason: terminal.Escape(string(c.InstallReason)), size: max(0, c.InstalledSize), bundled: !c.Counts(), detail: c.Detail,
	}
	if c.Kind == sbom.KindFiles {
		r.version = ""
	}
	if s.Provenance != nil {
		r.provenance = terminal.Escape(s.Provenance(id))
	}
	if r.detail == "" && len(c.Paths) > 0 && c.Kind == sbom.KindPackage {
		r.detail = c.Paths[0]
	}
	r.detail = terminal.Escape(r.detail)
	r.search = strings.ToLower(strings.Join([]string{r.name, r.version, r.typ, r.reason, r.provenance}, " "))
	return r
}

// label returns a component for a sentence.
func (r *row) label() string {
	if r.version == "" {
		return r.name
	}
	return r.name + " " + r.version
}

// arrange filters and sorts the list.
func (m *model) arrange() {
	words := strings.Fields(strings.ToLower(m.filter))
	m.shown = m.shown[:0]
	for i := range m.rows {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(m.rows[i].search, w) }) {
			m.shown = append(m.shown, i)
		}
	}
	slices.SortFunc(m.shown, func(a, b int) int {
		order := m.compare(&m.rows[a], &m.rows[b])
		if m.backwards {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a, b))
	})
}

// compare orders names from a to z and numbers from the largest.
func (m *model) compare(a, b *row) int {
	switch m.sort {
	case byVersion:
		return cmp.Compare(a.version, b.version)
	case byReason:
		return cmp.Compare(reasonOrder(a.reason), reasonOrder(b.reason))
	case byProvenance:
		return cmp.Compare(a.provenance, b.provenance)
	case byIntroduces:
		return cmp.Or(cmp.Compare(b.introduces, a.introduces), cmp.Compare(b.introducedSize+b.size, a.introducedSize+a.size))
	case bySize:
		return cmp.Compare(b.size, a.size)
	}
	return cmp.Or(cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), cmp.Compare(a.name, b.name))
}

// reasonOrder puts the components first that can be removed without a break.
func reasonOrder(reason string) int {
	return slices.Index([]string{string(graph.Explicit), string(graph.Named), string(graph.Presumed), string(graph.Orphan), string(graph.Essential), string(sbom.ReasonDependency)}, reason)
}
