package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Accepting the stages of saved reports.
//
// A report has all that an update of the baseline takes, and identifies what it was
// judged by. The update is the one that would have been written on the machine of
// the report, so it is refused when the checkout has something else: another
// configuration, other locks, another accepted state of the stage.

// unlessScanned are flags that have no meaning where nothing is scanned.
func unlessScanned() []string {
	return []string{"env", "since", "index", "artifacts", "trust", "scan-memory", "scan-timeout", "no-cache"}
}

// checkFrom checks the flags of an update with reports, and of one without.
func checkFrom(cmd *cobra.Command, from, args []string) error {
	if !cmd.Flags().Changed("from") {
		if len(args) > 0 {
			return usage(&hinted{fmt.Errorf("update takes no arguments: %q", args[0]), "to accept the stages of saved reports: depaudit baseline update --from " + wording.ShellWord(args[0])})
		}
		return nil
	}
	if slices.Contains(from, "") {
		return usage(&hinted{errors.New("--from names no report"), "such as --from report.json"})
	}
	for _, name := range unlessScanned() {
		if cmd.Flags().Changed(name) {
			return usage(&hinted{fmt.Errorf("--%s has no meaning with --from: nothing is scanned", name), "leave it out; the report was made with it"})
		}
	}
	return nil
}

// reported returns the report with the chosen stages of saved reports, all of which
// are of the checkout's configuration, locks and baseline.
func (c *command) reported(ctx context.Context, j *job, which *pipelineFlags, from []string) (*audit.Report, error) {
	parts, err := c.readParts(ctx, from)
	if err != nil {
		return nil, err
	}
	name := "the reports"
	if len(parts) == 1 {
		name = parts[0].Name
	}
	r, err := audit.Merge(parts)
	if err != nil {
		return nil, usage(hintedMerge(err))
	}
	origin := judged{name: name, config: r.Config, hint: againHint}
	if r.PolicyFrom != nil {
		origin.hint = "it was judged by the policy of " + r.PolicyFrom.Name() + "; accept the report of an audit by what is here (without --policy-from)"
	}
	if err := origin.sameInputs(j, r.Inputs); err != nil {
		return nil, usage(err)
	}
	chosen := *r
	chosen.Stages = nil
	var left []string
	for _, stage := range j.stages {
		i := slices.IndexFunc(r.Stages, func(s audit.Stage) bool { return s.Name == stage })
		switch {
		case i >= 0:
			chosen.Stages = append(chosen.Stages, r.Stages[i])
		case len(which.stages) > 0:
			return nil, usage(&hinted{fmt.Errorf("%s: no stage %q", name, stage), "give the report of the job that audits it"})
		default:
			left = append(left, stage)
		}
	}
	for i := range chosen.Stages {
		if err := origin.sameStage(ctx, j, &chosen.Stages[i]); err != nil {
			return nil, usage(err)
		}
	}
	if len(chosen.Stages) == 0 {
		return nil, usage(fmt.Errorf("%s: no stage of %s", name, j.config.File))
	}
	for _, stage := range left {
		fmt.Fprintf(c.stdout, "%s  not in %s, and as before in the baseline\n", stage, terminal.Escape(name))
	}
	return &chosen, nil
}

// judged is a saved report, which may be of something else than the checkout has.
type judged struct {
	// name is that of its file, config the path of its configuration.
	name, config string
	// hint is how to get a report of what is here.
	hint string
}

// sameInputs returns an error if the configuration or the exceptions are not those
// of the report.
func (r judged) sameInputs(j *job, in *audit.Inputs) error {
	digest := func(kind string) string {
		if f := in.File(kind); f != nil {
			return f.Digest
		}
		return ""
	}
	switch {
	case digest(audit.InputConfiguration) != j.config.Digest:
		return r.other(j.config.File)
	case digest(audit.InputExceptions) != j.config.ExceptionsDigest:
		return r.other(j.config.ExceptionsPath())
	}
	return nil
}

func (r judged) other(path string) error {
	return &hinted{fmt.Errorf("%s is not the one that %s was judged by", path, r.name), r.hint}
}

const againHint = "check out the commit of the run, or audit the stages again with what is here"

