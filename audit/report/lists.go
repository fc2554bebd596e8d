package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/wording"
)

// List is something that --show prints in full.
type List struct {
	// Name is what --show takes.
	Name string
	// Title is its heading.
	Title string

	make func(stage) list
}

// Lists returns everything that Options.Show can name besides "all", in the
// order in which it is printed.
func Lists() []List {
	return []List{
		{"growth", "Difference to the baseline", growthList},
		{"layers", "Layers", layerList},
		{"findings", "Findings", findingList},
		{"gaps", "Not examined", gapList},
		{"limitations", "Cannot be shown", limitationList},
		{"unaccounted", "Unaccounted", dependencyList(audit.FromNowhere)},
		{"lock", "Lock-pinned", dependencyList(audit.FromLock)},
		{"os", "OS-provided", dependencyList(audit.FromOS)},
		{"image", "From the base image", dependencyList(audit.FromImage)},
		{"exception", "Excepted", exceptionList},
		{"bundled", "Bundled others, not counted", dependencyList(audit.FromBundled)},
		{"excluded", "Excluded, not counted", excludedList},
		{"notices", "Notices", noticeList},
		{"locks", "Lock files", lockList},
	}
}

// shown returns the lists that names ask for. "all" asks for each.
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
			return nil, fmt.Errorf("no list is called %q, did you mean %q?", name, near)
		}
		return nil, errors.New("no list is called " + strconv.QuoteToASCII(name) + ", there are " + strings.Join(known, ", "))
	}
	if slices.Contains(names, "all") {
		return all, nil
	}
	return slices.DeleteFunc(all, func(l List) bool { return !slices.Contains(names, l.Name) }), nil
}

