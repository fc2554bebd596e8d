package query

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
)

// Find is the answer to the question which environments contain a component.
type Find struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	Pattern  string `json:"pattern"`
	// Subjects are the environments, in the order of the question.
	Subjects []FindSubject `json:"subjects"`
	// Near are similar names, when nothing was found.
	Near []string `json:"near,omitempty"`

	pattern *diff.Pattern
}

// FindSubject is the result for one environment.
type FindSubject struct {
	Name string `json:"name"`
	// Error is the reason why the environment could not be examined.
	Error string `json:"error,omitempty"`
	diff.Found
}

// NewFind returns an answer without environments.
func NewFind(p *diff.Pattern) *Find {
	return &Find{Schema: schema, Question: "find", Pattern: p.String(), Subjects: []FindSubject{}, pattern: p}
}

// Add adds the result for an environment.
func (f *Find) Add(name string, found diff.Found) {
	f.Subjects = append(f.Subjects, FindSubject{Name: name, Found: found})
}

// AddError adds an environment that could not be examined.
func (f *Find) AddError(name string, err error) {
	f.Subjects = append(f.Subjects, FindSubject{Name: name, Error: strings.TrimPrefix(err.Error(), name+": "), Found: diff.Found{Hits: []diff.Hit{}}})
}

// Found reports whether any environment contains the pattern.
func (f *Find) Found() bool {
	return slices.ContainsFunc(f.Subjects, func(s FindSubject) bool { return len(s.Hits) > 0 })
}

// Unsure reports whether an environment may contain the pattern although it was
// not found there.
func (f *Find) Unsure() bool {
	return slices.ContainsFunc(f.Subjects, func(s FindSubject) bool { return len(s.Hits) == 0 && s.unsure() })
}

// SQL writes the pattern as a condition on the table dependency of an export.
func (f *Find) SQL(w io.Writer) error {
	condition, err := f.pattern.SQL()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, condition)
	return err
}

func (s *FindSubject) unsure() bool { return s.Error != "" || len(s.Doubts)+len(s.Unseen) > 0 }

// Text writes the answer for people: at most limit lines of an environment,
// all below one.
func (f *Find) Text(w io.Writer, o terminal.Options, limit int) error {
	p := newSheet(o)
	holds := 0
	for i := range f.Subjects {
		if len(f.Subjects[i].Hits) > 0 {
			holds++
		}
	}
	pattern := terminal.Escape(f.Pattern)
	switch n := len(f.Subjects); {
	case holds == 0 && n == 1:
		p.Prose("", indent, fmt.Sprintf("%s: not found in %s", pattern, terminal.Escape(f.Subjects[0].Name)), terminal.Bold)
	case holds == 0:
		p.Prose("", indent, fmt.Sprintf("%s: found in none of %d", pattern, n), terminal.Bold)
	case n == 1:
		p.Prose("", indent, fmt.Sprintf("%s: found in %s", pattern, terminal.Escape(f.Subjects[0].Name)), terminal.Bold)
	default:
		p.Prose("", indent, fmt.Sprintf("%s: found in %d of %d", pattern, holds, n), terminal.Bold)
	}
	f.hits(p, limit)
	f.doubts(p, limit)
	var without []string
	for i := range f.Subjects {
		if s := &f.Subjects[i]; len(s.Hits) == 0 && !s.unsure() {
			without = append(without, terminal.Escape(s.Name))
		}
	}
	if holds > 0 && len(without) > 0 {
		p.Blank()
		p.Prose("", indent, "Not in: "+strings.Join(without, ", "), terminal.Plain)
	}
	if len(f.Near) > 0 {
		p.Blank()
		p.Prose("", indent, "Similar names: "+strings.Join(terminals(f.Near), ", "), terminal.Plain)
	}
	return p.write(w)
}

func (f *Find) hits(p sheet, limit int) {
	var rows [][]string
	cut, anyCase := 0, false
	for i := range f.Subjects {
		s := &f.Subjects[i]
		anyCase = anyCase || s.AnyCase && len(s.Hits) > 0
		for j, h := range s.Hits {
			if limit > 0 && j >= limit {
				cut += len(s.Hits) - limit
				break
			}
			where := ""
			switch {
			case strings.HasPrefix(f.Pattern, "/") && len(h.Paths) > 0: // the path of the question
				where = h.Paths[0]
			case h.Owner != "":
				where = "bundled in " + shortID(h.Owner)
			case len(h.Paths) > 0 && h.Kind != sbom.KindOS:
				where = h.Paths[0]
			}
			name := h.FullName()
			if h.Kind == sbom.KindFiles {
				name = h.Name // the path is in a column of its own
			}
			rows = append(rows, []string{s.Name, name, h.Version, h.Type, h.Arch, where})
		}
	}
	if len(rows) == 0 {
		return
	}
	p.Blank()
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "in", Path: true}, {Title: "name"}, {Title: "version", Whole: true}, {Title: "type", Whole: true}, {Title: "arch", Spare: 1}, {Title: "where", Path: true, Spare: 1},
	}, Rows: rows})
	p.more(indent, cut, "", " (--limit 0 shows all)")
	if anyCase {
		p.Prose(indent, indent, "These names differ from the pattern in case.", terminal.Faint)
	}
}

// maxUnseen is the number of unseen things that are worth reading.
const maxUnseen = 3

// doubts lists the environments that may contain the pattern although it was
// not found.
func (f *Find) doubts(p sheet, limit int) {
	for i := range f.Subjects {
		s := &f.Subjects[i]
		if !s.unsure() {
			continue
		}
		p.Blank()
		title := "Unsure in "
		if len(s.Hits) > 0 {
			title = "Also unsure in "
		}
		p.Prose("", indent, title+terminal.Escape(s.Name)+":", terminal.Yellow)
		if s.Error != "" {
			p.Prose(indent, indent+indent, terminal.Escape(s.Error), terminal.Plain)
		}
		for j := range s.Doubts {
			if limit > 0 && j >= limit {
				p.more(indent, len(s.Doubts)-limit, "", " (--limit 0 shows all)")
				break
			}
			p.Prose(indent, indent+indent, named(&s.Doubts[j].Component)+": "+terminal.Escape(s.Doubts[j].Why), terminal.Plain)
		}
		for j, b := range s.Unseen {
			if j >= maxUnseen {
				p.more(indent, len(s.Unseen)-maxUnseen, "", " (-o json has all)")
				break
			}
			p.Prose(indent, indent+indent, b.What+": "+terminal.Escape(b.Detail), terminal.Plain)
		}
	}
}

func terminals(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = terminal.Escape(n)
	}
	return out
}
