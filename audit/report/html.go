package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the style, the script and the template
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// The page is one file without any reference: the style and the script are in it,
// and its content security policy allows these two by their hashes and nothing
// else. It is complete without the script, which sorts, filters and zooms.
//
// Text of the report is escaped twice: characters that do not print as for
// terminals, so that a name cannot turn the direction of a line, and then by
// html/template.

//go:embed html/page.css
var htmlStyle string

//go:embed html/page.js
var htmlScript string

//go:embed html/page.tmpl
var htmlTemplate string

// maxHTMLText is the length of a text on the page.
const maxHTMLText = 4096

// foreign returns untrusted text for the page.
func foreign(s string) string { return terminal.EscapeTo(s, maxHTMLText) }

// grade is the strength of the evidence for a dependency, by the letter that shows
// it.
type grade struct{ Letter, Meaning string }

// grades are from the strongest to the weakest.
func grades() []grade {
	return []grade{
		{"P", "proved: every file is that of a signed or locked artifact"},
		{"S", "signed: an index, a header or a digest vouches for the package"},
		{"H", "hash: a lock has the hash of the artifact"},
		{"C", "claimed by the environment or by an index without a signature"},
		{"W", "weak: a version without a hash, a tag, an archive that is not trusted"},
		{"X", "excepted for a time"},
		{"U", "unaccounted"},
	}
}

// gradeOf returns the letter of a dependency's evidence.
func gradeOf(d *audit.Dependency) string {
	switch d.Provenance {
	case audit.FromException:
		return "X"
	case audit.FromNowhere:
		return "U"
	}
	switch d.Evidence {
	case audit.EvidenceBytes:
		return "P"
	case audit.EvidenceSigned, audit.EvidenceHeader, audit.EvidenceDigest:
		return "S"
	case audit.EvidenceHashClaimed, audit.EvidenceHashLocked:
		return "H"
	}
	if !d.Strength().Sound() {
		return "W"
	}
	return "C"
}

type htmlPage struct {
	Title, Verdict, Class, Summary, Key, Method string
	Stages                                      []htmlStage
	Findings                                    []htmlFinding
	Inputs                                      htmlTable
	// Same has the stages that did not grow, or of which it is not known.
	Same []string
}

type htmlStage struct {
	ID, Name, Verdict, Class, Standing string
	Total                              int
	Limit, Baseline, Growth            string
	BarOld, BarNew, BarBase, BarLimit  int
	BarLabel, Headline, Counts, Beside string
	About                              []string
	Findings                           []htmlFinding
	Grown                              htmlTable
	GrownText                          string
	Map                                *htmlMap
	Legend                             []htmlLegend
	Evidence                           htmlTable
	Parts                              []htmlPart
	Locks, Indexes                     *htmlTable
}

type htmlFinding struct {
	Severity, Rule, Message, Fix, Accept string
	// Places are those of the definition that the finding is about.
	Places []string
}

type htmlLegend struct {
	grade
	Count int
}

type htmlPart struct {
	Title string
	Table htmlTable
}

type htmlTable struct {
	ID, Class, Caption string
	Columns            []htmlColumn
	Rows               [][]htmlCell
}

type htmlColumn struct {
	Title  string
	Number bool
}

type htmlCell struct{ Text, Class string }

type htmlMap struct {
	Count, Bytes htmlDrawing
	Legend       []htmlLegend
	Left         string
}

type htmlDrawing struct {
	ID, Label     string
	Width, Height int
	Hidden        bool
	Groups        []htmlGroup
	Levels        []htmlLevel
	Texts         []htmlText
}

type htmlGroup struct {
	D, Name string
	Label   *htmlText
}

type htmlLevel struct {
	Letter string
	Cells  []htmlArea
	// Letters are drawn at X and Y.
	Letters string
	X, Y    []string
}

type htmlArea struct{ D, Name string }

type htmlText struct {
	X, Y int
	Text string
}

