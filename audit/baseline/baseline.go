// Package baseline is the accepted state of the stages of a pipeline, and the
// file that contains it.
//
// The file is committed beside the code with one dependency a line, so that
// the diff of a pull request shows exactly what is accepted. [Parse] refuses
// everything that the format does not have, and [Baseline.Encode] writes equal
// baselines as equal bytes. [Baseline.With] accepts a stage of a report, and
// [Baseline.Diff] compares two baselines.
package baseline

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// formatVersion is the version of the file format.
const formatVersion = 1

// maxSize is the largest baseline that is read, in bytes. A line has some 120
// bytes, so this is half a million dependencies.
const maxSize = 64 << 20

// Baseline is the accepted state of each stage.
type Baseline struct {
	// Stages by name.
	Stages map[string]*Stage
}

// Stage is the accepted state of one stage.
type Stage struct {
	// Method counted the dependencies. Each stage has its own, since each can
	// be updated alone.
	audit.Method
	// Reason is the text with which the stage's first baseline was accepted.
	Reason string
	// Critical is true for a stage that was critical, or enforced, when it was
	// accepted: without it, the gate would lose its subject.
	Critical bool
	// Policy is what else decided whether the stage passes when it was accepted, nil
	// if it is not recorded. PolicyReason is the text with which it was last made
	// weaker.
	Policy       *audit.Policy
	PolicyReason string
	// Dependencies are sorted by key and version. Those that were accepted
	// as growth have the reason that was given.
	Dependencies []audit.Accepted
	// Verified is true if the files of the stage were verified when it was
	// accepted, so that Files has all that differ from what vouches for them.
	Verified bool
	// Files are the files that were accepted by their content, sorted. Nil means
	// that they are not known.
	Files []audit.AcceptedFile
	// Definition is what the definition of the stage names, sorted. Nil means that
	// the stage had none.
	Definition []audit.AcceptedUse
	// Exceptions are the exceptions that the stage needed when it was accepted, by
	// their purl and path, with the day, YYYY-MM-DD, since which it needs them.
	Exceptions map[string]string
}

// Digest identifies the accepted state of the stage of that name, by the bytes
// that a baseline without other stages has. It is empty for a nil stage.
func (s *Stage) Digest(name string) string {
	if s == nil {
		return ""
	}
	return audit.TextDigest((&Baseline{Stages: map[string]*Stage{name: s}}).Encode())
}

// ErrReason is the error for growth of a critical stage without a reason.
var ErrReason = errors.New("a critical stage grows: a reason is needed")

// ErrPolicy is the error for a critical stage whose gate is made weaker without a
// reason.
var ErrPolicy = errors.New("the gate of a critical stage gets weaker: a reason is needed")

// Load reads a baseline. The error for a file that does not exist matches
// fs.ErrNotExist, that for a malformed one is a *[textfile.Error].
func Load(path string) (*Baseline, error) { return LoadAt(path, path) }

// LoadAt is [Load] of the file at place, which errors name path.
func LoadAt(path, place string) (*Baseline, error) {
	data, err := textfile.ReadAt(path, place, maxSize)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Write replaces the file at path by the baseline, completely or not at all.
func (b *Baseline) Write(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(b.Encode())
		return err
	})
}

