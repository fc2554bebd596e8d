package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

func TestGoldenCI(t *testing.T) {
	for _, format := range []string{"gitlab-codequality", "csv", "github"} {
		for _, name := range []string{"gaps", "hostile", "growth"} {
			golden(t, name+"."+format, format, goldens()[name], Options{})
		}
	}
}

// TestSARIFSchema checks every report against the official schema, as gosec's
// module carries it.
func TestSARIFSchema(t *testing.T) {
	dir := moduletest.Dir(t, "github.com/securego/gosec/v2@v2.30.0")
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(dir, "report/sarif/testdata/sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range goldens() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, "sarif", r, Options{})))
		if err != nil {
			t.Fatal(name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sarifOf(t *testing.T, r *audit.Report) []sarifResult {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal(render(t, "sarif", r, Options{}), &log); err != nil {
		t.Fatal(err)
	}
	var all []sarifResult
	for _, run := range log.Runs {
		all = append(all, run.Results...)
	}
	return all
}

func unpinnedReport(names ...string) *audit.Report {
	s := audit.Stage{Name: "s", Critical: true, Verdict: audit.Fail}
	f := audit.Finding{Rule: audit.RuleNotPinned.ID, Severity: audit.Error, Message: "not pinned"}
	for _, n := range names {
		name, version, _ := strings.Cut(n, "@")
		d := unlocked(name, version, "not-in-any-lock", "in no lock")
		s.Dependencies = append(s.Dependencies, d)
		f.Dependencies = append(f.Dependencies, d.ID)
	}
	if len(names) > 0 {
		s.Findings = append(s.Findings, f)
	}
	return newReport("p", audit.Fail, s)
}

// TestFingerprints checks that an alert stays open over an upgrade and another
// order, closes when the problem is gone, and that no two share one.
func TestFingerprints(t *testing.T) {
	prints := func(r *audit.Report) []string {
		var out []string
		for _, x := range sarifOf(t, r) {
			out = append(out, x.PartialFingerprints["depaudit/v1"])
		}
		slices.Sort(out)
		return out
	}
	before, upgraded := prints(unpinnedReport("a@1", "b@1")), prints(unpinnedReport("b@1", "a@2"))
	if !slices.Equal(before, upgraded) || before[0] == before[1] {
		t.Errorf("%v, after an upgrade %v", before, upgraded)
	}
	if fixed := prints(unpinnedReport("b@1")); len(fixed) != 1 || !slices.Contains(before, fixed[0]) {
		t.Errorf("%v, fixed %v", before, fixed)
	}
	if none := prints(unpinnedReport()); len(none) != 0 {
		t.Error(none)
	}
	if twice := prints(unpinnedReport("a@1", "a@2")); twice[0] == twice[1] {
		t.Error(twice)
	}
	late := func(message string) []string {
		r := newReport("p", audit.Fail)
		r.Findings = []audit.Finding{{Rule: audit.RuleNotJudged.ID, Severity: audit.Warning, Message: message}}
		return prints(r)
	}
	if a, b := late("3 things since 2026-01-01: x"), late("5 things since 2026-02-01: x"); !slices.Equal(a, b) || slices.Equal(a, late("3 things since 2026-01-01: y")) {
		t.Error(a, b)
	}
}

// TestPlatformLimits checks that what is beyond the limits of a platform is
// counted, and that the errors come first.
func TestPlatformLimits(t *testing.T) {
	var names []string
	for i := range maxSARIF + 7 {
		names = append(names, fmt.Sprintf("n%d@1", i))
	}
	r := unpinnedReport(names...)
	r.Stages[0].Findings = append([]audit.Finding{{Rule: audit.RuleUnusedLock.ID, Severity: audit.Warning, Message: "unused"}}, r.Stages[0].Findings...)
	list := sarifOf(t, r)
	if len(list) != maxSARIF || list[0].Level != "error" || !strings.Contains(list[maxSARIF-1].Message.Text, "and 9 more") {
		t.Errorf("%d results, the last: %s", len(list), list[len(list)-1].Message.Text)
	}
	// Each package is at a line of its own.
	for i := range r.Stages[0].Dependencies {
		d := &r.Stages[0].Dependencies[i]
		d.Why = &audit.Reason{Detail: "it is in the lock at another version", Lock: &audit.LockRef{File: "requirements.txt", Line: i + 1}}
	}
	out := annotationsOf(t, r, Options{})
	if len(out) != maxAnnotations+1 || !strings.Contains(out[9], fmt.Sprintf("and %d more errors", maxSARIF+7-9)) || !strings.HasPrefix(out[10], "::warning ") {
		t.Errorf("%d annotations:\n%s", len(out), strings.Join(out, "\n"))
	}
}

func annotationsOf(t *testing.T, r *audit.Report, o Options) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(string(render(t, "github", r, o))), "\n")
}

// TestAnnotations checks places from the root of the repository, one annotation for
// the same line in several stages, and one of each rule before the second of any.
func TestAnnotations(t *testing.T) {
	r := unpinnedReport("a@1", "b@1", "c@1")
	r.Config = "depaudit.yaml"
	s := &r.Stages[0]
	s.Line = 12
	s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleOverLimit.ID, Severity: audit.Error, Message: "3 dependencies, and the limit is 2"})
	for i := range 2 {
		s.Dependencies[i].Why = &audit.Reason{Detail: "another version", Lock: &audit.LockRef{File: "locks/requirements.txt", Line: 7 + i}}
	}
	other := *s
	other.Name, other.Critical, other.Line = "t", false, 20
	other.Findings = slices.Clone(s.Findings[:1])
	r.Stages = append(r.Stages, other)
	got := annotationsOf(t, r, Options{Checkout: Checkout{Root: "/work", Dir: "/work/ci"}})
	want := []string{
		"::error file=ci/locks/requirements.txt,line=7,title=depaudit%3A not-pinned::s, t: a 1: another version, in /opt/venv/lib/python3.11/site-packages",
		"::error file=ci/depaudit.yaml,line=12,title=depaudit%3A over-limit::s: 3 dependencies, and the limit is 2",
		"::error file=ci/locks/requirements.txt,line=8,title=depaudit%3A not-pinned::s, t: b 1: another version, in /opt/venv/lib/python3.11/site-packages",
		"::error file=ci/depaudit.yaml,line=12,title=depaudit%3A not-pinned::s: c 1: in no lock, in /opt/venv/lib/python3.11/site-packages",
		"::error file=ci/depaudit.yaml,line=20,title=depaudit%3A not-pinned::t: c 1: in no lock, in /opt/venv/lib/python3.11/site-packages",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s", strings.Join(got, "\n"))
	}
}

