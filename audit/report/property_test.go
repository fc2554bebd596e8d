package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

var (
	sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")
	// ownMarkdown matches the constructs of this package.
	ownMarkdown = regexp.MustCompile(`^<details><summary>[A-Za-z, -]+: \d+</summary>$|^</details>$|^<sub>|</sub>$|^###? |^\*\*[A-Za-z ]+\*\*|^- |^>( |$)|^ {2}|^\|(:--\||--:\|)*|(:--|--:)? \|`)
	// linked matches plain words that GitHub turns into links or pictures.
	linked = regexp.MustCompile(`\b[0-9a-fA-F]{7,40}\b|:[a-z_]+:|\b[A-Za-z]+-[0-9]+\b`)
)

// FuzzReport puts one string into every field that takes untrusted text. One
// run is slow and covers other lines each time (tablewriter has caches), so
// give -fuzz a -fuzzminimizetime of 3x.
func FuzzReport(f *testing.F) {
	f.Add(nasty) // TestNaughtyStrings has the others
	f.Fuzz(func(t *testing.T, s string) { checkReport(t, s) })
}

func checkReport(t *testing.T, s string) {
	t.Helper()
	for _, r := range []*audit.Report{hostile(s), hostileScan(s)} {
		options := []Options{{Width: 60}, {Width: 200}, {Width: 1, Show: []string{"all"}}, {Show: []string{"all"}}}
		if isScan(r) {
			options = options[2:3] // the lists are the same, and they are what takes time
		}
		for _, o := range options {
			checkTable(t, r, o)
			if o.Cut = true; o.Width < 200 {
				checkTable(t, r, o)
			}
		}
		if !isScan(r) {
			checkTable(t, r, Options{Groups: true})
		}
		for _, o := range []Options{{Show: []string{"all"}}, {MaxBytes: minMarkdown}} {
			checkMarkdown(t, r, o)
		}
		checkJSON(t, r)
	}
	if t.Failed() {
		t.Logf("for %+.200q", s)
	}
}

func checkTable(t *testing.T, r *audit.Report, o Options) {
	t.Helper()
	got := string(render(t, "table", r, o))
	width := max(terminal.MinWidth, o.Width)
	if o.Width == 0 {
		width = terminal.DefaultWidth
	}
	whole := pasted(r)
	grouped := 0
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case o.Groups && grouped == 0 && strings.HasPrefix(line, "::group::details of"):
			line = strings.TrimPrefix(strings.TrimPrefix(line, "::group::details of"), " ")
			whole[line] = true // the line of a command is never wrapped
			grouped++
		case o.Groups && grouped == 1 && line == "::endgroup::":
			grouped--
			continue
		}
		if err := unsafeLine(line); err != "" {
			t.Errorf("table %d: %s in %+q", o.Width, err, line)
		}
		if strings.HasSuffix(line, " ") {
			t.Errorf("table %d: blanks at the end of %q", o.Width, line)
		}
		if n := max(terminal.Width(line), displaywidth.String(line)); n > width && !isPasted(line, whole) && !oneWord(line) {
			t.Errorf("table %d, cut %v: %d cells in %q", o.Width, o.Cut, n, line)
		}
	}
	if grouped != 0 {
		t.Error("a group is not closed")
	}
	o.Color = true
	if plain := sgr.ReplaceAllString(string(render(t, "table", r, o)), ""); plain != got {
		t.Errorf("colour changes more than the colour:\n%s", cmp.Diff(got, plain))
	}
}

// oneWord reports whether a line has only one word beside its label: nothing in it
// can be on another line.
func oneWord(line string) bool {
	if at := len(indent) + label; len(line) > at && len(strings.Fields(line[at:])) == 1 {
		return true
	}
	words := strings.Fields(line)
	if len(words) > 1 && slices.Contains([]string{"+", "-", "~", "!", "=", "fix", "error", "warning", "incomplete", "info", "gap", "waived", "message", "FAIL", "PASS", "INCOMPLETE"}, words[0]) {
		words = words[1:]
	}
	return len(words) == 1
}

func uses(s *audit.Stage) []audit.Use {
	if s.Definition == nil {
		return nil
	}
	return s.Definition.Uses
}

// pasted returns the texts that a table prints in one piece.
func pasted(r *audit.Report) map[string]bool {
	whole := map[string]bool{}
	add := func(s string) {
		text, _ := command(s)
		whole[strings.TrimSpace(text)] = true
	}
	findings := r.Findings
	for _, s := range r.Stages {
		findings = append(findings, s.Findings...)
		for _, g := range s.Gaps {
			add(g.Path)
		}
		for _, u := range uses(&s) {
			for _, at := range u.Places {
				add(at.String())
			}
		}
	}
	for _, f := range findings {
		add(f.Accept)
		for _, p := range f.Paths {
			add(p)
		}
		for l := range strings.SplitSeq(f.Fix, "\n") {
			for i, piece := range strings.Split(l, "`") {
				if i%2 == 1 {
					add(piece)
				}
			}
		}
	}
	return whole
}

