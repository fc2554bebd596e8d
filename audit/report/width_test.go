package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// TestStagesAtAnyWidth checks that the table of stages has the gate of each stage and
// the warnings of a pass at any width, in a log and on a terminal, and with wide
// characters.
func TestStagesAtAnyWidth(t *testing.T) {
	r := newReport("p", audit.Fail)
	for i, name := range []string{"build", "a-stage-with-a-longer-name", "ドキュメント"} {
		s := buildSource()
		s.Name, s.Critical, s.Enforced = name, i != 1, i == 1
		for range 18 {
			s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleUnusedLock.ID, Severity: audit.Warning, Message: "m"})
		}
		r.Stages = append(r.Stages, s)
	}
	for _, width := range []int{40, 60, 80, 120} {
		for _, cut := range []bool{false, true} {
			text := string(render(t, "table", r, Options{Width: width, Cut: cut}))
			table, _, _ := strings.Cut(text, "\nPASS build")
			if n := strings.Count(table, "critical"); n != 2 || !strings.Contains(table, "enforced") {
				t.Errorf("%d columns, cut %v:\n%s", width, cut, table)
			}
			if n := strings.Count(table, "PASS, 18"); n != 3 {
				t.Errorf("%d columns, cut %v: %d with warnings\n%s", width, cut, n, table)
			}
			for line := range strings.Lines(table) {
				if n := terminal.Width(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%d columns, cut %v: %d in %q", width, cut, n, line)
				}
			}
			if !cut && strings.Contains(text, "…") {
				t.Errorf("cut in a log of %d columns:\n%s", width, text)
			}
		}
	}
}

// TestLogHasAll checks that a log of any width has every word of a report, in lists
// too, and every digest in one piece.
func TestLogHasAll(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	s := buildSource()
	path := "/opt/" + strings.Repeat("long/", 30) + "end.py"
	d := unlocked("a-package", "1.0", "not-in-any-lock", "a reason with the digest "+digest+" and words after it")
	d.Paths = []string{path}
	s.Dependencies = append(s.Dependencies, d)
	s.Gaps = append(s.Gaps, audit.Gap{Gap: gap("unreadable", path, "the detail of "+digest)})
	s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleNotPinned.ID, Severity: audit.Error, Message: "1 package", Dependencies: []string{d.ID}, Paths: []string{path}, Fix: "run `depaudit fetch " + digest + " --to a-directory`", Accept: "depaudit baseline update --reason \"" + strings.Repeat("x ", 60) + "\""})
	s.Verdict = audit.Fail
	r := newReport("p", audit.Fail, s)
	for _, width := range []int{0, 40, 57, 80, 133, 300} {
		text := string(render(t, "table", r, Options{Width: width, Show: []string{"all"}}))
		for _, want := range []string{digest, path, "depaudit fetch " + digest + " --to a-directory", strings.Repeat("x ", 60) + "\""} {
			if !strings.Contains(text, want) {
				t.Errorf("%d columns: no %q in one piece:\n%s", width, want, text)
			}
		}
		if strings.Contains(text, "…") {
			t.Errorf("cut at %d columns", width)
		}
	}
}

// TestColumns checks that the column of a place is where platforms look for it.
func TestColumns(t *testing.T) {
	r := newReport("p", audit.Fail, audit.Stage{Name: "s", Verdict: audit.Fail, Line: 3,
		Definition: &audit.Definition{Uses: []audit.Use{{ID: "action a/b@v1", Key: "action a/b", Kind: "action", Name: "a/b", Version: "v1", Pin: "floating", Text: "a/b@v1", Detail: "v1 is a tag", Places: []audit.UsePlace{{File: ".github/workflows/r.yml", Line: 12, Column: 15}}}}},
		Findings:   []audit.Finding{{Rule: audit.RuleNewUse.ID, Severity: audit.Error, Message: "m", Uses: []string{"action a/b@v1"}}},
	})
	if got := string(render(t, "github", r, Options{})); !strings.HasPrefix(got, "::error file=.github/workflows/r.yml,line=12,col=15,title=") {
		t.Error(got)
	}
	if got := string(render(t, "sarif", r, Options{})); !strings.Contains(got, fmt.Sprintf("%q: 12,\n", "startLine")) || !strings.Contains(got, `"startColumn": 15`) {
		t.Errorf("no column: %.300s", got)
	}
}
