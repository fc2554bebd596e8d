package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Text writes the answer for people: of each list at most limit lines, all
// below one.
func (d *Diff) Text(w io.Writer, o terminal.Options, limit int) error {
	p := diffSheet{sheet: newSheet(o), limit: limit}
	for i := range d.Stages {
		if i > 0 {
			p.Blank()
		}
		p.stage(&d.Stages[i])
	}
	if len(d.Stages) > 0 && len(d.OnlyBefore)+len(d.OnlyAfter) > 0 {
		p.Blank()
	}
	for _, only := range []struct {
		title  string
		stages []DiffSide
	}{{"Stages only before", d.OnlyBefore}, {"Stages only after", d.OnlyAfter}} {
		if len(only.stages) > 0 {
			var names []string
			for i := range only.stages {
				s := &only.stages[i]
				names = append(names, fmt.Sprintf("%s (%s)", terminal.Escape(cmp.Or(s.Stage, s.Name)), dependencies(s.Counted)))
			}
			p.Prose("", indent, fmt.Sprintf("%s: %s", only.title, strings.Join(names, ", ")), terminal.Plain)
		}
	}
	return p.write(w)
}

type diffSheet struct {
	sheet
	limit int
}

func (p diffSheet) stage(s *StageDiff) {
	d := s.Difference
	p.Prose("", indent, terminal.Escape(s.Before.Name)+" -> "+terminal.Escape(s.After.Name), terminal.Bold)
	if s.Before.OS != s.After.OS && s.Before.OS != "" && s.After.OS != "" {
		p.Prose(indent, indent+indent, terminal.Escape(s.Before.OS)+" -> "+terminal.Escape(s.After.OS), terminal.Plain)
	}
	p.Prose(indent, indent, fmt.Sprintf("%d -> %s: %s", d.Before.Counted, dependencies(d.After.Counted), strings.Join(s.summary(), ", ")), terminal.Plain)
	if s.Record != nil && s.Record.Verdicts != nil {
		v := s.Record.Verdicts
		p.Prose(indent, indent, fmt.Sprintf("verdict: %s -> %s", v[0], v[1]), terminal.Plain)
	}
	for _, u := range s.Unsure {
		p.Prose(indent+"unsure: ", indent+"        ", u, terminal.Yellow)
	}
	for _, side := range []*DiffSide{&s.Before, &s.After} {
		var names []string
		for _, l := range side.Limitations {
			names = append(names, string(l.Name))
		}
		if names = slices.Compact(names); len(names) > 0 {
			p.Prose(indent, indent+indent, terminal.Escape(side.Name)+" cannot show: "+terminal.Escape(strings.Join(names, ", ")), terminal.Faint)
		}
	}
	p.record(s.Record)
	p.groups("Added", d.Added, d.AddedBy, "introduces")
	p.groups("Removed", d.Removed, d.RemovedBy, "introduced")
	p.changes("Changed version", d.Changed)
	p.replaced(d)
	p.moves("Now bundled, not counted any more", d.MovedIn)
	p.moves("Now counted, was bundled", d.MovedOut)
	p.judgements(s)
	p.artifacts(d)
	p.layers(d)
	p.bundled(d)
	p.notCompared(s)
}

// summary returns the counts that are not 0, or that there are none.
func (s *StageDiff) summary() []string {
	d := s.Difference
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, wording.Count(n, one, many))
		}
	}
	add(len(d.Added), "added", "added")
	add(len(d.Removed), "removed", "removed")
	add(len(d.Changed), "changed version", "changed versions")
	add(len(d.MovedIn), "now bundled", "now bundled")
	add(len(d.MovedOut), "not bundled any more", "not bundled any more")
	weaker, stronger := 0, 0
	if s.Record != nil {
		weaker, stronger = len(s.Record.Weaker), len(s.Record.Stronger)
	}
	add(weaker, "with weaker evidence", "with weaker evidence")
	add(stronger, "with stronger evidence", "with stronger evidence")
	add(len(d.Judgements)-weaker-stronger, "with changed provenance or evidence", "with changed provenance or evidence")
	add(len(d.Artifacts), "with changed content or origin", "with changed content or origin")
	n := 0
	for _, l := range d.Layers {
		n += len(l.IDs)
	}
	add(n, "from another layer", "from other layers")
	i := &d.Bundled
	add(len(i.Added)+len(i.Removed)+len(i.Changed)+len(i.Owners), "difference in bundled components", "differences in bundled components")
	for _, l := range s.Record.lists() {
		add(len(l.entries), l.one, l.many)
	}
	if len(parts) == 0 && (s.Record == nil || s.Record.Verdicts == nil) {
		return []string{"no difference"}
	}
	if len(parts) == 0 {
		return []string{"another verdict"}
	}
	return parts
}

