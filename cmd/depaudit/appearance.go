package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/sbom/wording"
)

// colorModes are the values of --color.
var colorModes = []string{"auto", "always", "never"}

// registerAppearance adds the flags that all commands have.
func (c *command) registerAppearance(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&c.color, "color", colorModes[0], "use colors: `WHEN` is auto (on a terminal), always or never")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print only what -o names, and the stages that do not pass")
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colorModes, cobra.ShellCompDirectiveNoFileComp))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(colorModes, c.color) {
			return nil
		}
		err := fmt.Errorf("--color %s: unknown value", c.color)
		if near := wording.Nearest(c.color, colorModes); near != "" {
			return usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
		}
		return usage(&hinted{err, "values: " + strings.Join(colorModes, ", ")})
	}
}

// colored reports whether standard output gets colors: by the flag, or else by the
// variables that other programs know, or else on a terminal. Each variable counts
// with any value but the empty one (https://no-color.org, https://force-color.org,
// https://bixense.com/clicolors), FORCE_COLOR and CLICOLOR_FORCE also not with 0 or
// false; NO_COLOR goes before both. CLICOLOR=0 is for no colors on a terminal.
func (c *command) colored() bool {
	forced := func(name string) bool { v := c.env(name); return v != "" && v != "0" && v != "false" }
	switch {
	case c.color == "always":
		return true
	case c.color == "never", c.env("NO_COLOR") != "":
		return false
	case forced("FORCE_COLOR"), forced("CLICOLOR_FORCE"):
		return true
	}
	return c.onTerminal() && c.env("TERM") != "dumb" && c.env("CLICOLOR") != "0"
}

// grouped reports whether standard output is the log of a step of GitHub Actions, in
// which workflow commands make groups.
func (c *command) grouped() bool { return c.env("GITHUB_ACTIONS") == "true" && !c.onTerminal() }

func (c *command) onTerminal() bool {
	f, ok := c.stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// maxColumns is more than any terminal has.
const maxColumns = 1000

// width is the number of columns of standard output.
func (c *command) width() int { return c.widthOf(c.stdout) }

// widthOf is the number of columns of a stream: that of the terminal, or the one in
// COLUMNS, which a log can have; 0 where neither is known.
func (c *command) widthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	if n, err := strconv.Atoi(c.env("COLUMNS")); err == nil && n > 0 {
		return min(n, maxColumns)
	}
	return 0
}
