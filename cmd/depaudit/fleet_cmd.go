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

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// A fleet is many pipelines, each with a configuration. A list names the work, one report a
// line; workers take parts of it; and the list tells afterwards what is missing.
// One configuration is no form for it: each report has all stages of its pipeline, so
// that ten thousand in one would be a hundred million rows.

func (c *command) fleetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Audit many pipelines by a list, in parts, and name what is missing",
		Long: `A list has one report a line: NAME CONFIG [STAGE...]. NAME is the path of the
report, without .json; CONFIG a depaudit.yaml, relative to the directory of the
list; without a STAGE the report is of all its stages. # begins a comment.

  curl          curl/depaudit.yaml
  cpython/docs  cpython/depaudit.yaml build-docs

"fleet list" writes one, workers audit its parts with "fleet run", and "fleet
check" prints afterwards which lines have no report.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.fleetList(), c.fleetRun(), c.fleetCheck())
	return cmd
}

func (c *command) fleetList() *cobra.Command {
	var perStage bool
	cmd := &cobra.Command{
		Use:   "list CONFIG...",
		Short: "Print the list of some configurations",
		Long: `Prints a line for each configuration, which is checked. Each report
is named after the directory of its configuration, relative to the directory
that contains all of them. Paths are printed as they are given: give those that
the workers have.

Exit codes: 0 printed, 2 a configuration is wrong.`,
		Example: `  depaudit fleet list /fleet/*/depaudit.yaml >stages.txt
  depaudit fleet list --stages pipelines/*/depaudit.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("fleet list takes configurations"), "such as: depaudit fleet list pipelines/*/depaudit.yaml"})
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var text strings.Builder
			names := fleetNames(args)
			for i, path := range args {
				lines, err := linesOf(path, names[i], perStage)
				if err != nil {
					return usage(err)
				}
				for _, l := range lines {
					fmt.Fprintln(&text, l.text(l.config))
				}
			}
			if _, err := parseList("the list", []byte(text.String())); err != nil {
				return usage(&hinted{err, "give each pipeline a directory of its own, or edit the names"})
			}
			fmt.Fprint(c.stdout, text.String())
			return nil
		},
	}
	cmd.Flags().BoolVar(&perStage, "stages", false, "a line for each stage, called PIPELINE/STAGE, instead of one for all stages of a pipeline")
	return cmd
}

// linesOf are the lines of a configuration whose reports are called name.
func linesOf(path, name string, perStage bool) ([]fleetLine, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(path, " \t\r\n#") {
		return nil, &hinted{fmt.Errorf("%s: a list cannot have a path with blanks or # in it", path), "rename the directory"}
	}
	if name == "" {
		name = cfg.Pipeline
	}
	if why, _ := checkName(name); why != "" {
		return nil, &hinted{fmt.Errorf("%s: %s %s", path, textfile.Quote(name), why), "rename the directory, or write the line by hand: NAME " + path}
	}
	if !perStage {
		return []fleetLine{{name: name, config: path}}, nil
	}
	var out []fleetLine
	for _, stage := range stageNames(cfg) {
		out = append(out, fleetLine{name: name + "/" + stage, config: path, stages: []string{stage}})
	}
	return out, nil
}

// fleetNames are names for the reports of configurations: their paths without
// depaudit.yaml and without the directory that all of them are in. The name is empty for
// a configuration that has nothing to be called by.
func fleetNames(paths []string) []string {
	var names []string
	for _, path := range paths {
		name := filepath.ToSlash(filepath.Clean(path))
		if dir, is := strings.CutSuffix("/"+name, "/"+defaultConfig); is {
			name = strings.TrimPrefix(dir, "/")
		} else {
			name = strings.TrimSuffix(name, filepath.Ext(name))
		}
		names = append(names, strings.TrimLeft(name, "./"))
	}
	for {
		first, _, ok := strings.Cut(names[0], "/")
		for _, name := range names {
			ok = ok && strings.HasPrefix(name, first+"/")
		}
		if !ok {
			return names
		}
		for i := range names {
			names[i] = names[i][len(first)+1:]
		}
	}
}

// fleetFlags are the flags of fleet run.
type fleetFlags struct {
	dir, shard string
	resume     bool
	limits     limitFlags
	which      pipelineFlags // for the sources of verification alone
}

