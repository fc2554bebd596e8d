package bundle

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// document is what a page or a table says, as far as it is looked for.
type document struct {
	headings []heading
	rows     [][]string // the texts of cells
	// hides is set if what was read may not be shown, as in a comment.
	hides bool
}

type heading struct {
	level int
	text  string
}

// hidden are the parts of a page and of Markdown that have text which is not shown, none
// of which this version writes. A page can hide more with its style or script: that a
// text is in it is all that is known.
var hidden = lazyregexp.New(`(?i)<!--|<!\[|<\?|<(?:template|noscript|textarea|xmp|iframe|object|noembed|noframes|plaintext|math|canvas|dialog)[\s/>]`)

// The parts of Markdown that can hide text: what is no code of one cell, tags besides
// those that this version writes, and definitions of links.
var (
	tableCode  = lazyregexp.New("`[^`|\\n]*`")
	tableTag   = lazyregexp.New("`|<[a-zA-Z!?/][a-zA-Z]*")
	tableLink  = lazyregexp.New(`(?m)^ {0,3}\[[^\]]*\]:`)
	tableShown = []string{"<details", "</details", "<summary", "</summary", "<sub", "</sub", "<br"}
)

func hidesInTable(data []byte) bool {
	tags := tableTag.FindAllString(tableCode.ReplaceAllString(string(data), ""), -1)
	return tableLink.Match(data) || bytes.Contains(data, []byte("\\`")) ||
		slices.ContainsFunc(tags, func(tag string) bool { return !slices.Contains(tableShown, tag) })
}

// The parts of a page. Names in it are escaped, so that a < begins a tag.
var (
	pageHeading = lazyregexp.New(`(?is)<h([1-6])[\s>].*?</h[1-6]>`)
	pageRow     = lazyregexp.New(`(?i)<tr[\s>]`) // the tags that end them may be left out
	pageCell    = lazyregexp.New(`(?i)<t[hd][\s>]`)
	pageUnseen  = lazyregexp.New(`(?is)<style>.*?</style>|<script>.*?</script>|<title>.*?</title>`)
	pageTag     = lazyregexp.New(`<[^>]*>`)
)

// pageText reads the headings and tables of a page as a browser shows them.
func pageText(data []byte) document {
	text := func(s string) string {
		s = html.UnescapeString(pageTag.ReplaceAllString(s, ""))
		// As in Markdown, in which they would end a cell.
		return strings.TrimSpace(strings.NewReplacer("`", `\x60`, "|", `\x7c`).Replace(s))
	}
	page := pageUnseen.ReplaceAllString(string(data), "")
	d := document{hides: hidden.MatchString(page)}
	for _, h := range pageHeading.FindAllStringSubmatch(page, -1) {
		d.headings = append(d.headings, heading{int(h[1][0] - '0'), text(h[0])})
	}
	for _, row := range begunBy(pageRow, page) {
		row, _, _ = strings.Cut(row, "</table>")
		row, _, _ = strings.Cut(row, "</tbody>")
		var cells []string
		for _, cell := range begunBy(pageCell, row) {
			cells = append(cells, text(cell))
		}
		d.rows = append(d.rows, cells)
	}
	return d
}

// begunBy returns the parts of a text that each begin with a match.
func begunBy(begin *lazyregexp.Regexp, text string) []string {
	var out []string
	starts := begin.FindAllStringIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		out = append(out, text[at[0]:end])
	}
	return out
}

// tableText reads the headings and tables of Markdown. Names are code, in which neither
// | nor ` is possible.
func tableText(data []byte) document {
	d := document{hides: hidesInTable(data)}
	for line := range strings.Lines(string(data)) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "`", "")
		switch {
		case strings.HasPrefix(line, "#"):
			text := strings.TrimLeft(line, "#")
			d.headings = append(d.headings, heading{len(line) - len(text), strings.TrimSpace(text)})
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			d.rows = append(d.rows, cells)
		}
	}
	return d
}

// comparedText is the length of a text that is compared: longer ones are cut, by each
// version at another place.
const comparedText = 200

// asShown returns a name as it is in a cell, at most comparedText of it.
func asShown(name string) string {
	s := strings.TrimSpace(strings.NewReplacer("`", `\x60`, "|", `\x7c`).Replace(terminal.Escape(name)))
	return s[:min(len(s), comparedText)]
}

