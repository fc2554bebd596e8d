package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// List is a list that --show prints in full.
type List struct {
	// Name is the value of --show.
	Name string
	// Title is its heading.
	Title string

	make func(stage) terminal.Table
}

// Lists returns everything that Options.Show can name besides "all", in the
// order in which it is printed.
func Lists() []List {
	return []List{
		{"growth", "Difference to the baseline", growthList},
		{"layers", "Layers", layerList},
		{"findings", "Findings", findingList},
		{"gaps", "Not examined", gapList},
		{"limitations", "Limitations", limitationList},
		{"packages", "Dependencies", packageList},
		{"unaccounted", "Unaccounted", dependencyList(audit.FromNowhere)},
		{"lock", "Lock-pinned", dependencyList(audit.FromLock)},
		{"os", "OS-provided", dependencyList(audit.FromOS)},
		{"image", "From the base image", dependencyList(audit.FromImage)},
		{"exception", "Excepted", exceptionList},
		{"exceptions", "Exceptions in use", exceptionUseList},
		{"bundled", "Bundled, not counted", dependencyList(audit.FromBundled)},
		{"excluded", "Excluded, not counted", excludedList},
		{"notices", "Notices", noticeList},
		{"locks", "Lock files", lockList},
		{"definition", "Definition, not counted", definitionList},
		{"absent", "Locked and not installed", absentList},
		{"indexes", "Package indexes", indexList},
		{"changed", "Files that differ", fileList(audit.FileChanged, audit.FileMissing, audit.FileConffile, audit.FileUnread)},
		{"unexplained", "Files that nothing explains", fileList(audit.FileUnexplained)},
		{"derived", "Files that a rule explains", fileList(audit.FileDerived, audit.FileConsistent, audit.FileUnchecked)},
	}
}

// shown returns the lists of those names; "all" is the name of all.
func shown(names []string) ([]List, error) {
	all := Lists()
	known := []string{"all"}
	for _, l := range all {
		known = append(known, l.Name)
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		if near := wording.Nearest(name, known); near != "" {
			return nil, fmt.Errorf("there is no list %q, did you mean %q?", name, near)
		}
		return nil, errors.New("there is no list " + strconv.QuoteToASCII(name) + ", there are " + strings.Join(known, ", "))
	}
	if slices.Contains(names, "all") {
		return all, nil
	}
	return slices.DeleteFunc(all, func(l List) bool { return !slices.Contains(names, l.Name) }), nil
}

func dependencyList(p audit.Provenance) func(stage) terminal.Table {
	return func(s stage) terminal.Table {
		l := terminal.Table{Columns: []terminal.Column{
			{Title: "Name", Code: true}, {Title: "Version", Code: true}, {Title: "Type"}, {Title: evidenceTitle(p), Spare: reasonSpare(p)},
			{Title: whereTitle(p), Path: true, Code: true}, {Title: "Owner", Code: true}, {Title: "Why"},
			{Title: "Replaces", Code: true, Spare: 1}, {Title: "Layer", Right: true}, {Title: "Step", Code: true, Spare: 1},
		}}
		for i := range s.Dependencies {
			if d := &s.Dependencies[i]; d.Provenance == p {
				number, text := s.layerOf(d.ID)
				l.Rows = append(l.Rows, []string{d.FullName(), d.Version, d.Type, evidence(d), where(d), s.owner(d), s.why(d.ID), d.Replaces, number, text})
			}
		}
		return l
	}
}

// packageList lists every dependency that counts, with its provenance.
func packageList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{{Title: "Name", Code: true}, {Title: "Version", Code: true}, {Title: "Type"}, {Title: "Provenance"}}}
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Provenance.Counted() {
			l.Rows = append(l.Rows, []string{d.FullName(), d.Version, d.Type, provenance(d)})
		}
	}
	return l
}

// reasonSpare is for the column of [evidenceTitle]: the last column repeats a reason in
// words.
func reasonSpare(p audit.Provenance) int {
	if p == audit.FromNowhere {
		return 1
	}
	return 0
}

func evidenceTitle(p audit.Provenance) string {
	if p == audit.FromNowhere {
		return "Reason"
	}
	return "Evidence"
}

func whereTitle(p audit.Provenance) string {
	if p == audit.FromLock {
		return "Lock"
	}
	return "Path"
}