// With returns a baseline in which the stage is accepted as it is in the
// report; b, which may be nil, is not changed. A stage with gaps and one that
// looks empty are never accepted. Growth and weaker evidence in a critical
// stage are accepted only with a reason ([ErrReason]), and so is a weaker gate
// ([ErrPolicy]). Dependencies that were
// accepted before keep their reasons.
func (b *Baseline) With(stage audit.Stage, reason string) (*Baseline, error) {
	err := acceptable(&stage)
	if err != nil {
		return nil, err
	}
	next := &Baseline{Stages: map[string]*Stage{}}
	var before *Stage
	if b != nil {
		maps.Copy(next.Stages, b.Stages)
		before = b.Stages[stage.Name]
	}
	accepted := State(&stage)
	accepted.Dependencies, accepted.Files, accepted.Definition = nil, nil, nil // each gets its reason below
	next.Stages[stage.Name] = accepted
	reason = sbom.ValidText(reason)
	if before == nil {
		accepted.Reason = reason
		accepted.Dependencies, accepted.Files = stage.Accepted(), append([]audit.AcceptedFile{}, stage.Files...)
		accepted.Definition = stage.Definition.Accepted()
		return next, accepted.check()
	}
	accepted.Reason, accepted.PolicyReason = before.Reason, before.PolicyReason
	if weaker := before.weakerPolicy(accepted); len(weaker) > 0 {
		if reason == "" && (before.Critical || accepted.Critical) {
			return nil, fmt.Errorf("stage %q: %w (%s)", stage.Name, ErrPolicy, joinChanges(weaker))
		}
		accepted.PolicyReason = reason
	}
	p := growth.Compare(before.Dependencies, stage.Accepted(), stage.Base.Trusted())
	needsReason := reason == "" && (stage.Critical || stage.Enforced)
	if needsReason && len(p.Added) > 0 {
		return nil, fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
	}
	for _, d := range slices.Concat(p.Added, p.BaseAdded) {
		d.Reason = reason
		accepted.Dependencies = append(accepted.Dependencies, d)
	}
	for _, pair := range p.Remaining {
		d := pair.Now
		d.Reason = pair.Before.Reason
		if pair.Proved() && d.Strength().WeakerThan(pair.Before.Strength()) {
			d.Evidence = pair.Before.Evidence
		}
		if d.Content == "" && d.Version == pair.Before.Version && !stage.Verified {
			d.Content = pair.Before.Content // it was not looked at
		}
		if d.Strength().WeakerThan(pair.Before.Strength()) || differs(pair) || newlyCovered(pair) {
			if needsReason {
				return nil, fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
			}
			d.Reason = reason
		}
		accepted.Dependencies = append(accepted.Dependencies, d)
	}
	slices.SortFunc(accepted.Dependencies, audit.Accepted.Compare)
	accepted.Files = []audit.AcceptedFile{}
	for _, f := range stage.Files {
		i := slices.IndexFunc(before.Files, func(b audit.AcceptedFile) bool { return b.Same() == f })
		switch {
		case i >= 0:
			f = before.Files[i]
		case before.Files == nil || !before.Verified && stage.Verified:
			// It was there before files were looked at, for all that is known.
		case needsReason:
			return nil, fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
		default:
			f.Reason = reason
		}
		accepted.Files = append(accepted.Files, f)
	}
	if accepted.Definition, err = acceptUses(before, &stage, reason); err != nil && needsReason {
		return nil, err
	}
	return next, accepted.check()
}

// acceptUses returns the machinery of a stage with the reasons of what is new. The
// error is for a loss or growth that needs a reason.
func acceptUses(before *Stage, stage *audit.Stage, reason string) ([]audit.AcceptedUse, error) {
	needed := fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
	now := stage.Definition.Accepted()
	switch {
	case before.Definition == nil:
		return now, nil // it was there before it was read, for all that is known
	case now == nil:
		return nil, needed
	}
	var err error
	out := make([]audit.AcceptedUse, 0, len(now))
	pairs, added, _ := audit.CompareUses(before.Definition, now)
	for _, p := range pairs {
		p.Now.Reason = p.Before.Reason
		if p.Weaker() {
			p.Now.Reason, err = reason, needed
		}
		out = append(out, p.Now)
	}
	for _, u := range added {
		u.Reason, err = reason, needed
		out = append(out, u)
	}
	slices.SortFunc(out, audit.AcceptedUse.Compare)
	return out, err
}

// weakerPolicy returns what lets more pass in next than in s.
func (s *Stage) weakerPolicy(next *Stage) []audit.PolicyChange {
	var out []audit.PolicyChange
	if s.Critical && !next.Critical {
		out = append(out, audit.PolicyChange{Key: "critical", Before: "true", Weaker: true})
	}
	return append(out, s.Policy.Loosened(next.Policy, s.Critical || next.Critical)...)
}

func joinChanges(changes []audit.PolicyChange) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return strings.Join(out, "; ")
}

// differs reports whether a dependency of the same version has other files, is at
// another place, or has another lock entry.
func differs(p growth.Pair) bool {
	other := func(a, b string) bool { return a != "" && b != "" && a != b }
	b, n := p.Before, p.Now
	return b.Version == n.Version && (other(b.Content, n.Content) || other(b.Locked, n.Locked) || len(b.Paths) > 0 && !slices.Equal(b.Paths, n.Paths))
}

