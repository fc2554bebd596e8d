package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
)

type htmlStage struct {
	ID, Name, Verdict, Class, Standing, Headline string
	Facts, About                                 []htmlFact
	Findings                                     []htmlFinding
	Grown                                        htmlTable
	Map                                          *htmlMap
	Evidence                                     *htmlEvidence
	Parts                                        []htmlPart
	// None names the parts that are empty.
	None string
}

func newHTMLStage(r *audit.Report, s stage, number int) (*htmlStage, error) {
	h := &htmlStage{
		ID: fmt.Sprintf("stage-%d", number), Name: foreign(s.Name), Verdict: htmlVerdict(s.Verdict), Class: foreign(string(s.Verdict)), Standing: s.standing(),
		Headline: s.headline(foreign), Facts: s.facts(), Findings: htmlFindings(s.Findings, s), Grown: s.grown(),
	}
	if rest, ok := strings.CutPrefix(h.Headline, "at least"); ok {
		h.Headline = "At least" + rest // it begins a sentence
	}
	if isScan(r) {
		h.Verdict = scanVerdict(r)
	}
	h.About = append(h.About, htmlFact{"environment", foreign(s.Environment)})
	if s.OS != "" {
		h.About = append(h.About, htmlFact{"system", foreign(s.OS)})
	}
	for _, remark := range s.about() {
		if remark.label != "limitation" { // a table has them
			h.About = append(h.About, htmlFact{foreign(remark.label), foreign(remark.text)})
		}
	}
	if text := s.ecosystems(foreign); text != "" {
		h.About = append(h.About, htmlFact{"packages", text})
	}
	doc, _, err := s.Document()
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", s.Name, err)
	}
	g := graph.New(doc, graph.Options{}).Rebuild()
	legend := s.legend()
	h.Map = s.drawings(g, h.ID, legend)
	h.Evidence = s.evidenceTables(g, h.ID+"-evidence", legend)
	h.parts(s)
	return h, nil
}

// facts are the numbers of a stage.
func (s stage) facts() []htmlFact {
	c := s.Counts
	total := strconv.Itoa(c.Total)
	if tooLow(*s.Stage) {
		total = "≥ " + total
	}
	out := []htmlFact{{"dependencies", total}, {"OS-provided", strconv.Itoa(c.OS)}, {"lock-pinned", strconv.Itoa(c.Lock)}}
	add := func(name string, n int) {
		if n > 0 {
			out = append(out, htmlFact{name, strconv.Itoa(n)})
		}
	}
	add("of the base image", c.Image)
	add("excepted", c.Exception)
	out = append(out, htmlFact{"unaccounted", strconv.Itoa(c.Unaccounted)})
	add("bundled, not counted", c.Bundled)
	add("excluded, not counted", c.Excluded)
	return out
}

// parts adds the lists of a stage in their order, and names those that are empty.
func (h *htmlStage) parts(s stage) {
	lists := map[string]List{}
	for _, list := range Lists() {
		lists[list.Name] = list
	}
	var none []string
	add := func(title, text string, t terminal.Table) {
		var cut string
		if t.Rows, cut = firstRows(t.Rows); cut != "" && text != "" {
			text += ". "
		}
		text += cut
		switch table := newHTMLTable(title+" of "+s.Name, t); {
		case len(table.Rows) > 0 || text != "":
			h.Parts = append(h.Parts, htmlPart{title, text, table})
		default:
			none = append(none, strings.ToLower(title[:1])+title[1:])
		}
	}
	list := func(name, title string) { add(title, "", lists[name].make(s)) }
	list("definition", lists["definition"].Title)
	switch {
	case s.Ledger != nil:
		add("Files that are not proved", foreign(s.files()), s.unproved())
	case !s.FromDocument():
		add("Files that are not proved", "The files were not compared with what vouches for them.", terminal.Table{})
	}
	list("unexplained", lists["unexplained"].Title)
	list("changed", lists["changed"].Title)
	list("exceptions", "Exceptions")
	list("gaps", "Gaps: what could not be examined")
	list("limitations", "Limitations: what this kind of environment cannot show")
	list("layers", "Layers")
	list("notices", "Notices")
	add("What was there before, and left", "", s.before())
	none = slices.DeleteFunc(none, func(title string) bool {
		return s.Ledger == nil && strings.HasPrefix(title, "files") || title == "layers" && len(s.Image.Layers) == 0 || title == "definition, not counted" && s.Definition == nil
	})
	if len(none) > 0 {
		h.None = "None: " + strings.Join(none, "; ") + "."
	}
}

// maxListed is the number of rows of a list that is not of dependencies: 2,000 are
// 160 kB. Such a list has as many rows as an environment has files: 100,000 are 8 MB,
// which Chromium and Firefox showed after 46 s where they showed 2,000 after 4 s.
const maxListed = 2000

// firstRows returns what the page has of a list, and what it says of the others.
func firstRows(rows [][]string) ([][]string, string) {
	if len(rows) <= maxListed {
		return rows, ""
	}
	return rows[:maxListed], fmt.Sprintf("The first %s of %s rows; the report in JSON (depaudit report REPORT.json --show all) has the others.", grouped(maxListed), grouped(len(rows)))
}

// unproved counts the files of each status beside proved.
func (s stage) unproved() terminal.Table {
	t := terminal.Table{Columns: []terminal.Column{{Title: "Status"}, {Title: "Files", Right: true}, {Title: "Bytes", Right: true}, {Title: "Meaning"}}}
	for _, status := range audit.FileStatuses() {
		for _, c := range s.Ledger.Counts {
			if c.Status == status && status != audit.FileProved && c.Files > 0 {
				t.Rows = append(t.Rows, []string{string(status), grouped(c.Files), grouped(int(c.Bytes)), statusMeaning(status)})
			}
		}
	}
	return t
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
	return newHTMLTable("What grew in "+s.Name, t)
}

// before has what the base has, and what the baseline had.
func (s stage) before() terminal.Table {
	t := terminal.Table{Columns: []terminal.Column{{Title: ""}, {Title: "Name", Code: true}, {Title: "What happened"}}}
	add := func(sign, name, change string) { t.Rows = append(t.Rows, []string{sign, name, change}) }
	for _, e := range s.Growth.Removed {
		add("-", removedName(e), "left since the baseline")
	}
	for _, c := range s.Growth.Changed {
		name, _, _ := strings.Cut(changed(c), " ")
		add("~", name, c.From+" before, "+c.To+" now")
	}
	if b := s.Growth.Base; b != nil {
		for _, id := range b.Added {
			add("+", s.name(id), "new in the base")
		}
		for _, e := range b.Removed {
			add("-", removedName(e), "left the base")
		}
	}
	return t
}
