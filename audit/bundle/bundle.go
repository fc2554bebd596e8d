// Package bundle makes the files that go with a release: what each stage of its
// pipeline held, for people and for machines, and statements about it.
//
// # One report, and everything from it
//
// All files are made from one report and a [Manifest], by the renderers that the
// command has for every report. So a directory can be checked without trust in
// it: [Verify] makes the files again and compares bytes. A statement names the
// digest of the report, and a signature of it thereby covers the rest.
//
// # Statements
//
// Each is a statement of in-toto (https://in-toto.io/Statement/v1) about the
// subjects: the artifacts that the stages made, else the images that were
// audited, else the report itself. The predicates are those that exist: test
// results, a verification summary of a pass, and the SBOMs. They are files without
// a signature, for the tools that sign such files, and with a key also DSSE
// envelopes.
package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
)

// The names of files that are in every directory.
const (
	ManifestFile = "release.json"
	ReportFile   = "report.json"
	PageFile     = "report.html"
	TableFile    = "RELEASE-STAGES.md"
	SumsFile     = "SHA256SUMS"
)

// manifestSchema is the version of the format of [Manifest].
const manifestSchema = 1

// Manifest is what the files are made from besides the report.
type Manifest struct {
	// Schema is its version. The key is not that of a report, which is found in a
	// directory by it.
	Schema int `json:"release"`
	// Tool is the version of depaudit that made the files. Another one may write
	// other bytes.
	Tool string `json:"tool"`
	// Date is that of the release.
	Date time.Time `json:"date"`
	// Author is who the SBOMs are from, empty if it is not known.
	Author string `json:"author,omitempty"`
	// Subjects are the artifacts that the stages made, sorted by name.
	Subjects []Subject `json:"subjects,omitempty"`
}

// Subject is an artifact.
type Subject struct {
	// Name is its file name, without a directory.
	Name string `json:"name"`
	// SHA256 is the digest of its content, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// Files returns the files of a release by their names. A report without stages is
// an error. The same report and the same manifest have the same files.
func Files(r *audit.Report, m Manifest) (map[string][]byte, error) {
	if len(r.Stages) == 0 {
		return nil, errors.New("the report has no stage")
	}
	m.Schema, m.Date = manifestSchema, m.Date.UTC().Truncate(time.Second)
	files := map[string][]byte{}
	for name, of := range map[string]struct {
		format  string
		options report.Options
	}{
		ReportFile: {"json", report.Options{}},
		PageFile:   {"html", report.Options{}},
		TableFile:  {"markdown", report.Options{Show: []string{"packages", "definition", "exceptions", "gaps", "limitations", "locks"}, MaxBytes: 1 << 30}},
	} {
		data, err := render(r, of.format, of.options)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	files[TableFile] = append([]byte(head(m)), files[TableFile]...)
	manifest, err := marshal(m)
	if err != nil {
		return nil, err
	}
	files[ManifestFile] = manifest
	s := statements{report: r, manifest: m, digest: digest(files[ReportFile]), files: files}
	if err := s.boms(); err != nil {
		return nil, err
	}
	if err := s.results(); err != nil {
		return nil, err
	}
	return files, nil
}

func render(r *audit.Report, format string, o report.Options) ([]byte, error) {
	all := report.Formats()
	i := slices.IndexFunc(all, func(f report.Format) bool { return f.Name == format })
	var b bytes.Buffer
	if err := all[i].Render(&b, r, o); err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	return b.Bytes(), nil
}

// head is the beginning of the table, which stands alone: what it is about, and how
// it is checked. The names of files are printed as code.
func head(m Manifest) string {
	code := func(s string) string { return "`" + strings.ReplaceAll(terminal.Escape(s), "`", "'") + "`" }
	var b strings.Builder
	fmt.Fprintf(&b, "# What the stages of this release held\n\n")
	fmt.Fprintf(&b, "Every package that was installed in a stage of the pipeline when it made this release of %s, and what accounts for it, by depaudit %s.\n\n",
		m.Date.Format(time.DateOnly), code(m.Tool))
	for _, s := range m.Subjects {
		fmt.Fprintf(&b, "- %s sha256:%s\n", code(s.Name), s.SHA256)
	}
	if len(m.Subjects) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "`depaudit release verify DIR --key PUB` checks this directory without a network: %s is made from %s, as everything here.\n\n", code(TableFile), code(ReportFile))
	return b.String()
}

// marshal returns the JSON of a value that is read by people too.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return terminal.EscapeJSON(b.Bytes()), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Sums returns the content of [SumsFile] for the files, in the form of sha256sum.
func Sums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != SumsFile {
			fmt.Fprintf(&b, "%s  %s\n", digest(files[name]), name)
		}
	}
	return b.Bytes()
}