// sameStage returns an error if the locks of a stage, or its part of the baseline,
// are not those of the report.
func (r judged) sameStage(ctx context.Context, j *job, s *audit.Stage) error {
	c := j.config.Stage(s.Name)
	if s.Critical != c.Critical || s.Enforced != (c.Enforce && !c.Critical) || s.Line != c.Line {
		return r.contradicts(j, s)
	}
	if key := contradiction(s, c.Policy(j.config.Registries)); key != "" {
		return r.contradicts(j, s, key)
	}
	// An SBOM has no files to verify, and a proof that was lost is a gap.
	if c.Verified() && !s.Verified && s.Examined() && s.OpenGaps() == 0 && !audit.IsDocument(audit.EnvironmentKind(s.Environment)) {
		return r.contradicts(j, s, "verify")
	}
	accepted := ""
	if j.baseline != nil {
		accepted = j.baseline.Stages[s.Name].Digest(s.Name)
	}
	if accepted != s.Growth.Accepted {
		return &hinted{fmt.Errorf("stage %q of %s is not the one that %s was judged by", s.Name, j.baselinePath, r.name), r.hint}
	}
	if !s.Examined() {
		return nil // it is not accepted, and has no locks
	}
	reported, here := map[string]string{}, map[string]string{}
	for _, l := range s.Locks {
		reported[relativeTo(r.config, filepath.FromSlash(l.Path))] = l.Digest
	}
	for _, f := range c.LockFiles {
		lock, err := lockcheck.Open(ctx, f.Path)
		if err != nil {
			return err
		}
		here[relativeTo(j.config.File, f.Path)] = lock.Digest
	}
	for _, path := range slices.Sorted(maps.Keys(here)) {
		switch before, known := reported[path]; {
		case !known:
			return &hinted{fmt.Errorf("stage %q of %s was judged without the lock file %s", s.Name, r.name, path), r.hint}
		case before != here[path]:
			return r.other(path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(reported)) {
		if _, known := here[path]; !known {
			return &hinted{fmt.Errorf("stage %q of %s was judged with the lock file %s, which is not here", s.Name, r.name, path), r.hint}
		}
	}
	return nil
}

// contradicts is the error for a stage that is another one than in the configuration
// of the same digest: the report was edited. What a baseline remembers of the policy
// would be what the editor wrote.
func (r judged) contradicts(j *job, s *audit.Stage, keys ...string) error {
	what := ""
	for _, key := range keys {
		what = " (" + key + ")"
	}
	return fmt.Errorf("stage %q of %s contradicts %s%s, by which it was judged", s.Name, r.name, j.config.File, what)
}

// contradiction returns the first key by which the policy of a reported stage is not
// the configured one, "" for none. A base that is a snapshot is of the command line.
func contradiction(s *audit.Stage, configured *audit.Policy) string {
	if s.Policy == nil {
		return "policy"
	}
	for _, c := range s.Policy.Changes(configured) {
		if c.Key != "base" || s.Policy.Base != audit.EvidenceSnapshot {
			return c.Key
		}
	}
	return ""
}

// relativeTo returns a path relative to the directory of a configuration, as far as
// it can be: the checkouts of two machines are in different directories.
func relativeTo(config, path string) string {
	if rel, err := filepath.Rel(filepath.Dir(config), path); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// hintFrom prints how to accept the stages from a report that was written to a file.
// In CI the environments are gone when a person reads the log, and the machine there
// is another one.
func (c *command) hintFrom(which *pipelineFlags, r *audit.Report, outputs []reportOutput) {
	i := slices.IndexFunc(outputs, func(o reportOutput) bool { return o.name == "json" && o.file != "" })
	if c.quiet || i < 0 {
		return
	}
	reason, accepted := false, false
	for k := range r.Stages {
		if s := &r.Stages[k]; s.Remaining != nil {
			accepted = true
			reason = reason || slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return strings.Contains(f.Accept, "--reason") })
		}
	}
	if !accepted {
		return
	}
	command := fromCommand(which, []string{filepath.Base(outputs[i].file)}, "")
	if reason {
		command += ` --reason "..."`
	}
	fmt.Fprintf(c.stderr, "depaudit: to accept this on another machine, with the report and the checkout: %s\n", terminal.Escape(command))
}

// fromCommand is the command that accepts a stage of saved reports, or all of theirs
// without a name.
func fromCommand(which *pipelineFlags, from []string, stage string) string {
	words := []string{"depaudit baseline update --from"}
	for _, path := range from {
		words = append(words, wording.ShellWord(path))
	}
	if which.config != defaultConfig {
		words = append(words, "-c", wording.ShellWord(which.config))
	}
	if which.baseline != "" {
		words = append(words, "--baseline", wording.ShellWord(which.baseline))
	}
	if stage != "" {
		words = append(words, "--stage", wording.ShellWord(stage))
	}
	return strings.Join(words, " ")
}
