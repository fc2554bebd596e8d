package report

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// shownGroups, shownItems and shownFindings limit what a summary shows of
	// a kind before it names the list with the rest: a block must fit on one
	// screen, so that its hints are seen.
	shownGroups   = 10
	shownItems    = 10
	shownFindings = 20
	// shownShared is less than shownGroups: dependencies that several groups
	// share are not a cause.
	shownShared = 4

	indent = "  "
	// label is the width of the words at the beginning of a line
	// ("incomplete").
	label = 11
)

// page is a page with what the blocks of a report share.
type page struct {
	*terminal.Page
}

// line writes a line that is put together from escaped text.
func (p *page) line(s string) { p.Safe(s) }

// lines writes lines with an indent in front of the first one and another in
// front of the rest.
func (p *page) lines(first, rest string, lines []string) {
	for i, l := range lines {
		if i > 0 {
			first = rest
		}
		p.Safe(first + l)
	}
}

func renderTable(w io.Writer, r *audit.Report, o Options) error {
	lists, err := shown(o.Show)
	if err != nil {
		return err
	}
	p := &page{terminal.NewPage(terminal.Options{Width: o.Width, Color: o.Color, Cut: o.Cut, Groups: o.Groups})}
	if text := policyLine(r, terminal.Escape); text != "" {
		p.Prose("policy     ", "           ", text, terminal.Plain)
	}
	if text := baselineLine(r, allDigits, terminal.Escape); text != "" {
		p.Prose("baseline   ", "           ", text, terminal.Plain)
	}
	if len(r.Stages) != 1 || r.Verdict != r.Stages[0].Verdict || len(notReported(r)) > 0 {
		p.reportHead(r)
	}
	for i := range r.Stages {
		s := indexed(&r.Stages[i])
		requested := func() {
			for _, l := range lists {
				p.show(l, s, slices.Contains(o.Show, "all"), o.Limit)
			}
		}
		if o.Groups {
			p.stageGrouped(r, s, requested)
		} else {
			p.stageBlock(r, s)
			requested()
		}
		p.Blank()
	}
	if slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return !idle(f) }) {
		p.line(p.Paint("Configuration and baseline", terminal.Bold))
		p.findings(stage{Stage: &audit.Stage{}}, r.Findings)
		p.Blank()
	}
	p.Prose("", "", method(r), terminal.Faint)
	_, err = p.WriteTo(w)
	return err
}

// reportHead writes the verdict of the whole report and one line for each
// stage.
func (p *page) reportHead(r *audit.Report) {
	word := verdictWord(r.Verdict)
	room := p.Width() - len("INCOMPLETE ")
	name := p.Fit(terminal.Escape(r.Pipeline), room)
	if terminal.Width(name) <= room {
		name = p.Paint(name, terminal.Bold)
	}
	head := []string{word + " " + name, summary(r)}
	lines := terminal.Flow(head, terminal.Gap+" ", p.Width())
	lines[0] = p.verdict(word) + strings.TrimPrefix(lines[0], word)
	p.lines("", "", lines)
	p.Blank()
	// With little room the parts of the total give way: each stage's block has
	// them too.
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Stage"}, {Title: "Verdict", Whole: true, Paint: verdictColor}, {Title: "Gate", Whole: true}, {Title: "Total", Right: true},
		{Title: "Base", Right: true, Spare: 2}, {Title: "Added", Right: true, Spare: 2}, {Title: "OS", Right: true, Spare: 2},
		{Title: "Lock", Right: true, Spare: 2}, {Title: "Exception", Right: true, Spare: 2},
		{Title: "Unaccounted", Right: true, Spare: 1}, {Title: "Growth", Right: true, Spare: 1}, {Title: "Definition", Spare: 2}, {Title: "Cannot show", Spare: 2},
		{Title: "Platform", Spare: 2},
	}}
	l.Rows = rows(r, l.Columns, func(s stage) []string {
		c := s.Counts
		base, added := s.baseAndAdded()
		return []string{
			s.Name, strings.Join(append([]string{verdictWord(s.Verdict)}, s.warned()...), ", "), s.standing(), strconv.Itoa(c.Total), base, added, strconv.Itoa(c.OS), strconv.Itoa(c.Lock),
			nonZero(c.Exception), strconv.Itoa(c.Unaccounted), s.difference(), s.defined(), s.cannotShow(), s.Image.Platform,
		}
	})
	p.Table(indent, l)
	p.Blank()
}