func (c *command) fleetRun() *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "run LIST -o DIR",
		Short: "Audit the lines of a list, or one part of them",
		Long: `Audits the lines of a list and writes DIR/NAME.json for each, as "depaudit audit
-o json" does: whole or not at all, with the same bytes at each try. A line that
cannot be audited is named, and the others go on.

--shard takes every N-th line: I/N counts from 1, as GitLab's CI_NODE_INDEX, and
I%N from 0, as JOB_COMPLETION_INDEX of Kubernetes and strategy.job-index of
GitHub. Workers share nothing but DIR and the cache of layers, which any number
of them may use at the same time.

--resume skips the lines that have a complete report by the same configuration,
baseline, exceptions, locks and depaudit, of the digest that the tag of an image
has now. Directories and machines are not compared, so DIR must be that of this
night, and the flags those of the first run.

Exit codes, the first that a line has of: 4 could not run or could not write, 3
a scan was lost or could not read something (an image that was not there, too),
2 the line or its configuration is wrong, 1 a stage failed, or is incomplete in
a way that a retry does not change (it has no baseline, for example), 0 every
stage passed. A retry may help with 4, 3 and a killed worker, never with 2 and
1.`,
		Example: `  depaudit fleet run stages.txt -o reports/date=2026-11-28
  depaudit fleet run stages.txt -o "date=$NIGHT" --shard "$INDEX%100" --resume`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			part := shard{0, 1}
			var err error
			if cmd.Flags().Changed("shard") {
				if part, err = parseShard(f.shard); err != nil {
					return usage(err)
				}
			}
			if f.dir == "" {
				return usage(&hinted{errors.New("fleet run needs a directory for the reports: -o DIR"), "with the date in its name: -o reports/date=2026-11-28"})
			}
			if err := errors.Join(f.limits.check(), f.which.checkSources()); err != nil {
				return usage(err)
			}
			lines, err := readList(args[0])
			if err != nil {
				return usage(err)
			}
			return c.fleetWork(cmd.Context(), lines, part, &f)
		},
	}
	cmd.Flags().StringVarP(&f.dir, "output", "o", "", "`DIR` for the reports")
	cmd.Flags().StringVar(&f.shard, "shard", "", "only the lines of part `I/N`, or I%N to count from 0")
	cmd.Flags().BoolVar(&f.resume, "resume", false, "skip the lines whose report is there, to retry a worker that was killed")
	f.which.registerSources(cmd)
	f.limits.register(cmd)
	return cmd
}

func oneList(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return usage(&hinted{fmt.Errorf("%s takes one list", cmd.CommandPath()[len("depaudit "):]), "write one with: depaudit fleet list DIR/*/depaudit.yaml >stages.txt"})
	}
	return nil
}

// fleetWork audits the lines of a part.
func (c *command) fleetWork(ctx context.Context, lines []fleetLine, part shard, f *fleetFlags) error {
	if len(lines) < part.total && part.index >= len(lines) {
		return usage(&hinted{fmt.Errorf("part %d of %d has no line: the list has %s", part.index+1, part.total, wording.Count(len(lines), "line", "lines")),
			fmt.Sprintf("use at most %d workers", len(lines))})
	}
	// One machine does without a cache and notices little; a farm reads each base image
	// as often as it has lines.
	if _, err := rootfs.DefaultCache(); err != nil && !f.limits.noCache {
		c.printError(fmt.Errorf("warning: each layer is read for each line: %w", err))
	}
	code := exitPass
	for i, line := range lines {
		if !part.takes(i) {
			continue
		}
		if r := c.done(ctx, line, f); r != nil {
			c.printLine(line, r, ", by an earlier try")
			code = max(code, lineCode(r))
			continue
		}
		err := c.fleetAudit(ctx, line, f)
		if ctx.Err() != nil {
			return trouble(&hinted{fmt.Errorf("interrupted at %s (line %d)", line.name, line.number), "the lines before it are done: with --resume, the same command goes on there"})
		}
		if err == nil {
			continue
		}
		e, _ := errors.AsType[*exitError](coded(err)) // a line without a report is never a pass
		code = max(code, e.code)
		if e.err != nil {
			c.printError(fmt.Errorf("%s (line %d): %w", line.name, line.number, withHintLine(e.err)))
		}
	}
	if code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

// fleetAudit audits one line and writes its report.
func (c *command) fleetAudit(ctx context.Context, line fleetLine, f *fleetFlags) error {
	file := line.report(f.dir)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return trouble(&hinted{fmt.Errorf("cannot write %s: %w", file, reasonOf(err)), "a worker must be allowed to write to the directory of the reports"})
	}
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return trouble(&hinted{fmt.Errorf("cannot write %s: it is not a regular file", file), "remove it: the report of a line is never a link to another one"})
	}
	which := f.which
	which.config, which.stages = line.config, line.stages
	j, err := which.load(ctx)
	if err != nil {
		return err
	}
	defer j.close()
	r, err := c.run(ctx, j, f.limits)
	if err != nil {
		return err
	}
	outputs, err := c.reportOutputs([]string{"json=" + file})
	if err != nil {
		return err
	}
	if err := c.writeOne(r, outputs[0], report.Options{}, &outputFlags{}); err != nil {
		return trouble(err)
	}
	c.printLine(line, r, "")
	if code := lineCode(r); code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

