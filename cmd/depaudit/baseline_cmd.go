package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
)

func (c *command) baselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Accept, check and show the dependencies of the stages",
		Long: `The baseline is a file with the accepted dependencies of each stage, one on each
line. It is committed beside the configuration, so that its diff in a pull
request shows what is accepted. "depaudit audit" compares identities with it: a
swap is growth, a new version is not.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.baselineUpdate(), c.baselineCheck(), c.baselineShow())
	return cmd
}

func (c *command) baselineUpdate() *cobra.Command {
	var (
		which  pipelineFlags
		limits limitFlags
		reason string
		from   []string
		to     string
	)
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Accept the stages as they are, by a scan or by saved reports",
		Long: `Scans the stages, prints what is accepted, and writes the baseline. When a
critical stage grows or its evidence gets weaker, a reason is required; it is
recorded in the file. With --stage, the other stages keep their entries. When
one stage has gaps or needs a reason, the file is not changed.

With --from, nothing is scanned: the stages are those of reports that
"depaudit audit -o json" wrote, such as the artifacts of a CI run that failed.
The baseline is the one that the machine of the report would have written. The
reports must be judged by the configuration, the locks and the baseline that
are here. A report is as trustworthy as the place that it is from.

A baseline accepts what is there. A dependency that nothing accounts for fails a
critical stage all the same: the command lists these findings, with exceptions
for them to fill in and paste.

Exit codes: 0 written, 2 a reason is required, or the command line, the
configuration or the old baseline is wrong, 3 a stage has gaps, 4 could not run
or could not write.`,
		Example: `  depaudit baseline update
  depaudit baseline update --stage build --reason "gdb for crash tests, #123"
  depaudit baseline update --from report.json --reason "gdb, see #123"
  depaudit baseline update --from reports`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFrom(cmd, from, args); err != nil {
				return err
			}
			if err := limits.check(); err != nil {
				return err
			}
			j, err := which.load(cmd.Context())
			if err != nil {
				return err
			}
			defer j.close()
			command := acceptCommand
			var r *audit.Report
			if len(from) > 0 {
				// A pattern after the flag gives its first file to the flag.
				from = append(from, args...)
				command = func(s audit.Stage) string { return fromCommand(&which, from, s.Name) + ` --reason "..."` }
				r, err = c.reported(cmd.Context(), j, &which, from)
			} else {
				r, err = c.run(cmd.Context(), j, limits)
			}
			if err != nil {
				return err
			}
			if to != "" {
				j.baselinePath = to
			}
			if err := c.accept(j, r, reason, command); err != nil {
				return err
			}
			c.printRemaining(j, r)
			return nil
		},
	}
	which.register(cmd)
	which.registerSources(cmd)
	limits.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY` a critical stage may grow")
	cmd.Flags().StringVar(&to, "to", "", "`FILE` to write, instead of the baseline: a proposal")
	listVar(cmd.Flags(), &from, "from", "`REPORT` of an audit, or a directory of them, instead of a scan; more may follow it")
	return cmd
}

// accept writes a report's stages to the baseline: all of them, or none if one
// cannot be accepted. command returns the command that accepts a stage with a reason.
func (c *command) accept(j *job, r *audit.Report, reason string, command func(audit.Stage) string) error {
	next := j.baseline
	for _, stage := range r.Stages {
		with, err := next.With(stage, reason)
		switch {
		case errors.Is(err, baseline.ErrReason), errors.Is(err, baseline.ErrPolicy):
			c.printDiff(j.baseline, stage)
			return usage(&hinted{err, fmt.Sprintf("give a reason: %s; nothing was written", command(stage))})
		case err != nil:
			var open []sbom.Gap
			for _, g := range audit.MergeGaps(stage.Gaps) {
				if g.Waived != nil {
					continue
				}
				open = append(open, g.Gap)
				fmt.Fprintf(c.stderr, "  gap  %s  %s\n", terminal.Escape(cmp.Or(g.Path, string(g.Kind))), terminal.Escape(g.Detail))
			}
			if !slices.ContainsFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, "--from") }) {
				c.hintRoot(open) // a report would be as it is
			}
			return incomplete(err)
		}
		next = with
	}
	for _, stage := range r.Stages {
		c.printDiff(j.baseline, stage)
	}
	if err := next.Write(j.baselinePath); err != nil {
		return trouble(err)
	}
	fmt.Fprintf(c.stdout, "wrote %s\n", terminal.Escape(j.baselinePath))
	return nil
}

// acceptCommand is the report's own command for accepting a stage.
func acceptCommand(stage audit.Stage) string {
	for _, f := range stage.Findings {
		if strings.Contains(f.Accept, "--reason") {
			return f.Accept
		}
	}
	return `depaudit baseline update --reason "..."`
}

