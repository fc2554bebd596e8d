package query

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
)

// everyDiff is a difference with n entries in each of its lists, all of them named s.
func everyDiff(s string, n int) *Diff {
	component := func(i int) diff.Component {
		name := s + fmt.Sprint(i)
		return diff.Component{
			Component: sbom.Component{ID: "npm/" + name + "@" + s, Kind: sbom.KindPackage, Type: s, Namespace: s, Name: name, Version: s},
			Key:       "npm/" + name, Judgement: &diff.Judgement{Provenance: s, Evidence: s},
		}
	}
	d := &diff.Difference{Before: diff.Total{Counted: 3 * n}, After: diff.Total{Counted: 4 * n}}
	r := &RecordDiff{
		Verdicts: &[2]audit.Verdict{audit.Pass, audit.Fail}, NotCompared: []string{"files"},
		Definition: &UseDiff{Before: &audit.UseCounts{}, After: &audit.UseCounts{}}, Exceptions: &ExceptionDiff{}, Files: &FilesDiff{},
	}
	var introduced []string
	for i := range n {
		c := component(i)
		use := audit.AcceptedUse{Key: "action " + c.Name, Version: s, Pin: s}
		x := Exception{Subject: c.Name, Expires: s, Owner: s, Reason: s}
		d.Added, d.Removed = append(d.Added, c), append(d.Removed, c)
		if i > 0 {
			introduced = append(introduced, c.ID)
		}
		d.RemovedBy = append(d.RemovedBy, graph.Introduction{ID: c.ID, NeededBy: []string{c.ID, c.ID}})
		d.Changed = append(d.Changed, diff.VersionChange{Key: c.Key, Before: []diff.Component{c, c}, After: []diff.Component{c}, Order: diff.Down})
		d.Replaced = append(d.Replaced, diff.Replacement{Name: c.Name, Before: []string{c.ID}, After: []string{c.ID}})
		d.MovedIn, d.MovedOut = append(d.MovedIn, diff.Move{Component: c, Bundled: c.ID}), append(d.MovedOut, diff.Move{Component: c, Bundled: c.ID})
		for j := range 3 {
			to := diff.Judgement{Provenance: s + fmt.Sprint(i), Evidence: s}
			change := diff.JudgementChange{Before: c.ID, After: c.ID + fmt.Sprint(j), From: diff.Judgement{Provenance: s, Evidence: s}, To: to}
			d.Judgements = append(d.Judgements, change)
		}
		r.Weaker, r.Stronger = append(r.Weaker, c.ID+"0"), append(r.Stronger, c.ID+"1")
		d.Artifacts = append(d.Artifacts, diff.ArtifactChange{ID: c.ID, What: diff.WhatOrigin, From: []string{s}, To: []string{s, s}, Proved: true})
		d.Layers = append(d.Layers, diff.LayerChange{From: s, To: s, IDs: []string{c.ID}})
		d.Bundled.Added = append(d.Bundled.Added, c)
		r.Policy = append(r.Policy, PolicyChange{Key: c.Name, Before: s, After: s, Weaker: true})
		r.Definition.Added, r.Definition.Removed = append(r.Definition.Added, use), append(r.Definition.Removed, use)
		r.Definition.Changed = append(r.Definition.Changed, UseChange{Before: use, After: use})
		r.Exceptions.Added, r.Exceptions.Removed = append(r.Exceptions.Added, x), append(r.Exceptions.Removed, x)
		r.Exceptions.Changed = append(r.Exceptions.Changed, [2]Exception{x, x})
		file := audit.AcceptedFile{Rule: s, Path: c.Name, Exception: s}
		r.Files.Added, r.Files.Removed = append(r.Files.Added, file), append(r.Files.Removed, file)
		r.Content, r.Covered = append(r.Content, c.ID), append(r.Covered, c.ID)
	}
	d.AddedBy = []graph.Introduction{{ID: component(0).ID, Introduces: introduced, Mention: &graph.Edge{From: component(0).ID, Kind: s, Instead: s}}}
	side := DiffSide{Name: s, Stage: s + "x", Kind: SideReport, Verdict: audit.Fail}
	same := StageDiff{Before: side, After: side, Difference: &diff.Difference{}}
	other := side
	other.Stage = s + "y"
	out := NewDiff([]StageDiff{{Before: side, After: other, Unsure: []string{s, s}, Difference: d, Record: r}, same}, []DiffSide{side}, []DiffSide{other})
	out.Before = DiffSource{Name: s, Date: "2026-10-01", Subjects: slices.Repeat([]string{s}, n), Verdict: audit.Pass}
	out.After = DiffSource{Name: s, Date: "2026-11-28", Verdict: audit.Fail}
	return out
}