// newlyCovered reports whether an exception covers a dependency that the baseline
// does not have under it.
func newlyCovered(p growth.Pair) bool {
	return len(audit.CoversMore(p.Before.Exception, p.Now.Exception)) > 0
}

// acceptable returns an error for a stage whose dependencies are not all
// known.
func acceptable(stage *audit.Stage) error {
	if n := stage.OpenGaps(); n > 0 {
		return fmt.Errorf("stage %q has %s: a baseline would accept dependencies that were not examined (repair the gaps first)",
			stage.Name, wording.Count(n, "gap", "gaps"))
	}
	if stage.Limited() {
		return fmt.Errorf("stage %q has limitations that a critical stage must accept first: no baseline is made (see depaudit explain %s)", stage.Name, audit.RuleLimitation.ID)
	}
	if slices.ContainsFunc(stage.Findings, func(f audit.Finding) bool { return f.Rule == audit.RuleEmpty.ID }) {
		return fmt.Errorf("stage %q looks empty: no baseline is made (see depaudit explain %s)", stage.Name, audit.RuleEmpty.ID)
	}
	return nil
}

// Without returns a baseline that does not have the stage.
func (b *Baseline) Without(stage string) *Baseline {
	next := &Baseline{Stages: maps.Clone(b.Stages)}
	delete(next.Stages, stage)
	return next
}

// check returns an error for a baseline that [Parse] would refuse, so that it
// is never written.
func (s *Stage) check() error {
	for i := 1; i < len(s.Dependencies); i++ {
		if a, b := s.Dependencies[i-1], s.Dependencies[i]; a.Compare(b) == 0 {
			return fmt.Errorf("two dependencies have the identity %q at version %q", a.Key, a.Version)
		}
	}
	return nil
}

// StageDiff is the difference between two baselines in one stage.
type StageDiff struct {
	Name string
	// New and Gone are true when only one of the two has the stage; the lists
	// are then empty.
	New, Gone bool
	// Before and After are the numbers of dependencies.
	Before, After int
	// Methods are set, before and after, when they differ.
	Methods *[2]audit.Method
	Added   []audit.Accepted
	Removed []audit.Accepted
	Changed []audit.VersionChange
	Weaker  []audit.Weaker
	// Content are the IDs of dependencies of the same version with other files, at
	// other places, or with another lock entry.
	Content []string
	// Covered are the dependencies that an exception covers by a wildcard or by their
	// directory, and did not cover before.
	Covered []audit.Accepted
	// Policy are the differences in what decides whether the stage passes.
	Policy []audit.PolicyChange
	// FilesAdded and FilesRemoved are accepted files of one side only.
	FilesAdded, FilesRemoved []audit.AcceptedFile
	// UsesAdded and UsesRemoved are uses of the definition of one side only, and
	// UsesChanged those with another version or pin. DefinitionGone is true if the
	// second side has no definition any more.
	UsesAdded, UsesRemoved []audit.AcceptedUse
	UsesChanged            []audit.UsePair
	DefinitionGone         bool
}