func dependencyList(p audit.Provenance) func(stage) list {
	return func(s stage) list {
		l := list{columns: []column{
			{title: "Name", code: true}, {title: "Version", code: true}, {title: "Type"}, {title: evidenceTitle(p), spare: p == audit.FromNowhere},
			{title: whereTitle(p), path: true, code: true}, {title: "Owner", code: true}, {title: "Why"},
			{title: "Replaces", code: true, spare: true}, {title: "Layer", right: true}, {title: "Step", code: true, spare: true},
		}}
		for i := range s.Dependencies {
			if d := &s.Dependencies[i]; d.Provenance == p {
				number, text := s.layerOf(d.ID)
				l.rows = append(l.rows, []string{fullName(d), d.Version, d.Type, evidence(d), where(d), s.owner(d), s.why(d.ID), d.Replaces, number, text})
			}
		}
		return l
	}
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

// where is the lock entry of a dependency, or the first path that shows it.
// The package database is the place of every OS package, and not repeated.
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

func exceptionList(s stage) list {
	l := list{columns: []column{
		{title: "Name", code: true}, {title: "Version", code: true}, {title: "Type"},
		{title: "Expires"}, {title: "Responsible", code: true}, {title: "Reason"},
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
		l.rows = append(l.rows, []string{fullName(d), d.Version, d.Type, e.Expires, e.Owner, e.Reason})
	}
	return l
}

func growthList(s stage) list {
	l := list{columns: []column{
		{title: "", paint: signColor}, {title: "Name", code: true}, {title: "Version", code: true},
		{title: "Provenance"}, {title: "Brought by", code: true}, {title: "How"}, {title: "Layer", right: true}, {title: "Step", code: true, spare: true},
	}}
	row := func(cells ...string) {
		l.rows = append(l.rows, append(cells, make([]string, len(l.columns)-len(cells))...))
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
		for _, id := range g.Brings {
			add(id, s.short(g.ID), "")
		}
	}
	for _, e := range s.Growth.Removed {
		row("-", cmp.Or(e.Key, e.ID), e.Version, strength(e.Provenance, e.Evidence), "", "gone")
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
		row("<", s.name(id), "", s.provenance(id), "", "was the base's")
	}
	for _, id := range b.ToBase {
		row("=", s.name(id), "", s.provenance(id), "", "is the base's now")
	}
	for _, id := range b.Added {
		number, text := s.layerOf(id)
		row("b+", s.name(id), "", s.provenance(id), "", "new in the base", number, text)
	}
	for _, e := range b.Removed {
		row("b-", cmp.Or(e.Key, e.ID), e.Version, strength(e.Provenance, e.Evidence), "", "gone with the base")
	}
	for _, c := range b.Changed {
		row("b~", c.Key, c.To, "", "", "was "+c.From+" in the base")
	}
	return l
}

func signColor(sign string) style {
	switch sign {
	case "+", "!":
		return red
	case "-":
		return green
	}
	return ""
}

func findingList(s stage) list {
	l := list{columns: []column{
		{title: "Severity", paint: severityColor}, {title: "Rule"}, {title: "Dependency", code: true},
		{title: "Path", path: true, code: true}, {title: "Message"},
	}}
	for _, f := range s.Findings {
		first := ""
		if len(f.Paths) > 0 {
			first = f.Paths[0]
		}
		l.rows = append(l.rows, []string{string(f.Severity), f.Rule, "", first, f.Message})
		for _, path := range f.Paths[min(1, len(f.Paths)):] {
			l.rows = append(l.rows, []string{"", "", "", path, ""})
		}
		for _, id := range f.Dependencies {
			l.rows = append(l.rows, []string{"", "", s.name(id), "", s.why(id)})
		}
	}
	return l
}

func gapList(s stage) list {
	l := list{columns: []column{{title: "Kind"}, {title: "Path", path: true, code: true}, {title: "Detail"}, {title: "Waived"}}}
	for _, g := range s.openFirst() {
		l.rows = append(l.rows, []string{g.Kind, g.Path, g.Detail, waived(g)})
	}
	return l
}

func limitationList(s stage) list {
	l := list{columns: []column{{title: "Name"}, {title: "Detail"}, {title: "Accepted"}}}
	for _, x := range s.Limitations {
		accepted := ""
		if x.Accepted {
			accepted = "accepted"
		}
		l.rows = append(l.rows, []string{x.Name, x.Detail, accepted})
	}
	return l
}

// layerList says what came with which build step.
func layerList(s stage) list {
	l := list{columns: []column{
		{title: "Layer", right: true}, {title: "Of"}, {title: "Count", right: true}, {title: "New", right: true},
		{title: "Unacc.", right: true}, {title: "Step", code: true}, {title: "Digest", code: true, spare: true},
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
		l.rows = append(l.rows, []string{number, of, strconv.Itoa(x.all), nonZero(x.fresh), nonZero(x.unaccounted), x.step, x.digest})
	}
	return l
}

func excludedList(s stage) list {
	l := list{columns: []column{
		{title: "Path", path: true, code: true}, {title: "Name", code: true}, {title: "Version", code: true},
		{title: "Reason"}, {title: "Count", right: true}, {title: "Detail"},
	}}
	for _, e := range s.Excluded {
		l.rows = append(l.rows, []string{e.Path, e.Name, e.Version, e.Reason, strconv.Itoa(max(e.Count, 1)), e.Detail})
	}
	return l
}

func noticeList(s stage) list {
	l := list{columns: []column{
		{title: "Kind"}, {title: "Dependency", code: true}, {title: "Path", path: true, code: true}, {title: "Detail"},
	}}
	for _, n := range s.Notices {
		about := ""
		if n.ID != "" {
			about = s.name(n.ID)
		}
		l.rows = append(l.rows, []string{n.Kind, about, n.Path, n.Detail})
	}
	return l
}

func lockList(s stage) list {
	l := list{columns: []column{{title: "Path", path: true, code: true}, {title: "Format"}, {title: "Entries", right: true}}}
	for _, f := range s.Locks {
		l.rows = append(l.rows, []string{f.Path, f.Format, strconv.Itoa(f.Entries)})
	}
	return l
}
