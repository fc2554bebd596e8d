package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// StepSummaryBytes is the largest step summary that GitHub takes; a larger
	// one fails to upload (docs.github.com, Workflow commands for GitHub
	// Actions, "Step isolation and limits": 1 MiB for each step).
	StepSummaryBytes = 1 << 20
	// CommentBytes is for a comment on a pull request, of which GitHub takes
	// 65,536 characters and answers 422 above.
	CommentBytes = 1 << 16

	// minMarkdown is what a headline and the notes of what was cut need.
	minMarkdown = 4096
	// noteRoom is kept for the note at the end of what was left out.
	noteRoom = 256
	// maxCell is the number of characters in a cell of a table, in which
	// nobody reads a longer one.
	maxCell = 256
)

// rank says what is kept when not everything fits: lower ranks first, within
// a rank the order of the document.
type rank int

const (
	rankHead    rank = iota // never cut
	rankSummary             // one line for each stage
	rankCause               // why a stage does not pass, and the ways out
	rankDetail              // full lists
)

// block is a part of a document that is kept, cut at a line, or left out.
type block struct {
	rank rank
	// what names a line of it when lines are cut ("stages").
	what  string
	open  string
	lines []string
	close string
}

// renderMarkdown writes GitHub Flavored Markdown: the verdict, a line for each
// stage, then what is wrong with each and what to do, with the full lists
// folded away.
func renderMarkdown(w io.Writer, r *audit.Report, o Options) error {
	lists, err := shown(o.Show)
	if err != nil {
		return err
	}
	limit := o.MaxBytes
	if limit == 0 {
		limit = StepSummaryBytes
	}
	if limit < minMarkdown {
		return fmt.Errorf("a markdown report needs %d bytes, %d are allowed", minMarkdown, limit)
	}
	blocks := []block{markdownHead(r), markdownStages(r)}
	for i := range r.Stages {
		s := indexed(&r.Stages[i])
		if !s.clean() || isScan(r) {
			blocks = append(blocks, markdownStage(r, s)...)
		}
		blocks = append(blocks, markdownLists(s, lists)...)
	}
	if len(r.Findings) > 0 {
		blocks = append(blocks, block{rank: rankCause, open: "### Configuration and baseline\n\n"})
	}
	for _, f := range r.Findings {
		blocks = append(blocks, block{rank: rankCause, open: markdownFinding(stage{Stage: &audit.Stage{}}, f)})
	}
	blocks = append(blocks, block{rank: rankHead, open: "<sub>" + markdownText(neutral(ruler(r), maxCell)) + "</sub>\n"})
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

// within is the block in at most room bytes, with a count of the lines that
// were cut, or false when not even its frame fits.
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
	const maxName = 128
	name, said, system := r.Pipeline, summary(r), ""
	if isScan(r) {
		s := indexed(&r.Stages[0])
		name, system = s.Environment, s.OS
		said = s.headline(func(foreign string) string { return markdownText(neutral(foreign, maxName)) })
	}
	head := "## " + strings.TrimSpace(verdictWord(r.Verdict)+" "+codeSpan(neutral(name, maxName))) + "\n\n" + said
	if system != "" {
		head += ", " + markdownText(neutral(system, maxName))
	}
	return block{rank: rankHead, open: head + "\n\n"}
}

func markdownStages(r *audit.Report) block {
	l := list{columns: []column{
		{title: "Stage", code: true}, {title: "Verdict"}, {title: "Total", right: true}, {title: "Base", right: true}, {title: "Added", right: true},
		{title: "OS-provided", right: true}, {title: "Lock-pinned", right: true}, {title: "Excepted", right: true},
		{title: "Unaccounted", right: true}, {title: "Growth", right: true}, {title: "Cannot show"}, {title: "Judged as"}, {title: "Platform"},
	}}
	for i := range r.Stages {
		s := indexed(&r.Stages[i])
		c := s.Counts
		base, added := s.baseAndAdded()
		l.rows = append(l.rows, []string{
			s.Name, verdictWord(s.Verdict), strconv.Itoa(c.Total), base, added, strconv.Itoa(c.OS), strconv.Itoa(c.Lock),
			nonZero(c.Exception), strconv.Itoa(c.Unaccounted), s.difference(), s.cannotShow(), s.standing(), s.Image.Platform,
		})
	}
	return markdownTable(l, block{rank: rankSummary, what: "stages"})
}

