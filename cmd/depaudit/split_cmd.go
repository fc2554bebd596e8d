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
		Short: "What a separate stage for some commands or packages would count",
		Long: `Says what some commands or packages of an environment need, and so what a stage
for them alone would count: the system's essential packages, which every such
environment has, and everything that they need to work. Recommendations are not
followed. With several --for, it shows what each needs alone and what they
share. Several names in one --for, with commas or blanks between them, are one
part. What a command calls at run time without its package saying so cannot be
seen here: try the smaller stage.
` + subjectHelp + packageHelp + rootsHelp + `
Commands are looked for in the usual folders (/usr/bin and the like), which
needs an environment to scan: a saved report and an SBOM know packages only.

Exit codes: 0 answered, 2 a mistake on the command line, also a name that is not
there, 3 something could not be examined, or it cannot be seen there what needs
what, 4 could not run.`,
		Example: `  depaudit split dir:/srv/chroot/docs --for sphinx-build --for 'latexmk xindy'
  depaudit split report.json --stage build-docs --for texlive-xetex,latexmk`,
		Args: oneReference("split", "split"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(parts) == 0 {
				return usage(&hinted{errors.New("split for what?"), `name what a part of the stage uses: --for "COMMAND PACKAGE ..."`})
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
	f.register(cmd, 20, "at most `N` names of each group")
	cmd.Flags().StringArrayVar(&parts, "for", nil, "a part of the stage: the `NAMES` of commands and packages that it uses; may be given several times")
	return cmd
}

// partWords are the names of one part.
func partWords(part string) []string {
	return strings.FieldsFunc(part, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// parts finds what each --for names. One that is the name of a package as a
// whole is that package, whatever is in it.
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
			uses = append(uses, query.Use{Part: name, Word: word, Path: found.Path, ID: found.ID})
		}
		groups = append(groups, group)
	}
	return uses, groups, nil
}
