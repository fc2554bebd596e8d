package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
)

const (
	// shownGroups, shownItems and shownFindings are how many of a kind a
	// summary shows before it says how to see the rest: a block must stay on
	// one screen for its ways out to be seen.
	shownGroups   = 10
	shownItems    = 10
	shownFindings = 20
	// shownShared is less than shownGroups: what several share is no cause.
	shownShared = 4

	indent = "  "
	// label is the width of the words at the beginning of a line ("accept").
	label = 9
)

func renderTable(w io.Writer, r *audit.Report, o Options) error {
	lists, err := shown(o.Show)
	if err != nil {
		return err
	}
	p := newPage(o)
	if len(r.Stages) != 1 || r.Verdict != r.Stages[0].Verdict {
		p.reportHead(r)
	}
	for i := range r.Stages {
		s := indexed(&r.Stages[i])
		p.stageBlock(r, s)
		for _, l := range lists {
			p.show(l, s, slices.Contains(o.Show, "all"))
		}
		p.line("")
	}
	if len(r.Findings) > 0 {
		p.line(p.paint("Configuration and baseline", bold))
		p.findings(stage{Stage: &audit.Stage{}}, r.Findings)
		p.line("")
	}
	p.lines("", "", p.faintLines(wrapStyled(Terminal(ruler(r)), p.width)))
	if p.err != nil {
		return p.err
	}
	_, err = io.WriteString(w, p.out.String())
	return err
}

