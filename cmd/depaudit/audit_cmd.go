package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/judge"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// defaultConfig is looked for in the working folder only: a configuration
// that lies in a scanned tree is the tree's, not the reviewer's.
const defaultConfig = "depaudit.yaml"

// pipelineFlags choose what is audited, for every command that reads a
// configuration.
type pipelineFlags struct {
	config   string
	baseline string
	stages   []string
	envs     []string
	since    []string
}

func (p *pipelineFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.config, "config", "c", defaultConfig, "configuration `FILE`; its paths are relative to its folder")
	cmd.Flags().StringVar(&p.baseline, "baseline", "", "baseline `FILE`, instead of the configuration's")
	cmd.Flags().StringArrayVar(&p.stages, "stage", nil, "only this `STAGE`; may be given several times")
	cmd.Flags().StringArrayVar(&p.envs, "env", nil, "scan another environment for a stage, `STAGE=REF`; may be given several times")
	cmd.Flags().StringArrayVar(&p.since, "since", nil, "`[STAGE=]FILE` that depaudit snapshot wrote: what it has is the stage's base; without STAGE= it is for the stages on host:")
	_ = cmd.RegisterFlagCompletionFunc("stage", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		cfg, err := config.Load(p.config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return stageNames(cfg), cobra.ShellCompDirectiveNoFileComp
	})
}

// pipeline is a configuration as the flags want it.
type pipeline struct {
	config   *config.Config
	baseline *baseline.Baseline // nil when there is no file
	path     string             // of the baseline
	// stages are the ones that --stage chose, in the configuration's order.
	// The configuration keeps all of them: a stage that was not looked at is
	// not a stage that is gone.
	stages []config.Stage
	// overridden are the stages whose environment is from the command line,
	// where a folder is relative to the working folder and not to the
	// configuration's.
	overridden map[string]bool
	// since are the stages whose base is from the command line.
	since map[string]bool
}

// stageNames are the names of the stages that the flags chose.
func (p *pipeline) stageNames() []string {
	var names []string
	for _, s := range p.stages {
		names = append(names, s.Name)
	}
	return names
}

// dir is the folder that a stage's environment is relative to.
func (p *pipeline) dir(stage string) string {
	if p.overridden[stage] {
		return ""
	}
	return filepath.Dir(p.config.File)
}

// baseDir is the folder that a stage's base is relative to.
func (p *pipeline) baseDir(stage string) string {
	if p.since[stage] {
		return ""
	}
	return filepath.Dir(p.config.File)
}

func (p *pipelineFlags) load() (*pipeline, error) {
	cfg, err := config.Load(p.config)
	if errors.Is(err, fs.ErrNotExist) && p.config == defaultConfig {
		return nil, usage(&hinted{fmt.Errorf("there is no %s in this folder", defaultConfig), "name one with --config FILE, or look at one environment with: depaudit scan dir:ROOT"})
	}
	if err != nil {
		return nil, usage(err)
	}
	overridden, err := p.override(cfg)
	if err != nil {
		return nil, usage(err)
	}
	since, err := p.applySince(cfg)
	if err != nil {
		return nil, usage(err)
	}
	p.repeat(cfg)
	path := cfg.BaselinePath()
	if p.baseline != "" {
		path = p.baseline
		cfg.Baseline = p.baseline
	}
	accepted, err := baseline.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		accepted = nil
	case err != nil:
		return nil, usage(err)
	}
	stages := slices.DeleteFunc(slices.Clone(cfg.Stages), func(s config.Stage) bool {
		return len(p.stages) > 0 && !slices.Contains(p.stages, s.Name)
	})
	return &pipeline{cfg, accepted, path, stages, overridden, since}, nil
}

