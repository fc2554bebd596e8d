package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

func (c *command) diffCommand() *cobra.Command {
	var (
		from subjectFlags
		out  listFlags
		file bool
	)
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two environments, reports, SBOMs or baselines",
		Long: `Compares two environments by identity and lists the differences from A to B:
added and removed dependencies, each under the one that introduces it; other
versions; another provenance or evidence, if both sides were audited; the same
version with another content, origin or image layer; and dependencies that are
bundled on the other side. Names that only moved to another distribution, type
or architecture are listed as moved.

Two reports, or a report and a baseline, are compared stage by stage: also the
verdict, the policy, what the definition uses, exceptions and accepted files.

With -o markdown it is a section for the notes of a release, of at most 65,536
characters: the numbers of each stage, then what differs, long lists collapsed.
Lists are cut there only to fit, or by --limit if it is given.

With --files two environments are compared by their files instead: path, kind,
content, mode, owner, link target and capabilities, without times. Between two
independent builds of one stage it shows which files a build reproduces.
` + subjectHelp + `A side can also be a baseline, which has identities and their evidence.

The exit code is 0 for no difference, 1 for a difference, 2 for a mistake on the
command line, 3 when one side could not be examined completely or was counted by
another method, so that the difference is uncertain (it is printed), 4 when it
could not run or could not write.`,
		Example: `  depaudit diff dir:before dir:after
  depaudit diff v1.0/report.json v1.1/report.json --stage build
  depaudit diff last-release this-release -o markdown >>notes.md
  depaudit diff release:ghcr.io/example/app:1.0 release-stages
  depaudit diff depaudit.baseline.json#build dir:/srv/chroot/build
  depaudit diff registry:example.org/b:1 registry:example.org/b:2 -o json
  depaudit diff --files dir:build-1 dir:build-2`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return usage(&hinted{fmt.Errorf("diff takes two sides, not %d", len(args)), "depaudit diff dir:before dir:after, or: depaudit diff old.json new.json"})
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			if file {
				d, err := c.fileDiff(cmd.Context(), args, from)
				if err != nil {
					return err
				}
				return c.answerDiff(d, outputs, out.limit)
			}
			sides, err := c.diffSides(cmd.Context(), args, from)
			if err != nil {
				return err
			}
			d, err := pairUp(args, sides)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("limit") {
				d.NotesLimit = out.limit
			}
			return c.answerDiff(d, outputs, out.limit)
		},
	}
	from.register(cmd)
	out.register(cmd)
	cmd.Flags().BoolVar(&file, "files", false, "compare the files of two environments")
	return cmd
}

// difference is an answer with an exit code.
type difference interface {
	listAnswer
	Differs() bool
	Unsure() bool
}

func (c *command) answerDiff(d difference, outputs []output[listEncoder], limit int) error {
	if err := c.answer(d, outputs, limit); err != nil {
		return err
	}
	switch {
	case d.Unsure():
		return &exitError{code: exitIncomplete}
	case d.Differs():
		return &exitError{code: exitFail}
	}
	return nil
}

// fileDiff compares two environments by their files.
func (c *command) fileDiff(ctx context.Context, args []string, flags subjectFlags) (*query.FileDiff, error) {
	if len(flags.stages) > 0 {
		return nil, usage(fmt.Errorf("--stage %s: --files compares environments, which have no stages", flags.stages[0]))
	}
	if err := flags.limits.check(); err != nil {
		return nil, err
	}
	var envs []pipeline.Environment
	for _, arg := range args {
		ref, err := reference(arg)
		if err != nil {
			return nil, err
		}
		e, err := pipeline.ParseEnvironment(arg, ref, "")
		if err != nil {
			return nil, usage(err)
		}
		if s := e.Ref.Scheme; s != rootfs.SchemeDir && s != rootfs.SchemeHost && !e.Ref.IsImage() {
			return nil, usage(&hinted{fmt.Errorf("%s has no files", arg), "--files takes directories, host: and images"})
		}
		e.Files, e.Platform = true, flags.platform
		envs = append(envs, e)
	}
	found, err := c.inventories(ctx, envs, flags.limits)
	if err != nil {
		return nil, err
	}
	var sides []query.FileSide
	for i, inv := range found {
		if inv.Lost != nil {
			return nil, incomplete(inv.Lost)
		}
		sides = append(sides, query.FileSide{Name: args[i], Gaps: inv.Document.Gaps, Files: inv.Files})
	}
	return query.NewFileDiff(sides[0], sides[1]), nil
}

// diffSide is what one argument of diff names.
type diffSide struct {
	source query.DiffSource
	// stages has one side for each stage, or one without a stage for an environment.
	stages []query.DiffSide
}

// diffSides loads both arguments. Environments are scanned side by side.
func (c *command) diffSides(ctx context.Context, args []string, flags subjectFlags) ([2]diffSide, error) {
	var sides [2]diffSide
	var scans []string
	var at []int
	staged := false
	for i, arg := range args {
		w, err := wordOf(arg)
		if err != nil {
			return sides, err
		}
		switch {
		case w.file == fileBaseline:
			chosen := flags.stages
			if w.stage != "" {
				chosen = []string{w.stage}
			}
			list, err := baselineSides(w.name, chosen)
			if err != nil {
				return sides, err
			}
			sides[i].stages, staged = list, true
		case w.file == fileReport, w.kind != wordReference && w.kind != wordFile:
			one := flags
			if w.stage != "" {
				one.stages = nil
			}
			list, err := c.loadSides(ctx, []string{arg}, one)
			if err != nil {
				return sides, err
			}
			sides[i], staged = joined(list), true
		default:
			scans, at = append(scans, arg), append(at, i)
		}
	}
	if len(flags.stages) > 0 && !staged {
		return sides, usage(fmt.Errorf("--stage %s: only a report or a baseline has stages", flags.stages[0]))
	}
	flags.stages = nil
	list, err := c.loadSides(ctx, scans, flags)
	if err != nil {
		return sides, err
	}
	for j, i := range at {
		sides[i] = list[j]
	}
	for i, arg := range args {
		if sides[i].source.Name == "" {
			sides[i].source.Name = arg
		}
	}
	return sides, nil
}

