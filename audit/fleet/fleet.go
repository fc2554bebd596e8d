// Package fleet turns reports into rows of two tables, which engines for
// analysis read: DuckDB, ClickHouse, Trino, Spark.
//
// # Two tables
//
// A [StageNight] is one stage in one report, and a [Dependency] is one counted
// dependency of one stage. Bundled components have no row: the rows of a stage are
// as many as its total. The fields of both structs are the columns, with their
// descriptions; docs/fleet-tables.md and docs/fleet.schema.json are made from them.
//
// # Versions
//
// [Version] is part of the path of every file. A new column keeps it, since every
// reader ignores or adds columns. A column with another meaning is another version.
//
// # Rows
//
// Rows are lines of JSON. Each has all columns, and null where the report states
// nothing, so that an absent value and an empty one differ. The strings of an
// environment that do not print are JSON escapes, as in reports. A report has the
// same rows wherever and whenever they are made.
package fleet

import (
	"errors"
	"fmt"

	"github.com/depaudit/depaudit/audit"
)

// Version is the version of the tables: "v1" in the paths of files.
const Version = "v1"

// The names of the tables.
const (
	StageTable      = "stage_night"
	DependencyTable = "dependency"
)

// Origin is where a report was kept, and for which night. Reports have neither.
type Origin struct {
	// Date is the night or the day of the release, YYYY-MM-DD.
	Date string
	// Source is the name under which the stage is found in every night.
	Source string
	// Release is the release that the report belongs to, empty without one.
	Release string
	// SHA256 is the digest of the report's bytes, in hexadecimal.
	SHA256 string
}

// StageNight is a row of the table stage_night.
type StageNight struct {
	Date         string  `json:"date" format:"date" doc:"The night, or the day of the release"`
	Pipeline     string  `json:"pipeline" doc:"The name of the pipeline, empty for a scan without configuration"`
	Stage        string  `json:"stage" doc:"The name of the stage"`
	Source       string  `json:"source" doc:"Where the report is kept, without the date and the release: the same every night"`
	Release      *string `json:"release" doc:"The release that the report belongs to: its directory or its tag"`
	ReportSHA256 string  `json:"report_sha256" doc:"The digest of the report; with stage, the key to dependency"`

	Critical        bool   `json:"critical" doc:"The stage is critical"`
	Enforced        bool   `json:"enforced" doc:"The stage is judged like a critical one"`
	Verdict         string `json:"verdict" enum:"pass fail incomplete" doc:"The verdict of the stage"`
	PipelineVerdict string `json:"pipeline_verdict" enum:"pass fail incomplete" doc:"The verdict of the report"`

	Total       int `json:"total" doc:"Counted dependencies: the rows of the stage in dependency"`
	OS          int `json:"os" doc:"Those that the operating system provides"`
	Lock        int `json:"lock" doc:"Those that a lock file pins"`
	Image       int `json:"image" doc:"Those of the base"`
	Exception   int `json:"exception" doc:"Those that an exception excuses"`
	Unaccounted int `json:"unaccounted" doc:"Those that nothing accounts for"`
	Bundled     int `json:"bundled" doc:"Components that are part of another one; not counted, and without rows"`
	Excluded    int `json:"excluded" doc:"What was found and is no dependency"`

	Limit    *int `json:"total_limit" doc:"The configured limit of total"`
	Baseline *int `json:"baseline" doc:"The accepted number; null without a baseline, as are the following three"`
	Added    *int `json:"added" doc:"Dependencies that the baseline does not have"`
	Removed  *int `json:"removed" doc:"Dependencies of the baseline that are gone"`
	Changed  *int `json:"changed" doc:"Dependencies at another version than in the baseline"`

	Gaps        int         `json:"gaps" doc:"What could not be examined and is not waived"`
	Waived      int         `json:"waived_gaps" doc:"Gaps that the configuration waives"`
	Limitations []string    `json:"limitations" doc:"What this kind of environment cannot show"`
	Failing     []string    `json:"failing" doc:"The rules that fail the stage or leave it incomplete"`
	Findings    []string    `json:"findings" doc:"All rules with a finding, warnings included"`
	Exceptions  []Exception `json:"exceptions" doc:"The exceptions that the stage needs, or needed until they expired"`

	Rules          int     `json:"rules" doc:"The version of the counting rules. Counts by different methods cannot be compared"`
	Catalogers     string  `json:"catalogers" doc:"The engine behind the language packages"`
	Tool           string  `json:"tool" doc:"The version of depaudit"`
	Distribution   *string `json:"distribution" doc:"The name of the operating system"`
	Environment    string  `json:"environment" doc:"The reference of the environment as configured"`
	Kind           string  `json:"environment_kind" doc:"Its kind: dir, host, image, registry, sbom, ..."`
	Platform       *string `json:"platform" doc:"The platform of the image"`
	ImageDigest    *string `json:"image_digest" doc:"The digest of the image's manifest"`
	Base           *string `json:"base" doc:"The reference of the base"`
	BaseDigest     *string `json:"base_digest" doc:"The digest of the base"`
	ConfigDigest   *string `json:"config_digest" doc:"The digest of the configuration"`
	BaselineDigest *string `json:"baseline_digest" doc:"The digest of the baseline"`
	Verified       bool    `json:"verified" doc:"The files were compared with what vouches for them"`
	FilesChanged   *int    `json:"files_changed" doc:"Files that differ from the artifact or the record; null if not verified, as are the following two"`
	FilesMissing   *int    `json:"files_missing" doc:"Files that are missing"`
	Unexplained    *int    `json:"files_unexplained" doc:"Files that nothing explains"`
}

