package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/depaudit/depaudit/sbom"
)

// ReportSchema is the version of the report's format. Newer ones are refused,
// since their unknown parts could change the outcome.
const ReportSchema = 1

// Verdict is the outcome of an audit. It is a property of the report, never
// of a renderer.
type Verdict string

const (
	Pass       Verdict = "pass"
	Fail       Verdict = "fail"
	Incomplete Verdict = "incomplete"
)

// Report is the result of an audit as one JSON document. Every other format is
// rendered from it, also later. Its schema is docs/report.schema.json. It
// contains no time and no random identifier.
type Report struct {
	// Schema is the version of this document's format.
	Schema  int     `json:"schema"`
	Verdict Verdict `json:"verdict"`
	// Pipeline is the pipeline's name; empty for the scan of one environment.
	Pipeline string `json:"pipeline,omitempty"`
	// Rules is the version of the counting rules.
	Rules int  `json:"rules"`
	Tool  Tool `json:"tool"`
	// Config is the path of the configuration as it was given, with slashes; empty for
	// the scan of one environment.
	Config string `json:"config,omitempty"`
	// Baseline is the path of the baseline as configured, empty without one.
	Baseline string `json:"baseline,omitempty"`
	// Inputs are the configuration and what belongs to it; nil for the scan of one
	// environment.
	Inputs *Inputs `json:"inputs,omitempty"`
	// PolicyFrom is where configuration, baseline, exceptions and locks were read from
	// if that is not the checkout.
	PolicyFrom *PolicyFrom `json:"policyFrom,omitempty"`
	// Stages are in the order of the configuration.
	Stages []Stage `json:"stages"`
	// Findings are those about the configuration or the baseline as a whole
	// and about no single stage: an unused exception, a stage that only the
	// baseline has.
	Findings []Finding `json:"findings,omitempty"`
}

// Tool is the program that counted.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Catalogers is the engine behind the language packages ("syft v1.54.1").
	Catalogers string `json:"catalogers"`
}