func notesOf(t *testing.T, d *Diff) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Notes(&b, 0); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostile are names that do harm in one place of Markdown or another.
var hostile = []string{
	"", " ", "-", "libc6", "a`b``c", "`", "``````", "|", `\|`, "</details>", "<details>", "<details><summary>", "</summary></details><script>alert(1)</script>", "<!--", "<img src=x onerror=alert(1)>", "]]>",
	"@octocat", "@org/team", "#123", "GH-1", "owner/repo#1", "owner/repo@0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef01234567",
	"https://example.com/a", "www.example.com", "a@example.com", "[a](http://b)", "![a](http://b)", "[a]: http://b", "[^1]", "- [ ] x", ":smile:", "$x$", "**a**", "__a__", "~~a~~",
	"1. a", "# a", "> a", "***", "---", "===", "    code", "\tcode", "a\n\n# b", "a\r\n</details>\r\n", "\x1b[31m\u202e\u200b", "\xff\xfe", "::error::x", "##[group]x", "&lt;b&gt;", "&#64;octocat",
	strings.Repeat("a", 5000), strings.Repeat("`", 500), strings.Repeat("世", 300), strings.Repeat("\U0001f468", 300), strings.Repeat("word ", 500), "a `code` b", "a ``code", `\`, "`\\", "pull/1", "=cmd|' /C calc'!A0",
}

// TestNotesHostile renders the notes as GitHub does and finds nothing but words, lists
// and code, whatever the names are.
func TestNotesHostile(t *testing.T) {
	for i, s := range hostile {
		for _, n := range []int{1, 12} {
			if n > 1 && i%5 != 0 && os.Getenv("DEPAUDIT_E2E") == "" {
				continue // renderers are slow with long lists
			}
			text := notesOf(t, everyDiff(s, n))
			if defect := defectOfNotes(text); defect != "" {
				t.Errorf("%.60q, %d: %s", s, n, defect)
			}
		}
	}
}

func FuzzNotes(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if defect := defectOfNotes(notesOf(t, everyDiff(s, 9))); defect != "" {
			t.Error(defect)
		}
	})
}

// defectOfNotes renders GitHub Flavored Markdown with all HTML in it, and returns what
// is more than the notes have.
func defectOfNotes(text string) string {
	if n := strings.Count(text, "\n") + len(utf16.Encode([]rune(text))); n > maxNotes {
		return fmt.Sprintf("%d characters", n)
	}
	var b bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := md.Convert([]byte(text), &b); err != nil {
		return err.Error()
	}
	root, err := html.Parse(&b)
	if err != nil {
		return err.Error()
	}
	defect := ""
	var walk func(*html.Node, []string)
	walk = func(n *html.Node, within []string) {
		switch {
		case n.Type == html.CommentNode:
			defect = "a comment"
		case n.Type == html.ElementNode && !slices.Contains([]string{"html", "head", "body", "h2", "h3", "p", "ul", "li", "strong", "em", "code", "details", "summary"}, n.Data):
			defect = "an element <" + n.Data + ">"
		case n.Type == html.ElementNode && len(n.Attr) > 0 && n.Data != "h2" && n.Data != "h3":
			defect = "an attribute of <" + n.Data + ">"
		case n.Type == html.ElementNode && slices.Contains(within, n.Data):
			defect = "<" + n.Data + "> in itself"
		case n.Type == html.ElementNode && n.Data == "h3" && slices.Contains(within, "details"):
			defect = "a heading in a list that is shown closed"
		case n.Type == html.TextNode && !slices.Contains(within, "code"):
			if m := linkable.FindString(n.Data); m != "" {
				defect = fmt.Sprintf("%q outside of code", m)
			}
		}
		if n.Type == html.ElementNode {
			within = append(slices.Clone(within), n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, within)
		}
	}
	walk(root, nil)
	if defect == "" && strings.Count(text, "\n<details><summary>") != strings.Count(text, "\n</details>\n") {
		defect = "lists that are not closed"
	}
	return defect
}

