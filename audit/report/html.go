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
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// The page is one file without any reference: the style and the script are in it,
// and its content security policy allows these two by their hashes and nothing
// else. It is complete without the script, which sorts, filters and zooms.
//
// Text of the report is escaped twice: characters that do not print as for
// terminals, so that a name cannot turn the direction of a line, and then by
// html/template.
//
// Long tables are within boxes that scroll, and nothing is folded: the search of a
// browser finds every name, and paper has every row.

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

type htmlPage struct {
	// Verdict is empty for a scan, which has no rules to pass.
	Title, Verdict, Class, Summary, Intro, Method string
	Scan                                          bool
	Numbers                                       *htmlNumbers
	Stages                                        []htmlStage
	Findings                                      []htmlFinding
	Inputs                                        []htmlPart
	// Same has the stages that did not grow, or of which it is not known.
	Same []string
	// Release has the date and the artifacts of the release.
	Release []htmlFact
}

type htmlFinding struct {
	Severity, Rule, Accept string
	Message, Fix           []htmlSpan
	// Places are those of the definition, and the files and dependencies, that the
	// finding is about.
	Places []string
}

// htmlSpan is a part of a sentence: a command or a key, or text between them.
type htmlSpan struct {
	Text string
	Code bool
}

// prose returns a sentence of which the parts in backquotes are code.
func prose(text string) (out []htmlSpan) {
	parts := strings.Split(foreign(text), "`")
	if len(parts)%2 == 0 { // one of them is only a character
		return []htmlSpan{{Text: foreign(text)}}
	}
	for i, part := range parts {
		if part != "" {
			out = append(out, htmlSpan{part, i%2 == 1})
		}
	}
	return out
}

// htmlPart is a table with its heading and a text above it.
type htmlPart struct {
	Title, Text string
	Table       htmlTable
}

type htmlTable struct {
	// Box is the class of the box around the table, and Label its name for readers of
	// screens.
	Box, Label, Class string
	Columns           []htmlColumn
	Rows              [][]htmlCell
}

type htmlColumn struct {
	Title  string
	Number bool
}

type htmlCell struct {
	Text, Class string
	// Head marks the cell that its row is named by.
	Head bool
}

// longWord is the length from which on a word can be broken anywhere: a column is as
// wide as its longest word, and names are as long as an environment wants.
const longWord = 18

// newHTMLCell returns untrusted text as a cell, of the class w if a word is long.
func newHTMLCell(text string) htmlCell {
	c := htmlCell{Text: foreign(text)}
	for word := range strings.FieldsFuncSeq(c.Text, func(r rune) bool { return r == ' ' || r == '-' }) {
		if len(word) >= longWord {
			c.Class = "w"
			break
		}
	}
	return c
}

// htmlFact is a name with a value.
type htmlFact struct{ Name, Value string }

// facts returns what the page says about a release.
func (r *Release) facts() []htmlFact {
	if r == nil {
		return nil
	}
	list := []htmlFact{{"Release of", r.Date}}
	for _, a := range r.Artifacts {
		list = append(list, htmlFact{foreign(a.Name), foreign(a.Digest)})
	}
	return list
}