// Stage is the result of one stage.
type Stage struct {
	Name string `json:"name"`
	// Line is that of the stage in the configuration, 0 without one.
	Line     int  `json:"line,omitempty"`
	Critical bool `json:"critical"`
	// Enforced is true for a stage that is not critical but is judged like
	// one, because the configuration has enforce.
	Enforced bool `json:"enforced,omitempty"`
	// Environment is the reference as configured.
	Environment string `json:"environment"`
	// Digest is that of the document that was read instead of an environment, see
	// [sbom.Environment]. It is empty for all but an SBOM.
	Digest string `json:"digest,omitempty"`
	// OS is the name from the os-release file, if there is one.
	OS string `json:"os,omitempty"`
	// Image is the configuration of the environment's container image; zero
	// for other kinds.
	Image sbom.Image `json:"image,omitzero"`
	// Apt are the settings of apt that are not its defaults.
	Apt sbom.Apt `json:"apt,omitzero"`
	// Newest is the date of the newest file that shows a dependency, see
	// [sbom.Environment].
	Newest string `json:"newest,omitempty"`
	// Base is the base of the environment, nil without one.
	Base *StageBase `json:"base,omitempty"`
	// Limitations are the facts that this kind of environment cannot show. Every
	// format shows them beside the count, since they change its meaning.
	Limitations []Limitation `json:"limitations,omitempty"`
	// Method is the counting method; for an SBOM of another tool, that tool.
	Method Method `json:"method"`
	// Verdict of this stage alone.
	Verdict Verdict `json:"verdict"`
	Counts  Counts  `json:"counts"`
	// Ecosystems is the total by type of package, the largest first.
	Ecosystems []EcosystemCount `json:"ecosystems,omitempty"`
	// Limit is the configured absolute limit, nil without one.
	Limit *int `json:"limit,omitempty"`
	// Policy is the rest of the configuration that decides what passes, which a
	// baseline records; nil for the scan of one environment.
	Policy *Policy `json:"policy,omitempty"`
	// Message is the team's text for a failure of this stage.
	Message string `json:"message,omitempty"`
	// Dependencies has the counted and the bundled components of the stage;
	// the latter have an Owner and the provenance "bundled". Sorted by type,
	// name, version.
	Dependencies []Dependency `json:"dependencies"`
	// Relations are the edges between dependencies, by ID.
	Relations []sbom.Relation  `json:"relations,omitempty"`
	Excluded  []sbom.Exclusion `json:"excluded,omitempty"`
	Growth    Growth           `json:"growth"`
	Findings  []Finding        `json:"findings"`
	// Remaining is set if a finding that fails the stage, or leaves it incomplete, is
	// accepted by an update of the baseline.
	Remaining *Remaining    `json:"remaining,omitempty"`
	Gaps      []Gap         `json:"gaps"`
	Notices   []sbom.Notice `json:"notices,omitempty"`
	// Absent are the packages that the lock files have for this environment and
	// that are not installed, in the order of the lock files; MoreAbsent is the
	// number of those that are left out.
	Absent     []Absent `json:"absent,omitempty"`
	MoreAbsent int      `json:"moreAbsent,omitempty"`
	// Roots are the packages and commands that the stage uses by itself, from
	// the configuration.
	Roots []Root `json:"roots,omitempty"`
	// Verified is true if the files were compared with what vouches for them, and
	// Sealed if files that nothing explains must be in the baseline.
	Verified bool `json:"verified,omitempty"`
	Sealed   bool `json:"sealed,omitempty"`
	// Ledger and Indexes are what was verified, and with which package indexes.
	Ledger  *Ledger `json:"ledger,omitempty"`
	Indexes []Index `json:"indexes,omitempty"`
	// Files are those that a baseline records, sorted.
	Files []AcceptedFile `json:"files,omitempty"`
	// Exceptions are those of the configuration that the stage needs, or needed until
	// they expired, in the order of the configuration.
	Exceptions []ExceptionUse `json:"exceptions,omitempty"`
	// Locks are the lock files that were read for this stage.
	Locks []LockFile `json:"locks,omitempty"`
	// Definition is what the files that define the stage name, nil if the
	// configuration names no such file.
	Definition *Definition `json:"definition,omitempty"`
}

// Method is a counting method. Counts by different methods cannot be compared.
type Method struct {
	// Rules is the version of the counting rules.
	Rules int `json:"rules"`
	// Catalogers is the engine behind the language packages.
	Catalogers string `json:"catalogers"`
}

// Counts is the footprint of a stage. Total is the sum of OS, Lock, Image,
// Exception and Unaccounted.
type Counts struct {
	Total       int `json:"total"`
	OS          int `json:"os"`
	Lock        int `json:"lock"`
	Image       int `json:"image"`
	Exception   int `json:"exception"`
	Unaccounted int `json:"unaccounted"`
	// Bundled and Excluded are listed but not part of Total.
	Bundled  int `json:"bundled"`
	Excluded int `json:"excluded"`
}

