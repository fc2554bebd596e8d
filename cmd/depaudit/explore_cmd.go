package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/audit/explore"
)

func (c *command) exploreCommand() *cobra.Command {
	var f questionFlags
	cmd := &cobra.Command{
		Use:   "explore REF",
		Short: "Browse one environment in the terminal",
		Long: `Shows the dependencies of one environment in a list that can be sorted and
filtered, and as a tree of what each one retains. For the selected dependency it
shows why it is installed; for the marked ones what would be removed and what
would break without them. The last line shows the keys; ? shows all of them.

It works in 80 columns, over SSH and without colors (NO_COLOR). In a script use
"depaudit top", "depaudit why" and "depaudit whatif" instead.
` + subjectHelp + `
The exit code is 0, 2 for a mistake on the command line or without a terminal, 3
when something could not be examined or the environment records no relations, 4
when it could not run or was ended by a signal.`,
		Example: `  depaudit explore dir:/srv/chroot/build
  depaudit explore report.json --stage docs`,
		Args: oneReference("explore"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := c.terminal(args[0])
			if err != nil {
				return err
			}
			a, err := c.ask(cmd.Context(), args[0], &f, nil, nil)
			if err != nil {
				return err
			}
			// A lost connection ends the program in order.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			if err := explore.Run(ctx, exploredStage(a), t); err != nil {
				if errors.Is(err, context.Canceled) {
					return trouble(errors.New("ended by a signal"))
				}
				return trouble(err)
			}
			return c.caveats(a.subject)
		},
	}
	f.registerSubject(cmd)
	return cmd
}

// terminal is the terminal of an interactive command. The error names the
// commands that need none.
func (c *command) terminal(arg string) (explore.Terminal, error) {
	in, inOK := c.stdin.(*os.File)
	out, outOK := c.stdout.(*os.File)
	hint := fmt.Sprintf("without a terminal use depaudit top %s, depaudit why %[1]s PACKAGE, depaudit whatif %[1]s --without PACKAGE", arg)
	switch {
	case !inOK || !term.IsTerminal(int(in.Fd())):
		return explore.Terminal{}, usage(&hinted{errors.New("explore needs a terminal, and standard input is not one"), hint})
	case !outOK || !term.IsTerminal(int(out.Fd())):
		return explore.Terminal{}, usage(&hinted{errors.New("explore needs a terminal, and standard output is not one"), hint})
	case c.env("TERM") == "dumb" || c.env("TERM") == "":
		return explore.Terminal{}, usage(&hinted{fmt.Errorf("explore needs a terminal that can move the cursor, and TERM is %q", c.env("TERM")), hint})
	}
	return explore.Terminal{In: in, Out: out, Color: c.color != "never" && (c.color == "always" || c.env("NO_COLOR") == "")}, nil
}

// exploredStage is the environment with its limitations and gaps.
func exploredStage(a *asked) explore.Stage {
	e := explore.Stage{Name: a.name, Graph: a.graph, Provenance: a.provenance()}
	for _, l := range a.doc.Limitations {
		e.Notes = append(e.Notes, l.Detail)
	}
	for _, g := range mergedGaps(a.doc) {
		e.Notes = append(e.Notes, strings.TrimSpace(fmt.Sprintf("could not be examined: %s %s", g.Path, g.Detail)))
	}
	return e
}