func evidence(d *audit.Dependency) string {
	switch {
	case d.Provenance == audit.FromNowhere && d.Why != nil:
		return d.Why.Code
	case d.Evidence == "none":
		return ""
	}
	return d.Evidence
}

// where returns the lock entry of a dependency, or the first path that shows
// it. The place of every OS package is the package database, which is not
// repeated.
func where(d *audit.Dependency) string {
	switch {
	case d.Lock != nil:
		return entry(d.Lock)
	case d.Provenance == audit.FromOS || len(d.Paths) == 0:
		return ""
	case len(d.Paths) > 1:
		return fmt.Sprintf("%s (+%d)", d.Paths[0], len(d.Paths)-1)
	}
	return d.Paths[0]
}

func (s stage) owner(d *audit.Dependency) string {
	if d.Owner == "" {
		return ""
	}
	return s.name(d.Owner)
}

func exceptionList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Name", Code: true}, {Title: "Version", Code: true}, {Title: "Type"},
		{Title: "Expires"}, {Title: "Responsible", Code: true}, {Title: "Reason"},
	}}
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if d.Provenance != audit.FromException {
			continue
		}
		e := d.Exception
		if e == nil {
			e = &audit.ExceptionRef{}
		}
		l.Rows = append(l.Rows, []string{d.FullName(), d.Version, d.Type, e.Expires, e.Owner, e.Reason})
	}
	return l
}

func growthList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "", Paint: signColor}, {Title: "Name", Code: true}, {Title: "Version", Code: true},
		{Title: "Provenance"}, {Title: "Introduced by", Code: true}, {Title: "How"}, {Title: "Layer", Right: true}, {Title: "Step", Code: true, Spare: 1},
	}}
	row := func(cells ...string) {
		l.Rows = append(l.Rows, append(cells, make([]string, len(l.Columns)-len(cells))...))
	}
	add := func(id, by, how string) {
		version := ""
		if d := s.byID[id]; d != nil {
			version = d.Version
		}
		number, text := s.layerOf(id)
		row("+", s.short(id), version, s.provenance(id), by, how, number, text)
	}
	for _, g := range s.Growth.Added {
		add(g.ID, "", s.because(g))
		for _, id := range g.Introduces {
			add(id, s.short(g.ID), "")
		}
	}
	for _, e := range s.Growth.Removed {
		row("-", cmp.Or(e.Key, e.ID), e.Version, strength(e.Provenance, e.Evidence), "", "removed")
	}
	for _, c := range s.Growth.Changed {
		row("~", c.Key, c.To, "", "", "was "+c.From)
	}
	for _, w := range s.Growth.Weaker {
		row("!", s.name(w.ID), "", strength(w.To.Provenance, w.To.Evidence), "", "was "+strength(w.From.Provenance, w.From.Evidence))
	}
	b := s.Growth.Base
	if b == nil {
		return l
	}
	for _, id := range b.ToStage {
		row("<", s.name(id), "", s.provenance(id), "", "was in the base")
	}
	for _, id := range b.ToBase {
		row("=", s.name(id), "", s.provenance(id), "", "is in the base now")
	}
	for _, id := range b.Added {
		number, text := s.layerOf(id)
		row("b+", s.name(id), "", s.provenance(id), "", "new in the base", number, text)
	}
	for _, e := range b.Removed {
		row("b-", cmp.Or(e.Key, e.ID), e.Version, strength(e.Provenance, e.Evidence), "", "removed with the base")
	}
	for _, c := range b.Changed {
		row("b~", c.Key, c.To, "", "", "was "+c.From+" in the base")
	}
	return l
}

func signColor(sign string) terminal.Style {
	switch sign {
	case "+", "!":
		return terminal.Red
	case "-":
		return terminal.Green
	}
	return ""
}

func findingList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Severity", Paint: severityColor}, {Title: "Rule"}, {Title: "Dependency", Code: true},
		{Title: "Path", Path: true, Code: true}, {Title: "Message"},
	}}
	uses := s.Definition.ByID()
	for _, f := range s.Findings {
		first := ""
		if len(f.Paths) > 0 {
			first = f.Paths[0]
		}
		l.Rows = append(l.Rows, []string{string(f.Severity), f.Rule, "", first, f.Message})
		for _, path := range f.Paths[min(1, len(f.Paths)):] {
			l.Rows = append(l.Rows, []string{"", "", "", path, ""})
		}
		for _, id := range f.Dependencies {
			l.Rows = append(l.Rows, []string{"", "", s.name(id), "", s.why(id)})
		}
		for _, id := range f.Uses {
			if u := uses[id]; u != nil {
				l.Rows = append(l.Rows, []string{"", "", u.Label(), u.Places[0].String(), u.Detail})
			}
		}
	}
	return l
}