// baseAndAdded returns the two numbers of a stage with a base.
func (s stage) baseAndAdded() (base, added string) {
	if s.Base == nil || !s.Base.Known {
		return nonZero(s.Counts.Image), ""
	}
	return strconv.Itoa(s.Base.Present), strconv.Itoa(s.Base.Added)
}

// nonZero returns "" for 0, so that a column which most reports do not need
// stays empty and is left out.
func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// stageBlock writes a stage: verdict, difference, cause, counts, findings with
// their hints, gaps, the message of the team.
func (p *page) stageBlock(r *audit.Report, s stage) {
	p.stageHead(r, s)
	p.stageAbout(r, s)
	p.growth(s)
	p.stageCounts(r, s)
	p.findings(s, s.Findings)
	if isScan(r) && len(s.Findings) == 0 {
		p.unaccounted(s)
	}
	p.gaps(s)
	p.exceptions(s)
	p.message(s)
}

// stageGrouped writes a stage with all that does not decide its verdict in a group,
// which a log shows closed.
func (p *page) stageGrouped(r *audit.Report, s stage, lists func()) {
	grown := slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return decides(f) && f.Rule == audit.RuleGrowth.ID })
	open := slices.ContainsFunc(s.Gaps, func(g audit.Gap) bool { return g.Waived == nil })
	p.stageHead(r, s)
	if grown {
		p.growth(s)
	}
	p.findings(s, slices.DeleteFunc(slices.Clone(s.Findings), func(f audit.Finding) bool { return !decides(f) }))
	if open {
		p.gaps(s)
	}
	p.message(s)
	name := s.Name
	if isScan(r) {
		name = s.Environment
	}
	p.Group("details of "+name, func() {
		p.stageAbout(r, s)
		if !grown {
			p.growth(s)
		}
		p.stageCounts(r, s)
		p.findings(s, slices.DeleteFunc(slices.Clone(s.Findings), decides))
		if isScan(r) && len(s.Findings) == 0 {
			p.unaccounted(s)
		}
		if !open {
			p.gaps(s)
		}
		p.exceptions(s)
		lists()
	})
}

// stageAbout writes what the environment of a stage is.
func (p *page) stageAbout(r *audit.Report, s stage) {
	if isScan(r) {
		p.field("system", "", s.OS)
	}
	if !s.clean() || len(r.Stages) == 1 {
		for _, a := range s.about() {
			p.field(a.label, "", a.text)
		}
	}
}

// message writes the text of the team for a failure.
func (p *page) message(s stage) {
	if s.Message != "" && !s.clean() {
		p.field("message", terminal.Bold, textLines(s.Message)...)
	}
}

// stageCounts writes the parts of the total.
func (p *page) stageCounts(r *audit.Report, s stage) {
	if !s.clean() || len(r.Stages) == 1 {
		total, beside := s.counts()
		if len(beside) > 0 {
			total = append(total, "("+strings.Join(beside, ", ")+": see --show)")
		}
		p.lines(indent, indent, terminal.Flow(total, "   ", p.Width()-len(indent)))
		if text := s.ecosystems(terminal.Escape); text != "" {
			p.Prose(indent, indent, text, terminal.Plain)
		}
		if text := s.files(); text != "" {
			p.Prose(indent, indent, text, terminal.Plain)
		}
	}
}

// stageHead writes "FAIL build-source  162 dependencies, ...   critical".
func (p *page) stageHead(r *audit.Report, s stage) {
	word := verdictWord(s.Verdict)
	name := s.Name
	if isScan(r) {
		name = s.Environment
		if s.Verdict == audit.Pass {
			word = "" // a scan has no rules to pass
		}
	}
	first := strings.TrimSpace(word + " " + p.Fit(terminal.Escape(name), p.Width()-len("INCOMPLETE ")))
	numbers := []string{s.headline(terminal.Escape)}
	if standing := s.standing(); standing != "" {
		numbers = append(numbers, standing)
	}
	// The name and the number share a line when there is room for both.
	lines := append(terminal.WrapHanging(first, p.Width(), p.Width()-len(indent)), terminal.Flow(numbers, "   ", p.Width()-len(indent))...)
	if together := first + terminal.Gap + numbers[0]; terminal.Width(together) <= p.Width() {
		numbers[0] = together
		lines = terminal.Flow(numbers, "   ", p.Width())
	}
	if word != "" {
		lines[0] = p.verdict(word) + strings.TrimPrefix(lines[0], word)
	}
	p.lines("", indent, lines)
}

