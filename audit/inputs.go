package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Inputs are what the stages of a pipeline were judged by, whichever of them the
// report has. The reports of several jobs have equal inputs if they are of one
// pipeline at one commit.
type Inputs struct {
	// Files are the configuration, the baseline and the file with the exceptions,
	// as far as there are such files.
	Files []InputFile `json:"files"`
	// Stages are all stages of the configuration, in its order.
	Stages []ConfiguredStage `json:"stages"`
	// Exceptions are all exceptions of the configuration, in its order.
	Exceptions []ConfiguredException `json:"exceptions,omitempty"`
	// ExceptionNotice is the number of days before the end of an exception in which
	// audits warn about it.
	ExceptionNotice int `json:"exceptionNotice"`
}

// The kinds of an [InputFile].
const (
	InputConfiguration = "configuration"
	InputBaseline      = "baseline"
	InputExceptions    = "exceptions"
)

// InputFile is a file that decides how stages are judged.
type InputFile struct {
	// Kind is one of InputConfiguration, InputBaseline and InputExceptions.
	Kind string `json:"kind"`
	// Path is as configured or as given, with slashes.
	Path string `json:"path"`
	// Digest is that of its content, see [TextDigest]. That of a baseline is of
	// what a baseline with the same meaning is written as.
	Digest string `json:"digest"`
	// Release is set if the baseline is that of a release.
	Release *ReleaseInput `json:"release,omitempty"`
}

// ReleaseInput is the release that a baseline was read from.
type ReleaseInput struct {
	// Date is that of the release, in the form of RFC 3339, in UTC.
	Date string `json:"date"`
	// Digest is that of the release in a registry, empty for a directory.
	Digest string `json:"digest,omitempty"`
	// Key is the name of the key that was required and signed it, the digest of its
	// public part: 64 hexadecimal digits. It is empty if no signature was checked. It
	// proves nothing by itself: the reader compares it with the name of a key that is
	// trusted.
	Key string `json:"key,omitempty"`
}

// Day returns the day of the release, YYYY-MM-DD.
func (r *ReleaseInput) Day() string { return r.Date[:min(len(r.Date), len(time.DateOnly))] }

// Signer describes who signed it, for a sentence about the release.
func (r *ReleaseInput) Signer() string {
	if r.Key == "" {
		return "whose signature was not checked"
	}
	return "signed by the key " + r.Key
}

var keyForm = lazyregexp.New(`^[0-9a-f]{64}$`)

func (f *InputFile) validate() error {
	r := f.Release
	if r == nil {
		return nil
	}
	_, err := time.Parse("2006-01-02T15:04:05Z", r.Date)
	switch {
	case f.Kind != InputBaseline:
		return fmt.Errorf("the %s is that of a release", f.Kind)
	case err != nil:
		return fmt.Errorf("the release of the baseline has the date %q", r.Date)
	case r.Key != "" && !keyForm.MatchString(r.Key):
		return fmt.Errorf("the release of the baseline has the key %q", r.Key)
	case r.Digest != "" && !digestSuffix.MatchString("@"+r.Digest):
		return fmt.Errorf("the release of the baseline has the digest %q", r.Digest)
	}
	return nil
}

// ConfiguredStage is a stage of the configuration.
type ConfiguredStage struct {
	Name string `json:"name"`
	// Line is that of its name in the configuration.
	Line int `json:"line,omitempty"`
	// Critical and Enforced are as in [Stage].
	Critical bool `json:"critical,omitempty"`
	Enforced bool `json:"enforced,omitempty"`
	// Definition are the references of its definition, as configured: the jobs that
	// should report it.
	Definition []string `json:"definition,omitempty"`
}

// Strict reports whether findings of the stage fail it.
func (s *ConfiguredStage) Strict() bool { return s.Critical || s.Enforced }

