package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

func (c *command) exceptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "except",
		Short: "Add, list and remove the exceptions of a pipeline",
		Long: `An exception excuses a dependency or a file from rules that it breaks, with a
reason, an owner and the last day on which it holds. Exceptions are in
depaudit.yaml, or in a file of their own that "exceptions: FILE" names there.
These commands change that file line by line: comments, quotes, the order and
the ends of lines stay.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.exceptAdd(), c.exceptList(), c.exceptPrune())
	return cmd
}

// registerConfig adds the flag that names the configuration.
func registerConfig(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", defaultConfig, "configuration `FILE`")
}

// editor reads the exceptions.
func (c *command) editor(path string) (*config.Editor, error) {
	e, err := config.NewEditor(path)
	if errors.Is(err, fs.ErrNotExist) && path == defaultConfig {
		return nil, usage(noConfig())
	}
	if err != nil {
		return nil, usage(err)
	}
	return e, nil
}

// exceptFlags are the keys of an exception as flags.
type exceptFlags struct {
	x          config.Exception
	introduces []string
	expires    string
}

func (f *exceptFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.x.PURL, "purl", "", "package `URL`: pkg:TYPE/NAME[@VERSION], with wildcards: 'pkg:npm/@types/*'")
	cmd.Flags().StringVar(&f.x.Path, "path", "", "`PATH` in the environment, or pattern; without --purl for files of no package")
	listVar(cmd.Flags(), &f.x.Stages, "stage", "only in this `STAGE`")
	listVar(cmd.Flags(), &f.x.Rules, "rule", "only this `RULE` (see depaudit explain)")
	listVar(cmd.Flags(), &f.introduces, "introduces", "at most `N` further dependencies, or a package URL of them")
	cmd.Flags().StringVar(&f.x.Reason, "reason", "", "`WHY` it is needed and cannot be accounted for")
	cmd.Flags().StringVar(&f.x.Owner, "owner", "", "`WHO` answers for it")
	cmd.Flags().StringVar(&f.expires, "expires", "", "last `DAY`: YYYY-MM-DD, or a number of days such as 90d")
	_ = cmd.RegisterFlagCompletionFunc("rule", cobra.FixedCompletions(audit.ExcusableRules(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("stage", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		e, err := config.NewEditor(cmd.Flag("config").Value.String())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return stageNames(e.Config), cobra.ShellCompDirectiveNoFileComp
	})
}

var inDays = lazyregexp.New(`^([0-9]{1,6})d$`)

// exception returns the exception that the flags describe.
func (f *exceptFlags) exception(c *config.Config, today string) (*config.Exception, error) {
	for _, required := range []struct{ flag, value, hint string }{
		{"--purl or --path", f.x.PURL + f.x.Path, `--purl pkg:pypi/six, or --path /usr/local/bin/tool`},
		{"--reason", f.x.Reason, `--reason "what it is waiting for"`},
		{"--owner", f.x.Owner, "--owner team@example.org"},
		{"--expires", f.expires, "--expires 90d, or a day: YYYY-MM-DD"},
	} {
		if required.value == "" {
			return nil, &hinted{fmt.Errorf("an exception needs %s", required.flag), "such as " + required.hint}
		}
	}
	x := f.x
	x.Added, x.Expires = today, f.expires
	if m := inDays.FindStringSubmatch(f.expires); m != nil {
		day, err := time.Parse(time.DateOnly, today)
		if err != nil {
			return nil, err
		}
		n, _ := strconv.Atoi(m[1])
		x.Expires = day.AddDate(0, 0, n).Format(time.DateOnly)
	}
	for _, s := range f.introduces {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil && x.Introduces == nil:
			x.Introduces = &config.Introduces{PURLs: []string{s}}
		case err != nil && len(x.Introduces.PURLs) > 0:
			x.Introduces.PURLs = append(x.Introduces.PURLs, s)
		case err == nil && len(f.introduces) == 1:
			x.Introduces = &config.Introduces{Most: n}
		default:
			return nil, fmt.Errorf("--introduces %s: give one number, or package URLs alone", s)
		}
	}
	if x.Expires < today && config.IsDate(x.Expires) {
		return nil, fmt.Errorf("--expires: %s has passed", x.Expires)
	}
	parsed, err := c.ParseException(x, today)
	var flag *config.FlagError
	if errors.As(err, &flag) && flag.Hint != "" {
		return nil, &hinted{errors.New(flag.Msg), flag.Hint}
	}
	return parsed, err
}

func (c *command) exceptAdd() *cobra.Command {
	var (
		path   string
		flags  exceptFlags
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add an exception",
		Long: `Adds an exception at the end of the list, with the day on which it was added,
