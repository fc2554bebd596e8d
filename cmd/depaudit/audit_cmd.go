package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom/wording"
)

// defaultConfig is read from the working directory only: a configuration in a
// scanned tree was written by the tree's author, not by the reviewer.
const defaultConfig = "depaudit.yaml"

// pipelineFlags choose what is audited, for every command that reads a
// configuration.
type pipelineFlags struct {
	config   string
	baseline string
	stages   []string
	envs     []string
	since    []string
	sources  config.Sources
	// policyFrom and policyDir are where the policy is read from if that is not the
	// checkout.
	policyFrom, policyDir string
	// released returns the accepted state of a release in --baseline, nil for a command
	// that takes none; baselineKey is the file of the key that must have signed it.
	released    func(ctx context.Context, of releasedBaseline, pipeline string) (*baseline.Baseline, *audit.ReleaseInput, error)
	baselineKey string
}

// registerSources adds the flags of commands that verify files.
func (p *pipelineFlags) registerSources(cmd *cobra.Command) {
	listVar(cmd.Flags(), &p.sources.Indexes, "index", "directory or `FILE` with package indexes, besides the configuration's")
	listVar(cmd.Flags(), &p.sources.Artifacts, "artifacts", "`DIR` with artifacts, besides the configuration's")
	listVar(cmd.Flags(), &p.sources.Trust, "trust", "`FILE` with keys that are trusted, or the fingerprint of a built-in key")
}

// sourceFlags are the flags of registerSources with their values.
func (p *pipelineFlags) sourceFlags() []config.Flag {
	var out []config.Flag
	for _, f := range []struct {
		name   string
		values []string
	}{{"--index", p.sources.Indexes}, {"--artifacts", p.sources.Artifacts}, {"--trust", p.sources.Trust}} {
		for _, v := range f.values {
			out = append(out, config.Flag{Name: f.name, Value: v})
		}
	}
	return out
}

// checkSources finds paths that do not exist before the first scan.
func (p *pipelineFlags) checkSources() error {
	for _, f := range p.sourceFlags() {
		if _, err := os.Stat(f.Value); err != nil && (f.Name != "--trust" || strings.ContainsAny(f.Value, "./")) {
			return fmt.Errorf("%s %s: it does not exist", f.Name, f.Value)
		}
	}
	return nil
}

func (p *pipelineFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.config, "config", "c", defaultConfig, "configuration `FILE`; its paths are relative to its directory")
	cmd.Flags().StringVar(&p.baseline, "baseline", "", "baseline `FILE`, instead of the configuration's")
	listVar(cmd.Flags(), &p.stages, "stage", "only this `STAGE`")
	listVar(cmd.Flags(), &p.envs, "env", "another environment for a stage, `STAGE=REF`")
	listVar(cmd.Flags(), &p.since, "since", "snapshot `[STAGE=]FILE` that is the stage's base; without STAGE= for the stages on host:")
	_ = cmd.RegisterFlagCompletionFunc("stage", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		cfg, err := config.Load(p.config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return stageNames(cfg), cobra.ShellCompDirectiveNoFileComp
	})
}

// job is a configuration with the flags that choose from it.
type job struct {
	config       *config.Config
	baseline     *baseline.Baseline // nil when there is no file
	baselinePath string
	environments map[string]string // of --env, by stage
	since        []pipeline.Since
	sources      config.Sources
	// stages are the names that --stage chose, in the configuration's order.
	stages []string
	// close removes what was read of another policy.
	close func()
}

// load reads the configuration and the baseline, and checks the flags against
// them.
//
// close of the job must be called.
func (p *pipelineFlags) load(ctx context.Context) (*job, error) {
	files, remove, err := p.openPolicy(ctx)
	if err != nil {
		return nil, err
	}
	j, err := p.loadFrom(ctx, files)
	if err != nil {
		remove()
		return nil, err
	}
	j.close = remove
	return j, nil
}