// markdownTable adds a list to a block, one line for each row.
func markdownTable(l list, b block) block {
	l = l.filled()
	if len(l.columns) == 0 {
		return b
	}
	head, rule := "|", "|"
	for _, c := range l.columns {
		head += " " + c.title + " |"
		if c.right {
			rule += " --: |"
		} else {
			rule += " :-- |"
		}
	}
	b.open += head + "\n" + rule + "\n"
	for _, row := range l.rows {
		line := "|"
		for i, c := range l.columns {
			cell := neutral(row[i], maxCell)
			switch {
			case c.code:
				cell = codeSpan(cell)
			case !c.right:
				cell = markdownText(cell)
			}
			line += " " + cell + " |"
		}
		b.lines = append(b.lines, line+"\n")
	}
	b.close = "\n" + b.close
	return b
}

// markdownStage is what the table's block of a stage says.
func markdownStage(r *audit.Report, s stage) []block {
	var b strings.Builder
	if !isScan(r) {
		standing := ""
		if s.standing() != "" {
			standing = ", " + s.standing()
		}
		fmt.Fprintf(&b, "### %s %s\n\n%s%s\n\n", verdictWord(s.Verdict), codeSpan(neutral(s.Name, maxCell)), s.headline(markdownText), standing)
	}
	total, beside := s.counts()
	fmt.Fprintf(&b, "%s\n\n", strings.Join(slices.Concat(total, beside), ", "))
	blocks := []block{{rank: rankCause, open: b.String()}}
	if all := s.about(); len(all) > 0 {
		about := block{rank: rankCause, what: "remarks", close: "\n"}
		for _, a := range all {
			about.lines = append(about.lines, "- "+a.label+": "+orNothing(markdownText(a.text))+"\n")
		}
		blocks = append(blocks, about)
	}
	if g := markdownGrowth(s); len(g.lines) > 0 {
		blocks = append(blocks, g)
	}
	for _, f := range s.Findings {
		blocks = append(blocks, block{rank: rankCause, open: markdownFinding(s, f)})
	}
	if len(s.Gaps) > 0 {
		gaps := block{rank: rankCause, what: "gaps", open: "**Not examined**\n\n", close: "\n"}
		for _, g := range s.openFirst() {
			line := strings.TrimRight("- "+markdownText(g.Kind)+" "+markdownCode(g.Path), " ") + "\n  " + orNothing(markdownText(g.Detail)) + "\n"
			if g.Waived != nil {
				line += "  waived " + markdownText(waived(g)) + "\n"
			}
			gaps.lines = append(gaps.lines, line)
		}
		blocks = append(blocks, gaps)
	}
	if s.Message != "" && !s.clean() {
		lines := textLines(s.Message)
		for i, l := range lines {
			lines[i] = "> " + orNothing(markdownText(l))
		}
		blocks = append(blocks, block{rank: rankCause, open: strings.Join(lines, "\n>\n") + "\n\n"})
	}
	return blocks
}