// joined returns the stages of one report as one side.
func joined(list []diffSide) diffSide {
	var out diffSide
	for _, s := range list {
		out.source, out.stages = s.source, append(out.stages, s.stages...)
	}
	return out
}

// loadSides returns a side for each environment, and for each stage of a report.
func (c *command) loadSides(ctx context.Context, args []string, flags subjectFlags) ([]diffSide, error) {
	if len(args) == 0 {
		return nil, flags.limits.check()
	}
	subjects, err := c.subjects(ctx, args, flags)
	if err != nil {
		return nil, err
	}
	var out []diffSide
	for i := range subjects {
		s := &subjects[i]
		if s.stage != nil {
			out = append(out, reportSide(s))
			continue
		}
		kind := query.SideScan
		if e := s.doc.Environment.Kind; e == rootfs.SchemeSBOM || e == rootfs.SchemeAttestation {
			kind = query.SideSBOM
		}
		out = append(out, diffSide{stages: []query.DiffSide{query.NewDiffSide(s.name, kind, s.doc, nil)}})
	}
	return out, nil
}

// reportSide is a stage of a report, with its provenance and evidence.
func reportSide(s *subject) diffSide {
	proofs := make(map[string]diff.Judgement, len(s.stage.Dependencies))
	for _, d := range s.stage.Dependencies {
		proofs[d.ID] = diff.Judgement{Provenance: string(d.Provenance), Evidence: d.Evidence}
	}
	side := query.NewDiffSide(s.file+"#"+s.stage.Name, query.SideReport, s.doc, func(id string) diff.Judgement { return proofs[id] })
	side.Rules, side.Catalogers = s.stage.Method.Rules, s.stage.Method.Catalogers
	side.Judged(s.stage.Name, query.RecordOf(s.stage))
	source := query.DiffSource{Name: s.file, Verdict: s.verdict}
	if m := s.release; m != nil {
		source.Date = m.Date.Format(time.DateOnly)
		for _, a := range m.Subjects {
			source.Subjects = append(source.Subjects, a.Name)
		}
	}
	return diffSide{source, []query.DiffSide{side}}
}

// baselineSides are the stages of a baseline, in order of name.
func baselineSides(path string, stages []string) ([]query.DiffSide, error) {
	b, err := baseline.Load(path)
	if err != nil {
		return nil, usage(err)
	}
	var names []string
	for name := range b.Stages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range stages {
		if b.Stages[name] == nil {
			return nil, noSuchStage(fmt.Sprintf("%s has no stage %q", path, name), name, names)
		}
	}
	var out []query.DiffSide
	for _, name := range names {
		if len(stages) > 0 && !slices.Contains(stages, name) {
			continue
		}
		doc, entries, err := b.Stages[name].Document()
		if err != nil {
			return nil, usage(fmt.Errorf("%s: stage %s: %w", path, name, err))
		}
		side := query.NewDiffSide(path+"#"+name, query.SideBaseline, doc, func(id string) diff.Judgement {
			return diff.Judgement{Provenance: string(entries[id].Provenance), Evidence: entries[id].Evidence}
		})
		side.Rules, side.Catalogers = b.Stages[name].Rules, b.Stages[name].Catalogers
		side.Judged(name, query.RecordOfBaseline(b.Stages[name]))
		out = append(out, side)
	}
	return out, nil
}

// pairUp compares two single sides, or the stages of equal names.
func pairUp(args []string, sides [2]diffSide) (*query.Diff, error) {
	before, after := sides[0].stages, sides[1].stages
	var stages []query.StageDiff
	var onlyBefore, onlyAfter []query.DiffSide
	find := func(list []query.DiffSide, stage string) int {
		return slices.IndexFunc(list, func(s query.DiffSide) bool { return s.Stage == stage })
	}
	for i, side := range sides {
		if len(side.stages) == 0 {
			return nil, usage(fmt.Errorf("%s has no stage", args[i]))
		}
		if other := sides[1-i].stages; len(side.stages) > 1 && len(other) == 1 && other[0].Stage == "" {
			var names []string
			for _, s := range side.stages {
				names = append(names, s.Stage)
			}
			err := fmt.Errorf("%s has %d stages (%s) and %s is one environment", args[i], len(names), fewNames(names), args[1-i])
			return nil, usage(&hinted{err, "choose with --stage " + names[0]})
		}
	}
	if len(before) == 1 && len(after) == 1 {
		stages = append(stages, query.NewStageDiff(before[0], after[0]))
	} else {
		for _, s := range before {
			if i := find(after, s.Stage); i >= 0 {
				stages = append(stages, query.NewStageDiff(s, after[i]))
			} else {
				onlyBefore = append(onlyBefore, s)
			}
		}
		for _, s := range after {
			if find(before, s.Stage) < 0 {
				onlyAfter = append(onlyAfter, s)
			}
		}
	}
	if len(stages) == 0 {
		return nil, usage(&hinted{errors.New("the two sides have no stage in common"), "name one of each: REPORT#STAGE"})
	}
	d := query.NewDiff(stages, onlyBefore, onlyAfter)
	d.Before, d.After = sides[0].source, sides[1].source
	return d, nil
}