// loadFrom is load with the files of a policy, nil for those of the checkout.
func (p *pipelineFlags) loadFrom(ctx context.Context, files config.Files) (*job, error) {
	cfg, err := config.LoadFrom(p.config, files)
	switch {
	case err == nil:
	case files != nil && errors.Is(err, fs.ErrNotExist):
		return nil, usage(&hinted{err, "the policy must have the configuration before a branch is judged by it: commit it there first"})
	case files != nil:
		return nil, usage(fmt.Errorf("%w\n  this is the configuration of %s", err, files.From().Name()))
	case errors.Is(err, fs.ErrNotExist) && p.config == defaultConfig:
		return nil, usage(noConfig())
	default:
		return nil, usage(misplaced(p.config, err))
	}
	j := &job{config: cfg, sources: p.sources}
	if err := p.checkSources(); err != nil {
		return nil, usage(err)
	}
	if j.environments, err = p.environments(cfg); err != nil {
		return nil, usage(err)
	}
	if j.since, err = p.snapshots(cfg); err != nil {
		return nil, usage(err)
	}
	if j.stages, err = p.chosen(cfg); err != nil {
		return nil, usage(err)
	}
	p.repeat(cfg)
	j.baselinePath = cfg.BaselinePath()
	if p.baseline != "" {
		j.baselinePath, cfg.Baseline = p.baseline, p.baseline
	}
	if files != nil {
		if err := p.placeSources(j, files); err != nil {
			return nil, usage(err)
		}
	}
	if err := p.checkKey(); err != nil {
		return nil, usage(err)
	}
	if isRelease(p.baseline) {
		if p.released == nil {
			return nil, usage(&hinted{fmt.Errorf("--baseline %s: a release is read by depaudit audit only, and never written", p.baseline), "what a stage has is accepted by its next release, or in a file: without this flag"})
		}
		if _, pushed := pushedRef(p.baseline, false); pushed || p.baselineKey != "" {
			j.baselinePath = "" // wherever it is, the environment did not write it
		}
		of := releasedBaseline{arg: p.baseline, keyFile: p.baselineKey, keyPlace: p.baselineKey}
		if of.keyPlace, err = p.placeKey(files); err != nil {
			return nil, usage(err)
		}
		j.baseline, cfg.Release, err = p.released(ctx, of, cfg.Pipeline)
		return j, err
	}
	if err := noBaseline(p.baseline); err != nil {
		return nil, usage(err)
	}
	place := j.baselinePath
	if files != nil {
		if place, err = files.Place(place); errors.Is(err, fs.ErrNotExist) {
			files.Missed(j.baselinePath)
			return j, nil
		} else if err != nil {
			return nil, usage(err)
		}
	}
	j.baseline, err = baseline.LoadAt(j.baselinePath, place)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, usage(p.isReport(j.baselinePath, place, err))
	}
	return j, nil
}

// isReport replaces the error of a baseline that is a saved report.
func (p *pipelineFlags) isReport(path, place string, err error) error {
	if !isRegular(place) {
		return err
	}
	if dir := filepath.Dir(path); p.baseline != "" && filepath.Base(path) == bundle.ManifestFile && isRelease(dir) {
		return &hinted{fmt.Errorf("--baseline %s: not a baseline: it is the manifest of a release", path), "name its directory: --baseline " + wording.ShellWord(dir)}
	}
	if kind, _ := recogniseFile(place); kind != fileReport {
		return err
	}
	hint := "name the file of the accepted state in " + p.config
	if p.baseline != "" {
		hint = "accept the stages of the report in a baseline: depaudit baseline update --from " + wording.ShellWord(path)
	}
	return &hinted{fmt.Errorf("%s: not a baseline: it is a report of depaudit audit", path), hint}
}

// noBaseline is the error for a --baseline that is something else than a file. A file
// that does not exist is an accepted state with nothing in it, and the name of an image
// would be one.
func noBaseline(path string) error {
	if ref, ok := pushedRef(path, true); ok {
		return &hinted{fmt.Errorf("--baseline %s is an image, and not a baseline", path), "for what its newest release had write --baseline " + schemeRelease + ":" + ref}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return &hinted{fmt.Errorf("--baseline %s is a directory without a release, not a file", path), "accept the stages of the reports in it: depaudit baseline update --from " + wording.ShellWord(path)}
	case err != nil && likelyImage(path):
		return &hinted{fmt.Errorf("--baseline %s does not exist", path), "for what the release of an image had write --baseline " + schemeRelease + ":" + path}
	}
	return nil
}