// applySince makes the snapshots of --since the bases of their stages, and
// returns those stages.
func (p *pipelineFlags) applySince(cfg *config.Config) (map[string]bool, error) {
	since := make(map[string]bool)
	for _, s := range p.since {
		name, file, named := strings.Cut(s, "=")
		if !named {
			file = s
		} else if cfg.Stage(name) == nil {
			return nil, noStage("--since", name, cfg)
		}
		found := false
		for i := range cfg.Stages {
			stage := &cfg.Stages[i]
			if named && stage.Name != name || !named && !onHost(stage) {
				continue
			}
			found = true
			if stage.Base != "" {
				return nil, &hinted{fmt.Errorf("--since %s: the stage %s has the base %s already", s, stage.Name, stage.Base), "remove one of them"}
			}
			stage.Base = rootfs.SchemeSnapshot + ":" + file
			since[stage.Name] = true
		}
		if !found {
			return nil, &hinted{fmt.Errorf("--since %s: no stage is on %q", s, rootfs.SchemeHost+":"), "name the stage: --since " + cfg.Stages[0].Name + "=" + s}
		}
	}
	return since, nil
}

func onHost(stage *config.Stage) bool { return stage.Environment == rootfs.SchemeHost+":" }

// repeat tells every stage which flags a command that is pasted needs.
func (p *pipelineFlags) repeat(cfg *config.Config) {
	for i := range cfg.Stages {
		stage := &cfg.Stages[i]
		if p.config != defaultConfig {
			stage.Flags = append(stage.Flags, config.Flag{Name: "-c", Value: p.config})
		}
		if p.baseline != "" {
			stage.Flags = append(stage.Flags, config.Flag{Name: "--baseline", Value: p.baseline})
		}
		for _, env := range p.envs {
			if strings.HasPrefix(env, stage.Name+"=") {
				stage.Flags = append(stage.Flags, config.Flag{Name: "--env", Value: env})
			}
		}
		for _, since := range p.since {
			if strings.HasPrefix(since, stage.Name+"=") || !strings.Contains(since, "=") && onHost(stage) {
				stage.Flags = append(stage.Flags, config.Flag{Name: "--since", Value: since})
			}
		}
	}
}

// override applies --env and --stage, and returns the stages that the first
// is about.
func (p *pipelineFlags) override(cfg *config.Config) (map[string]bool, error) {
	overridden := make(map[string]bool)
	for _, s := range p.envs {
		name, ref, ok := strings.Cut(s, "=")
		if !ok || ref == "" {
			return nil, &hinted{fmt.Errorf("--env %s: want STAGE=REF", s), "such as --env " + cfg.Stages[0].Name + "=dir:/srv/root"}
		}
		stage := cfg.Stage(name)
		if stage == nil {
			return nil, noStage("--env", name, cfg)
		}
		if overridden[name] {
			return nil, fmt.Errorf("--env %s: the stage %s has an environment from another --env already", s, name)
		}
		overridden[name] = true
		stage.Environment = ref
	}
	for _, name := range p.stages {
		if cfg.Stage(name) == nil {
			return nil, noStage("--stage", name, cfg)
		}
	}
	return overridden, nil
}

func noStage(flag, name string, cfg *config.Config) error {
	err := fmt.Errorf("%s %s: %s has no such stage", flag, name, cfg.File)
	if near := wording.Nearest(name, stageNames(cfg)); near != "" {
		return &hinted{err, fmt.Sprintf("did you mean %q?", near)}
	}
	return &hinted{err, "there are: " + strings.Join(stageNames(cfg), ", ")}
}

func stageNames(cfg *config.Config) []string {
	var names []string
	for _, s := range cfg.Stages {
		names = append(names, s.Name)
	}
	return names
}

// inputs reads the locks and scans the environments of all stages. What is
// wrong with the configuration is told before anything is scanned.
func (c *command) inputs(ctx context.Context, p *pipeline, limits limitFlags) ([]judge.Input, error) {
	var envs, bases []environment
	var based []int // the stage of each base
	var inputs []judge.Input
	opened := make(map[string]*lockcheck.Lock)
	for i, stage := range p.stages {
		e, err := parseStage(stage.Name, stage.Environment, p.dir(stage.Name))
		if err != nil {
			return nil, usage(fmt.Errorf("stage %s: %w", stage.Name, err))
		}
		e.platform = stage.Platform
		e.paths = strings.Join(questionPaths(nil, stage.Roots), pathSeparator)
		base, ok, err := baseOf(stage, &e, p.baseDir(stage.Name))
		if err != nil {
			return nil, usage(fmt.Errorf("stage %s: base: %w", stage.Name, err))
		}
		if ok {
			bases, based = append(bases, base), append(based, i)
		}
		envs = append(envs, e)
		in := judge.Input{Stage: stage}
		for _, path := range stage.LockFiles {
			lock := opened[path]
			if lock == nil {
				if lock, err = lockcheck.Open(ctx, path); err != nil {
					return nil, usage(err)
				}
				opened[path] = lock
			}
			in.Locks = append(in.Locks, lock)
		}
		inputs = append(inputs, in)
	}
	outcomes, err := c.scanAll(ctx, slices.Concat(envs, bases), limits)
	if err != nil {
		return nil, err
	}
	for i, o := range outcomes[:len(envs)] {
		inputs[i].Document, inputs[i].Lost = o.doc, o.err
		inputs[i].Roots = rootsOf(p.stages[i], o)
	}
	for i, o := range outcomes[len(envs):] {
		inputs[based[i]].Base = &judge.Base{Ref: bases[i].raw, Document: o.doc, Lost: o.err}
	}
	return inputs, c.claimBases(ctx, inputs, envs, limits)
}

