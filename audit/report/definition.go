package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// definitionText returns the row of a definition: its numbers, the difference to the
// baseline, and where it is.
func definitionText(d *audit.Definition) string {
	text := d.Counts.String()
	if d.Known {
		var parts []string
		for _, p := range []struct {
			n    int
			word string
		}{{len(d.Added), "new"}, {len(d.Removed), "removed"}, {len(d.Changed), "at another version"}, {len(d.Weaker), "with a weaker pin"}} {
			if p.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
			}
		}
		if len(parts) > 0 {
			text += "; " + strings.Join(parts, ", ")
		}
	}
	if n := len(d.Undecided); n > 0 {
		text += "; " + wording.Count(n, "place", "places") + " with a value that depends on the run"
	}
	return text + " (" + strings.Join(d.Refs, ", ") + ")"
}

// defined returns the number of a definition for a column, "" without one.
func (s stage) defined() string {
	d := s.Definition
	switch {
	case d == nil:
		return ""
	case d.Counts.Floating > 0:
		return fmt.Sprintf("%d, %d floating", d.Counts.Total, d.Counts.Floating)
	}
	return strconv.Itoa(d.Counts.Total)
}

// definitionList lists the uses with all of their places, then what only the
// baseline has.
func definitionList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Kind"}, {Title: "Name", Code: true}, {Title: "Version", Code: true}, {Title: "Pin"}, {Title: "Place", Path: true, Code: true},
		{Title: "Via", Code: true, Spare: 2}, {Title: "Growth"}, {Title: "Detail", Spare: 2},
	}}
	d := s.Definition
	if d == nil {
		return l
	}
	added := map[string]bool{}
	for _, id := range d.Added {
		added[id] = true
	}
	for i := range d.Uses {
		u := &d.Uses[i]
		growth := ""
		if added[u.ID] {
			growth = "new"
		}
		l.Rows = append(l.Rows, []string{u.Kind, u.Name, audit.ShortVersion(u.Version), u.Pin, placesOf(u), u.ShortVia(), growth, useDetail(u)})
	}
	for _, n := range d.Undecided {
		l.Rows = append(l.Rows, []string{"undecided", "", "", "", n.String(), "", "", n.Detail})
	}
	for _, a := range d.Removed {
		kind, name, _ := strings.Cut(a.Key, " ")
		l.Rows = append(l.Rows, []string{kind, name, audit.ShortVersion(a.Version), a.Pin, "", "", "removed", ""})
	}
	return l
}

// placesOf returns all places of a use.
func placesOf(u *audit.Use) string {
	var places []string
	for _, p := range u.Places {
		places = append(places, p.String())
	}
	return strings.Join(places, " ")
}

// useDetail returns why a use floats, or the exception that excuses it.
func useDetail(u *audit.Use) string {
	if u.Exception != nil {
		return fmt.Sprintf("excepted until %s by %s: %s", u.Exception.Expires, u.Exception.Owner, u.Exception.Reason)
	}
	return u.Detail
}

// useLine returns a use of a finding with the reason.
func useLine(f audit.Finding, u *audit.Use) string {
	text := u.Label()
	if f.Rule != audit.RuleNewUse.ID && u.Detail != "" {
		text += ": " + u.Detail
	}
	if u.Via != "" {
		text += " (via " + u.ShortVia() + ")"
	}
	return text
}

// uses writes the uses of a finding: where each is, and why it breaks the rule.
func (p *page) uses(s stage, f audit.Finding) {
	for i, id := range f.Uses {
		if i == shownItems {
			p.field("", "", fmt.Sprintf("and %d more: see --show definition", len(f.Uses)-i))
			return
		}
		u := s.Definition.Use(id)
		if u == nil {
			continue
		}
		for _, at := range u.Places[:min(len(u.Places), shownPlaces)] {
			p.paste("", "", at.String())
		}
		if more := len(u.Places) - shownPlaces; more > 0 {
			p.field("", "", fmt.Sprintf("and %d more places: see --show definition", more))
		}
		p.field("", "", useLine(f, u))
	}
}

// shownPlaces is the number of places of a use that a summary has.
const shownPlaces = 3

// markdownUses lists the uses of a finding.
func markdownUses(s stage, f audit.Finding) string {
	var b strings.Builder
	for i, id := range f.Uses {
		if i == shownItems {
			fmt.Fprintf(&b, "- and %d more\n", len(f.Uses)-i)
			break
		}
		u := s.Definition.Use(id)
		if u == nil {
			continue
		}
		fmt.Fprintf(&b, "- %s %s\n", orNothing(terminal.MarkdownCode(u.Places[0].String())), terminal.MarkdownText(useLine(f, u)))
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// useResults returns a result for each place of each use of a finding: every one of
// the lines has to be changed.
func (m *maker) useResults(s *audit.Stage, f audit.Finding) []result {
	var out []result
	uses := s.Definition.ByID()
	for _, id := range f.Uses {
		u := uses[id]
		if u == nil {
			continue
		}
		one := f
		if u.Fix != "" && f.Rule != audit.RuleNewUse.ID {
			one.Fix = u.Fix
		}
		text := useLine(f, u)
		if f.Rule == audit.RuleNewUse.ID || u.Detail == "" {
			text = u.Label() + ": " + f.Message
		}
		for _, at := range u.Places {
			out = append(out, m.result(s.Name, one, u.Key, text, place{file: at.File, line: at.Line, column: at.Column}))
		}
	}
	return out
}

// causedAt returns the line of the definition that installs a dependency.
func causedAt(s *audit.Stage, id string) place {
	if s.Definition == nil {
		return place{}
	}
	for i := range s.Definition.Uses {
		if u := &s.Definition.Uses[i]; u.Dependency == id {
			return place{file: u.Places[0].File, line: u.Places[0].Line, column: u.Places[0].Column}
		}
	}
	return place{}
}

// useRows returns the rows of a definition for the csv format, where they do not
// count.
func useRows(s *audit.Stage) [][]string {
	if s.Definition == nil {
		return nil
	}
	var out [][]string
	for i := range s.Definition.Uses {
		u := &s.Definition.Uses[i]
		out = append(out, []string{
			s.Name, u.Kind, u.Name, u.Version, u.PURL, "definition", u.Pin, "false", u.Via, u.Places[0].File, strconv.Itoa(u.Places[0].Line), useDetail(u), placesOf(u),
		})
	}
	return out
}

// usePlaces returns the places of the uses of a finding for the html format.
func usePlaces(f audit.Finding, d *audit.Definition) []string {
	var out []string
	for _, id := range f.Uses {
		u := d.Use(id)
		if u == nil {
			continue
		}
		if len(out) == shownItems {
			return append(out, fmt.Sprintf("and %d more", len(f.Uses)-shownItems))
		}
		out = append(out, foreign(u.Places[0].String()+" "+useLine(f, u)))
	}
	return out
}