// ConfiguredException is an exception as the configuration has it.
type ConfiguredException struct {
	PURL   string   `json:"purl,omitempty"`
	Path   string   `json:"path,omitempty"`
	Stages []string `json:"stages,omitempty"`
	Rules  []string `json:"rules,omitempty"`
	Reason string   `json:"reason"`
	Owner  string   `json:"owner"`
	// Added is the configured day on which it was added, Expires its last day,
	// YYYY-MM-DD.
	Added   string `json:"added,omitempty"`
	Expires string `json:"expires"`
	// File and Line are its place.
	File string `json:"file"`
	Line int    `json:"line"`
}

// Subject returns what the exception is about, as baselines and findings name it.
func (x *ConfiguredException) Subject() string { return strings.TrimSpace(x.PURL + " " + x.Path) }

// Place returns where the exception is.
func (x *ConfiguredException) Place() *Place { return &Place{x.File, x.Line, x.Subject()} }

// ForStage reports whether the exception holds in a stage.
func (x *ConfiguredException) ForStage(name string) bool {
	return len(x.Stages) == 0 || slices.Contains(x.Stages, name)
}

func (x *ConfiguredException) equal(y *ConfiguredException) bool {
	return x.File == y.File && x.Line == y.Line && x.PURL == y.PURL && x.Path == y.Path && x.Expires == y.Expires && x.Owner == y.Owner &&
		x.Reason == y.Reason && x.Added == y.Added && slices.Equal(x.Stages, y.Stages) && slices.Equal(x.Rules, y.Rules)
}

// TextDigest returns the digest of a text file, "sha256:" and digits. Line ends
// with a carriage return count as those without, as a checkout on Windows has
// them, and a byte order mark is left out.
func TextDigest(data []byte) string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// File returns the file of a kind, or nil.
func (in *Inputs) File(kind string) *InputFile {
	if i := slices.IndexFunc(in.Files, func(f InputFile) bool { return f.Kind == kind }); i >= 0 {
		return &in.Files[i]
	}
	return nil
}

// Stage returns the stage of a name, or nil.
func (in *Inputs) Stage(name string) *ConfiguredStage {
	if i := slices.IndexFunc(in.Stages, func(s ConfiguredStage) bool { return s.Name == name }); i >= 0 {
		return &in.Stages[i]
	}
	return nil
}

// place returns the index of a stage in the configuration.
func (in *Inputs) place(name string) int {
	return slices.IndexFunc(in.Stages, func(s ConfiguredStage) bool { return s.Name == name })
}

// StageNames returns the names of all stages of the configuration.
func (in *Inputs) StageNames() []string {
	var names []string
	for _, s := range in.Stages {
		names = append(names, s.Name)
	}
	return names
}

// validateInputs checks the inputs, and that the stages of the report are among
// theirs, in the same order.
func (r *Report) validateInputs() error {
	in := r.Inputs
	if in == nil {
		if r.Config != "" {
			return errors.New("the inputs of the configuration are missing; it is of an older depaudit: audit again")
		}
		return nil
	}
	names := map[string]bool{}
	for _, s := range in.Stages {
		if names[s.Name] {
			return fmt.Errorf("the configuration has two stages %q", s.Name)
		}
		names[s.Name] = true
	}
	for i, f := range in.Files {
		if slices.ContainsFunc(in.Files[:i], func(g InputFile) bool { return g.Kind == f.Kind }) {
			return fmt.Errorf("two input files are the %s", f.Kind)
		}
		if err := f.validate(); err != nil {
			return err
		}
	}
	last := -1
	for i := range r.Stages {
		s := &r.Stages[i]
		at := in.place(s.Name)
		if at < 0 {
			return fmt.Errorf("stage %q is not among those of the configuration", s.Name)
		}
		if c := in.Stages[at]; c.Line != s.Line || c.Critical != s.Critical || c.Enforced != s.Enforced {
			return fmt.Errorf("stage %q contradicts the stage of the configuration", s.Name)
		}
		if at < last {
			return fmt.Errorf("stage %q is not in the order of the configuration", s.Name)
		}
		last = at
	}
	return nil
}