// orNothing stands in for a text that has nothing to show.
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
		line := "- new: " + markdownCode(s.name(g.ID)) + " " + markdownText(s.provenance(g.ID))
		if how := s.how(g); how != "" {
			line = strings.TrimRight(line, " ") + ", " + markdownText(how)
		}
		b.lines = append(b.lines, line+markdownNames(each(g.Brings, s.short))+"\n")
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
		b.lines = append(b.lines, fmt.Sprintf("- new: %d shared by ", len(c.ids))+markdownText(s.heads(c.by))+markdownNames(each(c.ids, s.short))+"\n")
	}
	if n := len(s.Growth.Removed); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d gone\n", n))
	}
	if n := len(s.Growth.Changed); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d at another version\n", n))
	}
	if n := len(s.Growth.Weaker); n > 0 {
		b.lines = append(b.lines, fmt.Sprintf("- %d with a weaker proof\n", n))
	}
	if g := s.Growth.Base; g != nil {
		for _, x := range []struct {
			n    int
			text string
		}{{len(g.Added), "new in the base"}, {len(g.Removed), "gone with the base"}, {len(g.Changed), "at another version in the base"}, {len(g.ToBase), "now of the base"}} {
			if x.n > 0 {
				b.lines = append(b.lines, fmt.Sprintf("- %d %s\n", x.n, x.text))
			}
		}
	}
	if s.Base != nil && s.Base.Layers > 0 {
		for _, l := range s.layers() {
			if !l.base && l.number > 0 && l.all > 0 {
				b.lines = append(b.lines, strings.TrimRight(fmt.Sprintf("- layer %d added %d: %s", l.number, l.all, codeSpan(neutral(l.step, maxCell))), ": ")+"\n")
			}
		}
	}
	return b
}

// markdownNames are the first of some names, after a colon.
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
		line += " " + markdownCode(name)
	}
	return line
}

func markdownFinding(s stage, f audit.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s", severityWord(f.Severity), strings.TrimSpace(markdownCode(f.Rule)+" "+markdownText(f.Message)))
	b.WriteString("\n\n")
	for i, path := range f.Paths {
		if i == shownItems {
			fmt.Fprintf(&b, "- and %d more\n", len(f.Paths)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", markdownCode(path))
	}
	if len(f.Paths) > 0 {
		b.WriteString("\n")
	}
	if len(f.Dependencies) > 0 && (f.Rule != audit.RuleGrowth || len(s.Growth.Added) == 0) {
		for i, id := range f.Dependencies {
			if i == shownItems {
				fmt.Fprintf(&b, "- and %d more, below\n", len(f.Dependencies)-i)
				break
			}
			why := s.why(id)
			if why == "" {
				why = s.provenance(id)
			}
			fmt.Fprintf(&b, "%s\n", strings.TrimRight("- "+orNothing(markdownCode(s.name(id)))+" "+markdownText(why), " "))
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

// markdownAdvice is prose with commands in backquotes.
func markdownAdvice(s string) string {
	pieces := strings.Split(Terminal(s), "`")
	if len(pieces)%2 == 0 {
		return markdownText(s) // a backquote without its other one quotes nothing
	}
	for i, piece := range pieces {
		if i%2 == 0 {
			pieces[i] = markdownText(piece)
		} else {
			pieces[i] = codeSpan(piece)
		}
	}
	// Spaces keep the backquotes of neighbours apart.
	return strings.Join(slices.DeleteFunc(pieces, func(p string) bool { return p == "" }), " ")
}

// fenced is one line of code that can be copied. The fence is longer than any
// run of backticks in the line.
func fenced(line string) string {
	fence := "```"
	for strings.Contains(line, fence) {
		fence += "`"
	}
	return fence + "sh\n" + line + "\n" + fence + "\n"
}

// markdownLists are the folded lists: those that explain the verdict, and
// those that were asked for.
func markdownLists(s stage, asked []List) []block {
	var blocks []block
	for _, l := range Lists() {
		wanted := slices.ContainsFunc(asked, func(a List) bool { return a.Name == l.Name })
		made := l.make(s)
		if !wanted && (s.clean() || !slices.Contains([]string{"growth", "unaccounted", "notices"}, l.Name)) {
			continue
		}
		if len(made.rows) == 0 {
			continue
		}
		// Nothing foreign stands here: within <summary> no Markdown is read.
		b := block{rank: rankDetail, what: "rows", close: "</details>\n\n",
			open: fmt.Sprintf("<details><summary>%s: %d</summary>\n\n", l.Title, len(made.rows))}
		blocks = append(blocks, markdownTable(made, b))
	}
	return blocks
}