// cut returns how many of n lines are shown.
func (p diffSheet) cut(n int) int {
	if p.limit > 0 {
		return min(n, p.limit)
	}
	return n
}

func (p diffSheet) title(text string, n int) {
	p.Blank()
	p.Prose("", "", fmt.Sprintf("%s: %d", text, n), terminal.Plain)
}

func (p diffSheet) rest(n, shown int) { p.more(indent, n-shown, "", " (--limit 0 shows all)") }

// groups lists components under those that introduce them.
func (p diffSheet) groups(title string, list []diff.Component, groups []graph.Introduction, verb string) {
	if len(list) == 0 {
		return
	}
	p.title(title, len(list))
	byID := map[string]*diff.Component{}
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	if groups == nil {
		for i := range list {
			groups = append(groups, graph.Introduction{ID: list[i].ID})
		}
	}
	shown := groups[:p.cut(len(groups))]
	for _, g := range shown {
		text := named(byID[g.ID])
		if judgement := byID[g.ID].Judgement; judgement != nil {
			text += ", " + judgementText(*judgement)
		}
		if why := cause(g); why != "" {
			text += ", " + terminal.Escape(why)
		}
		if n := len(g.Introduces); n > 0 {
			text += fmt.Sprintf("; %s %d: ", verb, n)
			names := g.Introduces[:p.cut(n)]
			for i, id := range names {
				if i > 0 {
					text += ", "
				}
				text += terminal.Escape(byID[id].FullName())
			}
			if n > len(names) {
				text += fmt.Sprintf(" and %d more", n-len(names))
			}
		}
		p.Prose(indent, indent+indent, text, terminal.Plain)
	}
	hidden := 0
	for _, g := range groups[len(shown):] {
		hidden += 1 + len(g.Introduces)
	}
	p.rest(hidden, 0)
}

// cause returns why the head of a group is there, empty if it is not known. It is not
// escaped.
func cause(g graph.Introduction) string {
	switch m := g.Mention; {
	case g.Reason == graph.Explicit:
		return "explicit"
	case g.Reason == graph.Essential:
		return "required by the system"
	case len(g.NeededBy) > 0:
		return "needed by " + firstOf(g.NeededBy)
	case len(g.SharedBy) > 0:
		return "shared by " + firstOf(g.SharedBy)
	case m != nil && m.Instead != "":
		return fmt.Sprintf("not required: %s has it as an alternative to %s", shortName(m.From), shortName(m.Instead))
	case m != nil:
		return fmt.Sprintf("not required: %s %s it", shortName(m.From), verbOf(m.Kind))
	}
	return ""
}

// firstOf names the first of some identities, and the number of the others. It is not
// escaped.
func firstOf(ids []string) string {
	text := shortName(ids[0])
	if n := len(ids) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// named returns a component for a sentence.
func named(i *diff.Component) string {
	return terminal.Escape(i.Label()) + " (" + terminal.Escape(kindOf(i)) + ")"
}

// kindOf returns the type of a component, not escaped.
func kindOf(i *diff.Component) string {
	if i.Kind == sbom.KindFiles {
		return "files"
	}
	return i.Type
}

// shortName returns the name in an identity, not escaped.
func shortName(id string) string {
	name, _ := sbom.SplitIdentity(id)
	return name
}

// shortID returns the name in an identity.
func shortID(id string) string {
	name, _ := sbom.SplitIdentity(id)
	return terminal.Escape(name)
}

func judgementText(p diff.Judgement) string { return terminal.Escape(judgementWords(p)) }

// judgementWords returns the provenance with the evidence, if there is any; not
// escaped.
func judgementWords(p diff.Judgement) string {
	if p.Evidence == "" || p.Evidence == "none" {
		return p.Provenance
	}
	return p.Provenance + " " + p.Evidence
}