// saysAll reports whether a document is one that can be read, and describes the first
// thing of the report that it does not say: the verdict, the verdict and the number of
// each stage, the name and version of each dependency. One that hides what it says, or
// says something else of the stages as well, is not read: what people see is not known.
func saysAll(d document, r *audit.Report) (read bool, missing string) {
	pairs := map[[2]string]int{}
	for _, row := range d.rows {
		for i, cell := range row {
			next := ""
			if i+1 < len(row) {
				next = row[i+1]
			}
			cell, next = cell[:min(len(cell), comparedText)], next[:min(len(next), comparedText)]
			pairs[[2]string{cell, next}]++
			if next != "" { // a column of versions that are all empty is left out
				pairs[[2]string{cell, ""}]++
			}
		}
	}
	found := false
	note := func(format string, args ...any) {
		if missing == "" {
			missing = fmt.Sprintf(format, args...)
		}
	}
	if v := firstVerdict(d.headings); v != "" {
		found = true
		if v != r.Verdict {
			note("has the verdict %s, and the report %s", v, r.Verdict)
		}
	} else {
		note("does not have the verdict")
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		if rowOf(d.rows, s) {
			found = true
		} else {
			note("does not have the stage %s with the verdict %s and the number %d", wording.Quote(s.Name), s.Verdict, s.Counts.Total)
		}
		for j := range s.Dependencies {
			x := &s.Dependencies[j]
			if !x.Provenance.Counted() {
				continue
			}
			key := [2]string{asShown(x.FullName()), asShown(x.Version)}
			if pairs[key]--; pairs[key] >= 0 {
				found = true
			} else {
				note("does not have %s %s of the stage %s", wording.Quote(x.FullName()), wording.Quote(x.Version), wording.Quote(s.Name))
			}
		}
	}
	if !found {
		return false, "" // another form: nothing is said against the report
	}
	return missing != "" || !d.hides && !d.contradicts(r), missing
}

// verdictIn returns the first verdict that is a word of the text.
func verdictIn(text string) audit.Verdict {
	for word := range strings.FieldsSeq(text) {
		for _, v := range []audit.Verdict{audit.Pass, audit.Fail, audit.Incomplete} {
			if strings.Trim(word, ",.") == strings.ToUpper(string(v)) {
				return v
			}
		}
	}
	return ""
}

func firstVerdict(headings []heading) audit.Verdict {
	for _, h := range headings {
		if v := verdictIn(h.text); v != "" {
			return v
		}
	}
	return ""
}

// rowOf reports whether a row is that of a stage, with its verdict and its number.
func rowOf(rows [][]string, s *audit.Stage) bool {
	return slices.ContainsFunc(rows, func(row []string) bool {
		v, n, ok := stageRow(row)
		return ok && ofStage(row[0], s.Name) && v == s.Verdict && n == s.Counts.Total
	})
}

// stageRow returns what a row says of a stage: the first cell is its name, the next one
// has its verdict, and its number is the first one of the others.
func stageRow(row []string) (v audit.Verdict, n int, ok bool) {
	if len(row) < 3 {
		return "", 0, false
	}
	if v = verdictIn(row[1]); v == "" {
		return "", 0, false
	}
	for _, cell := range row[2:] {
		if n, err := strconv.Atoi(strings.TrimPrefix(cell, "≥ ")); err == nil {
			return v, n, true
		}
	}
	return "", 0, false
}

// ofStage reports whether a text is the name of a stage, with a remark or without.
func ofStage(text, stage string) bool {
	name := asShown(stage)
	return text == name || strings.HasPrefix(text, name+" ")
}

// contradicts reports whether a document that says all of the report says something else
// as well: another verdict, of a heading of the same level, or a row as that of a stage,
// of no stage or with another verdict or number.
func (d document) contradicts(r *audit.Report) bool {
	level := 0
	for _, h := range d.headings {
		switch v := verdictIn(h.text); {
		case v == "":
		case level == 0:
			level = h.level
		case h.level <= level && v != r.Verdict:
			return true
		}
	}
	versions := map[[2]string]bool{} // which can be PASS
	for i := range r.Stages {
		for j := range r.Stages[i].Dependencies {
			x := &r.Stages[i].Dependencies[j]
			versions[[2]string{asShown(x.FullName()), asShown(x.Version)}] = true
		}
	}
	return slices.ContainsFunc(d.rows, func(row []string) bool {
		v, n, ok := stageRow(row)
		return ok && !versions[[2]string{row[0][:min(len(row[0]), comparedText)], row[1][:min(len(row[1]), comparedText)]}] &&
			!slices.ContainsFunc(r.Stages, func(s audit.Stage) bool { return ofStage(row[0], s.Name) && v == s.Verdict && n == s.Counts.Total })
	})
}