// Diff returns the differences between b and next, in order of the stages'
// names. Stages without a difference are left out. Both may be nil.
func (b *Baseline) Diff(next *Baseline) []StageDiff {
	before, after := b.stages(), next.stages()
	names := slices.Sorted(maps.Keys(before))
	for name := range after {
		if before[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []StageDiff
	for _, name := range names {
		if d, differs := diffStage(name, before[name], after[name]); differs {
			out = append(out, d)
		}
	}
	return out
}

func (b *Baseline) stages() map[string]*Stage {
	if b == nil {
		return nil
	}
	return b.Stages
}

// State returns a stage of a report as a baseline records it, without reasons.
func State(stage *audit.Stage) *Stage {
	s := &Stage{
		Method: stage.Method, Critical: stage.Critical || stage.Enforced, Policy: stage.Policy,
		Dependencies: stage.Accepted(), Verified: stage.Verified, Files: stage.Files, Definition: stage.Definition.Accepted(),
	}
	for i := range stage.Exceptions {
		if x := &stage.Exceptions[i]; !x.Expired {
			if s.Exceptions == nil {
				s.Exceptions = map[string]string{}
			}
			s.Exceptions[x.Subject()] = x.Since
		}
	}
	return s
}

// Changes returns what accepting a stage as it is would change.
func (s *Stage) Changes(stage *audit.Stage) StageDiff { return s.Compare(stage.Name, State(stage)) }

// Compare returns the differences from s to next, which are states of the stage of
// that name.
func (s *Stage) Compare(name string, next *Stage) StageDiff {
	d, _ := diffStage(name, s, next)
	return d
}

func diffStage(name string, before, after *Stage) (StageDiff, bool) {
	d := StageDiff{Name: name, New: before == nil, Gone: after == nil}
	if before != nil {
		d.Before = len(before.Dependencies)
	}
	if after != nil {
		d.After = len(after.Dependencies)
	}
	if d.New || d.Gone {
		return d, true
	}
	if before.Method != after.Method {
		d.Methods = &[2]audit.Method{before.Method, after.Method}
	}
	p := growth.Compare(before.Dependencies, after.Dependencies, true)
	d.Added, d.Removed = slices.Concat(p.Added, p.BaseAdded), slices.Concat(p.Removed, p.BaseRemoved)
	d.Changed = growth.Changes(slices.Concat(p.Changed, p.BaseChanged))
	d.Weaker = growth.Weaker(p.Compared)
	slices.SortFunc(d.Added, audit.Accepted.Compare)
	slices.SortFunc(d.Removed, audit.Accepted.Compare)
	slices.SortFunc(d.Changed, func(a, b audit.VersionChange) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.From, b.From))
	})
	for _, pair := range p.Compared {
		if differs(pair) {
			d.Content = append(d.Content, pair.Now.ID)
		}
		if newlyCovered(pair) {
			d.Covered = append(d.Covered, pair.Now)
		}
	}
	slices.Sort(d.Content)
	slices.SortFunc(d.Covered, audit.Accepted.Compare)
	d.FilesAdded, d.FilesRemoved = filesOf(after, before), filesOf(before, after)
	d.Policy = before.policyChanges(after)
	pairs, added, removed := audit.CompareUses(before.Definition, after.Definition)
	d.UsesAdded, d.UsesRemoved, d.DefinitionGone = added, removed, before.Definition != nil && after.Definition == nil
	for _, p := range pairs {
		if p.Before.Same() != p.Now.Same() {
			d.UsesChanged = append(d.UsesChanged, p)
		}
	}
	other := len(d.Policy) > 0 || (before.Definition == nil) != (after.Definition == nil) || len(added)+len(removed)+len(d.UsesChanged) > 0 || before.Verified != after.Verified || (before.Files == nil) != (after.Files == nil) || slices.ContainsFunc(p.Compared, func(p growth.Pair) bool {
		b, n := p.Before, p.Now
		return b.Strength() != n.Strength() || b.Base != n.Base || b.Content != n.Content || b.Locked != n.Locked || b.Exception != n.Exception || !slices.Equal(b.Paths, n.Paths)
	})
	differs := other || len(d.FilesAdded)+len(d.FilesRemoved) > 0 || len(p.ToBase) > 0 || d.Methods != nil || len(d.Added)+len(d.Removed)+len(d.Changed) > 0
	return d, differs
}

// policyChanges returns all differences between two policies. One that is not
// recorded is compared as an empty one.
func (s *Stage) policyChanges(next *Stage) []audit.PolicyChange {
	var out []audit.PolicyChange
	if s.Critical != next.Critical {
		value := map[bool]string{true: "true"}
		out = append(out, audit.PolicyChange{Key: "critical", Before: value[s.Critical], Now: value[next.Critical], Weaker: s.Critical})
	}
	before, now := s.Policy, next.Policy
	if before == nil {
		before = &audit.Policy{}
	}
	if now == nil {
		now = &audit.Policy{}
	}
	return append(out, before.Changes(now)...)
}

// filesOf returns the files that only the first of two stages has.
func filesOf(s, other *Stage) []audit.AcceptedFile {
	have := map[audit.AcceptedFile]bool{}
	for _, f := range other.Files {
		have[f.Same()] = true
	}
	var out []audit.AcceptedFile
	for _, f := range s.Files {
		if !have[f.Same()] {
			out = append(out, f)
		}
	}
	return out
}