// bomFormats are the SBOMs of each stage, with the predicates that in-toto has for
// them (https://github.com/in-toto/attestation/tree/main/spec/predicates).
var bomFormats = []struct {
	suffix, predicate string
	encode            func(io.Writer, *sbom.Document, sbom.Meta) error
}{
	{".cdx", "https://cyclonedx.org/bom", cyclonedx.Encode},
	{".spdx", "https://spdx.dev/Document", spdx.Encode},
}

const (
	statementType   = "https://in-toto.io/Statement/v1"
	testPredicate   = "https://in-toto.io/attestation/test-result/v0.1"
	resultPredicate = "https://in-toto.io/attestation/svr/v0.1"
	// verifier identifies the rules by which a pass is decided.
	verifier = "https://github.com/depaudit/depaudit/rules/%d"
	// statementSuffix ends the names of statements.
	statementSuffix = ".intoto.json"
)

// statement is a statement of in-toto
// (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md).
type statement struct {
	Type          string       `json:"_type"`
	Subject       []descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     any          `json:"predicate"`
}

// descriptor is a ResourceDescriptor.
type descriptor struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// testResult is the predicate test-result/v0.1
// (https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md).
// The name of a test is "STAGE/RULE", or "RULE" for one about the pipeline.
type testResult struct {
	Result        string       `json:"result"`
	Configuration []descriptor `json:"configuration"`
	Passed        []string     `json:"passedTests"`
	Warned        []string     `json:"warnedTests"`
	Failed        []string     `json:"failedTests"`
}

// summary is the predicate svr/v0.1
// (https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md).
type summary struct {
	Verifier struct {
		ID string `json:"id"`
	} `json:"verifier"`
	TimeCreated string   `json:"timeCreated"`
	Properties  []string `json:"properties"`
}

// bound are the files whose digests the statement of the test results has: all
// others are made from them.
var bound = []string{ReportFile, ManifestFile}

// testName is the name of that statement.
const testName = "test-result"

// statements adds files to those of a release.
type statements struct {
	report   *audit.Report
	manifest Manifest
	digest   string // of the report
	files    map[string][]byte
}

func (s *statements) add(name, predicateType string, predicate any) error {
	data, err := marshal(statement{statementType, s.subjects(), predicateType, predicate})
	if err != nil {
		return err
	}
	s.files[name+statementSuffix] = data
	return nil
}

// subjects are the artifacts, else the images, else the report.
func (s *statements) subjects() []descriptor {
	var out []descriptor
	for _, a := range s.manifest.Subjects {
		out = append(out, descriptor{a.Name, map[string]string{"sha256": a.SHA256}})
	}
	if out == nil {
		for _, stage := range s.report.Stages {
			if algorithm, value, ok := strings.Cut(stage.Image.Digest, ":"); ok {
				out = append(out, descriptor{stage.Environment, map[string]string{algorithm: value}})
			}
		}
	}
	if out == nil {
		out = []descriptor{{ReportFile, map[string]string{"sha256": s.digest}}}
	}
	return out
}

