package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// stepSummaryBytes is the largest step summary that GitHub takes; a larger
	// one fails to upload (docs.github.com, Workflow commands for GitHub
	// Actions, "Step isolation and limits": 1 MiB for each step).
	stepSummaryBytes = 1 << 20

	// minMarkdown is what a headline and the notes of what was cut need.
	minMarkdown = 4096
	// noteRoom is kept for the note about the sections that are left out.
	noteRoom = 256
	// maxCell is the number of characters in a cell of a table, as many as
	// [terminal.Escape] returns of a name.
	maxCell = 1024
)

// rank is the order in which blocks are kept when not all of them fit: lower
// ranks first, within a rank the order of the document.
type rank int

const (
	rankHead    rank = iota // never cut
	rankSummary             // one line for each stage
	rankCause               // why a stage does not pass, and the hints
	rankNote                // warnings and remarks
	rankDetail              // full lists
)

// block is a part of a document that is kept, cut at a line, or left out.
type block struct {
	rank rank
	// what names the lines when some are cut ("stages").
	what  string
	open  string
	lines []string
	close string
}

// renderMarkdown writes GitHub Flavored Markdown: the verdict, a line for each
// stage, then the findings of each with their hints, with the full lists
// collapsed.
func renderMarkdown(w io.Writer, r *audit.Report, o Options) error {
	lists, err := shown(o.Show)
	if err != nil {
		return err
	}
	limit := o.MaxBytes
	if limit == 0 {
		limit = stepSummaryBytes
	}
	if limit < minMarkdown {
		return fmt.Errorf("a markdown report needs %d bytes, %d are allowed", minMarkdown, limit)
	}
	stages, err := markdownStages(r)
	if err != nil {
		return err
	}
	blocks := []block{markdownHead(r), stages}
	for i := range r.Stages {
		s := indexed(&r.Stages[i])
		if !s.clean() || isScan(r) || len(lists) > 0 {
			blocks = append(blocks, markdownStage(r, s)...)
		}
		excepted, err := markdownExceptions(s)
		if err != nil {
			return err
		}
		blocks = append(blocks, excepted...)
		details, err := markdownLists(s, lists, o.Limit)
		if err != nil {
			return err
		}
		blocks = append(blocks, details...)
	}
	if slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Severity != audit.Info }) {
		blocks = append(blocks, block{rank: rankCause, open: "### Configuration and baseline\n\n"})
	}
	for _, f := range r.Findings {
		if f.Severity == audit.Info {
			continue
		}
		blocks = append(blocks, block{rank: rankCause, open: markdownFinding(stage{Stage: &audit.Stage{}}, f)})
	}
	blocks = append(blocks, block{rank: rankHead, open: "<sub>" + terminal.MarkdownText(terminal.EscapeTo(method(r), maxCell)) + "</sub>\n"})
	_, err = io.WriteString(w, fit(blocks, limit))
	return err
}

// fit puts the document together within limit bytes.
func fit(blocks []block, limit int) string {
	texts := make([]string, len(blocks))
	left := limit - noteRoom
	dropped := 0
	for rank := rankHead; rank <= rankDetail; rank++ {
		for i, b := range blocks {
			if b.rank != rank {
				continue
			}
			text, ok := b.within(left)
			if !ok {
				dropped++
				continue
			}
			texts[i] = text
			left -= len(text)
		}
	}
	if dropped > 0 {
		last := len(texts) - 1
		texts[last] = fmt.Sprintf("%s left out: this report may take %d KiB, and the json report has it all.\n\n",
			wording.Count(dropped, "more section", "more sections"), limit/1024) + texts[last]
	}
	return strings.Join(texts, "")
}

// within returns the block in at most room bytes, with a count of the lines
// that were cut, or false when not even its frame fits.
func (b block) within(room int) (string, bool) {
	size := len(b.open) + len(b.close)
	for _, l := range b.lines {
		size += len(l)
	}
	if size <= room {
		return b.open + strings.Join(b.lines, "") + b.close, true
	}
	if b.what == "" {
		return "", false
	}
	note := func(n int) string { return fmt.Sprintf("\n%d more %s do not fit into this report.\n", n, b.what) }
	size = len(b.open) + len(note(len(b.lines))) + len(b.close)
	kept := 0
	for kept < len(b.lines) && size+len(b.lines[kept]) <= room {
		size += len(b.lines[kept])
		kept++
	}
	if kept == 0 {
		return "", false
	}
	return b.open + strings.Join(b.lines[:kept], "") + note(len(b.lines)-kept) + b.close, true
}

