package query

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Diff says what differs between two environments, or stage by stage between
// two reports or baselines.
type Diff struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	// Stages are what was compared, in the order of the first side.
	Stages []StageDiff `json:"stages"`
	// OnlyBefore and OnlyAfter are the stages that the other side does not
	// have.
	OnlyBefore []string `json:"onlyBefore,omitempty"`
	OnlyAfter  []string `json:"onlyAfter,omitempty"`
}

// StageDiff is the difference of one stage.
type StageDiff struct {
	Before DiffSide `json:"before"`
	After  DiffSide `json:"after"`
	// Unsure says why the difference may be another one, empty when it is
	// sure.
	Unsure []string `json:"unsure,omitempty"`
	// Difference is the answer.
	Difference *diff.Difference `json:"difference"`
}

// DiffSide is one side of a difference.
type DiffSide struct {
	Name string `json:"name"`
	// Kind is "scan", "report", "sbom" or "baseline".
	Kind string `json:"kind"`
	// OS is the operating system's name for itself, where it is known.
	OS string `json:"os,omitempty"`
	// Rules and Catalogers are what counted.
	Rules      int    `json:"rules"`
	Catalogers string `json:"catalogers"`
	// Gaps could not be examined, Limitations cannot be shown at all.
	Gaps        []sbom.Gap        `json:"gaps,omitempty"`
	Limitations []sbom.Limitation `json:"limitations,omitempty"`

	side diff.Side
}

// The kinds of a [DiffSide].
const (
	SideScan     = "scan"
	SideReport   = "report"
	SideSBOM     = "sbom"
	SideBaseline = "baseline"
)

// NewDiffSide makes a side of a document. Rules and Catalogers may be set to
// others than the document's afterwards.
func NewDiffSide(name, kind string, doc *sbom.Document, judgement func(id string) diff.Judgement) DiffSide {
	s := DiffSide{
		Name: name, Kind: kind, OS: doc.Environment.OS.Pretty, Rules: doc.Rules, Catalogers: doc.Catalogers,
		Gaps: doc.Gaps, Limitations: doc.Limitations,
		side: diff.Side{Document: doc, Known: diff.Everything(), Judgement: judgement},
	}
	if kind == SideBaseline {
		s.side.Known = diff.Known{}
	}
	s.side.Known.Bundled = s.side.Known.Bundled && !s.limited(sbom.LimitOwnership)
	s.side.Known.Relations = s.side.Known.Relations && !s.limited(sbom.LimitRelations)
	return s
}

func (s *DiffSide) limited(name sbom.LimitationName) bool {
	return slices.ContainsFunc(s.Limitations, func(l sbom.Limitation) bool { return l.Name == name })
}

// NewStageDiff compares two sides.
func NewStageDiff(before, after DiffSide) StageDiff {
	return StageDiff{Before: before, After: after, Unsure: unsure(&before, &after), Difference: diff.Between(before.side, after.side)}
}

// unsure says why a difference may be due to who looked, and not to what is
// there. What neither side can show is no difference.
func unsure(before, after *DiffSide) []string {
	var out []string
	for _, s := range []*DiffSide{before, after} {
		if n := len(s.Gaps); n > 0 {
			out = append(out, fmt.Sprintf("%s of %s could not be examined: %s", wording.Count(n, "thing", "things"), s.Name, gapText(s.Gaps)))
		}
	}
	for _, name := range []sbom.LimitationName{sbom.LimitOwnership, sbom.LimitUnaccounted, sbom.LimitInstalled, sbom.LimitIncomplete} {
		switch x, y := before.limited(name), after.limited(name); {
		case x && y && name == sbom.LimitIncomplete:
			out = append(out, fmt.Sprintf("%s and %s say that they are not complete", before.Name, after.Name))
		case x && !y:
			out = append(out, fmt.Sprintf("%s cannot show: %s (%s)", before.Name, limitText(name), name))
		case !x && y:
			out = append(out, fmt.Sprintf("%s cannot show: %s (%s)", after.Name, limitText(name), name))
		}
	}
	if before.Rules != after.Rules {
		out = append(out, fmt.Sprintf("they were counted by other rules: %d and %d", before.Rules, after.Rules))
	}
	if before.Catalogers != after.Catalogers {
		out = append(out, fmt.Sprintf("other programs found the packages: %s and %s", orUnknown(before.Catalogers), orUnknown(after.Catalogers)))
	}
	return out
}

// gapText names the first gaps.
func gapText(gaps []sbom.Gap) string {
	var out []string
	for _, g := range gaps[:min(len(gaps), maxBlind)] {
		out = append(out, strings.TrimSpace(g.Path+" "+g.Detail))
	}
	if n := len(gaps) - len(out); n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, "; ")
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown one"
	}
	return s
}

