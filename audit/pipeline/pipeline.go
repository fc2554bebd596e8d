// Package pipeline audits a release pipeline: it reads the lock files, scans
// the environment of each stage and the base it started from, and hands what it
// found to package judge for the verdict. The command depaudit is flags,
// streams and exit codes around it.
//
// # One seam
//
// [Options.Scanner] makes the document of one environment. The default,
// [InProcess], scans in the caller's process. Catalogers read untrusted files:
// they have been seen to need 7 GB for a small jar, to continue after a cancel,
// and to deadlock. The command therefore plugs in a scanner that starts a child
// process with a memory limit, and kills it. A program that audits untrusted
// environments should do the same.
//
// # Errors and gaps
//
// [Audit] and [Scan] check the configuration, the lock files and the paths of
// all environments before the first scan. A mistake there is an [*InputError]:
// nothing was scanned and nothing was judged. A scan without a result is no
// error but a gap of its stage, so that the other stages are still judged and
// the report is not a pass. Every other error means that the audit could not
// run: the context ended, or a scanner returned a [*RunError].
//
// # Clocks
//
// The package reads no clock. [Options.Today] and [Options.Now] are the
// caller's; only a deadline ([Options.Timeout]) runs by the system's timer.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/judge"
	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Options are the surroundings of an audit. The zero value scans in this
// process, without a deadline, a cache or progress; [Audit] needs Today.
type Options struct {
	// Scanner makes the document of one environment; nil is [InProcess].
	Scanner Scanner
	// Timeout bounds the scan of one environment. What takes longer is a gap.
	// Zero is no limit.
	Timeout time.Duration
	// Cache is the directory for the indexes of image layers; empty for none.
	Cache string
	// Manifests is the directory for manifests of artifacts, empty for none, and
	// Artifacts are directories with artifacts of every stage.
	Manifests string
	Artifacts []string
	// Rehash is as in [scan.Options].
	Rehash bool
	// Own is as in [scan.Options], for scans of the host.
	Own []string
	// Now is the time at which the audit begins; see [scan.Options.Now].
	Now time.Time
	// Input is the content of the reference "sbom:-".
	Input io.Reader
	// Progress, if set, is called from several goroutines, one call at a time
	// for each environment.
	Progress func(Progress)
	// Suggest reads the locks beside the configuration, or in the working
	// directory, so that a report names those that would pin what is not pinned.
	Suggest bool
	// Tool names the program in the report. Its catalogers are filled in.
	Tool audit.Tool

	// The rest is for [Audit] alone.

	// Today, YYYY-MM-DD, is the day that exceptions are checked against.
	Today string
	// Baseline is the accepted state, nil when there is none.
	Baseline *baseline.Baseline
	// BaselineFile is the path of its file, which may not be in an environment
	// that is judged; empty when there is none.
	BaselineFile string
	// Stages are the names of the stages to audit; empty for all.
	Stages []string
	// Environments replaces the environments of some stages. Paths are
	// relative to the working directory, not to the configuration's.
	Environments map[string]string
	// Since are snapshots that are the bases of their stages.
	Since []Since
	// Sources are what files are verified with besides the configuration's.
	// Paths are relative to the working directory.
	Sources config.Sources
}

// Since is a snapshot of what a stage's environment was before the job.
type Since struct {
	// Stage is the name of the stage; empty for every stage on "host:".
	Stage string
	// File is the path of the snapshot, relative to the working directory.
	File string
}