// misplaced adds to an error of a named configuration where it may be.
func misplaced(path string, err error) error {
	info, statErr := os.Stat(path)
	switch {
	case statErr == nil && info.IsDir():
		if inside := filepath.Join(path, defaultConfig); isRegular(inside) {
			return &hinted{err, "name the file in it: --config " + wording.ShellWord(inside)}
		}
		return &hinted{err, "name a file: --config " + wording.ShellWord(filepath.Join(path, defaultConfig))}
	case errors.Is(err, fs.ErrNotExist):
		return &hinted{err, nearFile(path, "write one from the workflows here: depaudit init --config "+wording.ShellWord(path))}
	}
	return err
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// environments parses --env.
func (p *pipelineFlags) environments(cfg *config.Config) (map[string]string, error) {
	environments := make(map[string]string)
	for _, s := range p.envs {
		name, ref, ok := strings.Cut(s, "=")
		if !ok || ref == "" {
			return nil, &hinted{fmt.Errorf("--env %s: want STAGE=REF", s), "such as --env " + cfg.Stages[0].Name + "=dir:/srv/root"}
		}
		if cfg.Stage(name) == nil {
			return nil, noStage("--env", name, cfg)
		}
		if _, ok := pushedRef(ref, false); ok {
			return nil, fmt.Errorf("--env %s: %w", s, notEnvironment(ref))
		}
		if _, twice := environments[name]; twice {
			return nil, fmt.Errorf("--env %s: another --env already names the environment of stage %s", s, name)
		}
		environments[name] = ref
	}
	return environments, nil
}

// snapshots parses --since.
func (p *pipelineFlags) snapshots(cfg *config.Config) ([]pipeline.Since, error) {
	var since []pipeline.Since
	for _, s := range p.since {
		stage, file, named := strings.Cut(s, "=")
		if !named {
			stage, file = "", s
		} else if cfg.Stage(stage) == nil {
			return nil, noStage("--since", stage, cfg)
		}
		since = append(since, pipeline.Since{Stage: stage, File: file})
	}
	return since, nil
}

// chosen are the stages of --stage, or all, in the configuration's order.
func (p *pipelineFlags) chosen(cfg *config.Config) ([]string, error) {
	for _, name := range p.stages {
		if cfg.Stage(name) == nil {
			return nil, noStage("--stage", name, cfg)
		}
	}
	names := stageNames(cfg)
	if len(p.stages) == 0 {
		return names, nil
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(p.stages, name) }), nil
}

// repeat gives every stage the flags that a command to paste needs.
func (p *pipelineFlags) repeat(cfg *config.Config) {
	for i := range cfg.Stages {
		stage := &cfg.Stages[i]
		if p.config != defaultConfig {
			stage.Flags = append(stage.Flags, config.Flag{Name: "-c", Value: p.config})
		}
		if stage.Released = isRelease(p.baseline); stage.Released {
			// No command writes it.
		} else if p.baseline != "" {
			stage.Flags = append(stage.Flags, config.Flag{Name: "--baseline", Value: p.baseline})
		}
		stage.Flags = append(stage.Flags, p.sourceFlags()...)
		for _, env := range p.envs {
			if strings.HasPrefix(env, stage.Name+"=") {
				stage.Flags = append(stage.Flags, config.Flag{Name: "--env", Value: env})
			}
		}
		for _, since := range p.since {
			if strings.HasPrefix(since, stage.Name+"=") || !strings.Contains(since, "=") && pipeline.OnHost(*stage) {
				stage.Flags = append(stage.Flags, config.Flag{Name: "--since", Value: since})
			}
		}
	}
}