func limitText(name sbom.LimitationName) string {
	switch name {
	case sbom.LimitOwnership:
		return "what lies inside packages of the system"
	case sbom.LimitUnaccounted:
		return "files that no package accounts for"
	case sbom.LimitInstalled:
		return "what is installed, and not only declared"
	}
	return "everything"
}

// NewDiff puts stages together.
func NewDiff(stages []StageDiff, onlyBefore, onlyAfter []string) *Diff {
	return &Diff{Schema: Schema, Question: "diff", Stages: stages, OnlyBefore: onlyBefore, OnlyAfter: onlyAfter}
}

// Differs says whether there is any difference.
func (d *Diff) Differs() bool {
	return len(d.OnlyBefore)+len(d.OnlyAfter) > 0 || slices.ContainsFunc(d.Stages, func(s StageDiff) bool { return !s.Difference.Empty() })
}

// Unsure says whether any difference may be another one.
func (d *Diff) Unsure() bool {
	return slices.ContainsFunc(d.Stages, func(s StageDiff) bool { return len(s.Unsure) > 0 })
}

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
		stages []string
	}{{"Stages only before", d.OnlyBefore}, {"Stages only after", d.OnlyAfter}} {
		if len(only.stages) > 0 {
			p.Prose("", indent, fmt.Sprintf("%s: %s", only.title, strings.Join(terminals(only.stages), ", ")), terminal.Plain)
		}
	}
	return p.write(w)
}

func terminals(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = terminal.Escape(n)
	}
	return out
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
	p.Prose(indent, indent, fmt.Sprintf("%d -> %s: %s", d.Before.Counted, dependencies(d.After.Counted), summary(d)), terminal.Plain)
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
	p.groups("Added", d.Added, d.AddedBy, "brings")
	p.groups("Removed", d.Removed, d.RemovedBy, "took along")
	p.changes("At another version", d.Changed)
	p.replaced(d)
	p.moves("Now inside another one, and not counted any more", d.MovedIn)
	p.moves("Counts now, and was inside another one", d.MovedOut)
	p.proofs(d)
	p.artifacts(d)
	p.layers(d)
	p.inside(d)
	p.notCompared(s)
}

// summary is the counts, of what there is.
func summary(d *diff.Difference) string {
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, wording.Count(n, one, many))
		}
	}
	add(len(d.Added), "added", "added")
	add(len(d.Removed), "removed", "removed")
	add(len(d.Changed), "at another version", "at other versions")
	add(len(d.MovedIn), "now inside another one", "now inside others")
	add(len(d.MovedOut), "not inside another one any more", "not inside others any more")
	add(len(d.Judgements), "with another provenance or evidence", "with another provenance or evidence")
	add(len(d.Artifacts), "with another content or origin", "with another content or origin")
	n := 0
	for _, l := range d.Layers {
		n += len(l.IDs)
	}
	add(n, "from another layer", "from other layers")
	i := &d.Bundled
	add(len(i.Added)+len(i.Removed)+len(i.Changed)+len(i.Owners), "difference in what does not count", "differences in what does not count")
	if len(parts) == 0 {
		return "no difference"
	}
	return strings.Join(parts, ", ")
}

// cut is how many of n lines are shown.
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

// groups lists items under what brought them.
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
		if proof := byID[g.ID].Judgement; proof != nil {
			text += ", " + proofText(*proof)
		}
		switch {
		case g.Reason == graph.Explicit:
			text += ", asked for"
		case len(g.NeededBy) > 0:
			text += ", needed by " + shortID(g.NeededBy[0])
			if n := len(g.NeededBy) - 1; n > 0 {
				text += fmt.Sprintf(" and %d more", n)
			}
		}
		if n := len(g.Introduces); n > 0 {
			text += fmt.Sprintf("; %s %d: ", verb, n)
			names := g.Introduces[:p.cut(n)]
			for i, id := range names {
				if i > 0 {
					text += ", "
				}
				text += terminal.Escape(byID[id].Name)
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

// named is a component in a sentence.
func named(i *diff.Component) string {
	name := i.Name
	if i.Namespace != "" && i.Kind == sbom.KindPackage {
		name = i.Namespace + "/" + i.Name
	}
	if i.Kind == sbom.KindFiles {
		if _, path, ok := strings.Cut(i.ID, "?path="); ok {
			return terminal.Escape(path) + " (files)"
		}
	}
	return strings.TrimSpace(terminal.Escape(name)+" "+terminal.Escape(i.Version)) + " (" + terminal.Escape(i.Type) + ")"
}

// shortID is the name in an identity.
func shortID(id string) string {
	name, _, _ := strings.Cut(id, "?")
	if i := strings.LastIndexByte(name, '@'); i > 0 {
		name = name[:i]
	}
	return terminal.Escape(name[strings.LastIndexByte(name, '/')+1:])
}

func proofText(p diff.Judgement) string {
	if p.Evidence == "" || p.Evidence == "none" {
		return terminal.Escape(p.Provenance)
	}
	return terminal.Escape(p.Provenance) + " " + terminal.Escape(p.Evidence)
}

func (p diffSheet) changes(title string, list []diff.VersionChange) {
	if len(list) == 0 {
		return
	}
	p.title(title, len(list))
	shown := list[:p.cut(len(list))]
	var rows [][]string
	for _, c := range shown {
		i := c.After[0]
		name := i.Name
		if i.Namespace != "" && i.Kind == sbom.KindPackage {
			name = i.Namespace + "/" + i.Name
		}
		rows = append(rows, []string{name, i.Type, versionsOf(c.Before), versionsOf(c.After), c.Order})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "type", Spare: true}, {Title: "before"}, {Title: "after"}, {Title: "order", Spare: true}}, Rows: rows})
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
	p.title("Of those, replaced by the same name elsewhere", len(d.Replaced))
	shown := d.Replaced[:p.cut(len(d.Replaced))]
	var rows [][]string
	for _, r := range shown {
		rows = append(rows, []string{r.Name, placesOf(r.Before), placesOf(r.After)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Replaced), len(shown))
}

