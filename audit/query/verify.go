package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Verify is the ledger of one environment: one line for each file that nothing
// vouches for, and the number of the others.
type Verify struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	Subject  string `json:"subject"`
	// Files and Bytes are those of all lines of the ledger.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Dependencies are the components that count.
	Dependencies VerifiedCounts `json:"dependencies"`
	// Forged are those whose record differs from the signed entry.
	Forged []audit.ComponentProof `json:"forged,omitempty"`
	Proof  *audit.Proof           `json:"proof"`
	// ScanGaps are those of the scan, which Proof does not have.
	ScanGaps []sbom.Gap `json:"scanGaps,omitempty"`

	show []audit.FileStatus
}

// VerifiedCounts are dependencies by the outcome of their files.
type VerifiedCounts struct {
	Total int `json:"total"`
	// Proved are those of which every file is the artifact's: System by the entry
	// of a signed index or a signed header, Locked by that of a lock.
	Proved int `json:"proved"`
	System int `json:"system"`
	Locked int `json:"locked"`
	// Consistent are those of which every file is what the environment's own
	// records state.
	Consistent int `json:"consistent"`
	// Absent are those whose artifact an entry names and that was not found.
	Absent int `json:"absent"`
}

// NewVerify returns the answer for a document and its proof. show are the
// statuses of which the text has the lines.
func NewVerify(name string, d *sbom.Document, p *audit.Proof, show []audit.FileStatus) *Verify {
	v := &Verify{Schema: schema, Question: "verify", Subject: name, Proof: p, ScanGaps: d.Gaps, show: show}
	for _, c := range p.Ledger.Counts {
		v.Files += c.Files
		v.Bytes += c.Bytes
	}
	counted := map[string]*sbom.Component{}
	for i := range d.Components {
		if c := &d.Components[i]; c.Counts() {
			counted[c.ID] = c
			v.Dependencies.Total++
		}
	}
	for i := range p.Components {
		c := &p.Components[i]
		if len(c.Differs) > 0 {
			v.Forged = append(v.Forged, *c)
		}
		known := counted[c.ID]
		switch {
		case known == nil:
		case c.Proved && known.Kind == sbom.KindOS:
			v.Dependencies.Proved++
			v.Dependencies.System++
		case c.Proved:
			v.Dependencies.Proved++
			v.Dependencies.Locked++
		case c.Consistent:
			v.Dependencies.Consistent++
		}
	}
	absent := map[string]bool{}
	for _, a := range p.Absent {
		absent[a.Component] = true
	}
	v.Dependencies.Absent = len(absent)
	return v
}

// VerifyDefault are the statuses of which the text has the lines unless others are
// requested.
func VerifyDefault() []audit.FileStatus {
	return []audit.FileStatus{audit.FileChanged, audit.FileMissing, audit.FileConffile, audit.FileUnexplained, audit.FileUnread}
}

// Wrong reports whether a file or a record is not what something states. A file
// that nothing accounts for is not wrong: an audit compares it with the baseline.
func (v *Verify) Wrong() bool {
	return len(v.Forged) > 0 || slices.ContainsFunc(v.Proof.Ledger.Lines, wrong)
}

func wrong(l audit.FileLine) bool {
	switch l.Status {
	case audit.FileChanged:
		return true
	case audit.FileMissing:
		return l.Rule == ""
	case audit.FileUnexplained:
		return l.Flaw
	}
	return false
}

// Incomplete reports whether something could not be verified.
func (v *Verify) Incomplete() bool { return len(v.Proof.Gaps)+len(v.ScanGaps) > 0 }

// statusMeaning is what a status is worth.
func statusMeaning(s audit.FileStatus) string {
	switch s {
	case audit.FileProved:
		return "equal to an artifact that a signed index or a lock names"
	case audit.FileConsistent:
		return "equal to the environment's own records, no proof"
	case audit.FileUnchecked:
		return "a package's, and nothing states its content"
	case audit.FileDerived:
		return "explained by a rule, which is no proof"
	case audit.FileConffile:
		return "configuration that was changed after installation"
	case audit.FileChanged:
		return "not what the artifact or the record states"
	case audit.FileMissing:
		return "in the artifact or the record, and not there"
	case audit.FileUnexplained:
		return "nothing accounts for it"
	case audit.FileUnread:
		return "could not be read"
	}
	return ""
}