// Exception is an exception in a row of stage_night. Exceptions also excuse files
// and rules, which have no row in dependency.
type Exception struct {
	Subject      string   `json:"subject"`
	Rules        []string `json:"rules"`
	Owner        string   `json:"owner"`
	Reason       string   `json:"reason"`
	Since        string   `json:"since"`
	Expires      string   `json:"expires" format:"date"`
	Expired      bool     `json:"expired"`
	Dependencies int      `json:"dependencies"`
	Files        int      `json:"files"`
}

// Dependency is a row of the table dependency.
type Dependency struct {
	Date         string  `json:"date" format:"date" doc:"As in stage_night"`
	Pipeline     string  `json:"pipeline" doc:"As in stage_night"`
	Stage        string  `json:"stage" doc:"As in stage_night"`
	Source       string  `json:"source" doc:"As in stage_night"`
	Release      *string `json:"release" doc:"As in stage_night"`
	ReportSHA256 string  `json:"report_sha256" doc:"As in stage_night"`

	ID           string  `json:"id" doc:"The identity, unique in the stage"`
	Key          string  `json:"key" doc:"The identity without the version: the same after an update"`
	Kind         string  `json:"kind" doc:"os for a package of the system, package for a language package, files for files without a package"`
	Type         string  `json:"type" doc:"The type of the package URL: deb, rpm, pypi, npm, golang, generic, ..."`
	Namespace    *string `json:"namespace" doc:"Its namespace: the distribution, the scope, the path of the owner"`
	Name         string  `json:"name" doc:"Its name"`
	Version      *string `json:"version" doc:"Its version; null where the environment has none"`
	VersionEpoch *int64  `json:"version_epoch" doc:"The number before the colon in versions of deb, rpm, alpm and opkg, 0 where they have none; null for other types"`
	VersionKey   *string `json:"version_key" doc:"Text that sorts as the versions of one type and epoch do; null where they have no order. depaudit find -o sql writes conditions for both"`
	Arch         *string `json:"arch" doc:"The architecture of a package of the system"`
	PURL         *string `json:"purl" doc:"The package URL"`
	SourceName   *string `json:"source_name" doc:"The source package of a package of the system, its own name if they are equal"`
	Path         *string `json:"path" doc:"The first of the paths that show it"`

	Provenance string `json:"provenance" enum:"os lock image exception unaccounted" doc:"Why it may be there"`
	Evidence   string `json:"evidence" doc:"How far that is proved, as in evidence.md"`
	Strength   int    `json:"strength" doc:"The same as a number, the weakest lowest: 0 nothing, 10 an excuse or an archive that is not trusted, 20 a version without a hash, from 31 sound in a critical stage. The units order one provenance only"`
	Foreign    bool   `json:"foreign_origin" doc:"A package of the system from an archive that is not trusted, or from none"`

	Supplier    *string  `json:"supplier" doc:"Who the metadata names as maintainer or vendor"`
	InstallKind *string  `json:"install_kind" doc:"How the installer got it: registry, vcs, url, editable, link, path; null where it did not record that"`
	InstallURL  *string  `json:"install_url" doc:"The URL that the installer recorded"`
	Why         *string  `json:"why" doc:"The reason why it is unaccounted, or of its evidence"`
	WhyDetail   *string  `json:"why_detail" doc:"The same as a sentence"`
	LockFile    *string  `json:"lock_file" doc:"The lock file that pins it"`
	LockLine    *int     `json:"lock_line" doc:"The line in it"`
	Artifact    []string `json:"artifact" doc:"The digests of the artifact that proves the installed files"`
	Content     *string  `json:"content" doc:"The digest of the installed files; null if not verified"`
	Layer       *int     `json:"layer" doc:"The layer of the image, from 1"`

	Explicit     *bool   `json:"explicit" doc:"It was installed on request; null if unknown"`
	Added        *bool   `json:"added" doc:"The baseline does not have it; null without a baseline"`
	ChangedFrom  *string `json:"changed_from" doc:"The version that the baseline has, if it is another one"`
	IntroducedBy *string `json:"introduced_by" doc:"The id of the added dependency without which it would not be there"`

	ExceptionReason  *string `json:"exception_reason" doc:"The reason of the exception that excuses it"`
	ExceptionOwner   *string `json:"exception_owner" doc:"Who answers for it"`
	ExceptionExpires *string `json:"exception_expires" format:"date" doc:"Its last day"`
}