// growth writes the difference to the baseline, grouped under the dependencies
// that introduced the others.
func (p *page) growth(s stage) {
	groups, common := s.growth()
	more := 0
	if len(groups) > shownGroups {
		for _, g := range groups[shownGroups:] {
			more += 1 + len(g.Introduces)
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
		nameWidth = max(nameWidth, terminal.Width(terminal.Escape(s.name(g.ID))))
		provenanceWidth = max(provenanceWidth, terminal.Width(terminal.Escape(s.provenance(g.ID))))
	}
	nameWidth = min(nameWidth, p.Width()*2/5)
	provenanceWidth = min(provenanceWidth, p.Width()*2/5)
	for _, g := range groups {
		p.group(s, g, nameWidth, provenanceWidth)
	}
	for _, c := range common {
		p.shared(s, c)
	}
	if more > 0 {
		p.line(fmt.Sprintf("%s%s and %d more: see --show growth", indent, p.Paint("+", terminal.Red), more))
	}
	p.difference("-", terminal.Green, "%d removed: ", each(s.Growth.Removed, removedName))
	p.difference("~", "", "%d at another version: ", each(s.Growth.Changed, changed))
	p.difference("!", terminal.Red, "%d with weaker evidence: ", each(s.Growth.Weaker, s.weaker))
	if b := s.Growth.Base; b != nil {
		p.difference("+", terminal.Yellow, "%d new in the base: ", each(b.Added, s.name))
		p.difference("-", "", "%d removed with the base: ", each(b.Removed, removedName))
		p.difference("~", "", "%d at another version in the base: ", each(b.Changed, changed))
		p.difference("=", "", "%d now in the base: ", each(b.ToBase, s.name))
	}
	p.layers(s)
}

// layers writes the build steps that added dependencies to the base.
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
		p.field(fmt.Sprintf("layer %d", l.number), "", strings.TrimSuffix(fmt.Sprintf("added %d: %s", l.all, p.Fit(terminal.Escape(l.step), p.Width())), ": "))
	}
}

// group writes one new dependency with those that it introduces.
func (p *page) group(s stage, g audit.GrowthGroup, nameWidth, provenanceWidth int) {
	sign := indent + p.Paint("+", terminal.Red) + " "
	provenance := p.padded(terminal.Escape(s.provenance(g.ID)), provenanceWidth)
	name := p.padded(terminal.Escape(s.name(g.ID)), nameWidth)
	left := sign + name + "   " + provenance
	how := terminal.Escape(s.how(g))
	introduced := each(g.Introduces, s.short)
	if len(introduced) > 0 {
		how += ": "
	}
	room := p.Width() - terminal.Width(left) - 3
	fits := p.Cuts() || room >= 0
	if how == "" && fits || fits && room >= terminal.Width(how)+p.few(introduced) {
		p.line(left + "   " + p.Fit(how+p.enumerate(introduced, room-terminal.Width(how)), room))
		return
	}
	p.beside(sign, name, provenance, left)
	if how == "" {
		return
	}
	p.below(how + p.enumerate(introduced, p.Width()-len(below)-terminal.Width(how)))
}

// padded makes an escaped text n cells wide, cut only where the page cuts.
func (p *page) padded(s string, n int) string {
	if p.Cuts() || terminal.Width(s) <= n {
		return terminal.Fit(s, n)
	}
	return s
}

// beside writes a line of several parts, or each part on a line if they do not fit.
func (p *page) beside(sign, first, second, line string) {
	if p.Cuts() || terminal.Width(line) <= p.Width() {
		p.line(line)
		return
	}
	p.entry(sign, first)
	p.below(second)
}

// below writes an escaped text below the line that it belongs to.
func (p *page) below(text string) {
	if p.Cuts() {
		p.line(below + terminal.Cut(text, p.Width()-len(below)))
		return
	}
	p.lines(below, below+indent, terminal.WrapHanging(text, p.Width()-len(below), p.Width()-len(below+indent)))
}