// Text writes the ledger for people: at most limit lines of a status, all below
// one.
func (v *Verify) Text(w io.Writer, o terminal.Options, limit int) error {
	p := newSheet(o)
	p.Prose("", indent, v.headline(), terminal.Bold)
	p.Blank()
	var rows [][]string
	for _, c := range v.Proof.Ledger.Counts {
		rows = append(rows, []string{string(c.Status), grouped(c.Files), cmp.Or(terminal.Bytes(c.Bytes), "-"), statusMeaning(c.Status)})
	}
	if len(rows) > 0 {
		p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "files", Whole: true}, {Title: "number", Right: true, Whole: true}, {Title: "size", Right: true, Whole: true}, {Title: "meaning"}}, Rows: rows})
		p.Blank()
	}
	v.strength(p)
	v.indexes(p)
	v.origins(p, limit)
	if len(v.Forged) > 0 {
		p.Blank()
		p.Prose("", indent, "Records that differ from the signed index:", terminal.Red)
		for i, c := range v.Forged {
			if limit > 0 && i >= limit {
				p.more(indent, len(v.Forged)-limit, "", " (--limit 0 shows all)")
				break
			}
			p.Prose(indent, indent+indent, shortID(c.ID)+": "+strings.Join(c.Differs, ", "), terminal.Plain)
		}
	}
	for _, s := range v.show {
		v.lines(p, s, limit)
	}
	v.gaps(p, limit)
	return p.write(w)
}

func (v *Verify) headline() string {
	parts := []string{}
	for _, c := range v.Proof.Ledger.Counts {
		parts = append(parts, grouped(c.Files)+" "+string(c.Status))
	}
	head := fmt.Sprintf("%s: %s", terminal.Escape(v.Subject), wording.Count(v.Files, "file", "files"))
	if len(parts) > 0 {
		head += ": " + strings.Join(parts, ", ")
	}
	return head
}

// grouped writes a number with a comma at thousands.
func grouped(n int) string {
	s, _, _ := strings.Cut(wording.Count(n, "", ""), " ")
	return s
}

// strength writes what the outcome is worth.
func (v *Verify) strength(p sheet) {
	d := &v.Dependencies
	var by []string
	if d.System > 0 {
		by = append(by, wording.Count(d.System, "", "")+"by signed indexes")
	}
	if d.Locked > 0 {
		by = append(by, wording.Count(d.Locked, "", "")+"by locks")
	}
	text := fmt.Sprintf("%s of %s are proved to the byte", grouped(d.Proved), dependencies(d.Total))
	if len(by) > 0 {
		text += ": " + strings.Join(by, ", ")
	}
	p.Prose("", indent, text+".", terminal.Plain)
	if d.Consistent > 0 {
		p.Prose("", indent, fmt.Sprintf("%s of them only agree with the environment's own records: an attacker who changes a file there can change its record too.", grouped(d.Consistent)), terminal.Yellow)
	}
	if d.Absent > 0 {
		p.Prose("", indent, fmt.Sprintf("The artifacts of %s were not found: depaudit fetch gets them, --artifacts DIR names where they are.", dependencies(d.Absent)), terminal.Yellow)
	}
}

func (v *Verify) indexes(p sheet) {
	for _, x := range v.Proof.Indexes {
		name := strings.Join(slices.DeleteFunc([]string{x.Origin, x.Codename}, func(s string) bool { return s == "" }), " ")
		text := fmt.Sprintf("Index %s", cmp.Or(terminal.Escape(name), terminal.Escape(x.File)))
		if x.Date != "" {
			text += " of " + x.Date
		}
		if x.Problem != "" {
			p.Prose("", indent, text+": "+terminal.Escape(x.Problem), terminal.Yellow)
			continue
		}
		p.Prose("", indent, fmt.Sprintf("%s, signed by %s: %s.", text, terminal.Escape(cmp.Or(x.KeyName, x.Key)), wording.Count(x.Packages, "package", "packages")), terminal.Faint)
	}
}

