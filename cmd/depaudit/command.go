package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/wording"
)

// command is the program with its streams and environment as values, so that
// tests call it as an ordinary function.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	// now is the clock, time.Now if it is nil. Exceptions and waivers expire by
	// it, and no variable of the environment replaces it: the one who sets the
	// variables of a job could revive one that has expired.
	now func() time.Time
	// color and quiet are the flags of all commands.
	color string
	quiet bool
	// args are the arguments of this run, for a command to paste.
	args []string
}

// Exit codes; see the README. A failed gate and an incomplete scan never share
// one.
const (
	exitPass       = 0
	exitFail       = 1
	exitUsage      = 2 // nothing was judged
	exitIncomplete = 3
	exitTrouble    = 4 // could not run
)

// exitError is an error with an exit code. An error without one is a mistake on
// the command line.
type exitError struct {
	code int
	err  error // nil when everything was printed already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error      { return &exitError{exitUsage, err} }
func incomplete(err error) error { return &exitError{exitIncomplete, err} }
func trouble(err error) error    { return &exitError{exitTrouble, err} }

// coded gives an error without an exit code that of a mistake.
func coded(err error) error {
	if _, has := errors.AsType[*exitError](err); has {
		return err
	}
	return usage(err)
}

// hinted is an error with a hint, which is printed on a line of its own.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() + "\n  " + h.hint }
func (h *hinted) Unwrap() error { return h.err }

// main runs one command line and returns the exit code.
func (c *command) main(args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = caught(p, c.stderr)
		}
	}()
	if len(args) > 0 && args[0] == childCommand {
		return c.child(args[1:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := c.root()
	c.args = args
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPass
	}
	code = exitUsage
	var e *exitError
	if errors.As(err, &e) {
		code = e.code
		err = e.err
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		// All scans end before the first output is written.
		code, err = exitTrouble, errors.New("interrupted: nothing was written")
	}
	if err != nil && !isClosedPipe(err) {
		c.printError(withHintLine(err))
	}
	return code
}

// withHintLine moves a long hint of package pipeline to a line of its own.
func withHintLine(err error) error {
	const long = 45
	var input *pipeline.InputError
	if errors.As(err, &input) && len(input.Hint) > long {
		return &hinted{input.Err, input.Hint}
	}
	return err
}

func (c *command) root() *cobra.Command {
	var showVersion bool
	root := &cobra.Command{
		Use:   "depaudit",
		Short: "Count and gate the dependencies of a release pipeline's stages",
		Long: `depaudit scans the environment of each stage of a release pipeline, counts the
installed dependencies, checks that the operating system provides each of them
or a lock file pins it, and fails when a critical stage grows.

  depaudit init           propose a depaudit.yaml for this repository
  depaudit audit          judge the stages of depaudit.yaml: the gate
  depaudit scan dir:ROOT  scan one environment, without configuration

Exit codes: 0 every gate passed, 1 a gate failed, 2 the command line, the
configuration or the baseline is wrong, 3 incomplete (something could not be
examined, or there is no baseline), 4 could not run.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				fmt.Fprintln(c.stdout, thisVersion())
				return nil
			}
			return cmd.Help()
		},
	}
	c.registerAppearance(root)
	root.Flags().BoolVarP(&showVersion, "version", "v", false, "print the version")
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A mistyped command is an argument of the one above, which does not have its flags.
		if args := cmd.Flags().Args(); cmd.HasSubCommands() && cmd.Args != nil && len(args) > 0 {
			if err := cmd.Args(cmd, args); err != nil {
				return err
			}
		}
		return usage(&hinted{flagError(cmd, err), fmt.Sprintf("run %q for the flags", cmd.CommandPath()+" --help")})
	})
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", helpWidth)))
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(c.initCommand(), c.auditCommand(), c.scanCommand(), c.snapshotCommand(), c.stagesCommand(), c.indexCommand(), c.fetchCommand(), c.baselineCommand(), c.exceptCommand(), c.reportCommand(), c.releaseCommand(), c.explainCommand(), c.exploreCommand(), c.diffCommand(), c.findCommand(), c.fleetCommand(), c.exportCommand(), c.historyCommand(), c.graphCommand(), c.whyCommand(), c.topCommand(), c.whatifCommand(), c.splitCommand(), c.verifyCommand(), c.versionCommand())
	root.InitDefaultCompletionCmd()
	for _, sub := range root.Commands() {
		if sub.Name() == "completion" {
			// cobra prints the help and succeeds if the shell is mistyped.
			sub.Args = noArgs
			sub.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	return root
}

// helpWidth is the width of help texts, the same on every terminal.
const helpWidth = 80

// Paragraphs that several help texts share.
const (
	outputHelp = `
-o chooses formats: table and markdown are for people, json is the whole report
("depaudit report" renders it again), spdx-json, spdx3-json and cyclonedx-json
are SBOMs, one for each stage. Without =FILE, or with =-, a format goes to
standard output. {stage} in a file name is replaced by the name of the stage.
Files are replaced whole or not at all.
`
)

// helpCommand is cobra's, except that a mistyped command is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			at, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return subcommands(at), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			at := root
			for _, arg := range args {
				i := slices.IndexFunc(at.Commands(), func(sub *cobra.Command) bool { return sub.Name() == arg })
				if i < 0 {
					return noCommand(at, arg)
				}
				at = at.Commands()[i]
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

func noCommand(cmd *cobra.Command, name string) error {
	names := subcommands(cmd)
	err := fmt.Errorf("unknown command %q for %s", name, cmd.CommandPath())
	if len(names) == 0 {
		return usage(err)
	}
	if near := wording.Nearest(name, names); near != "" {
		return usage(&hinted{err, fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+near)})
	}
	return usage(&hinted{err, "commands: " + strings.Join(names, ", ")})
}

// noArgs refuses arguments. At the root an argument is a mistyped command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() || cmd.HasSubCommands() {
		return noCommand(cmd, args[0])
	}
	return usage(fmt.Errorf("%s takes no arguments: %q", cmd.Name(), args[0]))
}

// flagError adds the nearest flag to an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	// The words of package strconv name a function and no value that would do.
	if head, _, ok := strings.Cut(err.Error(), ": strconv."); ok {
		return errors.New(head + ": write a number")
	}
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := wording.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown flag --%s, did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// tool is the program as reports name it.
func tool() audit.Tool {
	return audit.Tool{Name: "depaudit", Version: version(), Catalogers: catalogers.Version}
}

// version is the module version that the go command recorded.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