// renderHTML writes the page.
func renderHTML(w io.Writer, r *audit.Report, o Options) error {
	t, err := template.New("page").Parse(htmlTemplate)
	if err != nil {
		return err
	}
	page, err := newHTMLPage(r)
	if err != nil {
		return err
	}
	page.Release = o.Release.facts()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'">
<title>%s</title>
<style>%s</style></head><body>
`, hashSource(htmlStyle), hashSource(htmlScript), template.HTMLEscapeString(strings.TrimSpace(page.Verdict+" "+page.Title)), htmlStyle)
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
		Title: foreign(cmp.Or(r.Pipeline, "depaudit")), Verdict: htmlVerdict(r.Verdict), Class: foreign(string(r.Verdict)), Scan: isScan(r),
		Summary: htmlSummary(r), Method: foreign(method(r)), Findings: htmlFindings(r.Findings, indexed(&audit.Stage{})), Inputs: htmlInputs(r),
	}
	if p.Scan {
		p.Title, p.Verdict = foreign(cmp.Or(r.Stages[0].Name, r.Stages[0].Environment)), scanVerdict(r)
	} else {
		p.Intro = "What was installed in each stage of the pipeline, what is new since the state that was accepted (the baseline), and the evidence for where it is from."
		p.Numbers = newHTMLNumbers(r)
	}
	var same, unknown []string
	for i := range r.Stages {
		s, err := newHTMLStage(r, indexed(&r.Stages[i]), i+1)
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
	for _, of := range []struct {
		names []string
		text  string
	}{{same, "nothing"}, {unknown, "not known: no baseline to compare with"}, {each(absentStages(r), foreign), "not known: not in this report"}} {
		if len(of.names) > 0 {
			p.Same = append(p.Same, strings.Join(of.names, ", ")+": "+of.text)
		}
	}
	return p, nil
}

// htmlVerdict returns a verdict with a sign, so that it is not told by colour alone.
func htmlVerdict(v audit.Verdict) string {
	sign := "? "
	switch v {
	case audit.Pass:
		sign = "✓ "
	case audit.Fail:
		sign = "✕ "
	}
	return sign + verdictWord(v)
}

// scanVerdict is the verdict of a scan: none if it is complete.
func scanVerdict(r *audit.Report) string {
	if r.Verdict == audit.Pass {
		return ""
	}
	return htmlVerdict(r.Verdict)
}

// htmlSummary is the line below the title.
func htmlSummary(r *audit.Report) string {
	text := summary(r)
	if isScan(r) {
		text = "scan of one environment, which is judged by no rules"
	}
	if policy := policyLine(r, foreign); policy != "" {
		text += "; policy: " + policy
	}
	if baseline := baselineLine(r, someDigits, foreign); baseline != "" {
		text += "; baseline: " + baseline
	}
	return text
}

// htmlFindings returns findings with the first ones of what they are about. Growth has
// a table.
func htmlFindings(list []audit.Finding, s stage) []htmlFinding {
	var out []htmlFinding
	for _, f := range list {
		h := htmlFinding{
			Severity: foreign(severityWord(f.Severity)), Rule: foreign(f.Rule), Accept: foreign(f.Accept),
			Message: prose(f.Message), Fix: prose(f.Fix), Places: usePlaces(f, s.Definition),
		}
		about := slices.Clone(f.Paths)
		if f.Rule != audit.RuleGrowth.ID {
			about = append(about, each(f.Dependencies, s.name)...)
		}
		for i, text := range about {
			if i == shownItems {
				h.Places = append(h.Places, fmt.Sprintf("and %d more", len(about)-i))
				break
			}
			h.Places = append(h.Places, foreign(text))
		}
		out = append(out, h)
	}
	return out
}

// tallRows is the number of rows from which on a table is in a box that scrolls.
const tallRows = 20

// newHTMLTable translates a list of --show.
func newHTMLTable(label string, t terminal.Table) htmlTable {
	t = t.Filled()
	out := htmlTable{Box: "scroll", Label: foreign(label), Class: "sort"}
	if len(t.Rows) > tallRows {
		out.Box += " tall"
	}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, htmlColumn{cmp.Or(c.Title, "Change"), c.Right})
	}
	head := headColumn(t)
	for _, row := range t.Rows {
		cells := make([]htmlCell, len(row))
		for i, text := range row {
			cells[i] = newHTMLCell(text)
			cells[i].Head = i == head
			switch c := t.Columns[i]; {
			case c.Right:
				cells[i].Class = "n"
			case c.Code && text != "":
				cells[i].Class = strings.TrimSpace("k " + cells[i].Class)
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// headColumn returns the column that names the rows of a table: the first one of
// names, else the first one, in which no cell is empty; -1 if there is none.
func headColumn(t terminal.Table) int {
	first := -1
	for i, c := range t.Columns {
		if slices.ContainsFunc(t.Rows, func(row []string) bool { return row[i] == "" }) {
			continue
		}
		if c.Code {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

// htmlRelease is the row of the release that the baseline is from.
func htmlRelease(r *audit.ReleaseInput) []string {
	if r.Key == "" {
		return []string{"release of " + r.Day() + ", " + r.Signer(), "", r.Digest}
	}
	return []string{"release of " + r.Day() + ", signed by the key", r.Key, r.Digest}
}

// htmlInputs has what the report was made by, with the digests that it knows: the
// files of the configuration, the environments, the locks and the indexes.
func htmlInputs(r *audit.Report) []htmlPart {
	files := terminal.Table{Columns: []terminal.Column{{Title: "Input"}, {Title: "File", Code: true}, {Title: "Digest", Code: true}}}
	if r.Inputs != nil {
		for _, f := range r.Inputs.Files {
			files.Rows = append(files.Rows, []string{f.Kind, f.Path, f.Digest})
			if f.Release != nil {
				files.Rows = append(files.Rows, htmlRelease(f.Release))
			}
		}
	}
	stages := terminal.Table{Columns: []terminal.Column{{Title: "Stage"}, {Title: "Environment", Code: true}, {Title: "Digest", Code: true}, {Title: "Base", Code: true}, {Title: "Digest of the base", Code: true}}}
	locks := terminal.Table{Columns: []terminal.Column{{Title: "Lock file", Code: true}, {Title: "Format"}, {Title: "Entries", Right: true}, {Title: "Digest", Code: true}, {Title: "Stages"}}}
	indexes := terminal.Table{Columns: append([]terminal.Column{{Title: "Stage"}}, indexList(stage{Stage: &audit.Stage{}}).Columns...)}
	at := map[string]int{}
	for i := range r.Stages {
		s := &r.Stages[i]
		base, digest := "", ""
		if s.Base != nil {
			base, digest = s.Base.Ref, s.Base.Digest
		}
		stages.Rows = append(stages.Rows, []string{s.Name, s.Environment, cmp.Or(s.Image.Digest, s.Digest), base, digest})
		for _, l := range s.Locks {
			key := l.Path + "\x00" + l.Digest
			if n, known := at[key]; known {
				locks.Rows[n][4] += ", " + s.Name
				continue
			}
			at[key] = len(locks.Rows)
			locks.Rows = append(locks.Rows, []string{l.Path, l.Format, grouped(l.Entries), l.Digest, s.Name})
		}
		for _, row := range indexList(stage{Stage: s}).Rows {
			indexes.Rows = append(indexes.Rows, append([]string{s.Name}, row...))
		}
	}
	var out []htmlPart
	for _, part := range []struct {
		title string
		table terminal.Table
	}{{"Configuration", files}, {"Environments", stages}, {"Lock files", locks}, {"Package indexes", indexes}} {
		if len(part.table.Rows) > 0 {
			out = append(out, htmlPart{Title: part.title, Table: newHTMLTable(part.title, part.table)})
		}
	}
	return out
}
