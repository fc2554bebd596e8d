package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/sbom/wording"
)

// BaselineVersion is the version of the baseline's format.
const BaselineVersion = 1

// MaxBaselineSize is the largest baseline that is read, in bytes. A line has
// some 120 bytes, so this is half a million dependencies.
const MaxBaselineSize = 64 << 20

// Baseline is what the team has accepted, stage by stage. It is committed
// beside the code, one dependency a line, so that the diff of a pull request
// shows exactly what is being accepted.
type Baseline struct {
	// Stages by name.
	Stages map[string]*StageBaseline
}

// StageBaseline is the accepted set of one stage.
type StageBaseline struct {
	// Method is what the set was counted with. Each stage has its own, since
	// each can be brought up to date alone.
	Method
	// Reason is the text with which the stage's first baseline was accepted.
	Reason string
	// Dependencies are sorted by key and version. Those that were accepted
	// as growth have the reason that was given.
	Dependencies []Entry
}

// ErrReason says that growth of a critical stage needs a reason.
var ErrReason = errors.New("a critical stage grows: a reason is needed")

// LoadBaseline reads a baseline. A file that does not exist is an error that
// matches fs.ErrNotExist; a malformed one is a *[ConfigError].
func LoadBaseline(path string) (*Baseline, error) {
	data, err := readLimited(path, MaxBaselineSize)
	if err != nil {
		return nil, err
	}
	return ParseBaseline(path, data)
}

// Write replaces the file at path by the baseline, whole or not at all.
func (b *Baseline) Write(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(b.Encode())
		return err
	})
}

// With returns a baseline in which the stage is accepted as it is in the
// report; b, which may be nil, is not changed. A stage with gaps, and one that
// looks empty, is never accepted, and growth or weaker proof in a critical
// stage only with a reason ([ErrReason]). Dependencies that stay keep the
// reason that they were accepted with.
func (b *Baseline) With(stage Stage, reason string) (*Baseline, error) {
	if n := stage.openGaps(); n > 0 {
		return nil, fmt.Errorf("stage %q has %s: a baseline made of it would accept what nobody has seen; repair them first",
			stage.Name, wording.Count(n, "gap", "gaps"))
	}
	if stage.limited() {
		return nil, fmt.Errorf("stage %q cannot show all that a critical stage must (depaudit explain %s): no baseline is made of it", stage.Name, RuleLimitation)
	}
	if slices.ContainsFunc(stage.Findings, func(f Finding) bool { return f.Rule == RuleEmpty }) {
		return nil, fmt.Errorf("stage %q looks empty (depaudit explain %s): no baseline is made of it", stage.Name, RuleEmpty)
	}
	next := &Baseline{Stages: map[string]*StageBaseline{}}
	var before *StageBaseline
	if b != nil {
		maps.Copy(next.Stages, b.Stages)
		before = b.Stages[stage.Name]
	}
	accepted := &StageBaseline{Method: stage.Method}
	next.Stages[stage.Name] = accepted
	now := entries(stage.Dependencies)
	if before == nil {
		accepted.Reason = clean(reason)
		accepted.Dependencies = now
		return next, accepted.check()
	}
	accepted.Reason = before.Reason
	m := compareParts(before.Dependencies, now, stage.Base.trusted())
	strict := stage.Critical || stage.Enforced
	if len(m.growth) > 0 && reason == "" && strict {
		return nil, fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
	}
	for _, e := range slices.Concat(m.growth, m.baseAdded) {
		e.Reason = clean(reason)
		accepted.Dependencies = append(accepted.Dependencies, e)
	}
	for _, p := range m.stay {
		p.now.Reason = p.before.Reason
		if weaker(p.before.strength(), p.now.strength()) {
			if reason == "" && strict {
				return nil, fmt.Errorf("stage %q: %w", stage.Name, ErrReason)
			}
			p.now.Reason = clean(reason)
		}
		accepted.Dependencies = append(accepted.Dependencies, p.now)
	}
	slices.SortFunc(accepted.Dependencies, compareEntries)
	return next, accepted.check()
}

// Without returns a baseline that does not have the stage.
func (b *Baseline) Without(stage string) *Baseline {
	next := &Baseline{Stages: maps.Clone(b.Stages)}
	delete(next.Stages, stage)
	return next
}

// check refuses what the reader would refuse, so that it is never written.
func (s *StageBaseline) check() error {
	for i := 1; i < len(s.Dependencies); i++ {
		if a, b := s.Dependencies[i-1], s.Dependencies[i]; compareEntries(a, b) == 0 {
			return fmt.Errorf("two dependencies have the identity %q at version %q", a.Key, a.Version)
		}
	}
	return nil
}

// StageDiff is what differs between two baselines in one stage.
type StageDiff struct {
	Name string
	// New and Gone say that only one of the two has the stage; the lists are
	// then empty.
	New, Gone bool
	// Before and After are the numbers of dependencies.
	Before, After int
	// Methods are set, before and after, when they differ.
	Methods *[2]Method
	Added   []Entry
	Removed []Entry
	Changed []Change
	Weaker  []Weaker
}

// Diff tells, stage by stage in order of name, what next accepts that b does
// not, and the other way round. Stages without a difference are left out. Both
// may be nil.
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

func (b *Baseline) stages() map[string]*StageBaseline {
	if b == nil {
		return nil
	}
	return b.Stages
}

func diffStage(name string, before, after *StageBaseline) (StageDiff, bool) {
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
		d.Methods = &[2]Method{before.Method, after.Method}
	}
	x := compareParts(before.Dependencies, after.Dependencies, true)
	d.Added, d.Removed = slices.Concat(x.growth, x.baseAdded), slices.Concat(x.removed, x.baseRemoved)
	d.Changed = changes(slices.Concat(x.changed, x.baseChanged))
	slices.SortFunc(d.Added, compareEntries)
	slices.SortFunc(d.Removed, compareEntries)
	slices.SortFunc(d.Changed, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.From, b.From))
	})
	stronger := len(x.toBase) > 0
	for _, p := range x.kept {
		from, to := p.before.strength(), p.now.strength()
		if weaker(from, to) {
			d.Weaker = append(d.Weaker, Weaker{ID: p.now.ID, From: from, To: to})
		} else if from != to || p.before.Base != p.now.Base {
			stronger = true
		}
	}
	slices.SortFunc(d.Weaker, func(a, b Weaker) int { return cmp.Compare(a.ID, b.ID) })
	differs := stronger || d.Methods != nil || len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.Weaker) > 0
	return d, differs
}