// EcosystemCount is the number of dependencies of one type.
type EcosystemCount struct {
	// Type is the purl type ("deb"), or "files" for files that no package
	// accounts for.
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// CountEcosystems returns the counted dependencies by type, the largest number
// first.
func CountEcosystems(list []Dependency) []EcosystemCount {
	l := roll{types: map[string]int{}}
	for i := range list {
		if d := &list[i]; d.Provenance.Counted() {
			l.types[ecosystemOf(d)]++
		}
	}
	return l.ecosystems()
}

// ecosystemOf returns the type under which a dependency counts.
func ecosystemOf(d *Dependency) string {
	if d.Kind == sbom.KindFiles {
		return "files"
	}
	return d.Type
}

// Provenance is the reason why a dependency may be in a stage.
type Provenance string

const (
	FromOS        Provenance = "os"
	FromLock      Provenance = "lock"
	FromImage     Provenance = "image"
	FromException Provenance = "exception"
	FromNowhere   Provenance = "unaccounted"
	FromBundled   Provenance = "bundled" // not counted: see Dependency.Owner
)

// Dependency is a component of a stage with the outcome of the audit. Its JSON
// is flat: the keys of both are in one object.
//
// The Evidence of the embedded component and its Fingerprint are empty. The
// first is in Evidence or OSEvidence; the second depends on times of
// modification, which would make two reports of one environment differ.
type Dependency struct {
	sbom.Component
	// Key is the identity without the version, by which growth is judged.
	Key        string     `json:"key"`
	Provenance Provenance `json:"provenance"`
	// Evidence is the strength of Provenance, as docs/evidence.md defines it:
	// of the system "db-owned", "archive-listed", "archive-other-version",
	// "archive-signed", "header-signed", "bytes-proved", "foreign", "local"; of a
	// lock "version-locked", "hash-locked", "hash-claimed", "bytes-proved"; of a
	// base "digest", "snapshot", "directory", "document", "tag"; else "excepted"
	// or "none".
	Evidence string `json:"evidence"`
	// OSEvidence is the evidence of the package database for an OS package
	// with another provenance.
	OSEvidence string `json:"osEvidence,omitempty"`
	// Content identifies the installed files, as [ComponentProof] has it; empty
	// when they were not verified.
	Content string `json:"content,omitempty"`
	// Artifact has the digests ("sha256:" and hexadecimal) of the artifact that proves
	// the installed files, empty when none does.
	Artifact []string `json:"artifact,omitempty"`
	// Locked identifies what the lock entry pins, its digests and its host, as
	// [ShortDigest] has it.
	Locked string `json:"locked,omitempty"`
	// Replaces is the ID of the base's dependency of the same Key that this
	// one replaces.
	Replaces string `json:"replaces,omitempty"`
	// Lock is the entry that pins the dependency.
	Lock *LockRef `json:"lock,omitempty"`
	// Why is the reason why the dependency is unaccounted.
	Why *Reason `json:"why,omitempty"`
	// Exception is the entry of the configuration that excuses the
	// dependency.
	Exception *ExceptionRef `json:"exception,omitempty"`
	// Covered is the exception that excuses something of the dependency by a
	// wildcard or by a directory, as [CoverLabel] has it.
	Covered string `json:"covered,omitempty"`
}

// LockRef is the position of a lock entry.
type LockRef struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// ExcludedFirstParty is the reason of the exclusion of first-party components,
// which no scan knows.
const ExcludedFirstParty sbom.ExclusionReason = "first-party"

// ExceptionRef is the text of an exception or a
// waiver in the configuration.
type ExceptionRef struct {
	Reason string `json:"reason"`
	Owner  string `json:"owner"`
	// Expires is the last day, YYYY-MM-DD, on which the exception holds.
	Expires string `json:"expires"`
}

// ExceptionUse is an exception of the configuration with what it excuses in a
// stage.
type ExceptionUse struct {
	ConfiguredException
	// Since is the earlier one of Added and the day on which a baseline recorded the
	// exception first, or without both the day of the audit. Age is the number of days since then,
	// and Left that until Expires, negative after it.
	Since string `json:"since"`
	Age   int    `json:"age"`
	Left  int    `json:"left"`
	// Expired is true if it excuses nothing any more.
	Expired bool `json:"expired,omitempty"`
	// Excuses are the IDs of the rules, Dependencies those of the dependencies, and
	// Paths the files.
	Excuses      []string `json:"excuses"`
	Dependencies []string `json:"dependencies,omitempty"`
	Paths        []string `json:"paths,omitempty"`
}

// Reason is why a dependency is unaccounted.
type Reason struct {
	// Code is one of lockcheck's reasons ("not-in-any-lock",
	// "locked-at-another-version", ...) or "no-package" for files.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Lock is the closest entry: the same name at another
	// version, or with another hash.
	Lock *LockRef `json:"lock,omitempty"`
}

// Growth is the difference to the baseline, by identity.
type Growth struct {
	// Known is false when there is no baseline for the stage.
	Known bool `json:"known"`
	// Accepted identifies what the baseline has for the stage: the SHA-256 of it as
	// a baseline of that stage alone is written.
	Accepted string `json:"accepted,omitempty"`
	// Baseline is the accepted number of dependencies, the base's included.
	Baseline int `json:"baseline"`
	// Allowed is the configured allowance.
	Allowed int `json:"allowed"`
	// Added are dependencies that the baseline does not have, grouped under
	// the one that introduces them. Groups that several others share come last.
	Added []GrowthGroup `json:"added"`
	// Removed are dependencies of the baseline that the stage no longer has.
	Removed []Accepted `json:"removed"`
	// Changed are those whose version alone differs.
	Changed []VersionChange `json:"changed"`
	// Weaker are those that the baseline has with stronger evidence.
	Weaker []Weaker `json:"weaker,omitempty"`
	// Method is the method of the baseline if it differs from this count's.
	// The difference is then shown but not judged.
	Method *Method `json:"method,omitempty"`
	// Base is the difference in the dependencies of the base, which are not
	// among the above. Nil when neither the baseline nor the stage has any.
	Base *BaseGrowth `json:"base,omitempty"`
}

// BaseGrowth is the difference in the dependencies of the base, by identity.
type BaseGrowth struct {
	// Baseline is how many of the accepted dependencies are the base's.
	Baseline int `json:"baseline"`
	// Added are the IDs of new dependencies of the base.
	Added []string `json:"added,omitempty"`
	// Removed are dependencies of the baseline that the base no longer has.
	Removed []Accepted `json:"removed,omitempty"`
	// Changed are those whose version alone differs.
	Changed []VersionChange `json:"changed,omitempty"`
	// ToStage are the IDs of dependencies that belonged to the base in the
	// baseline and are now added by the stage. They are growth.
	ToStage []string `json:"toStage,omitempty"`
	// ToBase are the IDs of those that the stage added before.
	ToBase []string `json:"toBase,omitempty"`
}

// MaxSharedBy is the largest number of heads that a shared group names. More
// are of no use to a reader, and without a limit their number would be the
// product of heads and shared groups.
const MaxSharedBy = 8

// GrowthGroup is a new dependency with the new ones that it introduces.
type GrowthGroup struct {
	// ID is the ID of the head of the group. Without it, none of the others
	// would be there.
	ID string `json:"id"`
	// Because is "explicit" when the head was installed on request, "essential"
	// when it is part of the system's minimum, "dependency" when an older dependency needs it, "" when unknown.
	Because string `json:"because,omitempty"`
	// Introduces are the IDs of the others, sorted.
	Introduces []string `json:"introduces,omitempty"`
	// SharedBy are the IDs of the heads that lead to this group, if several do
	// and nothing else needs it: it is removed with all of them. The heads of
	// the largest groups come first, and at most [MaxSharedBy] are named.
	SharedBy []string `json:"sharedBy,omitempty"`
	// NeededBy are the IDs of older dependencies that do not work without the
	// head, sorted.
	NeededBy []string `json:"neededBy,omitempty"`
	// Mention is set when nothing requires the head: the strongest relation to
	// it.
	Mention *Mention `json:"mention,omitempty"`
}

// Mention is a relation to a dependency that does not require it.
type Mention struct {
	// From is the ID of the dependency that has the relation, and Kind its kind.
	From string `json:"from"`
	Kind string `json:"kind"`
	// Instead is the ID of the dependency that satisfies the relation, when it is
	// another one.
	Instead string `json:"instead,omitempty"`
}

// VersionChange is a dependency at another version than in the baseline.
type VersionChange struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Weaker is a dependency with weaker evidence than the baseline accepted.
type Weaker struct {
	ID   string   `json:"id"`
	From Strength `json:"from"`
	To   Strength `json:"to"`
}

// Severity of a finding.
type Severity string

const (
	Error              Severity = "error"      // fails the stage
	Warning            Severity = "warning"    // changes no verdict
	SeverityIncomplete Severity = "incomplete" // leaves the stage incomplete
	Info               Severity = "info"       // a remark
)

// Finding is a rule of the policy that a stage breaks.
type Finding struct {
	// Rule is the ID of the rule; `depaudit explain RULE` describes it.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	// Dependencies are the IDs of the dependencies that break the rule.
	Dependencies []string `json:"dependencies,omitempty"`
	// Paths are the places where the rule is broken.
	Paths []string `json:"paths,omitempty"`
	// Uses are the IDs of the uses of the stage's definition that break the rule.
	Uses []string `json:"uses,omitempty"`
	// Fix is how to correct the stage; Accept is a command that accepts its
	// present state. Either may be empty.
	Fix    string `json:"fix,omitempty"`
	Accept string `json:"accept,omitempty"`
	// Place is that of the exception that the finding is about, nil for another one.
	Place *Place `json:"place,omitempty"`
}

// Remaining are the findings of a stage that an update of its baseline leaves.
type Remaining struct {
	// Findings are those that fail the stage, or leave it incomplete, all the same.
	Findings []Finding `json:"findings"`
}

// AfterUpdate returns the findings that fail the stage, or leave it incomplete, once
// the baseline has it as it is.
func (s *Stage) AfterUpdate() []Finding {
	list := s.Findings
	if s.Remaining != nil {
		list = s.Remaining.Findings
	}
	var out []Finding
	for _, f := range list {
		if f.Severity == Error || f.Severity == SeverityIncomplete {
			out = append(out, f)
		}
	}
	return out
}

// Place is where an entry of the configuration is.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	// Entry names it.
	Entry string `json:"entry"`
}