// printDiff prints what accepting a stage changes.
func (c *command) printDiff(base *baseline.Baseline, stage audit.Stage) {
	if base == nil || base.Stages[stage.Name] == nil {
		fmt.Fprintf(c.stdout, "%s  %s, the first baseline\n", stage.Name, report.Headline(&stage))
		return
	}
	g := stage.Growth
	fmt.Fprintf(c.stdout, "%s  %s\n", stage.Name, report.Headline(&stage))
	byID := make(map[string]*audit.Dependency, len(stage.Dependencies))
	for i := range stage.Dependencies {
		byID[stage.Dependencies[i].ID] = &stage.Dependencies[i]
	}
	line := func(sign, id string) {
		if d := byID[id]; d != nil {
			fmt.Fprintf(c.stdout, "  %s %s  %s (%s)\n", sign, terminal.Escape(d.Label()), d.Provenance, terminal.Escape(d.Evidence))
			return
		}
		fmt.Fprintf(c.stdout, "  %s %s\n", sign, labelOf(id))
	}
	for _, group := range g.Added {
		line("+", group.ID)
		for _, id := range group.Introduces {
			line("  +", id)
		}
	}
	for _, w := range g.Weaker {
		fmt.Fprintf(c.stdout, "  ! %s  %s (%s) -> %s (%s)\n", labelOf(w.ID), w.From.Provenance, terminal.Escape(w.From.Evidence), w.To.Provenance, terminal.Escape(w.To.Evidence))
	}
	for _, e := range g.Removed {
		line("-", e.ID)
	}
	if b := g.Base; b != nil && len(b.Added)+len(b.Removed)+len(b.Changed) > 0 {
		fmt.Fprintf(c.stdout, "  base  %d added, %d removed, %d changed\n", len(b.Added), len(b.Removed), len(b.Changed))
	}
	files := base.Stages[stage.Name].Changes(&stage)
	for _, p := range files.Policy {
		sign := map[bool]string{true: "!", false: "~"}[p.Weaker]
		fmt.Fprintf(c.stdout, "  %s %s\n", sign, terminal.Escape(p.String()))
	}
	for _, id := range files.Content {
		fmt.Fprintf(c.stdout, "  ! %s  other files, places or lock entry of the same version\n", labelOf(id))
	}
	for _, a := range files.Covered {
		fmt.Fprintf(c.stdout, "  ! %s  covered by the exception for %s\n", labelOf(a.ID), terminal.Escape(a.Exception))
	}
	for _, f := range files.FilesAdded {
		fmt.Fprintf(c.stdout, "  + %s  %s%s\n", terminal.Escape(f.Path), terminal.Escape(f.Rule), by(f.Exception))
	}
	for _, f := range files.FilesRemoved {
		fmt.Fprintf(c.stdout, "  - %s  %s%s\n", terminal.Escape(f.Path), terminal.Escape(f.Rule), by(f.Exception))
	}
	for _, u := range files.UsesAdded {
		fmt.Fprintf(c.stdout, "  + %s\n", useLine(u))
	}
	for _, u := range files.UsesRemoved {
		fmt.Fprintf(c.stdout, "  - %s\n", useLine(u))
	}
	for _, u := range files.UsesChanged {
		sign := "~"
		if u.Weaker() {
			sign = "!"
		}
		fmt.Fprintf(c.stdout, "  %s %s -> %s\n", sign, useLine(u.Before), useLine(u.Now))
	}
	if files.DefinitionGone {
		fmt.Fprintf(c.stdout, "  ! the stage has no definition any more\n")
	}
	for _, ch := range g.Changed {
		fmt.Fprintf(c.stdout, "  ~ %s %s -> %s\n", labelOf(ch.Key), terminal.Escape(ch.From), terminal.Escape(ch.To))
	}
}

// useLine returns a use of a definition with its pin.
func useLine(u audit.AcceptedUse) string {
	return fmt.Sprintf("%s (%s)", terminal.Escape(u.Short()), terminal.Escape(u.Pin))
}

// by returns the end of a line about what an exception covers, "" for none.
func by(exception string) string {
	if exception == "" {
		return ""
	}
	return "  by the exception for " + terminal.Escape(exception)
}

// labelOf returns the name and the version in an identity, escaped.
func labelOf(id string) string {
	name, version := sbom.SplitIdentity(id)
	return terminal.Escape(strings.TrimSpace(name + " " + version))
}

