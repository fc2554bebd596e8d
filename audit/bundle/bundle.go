// Package bundle makes the files that go with a release: what each stage of its
// pipeline held, for people and for machines, and statements about it.
//
// # One report, and everything from it
//
// All files are made from one report and a [Manifest], by the renderers that the
// command has for every report. So a directory can be checked without trust in
// it: [Verify] makes the files again and compares bytes. Files of another version may
// have other bytes: they are read, and what they say is compared with the report.
//
// # What a signature covers
//
// The statement of the test results has the digests of the report and of the
// manifest, and the manifest has those of all other files. So one signature covers
// every file, also for a version of depaudit that would write other bytes, and for
// programs that know DSSE and sha256sum alone. An envelope has one form: a signature
// more, or the same one in other bytes, is not accepted.
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
	"context"
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
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/spdx"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// The names of files that are in every directory.
const (
	ManifestFile = "release.json"
	ReportFile   = "report.json"
	PageFile     = "report.html"
	TableFile    = "RELEASE-STAGES.md"
	SumsFile     = "SHA256SUMS"
)

// The largest files that are read of many releases, in bytes. The manifest of ten
// thousand files and as many artifacts has 3 MB.
const (
	MaxManifest = 16 << 20
	MaxReport   = audit.MaxSize
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
	// DateOf names what Date is the date of, if it was not stated.
	DateOf string `json:"dateOf,omitempty"`
	// Author is who the SBOMs are from, empty if it is not known.
	Author string `json:"author,omitempty"`
	// Subjects are the artifacts that the stages made, sorted by name.
	Subjects []Digest `json:"subjects,omitempty"`
	// Files are those of the directory, sorted by name, without this one, the
	// statement that has its digest, the envelopes and the sums. [Files] fills it.
	Files []Digest `json:"files"`
}