// reportHead has the verdict of the whole report and one line for each stage.
func (p *page) reportHead(r *audit.Report) {
	word := verdictWord(r.Verdict)
	head := []string{word + " " + p.paint(cut(Terminal(r.Pipeline), p.width-len("INCOMPLETE ")), bold), summary(r)}
	lines := flow(head, columnGap+" ", p.width)
	lines[0] = p.verdict(word) + strings.TrimPrefix(lines[0], word)
	p.lines("", "", lines)
	p.line("")
	l := list{columns: []column{
		{title: "Stage"}, {title: "Verdict", whole: true, paint: verdictColor}, {title: "Total", right: true},
		{title: "Base", right: true}, {title: "Added", right: true, spare: true}, {title: "OS", right: true},
		{title: "Lock", right: true}, {title: "Except", right: true},
		{title: "Unacc.", right: true}, {title: "Growth", right: true}, {title: "Lacks"}, {title: "", spare: true}, {title: "Platform", spare: true},
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
	p.table(indent, l)
	p.line("")
}

// baseAndAdded are the two numbers of a stage with a base.
func (s stage) baseAndAdded() (base, added string) {
	if s.Base == nil || !s.Base.Known {
		return nonZero(s.Counts.Image), ""
	}
	return strconv.Itoa(s.Base.Present), strconv.Itoa(s.Base.Added)
}

// nonZero leaves a column empty, and so away, that most reports do not need.
func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// stageBlock says all there is to say about a stage: verdict, difference,
// cause, counts, findings with their ways out, gaps, the team's message.
func (p *page) stageBlock(r *audit.Report, s stage) {
	p.stageHead(r, s)
	if isScan(r) {
		p.field("system", "", s.OS)
	}
	if !s.clean() || len(r.Stages) == 1 {
		for _, a := range s.about() {
			p.field(a.label, "", a.text)
		}
	}
	p.growth(s)
	if !s.clean() || len(r.Stages) == 1 {
		total, beside := s.counts()
		if len(beside) > 0 {
			total = append(total, "("+strings.Join(beside, ", ")+": see --show)")
		}
		p.lines(indent, indent, flow(total, "   ", p.width-len(indent)))
	}
	p.findings(s, s.Findings)
	if isScan(r) && len(s.Findings) == 0 {
		p.unaccounted(s)
	}
	p.gaps(s)
	if s.Message != "" && !s.clean() {
		p.field("message", bold, textLines(s.Message)...)
	}
}

// stageHead is "FAIL build-source  162 dependencies, ...   critical".
func (p *page) stageHead(r *audit.Report, s stage) {
	word := verdictWord(s.Verdict)
	name := s.Name
	if isScan(r) {
		name = s.Environment
		if s.Verdict == audit.Pass {
			word = "" // nothing was asked of it that it could pass
		}
	}
	first := strings.TrimSpace(word + " " + cut(Terminal(name), p.width-len("INCOMPLETE ")))
	numbers := []string{s.headline(Terminal)}
	if standing := s.standing(); standing != "" {
		numbers = append(numbers, standing)
	}
	// The name and the number share a line when there is room for both.
	lines := append([]string{first}, flow(numbers, "   ", p.width-len(indent))...)
	if together := first + columnGap + numbers[0]; cells(together) <= p.width {
		numbers[0] = together
		lines = flow(numbers, "   ", p.width)
	}
	if word != "" {
		lines[0] = p.verdict(word) + strings.TrimPrefix(lines[0], word)
	}
	p.lines("", indent, lines)
}

// growth shows the difference to the baseline, grouped by who brought what.
func (p *page) growth(s stage) {
	groups, common := s.growth()
	more := 0
	if len(groups) > shownGroups {
		for _, g := range groups[shownGroups:] {
			more += 1 + len(g.Brings)
		}
		groups = groups[:shownGroups]
	}
	if len(common) > shownShared {
		for _, c := range common[shownShared:] {
			more += len(c.ids)
		}
		common = common[:shownShared]
	}
	nameWidth, provenanceWidth := 0, 0
	for _, g := range groups {
		nameWidth = max(nameWidth, cells(Terminal(s.name(g.ID))))
		provenanceWidth = max(provenanceWidth, cells(Terminal(s.provenance(g.ID))))
	}
	nameWidth = min(nameWidth, p.width*2/5)
	provenanceWidth = min(provenanceWidth, p.width*2/5)
	for _, g := range groups {
		p.group(s, g, nameWidth, provenanceWidth)
	}
	for _, c := range common {
		p.shared(s, c)
	}
	if more > 0 {
		p.line(fmt.Sprintf("%s%s and %d more: see --show growth", indent, p.paint("+", red), more))
	}
	p.difference("-", green, "%d gone: ", each(s.Growth.Removed, gone))
	p.difference("~", "", "%d at another version: ", each(s.Growth.Changed, changed))
	p.difference("!", red, "%d with a weaker proof: ", each(s.Growth.Weaker, s.weaker))
	if b := s.Growth.Base; b != nil {
		p.difference("+", yellow, "%d new in the base: ", each(b.Added, s.name))
		p.difference("-", "", "%d gone with the base: ", each(b.Removed, gone))
		p.difference("~", "", "%d at another version in the base: ", each(b.Changed, changed))
		p.difference("=", "", "%d now the base's: ", each(b.ToBase, s.name))
	}
	p.layers(s)
}

// layers names the build steps that added something to the base.
func (p *page) layers(s stage) {
	if s.Base == nil || s.Base.Layers == 0 || s.clean() {
		return
	}
	shown := 0
	for _, l := range s.layers() {
		if l.base || l.number == 0 || l.all == 0 {
			continue
		}
		if shown++; shown > shownItems {
			p.field("", "", "and more: see --show layers")
			return
		}
		p.field(fmt.Sprintf("layer %d", l.number), "", strings.TrimSuffix(fmt.Sprintf("added %d: %s", l.all, cut(Terminal(l.step), p.width)), ": "))
	}
}

// group is one new dependency and what came with it.
func (p *page) group(s stage, g audit.GrowthGroup, nameWidth, provenanceWidth int) {
	sign := indent + p.paint("+", red) + " "
	name := pad(cut(Terminal(s.name(g.ID)), nameWidth), nameWidth)
	left := sign + name + "   " + pad(cut(Terminal(s.provenance(g.ID)), provenanceWidth), provenanceWidth)
	how := Terminal(s.how(g))
	brought := each(g.Brings, s.short)
	if len(brought) > 0 {
		how += ": "
	}
	room := p.width - cells(left) - 3
	if how == "" || room >= cells(how)+min(fewNames, cells(enumerate(brought, fewNames))) {
		p.line(left + "   " + cut(how+enumerate(brought, room-cells(how)), room))
		return
	}
	p.line(left)
	p.line(below + cut(how+enumerate(brought, p.width-len(below)-cells(how)), p.width-len(below)))
}

// fewNames is the room that names must have beside what they belong to; they
// stand below it otherwise.
const (
	fewNames = 24
	below    = "      "
)

// shared is what several groups share.
func (p *page) shared(s stage, c shared) {
	sign := indent + p.paint("+", red) + " "
	head := fmt.Sprintf("%d shared by %s: ", len(c.ids), Terminal(s.heads(c.by)))
	names := each(c.ids, s.short)
	room := p.width - cells(sign) - cells(head)
	if room >= min(fewNames, cells(enumerate(names, fewNames))) {
		p.line(sign + cut(head+enumerate(names, room), p.width-cells(sign)))
		return
	}
	p.line(sign + cut(head, p.width-cells(sign)))
	p.line(below + cut(enumerate(names, p.width-len(below)), p.width-len(below)))
}

// difference is one line that names as many as fit.
func (p *page) difference(sign string, c style, format string, names []string) {
	if len(names) == 0 {
		return
	}
	head := fmt.Sprintf(format, len(names))
	room := p.width - len(indent) - 2
	p.line(indent + p.paint(sign, c) + " " + cut(head+enumerate(names, room-len(head)), room))
}

// enumerate joins as many names as fit into width cells and counts the rest.
func enumerate(names []string, width int) string {
	out := ""
	for i, name := range names {
		next := Terminal(name)
		if i > 0 {
			next = out + ", " + next
		}
		rest := ""
		if more := len(names) - i - 1; more > 0 {
			rest = fmt.Sprintf(", and %d more", more)
		}
		if cells(next)+cells(rest) > width {
			if i == 0 {
				return cut(next, max(1, width-cells(rest))) + rest
			}
			return out + fmt.Sprintf(", and %d more", len(names)-i)
		}
		out = next
	}
	return out
}

func (p *page) findings(s stage, all []audit.Finding) {
	all = slices.DeleteFunc(slices.Clone(all), idle) // the number of notices says it
	for i, f := range all {
		if i == shownFindings {
			p.field("", "", fmt.Sprintf("and %d more findings: see --show findings", len(all)-i))
			return
		}
		said := f.Rule == audit.RuleGrowth && len(s.Growth.Added) > 0
		if !said || f.Severity != audit.Error {
			p.field(severityWord(f.Severity), severityColor(string(f.Severity)), strings.TrimPrefix(f.Rule+": "+f.Message, ": "))
		}
		for _, path := range f.Paths[:min(len(f.Paths), shownItems)] {
			p.paste("", "", path)
		}
		if more := len(f.Paths) - shownItems; more > 0 {
			p.field("", "", fmt.Sprintf("and %d more: see --show findings", more))
		}
		if !said {
			p.dependencies(s, f.Dependencies, "findings")
		}
		p.wayOut("fix", f.Fix)
		if f.Accept != "" {
			p.paste("accept", "", f.Accept)
		}
	}
}

// dependencies lists what a finding is about, with the reason for each.
func (p *page) dependencies(s stage, ids []string, where string) {
	shownIDs := ids[:min(len(ids), shownItems)]
	nameWidth := 0
	for _, id := range shownIDs {
		nameWidth = max(nameWidth, cells(Terminal(s.name(id))))
	}
	lead := strings.Repeat(" ", len(indent)+label)
	room := p.width - len(lead)
	nameWidth = min(nameWidth, room*2/5)
	for _, id := range shownIDs {
		name, why := Terminal(s.name(id)), Terminal(s.why(id))
		if why == "" {
			why = Terminal(s.provenance(id))
		}
		p.line(lead + pad(cut(name, nameWidth), nameWidth) + "   " + cut(why, room-nameWidth-3))
	}
	if more := len(ids) - len(shownIDs); more > 0 {
		p.field("", "", fmt.Sprintf("and %d more: see --show %s", more, where))
	}
}

// unaccounted lists what a scan could not account for; an audit has findings
// for it.
func (p *page) unaccounted(s stage) {
	var ids []string
	for _, d := range s.Dependencies {
		if d.Provenance == audit.FromNowhere {
			ids = append(ids, d.ID)
		}
	}
	if len(ids) > 0 {
		p.line(indent + p.paint("unaccounted", yellow))
		p.dependencies(s, ids, "unaccounted")
	}
}

func (p *page) gaps(s stage) {
	for i, g := range s.openFirst() {
		if i == shownItems {
			p.field("", "", fmt.Sprintf("and %d more gaps: see --show gaps", len(s.Gaps)-i))
			return
		}
		label, color := "gap", yellow
		text := strings.TrimPrefix(g.Kind+": "+g.Detail, ": ")
		if g.Waived != nil {
			label, color = "waived", ""
			text += "; waived " + waived(g)
		}
		if g.Path == "" {
			p.field(label, color, text)
			continue
		}
		p.paste(label, color, g.Path)
		p.field("", "", text)
	}
}

// field is a labelled text, wrapped. Each text begins a line.
func (p *page) field(name string, c style, texts ...string) {
	for _, text := range texts {
		if p.wrapped(name, c, Terminal(text)) {
			name = ""
		}
	}
}

// unbroken stands for a space at which wrapped does not wrap: one cell wide,
// and for private use, so that Terminal lets none through.
const unbroken = "\ue000"

// wrapped is a field whose text is safe already. It says whether there was
// anything to print.
func (p *page) wrapped(name string, c style, text string) bool {
	lead := strings.Repeat(" ", len(indent)+label)
	lines := wrap(text, p.width-len(lead))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], unbroken, " ")
	}
	p.lines(indent+p.paint(name, c)+strings.Repeat(" ", max(1, label-len(name))), lead, lines)
	return len(lines) > 0
}