// Sink takes the rows of a report as lines, each with its line break: those of a stage
// after the stage. The bytes are only valid during the call.
type Sink interface {
	Stage(pipeline, stage string, line []byte) error
	Dependency(line []byte) error
}

// Write writes the rows of each stage of a valid report.
func Write(r *audit.Report, o Origin, to Sink) error {
	w, err := NewWriter(r, o, to)
	if err != nil {
		return err
	}
	for i := range r.Stages {
		for j := range r.Stages[i].Dependencies {
			if err := w.Dependency(i, &r.Stages[i].Dependencies[j]); err != nil {
				return err
			}
		}
	}
	return w.End()
}

// Writer writes the rows of a report whose dependencies come one by one, since it is
// too large to be held with them.
type Writer struct {
	r      *audit.Report
	origin Origin
	to     Sink
	begun  int // stages
	rows   *dependencyRows
	line   []byte
}

// NewWriter begins the rows of a valid report. A report without stages is an error: no
// row would show that it was there.
func NewWriter(r *audit.Report, o Origin, to Sink) (*Writer, error) {
	if len(r.Stages) == 0 {
		return nil, errors.New("the report has no stage")
	}
	return &Writer{r: r, origin: o, to: to}, nil
}

// Dependency writes the row of a dependency of a stage, by its index, unless it is not
// counted. The stages are in order.
func (w *Writer) Dependency(stage int, d *audit.Dependency) error {
	if err := w.begin(stage + 1); err != nil || !d.Provenance.Counted() {
		return err
	}
	line, err := appendLine(w.line[:0], w.rows.of(d))
	if err != nil {
		return fmt.Errorf("stage %q: dependency %q: %w", w.r.Stages[stage].Name, d.ID, err)
	}
	w.line = line
	return w.to.Dependency(line)
}

// End writes what is left: stages without dependencies.
func (w *Writer) End() error { return w.begin(len(w.r.Stages)) }

// begin writes the rows of the first stages, so many.
func (w *Writer) begin(stages int) error {
	for ; w.begun < stages; w.begun++ {
		s := &w.r.Stages[w.begun]
		line, err := appendLine(w.line[:0], stageNight(w.r, s, w.origin))
		if err != nil {
			return fmt.Errorf("stage %q: %w", s.Name, err)
		}
		w.line = line
		if err := w.to.Stage(w.r.Pipeline, s.Name, line); err != nil {
			return err
		}
		w.rows = newDependencyRows(w.r, s, w.origin)
	}
	return nil
}
