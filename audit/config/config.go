package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
)

// DefaultBaseline is the name of the baseline beside the configuration.
const DefaultBaseline = "depaudit.baseline.json"

// DefaultMinimum is the number of dependencies below which an environment with
// an operating system is taken for broken. The smallest images with a package
// manager have more: Alpine's base has 14 packages, Debian's minimal one 88.
const DefaultMinimum = 10

// MaxSize is the largest configuration that is read, in bytes. A
// pipeline of a hundred stages takes some 30 KiB.
const MaxSize = 1 << 20

// Config describes a pipeline: what depaudit.yaml says. Its schema for
// editors is docs/depaudit.schema.json.
type Config struct {
	// File is the path that the configuration was read from. Paths in it are
	// relative to the folder of this file.
	File string
	// Pipeline is the name of the release process.
	Pipeline string
	// Baseline is the path of the baseline as written, or [DefaultBaseline].
	Baseline string
	// Registries are where locked artifacts may come from in every stage,
	// besides the defaults of each ecosystem (lockcheck.Policy).
	Registries []string
	Exceptions []Exception
	// Stages are in the order of the file, which is the order of the report.
	Stages []Stage
}

// BaselinePath is where the baseline lies, as a path to open.
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

// StageConfig is one stage of the pipeline.
type Stage struct {
	// Name consists of letters, digits, '.', '_' and '-', so that it can be
	// an argument, a file name and a heading everywhere.
	Name string
	// Environment is a reference such as "dir:PATH" or "host:".
	Environment string
	// Critical stages are the ones whose findings fail the audit.
	Critical bool
	// Enforce judges a stage that is not critical like one that is.
	Enforce bool
	// Locks are the paths and patterns as written.
	Locks []string
	// LockFiles are the files that Locks name, as paths to open, sorted.
	// Only [LoadConfig] fills them in.
	LockFiles []string
	// Limit is the largest number of dependencies, nil without one.
	Limit *int
	// Growth is how many new dependencies are let through.
	Growth int
	// Minimum is the number of dependencies below which the environment is
	// taken for broken rather than lean; nil means [DefaultMinimum] where
	// an operating system with a package database is expected, and 1 elsewhere.
	Minimum *int
	// Base is a reference to what the environment started from: an image, a
	// folder, a snapshot, an SBOM. Empty without one.
	Base string
	// BaseLimit is the largest number of dependencies that the base may have,
	// nil without one.
	BaseLimit *int
	// Platform chooses one image of several, "os/arch" or "os/arch/variant".
	Platform string
	// Accept are the limitations of the environment with which its count is
	// taken all the same.
	Accept []sbom.LimitationName
	// Waive are the gaps that are known and do not make the stage incomplete.
	Waive []Waiver
	// Distroless says that the environment has no package database, or next
	// to nothing in it, although it has an os-release.
	Distroless bool
	// Message is the team's own text, shown when the stage fails.
	Message string
	// FirstParty are the components that the project itself makes.
	FirstParty []FirstParty
	// Roots are the packages and commands that the stage uses by itself, as
	// written: what needs what begins there.
	Roots []string
	// Registries are allowed in this stage besides the pipeline's.
	Registries []string
	// Flags are those of the command line by which this stage was chosen and
	// changed. They are not part of the file; commands to paste repeat them.
	Flags []Flag
}

// Flag is one flag of the command line, such as "--env" with its value.
type Flag struct{ Name, Value string }

// Strict says whether findings of the stage fail it.
func (s *Stage) Strict() bool { return s.Critical || s.Enforce }

// FirstParty names components that a stage builds; exactly one field is set.
type FirstParty struct {
	// Name is a package name, of whatever type.
	Name string
	// PURL is a package URL; without a version it stands for all of them.
	PURL string
	// Path is a doublestar pattern. A component is the project's own when
	// all of its paths match.
	Path string
}

// Exception lets a dependency be there although nothing accounts for it.
type Exception struct {
	// PURL is a package URL; without a version it stands for all versions,
	// without qualifiers for all of them.
	PURL string
	// Path is a doublestar pattern that narrows PURL down. Without PURL it
	// stands for files that no package accounts for.
	Path string
	// Reason and Owner are for the reviewers.
	Reason string
	Owner  string
	// Expires is the last day, YYYY-MM-DD, on which the exception holds.
	Expires string
	// Line is where the configuration has it.
	Line int
}

// Waiver lets a gap of one stage be there for a time.
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
	// Line is where the configuration has it.
	Line int
}

// LoadConfig reads a configuration and resolves the lock files in it. Errors
// in the file are [ConfigErrors]; os and fs errors are returned as they are.
func Load(path string) (*Config, error) {
	data, err := textfile.Read(path, MaxSize)
	if err != nil {
		return nil, err
	}
	c, lines, err := parseConfig(path, data)
	if err != nil {
		return nil, err
	}
	if errs := resolveLocks(c, lines); len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return c, nil
}

// ParseConfig reads a configuration without touching the disk: LockFiles stay
// empty. file names it in errors and anchors relative paths.
func Parse(file string, data []byte) (*Config, error) {
	c, _, err := parseConfig(file, data)
	return c, err
}

// String names the exception in messages.
func (x *Exception) String() string { return strings.TrimSpace(x.PURL + " " + x.Path) }

// String names the waiver in messages.
func (w *Waiver) String() string {
	return strings.TrimSpace(cmp.Or(string(w.Kind), "gaps") + " " + w.Path)
}