// paste is a labelled text that a reader copies. It stays one line however
// wide it is, and what would have to be cut is not printed at all.
func (p *page) paste(name string, c style, text string) {
	whole, ok := command(text)
	if !ok {
		p.field(name, c, whole)
		return
	}
	p.line(indent + p.paint(name, c) + strings.Repeat(" ", max(1, label-len(name))) + whole)
}

// wayOut is advice, one piece for each line of it. What stands in backquotes
// is not broken; if it is too wide it gets a line for itself, bare, so that
// it can be copied.
func (p *page) wayOut(name, text string) {
	room := p.width - len(indent) - label
	for _, l := range textLines(text) {
		pieces := strings.Split(Terminal(l), "`")
		if len(pieces)%2 == 0 {
			pieces = []string{Terminal(l)} // a backquote without its other one quotes nothing
		}
		prose := ""
		for i, piece := range pieces {
			switch {
			case i%2 == 0 && prose == "":
				prose = Terminal(strings.TrimLeft(piece, " .,;")) // it begins a line
			case i%2 == 0:
				prose += piece
			case cells(piece)+len("(``),") <= room:
				prose = apart(prose, pieces[i+1], "`"+strings.ReplaceAll(piece, " ", unbroken)+"`")
			default:
				if p.wrapped(name, "", prose) {
					name = ""
				}
				p.paste(name, "", piece)
				name, prose = "", ""
			}
		}
		if strings.Trim(prose, " .,;") != "" {
			p.wrapped(name, "", prose)
		}
		name = ""
	}
}

