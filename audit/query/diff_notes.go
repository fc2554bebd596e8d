package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// openLines is the number of lines of a list that is not shown closed.
const openLines = 8

// maxNoteName is the number of characters of a name in the notes.
const maxNoteName = 200

// Notes writes the difference as a section for the notes of a release, in GitHub
// Flavored Markdown: the numbers of each stage, then what differs, long lists closed.
// It has at most 65,536 characters, and maxBytes bytes if that is not 0. Lists that
// are longer are cut at a line; their numbers are those of the whole.
func (d *Diff) Notes(w io.Writer, maxBytes int) error {
	limit := size{maxNotes, cmp.Or(maxBytes, 4*maxNotes)}
	head := d.notesHead()
	// What a package introduces is written behind it, as long as there is room.
	var text string
	for _, names := range []int{0, 20, 5} {
		n := notes{limit: d.NotesLimit, names: names}
		n.summary(d)
		for i := range d.Stages {
			n.stage(&d.Stages[i])
		}
		var whole bool
		if text, whole = fitNotes(head, n.parts, limit); whole {
			break
		}
	}
	_, err := io.WriteString(w, strings.TrimRight(text, "\n")+"\n")
	return err
}

// notesHead is the title, with what is compared.
func (d *Diff) notesHead() string {
	title := "## Dependencies of the stages"
	if d.Before.Date != "" && d.After.Date != "" {
		title += fmt.Sprintf(", %s → %s", d.Before.Date, d.After.Date)
	}
	text := title + "\n\nFrom " + d.Before.notes() + " to " + d.After.notes()
	if v := d.After.Verdict; v != "" {
		text += ", whose verdict is **" + string(v) + "**"
	}
	return text + ".\n\n"
}

// notes returns the artifacts of a release, else the name.
func (s *DiffSource) notes() string {
	const shown = 3
	if len(s.Subjects) == 0 {
		return orDash(code(s.Name))
	}
	return (&notes{names: shown}).enumerate(s.Subjects)
}

// code returns an untrusted name as a code span.
func code(s string) string { return terminal.CodeSpan(terminal.EscapeTo(s, maxNoteName)) }

// prose returns untrusted words.
func prose(s string) string { return terminal.MarkdownText(terminal.EscapeTo(s, 2*maxNoteName)) }

func orDash(s string) string { return cmp.Or(s, "-") }

// notes collects the parts of a section.
type notes struct {
	parts []notesPart
	// limit is the most lines of a list, 0 for all, and names the most names in a
	// line, 0 for all.
	limit, names int
	// heading is written above the next list.
	heading, stageName string
}

// summary adds a line for each stage: those that differ, then the others.
func (n *notes) summary(d *Diff) {
	var changed, same []notesLine
	line := func(text string) notesLine { return notesLine{"- " + text + "\n", 1} }
	for i := range d.Stages {
		s := &d.Stages[i]
		text := s.stageLabel() + ": " + s.numbers()
		if s.Empty() && len(s.Unsure) == 0 {
			same = append(same, line(text))
			continue
		}
		changed = append(changed, line(text))
	}
	for _, only := range []struct {
		word  string
		sides []DiffSide
	}{{"new stage", d.OnlyAfter}, {"stage is gone", d.OnlyBefore}} {
		for i := range only.sides {
			s := &only.sides[i]
			changed = append(changed, line(fmt.Sprintf("%s: %s, %s%s", s.label(), only.word, dependencies(s.Counted), parenthesis(s.facts(nil)))))
		}
	}
	if len(changed) > 0 {
		p := notesPart{lines: changed, words: [2]string{"stage that differs", "stages that differ"}}
		if len(same) == 0 || len(same) > openLines {
			p.close = "\n" // else it is one list
		}
		n.parts = append(n.parts, p)
	}
	if len(same) > 0 {
		p := notesPart{lines: same, close: "\n", words: [2]string{"unchanged stage", "unchanged stages"}}
		if len(same) > openLines {
			p.open = fmt.Sprintf("<details><summary>Unchanged stages: %d</summary>\n\n", len(same))
			p.close += "</details>\n\n"
		}
		n.parts = append(n.parts, p)
	}
}

// label returns the name of the stage, or of the environment.
func (s *DiffSide) label() string {
	if s.Stage != "" {
		return orDash(prose(s.Stage))
	}
	return orDash(code(s.Name))
}

func (s *StageDiff) stageLabel() string {
	before, after := s.Before.label(), s.After.label()
	if before == after || s.Before.Stage == "" && s.After.Stage != "" || s.After.Stage == "" && s.Before.Stage == "" {
		return after
	}
	return before + " → " + after
}

