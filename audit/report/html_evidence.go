package report

import (
	"cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
)

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

type htmlLegend struct {
	grade
	Count int
}

// htmlEvidence has one row for each dependency that counts, by grade, the weakest
// first, and in the order of the report within one.
type htmlEvidence struct {
	ID, Label, Tall string
	Columns         []htmlColumn
	Legend          []htmlLegend
	Groups          []htmlGrade
}

type htmlGrade struct {
	htmlLegend
	// Width is the number of columns.
	Width int
	Rows  [][]htmlCell
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

// evidenceTables returns the evidence for the dependencies of a stage, nil for a stage
// of nothing. The style knows the fourth and the sixth column, which are always there;
// the last ones are left out when they are empty.
func (s stage) evidenceTables(g *graph.Graph, id string, legend []htmlLegend) *htmlEvidence {
	if len(legend) == 0 {
		return nil
	}
	optional := terminal.Table{Columns: []terminal.Column{{Title: "Where"}, {Title: "Why"}, {Title: "New"}}}
	var heads [][]string
	var letters []string
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
		letter := gradeOf(d)
		letters = append(letters, letter)
		heads = append(heads, []string{d.FullName(), d.Version, d.Type, letter + " " + cmp.Or(evidence(d), string(d.Provenance)), by, size})
		optional.Rows = append(optional.Rows, []string{where(d), why, mark})
	}
	optional = optional.Filled()
	out := &htmlEvidence{ID: id, Label: "Evidence of " + foreign(s.Name), Legend: legend, Columns: []htmlColumn{{"Name", false}, {"Version", false}, {"Type", false}, {"Evidence", false}, {"Introduced by", false}, {"kB", true}}}
	for _, c := range optional.Columns {
		out.Columns = append(out.Columns, htmlColumn{c.Title, false})
	}
	if len(heads) > tallRows {
		out.Tall = " tall"
	}
	groups := map[string]*htmlGrade{}
	for i := len(legend) - 1; i >= 0; i-- {
		out.Groups = append(out.Groups, htmlGrade{htmlLegend: legend[i], Width: len(out.Columns)})
	}
	for i := range out.Groups {
		groups[out.Groups[i].Letter] = &out.Groups[i]
	}
	for i, head := range heads {
		row := append(head, optional.Rows[i]...)
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1] // a row may be short
		}
		group := groups[letters[i]]
		group.Rows = append(group.Rows, htmlCells(row))
	}
	return out
}

func htmlCells(row []string) []htmlCell {
	out := make([]htmlCell, len(row))
	for i, text := range row {
		out[i] = newHTMLCell(text)
		out[i].Head = i == 0
	}
	return out
}
