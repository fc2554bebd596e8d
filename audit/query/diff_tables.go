package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/diff"
)

func (p diffSheet) changes(title string, list []diff.VersionChange) {
	if len(list) == 0 {
		return
	}
	p.title(title, len(list))
	shown := list[:p.cut(len(list))]
	var rows [][]string
	for _, c := range shown {
		i := c.After[0]
		rows = append(rows, []string{i.FullName(), i.Type, versionsOf(c.Before), versionsOf(c.After), c.Order})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "type", Spare: 1}, {Title: "before"}, {Title: "after"}, {Title: "order", Spare: 1}}, Rows: rows})
	p.rest(len(list), len(shown))
}

func versionsOf(items []diff.Component) string {
	var out []string
	for _, i := range items {
		v := i.Version
		if v == "" {
			v = "(none)"
		}
		out = append(out, v)
	}
	return strings.Join(out, ", ")
}

func (p diffSheet) replaced(d *diff.Difference) {
	if len(d.Replaced) == 0 {
		return
	}
	p.title("Of those, replaced by the same name in another place", len(d.Replaced))
	shown := d.Replaced[:p.cut(len(d.Replaced))]
	var rows [][]string
	for _, r := range shown {
		rows = append(rows, []string{r.Name, placesOf(r.Before), placesOf(r.After)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Replaced), len(shown))
}

// placesOf shortens identities to everything but the name.
func placesOf(ids []string) string {
	var out []string
	for _, id := range ids {
		name, query, _ := strings.Cut(id, "?")
		at := strings.LastIndexByte(name, '@')
		version := ""
		if at > 0 {
			name, version = name[:at], name[at+1:]
		}
		place := name[:max(0, strings.LastIndexByte(name, '/'))]
		text := strings.TrimSpace(place + " " + version)
		if arch, ok := strings.CutPrefix(query, "arch="); ok {
			text += " " + arch
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (p diffSheet) moves(title string, list []diff.Move) {
	if len(list) == 0 {
		return
	}
	p.title(title, len(list))
	shown := list[:p.cut(len(list))]
	var rows [][]string
	for _, m := range shown {
		rows = append(rows, []string{m.FullName(), m.Version, m.Type, shortID(m.Bundled)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "version"}, {Title: "type", Spare: 1}, {Title: "bundled"}}, Rows: rows})
	p.rest(len(list), len(shown))
}

func (p diffSheet) judgements(s *StageDiff) {
	d := s.Difference
	if len(d.Judgements) == 0 {
		return
	}
	order := map[string]string{}
	if s.Record != nil {
		for _, id := range s.Record.Weaker {
			order[id] = "weaker"
		}
		for _, id := range s.Record.Stronger {
			order[id] = "stronger"
		}
	}
	p.title("Changed provenance or evidence", len(d.Judgements))
	shown := d.Judgements[:p.cut(len(d.Judgements))]
	var rows [][]string
	for _, c := range shown {
		rows = append(rows, []string{shortID(c.After), c.From.Provenance + " " + c.From.Evidence, c.To.Provenance + " " + c.To.Evidence, order[c.After]})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "before"}, {Title: "after"}, {Title: "order", Spare: 1}}, Rows: rows})
	p.rest(len(d.Judgements), len(shown))
}

func (p diffSheet) artifacts(d *diff.Difference) {
	if len(d.Artifacts) == 0 {
		return
	}
	p.title("Same version, changed content or origin", len(d.Artifacts))
	shown := d.Artifacts[:p.cut(len(d.Artifacts))]
	var rows [][]string
	for _, a := range shown {
		what := a.What
		if a.Proved {
			what += ", proved"
		}
		rows = append(rows, []string{shortID(a.ID), what, strings.Join(a.From, ", "), strings.Join(a.To, ", ")})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "what", Whole: true}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Artifacts), len(shown))
}

func (p diffSheet) layers(d *diff.Difference) {
	if len(d.Layers) == 0 {
		return
	}
	n := 0
	for _, l := range d.Layers {
		n += len(l.IDs)
	}
	p.title("Unchanged, but from another layer of the image", n)
	shown := d.Layers[:p.cut(len(d.Layers))]
	var rows [][]string
	for _, l := range shown {
		rows = append(rows, []string{strconv.Itoa(len(l.IDs)), l.From, l.To})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "packages", Right: true}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Layers), len(shown))
}

// bundled lists changes of bundled components. Those that were added or removed
// with their owner are only counted.
func (p diffSheet) bundled(d *diff.Difference) {
	i := &d.Bundled
	n := len(i.Added) + len(i.Removed) + len(i.Changed) + len(i.Owners)
	if n == 0 {
		return
	}
	p.title("Bundled, not counted", n)
	var lines []string
	along := 0
	for _, list := range []struct {
		word   string
		inside []diff.Component
		owners []diff.Component
	}{{"added", i.Added, d.Added}, {"removed", i.Removed, d.Removed}} {
		owners := map[string]bool{}
		for _, o := range list.owners {
			owners[o.ID] = true
		}
		for j := range list.inside {
			if item := &list.inside[j]; owners[item.Owner] {
				along++
			} else {
				lines = append(lines, fmt.Sprintf("%s %s in %s", list.word, named(item), shortID(item.Owner)))
			}
		}
	}
	for _, c := range i.Changed {
		lines = append(lines, fmt.Sprintf("changed %s: %s -> %s, in %s", shortID(c.Key), terminal.Escape(versionsOf(c.Before)), terminal.Escape(versionsOf(c.After)), shortID(c.After[0].Owner)))
	}
	for _, o := range i.Owners {
		lines = append(lines, fmt.Sprintf("%s is bundled in %s, was in %s", shortID(o.ID), shortID(o.To), shortID(o.From)))
	}
	shown := lines[:p.cut(len(lines))]
	for _, l := range shown {
		p.Prose(indent, indent+indent, l, terminal.Plain)
	}
	p.rest(len(lines), len(shown))
	switch {
	case along == n:
		p.Prose(indent, indent, "all were added or removed with their owner (-o json lists them)", terminal.Faint)
	case along > 0:
		p.Prose(indent, indent, fmt.Sprintf("%d more were added or removed with their owner (-o json lists them)", along), terminal.Faint)
	}
}

// notCompared lists what only one side has.
func (p diffSheet) notCompared(s *StageDiff) {
	d := s.Difference
	var what []string
	if !d.Known.Bundled {
		what = append(what, "bundled components")
	}
	if !d.Known.Artifacts {
		what = append(what, "contents, origins and layers")
	}
	if !d.Judged {
		what = append(what, "provenance and evidence")
	}
	if s.Record != nil {
		what = append(what, s.Record.NotCompared...)
	}
	var why []string
	for _, side := range []*DiffSide{&s.Before, &s.After} {
		switch {
		case side.Kind == SideReport && side.record == nil && s.Record != nil:
			why = append(why, terminal.Escape(side.Name)+" is the scan of one environment, which no policy judged")
		case side.Kind == SideBaseline:
			why = append(why, terminal.Escape(side.Name)+" is a baseline, which has identities and their evidence")
		case side.Kind == SideScan, side.Kind == SideSBOM:
			why = append(why, terminal.Escape(side.Name)+" was not audited")
		}
	}
	if len(what) > 0 && len(why) > 0 {
		p.Blank()
		p.Prose("", "", "Not compared: "+strings.Join(what, "; ")+" ("+strings.Join(slices.Compact(why), "; ")+").", terminal.Faint)
	}
}
