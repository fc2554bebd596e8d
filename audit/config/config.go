// Package config parses depaudit.yaml, the description of a pipeline.
//
// # Errors are the user interface
//
// The parser decodes YAML nodes by hand, so that each mistake is reported with
// its line and column, the nearest known key and a hint ([textfile.Errors]). It
// reports up to ten mistakes at once. Unknown and repeated keys, values of other
// types, anchors, aliases, merge keys, tags and directives are errors.
//
// # Limits
//
// A configuration comes from the repository that is audited. Its size, its
// number of tokens and its nesting are limited, since the YAML parser needs
// quadratic time for some inputs.
//
// The keys are in keys.go. A test compares them with the published schema,
// docs/depaudit.schema.json.
package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
)

// DefaultBaseline is the name of the baseline beside the configuration.
const DefaultBaseline = "depaudit.baseline.json"

// DefaultMinimum is the number of dependencies below which an environment with
// an operating system is taken for broken. The smallest images with a package
// manager have more: Alpine's base has 14 packages, Debian's minimal one 88.
const DefaultMinimum = 10

// maxSize is the largest configuration that is read, in bytes. A pipeline of a
// hundred stages has some 30 KiB.
const maxSize = 1 << 20

// Config is the description of a pipeline.
type Config struct {
	// File is the path that the configuration was read from. Paths in it are
	// relative to the directory of this file.
	File string
	// Digest is that of the file's content, as [audit.TextDigest] has it.
	Digest string
	// Pipeline is the name of the release process.
	Pipeline string
	// Baseline is the path of the baseline as written, or [DefaultBaseline].
	Baseline string
	// Registries are the hosts that locked artifacts of every stage may come
	// from, besides the defaults of each ecosystem (lockcheck.Policy).
	Registries []string
	// Sources are what the files of every stage are verified with.
	Sources Sources
	// ExceptionsFile is the path of the file with the exceptions as written, empty
	// if they are in the configuration.
	ExceptionsFile string
	// ExceptionsDigest is the digest of that file. Only [Load] sets it.
	ExceptionsDigest string
	Exceptions       []Exception
	// ExceptionDays is the largest number of days for which an exception holds, nil
	// for any. ExceptionNotice is the number of days before its end in which audits
	// warn about it; nil means [DefaultNotice].
	ExceptionDays, ExceptionNotice *int
	// Files is where the files are that the configuration names, nil for where their
	// paths lead, and From what that is. Only [LoadFrom] and a caller set them.
	Files Files
	From  *audit.PolicyFrom
	// Release is the release that the baseline is from, nil for a file.
	Release *audit.ReleaseInput
	// Stages are in the order of the file, which is the order of the report.
	Stages []Stage
}

// BaselinePath returns the path of the baseline for opening it.
func (c *Config) BaselinePath() string { return c.path(c.Baseline) }

// Stage returns the stage of that name, or nil.
func (c *Config) Stage(name string) *Stage {
	i := slices.IndexFunc(c.Stages, func(s Stage) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Stages[i]
}

func (c *Config) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(filepath.Dir(c.File), filepath.FromSlash(p))
}