// numbers returns the counts of a stage with the differences.
func (s *StageDiff) numbers() string {
	b, a := s.Difference.Before.Counted, s.Difference.After.Counted
	text := fmt.Sprint(a)
	if a != b {
		text = fmt.Sprintf("%d → %d", b, a)
	}
	facts := parenthesis(s.After.facts(&s.Before))
	if s.Empty() {
		text += ", unchanged" + facts
	} else {
		text += facts + "; " + strings.Join(s.summary(), ", ")
	}
	if len(s.Unsure) > 0 {
		text += "; the difference is uncertain"
	}
	return text
}

// facts returns the limit and the verdict, with those of the other side if they
// differ.
func (s *DiffSide) facts(before *DiffSide) []string {
	var out []string
	limit := func(l *int) string {
		if l == nil {
			return "none"
		}
		return fmt.Sprint(*l)
	}
	switch now := limit(s.Limit); {
	case before != nil && before.record != nil && s.record != nil && limit(before.Limit) != now:
		out = append(out, "limit "+limit(before.Limit)+" → "+now)
	case s.Limit != nil:
		out = append(out, "limit "+now)
	}
	switch {
	case before != nil && s.Verdict != "" && before.Verdict != "" && s.Verdict != before.Verdict:
		out = append(out, fmt.Sprintf("%s → %s", before.Verdict, s.Verdict))
	case s.Verdict != "":
		out = append(out, string(s.Verdict))
	}
	return out
}

func parenthesis(facts []string) string {
	if len(facts) == 0 {
		return ""
	}
	return " (" + strings.Join(facts, ", ") + ")"
}

// stage adds what differs in a stage.
func (n *notes) stage(s *StageDiff) {
	d := s.Difference
	if s.Empty() && len(s.Unsure) == 0 {
		return
	}
	n.stageName = cmp.Or(s.After.Stage, s.After.Name)
	n.heading = "### " + s.stageLabel() + "\n\n"
	var unsure []notesLine
	for _, u := range s.Unsure {
		unsure = append(unsure, notesLine{"- " + prose(u) + "\n", 1})
	}
	n.list("The difference is uncertain", unsure, "reason", "reasons")
	records := s.Record.lists()
	record := func(titles ...string) {
		for _, l := range records {
			if slices.Contains(titles, l.title) {
				n.record(&l)
			}
		}
	}
	record("Policy", "Exceptions")
	n.groups("Added", d.Added, d.AddedBy, "introduces")
	n.groups("Removed", d.Removed, d.RemovedBy, "introduced")
	n.versions("Changed version", d.Changed)
	n.evidence(s)
	record("Definition", "Newly covered by an exception")
	n.artifacts(d)
	record("Same version, changed files, places or lock entry", "Accepted files")
	n.others(d)
	n.heading = ""
}

// list adds a list, closed if it is long. Its title is not untrusted text: Markdown is
// not parsed within <summary>.
func (n *notes) list(title string, lines []notesLine, one, many string) {
	if len(lines) == 0 {
		return
	}
	p := notesPart{stage: n.stageName, lines: lines, close: "\n", words: [2]string{one, many}}
	total := p.entries()
	p.open = fmt.Sprintf("**%s: %d**\n\n", title, total)
	if len(lines) > openLines && (n.limit == 0 || n.limit > openLines) {
		p.open = fmt.Sprintf("<details><summary>%s: %d</summary>\n\n", title, total)
		p.close += "</details>\n\n"
	}
	if n.limit > 0 && len(lines) > n.limit {
		rest := notesPart{lines: lines[n.limit:], words: p.words}
		p.lines = lines[:n.limit:n.limit]
		p.close = rest.note(rest.entries()) + p.close
	}
	p.open, n.heading = n.heading+p.open, ""
	n.parts = append(n.parts, p)
}

func (n *notes) record(l *recordList) {
	var lines []notesLine
	for _, e := range l.entries {
		text := "- " + e.text(func(s string) string { return orDash(code(s)) }, prose, " → ")
		lines = append(lines, notesLine{text + "\n", 1})
	}
	n.list(l.title, lines, l.one, l.many)
}

// groups lists components under those that introduce them.
func (n *notes) groups(title string, list []diff.Component, groups []graph.Introduction, verb string) {
	byID := map[string]*diff.Component{}
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	if groups == nil {
		for i := range list {
			groups = append(groups, graph.Introduction{ID: list[i].ID})
		}
	}
	var lines []notesLine
	for _, g := range groups {
		c := byID[g.ID]
		text := "- " + orDash(code(c.Label())) + " (" + prose(kindOf(c)) + ")"
		if c.Judgement != nil {
			text += ", " + prose(judgementWords(*c.Judgement))
		}
		if why := cause(g); why != "" {
			text += ", " + prose(why)
		}
		if len(g.Introduces) > 0 {
			var names []string
			for _, id := range g.Introduces {
				names = append(names, byID[id].FullName())
			}
			text += fmt.Sprintf("; %s %d: %s", verb, len(names), n.enumerate(names))
		}
		lines = append(lines, notesLine{text + "\n", 1 + len(g.Introduces)})
	}
	n.list(title, lines, strings.ToLower(title), strings.ToLower(title))
}