// Digest is that of a file, or of an image.
type Digest struct {
	// Name is the name of a file, without a directory, or HOST/NAME of an image, without
	// a tag.
	Name string `json:"name"`
	// SHA256 is the digest of its content, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// IsImage reports whether it is the digest of an image's manifest.
func (d Digest) IsImage() bool { return strings.Contains(d.Name, "/") }

// ErrChanged is the error for a file that is not the one that was written.
var ErrChanged = errors.New("was changed since the release was made: its digest is not that of " + ManifestFile)

// Checked returns a reader of a file of the directory whose last read is [ErrChanged]
// if the content is not the one that was written. It finds accidents: who changes a
// file can change the manifest as well, which [Verify] with a key finds.
func (m *Manifest) Checked(name string, r io.Reader) io.Reader {
	h := sha256.New()
	return readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		h.Write(p[:n])
		if err == io.EOF && !slices.Contains(m.Files, Digest{name, hex.EncodeToString(h.Sum(nil))}) {
			err = ErrChanged
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// ReadManifest reads the content of [ManifestFile]. Of another format, or with
// fields that this version does not know, it is an error.
func ReadManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := strictjson.UnmarshalKnown(context.Background(), data, &m); err != nil {
		return Manifest{}, fmt.Errorf("is not the manifest of a release: %w", err)
	}
	switch {
	case m.Schema != manifestSchema:
		return Manifest{}, fmt.Errorf("is of format %d, and this depaudit reads format %d", m.Schema, manifestSchema)
	case m.Date.Before(time.Unix(0, 0)) || m.Date.UTC().Year() > 9999:
		return Manifest{}, fmt.Errorf("has the date %s, which no release has", m.Date.UTC().Format(time.DateOnly))
	}
	return m, nil
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
		PageFile:   {"html", report.Options{Release: m.release()}},
		TableFile:  {"markdown", report.Options{Show: []string{"packages", "bundled", "definition", "exceptions", "gaps", "limitations", "locks"}, MaxBytes: 1 << 30}},
	} {
		data, err := render(r, of.format, of.options)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	files[TableFile] = append([]byte(head(m)), files[TableFile]...)
	s := statements{report: r, manifest: m, digest: digest(files[ReportFile]), files: files}
	if err := s.boms(); err != nil {
		return nil, err
	}
	if err := s.pass(); err != nil {
		return nil, err
	}
	m.Files = nil
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files = append(m.Files, Digest{name, digest(files[name])})
	}
	manifest, err := marshal(m)
	if err != nil {
		return nil, err
	}
	files[ManifestFile] = manifest
	return files, s.results()
}

// release returns what the page says about the release.
func (m *Manifest) release() *report.Release {
	r := &report.Release{Date: m.Date.Format(time.DateOnly)}
	for _, s := range m.Subjects {
		r.Artifacts = append(r.Artifacts, report.Artifact{Name: s.Name, Digest: "sha256:" + s.SHA256})
	}
	return r
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
	Name        string            `json:"name"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
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

// bound are the files whose digests the statement of the test results has. The
// manifest has those of the others.
var bound = []string{ReportFile, ManifestFile}

// testName is the name of that statement, and ResultFile its file, which covers all
// others when it is signed.
const (
	testName   = "test-result"
	ResultFile = testName + statementSuffix
)

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
		out = append(out, descriptor{Name: a.Name, Digest: map[string]string{"sha256": a.SHA256}})
	}
	if out == nil {
		named := map[string]bool{} // several stages can be of one image
		for _, stage := range s.report.Stages {
			if algorithm, value, ok := strings.Cut(stage.Image.Digest, ":"); ok && !named[stage.Environment+stage.Image.Digest] {
				named[stage.Environment+stage.Image.Digest] = true
				out = append(out, descriptor{Name: stage.Environment, Digest: map[string]string{algorithm: value}})
			}
		}
	}
	if out == nil {
		out = []descriptor{{Name: ReportFile, Digest: map[string]string{"sha256": s.digest}}}
	}
	return out
}

func (s *statements) boms() error {
	names := fileNames(s.report.Stages)
	for i := range s.report.Stages {
		stage := &s.report.Stages[i]
		doc, annotate, err := stage.Document()
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		meta := sbom.Meta{
			Name: stage.Name, ToolVersion: strings.TrimPrefix(s.report.Tool.Version, "v"), Author: s.manifest.Author,
			Created: s.manifest.Date, CreatedFrom: s.manifest.DateOf, Provenance: annotate,
		}
		for _, f := range bomFormats {
			var b bytes.Buffer
			if err := f.encode(&b, doc, meta); err != nil {
				return fmt.Errorf("stage %s: %w", stage.Name, err)
			}
			name, data := names[i]+f.suffix, terminal.EscapeJSON(b.Bytes())
			s.files[name+".json"] = data
			if err := s.add(name, f.predicate, json.RawMessage(data)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileForm is the form of a stage's name in a configuration, which is one of a file
// too; deviceForm matches those that Windows takes for a device, whatever follows the
// dot.
var (
	fileForm   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	deviceForm = lazyregexp.New(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// fileNames are the names of stages as beginnings of names of files: the same, or the
// number for one that leads elsewhere or that is not the only one of its letters,
// since some file systems do not distinguish upper case. No other name begins with
// its underscore.
func fileNames(stages []audit.Stage) []string {
	folded := map[string]int{}
	for i := range stages {
		folded[strings.ToLower(stages[i].Name)]++
	}
	out := make([]string, len(stages))
	for i := range stages {
		name := stages[i].Name
		if !fileForm.MatchString(name) || deviceForm.MatchString(name) || folded[strings.ToLower(name)] > 1 {
			name = fmt.Sprintf("_stage-%d", i+1)
		}
		out[i] = name
	}
	return out
}

// testOf returns which rules hold.
func testOf(r *audit.Report) testResult {
	test := testResult{Passed: []string{}, Warned: []string{}, Failed: []string{}}
	for i := range r.Stages {
		stage := &r.Stages[i]
		test.judge(stage.Name+"/", stage.Findings, stage.Critical || stage.Enforced)
	}
	test.judge("", r.Findings, true)
	switch {
	case r.Verdict != audit.Pass:
		test.Result = "FAILED" // an incomplete result is none that passed
	case len(test.Warned) > 0:
		test.Result = "WARNED"
	default:
		test.Result = "PASSED"
	}
	return test
}

// results adds the statement of the test results.
func (s *statements) results() error {
	test := testOf(s.report)
	for _, name := range bound {
		test.Configuration = append(test.Configuration, descriptor{Name: name, Digest: map[string]string{"sha256": digest(s.files[name])}})
	}
	described := map[string]bool{}
	describe := func(path, digest string, annotations map[string]string) {
		if algorithm, value, ok := strings.Cut(digest, ":"); ok && !described[path+digest] {
			described[path+digest] = true
			test.Configuration = append(test.Configuration, descriptor{path, map[string]string{algorithm: value}, annotations})
		}
	}
	if in := s.report.Inputs; in != nil {
		for _, f := range in.Files {
			describe(f.Path, f.Digest, ofRelease(f.Release))
		}
	}
	for _, stage := range s.report.Stages {
		describe(stage.Environment, cmp.Or(stage.Image.Digest, stage.Digest), nil)
		for _, l := range stage.Locks {
			describe(l.Path, l.Digest, nil)
		}
	}
	return s.add(testName, testPredicate, test)
}

// ofRelease are the annotations of a baseline that is a release: its date, its digest in
// a registry, and the name of the key that signed it, if a signature was checked.
func ofRelease(r *audit.ReleaseInput) map[string]string {
	if r == nil {
		return nil
	}
	out := map[string]string{"releaseDate": r.Date}
	if r.Digest != "" {
		out["releaseDigest"] = r.Digest
	}
	if r.Key != "" {
		out["signedBy"] = r.Key
	}
	return out
}

// pass adds the summary of a pass.
func (s *statements) pass() error {
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
	for _, rule := range audit.Rules() {
		if _, found := worst[rule.ID]; !found && rule.OfPipeline() == (prefix == "") && rule.Severity(strict) != "" {
			worst[rule.ID] = ""
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