// Stage is one stage of the pipeline.
type Stage struct {
	// Name consists of letters, digits, '.', '_' and '-', so that it can be
	// an argument, a file name and a heading everywhere.
	Name string
	// Line is that of its name in the file.
	Line int
	// Environment is a reference such as "dir:PATH" or "host:".
	Environment string
	// Critical is true for a stage whose findings fail the audit.
	Critical bool
	// Enforce is true for a stage that is not critical and is judged like one
	// that is.
	Enforce bool
	// Locks are the paths and patterns as configured.
	Locks []Lock
	// LockFiles are the files that Locks name, as paths to open, sorted.
	// Only [Load] sets them.
	LockFiles []LockFile
	// Limit is the largest number of dependencies, nil without one.
	Limit *int
	// Growth is the number of new dependencies that are allowed.
	Growth int
	// Minimum is the number of dependencies below which the environment is
	// taken for broken rather than lean; nil means [DefaultMinimum] where
	// an operating system with a package database is expected, and 1 elsewhere.
	Minimum *int
	// Definitions are what defines the stage in the checkout: jobs of workflows,
	// stages of Dockerfiles and the like.
	Definitions []Definition
	// Base is a reference to the base of the environment: an image, a
	// directory, a snapshot, an SBOM. Empty without one.
	Base string
	// BaseLimit is the largest number of dependencies that the base may have,
	// nil without one.
	BaseLimit *int
	// Platform chooses one image of several, "os/arch" or "os/arch/variant".
	Platform string
	// Accept are the limitations of the environment that are accepted.
	Accept []sbom.LimitationName
	// Waive are the known gaps that do not make the stage incomplete.
	Waive []Waiver
	// Distroless is true for an environment that has an os-release but no
	// package database, or an almost empty one.
	Distroless bool
	// Message is the team's text, shown when the stage fails.
	Message string
	// FirstParty are the components that the project builds.
	FirstParty []FirstParty
	// Roots are the packages and commands that the stage uses by itself, as
	// configured: the dependency graph starts there.
	Roots []string
	// Registries are allowed in this stage besides the pipeline's.
	Registries []string
	// Verify is whether the files of the environment are verified, and Sources
	// with what, besides the pipeline's.
	Verify  Verify
	Sources Sources
	// Require is the evidence that dependencies must have.
	Require Require
	// Released is whether the accepted state is that of a release, which no command
	// changes.
	Released bool
	// Flags are the flags of the command line that selected and changed this
	// stage. They are not part of the file; commands to paste repeat them.
	Flags []Flag
}

// Lock names lock files.
type Lock struct {
	// Path is a path or a pattern, relative to the configuration.
	Path string
	// For are the directories of the environment, or patterns of them, whose
	// packages the files pin; none for all packages.
	For []string
}

// LockFile is a file that a [Lock] names.
type LockFile struct {
	Path string
	For  []string // sorted
}

// Flag is one flag of the command line, such as "--env" with its value.
type Flag struct{ Name, Value string }

// Strict reports whether findings of the stage fail it.
func (s *Stage) Strict() bool { return s.Critical || s.Enforce }

// FirstParty names components that a stage builds; exactly one of Name, PURL and
// Path is set.
type FirstParty struct {
	// Name is a package name of any type.
	Name string
	// PURL is a package URL; without a version it matches all of them.
	PURL string
	// Path is a doublestar pattern. A component is first-party if all of its
	// paths match, but not a third-party package below the directory that the
	// pattern names: in node_modules, site-packages and the like, unless the
	// pattern names that as well.
	Path string
	// Line is its line in the configuration.
	Line int
}

// String returns the entry as a report names it.
func (f FirstParty) String() string { return f.Name + f.PURL + f.Path }

// Waiver waives a gap of one stage for a time.
type Waiver struct {
	// Path is a doublestar pattern of paths within the environment, Kind the
	// kind of gap; empty for any. At least one of them is set.
	Path string
	Kind sbom.GapKind
	// Reason and Owner are for the reviewers.
	Reason string
	Owner  string
	// Expires is the last day, YYYY-MM-DD, on which the waiver holds.
	Expires string
	// Line is its line in the configuration.
	Line int
}

// Load reads a configuration and finds its lock files. Mistakes in the file are
// [textfile.Errors]; errors of the system are returned unchanged.
func Load(path string) (*Config, error) { return LoadFrom(path, nil) }

// LoadFrom is [Load] of a configuration that is in files, nil for where it is. Its
// paths are then in files too.
func LoadFrom(path string, files Files) (*Config, error) {
	place, err := (&Config{Files: files}).placed(path)
	if err != nil {
		return nil, err
	}
	data, err := textfile.ReadAt(path, place, maxSize)
	if err != nil {
		return nil, err
	}
	c, places, err := parseConfig(path, data)
	if err != nil {
		return nil, err
	}
	c.Files = files
	if err := loadExceptions(c, places.exceptionsAt); err != nil {
		return nil, err
	}
	if errs := append(resolveLocks(c, places.locks), checkSources(c, places.sources)...); len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return c, nil
}

// Parse parses a configuration without reading other files: LockFiles stay
// empty, and so do Exceptions in a file of their own. file is its path in errors, and relative paths are relative to its
// directory.
func Parse(file string, data []byte) (*Config, error) {
	c, _, err := parseConfig(file, data)
	return c, err
}

// String names the waiver in messages.
func (w *Waiver) String() string {
	return strings.TrimSpace(cmp.Or(string(w.Kind), "gaps") + " " + w.Path)
}