func isPasted(line string, whole map[string]bool) bool {
	text := strings.TrimSpace(line)
	for _, name := range []string{"fix", "accept", "gap", "waived"} {
		if rest, ok := strings.CutPrefix(text, name+" "); ok && whole[strings.TrimSpace(rest)] {
			return true
		}
	}
	return whole[text]
}

func checkMarkdown(t *testing.T, r *audit.Report, o Options) string {
	t.Helper()
	got := string(render(t, "markdown", r, o))
	limit := stepSummaryBytes
	if o.MaxBytes > 0 {
		limit = o.MaxBytes
	}
	if len(got) > limit {
		t.Errorf("%d bytes of markdown, %d are allowed", len(got), limit)
	}
	if !strings.HasPrefix(got, "## "+verdictWord(r.Verdict)) {
		t.Errorf("the verdict is not first: %.40q", got)
	}
	open := 0
	fence := ""
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if err := unsafeLine(line); err != "" {
			t.Errorf("markdown: %s in %+q", err, line)
		}
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "sh")
		case fence != "" && strings.HasPrefix(strings.TrimSpace(line), fence):
			// CommonMark: a closing fence is at least as long as the opening
			// one, indented by at most three spaces, with nothing behind it.
			if line != fence {
				t.Errorf("a fence is closed by %q", line)
			}
			fence = ""
		case fence == "":
			switch {
			case strings.HasPrefix(line, "<details>"):
				open++
			case line == "</details>":
				open--
			}
			if err := liveMarkdown(line); err != "" {
				t.Errorf("markdown: %s in %+q", err, line)
			}
		}
	}
	if fence != "" {
		t.Error("a fence is not closed")
	}
	if open != 0 {
		t.Errorf("%d details are not closed", open)
	}
	return got
}

// liveMarkdown returns the text in a line that some renderer of Markdown could
// take for more than words and code, or "". It allows only the few constructs
// that this package writes itself.
func liveMarkdown(line string) string {
	if strings.Count(line, "`")%2 != 0 || strings.Contains(line, "``") {
		return "backquotes that do not pair"
	}
	outside := ""
	for i, piece := range strings.Split(line, "`") {
		switch {
		case i%2 == 0:
			outside += piece + "C"
		case strings.Contains(piece, "|"):
			return "a pipe in code"
		}
	}
	outside = strings.TrimSuffix(outside, "C")
	rest := ownMarkdown.ReplaceAllString(outside, " ")
	for rest != outside {
		outside, rest = rest, ownMarkdown.ReplaceAllString(strings.TrimLeft(rest, " "), " ")
	}
	if i := strings.IndexAny(rest, "<>&@#*_~[]$\\|`{}=\"^%"); i >= 0 {
		return fmt.Sprintf("%q outside of code", rest[i])
	}
	if strings.Contains(rest, "://") || strings.Contains(strings.ToLower(rest), "www.") {
		return "an address outside of code"
	}
	if m := linked.FindString(rest); m != "" {
		return fmt.Sprintf("%q, which may become a link, outside of code", m)
	}
	return ""
}

// checkJSON reads the rendering back: nothing is lost but broken UTF-8.
func checkJSON(t *testing.T, r *audit.Report) {
	t.Helper()
	got := render(t, "json", r, Options{})
	for line := range strings.Lines(string(got)) {
		if err := unsafeLine(strings.TrimSuffix(line, "\n")); err != "" {
			t.Errorf("json: %s in %+q", err, line)
		}
	}
	var back audit.Report
	dec := json.NewDecoder(bytes.NewReader(got))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&back); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(withLists(r))
	if err != nil {
		t.Fatal(err)
	}
	plain = bytes.ReplaceAll(plain, []byte(`\ufffd`), []byte("\ufffd"))
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(plain, again) {
		t.Error("the json report differs from the report")
	}
	if second := render(t, "json", &back, Options{}); !bytes.Equal(got, second) {
		t.Error("a report that was read back is written differently")
	}
}

// commentBytes is for a comment on a pull request, of which GitHub takes
// 65,536 characters and answers 422 above.
const commentBytes = 1 << 16