// placesOf shortens identities to where a name is.
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
		rows = append(rows, []string{m.Name, m.Version, m.Type, shortID(m.Bundled)})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "version"}, {Title: "type", Spare: true}, {Title: "bundled"}}, Rows: rows})
	p.rest(len(list), len(shown))
}

func (p diffSheet) proofs(d *diff.Difference) {
	if len(d.Judgements) == 0 {
		return
	}
	p.title("With another provenance or evidence", len(d.Judgements))
	shown := d.Judgements[:p.cut(len(d.Judgements))]
	var rows [][]string
	for _, c := range shown {
		rows = append(rows, []string{shortID(c.After), c.From.Provenance + " " + c.From.Evidence, c.To.Provenance + " " + c.To.Evidence})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "name"}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Judgements), len(shown))
}

func (p diffSheet) artifacts(d *diff.Difference) {
	if len(d.Artifacts) == 0 {
		return
	}
	p.title("The same version with another content or origin", len(d.Artifacts))
	shown := d.Artifacts[:p.cut(len(d.Artifacts))]
	var rows [][]string
	for _, a := range shown {
		what := a.What
		if a.Proved {
			what += ", proved"
		}
		name := shortID(a.ID)
		if _, path, ok := strings.Cut(a.ID, "?path="); ok {
			name = path
		}
		rows = append(rows, []string{name, what, strings.Join(a.From, ", "), strings.Join(a.To, ", ")})
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
	p.title("The same, but from another layer of the image", n)
	shown := d.Layers[:p.cut(len(d.Layers))]
	var rows [][]string
	for _, l := range shown {
		rows = append(rows, []string{strconv.Itoa(len(l.IDs)), l.From, l.To})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "packages", Right: true}, {Title: "before"}, {Title: "after"}}, Rows: rows})
	p.rest(len(d.Layers), len(shown))
}

// inside lists what changed within others. What came or left together with
// what it lies in is only counted.
func (p diffSheet) inside(d *diff.Difference) {
	i := &d.Bundled
	n := len(i.Added) + len(i.Removed) + len(i.Changed) + len(i.Owners)
	if n == 0 {
		return
	}
	p.title("Bundled others, and not counted", n)
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
		lines = append(lines, fmt.Sprintf("%s lies in %s, and was in %s", shortID(o.ID), shortID(o.To), shortID(o.From)))
	}
	shown := lines[:p.cut(len(lines))]
	for _, l := range shown {
		p.Prose(indent, indent+indent, l, terminal.Plain)
	}
	p.rest(len(lines), len(shown))
	switch {
	case along == n:
		p.Prose(indent, indent, "all came or left with what they lie in (-o json lists them)", terminal.Faint)
	case along > 0:
		p.Prose(indent, indent, fmt.Sprintf("%d more came or left with what they lie in (-o json lists them)", along), terminal.Faint)
	}
}

// notCompared says what only one side knows.
func (p diffSheet) notCompared(s *StageDiff) {
	d := s.Difference
	var what []string
	if !d.Known.Bundled {
		what = append(what, "what lies inside others")
	}
	if !d.Known.Artifacts {
		what = append(what, "contents, origins and layers")
	}
	if !d.Judged {
		what = append(what, "provenance and evidence")
	}
	var why []string
	for _, side := range []*DiffSide{&s.Before, &s.After} {
		switch side.Kind {
		case SideBaseline:
			why = append(why, terminal.Escape(side.Name)+" is a baseline, which has identities and their evidence")
		case SideScan, SideSBOM:
			why = append(why, terminal.Escape(side.Name)+" was not audited")
		}
	}
	if len(what) > 0 && len(why) > 0 {
		p.Blank()
		p.Prose("", "", "Not compared: "+strings.Join(what, "; ")+" ("+strings.Join(slices.Compact(why), "; ")+").", terminal.Faint)
	}
}