func markdownHead(r *audit.Report) block {
	// Room for the headline is set aside in minMarkdown.
	const maxName, maxPath = 128, 48
	name, numbers, system := r.Pipeline, summary(r), ""
	if isScan(r) {
		s := indexed(&r.Stages[0])
		name, system = s.Environment, s.OS
		numbers = s.headline(func(text string) string { return terminal.MarkdownText(terminal.EscapeTo(text, maxName)) })
	}
	head := "## " + strings.TrimSpace(verdictWord(r.Verdict)+" "+terminal.CodeSpan(terminal.EscapeTo(name, maxName))) + "\n\n" + numbers
	if system != "" {
		head += ", " + terminal.MarkdownText(terminal.EscapeTo(system, maxName))
	}
	if text := policyLine(r, func(text string) string { return terminal.MarkdownText(terminal.EscapeTo(text, maxPath)) }); text != "" {
		head += "\n\nPolicy: " + text
	}
	if text := baselineLine(r, allDigits, func(text string) string { return terminal.MarkdownText(terminal.EscapeTo(text, maxPath)) }); text != "" {
		head += "\n\nBaseline: " + text
	}
	return block{rank: rankHead, open: head + "\n\n"}
}

func markdownStages(r *audit.Report) (block, error) {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Stage", Code: true}, {Title: "Verdict"}, {Title: "Total", Right: true}, {Title: "Base", Right: true}, {Title: "Added", Right: true},
		{Title: "OS-provided", Right: true}, {Title: "Lock-pinned", Right: true}, {Title: "Excepted", Right: true},
		{Title: "Unaccounted", Right: true}, {Title: "Growth", Right: true}, {Title: "Definition"}, {Title: "Cannot show"}, {Title: "Gate"}, {Title: "Platform"},
	}}
	l.Rows = rows(r, l.Columns, func(s stage) []string {
		c := s.Counts
		base, added := s.baseAndAdded()
		return []string{
			s.Name, strings.Join(append([]string{verdictWord(s.Verdict)}, s.warned()...), ", "), strconv.Itoa(c.Total), base, added, strconv.Itoa(c.OS), strconv.Itoa(c.Lock),
			nonZero(c.Exception), strconv.Itoa(c.Unaccounted), s.difference(), s.defined(), s.cannotShow(), s.standing(), s.Image.Platform,
		}
	})
	return markdownTable(l, block{rank: rankSummary, what: "stages"})
}

// markdownTable adds a table to a block, one line for each row.
func markdownTable(t terminal.Table, b block) (block, error) {
	head, rows, err := t.Markdown(maxCell)
	if err != nil || head == "" {
		return b, err
	}
	b.open += head
	b.lines = append(b.lines, rows...)
	b.close = "\n" + b.close
	return b, nil
}

// markdownStage has the content of a stage's block in a table report. What decides its
// verdict comes first; the rest is collapsed, and findings for information are only
// counted.
func markdownStage(r *audit.Report, s stage) []block {
	var b strings.Builder
	if !isScan(r) {
		standing := ""
		if s.standing() != "" {
			standing = ", " + s.standing()
		}
		fmt.Fprintf(&b, "### %s %s\n\n%s%s\n\n", verdictWord(s.Verdict), terminal.CodeSpan(terminal.EscapeTo(s.Name, maxCell)), s.headline(terminal.MarkdownText), standing)
	}
	blocks := []block{{rank: rankCause, open: b.String()}}
	about := markdownAbout(s)
	if isScan(r) {
		for _, text := range s.parts() {
			blocks = append(blocks, block{rank: rankCause, open: text + "\n\n"})
		}
		about.lines = about.lines[len(s.parts()):]
		if len(about.lines) > 0 {
			blocks = append(blocks, about)
		}
	}
	grown := slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return decides(f) && f.Rule == audit.RuleGrowth.ID })
	changes := markdownGrowth(s)
	if grown && len(changes.lines) > 0 {
		blocks = append(blocks, changes)
	}
	warnings := block{rank: rankNote, what: "warnings"}
	informations := 0
	for _, f := range s.Findings {
		switch {
		case f.Rule == audit.RuleExcepted.ID && len(s.Exceptions) > 0: // the table of exceptions has it
		case decides(f):
			blocks = append(blocks, block{rank: rankCause, open: markdownFinding(s, f)})
		case f.Severity == audit.Warning:
			warnings.lines = append(warnings.lines, markdownFinding(s, f))
		default:
			informations++
		}
	}
	gaps := block{rank: rankCause, what: "gaps", open: "**Not examined**\n\n", close: "\n"}
	for _, g := range audit.MergeGaps(s.openFirst()) {
		line := strings.TrimRight("- "+terminal.MarkdownText(string(g.Kind))+" "+terminal.MarkdownCode(g.Path), " ") + "\n  " + orNothing(terminal.MarkdownText(g.Detail)) + "\n"
		if g.Waived != nil {
			line += "  waived " + terminal.MarkdownText(waived(g)) + "\n"
		}
		gaps.lines = append(gaps.lines, line)
	}
	open := slices.ContainsFunc(s.Gaps, func(g audit.Gap) bool { return g.Waived == nil })
	if open {
		blocks = append(blocks, gaps)
	}
	if s.Message != "" && !s.clean() {
		lines := textLines(s.Message)
		for i, l := range lines {
			lines[i] = "> " + orNothing(terminal.MarkdownText(l))
		}
		blocks = append(blocks, block{rank: rankCause, open: strings.Join(lines, "\n>\n") + "\n\n"})
	}
	if len(warnings.lines) > 0 {
		blocks = append(blocks, warnings.collapsed("Warnings"))
	}
	if !grown && len(changes.lines) > 0 {
		blocks = append(blocks, changes.collapsed("Changes"))
	}
	if !open && len(gaps.lines) > 0 {
		gaps.open = ""
		blocks = append(blocks, gaps.collapsed("Waived gaps"))
	}
	if informations > 0 {
		about.lines = append(about.lines, fmt.Sprintf("- %s, which the json report has\n", wording.Count(informations, "finding for information", "findings for information")))
	}
	if !isScan(r) && len(about.lines) > 0 {
		blocks = append(blocks, about.collapsed("Remarks"))
	}
	return blocks
}