// printLine prints the result of a line.
func (c *command) printLine(line fleetLine, r *audit.Report, how string) {
	if !c.quiet || r.Verdict != audit.Pass {
		fmt.Fprintf(c.stdout, "%s  %s%s\n", line.name, r.Verdict, how)
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		if s.Verdict == audit.Pass {
			continue
		}
		number := "not examined"
		if s.Examined() {
			number = report.Headline(s)
		}
		fmt.Fprintf(c.stdout, "  %s  %s  %s: %s\n", terminal.Escape(s.Name), s.Verdict, number, terminal.Escape(strings.Join(decisive(s.Findings), ", ")))
		c.printGaps(s)
	}
}

// maxLineGaps is the number of gaps of a stage that a worker prints: its log is for
// seeing what to do, and the report has all of them.
const maxLineGaps = 3

// printGaps prints why a stage is incomplete: by then the worker and what it could not
// reach are often gone.
func (c *command) printGaps(s *audit.Stage) {
	printed := 0
	for _, g := range audit.MergeGaps(s.Gaps) {
		if g.Waived != nil {
			continue
		}
		if printed == maxLineGaps {
			fmt.Fprintln(c.stdout, "    and more, which are in the report")
			return
		}
		printed++
		if g.Path != "" {
			g.Detail = g.Path + ": " + g.Detail
		}
		fmt.Fprintln(c.stdout, "    "+terminal.Escape(string(g.Kind)+"  "+g.Detail))
	}
}

// done returns the report of a line that need not be audited again, nil if it must.
func (c *command) done(ctx context.Context, line fleetLine, f *fleetFlags) *audit.Report {
	if !f.resume {
		return nil
	}
	r, why := line.reportOf(ctx, f.dir, f.which)
	if why != "" || r.Verdict == audit.Incomplete || mayChange(r) || r.Tool != tool() || r.Rules != sbom.Rules {
		return nil
	}
	switch isMoved, err := moved(ctx, line.config, r); {
	case isMoved || ctx.Err() != nil: // interrupted, as the audit of it will be
		return nil
	case err != nil:
		// Another try now would lose what is there.
		c.printError(fmt.Errorf("warning: %s (line %d): its report is left, and may be of an older image: %w", line.name, line.number, err))
	}
	return r
}

// decisive are the rules of the findings that a verdict follows from.
func decisive(findings []audit.Finding) []string {
	var rules []string
	for _, f := range findings {
		if (f.Severity == audit.Error || f.Severity == audit.SeverityIncomplete) && !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// reportOf reads the report of a line, and returns why the line has none: it is not
// there, or it is of other stages, or another try would be judged by something else.
func (l fleetLine) reportOf(ctx context.Context, dir string, which pipelineFlags) (*audit.Report, string) {
	path := l.report(dir)
	if info, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, "no report"
	} else if err == nil && !info.Mode().IsRegular() {
		return nil, "its report is not a regular file"
	}
	r, err := audit.Load(path)
	if err != nil {
		return nil, err.Error()
	}
	if r.Inputs == nil {
		return nil, "its report is of a scan, which is judged by nothing"
	}
	// A worker can have the list and the configurations at another place.
	tail := strings.TrimLeft(filepath.ToSlash(filepath.Clean(l.written)), "./")
	if got := filepath.ToSlash(r.Config); got != tail && !strings.HasSuffix(got, "/"+tail) {
		return nil, "its report is of another configuration: " + got
	}
	which.config, which.stages = l.config, l.stages
	j, err := which.load(ctx)
	if err != nil {
		return nil, "its report cannot be compared with its configuration: " + plainText(err)
	}
	defer j.close()
	by := judged{name: "its report", config: r.Config}
	if err := by.sameInputs(j, r.Inputs); err != nil {
		return nil, plainText(err)
	}
	if why := exactlyStages(r, j.stages); why != "" {
		return nil, why
	}
	for i := range r.Stages {
		if err := by.sameStage(ctx, j, &r.Stages[i]); err != nil {
			return nil, plainText(err)
		}
	}
	return r, ""
}

// exactlyStages returns why a report is not one of these stages.
func exactlyStages(r *audit.Report, want []string) string {
	for _, stage := range want {
		if !slices.ContainsFunc(r.Stages, func(s audit.Stage) bool { return s.Name == stage }) {
			return fmt.Sprintf("its report has no stage %q", stage)
		}
	}
	for i := range r.Stages {
		if !slices.Contains(want, r.Stages[i].Name) {
			return fmt.Sprintf("its report has the stage %q, too", r.Stages[i].Name)
		}
	}
	return ""
}

// plainText is the text of an error without its hint.
func plainText(err error) string {
	if h := (*hinted)(nil); errors.As(err, &h) {
		return h.err.Error()
	}
	return err.Error()
}