// apart adds quoted to what is before it. Punctuation may touch it; words
// before and after would make one word of it that has to be broken.
func apart(before, after, quoted string) string {
	if word := before[strings.LastIndexByte(before, ' ')+1:]; cells(word) > len("(") {
		before += " "
	}
	if word, _, _ := strings.Cut(after, " "); cells(word) > len("),") {
		quoted += " "
	}
	return before + quoted
}

// show prints one list of --show. That it is empty is news to someone who
// asked for it by name.
func (p *page) show(l List, s stage, all bool) {
	made := l.make(s)
	if len(made.rows) == 0 && all {
		return
	}
	p.line("")
	p.line(indent + p.paint(fmt.Sprintf("%s: %d", l.Title, len(made.rows)), bold))
	p.table(indent, made)
}

func (p *page) verdict(word string) string { return p.paint(word, verdictColor(word)) }

func (p *page) faintLines(lines []string) []string {
	for i := range lines {
		lines[i] = p.paint(lines[i], faint)
	}
	return lines
}

func verdictColor(word string) style {
	switch word {
	case "FAIL":
		return red
	case "PASS":
		return green
	}
	return yellow
}

func severityColor(severity string) style {
	switch audit.Severity(severity) {
	case audit.Error:
		return red
	case audit.Warning, audit.SeverityIncomplete:
		return yellow
	}
	return ""
}