func (p *Place) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Root is something that a stage uses by itself.
type Root struct {
	// Name is as configured.
	Name string `json:"name"`
	// ID is the ID of the dependency that it names, empty when there is none.
	ID string `json:"id,omitempty"`
}

// LockFile is a lock file that was read for a stage.
type LockFile struct {
	Path    string `json:"path"`
	Format  string `json:"format"`
	Entries int    `json:"entries"`
	// Digest identifies the content of the file and of those that it includes.
	Digest string `json:"digest,omitempty"`
	// For are the directories that the lock is for; none for all.
	For []string `json:"for,omitempty"`
	// Notes are the places where the lock pins less than it seems to.
	Notes []LockNote `json:"notes,omitempty"`
}

// Absent is a package that a lock file has and that is not installed.
type Absent struct {
	Type    string  `json:"type"`
	Name    string  `json:"name"`
	Version string  `json:"version,omitempty"`
	Lock    LockRef `json:"lock"`
	// Dev and Optional are as the lock file has them.
	Dev      bool `json:"dev,omitempty"`
	Optional bool `json:"optional,omitempty"`
	// Unknown is true if it cannot be decided whether the entry is for this
	// environment.
	Unknown bool `json:"unknown,omitempty"`
	// Installed are the other versions that are installed.
	Installed []string `json:"installed,omitempty"`
}

// LockNote is a weakness of a lock file.
type LockNote struct {
	Kind   string `json:"kind"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name,omitempty"`
	Detail string `json:"detail"`
}

// Count adds one component of the provenance to the counts.
func (c *Counts) Count(p Provenance) {
	if p == FromBundled {
		c.Bundled++
		return
	}
	c.Total++
	switch p {
	case FromOS:
		c.OS++
	case FromLock:
		c.Lock++
	case FromImage:
		c.Image++
	case FromException:
		c.Exception++
	default:
		c.Unaccounted++
	}
}

// Counted reports whether p is a provenance of counted dependencies.
func (p Provenance) Counted() bool {
	return slices.Contains([]Provenance{FromOS, FromLock, FromImage, FromException, FromNowhere}, p)
}

// IDs returns the IDs of all new dependencies, sorted.
func (g *Growth) IDs() []string {
	var ids []string
	for _, group := range g.Added {
		ids = append(ids, group.ID)
		ids = append(ids, group.Introduces...)
	}
	slices.Sort(ids)
	return ids
}

func (m Method) String() string {
	return fmt.Sprintf("counting rules %d and %s", m.Rules, cmp.Or(m.Catalogers, "no catalogers"))
}