// enumerate lists names, and counts those that have no room.
func (n *notes) enumerate(names []string) string {
	shown := names
	if n.names > 0 && len(names) > n.names {
		shown = names[:n.names]
	}
	var out []string
	for _, name := range shown {
		out = append(out, orDash(code(name)))
	}
	text := strings.Join(out, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func (n *notes) versions(title string, changes []diff.VersionChange) {
	var lines []notesLine
	for _, c := range changes {
		text := fmt.Sprintf("- %s: %s → %s", orDash(code(c.After[0].FullName())), code(versionsOf(c.Before)), code(versionsOf(c.After)))
		if c.Order == diff.Down {
			text += ", older"
		}
		lines = append(lines, notesLine{text + "\n", 1})
	}
	n.list(title, lines, "changed version", "changed versions")
}

// evidence lists dependencies with another provenance or evidence: the weaker ones
// apart from the stronger ones.
func (n *notes) evidence(s *StageDiff) {
	kind := map[string]string{}
	if s.Record != nil {
		for _, id := range s.Record.Weaker {
			kind[id] = "Weaker evidence"
		}
		for _, id := range s.Record.Stronger {
			kind[id] = "Stronger evidence"
		}
	}
	for _, title := range []string{"Weaker evidence", "Stronger evidence", "Other provenance or evidence"} {
		// Those with the same change are one line: an index that was not at hand
		// changes hundreds.
		type change struct{ from, to string }
		names := map[change][]string{}
		var order []change
		for _, c := range s.Difference.Judgements {
			if cmp.Or(kind[c.After], "Other provenance or evidence") != title {
				continue
			}
			k := change{judgementWords(c.From), judgementWords(c.To)}
			if names[k] == nil {
				order = append(order, k)
			}
			names[k] = append(names[k], shortName(c.After))
		}
		var lines []notesLine
		for _, k := range order {
			lines = append(lines, notesLine{fmt.Sprintf("- %s → %s: %s\n", prose(k.from), prose(k.to), n.enumerate(names[k])), len(names[k])})
		}
		n.list(title, lines, "dependency", "dependencies")
	}
}

func (n *notes) artifacts(d *diff.Difference) {
	var lines []notesLine
	for _, a := range d.Artifacts {
		what := a.What
		if a.Proved {
			what += ", proved"
		}
		from, to := strings.Join(a.From, ", "), strings.Join(a.To, ", ")
		lines = append(lines, notesLine{fmt.Sprintf("- %s: %s, %s → %s\n", orDash(code(shortName(a.ID))), what, orDash(code(short(from))), orDash(code(short(to)))), 1})
	}
	n.list("Same version, changed content or origin", lines, "changed content or origin", "changed contents or origins")
}

// short returns a digest with its first digits, and other texts as they are.
func short(s string) string { return audit.ShortVersion(s) }

// others lists what moved, and what is not counted.
func (n *notes) others(d *diff.Difference) {
	for _, m := range []struct {
		title string
		list  []diff.Move
	}{{"Now bundled, not counted any more", d.MovedIn}, {"Now counted, was bundled", d.MovedOut}} {
		var lines []notesLine
		for _, x := range m.list {
			lines = append(lines, notesLine{fmt.Sprintf("- %s in %s\n", orDash(code(x.Label())), orDash(code(shortName(x.Bundled)))), 1})
		}
		n.list(m.title, lines, "package", "packages")
	}
	var lines []notesLine
	for _, r := range d.Replaced {
		lines = append(lines, notesLine{fmt.Sprintf("- %s: %s → %s\n", orDash(code(r.Name)), code(placesOf(r.Before)), code(placesOf(r.After))), 1})
	}
	n.list("Of those, replaced by the same name in another place", lines, "name", "names")
	lines = nil
	for _, l := range d.Layers {
		lines = append(lines, notesLine{fmt.Sprintf("- %s: layer %s → %s\n", wording.Count(len(l.IDs), "package", "packages"), code(short(l.From)), code(short(l.To))), len(l.IDs)})
	}
	n.list("Unchanged, but from another layer of the image", lines, "package", "packages")
	i := &d.Bundled
	if total := len(i.Added) + len(i.Removed) + len(i.Changed) + len(i.Owners); total > 0 {
		n.list("Bundled, not counted", []notesLine{{fmt.Sprintf("- %d added, %d removed, %d changed versions, %d with another owner\n", len(i.Added), len(i.Removed), len(i.Changed), len(i.Owners)), total}}, "difference", "differences")
	}
}
