package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom/graph"
)

func (c *command) splitCommand() *cobra.Command {
	var (
		f     questionFlags
		parts []string
	)
	cmd := &cobra.Command{
		Use:   "split REF --for COMMAND|PACKAGE...",
		Short: "Count separate stages for some commands or packages",
		Long: `Counts the packages that a stage for some commands or packages alone would have:
the system's essential packages, and everything that the given ones need. The
interpreter of a script, and installed optional dependencies of npm packages,
are needs; recommendations are not followed. With several --for, it shows the
packages that each needs alone and those that they share. Several names in one
--for, separated by blanks, are one part; commas separate parts. Programs that a
command runs without a declared dependency cannot be found here: try the smaller
stage.
` + subjectHelp + packageHelp + rootsHelp + `
Commands are searched for in the usual directories (/usr/bin and so on), which
needs an environment to scan: a saved report and an SBOM have packages only.

Exit codes: 0 answered, 2 a mistake on the command line (a missing package too),
3 something could not be examined or the environment records no relations, 4
could not run.`,
		Example: `  depaudit split dir:/srv/chroot/docs --for sphinx-build --for 'latexmk xindy'
  depaudit split report.json --stage build-docs --for 'texlive-xetex latexmk'`,
		Args: oneReference("split"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(parts) == 0 {
				return usage(&hinted{errors.New("split needs --for"), `name the commands and packages of a part: --for "COMMAND PACKAGE ..."`})
			}
			var words []string
			for _, part := range parts {
				words = append(append(words, part), partWords(part)...)
			}
			a, err := c.ask(cmd.Context(), args[0], &f, nil, words)
			if err != nil {
				return err
			}
			uses, groups, err := a.parts(parts)
			if err != nil {
				return err
			}
			split, err := a.graph.Split(groups, graph.SplitOptions{})
			if err != nil {
				return usage(err)
			}
			answer := query.NewSplit(a.inquiry, uses, split)
			if err := c.reply(&f, answer); err != nil {
				return err
			}
			return unsure(&answer.Head)
		},
	}
	f.register(cmd, 20, "names of each group")
	listVar(cmd.Flags(), &parts, "for", "`NAMES` of the commands and packages of one part, with blanks between them")
	return cmd
}

// partWords are the names of one part.
func partWords(part string) []string {
	return strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
}

// parts resolves each --for. A value that is the name of a package is that
// package, even with a blank in it.
func (a *asked) parts(parts []string) ([]query.Use, []graph.Part, error) {
	var uses []query.Use
	var groups []graph.Part
	seen := make(map[string]bool)
	for _, part := range parts {
		name := strings.Join(strings.Fields(part), " ")
		if seen[name] {
			return nil, nil, usage(fmt.Errorf("--for %q is given twice", part))
		}
		seen[name] = true
		words := partWords(part)
		if _, err := a.graph.Find(part); err == nil {
			words = []string{part}
		}
		if len(words) == 0 {
			return nil, nil, usage(errors.New("--for: the name of the command or package is empty"))
		}
		group := graph.Part{Name: name}
		for _, word := range words {
			found, err := a.resolve(word, true)
			if err != nil {
				return nil, nil, misnamed(prefixed("--for", err))
			}
			group.IDs = append(group.IDs, found.ID)
			if found.Interpreter != "" {
				group.IDs = append(group.IDs, found.Interpreter)
			}
			uses = append(uses, query.Use{Part: name, Word: word, Path: found.Path, ID: found.ID, Script: found.Script, Interpreter: found.Interpreter})
		}
		groups = append(groups, group)
	}
	return uses, groups, nil
}