// Examined reports whether the scans of the stage have results.
func (s *Stage) Examined() bool {
	return !slices.ContainsFunc(s.Gaps, func(g Gap) bool { return g.Lost() })
}

// PartFindings returns the findings about no single stage that depend on which
// stages the report has: they follow from the stages and the inputs, and those of
// two reports do not add up to those of both. required are the names of stages
// that the report must have.
func (r *Report) PartFindings(required []string) []Finding {
	if r.Inputs == nil {
		return nil
	}
	var out []Finding
	add := func(rule Rule, f Facts) {
		f.Severity = rule.Strict
		out = append(out, rule.Finding(f))
	}
	has := func(name string) bool {
		return slices.ContainsFunc(r.Stages, func(s Stage) bool { return s.Name == name })
	}
	var left []string // the critical stages that were not selected
	for _, s := range r.Inputs.Stages {
		switch {
		case has(s.Name):
		case slices.Contains(required, s.Name):
			f := Facts{Subject: s.Name, Detail: strings.Join(s.Definition, ", "), Line: s.Line, Paths: []string{r.Config}, Place: &Place{File: r.Config, Line: s.Line, Entry: s.Name}}
			add(RuleNotReported, f)
		case s.Strict():
			left = append(left, s.Name)
		}
	}
	if len(left) > 0 {
		add(RuleNotJudged, Facts{Subject: wording.Count(len(left), "critical stage", "critical stages") + ": " + strings.Join(left, ", ")})
	}
	r.exceptionFindings(add)
	return append(out, r.PolicyFrom.findings()...)
}

// exceptionFindings reports the exceptions that no stage needs, and those that end
// soon.
func (r *Report) exceptionFindings(add func(Rule, Facts)) {
	// An exception for a stage that was not examined may be needed there.
	examined := func(x *ConfiguredException) bool {
		return !slices.ContainsFunc(r.Inputs.Stages, func(c ConfiguredStage) bool {
			return x.ForStage(c.Name) && !slices.ContainsFunc(r.Stages, func(s Stage) bool { return s.Name == c.Name && s.Examined() })
		})
	}
	for i := range r.Inputs.Exceptions {
		x := &r.Inputs.Exceptions[i]
		// Of two equal ones, the first one is used.
		again := slices.ContainsFunc(r.Inputs.Exceptions[:i], func(y ConfiguredException) bool { return x.equal(&y) })
		var use *ExceptionUse
		for k := range r.Stages {
			for j := range r.Stages[k].Exceptions {
				if u := &r.Stages[k].Exceptions[j]; !again && u.equal(x) && (use == nil || u.Left < use.Left) {
					use = u
				}
			}
		}
		switch {
		case use == nil && examined(x):
			add(RuleUnusedException, Facts{
				Subject: fmt.Sprintf("%s (%s, until %s)", x.Subject(), x.Owner, x.Expires), Line: x.Line, Paths: []string{x.File}, Place: x.Place(),
			})
		case use != nil && !use.Expired && use.Left <= r.Inputs.ExceptionNotice:
			add(RuleExpiring, Facts{
				Subject: fmt.Sprintf("%s (%s)", x.Subject(), x.Owner), Count: use.Left, Detail: x.Expires, Line: x.Line, Paths: []string{x.File}, Place: x.Place(),
			})
		}
	}
}

// SortFindings sorts by severity, the highest first, then in the order of the
// rules.
func SortFindings(findings []Finding) {
	severities := []Severity{SeverityIncomplete, Error, Warning, Info}
	rules := Rules()
	place := func(id string) int { return slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id }) }
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
			cmp.Compare(place(a.Rule), place(b.Rule)),
			slices.Compare(a.Paths, b.Paths), cmp.Compare(a.Message, b.Message),
		)
	})
}