func noStage(flag, name string, cfg *config.Config) error {
	err := fmt.Errorf("%s: %s has no stage %q", flag, cfg.File, name)
	if near := wording.Nearest(name, stageNames(cfg)); near != "" {
		return &hinted{err, fmt.Sprintf("did you mean %q?", near)}
	}
	return &hinted{err, "stages: " + strings.Join(stageNames(cfg), ", ")}
}

func stageNames(cfg *config.Config) []string {
	var names []string
	for _, s := range cfg.Stages {
		names = append(names, s.Name)
	}
	return names
}

// today is the day that exceptions are checked against.
func (c *command) today() string {
	now := c.now
	if now == nil {
		now = time.Now
	}
	return now().UTC().Format(time.DateOnly)
}

// run audits the chosen stages.
func (c *command) run(ctx context.Context, j *job, limits limitFlags) (*audit.Report, error) {
	scans, err := c.scanStages(ctx, j, limits)
	if err != nil {
		return nil, err
	}
	return scans.Judge(j.baseline), nil
}

// scanStages scans the chosen stages.
func (c *command) scanStages(ctx context.Context, j *job, limits limitFlags) (*pipeline.Scans, error) {
	options, done := c.scanOptions(limits)
	defer done()
	options.Today, options.Baseline, options.Stages = c.today(), j.baseline, j.stages
	options.Environments, options.Since, options.BaselineFile = j.environments, j.since, j.baselinePath
	options.Sources = j.sources
	scans, err := pipeline.ScanStages(ctx, j.config, options)
	if err != nil {
		return nil, scanExit(err)
	}
	return scans, nil
}

func (c *command) auditCommand() *cobra.Command {
	var (
		which    pipelineFlags
		out      outputFlags
		limits   limitFlags
		warnOnly bool
		required requireFlag
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Judge the stages of a pipeline: the gate",
		Long: `Scans the environment of every stage in depaudit.yaml, checks that each
dependency is OS-provided or lock-pinned, compares with the baseline, and prints
which stages pass.

A critical stage fails when it has a dependency that is not in its baseline, or
one that neither the operating system nor a lock file with a hash accounts for;
"depaudit explain" lists all rules. In other stages the same is a warning,
unless the configuration enforces it. The baseline is the accepted state:
"depaudit baseline update" writes it. With --baseline release:IMAGE it is what
the release of an image in a registry has, or one in a directory: the growth is
that since then. --baseline-key requires that a key signed that release.

Paths in depaudit.yaml are relative to its directory, those on the command line
to the working directory. A depaudit.yaml in an environment is never read.
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
			if err := required.check(cmd); err != nil {
				return err
			}
			j, err := which.load(cmd.Context())
			if err != nil {
				return err
			}
			defer j.close()
			if which.baseline != "" && j.baseline == nil {
				c.warn("--baseline %s does not exist: nothing is accepted", which.baseline)
			}
			for _, name := range required.names {
				if j.config.Stage(name) == nil {
					return usage(noStage("--require-stages", name, j.config))
				}
			}
			if err := c.checkOutputs(cmd.Context(), outputs, j.stages, &out); err != nil {
				return err
			}
			r, err := c.run(cmd.Context(), j, limits)
			if err != nil {
				return err
			}
			if r, err = required.apply(r, required.names); err != nil {
				return err
			}
			if err := c.write(r, outputs, &out); err != nil {
				return err
			}
			if !isRelease(which.baseline) {
				c.hintFrom(&which, r, outputs)
			}
			return c.verdict(r, warnOnly)
		},
	}
	which.register(cmd)
	which.registerPolicy(cmd)
	which.registerSources(cmd)
	out.register(cmd)
	limits.register(cmd)
	required.register(cmd, "the `STAGES` without which the report is incomplete")
	which.released = c.acceptedIn
	cmd.Flag("baseline").Usage = "baseline `FILE`, release:IMAGE or the directory of a release, instead of the configuration's"
	cmd.Flags().Var((*filledValue)(&which.baselineKey), "baseline-key", "public key in `FILE` that must have signed the release of --baseline")
	cmd.Flags().BoolVar(&warnOnly, "warn-only", false, "exit with 0 for every verdict; the report is the same")
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