// today is the day that exceptions are held against: the only place where
// the clock is read, and SOURCE_DATE_EPOCH replaces it.
func (c *command) today() (string, error) {
	if c.env("SOURCE_DATE_EPOCH") != "" {
		t, err := c.created()
		return t.Format(time.DateOnly), err
	}
	return time.Now().UTC().Format(time.DateOnly), nil
}

// run audits a pipeline.
func (c *command) run(ctx context.Context, p *pipeline, limits limitFlags) (*audit.Report, error) {
	today, err := c.today()
	if err != nil {
		return nil, usage(err)
	}
	inputs, err := c.inputs(ctx, p, limits)
	if err != nil {
		return nil, err
	}
	return judge.Pipeline(p.config, inputs, p.baseline, tool(), today), nil
}

func (c *command) auditCommand() *cobra.Command {
	var (
		which    pipelineFlags
		out      outputFlags
		limits   limitFlags
		warnOnly bool
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Judge the stages of a pipeline: the gate",
		Long: `Scans the environment of every stage in depaudit.yaml, shows each dependency to
be OS-provided or lock-pinned, compares with the baseline, and says which stages
pass.

A critical stage fails when it has a dependency that its baseline has not, or
one that neither the operating system nor a lock file with a hash accounts for;
"depaudit explain" lists all rules. In other stages the same is a warning,
unless the configuration enforces it. The baseline is what the team accepted
before: "depaudit baseline update" writes it.

Paths in depaudit.yaml are relative to its folder, those on the command line to
the working folder. A depaudit.yaml inside of an environment is never read.
` + environmentHelp() + outputHelp + `
Exit codes, the same in every format: 0 every stage passed, 1 a stage failed,
2 the configuration, the baseline or the command line is wrong and nothing was
judged, 3 incomplete, 4 could not run or could not write.`,
		Example: `  depaudit audit
  depaudit audit --stage build-source --show growth
  depaudit audit -o table -o json=report.json -o spdx-json={stage}.spdx.json
  depaudit audit --env build-source=dir:/srv/chroot/build
  depaudit audit -o table -o markdown="$GITHUB_STEP_SUMMARY"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := c.check(&out, &limits)
			if err != nil {
				return err
			}
			p, err := which.load()
			if err != nil {
				return err
			}
			if err := c.checkOutputs(outputs, p.stageNames()); err != nil {
				return err
			}
			r, err := c.run(cmd.Context(), p, limits)
			if err != nil {
				return err
			}
			if err := c.write(r, outputs, out.show); err != nil {
				return err
			}
			return c.verdict(r, warnOnly)
		},
	}
	which.register(cmd)
	out.register(cmd)
	limits.register(cmd)
	cmd.Flags().BoolVar(&warnOnly, "warn-only", false, "exit with 0 whatever the verdict; the report says it all the same")
	return cmd
}

// verdict turns a report into the exit code.
func (c *command) verdict(r *audit.Report, warnOnly bool) error {
	code := r.ExitCode()
	if code == exitPass {
		return nil
	}
	if warnOnly {
		fmt.Fprintf(c.stderr, "depaudit: the verdict is %q; exit code 0 because of --warn-only\n", r.Verdict)
		return nil
	}
	return &exitError{code: code}
}