// TestMarkdownLimit renders reports that are far too long for their limit.
func TestMarkdownLimit(t *testing.T) {
	huge := buildSource()
	huge.Verdict = audit.Fail
	for i := range 1500 {
		d := unlocked(fmt.Sprintf("a-package-of-some-length-%d", i), "1.0", "not-in-any-lock", strings.Repeat("why ", 50))
		huge.Dependencies = append(huge.Dependencies, d)
		huge.Growth.Added = append(huge.Growth.Added, audit.GrowthGroup{ID: d.ID})
		huge.Gaps = append(huge.Gaps, audit.Gap{Gap: gap("unreadable", fmt.Sprintf("/srv/%d", i), "permission denied")})
		huge.Findings = append(huge.Findings, audit.Finding{Rule: "unpinned", Severity: audit.Error, Message: strings.Repeat("long ", 100)})
	}
	many := newReport("p", audit.Fail)
	for i := range 8000 {
		s := audit.Stage{Name: fmt.Sprintf("stage-of-a-very-long-pipeline-%d", i), Verdict: audit.Fail}
		many.Stages = append(many.Stages, s)
	}
	longName := hostile(strings.Repeat("\U000e0001", 1<<16))
	for name, r := range map[string]*audit.Report{"one stage": newReport("p", audit.Fail, huge), "many stages": many, "long names": longName} {
		for _, limit := range []int{0, commentBytes, minMarkdown} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				t.Parallel()
				o := Options{MaxBytes: limit, Show: []string{"all"}}
				text := checkMarkdown(t, r, o)
				if text != string(render(t, "markdown", r, o)) {
					t.Error("cut differently the second time")
				}
				if name != "long names" && !strings.Contains(text, "do not fit into this report") && !strings.Contains(text, "left out: this report may take") {
					t.Error("does not say that something was cut")
				}
				if !strings.Contains(text, "<sub>counting rules ") {
					t.Error("lost the counting rules")
				}
			})
		}
	}
	if _, err := shown([]string{"everything"}); err == nil {
		t.Error("an unknown list was accepted")
	}
	if err := renderMarkdown(new(bytes.Buffer), many, Options{MaxBytes: minMarkdown - 1}); err == nil {
		t.Error("a limit that not even the headline fits into was accepted")
	}
}

// TestCutCounts checks that lines and their count of what was cut add up.
func TestCutCounts(t *testing.T) {
	b := block{what: "rows", open: "open\n", close: "close\n"}
	for i := range 100 {
		b.lines = append(b.lines, fmt.Sprintf("line %d\n", i))
	}
	size := len(b.open) + len(b.close)
	for _, l := range b.lines {
		size += len(l)
	}
	for room := range size + 10 {
		text, ok := b.within(room)
		if !ok {
			if text != "" {
				t.Fatalf("room %d: %q and not ok", room, text)
			}
			continue
		}
		if len(text) > room {
			t.Fatalf("room %d: %d bytes", room, len(text))
		}
		kept, cut := strings.Count(text, "line "), 0
		if i := strings.Index(text, "\n\n"); i >= 0 {
			if _, err := fmt.Sscanf(text[i:], "\n\n%d more rows", &cut); err != nil {
				t.Fatal(err)
			}
		}
		if kept+cut != 100 || (room >= size) != (cut == 0) {
			t.Fatalf("room %d: %d kept, %d cut", room, kept, cut)
		}
	}
}

// TestEveryPartIsCounted checks the counts of what a table leaves out.
func TestEveryPartIsCounted(t *testing.T) {
	r := newReport("p", audit.Fail, manyAdded())
	got := string(render(t, "table", r, Options{}))
	if !strings.Contains(got, "and 380 more: see --show growth") {
		t.Errorf("600 added in 29 groups and 20 that others share, 10 groups and 20 shown, but:\n%s", got)
	}
	full := string(render(t, "table", r, Options{Show: []string{"growth"}, Width: 200}))
	if n := strings.Count(full, "\n  +  texlive-part-"); n != 600 {
		t.Errorf("--show growth has %d of 600", n)
	}
}

func TestFormats(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Formats() {
		if f.Name == "" || f.Title == "" || names[f.Name] {
			t.Errorf("no name, no title, or a name of two formats: %+v", f)
		}
		names[f.Name] = true
	}
	var out bytes.Buffer
	err := renderTable(&out, pipeline(), Options{Show: []string{"gasp"}})
	if err == nil || !strings.Contains(err.Error(), `did you mean "gaps"`) || out.Len() > 0 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}

// TestFullOutput shows that a writer's error comes back, and that nothing is
// written in pieces that could be half a report.
func TestFullOutput(t *testing.T) {
	for _, f := range Formats() {
		w := &full{}
		if err := f.Render(w, pipeline(), Options{}); err != errFull {
			t.Errorf("%s: %v", f.Name, err)
		}
		if w.writes != 1 {
			t.Errorf("%s: %d writes", f.Name, w.writes)
		}
	}
}

var errFull = fmt.Errorf("no space left on device")

type full struct{ writes int }

func (w *full) Write([]byte) (int, error) { w.writes++; return 0, errFull }