func gapList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{{Title: "Kind"}, {Title: "Path", Path: true, Code: true}, {Title: "Detail"}, {Title: "Waived"}}}
	for _, g := range s.openFirst() {
		l.Rows = append(l.Rows, []string{string(g.Kind), g.Path, g.Detail, waived(g)})
	}
	return l
}

func limitationList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{{Title: "Name"}, {Title: "Detail"}, {Title: "Accepted"}}}
	for _, x := range s.Limitations {
		accepted := ""
		if x.Accepted {
			accepted = "accepted"
		}
		l.Rows = append(l.Rows, []string{string(x.Name), x.Detail, accepted})
	}
	return l
}

// layerList has the dependencies of each build step.
func layerList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Layer", Right: true}, {Title: "Part of"}, {Title: "Count", Right: true}, {Title: "New", Right: true},
		{Title: "Unaccounted", Right: true}, {Title: "Step", Code: true}, {Title: "Digest", Code: true, Whole: true, Spare: 1},
	}}
	for _, x := range s.layers() {
		number, of := strconv.Itoa(x.number), "the stage"
		switch {
		case x.number == 0:
			number, of = "", "not known"
		case x.base:
			of = "the base"
		case s.Base == nil || s.Base.Layers == 0:
			of = ""
		}
		l.Rows = append(l.Rows, []string{number, of, strconv.Itoa(x.all), nonZero(x.fresh), nonZero(x.unaccounted), x.step, x.digest})
	}
	return l
}

func excludedList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Path", Path: true, Code: true}, {Title: "Name", Code: true}, {Title: "Version", Code: true},
		{Title: "Reason"}, {Title: "Count", Right: true}, {Title: "Detail"},
	}}
	for _, e := range s.Excluded {
		l.Rows = append(l.Rows, []string{e.Path, e.Name, e.Version, string(e.Reason), strconv.Itoa(max(e.Count, 1)), e.Detail})
	}
	return l
}

func noticeList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Kind"}, {Title: "Dependency", Code: true}, {Title: "Path", Path: true, Code: true}, {Title: "Detail"},
	}}
	for _, n := range s.Notices {
		about := ""
		if n.Component != "" {
			about = s.name(n.Component)
		}
		l.Rows = append(l.Rows, []string{string(n.Kind), about, n.Path, n.Detail})
	}
	return l
}

func lockList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{{Title: "Path", Path: true, Code: true}, {Title: "Format"}, {Title: "Entries", Right: true}}}
	scoped := slices.ContainsFunc(s.Locks, func(f audit.LockFile) bool { return len(f.For) > 0 })
	if scoped {
		l.Columns = append(l.Columns, terminal.Column{Title: "For", Path: true, Code: true})
	}
	for _, f := range s.Locks {
		row := []string{f.Path, f.Format, strconv.Itoa(f.Entries)}
		if scoped {
			row = append(row, strings.Join(f.For, ", "))
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

func absentList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Name", Code: true}, {Title: "Version", Code: true}, {Title: "Type"}, {Title: "Lock", Path: true, Code: true}, {Title: "Detail"},
	}}
	for _, a := range s.Absent {
		var detail []string
		if len(a.Installed) > 0 {
			detail = append(detail, "installed at "+strings.Join(a.Installed, ", "))
		}
		for _, f := range []struct {
			is   bool
			text string
		}{{a.Dev, "for development"}, {a.Optional, "optional"}, {a.Unknown, "not known whether it is for this platform"}} {
			if f.is {
				detail = append(detail, f.text)
			}
		}
		l.Rows = append(l.Rows, []string{a.Name, a.Version, a.Type, a.Lock.File + ":" + strconv.Itoa(a.Lock.Line), strings.Join(detail, ", ")})
	}
	if s.MoreAbsent > 0 {
		l.Rows = append(l.Rows, []string{"", "", "", "", "and " + wording.Count(s.MoreAbsent, "more", "more")})
	}
	return l
}