// few returns the room that names need to be on the line of their head.
func (p *page) few(names []string) int {
	if p.Cuts() {
		return min(fewNames, terminal.Width(terminal.Enumerate(names, fewNames)))
	}
	return terminal.Width(terminal.EnumerateWhole(names, fewNames))
}

// enumerate is [terminal.Enumerate] for this page.
func (p *page) enumerate(names []string, room int) string {
	if p.Cuts() {
		return terminal.Enumerate(names, room)
	}
	return terminal.EnumerateWhole(names, room)
}

// fewNames is the room that names take on the line of their head. With less room
// they are on the line below it.
const (
	fewNames = 24
	below    = "      "
)

// shared writes the dependencies that several groups share.
func (p *page) shared(s stage, c shared) {
	sign := indent + p.Paint("+", terminal.Red) + " "
	head := fmt.Sprintf("%d shared by %s: ", len(c.ids), terminal.Escape(s.heads(c.by)))
	names := each(c.ids, s.short)
	room := p.Width() - terminal.Width(sign) - terminal.Width(head)
	if room >= p.few(names) {
		p.entry(sign, head+p.enumerate(names, room))
		return
	}
	p.entry(sign, head)
	p.below(p.enumerate(names, p.Width()-len(below)))
}

// entry writes an escaped text after a sign.
func (p *page) entry(sign, text string) {
	room := p.Width() - terminal.Width(sign)
	if p.Cuts() {
		p.line(sign + terminal.Cut(text, room))
		return
	}
	p.lines(sign, below, terminal.WrapHanging(text, room, p.Width()-len(below)))
}

// difference writes one line that names as many as fit.
func (p *page) difference(sign string, c terminal.Style, format string, names []string) {
	if len(names) == 0 {
		return
	}
	head := fmt.Sprintf(format, len(names))
	room := p.Width() - len(indent) - 2
	p.entry(indent+p.Paint(sign, c)+" ", head+p.enumerate(names, room-len(head)))
}

func (p *page) findings(s stage, all []audit.Finding) {
	all = slices.DeleteFunc(slices.Clone(all), idle) // they are in the number of notices
	for i, f := range all {
		if i == shownFindings {
			p.field("", "", fmt.Sprintf("and %d more findings: see --show findings", len(all)-i))
			return
		}
		shown := f.Rule == audit.RuleGrowth.ID && len(s.Growth.Added) > 0
		if !shown || f.Severity != audit.Error {
			p.field(severityWord(f.Severity), severityColor(string(f.Severity)), strings.TrimPrefix(f.Rule+": "+f.Message, ": "))
		}
		for _, path := range f.Paths[:min(len(f.Paths), shownItems)] {
			p.path("", "", path)
		}
		if more := len(f.Paths) - shownItems; more > 0 {
			p.field("", "", "and "+wording.Count(more, "more", "more")+": see --show findings")
		}
		p.uses(s, f)
		if !shown {
			if len(f.Paths) > 0 && len(f.Dependencies) > 1 {
				p.field("", "", "of "+wording.Count(len(f.Dependencies), "dependency", "dependencies")+":")
			}
			p.dependencies(s, f.Dependencies, "findings")
		}
		p.hint("fix", f.Fix)
		if f.Accept != "" {
			p.paste("accept", "", f.Accept)
		}
	}
}

// dependencies writes the dependencies of a finding, each with its reason. A reason
// that several in a row have is written once, below the last of them.
func (p *page) dependencies(s stage, ids []string, where string) {
	shownIDs := ids[:min(len(ids), shownItems)]
	lead := strings.Repeat(" ", len(indent)+label)
	width, half := 0, (p.Width()-len(lead))/2
	for _, id := range shownIDs {
		// What is beside a wider name is below it.
		if n := terminal.Width(terminal.Escape(s.name(id))); n <= half {
			width = max(width, n)
		}
	}
	for rest := shownIDs; len(rest) > 0; {
		reason := s.reason(rest[0])
		same := 1
		for same < len(rest) && reason != "" && s.reason(rest[same]) == reason {
			same++
		}
		if same < fewAlike {
			p.dependency(s, rest[0], reason, lead, width)
			rest = rest[1:]
			continue
		}
		for _, id := range rest[:same] {
			p.dependency(s, id, "", lead, width)
		}
		p.Prose(lead+indent, lead+indent, fmt.Sprintf("these %d: %s", same, reason), terminal.Plain)
		rest = rest[same:]
	}
	if more := len(ids) - len(shownIDs); more > 0 {
		p.field("", "", "and "+wording.Count(more, "more", "more")+": see --show "+where)
	}
}