// linkable matches what GitHub makes links, mentions and pictures of.
var linkable = regexp.MustCompile("(?i)[@#<>`|]|://|www\\.|\\bgh-[0-9]|:[a-z_]+:|\\b[0-9a-f]{7,40}\\b")

// TestNotesLimit has lists that are too long: the numbers are those of the whole, and
// what is not shown is counted.
func TestNotesLimit(t *testing.T) {
	item := regexp.MustCompile(`(?m)^(?:\*\*|<details><summary>)([A-Z][^:\n]*): ([\d,]+)(?:\*\*|</summary>)$`)
	more := regexp.MustCompile(`^- and ([\d,]+) more `)
	number := func(s string) int {
		n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for _, test := range []struct {
		entries, stages int
		cut             bool
	}{{1, 1, false}, {9, 2, false}, {40, 1, false}, {40, 30, true}, {3000, 1, true}, {3000, 3, true}, {2, 400, true}, {1, 5000, true}} {
		one := everyDiff("some-name-", test.entries)
		d := NewDiff(nil, one.OnlyBefore, one.OnlyAfter)
		for i := range test.stages {
			s := one.Stages[0]
			s.Before.Stage, s.After.Stage = fmt.Sprint("stage-", i), fmt.Sprint("stage-", i)
			same := one.Stages[1]
			same.Before.Stage, same.After.Stage = fmt.Sprint("same-", i), fmt.Sprint("same-", i)
			d.Stages = append(d.Stages, s, same)
		}
		text := notesOf(t, d)
		if defect := defectOfNotes(text); defect != "" {
			t.Errorf("%v: %s", test, defect)
		}
		// Of lists with a line for each entry, those that are shown and the others
		// are as many as the title has.
		perLine := []string{"Removed", "Changed version", "Policy", "Exceptions", "Definition", "Accepted files", "Weaker evidence"}
		at := item.FindAllStringSubmatchIndex(text, -1)
		for i, m := range at {
			title := text[m[2]:m[3]]
			total := number(text[m[4]:m[5]])
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			if !slices.Contains(perLine, title) {
				continue
			}
			got := 0
			for line := range strings.Lines(text[m[1]:end]) {
				if n := more.FindStringSubmatch(line); n != nil {
					got += number(n[1])
				} else if strings.HasPrefix(line, "- ") {
					got++
				}
			}
			if got != total || total < test.entries {
				t.Errorf("%v: %s: %d are shown or counted, of %d", test, title, got, total)
			}
		}
		if len(at) == 0 && test.stages < 1000 {
			t.Errorf("%v: no list:\n%.2000s", test, text)
		}
		if cut := strings.Contains(text, "Lists are cut"); cut != test.cut {
			t.Errorf("%v: cut is %v", test, cut)
		}
		var differing, unchanged int
		for line := range strings.Lines(text) {
			switch n := more.FindStringSubmatch(line); {
			case strings.HasPrefix(line, "- `stage-"):
				differing++
			case strings.HasPrefix(line, "- `same-"):
				unchanged++
			case n != nil && strings.Contains(line, "that differ"):
				differing += number(n[1])
			case n != nil && strings.Contains(line, "unchanged stage"):
				unchanged += number(n[1])
			}
		}
		if unchanged != test.stages || differing < test.stages || differing > test.stages+2 {
			t.Errorf("%v: %d stages differ, and %d are unchanged", test, differing, unchanged)
		}
	}
}

// TestNotesBytes has the limit of a file that has something in it already.
func TestNotesBytes(t *testing.T) {
	var b bytes.Buffer
	if err := everyDiff(strings.Repeat("世", 100), 500).Notes(&b, 64<<10); err != nil || b.Len() > 64<<10 || b.Len() < 40<<10 {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}

// judged are two sides with records.
func judged(t *testing.T) (before, after DiffSide) {
	before, after = diffSides(t)
	limit := func(n int) *int { return &n }
	stage := func(s *DiffSide, evidence string, policy audit.Policy, uses []audit.Use, x ...audit.ExceptionUse) *audit.Stage {
		out := &audit.Stage{Name: "build", Critical: true, Policy: &policy, Verdict: audit.Pass, Verified: true, Exceptions: x}
		if uses != nil {
			out.Definition = &audit.Definition{Uses: uses}
		}
		for _, c := range s.side.Document.Components {
			if c.Counts() {
				out.Dependencies = append(out.Dependencies, audit.Dependency{Component: c, Key: sbom.Key(&c), Provenance: audit.FromOS, Evidence: evidence})
			}
		}
		return out
	}
	exception := func(path, expires string) audit.ExceptionUse {
		return audit.ExceptionUse{ConfiguredException: audit.ConfiguredException{Path: path, Owner: "@team", Reason: "see #12\nand #13", Expires: expires}, Since: "2026-01-02"}
	}
	use := func(key, version, pin string) audit.Use {
		kind, name, _ := strings.Cut(key, " ")
		return audit.Use{ID: audit.UseID(key, version), Key: key, Kind: kind, Name: name, Version: version, Pin: pin, Places: []audit.UsePlace{{File: "w.yml", Line: 1}}}
	}
	was := stage(&before, "archive-signed", audit.Policy{Limit: limit(170), Verify: "true"},
		[]audit.Use{use("action github/actions/checkout", "11bd71901bbe5b1630ceea73d27597364c9af683", "commit"), use("runner ubuntu", "24.04", "floating")},
		exception("/opt/x", "2026-12-01"), exception("/opt/gone", "2026-12-01"))
	is := stage(&after, "db-owned", audit.Policy{Limit: limit(180), RequireOS: "archive-signed"},
		[]audit.Use{use("action github/actions/checkout", "v4", "floating"), use("image docker/debian", "sha256:"+strings.Repeat("ab", 32), "digest"), use("runner ubuntu", "24.04", "floating")},
		exception("/opt/x", "2027-03-01"), exception("/opt/new", "2027-01-01"))
	is.Verdict = audit.Fail
	is.Files = []audit.AcceptedFile{{Rule: "unexplained-code", Path: "/opt/new/a"}}
	before.Judged("build", RecordOf(was))
	after.Judged("build", RecordOf(is))
	return before, after
}

func TestNotesGolden(t *testing.T) {
	before, after := judged(t)
	same := before
	same.Judged("same", before.record)
	d := NewDiff([]StageDiff{NewStageDiff(before, after), NewStageDiff(same, same)}, nil, []DiffSide{{Name: "new.json#publish", Stage: "publish", Counted: 3, Verdict: audit.Pass}})
	d.Before = DiffSource{Name: "last", Date: "2026-10-01", Subjects: []string{"app-1.0.tar.xz"}, Verdict: audit.Pass}
	d.After = DiffSource{Name: "this", Date: "2026-11-28", Subjects: []string{"app-1.1.tar.xz", "b", "c", "d"}, Verdict: audit.Fail}
	text := notesOf(t, d)
	if defect := defectOfNotes(text); defect != "" {
		t.Error(defect)
	}
	path := filepath.Join("testdata", "notes.md.golden")
	if *updateDiff {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-update-diff writes it anew):\n%s", path, diff)
	}
	d.NotesLimit = 1
	if cut := notesOf(t, d); !strings.Contains(cut, "- and 1 more") || strings.Contains(cut, "<details>") {
		t.Errorf("with one line of each list:\n%s", cut)
	}
}

// TestRecords compares a report and a baseline with each other.
func TestRecords(t *testing.T) {
	before, after := judged(t)
	state := before.record.state
	b := before
	b.Kind = SideBaseline
	b.Judged("build", RecordOfBaseline(state))
	if s := NewStageDiff(b, before); !s.Record.Empty() {
		t.Errorf("a report differs from its own baseline: %+v", s.Record)
	}
	bare := *state
	bare.Policy, bare.Verified = nil, false
	b.Judged("build", RecordOfBaseline(&bare))
	if s := NewStageDiff(b, before); len(s.Record.NotCompared) != 2 || s.Record.NotCompared[0] != "policy" || !s.Record.Empty() {
		t.Errorf("a baseline without policy and files: %+v", s.Record)
	}
	b.Judged("build", RecordOfBaseline(&baseline.Stage{Dependencies: state.Dependencies}))
	if s := NewStageDiff(before, b); s.Record.Definition == nil || s.Record.Definition.After != nil || s.Record.Policy != nil || s.Record.Verdicts != nil {
		t.Errorf("a baseline without anything: %+v", s.Record)
	}
	scan := after
	scan.Judged("build", nil)
	if s := NewStageDiff(before, scan); !s.Record.Empty() || len(s.Record.NotCompared) != 3 {
		t.Errorf("a scan: %+v", s.Record)
	}
	if s := NewStageDiff(scan, scan); s.Record != nil {
		t.Error("two scans have no record")
	}
}