// Audit judges the stages of a pipeline. Paths in the configuration are
// relative to the directory of cfg.File. The configuration is not changed.
// The report of equal inputs has equal bytes.
func Audit(ctx context.Context, cfg *config.Config, o Options) (*audit.Report, error) {
	s, err := ScanStages(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	return s.Judge(o.Baseline), nil
}

// Scans are the scanned stages of a pipeline. They can be judged by several
// baselines.
type Scans struct {
	config *config.Config
	inputs []judge.Input
	tool   audit.Tool
	today  string
}

// Judge reports on the stages. accepted may be nil.
func (s *Scans) Judge(accepted *baseline.Baseline) *audit.Report {
	return judge.Pipeline(s.config, s.inputs, accepted, s.tool, s.today)
}

// ScanStages scans the stages as [Audit] does, and judges nothing.
func ScanStages(ctx context.Context, cfg *config.Config, o Options) (*Scans, error) {
	if _, err := time.Parse(time.DateOnly, o.Today); err != nil {
		return nil, &InputError{Err: fmt.Errorf("the day that exceptions are checked against is not YYYY-MM-DD: %q", o.Today)}
	}
	if err := cfg.CheckExceptions(o.Today); err != nil {
		return nil, &InputError{Err: err}
	}
	p, stages, err := prepare(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	if err := scanStages(ctx, stages, o); err != nil {
		return nil, err
	}
	if files := cfg.Files; files != nil {
		// Now all locks are read, with what they include.
		p.config.From = files.From()
		for i := range stages {
			stages[i].input.From = p.config.From
			shown(&stages[i].input, files)
		}
	}
	scans := &Scans{config: p.config, tool: o.tool(), today: o.Today}
	for _, s := range stages {
		scans.inputs = append(scans.inputs, s.input)
	}
	return scans, nil
}

// prepare checks the configuration and what the scans of its stages need.
func prepare(ctx context.Context, cfg *config.Config, o Options) (*applied, []stageScan, error) {
	p, err := apply(cfg, o)
	if err != nil {
		return nil, nil, err
	}
	var stages []stageScan
	locks, inSight := make(lockCache), make(sight)
	defined := &definitions{file: cfg.File}
	defer defined.Close()
	for _, stage := range p.chosen(o.Stages) {
		s, err := newStageScan(stage, p.dir(stage.Name), p.baseDir(stage.Name))
		if err != nil {
			return nil, nil, &InputError{Err: fmt.Errorf("stage %s: %w", stage.Name, errors.Unwrap(err)), Hint: hintOf(err)}
		}
		if s.input.Locks, err = locks.open(ctx, cfg, stage.LockFiles); err != nil {
			return nil, nil, err
		}
		if err := p.checkLinks(s); err != nil {
			return nil, nil, err
		}
		if o.Suggest {
			s.input.Sight = inSight.in(ctx, filepath.Dir(cfg.File), stage.LockFiles)
		}
		if err := s.verify(p.config, o); err != nil {
			return nil, nil, err
		}
		if s.input.Definition, err = defined.of(ctx, stage); err != nil {
			return nil, nil, err
		}
		stages = append(stages, *s)
	}
	if err := checkPlaces(p.config, stages, o); err != nil {
		return nil, nil, err
	}
	return p, stages, nil
}

// StageProof is what was verified of a stage.
type StageProof struct {
	Stage string
	// Registries are those that the configuration allows.
	Registries []string
	// Proof is nil for a stage that is not verified, and when Lost is set.
	Proof *audit.Proof
	// Lost is why the scan has no result.
	Lost error
}

// Proofs verifies the stages of a pipeline as [Audit] does, and judges nothing.
func Proofs(ctx context.Context, cfg *config.Config, o Options) ([]StageProof, error) {
	p, stages, err := prepare(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	if err := scanStages(ctx, stages, o); err != nil {
		return nil, err
	}
	var out []StageProof
	for i := range stages {
		in := &stages[i].input
		out = append(out, StageProof{Stage: in.Stage.Name, Registries: slices.Concat(p.config.Registries, in.Stage.Registries), Proof: in.Proof, Lost: in.Lost})
	}
	return out, nil
}

// Scan reports on one environment without a configuration and a baseline. Of
// the stage it uses Name, Environment, LockFiles, Base and Platform; paths are
// relative to the working directory. A scan without a result is an error here.
func Scan(ctx context.Context, stage config.Stage, o Options) (*audit.Report, error) {
	s, err := newStageScan(stage, "", "")
	if err != nil {
		return nil, err
	}
	if s.input.Locks, err = make(lockCache).open(ctx, &config.Config{}, stage.LockFiles); err != nil {
		return nil, err
	}
	if o.Suggest {
		s.input.Sight = make(sight).in(ctx, "", stage.LockFiles)
	}
	stages := []stageScan{*s}
	if err := scanStages(ctx, stages, o); err != nil {
		return nil, err
	}
	if lost := stages[0].input.Lost; lost != nil {
		return nil, &LostError{lost}
	}
	return judge.Environment(stages[0].input, o.tool()), nil
}

// tool is the program with the catalogers that count, without which no
// baseline could be compared.
func (o Options) tool() audit.Tool {
	t := o.Tool
	t.Catalogers = catalogers.Version
	return t
}

// stageScan is a stage with what has to be scanned for it.
type stageScan struct {
	input judge.Input
	env   Environment
	base  *Environment // nil when the configuration names none
}

// newStageScan checks the references of a stage. Its error is an
// [*InputError].
func newStageScan(stage config.Stage, dir, baseDir string) (*stageScan, error) {
	env, err := parseStage(stage.Name, stage.Environment, dir)
	if err != nil {
		return nil, err
	}
	env.Platform = stage.Platform
	env.Paths = QuestionPaths(nil, stage.Roots)
	s := &stageScan{input: judge.Input{Stage: stage}, env: env}
	if stage.Base == "" {
		return s, nil
	}
	base, err := ParseEnvironment(stage.Name, stage.Base, baseDir)
	if err != nil {
		return nil, &InputError{Err: fmt.Errorf("base: %w", errors.Unwrap(err)), Hint: hintOf(err)}
	}
	base.Platform = stage.Platform
	// A snapshot of the stage's own environment also spares its scan the files
	// that have not changed since.
	if base.Ref.Scheme == rootfs.SchemeSnapshot && (env.Ref.Scheme == rootfs.SchemeHost || env.Ref.Scheme == rootfs.SchemeDir) {
		s.env.Since = base.Ref.Path
	}
	s.base = &base
	return s, nil
}

// verify requests a proof of the stage's files if the configuration wants one.
// An SBOM has no files.
//
// The caches of package managers on the auditor's machine are not searched: the
// evidence would depend on what was installed there before. What "fetch" got is.
func (s *stageScan) verify(c *config.Config, o Options) error {
	stage := &s.input.Stage
	switch {
	case !stage.Verified():
		return nil
	case audit.IsDocument(s.env.Ref.Scheme):
		if stage.Verify == config.VerifyDefault {
			return nil
		}
		return &InputError{Err: fmt.Errorf("stage %s: verify: %s: an SBOM has no files to verify", stage.Name, stage.Verify),
			Hint: "audit the environment itself, or remove `verify:` from the stage"}
	}
	sources := c.SourcesOf(stage)
	sources.Indexes = slices.Concat(sources.Indexes, o.Sources.Indexes)
	sources.Artifacts = slices.Concat(sources.Artifacts, o.Sources.Artifacts)
	sources.Trust = slices.Concat(sources.Trust, o.Sources.Trust)
	paths, dirs := lockPaths(stage.LockFiles)
	for i, path := range paths {
		paths[i] = c.Placed(path)
	}
	s.env.Verify = &ledger.Request{
		Indexes: sources.Indexes, Artifacts: slices.Concat(sources.Artifacts, o.Artifacts), Trust: sources.Trust,
		Locks: paths, For: dirs, Cache: o.Manifests, Sealed: stage.Verify == config.VerifySealed,
	}
	return nil
}

// scanStages fills the inputs of stages. Environments and bases are scanned
// side by side, then the bases that images name by themselves.
func scanStages(ctx context.Context, stages []stageScan, o Options) error {
	var envs []Environment
	var based []*stageScan
	for i := range stages {
		envs = append(envs, stages[i].env)
	}
	for i := range stages {
		if s := &stages[i]; s.base != nil {
			base := *s.base
			base.Verify = s.baseRequest()
			base.Sums = s.env.Verify != nil && base.Ref.IsImage()
			envs, based = append(envs, base), append(based, s)
		}
	}
	found, err := Inventories(ctx, envs, o)
	if err != nil {
		return err
	}
	for i := range stages {
		in, inv := &stages[i].input, found[i]
		in.Document, in.Proof, in.Lost = inv.Document, inv.Proof, inv.Lost
		if stages[i].env.Verify != nil && in.Document != nil && in.Proof == nil {
			// A scanner, or a kind of environment, without files: that is no pass.
			in.Proof = &audit.Proof{Gaps: []sbom.Gap{{Kind: sbom.GapLost, Detail: "the files of the environment were not verified (audit the environment itself, or set verify: false for the stage)"}}}
		}
		in.Roots = rootsOf(in.Stage, inv)
	}
	for i, s := range based {
		inv := found[len(stages)+i]
		s.input.Base = &judge.Base{Ref: s.base.Raw, Document: inv.Document, Proof: inv.Proof, Lost: inv.Lost}
	}
	return claimBases(ctx, stages, o)
}

// baseRequest returns what to verify about the base: its files are compared with
// those of the stage, if these are verified. Of an image that is made of its base
// the layers show what is changed.
func (s *stageScan) baseRequest() *ledger.Request {
	base := s.base.Ref
	if s.env.Verify == nil || base.Scheme == rootfs.SchemeSnapshot || base.IsImage() && s.env.Ref.IsImage() {
		return nil
	}
	return new(ledger.Request)
}

// rootsOf resolves a stage's roots in the scan of it. A root that resolves to
// nothing, or to several packages, has only its name.
func rootsOf(stage config.Stage, inv Inventory) []audit.Root {
	if len(stage.Roots) == 0 || inv.Document == nil {
		return nil
	}
	r := Resolver{Name: stage.Name, Graph: graph.New(inv.Document, graph.Options{}), Owners: inv.Owners}
	var roots []audit.Root
	for _, name := range stage.Roots {
		root := audit.Root{Name: name}
		if found, err := r.Resolve(name, true); err == nil {
			root.ID = found.ID
		}
		roots = append(roots, root)
	}
	return roots
}

// lockCache has the lock files that were read, by path.
type lockCache map[string]*lockcheck.Lock

// lockPaths returns the paths of lock files, and the directories that each is for.
func lockPaths(files []config.LockFile) (paths []string, dirs [][]string) {
	for _, f := range files {
		paths, dirs = append(paths, f.Path), append(dirs, f.For)
	}
	return paths, dirs
}

func (c lockCache) open(ctx context.Context, cfg *config.Config, files []config.LockFile) ([]*lockcheck.Lock, error) {
	var place func(string) (string, error)
	if cfg.Files != nil {
		place = cfg.Files.Place
	}
	var locks []*lockcheck.Lock
	for _, f := range files {
		path := f.Path
		if c[path] == nil {
			lock, err := lockcheck.OpenFrom(ctx, path, place)
			if err != nil {
				return nil, &InputError{Err: err}
			}
			c[path] = lock
		}
		locks = append(locks, c[path].Governing(f.For))
	}
	return locks, nil
}

// applied is a configuration with the options applied.
type applied struct {
	config *config.Config
	// replaced are the stages whose environment is from the options, where a
	// path is relative to the working directory; since those whose base is.
	replaced, since map[string]bool
}

// apply returns a copy of a configuration with the options applied.
func apply(cfg *config.Config, o Options) (*applied, error) {
	c := *cfg
	c.Stages = slices.Clone(cfg.Stages)
	p := &applied{config: &c, replaced: make(map[string]bool), since: make(map[string]bool)}
	for _, name := range o.Stages {
		if c.Stage(name) == nil {
			return nil, &InputError{Err: fmt.Errorf("%s has no stage %q", c.File, name)}
		}
	}
	for name, ref := range o.Environments {
		stage := c.Stage(name)
		if stage == nil {
			return nil, &InputError{Err: fmt.Errorf("%s has no stage %q", c.File, name)}
		}
		stage.Environment = ref
		p.replaced[name] = true
	}
	for _, s := range o.Since {
		if err := p.applySince(s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// applySince makes a snapshot the base of its stages.
func (p *applied) applySince(s Since) error {
	if s.Stage != "" && p.config.Stage(s.Stage) == nil {
		return &InputError{Err: fmt.Errorf("%s has no stage %q", p.config.File, s.Stage)}
	}
	found := false
	for i := range p.config.Stages {
		stage := &p.config.Stages[i]
		if s.Stage != "" && stage.Name != s.Stage || s.Stage == "" && !OnHost(*stage) {
			continue
		}
		found = true
		if stage.Base != "" {
			return &InputError{Err: fmt.Errorf("snapshot %s: stage %s already has the base %s", s.File, stage.Name, stage.Base), Hint: "remove one of them"}
		}
		stage.Base = rootfs.SchemeSnapshot + ":" + s.File
		p.since[stage.Name] = true
	}
	if !found {
		hint := "name the stage"
		if len(p.config.Stages) > 0 {
			hint += ", such as " + p.config.Stages[0].Name + "=" + s.File
		}
		return &InputError{Err: fmt.Errorf("snapshot %s: no stage has the environment %q", s.File, rootfs.SchemeHost+":"), Hint: hint}
	}
	return nil
}

// OnHost reports whether a stage's environment is the machine itself.
func OnHost(stage config.Stage) bool { return stage.Environment == rootfs.SchemeHost+":" }

// chosen are the stages of the given names, in the configuration's order.
// The configuration keeps all of them: a stage that was not scanned is not a
// stage that was removed.
func (p *applied) chosen(names []string) []config.Stage {
	return slices.DeleteFunc(slices.Clone(p.config.Stages), func(s config.Stage) bool {
		return len(names) > 0 && !slices.Contains(names, s.Name)
	})
}

// dir is the directory that a stage's environment is relative to.
func (p *applied) dir(stage string) string {
	if p.replaced[stage] {
		return ""
	}
	return filepath.Dir(p.config.File)
}

// baseDir is the directory that a stage's base is relative to.
func (p *applied) baseDir(stage string) string {
	if p.since[stage] {
		return ""
	}
	return filepath.Dir(p.config.File)
}

// checkLinks checks the paths of a stage's environment and base for links.
func (p *applied) checkLinks(s *stageScan) error {
	name := s.input.Stage.Name
	if err := checkLinks(name, "environment", &s.env, p.dir(name)); err != nil || s.base == nil {
		return err
	}
	return checkLinks(name, "base", s.base, p.baseDir(name))
}

// Progress is the state of a running scan.
type Progress struct {
	// Name is that of the environment; see [Environment.Name].
	Name string
	scan.Progress
	// Done reports whether the scan has ended.
	Done bool
}
