package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// severityRank orders severities, the worst first.
func severityRank(s audit.Severity) int {
	return slices.Index([]audit.Severity{audit.Error, audit.SeverityIncomplete, audit.Warning, audit.Info}, s)
}

// bySeverity sorts results, the worst first and otherwise as they are.
func bySeverity(list []result) []result {
	slices.SortStableFunc(list, func(a, b result) int { return cmp.Compare(severityRank(a.severity), severityRank(b.severity)) })
	return list
}

func moreText(n int, what string) string {
	return fmt.Sprintf("and %d more %s, which the json format has", n, what)
}

// junitSuites is the format that test reports of CI systems have, as GitLab,
// Jenkins and others read it
// (https://docs.gitlab.com/ci/testing/unit_test_reports/, and the schema of
// Jenkins' xunit plugin): a suite for each stage, a case for each rule that is
// applied to it.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Failure *junitMessage `xml:"failure,omitempty"`
	// Error is for what leaves a stage incomplete: no result, rather than a bad
	// one.
	Error *junitMessage `xml:"error,omitempty"`
	Out   string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func renderJUnit(w io.Writer, r *audit.Report, o Options) error {
	all := junitSuites{Name: cmp.Or(terminal.Escape(r.Pipeline), "depaudit")}
	byStage := map[string][]result{}
	for _, x := range results(r, o.Checkout) {
		byStage[x.stage] = append(byStage[x.stage], x)
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		name := terminal.Escape(s.Name)
		suite := newSuite(all.Name, name, byStage[name], s.Critical || s.Enforced)
		// A verdict without a finding that explains it must not be green.
		if s.Verdict != audit.Pass && suite.Failures+suite.Errors == 0 {
			suite.add(junitCase{Class: all.Name + "." + name, Name: "verdict", Error: &junitMessage{Message: "the stage is " + verdictWord(s.Verdict), Type: "incomplete"}})
		}
		all.add(suite)
	}
	if len(byStage[""]) > 0 {
		all.add(newSuite(all.Name, "pipeline", byStage[""], true))
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

func (all *junitSuites) add(s junitSuite) {
	all.Suites = append(all.Suites, s)
	all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Error != nil {
		s.Errors++
	}
}

// newSuite returns the cases of a stage. Rules that its severity leaves out are
// not among them; warnings are output of a case that passed.
func newSuite(pipeline, stage string, list []result, strict bool) junitSuite {
	suite := junitSuite{Name: stage}
	for _, rule := range audit.Rules() {
		var broken []result
		for _, x := range list {
			if x.rule == rule.ID {
				broken = append(broken, x)
			}
		}
		if rule.Severity(strict) == "" && len(broken) == 0 {
			continue
		}
		c := junitCase{Class: pipeline + "." + stage, Name: rule.ID}
		if len(broken) > 0 {
			c.File = broken[0].place()
			var lines []string
			for _, x := range broken {
				lines = append(lines, x.text)
			}
			if broken[0].fix != "" {
				lines = append(lines, "Fix: "+broken[0].fix)
			}
			message := &junitMessage{Message: rule.Title + ": " + wording.Count(len(broken), "place", "places"), Type: string(broken[0].severity), Text: strings.Join(lines, "\n")}
			switch broken[0].severity {
			case audit.Error:
				c.Failure = message
			case audit.SeverityIncomplete:
				c.Error = message
			default:
				c.Out = message.Text
			}
		}
		suite.add(c)
	}
	return suite
}

// codeQualityIssue is one entry of GitLab's Code Quality report
// (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format).
type codeQualityIssue struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

func renderCodeQuality(w io.Writer, r *audit.Report, o Options) error {
	out := []codeQualityIssue{}
	for _, x := range results(r, o.Checkout) {
		issue := codeQualityIssue{Description: x.text, CheckName: x.rule, Fingerprint: x.fingerprint}
		switch x.severity {
		case audit.Error, audit.SeverityIncomplete:
			issue.Severity = "critical"
		case audit.Warning:
			issue.Severity = "minor"
		default:
			issue.Severity = "info"
		}
		issue.Location.Path, issue.Location.Lines.Begin = x.place(), x.line
		out = append(out, issue)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
}

// renderCSV writes a table of all dependencies (RFC 4180). A cell that a
// spreadsheet would take for a formula begins with an apostrophe
// (https://owasp.org/www-community/attacks/CSV_Injection).
func renderCSV(w io.Writer, r *audit.Report, _ Options) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write([]string{"stage", "type", "name", "version", "purl", "provenance", "evidence", "counted", "owner", "lock", "line", "reason", "paths"})
	for i := range r.Stages {
		s := &r.Stages[i]
		excused := excusing(s)
		for j := range s.Dependencies {
			d := &s.Dependencies[j]
			name, lock, line, reason := d.Name, "", "", ""
			if d.Namespace != "" {
				name = d.Namespace + "/" + name
			}
			if at := dependencyPlace(d); at.file != "" {
				lock, line = at.file, strconv.Itoa(at.line)
			}
			if d.Why != nil {
				reason = d.Why.Detail
			}
			if d.Exception != nil {
				reason = d.Exception.Reason
			}
			if x := excused[d.ID]; x != nil && d.Exception != nil {
				reason = fmt.Sprintf("%s (%s, %s, %s)", oneLine(x.Reason), x.Owner, age(x), left(x))
			}
			row := []string{
				s.Name, d.Type, name, d.Version, d.PURL, string(d.Provenance), d.Evidence, strconv.FormatBool(d.Provenance.Counted()), d.Owner,
				lock, line, reason, strings.Join(d.Paths, " "),
			}
			for k := range row {
				row[k] = terminal.CSVCell(row[k])
			}
			_ = out.Write(row)
		}
		for _, row := range useRows(s) {
			for k := range row {
				row[k] = terminal.CSVCell(row[k])
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	_, err := w.Write(b.Bytes())
	return err
}

// maxAnnotations is the number of annotations of one kind that GitHub shows of a
// step (https://docs.github.com/en/actions/reference/limits).
const maxAnnotations = 10

// annotation is what one workflow command shows: the results of one rule at one
// line of a file, of all stages. A platform shows few annotations of a step, so
// that one for each package would leave other rules out.
type annotation struct {
	severity audit.Severity
	strict   bool
	rule     string
	file     string
	line     int
	column   int
	message  string
	stages   []string
	texts    []string
	fix      string
}

// annotations returns the annotations of a report, the most important first: the
// worst severity, then the stages that gate. Of each rule one comes before the
// second of any.
func annotations(r *audit.Report, checkout Checkout) []annotation {
	type key struct {
		severity audit.Severity
		rule     string
		file     string
		line     int
		message  string
	}
	at := map[key]int{}
	var out []annotation
	for _, x := range results(r, checkout) {
		k := key{x.severity, x.rule, x.file, x.line, ""}
		if x.file == "" {
			k.message = x.stage + x.message // they have no place in common
		}
		i, known := at[k]
		if !known {
			i = len(out)
			at[k] = i
			out = append(out, annotation{severity: x.severity, rule: x.rule, file: x.file, line: x.line, column: x.column, message: x.message, fix: x.fix})
		}
		a := &out[i]
		a.strict = a.strict || x.strict
		if x.stage != "" && !slices.Contains(a.stages, x.stage) {
			a.stages = append(a.stages, x.stage)
		}
		if !slices.Contains(a.texts, x.plain) {
			a.texts = append(a.texts, x.plain)
		}
	}
	gates := func(a annotation) int {
		if a.strict {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b annotation) int {
		return cmp.Or(cmp.Compare(severityRank(a.severity), severityRank(b.severity)), cmp.Compare(gates(a), gates(b)))
	})
	seen := map[string]bool{}
	again := make(map[int]int, len(out))
	for i, a := range out {
		kind := string(a.severity) + " " + a.rule
		if seen[kind] {
			again[i] = 1
		}
		seen[kind] = true
	}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(severityRank(out[i].severity), severityRank(out[j].severity)), cmp.Compare(again[i], again[j]))
	})
	sorted := make([]annotation, len(out))
	for i, from := range order {
		sorted[i] = out[from]
	}
	return sorted
}

// text returns the lines of an annotation.
func (a *annotation) text() string {
	head := strings.Join(a.stages, ", ")
	if head != "" {
		head += ": "
	}
	lines := []string{head + a.texts[0]}
	if len(a.texts) > 1 {
		shown := a.texts[:min(len(a.texts), shownItems)]
		lines = []string{head + a.message}
		for _, t := range shown {
			lines = append(lines, strings.Replace(t, ": "+a.message, "", 1))
		}
		if more := len(a.texts) - len(shown); more > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", more))
		}
	}
	if a.fix != "" {
		lines = append(lines, "Fix: "+a.fix)
	}
	return strings.Join(lines, "\n")
}

// renderGitHub writes workflow commands that GitHub shows at lines of the changed
// files (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
// What is beyond the platform's limit is counted in the last of each kind.
func renderGitHub(w io.Writer, r *audit.Report, o Options) error {
	var b bytes.Buffer
	kinds := map[string][]annotation{}
	for _, a := range annotations(r, o.Checkout) {
		switch a.severity {
		case audit.Error, audit.SeverityIncomplete:
			kinds["error"] = append(kinds["error"], a)
		case audit.Warning:
			kinds["warning"] = append(kinds["warning"], a)
		}
	}
	for _, kind := range []string{"error", "warning"} {
		list := kinds[kind]
		for i, a := range list {
			if i == maxAnnotations-1 && len(list) > maxAnnotations {
				left := 0
				for _, rest := range list[i:] {
					left += len(rest.texts)
				}
				fmt.Fprintf(&b, "::%s title=depaudit::%s\n", kind, commandData(moreText(left, kind+"s")))
				break
			}
			where := ""
			if a.file != "" {
				where = fmt.Sprintf("file=%s,line=%d,", commandProperty(a.file), a.line)
				if a.column > 0 {
					where += fmt.Sprintf("col=%d,", a.column)
				}
			}
			fmt.Fprintf(&b, "::%s %stitle=%s::%s\n", kind, where, commandProperty("depaudit: "+a.rule), commandData(a.text()))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// commandData and commandProperty escape as GitHub's toolkit does
// (actions/toolkit, packages/core/src/command.ts).
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