and prints it. It is checked as an audit checks it; an exception for the same
thing in the same stages and for the same rules is an error.

What an exception with a wildcard or for a directory covers must then be
accepted: depaudit baseline update --reason "...".

Exit codes: 0 added, 2 a mistake on the command line or in the configuration, 4
could not write.`,
		Example: `  depaudit except add --purl pkg:pypi/six --reason "until the port, #12" \
    --owner release-team --expires 90d
  depaudit except add --purl 'pkg:npm/@types/*' --stage build \
    --rule not-pinned --reason "no code" --owner web-team --expires 2027-03-31`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			e, err := c.editor(path)
			if err != nil {
				return err
			}
			x, err := flags.exception(e.Config, c.today())
			if err != nil {
				return usage(err)
			}
			for i := range e.Config.Exceptions {
				if y := &e.Config.Exceptions[i]; y.SameScope(x) {
					hint := "change that entry, or give another --stage or --rule"
					if y.Expires < c.today() {
						hint = "it has expired: depaudit except prune removes it"
					}
					return usage(&hinted{fmt.Errorf("%s has an exception for %s, until %s (%s)", y.At(), y, y.Expires, y.Owner), hint})
				}
			}
			text, line, err := e.Add(*x)
			if err != nil {
				return usage(err)
			}
			verb := "would add"
			if !dryRun {
				verb = "added"
				if err := e.Write(); err != nil {
					return trouble(err)
				}
			}
			fmt.Fprintf(c.stdout, "%s to %s:%d\n", verb, terminal.Escape(e.File), line)
			for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				fmt.Fprintf(c.stdout, "  %s\n", terminal.Escape(l))
			}
			switch {
			case config.HasWildcard(x.PURL) || strings.ContainsAny(x.Path, "*?[{"):
				fmt.Fprintf(c.stdout, "accept what it covers: depaudit baseline update --reason \"...\"\n")
			case x.Path != "" && x.PURL == "":
				fmt.Fprintf(c.stdout, "if it is a directory, accept what it covers: depaudit baseline update --reason \"...\"\n")
			}
			return nil
		},
	}
	registerConfig(cmd, &path)
	flags.register(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the exception and write nothing")
	return cmd
}

func (c *command) exceptList() *cobra.Command {
	var (
		path, report string
		out          listFlags
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the exceptions with their age and the days that are left",
		Long: `Lists the exceptions in the order of the file. The age is the number of days
since "added:", or since the baseline recorded the exception if that is
earlier. With --report, a report of "depaudit audit -o json", it also lists how
much each one covers. Nothing is scanned.

Exit codes: 0 listed, 2 the configuration or the report is wrong, 4 could not
write.`,
		Example: `  depaudit except list
  depaudit except list --report report.json -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			e, err := c.editor(path)
			if err != nil {
				return err
			}
			r, err := c.reportOf(cmd.Context(), report, e.Config)
			if err != nil {
				return err
			}
			accepted, err := baseline.Load(e.Config.BaselinePath())
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return usage(err)
			}
			return c.answer(newExceptionTable(e.Config, accepted, r, c.today()), outputs, out.limit)
		},
	}
	registerConfig(cmd, &path)
	cmd.Flags().StringVar(&report, "report", "", "`FILE` that an audit wrote with -o json=FILE")
	out.register(cmd)
	return cmd
}

// reportOf reads a report of the pipeline, nil if none is named.
func (c *command) reportOf(ctx context.Context, path string, cfg *config.Config) (*audit.Report, error) {
	if path == "" {
		return nil, nil
	}
	r, err := c.readReports(ctx, []string{path})
	if err != nil {
		return nil, err
	}
	if r.Pipeline != cfg.Pipeline {
		return nil, usage(fmt.Errorf("--report %s: it is about the pipeline %q, and %s about %q", path, r.Pipeline, cfg.File, cfg.Pipeline))
	}
	return r, nil
}