func (s *statements) boms() error {
	for i := range s.report.Stages {
		stage := &s.report.Stages[i]
		doc, annotate, err := stage.Document()
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		meta := sbom.Meta{
			Name: stage.Name, ToolVersion: strings.TrimPrefix(s.report.Tool.Version, "v"), Author: s.manifest.Author,
			Created: s.manifest.Date, Provenance: annotate,
		}
		for _, f := range bomFormats {
			var b bytes.Buffer
			if err := f.encode(&b, doc, meta); err != nil {
				return fmt.Errorf("stage %s: %w", stage.Name, err)
			}
			name, data := fileName(stage.Name, i)+f.suffix, terminal.EscapeJSON(b.Bytes())
			s.files[name+".json"] = data
			if err := s.add(name, f.predicate, json.RawMessage(data)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileName is the name of a stage as one of a file. That of a configuration is its
// own; one of another origin gets its number.
func fileName(stage string, index int) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, stage)
	if safe == stage && strings.Trim(safe, ".-") == safe && safe != "" {
		return safe
	}
	return fmt.Sprintf("stage-%d", index+1)
}

func (s *statements) results() error {
	test := testResult{Passed: []string{}, Warned: []string{}, Failed: []string{}}
	for _, name := range bound {
		test.Configuration = append(test.Configuration, descriptor{name, map[string]string{"sha256": digest(s.files[name])}})
	}
	described := map[string]bool{}
	describe := func(path, digest string) {
		if algorithm, value, ok := strings.Cut(digest, ":"); ok && !described[path+digest] {
			described[path+digest] = true
			test.Configuration = append(test.Configuration, descriptor{path, map[string]string{algorithm: value}})
		}
	}
	if in := s.report.Inputs; in != nil {
		for _, f := range in.Files {
			describe(f.Path, f.Digest)
		}
	}
	for _, stage := range s.report.Stages {
		for _, l := range stage.Locks {
			describe(l.Path, l.Digest)
		}
	}
	for i := range s.report.Stages {
		stage := &s.report.Stages[i]
		test.judge(stage.Name+"/", stage.Findings, stage.Critical || stage.Enforced)
	}
	test.judge("", s.report.Findings, true)
	switch {
	case s.report.Verdict != audit.Pass:
		test.Result = "FAILED" // an incomplete result is none that passed
	case len(test.Warned) > 0:
		test.Result = "WARNED"
	default:
		test.Result = "PASSED"
	}
	if err := s.add(testName, testPredicate, test); err != nil {
		return err
	}
	if s.report.Verdict != audit.Pass {
		return nil
	}
	var pass summary
	pass.Verifier.ID = fmt.Sprintf(verifier, s.report.Rules)
	pass.TimeCreated = s.manifest.Date.Format(time.RFC3339)
	pass.Properties = []string{"DEPAUDIT_PASSED"}
	for _, stage := range s.report.Stages {
		if stage.Critical || stage.Enforced {
			pass.Properties = append(pass.Properties, "DEPAUDIT_GATED_"+stage.Name)
		}
	}
	return s.add("svr", resultPredicate, pass)
}

// judge sorts the rules into those that hold and those that do not.
func (t *testResult) judge(prefix string, findings []audit.Finding, strict bool) {
	worst := map[string]audit.Severity{}
	rank := func(s audit.Severity) int {
		return slices.Index([]audit.Severity{"", audit.Info, audit.Warning, audit.SeverityIncomplete, audit.Error}, s)
	}
	for _, f := range findings {
		if rank(f.Severity) >= rank(worst[f.Rule]) {
			worst[f.Rule] = f.Severity
		}
	}
	if prefix != "" {
		for _, rule := range audit.Rules() {
			if _, found := worst[rule.ID]; !found && rule.Severity(strict) != "" {
				worst[rule.ID] = ""
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(worst), cmp.Compare) {
		switch worst[id] {
		case audit.Error, audit.SeverityIncomplete:
			t.Failed = append(t.Failed, prefix+id)
		case audit.Warning:
			t.Warned = append(t.Warned, prefix+id)
		default:
			t.Passed = append(t.Passed, prefix+id)
		}
	}
}