// fewAlike is the number of dependencies from which on a common reason is written
// once.
const fewAlike = 3

// reason returns why a dependency is in a finding.
func (s stage) reason(id string) string { return cmp.Or(s.why(id), s.provenance(id)) }

// dependency writes one dependency of a finding: its name and the directory that it
// is installed in, because the same name can be in several, then the reason.
func (p *page) dependency(s stage, id, reason, lead string, width int) {
	name := terminal.Escape(s.name(id))
	column := lead + strings.Repeat(" ", width) + terminal.Gap
	dir := terminal.Escape(directory(s.byID[id]))
	room := p.Width() - terminal.Width(column)
	left := lead + terminal.Fit(name, width) + terminal.Gap
	if terminal.Width(name) > width {
		// A name is never cut: it is what a reader looks for.
		p.Prose(lead, lead, s.name(id), terminal.Plain)
		left = column
	}
	if together := reason + ", in " + dir; dir != "" && reason != "" && terminal.Width(terminal.Escape(together)) <= room {
		dir, reason = "", together
	}
	switch {
	case dir == "" && reason == "":
		if left != column {
			p.Safe(lead + name)
		}
		return
	case dir == "" && left == column:
		p.Prose(lead+indent, lead+indent, reason, terminal.Plain)
		return
	case dir == "" && widestWord(reason) <= room:
		p.Prose(left, column, reason, terminal.Plain)
		return
	case dir == "":
		dir, reason = reason, ""
	}
	under := lead + indent
	if terminal.Width(dir) <= room {
		p.Safe(left + dir)
	} else {
		if left != column {
			p.Safe(lead + name)
		}
		p.Prose(under, under, p.FitPath(dir, p.Width()-len(under)), terminal.Plain)
	}
	if reason != "" {
		p.Prose(under, under, reason, terminal.Plain)
	}
}

// widestWord returns the width of the widest word of a text.
func widestWord(s string) int {
	n := 0
	for word := range strings.FieldsSeq(s) {
		n = max(n, terminal.Width(terminal.Escape(word)))
	}
	return n
}

// directory returns the directory that a package is installed in, and how many
// others there are: "" for one of the operating system, and for files.
func directory(d *audit.Dependency) string {
	if d == nil || d.Kind == sbom.KindOS || d.Kind == sbom.KindFiles || len(d.Paths) == 0 {
		return ""
	}
	var dirs []string
	for _, p := range d.Paths {
		if dir := installedIn(p); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if n := len(dirs) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", dirs[0], n)
	}
	return dirs[0]
}

// installedIn returns the directory that packages are installed in, of the path
// that shows one: what is before its own directory, and for Node.js its
// node_modules.
func installedIn(p string) string {
	if i := strings.LastIndex(p, "/node_modules/"); i >= 0 {
		return p[:i+len("/node_modules")]
	}
	return path.Dir(path.Dir(p))
}

// unaccounted writes the unaccounted dependencies of a scan; an audit has
// findings for them.
func (p *page) unaccounted(s stage) {
	var ids []string
	for _, d := range s.Dependencies {
		if d.Provenance == audit.FromNowhere {
			ids = append(ids, d.ID)
		}
	}
	if len(ids) > 0 {
		p.line(indent + p.Paint("unaccounted", terminal.Yellow))
		p.dependencies(s, ids, "unaccounted")
	}
}

func (p *page) gaps(s stage) {
	gaps := audit.MergeGaps(s.openFirst())
	for i, g := range gaps {
		if i == shownItems {
			p.field("", "", fmt.Sprintf("and %d more gaps: see --show gaps", len(gaps)-i))
			return
		}
		label, color := "gap", terminal.Yellow
		text := strings.TrimPrefix(string(g.Kind)+": "+g.Detail, ": ")
		if g.Waived != nil {
			label, color = "waived", ""
			text += "; waived " + waived(g)
		}
		if g.Path == "" {
			p.field(label, color, text)
			continue
		}
		p.path(label, color, g.Path)
		p.field("", "", text)
	}
}