func (c *command) baselineCheck() *cobra.Command {
	var which pipelineFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the file itself, without a scan",
		Long: `Checks that the baseline is well formed, was counted with the same rules and
catalogers as this depaudit uses, and has the critical stages of the
configuration. Exit code 2 when the file is wrong, 3 when a stage could not be
compared with it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := which.load(cmd.Context())
			if err != nil {
				return err
			}
			defer j.close()
			if j.baseline == nil {
				return incomplete(&hinted{fmt.Errorf("baseline does not exist: %s", j.baselinePath), "create it with: depaudit baseline update"})
			}
			return c.checkBaseline(j)
		},
	}
	which.register(cmd)
	which.registerPolicy(cmd)
	return cmd
}

func (c *command) checkBaseline(j *job) error {
	problems := 0
	method := audit.Method{Rules: sbom.Rules, Catalogers: catalogers.Version}
	for _, name := range j.stages {
		stage := j.config.Stage(name)
		b := j.baseline.Stages[stage.Name]
		switch {
		case b == nil && stage.Critical:
			fmt.Fprintf(c.stdout, "%s  critical and not in the baseline; run depaudit baseline update --stage %s\n", stage.Name, stage.Name)
			problems++
		case b == nil:
			fmt.Fprintf(c.stdout, "%s  not in the baseline\n", stage.Name)
		case b.Method != method:
			fmt.Fprintf(c.stdout, "%s  counted with %s, this is %s; run depaudit baseline update --stage %s\n", stage.Name, terminal.Escape(b.Method.String()), method, stage.Name)
			problems++
		default:
			fmt.Fprintf(c.stdout, "%s  %d dependencies\n", stage.Name, len(b.Dependencies))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.baseline.Stages)) {
		if j.config.Stage(name) == nil {
			fmt.Fprintf(c.stdout, "%s  in the baseline but not in the configuration\n", terminal.Escape(name))
		}
	}
	if problems > 0 {
		return &exitError{code: exitIncomplete}
	}
	return nil
}

func (c *command) baselineShow() *cobra.Command {
	var (
		which pipelineFlags
		limit int
	)
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the accepted dependencies and files",
		Long: `Prints by which policy each stage was accepted, each dependency with its
provenance, its evidence and the reason it was accepted with, each file with the
rule that it breaks, what the definition of the stage names, and the exceptions
with the day since which they are needed. Nothing is scanned.`,
		Example: `  depaudit baseline show
  depaudit baseline show --stage build-source`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := which.load(cmd.Context())
			if err != nil {
				return err
			}
			defer j.close()
			if j.baseline == nil {
				return incomplete(&hinted{fmt.Errorf("baseline does not exist: %s", j.baselinePath), "create it with: depaudit baseline update"})
			}
			for _, name := range j.stages {
				b := j.baseline.Stages[name]
				if b == nil {
					fmt.Fprintf(c.stdout, "%s  not in the baseline\n", name)
					continue
				}
				fmt.Fprintf(c.stdout, "%s  %d dependencies, %s\n", name, len(b.Dependencies), terminal.Escape(b.Method.String()))
				if b.Critical {
					fmt.Fprintln(c.stdout, "  policy  critical: true")
				}
				if b.Policy != nil {
					for _, setting := range b.Policy.Settings() {
						if !setting.Empty() {
							fmt.Fprintf(c.stdout, "  policy  %s\n", terminal.Escape(setting.String()))
						}
					}
				}
				for i, e := range b.Dependencies {
					if limit > 0 && i == limit {
						fmt.Fprintf(c.stdout, "  and %d more: --limit 0 shows all\n", len(b.Dependencies)-i)
						break
					}
					fmt.Fprintf(c.stdout, "  %s  %s (%s)%s", labelOf(e.ID), e.Provenance, terminal.Escape(e.Evidence), by(e.Exception))
					if e.Reason != "" {
						fmt.Fprintf(c.stdout, "  %s", terminal.Escape(e.Reason))
					}
					fmt.Fprintln(c.stdout)
				}
				for i, f := range b.Files {
					if limit > 0 && i == limit {
						fmt.Fprintf(c.stdout, "  and %d more files: --limit 0 shows all\n", len(b.Files)-i)
						break
					}
					fmt.Fprintf(c.stdout, "  %s  %s%s", terminal.Escape(f.Path), terminal.Escape(f.Rule), by(f.Exception))
					if f.Reason != "" {
						fmt.Fprintf(c.stdout, "  %s", terminal.Escape(f.Reason))
					}
					fmt.Fprintln(c.stdout)
				}
				for _, u := range b.Definition {
					fmt.Fprintf(c.stdout, "  %s", useLine(u))
					if u.Reason != "" {
						fmt.Fprintf(c.stdout, "  %s", terminal.Escape(u.Reason))
					}
					fmt.Fprintln(c.stdout)
				}
				for _, subject := range slices.Sorted(maps.Keys(b.Exceptions)) {
					fmt.Fprintf(c.stdout, "  exception for %s  since %s\n", terminal.Escape(subject), terminal.Escape(b.Exceptions[subject]))
				}
			}
			return nil
		},
	}
	which.register(cmd)
	which.registerPolicy(cmd)
	limitVar(cmd, &limit, 0, "dependencies and files of each stage")
	return cmd
}