func TestCheckout(t *testing.T) {
	in := Checkout{Root: "/work", Dir: "/work/ci"}
	for file, want := range map[string]string{
		"depaudit.yaml": "ci/depaudit.yaml", "./a/../depaudit.yaml": "ci/depaudit.yaml", "../locks/x.txt": "locks/x.txt", "/work/x": "x",
		"/workshop/x": "", "../../x": "", "": "", "/etc/passwd": "", `sub\x`: "ci/sub/x", "C:/x": "",
	} {
		if got := in.relative(file); got != want {
			t.Errorf("%q is %q, want %q", file, got, want)
		}
	}
	for file, want := range map[string]string{"x": "x", "../x": "", "/x": "", "a/../../x": ""} {
		if got := (Checkout{}).relative(file); got != want {
			t.Errorf("without a root, %q is %q, want %q", file, got, want)
		}
	}
	windows := Checkout{Root: "D:/a/r", Dir: "D:/a/r"}
	if got := windows.relative(`D:\a\r\ci\x`); got != "ci/x" {
		t.Error(got)
	}
}

// TestCategories checks that the upload of one job does not close the alerts of
// another, and that one report of all stages has the same categories.
func TestCategories(t *testing.T) {
	ids := func(r *audit.Report) []string {
		var log sarifLog
		if err := json.Unmarshal(render(t, "sarif", r, Options{}), &log); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, run := range log.Runs {
			out = append(out, run.AutomationDetails.ID)
		}
		return out
	}
	stage := func(name string) audit.Stage { return audit.Stage{Name: name, Verdict: audit.Pass} }
	one := ids(newReport("p", audit.Pass, stage("a")))
	all := ids(newReport("p", audit.Pass, stage("a"), stage("b")))
	if !slices.Equal(one, []string{"depaudit/p/a/"}) || !slices.Equal(all, []string{"depaudit/p/a/", "depaudit/p/b/", "depaudit/p/"}) {
		t.Error(one, all)
	}
	many := newReport("p", audit.Pass)
	for i := range 50 {
		s := unpinnedReport("x@1").Stages[0]
		s.Name = fmt.Sprintf("s%d", i)
		many.Stages = append(many.Stages, s)
	}
	if runs := ids(many); len(runs) != maxRuns || len(sarifOf(t, many)) != 50 {
		t.Errorf("%d runs, %d results of 50", len(runs), len(sarifOf(t, many)))
	}
}

// TestJUnit checks that a stage that did not pass never has only passed cases,
// and that every name survives XML.
func TestJUnit(t *testing.T) {
	for name, r := range goldens() {
		var got junitSuites
		d := xml.NewDecoder(bytes.NewReader(render(t, "junit", r, Options{})))
		if err := d.Decode(&got); err != nil {
			t.Fatal(name, err)
		}
		for i, s := range r.Stages {
			if bad := got.Suites[i].Failures + got.Suites[i].Errors; (s.Verdict == audit.Pass) != (bad == 0) {
				t.Errorf("%s, stage %q is %s with %d failed cases", name, s.Name, s.Verdict, bad)
			}
		}
		if got.Tests == 0 {
			t.Errorf("%s has no cases", name)
		}
	}
}

// TestCSV checks that there is a row for each dependency and each use of a definition,
// and no formula.
func TestCSV(t *testing.T) {
	r := hostile(nasty)
	r.Stages[0].Dependencies[0].Name = "=HYPERLINK(\"http://x\")"
	rows, err := csv.NewReader(bytes.NewReader(render(t, "csv", r, Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	for _, s := range r.Stages {
		want += len(s.Dependencies) + len(uses(&s))
	}
	if len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
}

// TestOneLineEach checks that no name begins a line of a log, where a workflow
// command would act.
func TestOneLineEach(t *testing.T) {
	for _, line := range strings.Split(string(render(t, "github", hostile(nasty), Options{})), "\n") {
		if line != "" && !strings.HasPrefix(line, "::error file=") && !strings.HasPrefix(line, "::warning file=") && !strings.HasPrefix(line, "::error title=") {
			t.Errorf("%q", line)
		}
	}
	var failing failingWriter
	for _, f := range Formats() {
		if err := f.Render(failing, hostile(nasty), Options{}); err != io.ErrClosedPipe {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