// renderHTML writes the page.
func renderHTML(w io.Writer, r *audit.Report, _ Options) error {
	t, err := template.New("page").Parse(htmlTemplate)
	if err != nil {
		return err
	}
	page, err := newHTMLPage(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'">
<title>%s</title>
<style>%s</style></head><body>
`, hashSource(htmlStyle), hashSource(htmlScript), template.HTMLEscapeString(page.Verdict+" "+page.Title), htmlStyle)
	if err := t.Execute(&b, page); err != nil {
		return err
	}
	fmt.Fprintf(&b, "<script>%s</script></body></html>\n", htmlScript)
	_, err = w.Write(b.Bytes())
	return err
}

// hashSource is an inline block in a policy (CSP Level 3, section 2.3.1).
func hashSource(block string) string {
	sum := sha256.Sum256([]byte(block))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func newHTMLPage(r *audit.Report) (*htmlPage, error) {
	p := &htmlPage{
		Title: foreign(cmp.Or(r.Pipeline, "depaudit")), Verdict: foreign(verdictWord(r.Verdict)), Class: foreign(string(r.Verdict)),
		Summary: summary(r), Method: foreign(method(r)), Findings: htmlFindings(r.Findings, nil), Inputs: htmlInputs(r),
	}
	if text := policyLine(r, foreign); text != "" {
		p.Summary += "; policy: " + text
	}
	if isScan(r) {
		p.Title = foreign(r.Stages[0].Name)
	}
	most := 1
	for i := range r.Stages {
		s := &r.Stages[i]
		most = max(most, s.Counts.Total, s.Growth.Baseline)
		if s.Limit != nil {
			most = max(most, *s.Limit)
			p.Key = "; the line is the limit"
		}
	}
	var same, unknown []string
	for i := range r.Stages {
		s, err := newHTMLStage(indexed(&r.Stages[i]), i+1, most)
		if err != nil {
			return nil, err
		}
		switch {
		case !r.Stages[i].Growth.Known:
			unknown = append(unknown, s.Name)
		case len(s.Grown.Rows) == 0:
			same = append(same, s.Name)
		}
		p.Stages = append(p.Stages, *s)
	}
	if same != nil {
		p.Same = append(p.Same, strings.Join(same, ", ")+": nothing")
	}
	if unknown != nil {
		p.Same = append(p.Same, strings.Join(unknown, ", ")+": no baseline to compare with")
	}
	return p, nil
}

func newHTMLStage(s stage, number, most int) (*htmlStage, error) {
	total, beside := s.counts()
	h := &htmlStage{
		ID: fmt.Sprintf("stage-%d", number), Name: foreign(s.Name), Verdict: foreign(verdictWord(s.Verdict)), Class: foreign(string(s.Verdict)), Standing: s.standing(),
		Total: s.Counts.Total, Growth: s.difference(), Headline: s.headline(foreign), Counts: strings.Join(total, ", "), Beside: strings.Join(beside, ", "),
		Findings: htmlFindings(s.Findings, s.Definition), Grown: s.grown(),
	}
	scale := func(n int) int { return n * 1000 / most }
	h.BarOld, h.BarLabel = scale(h.Total), wording.Count(h.Total, "dependency", "dependencies")
	if s.Growth.Known {
		h.Baseline = strconv.Itoa(s.Growth.Baseline)
		if old := h.Total - s.added(); old >= 0 && old < h.Total {
			h.BarOld, h.BarNew = scale(old), scale(h.Total)-scale(old)
		}
		h.BarBase = scale(s.Growth.Baseline)
		h.BarLabel += fmt.Sprintf(", baseline %d", s.Growth.Baseline)
	}
	if s.Limit != nil {
		h.Limit, h.BarLimit = strconv.Itoa(*s.Limit), scale(*s.Limit)
		h.BarLabel += fmt.Sprintf(", limit %d", *s.Limit)
	}
	for _, remark := range s.about() {
		h.About = append(h.About, foreign(remark.label)+": "+foreign(remark.text))
	}
	if text := s.files(); text != "" {
		h.About = append(h.About, foreign(text))
	}
	doc, _, err := s.Document()
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", s.Name, err)
	}
	g := graph.New(doc, graph.Options{}).Rebuild()
	h.Legend = s.legend()
	h.Map = s.drawings(g, h.ID, h.Legend)
	h.Evidence = s.evidenceTable(g, h.ID+"-evidence")
	for _, list := range Lists() {
		switch list.Name {
		case "definition", "changed", "unexplained", "exceptions", "gaps", "limitations", "layers", "notices":
			if t := newHTMLTable("", list.make(s)); len(t.Rows) > 0 {
				h.Parts = append(h.Parts, htmlPart{list.Title, t})
			}
		}
	}
	if t := s.before(); len(t.Rows) > 0 {
		h.Parts = append(h.Parts, htmlPart{"What was there before, and left", t})
	}
	if t := newHTMLTable("", lockList(s)); len(t.Rows) > 0 {
		t.Caption = "Lock files of " + h.Name
		h.Locks = &t
	}
	if t := newHTMLTable("", indexList(s)); len(t.Rows) > 0 {
		t.Caption = "Package indexes of " + h.Name
		h.Indexes = &t
	}
	return h, nil
}

func htmlFindings(list []audit.Finding, d *audit.Definition) []htmlFinding {
	var out []htmlFinding
	for _, f := range list {
		out = append(out, htmlFinding{foreign(severityWord(f.Severity)), foreign(f.Rule), foreign(f.Message), foreign(f.Fix), foreign(f.Accept), usePlaces(f, d)})
	}
	return out
}

// newHTMLTable translates a list of --show.
func newHTMLTable(id string, t terminal.Table) htmlTable {
	t = t.Filled()
	out := htmlTable{ID: id, Class: "sort"}
	if id != "" && len(t.Columns) > 5 && t.Columns[5].Right {
		out.Class = "sort ev" // the sizes are in the sixth column
	}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, htmlColumn{c.Title, c.Right})
	}
	for _, row := range t.Rows {
		cells := make([]htmlCell, len(row))
		for i, text := range row {
			cells[i].Text = foreign(text)
			switch c := t.Columns[i]; {
			case id != "": // the style has its columns, of a thousand rows
			case c.Right:
				cells[i].Class = "n"
			case c.Code && text != "":
				cells[i].Class = "k"
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// evidenceTable has one row for each dependency that counts.
func (s stage) evidenceTable(g *graph.Graph, id string) htmlTable {
	t := terminal.Table{Columns: []terminal.Column{
		{Title: "Name"}, {Title: "Version"}, {Title: "Type"}, {Title: "Evidence"}, {Title: "Introduced by"}, {Title: "kB", Right: true}, {Title: "Where"}, {Title: "Why"}, {Title: "New"},
	}}
	fresh := map[string]bool{}
	for _, id := range s.Growth.IDs() {
		fresh[id] = true
	}
	reasons := map[string]string{}
	for _, root := range g.Roots().All {
		reasons[root.ID] = string(root.Reason)
	}
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if !d.Provenance.Counted() {
			continue
		}
		by, size, why, mark := "several", "", "", ""
		if fresh[d.ID] {
			mark = "new"
		}
		retainer, err := g.Retainer(d.ID)
		switch {
		case reasons[d.ID] != "":
			by = "(" + reasons[d.ID] + ")"
		case err != nil:
			by = ""
		case retainer != "":
			by = s.short(retainer)
		}
		if d.InstalledSize > 0 {
			size = grouped(int((d.InstalledSize + 999) / 1000))
		}
		if d.Provenance == audit.FromNowhere {
			why = s.why(d.ID)
		}
		t.Rows = append(t.Rows, []string{d.FullName(), d.Version, d.Type, gradeOf(d) + " " + cmp.Or(evidence(d), string(d.Provenance)), by, size, where(d), why, mark})
	}
	return newHTMLTable(id, t)
}

// grown has what is new, under what introduced it. All new ones are marked in the
// table of the evidence.
func (s stage) grown() htmlTable {
	t := terminal.Table{Columns: []terminal.Column{
		{Title: "New", Right: true}, {Title: "Package", Code: true}, {Title: "Provenance"}, {Title: "How"}, {Title: "Others that it introduces"},
	}}
	const some = 12
	names := func(ids []string) string {
		out := each(ids[:min(some, len(ids))], s.short)
		if n := len(ids) - len(out); n > 0 {
			out = append(out, fmt.Sprintf("and %d more", n))
		}
		return strings.Join(out, ", ")
	}
	groups, common := s.growth()
	for _, g := range groups {
		t.Rows = append(t.Rows, []string{strconv.Itoa(1 + len(g.Introduces)), s.name(g.ID), s.provenance(g.ID), s.how(g), names(g.Introduces)})
	}
	for _, c := range common {
		t.Rows = append(t.Rows, []string{strconv.Itoa(len(c.ids)), s.heads(c.by), "", "shared by them", names(c.ids)})
	}
	for _, w := range s.Growth.Weaker {
		t.Rows = append(t.Rows, []string{"", s.name(w.ID), s.provenance(w.ID), "weaker evidence: " + strength(w.From.Provenance, w.From.Evidence) + " before", ""})
	}
	return newHTMLTable("", t)
}

// before has what the base has, and what the baseline had.
func (s stage) before() htmlTable {
	t := terminal.Table{Columns: []terminal.Column{{Title: ""}, {Title: "Name", Code: true}, {Title: "Change"}}}
	add := func(sign, name, change string) { t.Rows = append(t.Rows, []string{sign, name, change}) }
	for _, e := range s.Growth.Removed {
		add("-", removedName(e), "left since the baseline")
	}
	if b := s.Growth.Base; b != nil {
		for _, id := range b.Added {
			add("+", s.name(id), "new in the base")
		}
		for _, e := range b.Removed {
			add("-", removedName(e), "left the base")
		}
	}
	return newHTMLTable("", t)
}

// legend counts the dependencies of each grade.
func (s stage) legend() []htmlLegend {
	n := map[string]int{}
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Provenance.Counted() {
			n[gradeOf(d)]++
		}
	}
	var out []htmlLegend
	for _, g := range grades() {
		if n[g.Letter] > 0 {
			out = append(out, htmlLegend{g, n[g.Letter]})
		}
	}
	return out
}

// drawings returns the two treemaps of a stage, nil for a stage of nothing.
func (s stage) drawings(g *graph.Graph, id string, legend []htmlLegend) *htmlMap {
	if len(legend) == 0 {
		return nil
	}
	one := newTreemap(g, func(string) float64 { return 1 })
	bytes := newTreemap(g, func(id string) float64 { return float64(g.Component(id).InstalledSize) })
	m := &htmlMap{Legend: legend}
	m.Count = s.drawing(one, id+"-count", "dependencies", true)
	m.Bytes = s.drawing(bytes, id+"-bytes", "bytes", false)
	if one.left > 0 {
		m.Left = fmt.Sprintf("%s too small to draw; the table has them.", wording.Count(one.left, "dependency is", "dependencies are"))
	}
	return m
}

// drawing returns one treemap. Its levels have all dependencies in their order, those
// without an area too, so that the script finds the name of a cell in the other
// drawing: in the second one they would be as much text again.
func (s stage) drawing(t treemap, id, of string, named bool) htmlDrawing {
	d := htmlDrawing{ID: id, Width: mapWidth, Height: mapHeight, Hidden: !named,
		Label: fmt.Sprintf("Treemap of %s by %s. The table below has the same dependencies.", foreign(s.Name), of)}
	for _, c := range t.groups {
		group := htmlGroup{D: c.path(), Name: foreign(s.short(c.id))}
		if (box{0, 0, float64(c.w), float64(c.h)}).named() {
			group.Label = &htmlText{c.x + 6, c.y + 22, terminal.Cut(group.Name, c.w/12)}
		}
		d.Groups = append(d.Groups, group)
	}
	cells := map[string]mapCell{}
	for _, c := range t.cells {
		cells[c.id] = c
	}
	levels := map[string]*htmlLevel{}
	for i := range s.Dependencies {
		dep := &s.Dependencies[i]
		if !dep.Provenance.Counted() {
			continue
		}
		letter, name := gradeOf(dep), foreign(dep.FullName())
		level := levels[letter]
		if level == nil {
			level = &htmlLevel{Letter: letter}
			levels[letter] = level
		}
		c, drawn := cells[dep.ID]
		area := htmlArea{Name: name}
		if drawn {
			area.D = c.path()
		}
		if !named {
			area.Name = ""
		}
		level.Cells = append(level.Cells, area)
		if c.w >= 24 && c.h >= 26 {
			// One element for all letters: each has a place of its own.
			level.X, level.Y = append(level.X, strconv.Itoa(c.x+4)), append(level.Y, strconv.Itoa(c.y+22))
		}
		if c.w >= 110 && c.h >= 28 {
			d.Texts = append(d.Texts, htmlText{c.x + 26, c.y + 22, terminal.Cut(name, c.w/12-2)})
		}
	}
	for _, g := range grades() {
		if level := levels[g.Letter]; level != nil {
			level.Letters = strings.Repeat(g.Letter, len(level.X))
			d.Levels = append(d.Levels, *level)
		}
	}
	return d
}

// path is the rectangle in the notation of SVG paths, the shortest one.
func (c mapCell) path() string { return fmt.Sprintf("M%d %dh%dv%dh-%dz", c.x, c.y, c.w, c.h, c.w) }

// htmlInputs lists the files that the report was made by, with their digests.
func htmlInputs(r *audit.Report) htmlTable {
	t := terminal.Table{Columns: []terminal.Column{{Title: "Input"}, {Title: "File", Code: true}, {Title: "Digest", Code: true}}}
	if r.Inputs != nil {
		for _, f := range r.Inputs.Files {
			t.Rows = append(t.Rows, []string{f.Kind, f.Path, f.Digest})
		}
	}
	seen := map[string]bool{}
	for _, s := range r.Stages {
		for _, l := range s.Locks {
			if key := l.Path + " " + l.Digest; !seen[key] {
				seen[key] = true
				t.Rows = append(t.Rows, []string{"lock", l.Path, l.Digest})
			}
		}
	}
	return newHTMLTable("", t)
}