func (c *command) exceptPrune() *cobra.Command {
	var (
		path, report string
		dryRun       bool
	)
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove exceptions that have expired or excuse nothing",
		Long: `Removes the exceptions whose last day has passed, each with the comment above
it. With --report, a report of "depaudit audit -o json", it also removes those
that excuse nothing there. One that holds in a stage that the report does not
have, or that could not be scanned, stays.

Exit codes: 0 removed, or there was nothing to remove, 2 the configuration or
the report is wrong, 4 could not write.`,
		Example: `  depaudit except prune --dry-run
  depaudit audit -o json=report.json; depaudit except prune --report report.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := c.editor(path)
			if err != nil {
				return err
			}
			r, err := c.reportOf(cmd.Context(), report, e.Config)
			if err != nil {
				return err
			}
			var drop []int
			var why []string
			for i := range e.Config.Exceptions {
				x := &e.Config.Exceptions[i]
				reason := ""
				switch {
				case x.Expires < c.today():
					reason = "expired on " + x.Expires
				case r != nil && unusedIn(r, e.Config, x):
					reason = "excuses nothing"
				default:
					continue
				}
				drop = append(drop, i)
				why = append(why, fmt.Sprintf("%s  %s (%s)  %s", terminal.Escape(x.At()), terminal.Escape(x.String()), terminal.Escape(x.Owner), reason))
			}
			if len(drop) == 0 {
				fmt.Fprintln(c.stdout, "no exception to remove")
				return nil
			}
			if err := e.Remove(drop); err != nil {
				return usage(err)
			}
			verb := "would remove"
			if !dryRun {
				verb = "removed"
				if err := e.Write(); err != nil {
					return trouble(err)
				}
			}
			for _, line := range why {
				fmt.Fprintf(c.stdout, "%s %s\n", verb, line)
			}
			return nil
		},
	}
	registerConfig(cmd, &path)
	cmd.Flags().StringVar(&report, "report", "", "`FILE` that an audit wrote with -o json=FILE")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be removed and write nothing")
	return cmd
}

// isUse reports whether a report's use is that of the exception.
func isUse(u *audit.ExceptionUse, x *config.Exception) bool {
	return u.PURL == x.PURL && u.Path == x.Path && slices.Equal(u.Stages, x.Stages) && slices.Equal(u.Rules, x.Rules)
}

// unusedIn reports whether the report shows that an exception excuses nothing: every
// stage in which it holds was examined, and none needs it.
func unusedIn(r *audit.Report, cfg *config.Config, x *config.Exception) bool {
	for i := range cfg.Stages {
		name := cfg.Stages[i].Name
		if !x.ForStage(name) {
			continue
		}
		at := slices.IndexFunc(r.Stages, func(s audit.Stage) bool { return s.Name == name })
		if at < 0 {
			return false
		}
		s := &r.Stages[at]
		lost := !s.Examined()
		if lost || slices.ContainsFunc(s.Exceptions, func(u audit.ExceptionUse) bool { return isUse(&u, x) }) {
			return false
		}
	}
	return true
}

// covered returns how much an exception covers by a report.
func covered(r *audit.Report, x *config.Exception) (dependencies, paths int) {
	for i := range r.Stages {
		for j := range r.Stages[i].Exceptions {
			if u := &r.Stages[i].Exceptions[j]; isUse(u, x) {
				dependencies += len(u.Dependencies)
				paths += len(u.Paths)
			}
		}
	}
	return dependencies, paths
}

// since returns the day on which an exception was added, or on which a baseline
// recorded it first, whichever is earlier, "" if neither is known.
func since(x *config.Exception, accepted *baseline.Baseline) string {
	first := x.Added
	if accepted == nil {
		return first
	}
	for _, s := range accepted.Stages {
		if day := s.Exceptions[x.String()]; day != "" {
			first = min(cmp.Or(first, day), day)
		}
	}
	return first
}