// originTitles are the words of evidence of packages that no signed index has as
// they are, with the titles of their lists.
func originTitles() [][2]string {
	return [][2]string{
		{"foreign", "Of archives that are not trusted:"},
		{"local", "In no index:"},
		{"archive-other-version", "In a signed index at another version only:"},
		{"archive-listed", "In an index that no trusted key signs:"},
	}
}

// origins writes the packages that no signed index has as they are, those of one
// reason together.
func (v *Verify) origins(p sheet, limit int) {
	for _, title := range originTitles() {
		names := map[string][]string{}
		var reasons []string
		for i := range v.Proof.Components {
			if c := &v.Proof.Components[i]; c.Evidence == title[0] {
				if names[c.Detail] == nil {
					reasons = append(reasons, c.Detail)
				}
				names[c.Detail] = append(names[c.Detail], shortID(c.ID))
			}
		}
		if len(reasons) == 0 {
			continue
		}
		p.Blank()
		p.Prose("", indent, title[1], terminal.Yellow)
		for i, reason := range reasons {
			if limit > 0 && i >= limit {
				p.more(indent, len(reasons)-limit, "", " (--limit 0 shows all)")
				break
			}
			list, more := names[reason], ""
			if n := len(list) - limit; limit > 0 && n > 0 {
				list, more = list[:limit], " and "+wording.Count(n, "other", "others")
			}
			p.Prose(indent, indent+indent, strings.Join(list, ", ")+more+": "+terminal.Escape(reason), terminal.Plain)
		}
	}
}

// lines writes the files of one status.
func (v *Verify) lines(p sheet, s audit.FileStatus, limit int) {
	title, style := string(s), terminal.Plain
	if s == audit.FileChanged || s == audit.FileMissing {
		style = terminal.Red
	}
	n, documentation := 0, 0
	for i := range v.Proof.Ledger.Lines {
		l := &v.Proof.Ledger.Lines[i]
		if l.Status != s {
			continue
		}
		if s == audit.FileMissing && l.Rule != "" && limit > 0 {
			documentation++
			continue
		}
		if n++; n == 1 {
			p.Blank()
			p.Line("", strings.ToUpper(title[:1])+title[1:]+":", style)
		}
		if limit <= 0 || n <= limit {
			p.Pair(indent, l.Path, remark(l), false)
		}
	}
	if limit > 0 {
		p.more(indent, n-limit, "", " (--limit 0 shows all)")
	}
	if documentation > 0 {
		p.Blank()
		p.Prose("", indent, fmt.Sprintf("%s of documentation missing, which no program needs (--limit 0 shows all).", wording.Count(documentation, "file", "files")), terminal.Faint)
	}
}

// remark is what there is to say of a line beside its path.
func remark(l *audit.FileLine) string {
	var parts []string
	if len(l.How) > 0 {
		parts = append(parts, strings.Join(l.How, ", "))
	}
	if l.Component != "" {
		parts = append(parts, shortID(l.Component))
	}
	if l.Rule != "" {
		parts = append(parts, "rule "+l.Rule)
	}
	if l.Runs != "" {
		parts = append(parts, l.Runs)
	}
	if l.Detail != "" {
		parts = append(parts, l.Detail)
	}
	return strings.Join(parts, "; ")
}

func (v *Verify) gaps(p sheet, limit int) {
	all := slices.Concat(v.ScanGaps, v.Proof.Gaps)
	if len(all) == 0 {
		return
	}
	p.Blank()
	p.Prose("", indent, "Could not be verified:", terminal.Yellow)
	for i, g := range all {
		if limit > 0 && i >= limit {
			p.more(indent, len(all)-limit, "", " (--limit 0 shows all)")
			return
		}
		p.Prose(indent, indent+indent, terminal.Escape(strings.TrimPrefix(g.Path+": "+g.Detail, ": ")), terminal.Plain)
	}
}