// parts returns the parts of the total as Markdown.
func (s stage) parts() []string {
	total, beside := s.counts()
	all := []string{strings.Join(slices.Concat(total, beside), ", "), s.ecosystems(terminal.MarkdownText), s.files()}
	return slices.DeleteFunc(all, func(text string) bool { return text == "" })
}

// decides reports whether a finding keeps a stage from passing.
func decides(f audit.Finding) bool {
	return f.Severity == audit.Error || f.Severity == audit.SeverityIncomplete
}

// collapsed returns a block that is shown closed. No untrusted text goes into its
// title: Markdown is not parsed within <summary>.
func (b block) collapsed(title string) block {
	b.rank = rankNote
	b.open = fmt.Sprintf("<details><summary>%s: %d</summary>\n\n", title, len(b.lines)) + b.open
	b.close += "</details>\n\n"
	return b
}

// markdownAbout has the parts of the total, and what the environment is.
func markdownAbout(s stage) block {
	about := block{rank: rankCause, what: "remarks", close: "\n"}
	for _, text := range s.parts() {
		about.lines = append(about.lines, "- "+text+"\n")
	}
	for _, a := range s.about() {
		about.lines = append(about.lines, "- "+a.label+": "+orNothing(terminal.MarkdownText(a.text))+"\n")
	}
	return about
}

// orNothing returns a placeholder for an empty text.
func orNothing(markdown string) string {
	if markdown == "" {
		return "(no detail)"
	}
	return markdown
}

func markdownGrowth(s stage) block {
	b := block{rank: rankCause, what: "changes", close: "\n"}
	groups, common := s.growth()
	for _, g := range groups {
		line := "- new: " + terminal.MarkdownCode(s.name(g.ID)) + " " + terminal.MarkdownText(s.provenance(g.ID))
		if how := s.how(g); how != "" {
			line = strings.TrimRight(line, " ") + ", " + terminal.MarkdownText(how)
		}
		b.lines = append(b.lines, line+markdownNames(each(g.Introduces, s.short))+"\n")
	}
	if n := len(b.lines) - shownGroups; n > 0 {
		b.lines = append(b.lines[:shownGroups], fmt.Sprintf("- and %s, below\n", wording.Count(n, "more group", "more groups")))
	}
	for i, c := range common {
		if i == shownShared {
			n := 0
			for _, c := range common[i:] {
				n += len(c.ids)
			}
			b.lines = append(b.lines, fmt.Sprintf("- and %d more shared by others, below\n", n))
			break
		}
		b.lines = append(b.lines, fmt.Sprintf("- new: %d shared by ", len(c.ids))+terminal.MarkdownText(s.heads(c.by))+markdownNames(each(c.ids, s.short))+"\n")
	}
	if n := len(s.Growth.Removed); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d removed\n", n))
	}
	if n := len(s.Growth.Changed); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d at another version\n", n))
	}
	if n := len(s.Growth.Weaker); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d with weaker evidence\n", n))
	}
	if g := s.Growth.Base; g != nil {
		for _, x := range []struct {
			n    int
			text string
		}{{len(g.Added), "new in the base"}, {len(g.Removed), "removed with the base"}, {len(g.Changed), "at another version in the base"}, {len(g.ToBase), "now in the base"}} {
			if x.n > 0 {
				b.lines = append(b.lines, fmt.Sprintf("- %d %s\n", x.n, x.text))
			}
		}
	}
	if s.Base != nil && s.Base.Layers > 0 {
		for _, l := range s.layers() {
			if !l.base && l.number > 0 && l.all > 0 {
				b.lines = append(b.lines, strings.TrimRight(fmt.Sprintf("- layer %d added %d: %s", l.number, l.all, terminal.CodeSpan(terminal.EscapeTo(l.step, maxCell))), ": ")+"\n")
			}
		}
	}
	return b
}