// field writes a labelled text, wrapped. Each text begins a line.
func (p *page) field(name string, c terminal.Style, texts ...string) {
	for _, text := range texts {
		if p.wrapped(name, c, terminal.Escape(text)) {
			name = ""
		}
	}
}

// unbroken is the placeholder of a space at which wrapped does not wrap: one
// cell wide, and for private use, so that no escaped text has it.
const unbroken = "\ue000"

// wrapped is field for escaped text. It reports whether it wrote anything.
func (p *page) wrapped(name string, c terminal.Style, text string) bool {
	lead := strings.Repeat(" ", len(indent)+label)
	lines := terminal.Wrap(text, p.Width()-len(lead))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], unbroken, " ")
	}
	p.lines(indent+p.Paint(name, c)+strings.Repeat(" ", max(1, label-len(name))), lead, lines)
	return len(lines) > 0
}

// paste writes a labelled text that a reader copies. It is one line of any
// width, and a text that would have to be cut is not printed at all.
func (p *page) paste(name string, c terminal.Style, text string) {
	whole, ok := command(text)
	if !ok {
		p.field(name, c, whole)
		return
	}
	p.line(indent + p.Paint(name, c) + strings.Repeat(" ", max(1, label-len(name))) + whole)
}

// path writes a labelled path, on a terminal shortened in the middle.
func (p *page) path(name string, c terminal.Style, path string) {
	if p.Cuts() {
		path = terminal.CutMiddle(terminal.Escape(path), p.Width()-len(indent)-label)
	}
	p.paste(name, c, path)
}

// hint writes advice. Text in backquotes is not broken; if it is too wide it
// gets a line for itself, without the backquotes, so that it can be copied.
func (p *page) hint(name, text string) {
	room := p.Width() - len(indent) - label
	for _, l := range textLines(text) {
		pieces := strings.Split(terminal.Escape(l), "`")
		if len(pieces)%2 == 0 {
			pieces = []string{terminal.Escape(l)} // an unpaired backquote
		}
		prose := ""
		for i, piece := range pieces {
			switch {
			case i%2 == 0 && prose == "":
				prose = terminal.Escape(strings.TrimLeft(piece, " .,;")) // it begins a line
			case i%2 == 0:
				prose += piece
			case terminal.Width(piece)+len("(``),") <= room:
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

// apart adds quoted to the text before it. Punctuation may touch it; words
// before and after would join it into one word that has to be broken.
func apart(before, after, quoted string) string {
	if word := before[strings.LastIndexByte(before, ' ')+1:]; terminal.Width(word) > len("(") {
		before += " "
	}
	if word, _, _ := strings.Cut(after, " "); terminal.Width(word) > len("),") {
		quoted += " "
	}
	return before + quoted
}

// show writes one list of --show. An empty one is written too when it was asked
// for by name.
func (p *page) show(l List, s stage, all bool, limit int) {
	made := l.make(s)
	if len(made.Rows) == 0 && all {
		return
	}
	p.Blank()
	p.line(indent + p.Paint(fmt.Sprintf("%s: %d", l.Title, len(made.Rows)), terminal.Bold))
	more := 0
	if n := len(made.Rows) - limit; limit > 0 && n > 0 {
		made.Rows, more = made.Rows[:limit], n
	}
	p.Table(indent, made)
	if more > 0 {
		p.line(fmt.Sprintf("%sand %d more: --limit 0 shows all", indent, more))
	}
}

func (p *page) verdict(word string) string { return p.Paint(word, verdictColor(word)) }

func verdictColor(word string) terminal.Style {
	word, _, _ = strings.Cut(word, ",")
	switch word {
	case "FAIL":
		return terminal.Red
	case "PASS":
		return terminal.Green
	}
	return terminal.Yellow
}

func severityColor(severity string) terminal.Style {
	switch audit.Severity(severity) {
	case audit.Error:
		return terminal.Red
	case audit.Warning, audit.SeverityIncomplete:
		return terminal.Yellow
	}
	return ""
}
