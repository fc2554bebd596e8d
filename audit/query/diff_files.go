package query

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/wording"
)

// FileDiff is the difference between two environments by their files.
type FileDiff struct {
	Schema   int    `json:"schema"`
	Question string `json:"question"`
	Before   string `json:"before"`
	After    string `json:"after"`
	// Reasons are why the difference may not be complete.
	Reasons    []string             `json:"unsure,omitempty"`
	Difference *diff.FileDifference `json:"difference"`
}

// FileSide is one side of a [FileDiff].
type FileSide struct {
	Name  string
	Gaps  []sbom.Gap
	Files []diff.File
}

// NewFileDiff compares two sides.
func NewFileDiff(before, after FileSide) *FileDiff {
	d := &FileDiff{Schema: schema, Question: "diff --files", Before: before.Name, After: after.Name, Difference: diff.BetweenFiles(before.Files, after.Files)}
	for _, s := range []FileSide{before, after} {
		// Other gaps are about what the files mean.
		gaps := slices.DeleteFunc(slices.Clone(s.Gaps), func(g sbom.Gap) bool {
			return g.Kind != sbom.GapUnreadable && g.Kind != sbom.GapPermission && g.Kind != sbom.GapLimit
		})
		if n := len(gaps); n > 0 {
			d.Reasons = append(d.Reasons, fmt.Sprintf("%s of %s could not be examined: %s", wording.Count(n, "place", "places"), s.Name, gapText(gaps)))
		}
	}
	if list := d.Difference.Unread; len(list) > 0 {
		d.Reasons = append(d.Reasons, fmt.Sprintf("%s not be compared, such as %s: %s", wording.Count(len(list), "file could", "files could"), list[0].Path, list[0].Detail))
	}
	return d
}

// Text writes the answer for people: of each list at most limit lines, all
// below one.
func (d *FileDiff) Text(w io.Writer, o terminal.Options, limit int) error {
	p := diffSheet{sheet: newSheet(o), limit: limit}
	f := d.Difference
	p.Prose("", indent, terminal.Escape(d.Before)+" -> "+terminal.Escape(d.After), terminal.Bold)
	p.Prose(indent, indent, fmt.Sprintf("%s -> %s: %s", wording.Count(f.Before, "file", "files"), wording.Count(f.After, "file", "files"), d.summary()), terminal.Plain)
	if f.Unowned.Before+f.Unowned.After > 0 {
		p.Prose(indent, indent, fmt.Sprintf("%s -> %s that no package accounts for: %d the same", wording.Count(f.Unowned.Before, "file", "files"), wording.Count(f.Unowned.After, "file", "files"), f.Unowned.Same), terminal.Plain)
	}
	for _, u := range d.Reasons {
		p.Prose(indent+"unsure: ", indent+"        ", terminal.Escape(u), terminal.Yellow)
	}
	if len(f.Changed) > 0 {
		p.title("Changed", len(f.Changed))
		shown := f.Changed[:p.cut(len(f.Changed))]
		var rows [][]string
		for i := range shown {
			c := &shown[i]
			rows = append(rows, []string{c.Before.Path, c.Detail(), between(c.Before.Component, c.After.Component)})
		}
		p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "path"}, {Title: "what"}, {Title: "package", Spare: 1}}, Rows: rows})
		p.rest(len(f.Changed), len(shown))
	}
	p.places("Only in "+d.Before, f.Removed)
	p.places("Only in "+d.After, f.Added)
	return p.write(w)
}

func (d *FileDiff) summary() string {
	f := d.Difference
	if f.Empty() && len(f.Unread) == 0 {
		return "no difference"
	}
	var out []string
	for _, part := range []struct {
		n    int
		word string
	}{{len(f.Changed), "changed"}, {len(f.Removed), "removed"}, {len(f.Added), "added"}, {len(f.Unread), "not compared"}} {
		if part.n > 0 {
			out = append(out, strconv.Itoa(part.n)+" "+part.word)
		}
	}
	return strings.Join(append(out, strconv.Itoa(f.Same)+" the same"), ", ")
}

// between returns the component of one path on both sides.
func between(before, after string) string {
	if before == after {
		return before
	}
	none := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	return none(before) + " -> " + none(after)
}

// places lists files that one side has, by the topmost directory.
func (p diffSheet) places(title string, files []diff.File) {
	if len(files) == 0 {
		return
	}
	p.title(terminal.Escape(title), len(files))
	places := diff.FilePlaces(files)
	shown := places[:p.cut(len(places))]
	var rows [][]string
	for _, x := range shown {
		size := sized(wording.Count(x.Files, "file", "files"), x.Size)
		component := strings.Join(x.Components, ", ")
		if n := len(x.Components); n > 2 {
			component = fmt.Sprintf("%s and %d more", x.Components[0], n-1)
		}
		rows = append(rows, []string{x.Path, size, component})
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{{Title: "path"}, {Title: "files"}, {Title: "package", Spare: 1}}, Rows: rows})
	p.rest(len(places), len(shown))
}

// Differs reports whether there is any difference.
func (d *FileDiff) Differs() bool { return !d.Difference.Empty() }

// Unsure reports whether something could not be compared.
func (d *FileDiff) Unsure() bool { return len(d.Reasons) > 0 }