// markdownNames returns the first of some names, after a colon.
func markdownNames(names []string) string {
	line := ""
	for i, name := range names {
		switch i {
		case shownItems:
			return line + fmt.Sprintf(", and %d more", len(names)-i)
		case 0:
			line = ":"
		default:
			line += ","
		}
		line += " " + terminal.MarkdownCode(name)
	}
	return line
}

func markdownFinding(s stage, f audit.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s", severityWord(f.Severity), strings.TrimSpace(terminal.MarkdownCode(f.Rule)+" "+terminal.MarkdownText(f.Message)))
	b.WriteString("\n\n")
	for i, path := range f.Paths {
		if i == shownItems {
			fmt.Fprintf(&b, "- and %d more, which the json report has\n", len(f.Paths)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", terminal.MarkdownCode(path))
	}
	if len(f.Paths) > 0 {
		b.WriteString("\n")
	}
	b.WriteString(markdownUses(s, f))
	if len(f.Dependencies) > 0 && (f.Rule != audit.RuleGrowth.ID || len(s.Growth.Added) == 0) {
		for i, id := range f.Dependencies {
			if i == shownItems {
				fmt.Fprintf(&b, "- and %d more, below\n", len(f.Dependencies)-i)
				break
			}
			why := cmp.Or(s.why(id), s.provenance(id))
			if dir := directory(s.byID[id]); dir != "" {
				why += ", in " + dir
			}
			fmt.Fprintf(&b, "%s\n", strings.TrimRight("- "+orNothing(terminal.MarkdownCode(s.name(id)))+" "+terminal.MarkdownText(why), " "))
		}
		b.WriteString("\n")
	}
	for _, l := range textLines(f.Fix) {
		fmt.Fprintf(&b, "Fix: %s\n\n", orNothing(markdownAdvice(l)))
	}
	if f.Accept != "" {
		accept, _ := command(f.Accept)
		fmt.Fprintf(&b, "Accept:\n\n%s\n", fenced(accept))
	}
	return b.String()
}

// markdownAdvice returns prose with commands in backquotes.
func markdownAdvice(s string) string {
	pieces := strings.Split(terminal.Escape(s), "`")
	if len(pieces)%2 == 0 {
		return terminal.MarkdownText(s) // an unpaired backquote
	}
	var out []string
	for i, piece := range pieces {
		if i%2 == 1 {
			out = append(out, terminal.CodeSpan(piece))
			continue
		}
		// Punctuation stays at what it follows; spaces keep the backquotes of
		// neighbours apart.
		rest := strings.TrimLeft(piece, ",.;)")
		if n := len(piece) - len(rest); n > 0 && len(out) > 0 {
			out[len(out)-1] += piece[:n]
		} else {
			rest = piece
		}
		if text := terminal.MarkdownText(rest); text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(out, " ")
}

// fenced returns one line of code in a fence that is longer than any run of
// backticks in the line.
func fenced(line string) string {
	fence := "```"
	for strings.Contains(line, fence) {
		fence += "`"
	}
	return fence + "sh\n" + line + "\n" + fence + "\n"
}

// markdownLists returns the collapsed lists: those that explain the verdict,
// and those of --show.
func markdownLists(s stage, requested []List, limit int) ([]block, error) {
	var blocks []block
	for _, l := range Lists() {
		wanted := slices.ContainsFunc(requested, func(a List) bool { return a.Name == l.Name })
		made := l.make(s)
		if !wanted && (s.clean() || !slices.Contains([]string{"growth", "unaccounted", "notices", "changed", "unexplained"}, l.Name)) {
			continue
		}
		if len(made.Rows) == 0 {
			continue
		}
		// No untrusted text goes here: Markdown is not parsed within <summary>.
		b := block{rank: rankDetail, what: "rows", close: "</details>\n\n",
			open: fmt.Sprintf("<details><summary>%s: %d</summary>\n\n", l.Title, len(made.Rows))}
		if n := len(made.Rows) - limit; limit > 0 && n > 0 {
			made.Rows = made.Rows[:limit]
			b.close = fmt.Sprintf("and %d more: `--limit 0` lists all\n\n", n) + b.close
		}
		b, err := markdownTable(made, b)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}
