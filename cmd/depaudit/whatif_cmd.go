package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom/graph"
)

func (c *command) whatifCommand() *cobra.Command {
	var (
		f             questionFlags
		without, only []string
	)
	cmd := &cobra.Command{
		Use:   "whatif REF (--without PACKAGE | --only PACKAGE)...",
		Short: "What would leave with a package, and what would break",
		Long: `Says what would be left of an environment without some packages: what needs
them leaves with them, as broken, and then what came automatically and nothing
keeps any more. That is what "apt-get autoremove --purge" does when nothing else
can be installed; recommendations and suggestions keep packages, as they do for
apt. --only says what would be left if nothing but some packages, and what is
essential, had been asked for. Nothing is changed.
` + subjectHelp + packageHelp + rootsHelp + `
Exit codes: 0 nothing breaks, 1 something needs what leaves, 2 a mistake on the
command line, also a package that is not there, 3 something could not be
examined, or it cannot be seen there what needs what, 4 could not run.`,
		Example: `  depaudit whatif dir:/srv/chroot/build --without gdb --without strace
  depaudit whatif report.json --stage build-docs --without texlive-full
  depaudit whatif host: --only build-essential`,
		Args: oneReference("whatif", "looked at"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(without) == 0 && len(only) == 0:
				return usage(&hinted{errors.New("what if what?"), "name what is taken away (--without PACKAGE), or what alone is asked for (--only PACKAGE)"})
			case len(without) > 0 && len(only) > 0:
				return usage(errors.New("--without and --only are different questions: ask one of them"))
			}
			a, err := c.ask(cmd.Context(), args[0], &f, slices.Concat(without, only), nil)
			if err != nil {
				return err
			}
			removed, err := a.resolveAll("--without", without)
			if err != nil {
				return err
			}
			kept, err := a.resolveAll("--only", only)
			if err != nil {
				return err
			}
			var change *graph.Removal
			if len(only) > 0 {
				change, err = a.graph.Only(kept, graph.WhatIf{})
			} else {
				change, err = a.graph.Without(removed, graph.WhatIf{})
			}
			if err != nil {
				return usage(err)
			}
			answer := query.NewWhatIf(a.inquiry, removed, kept, change)
			if err := c.reply(&f, answer); err != nil {
				return err
			}
			if answer.Broken() {
				return &exitError{code: exitFail}
			}
			return unsure(&answer.Head)
		},
	}
	f.register(cmd, 40, "at most `N` names of each group")
	cmd.Flags().StringArrayVar(&without, "without", nil, "take `PACKAGE` away; may be given several times")
	cmd.Flags().StringArrayVar(&only, "only", nil, "ask for `PACKAGE` alone; may be given several times")
	return cmd
}

// resolveAll finds the components that the words of a flag mean, each once.
func (a *asked) resolveAll(flag string, words []string) ([]string, error) {
	var ids []string
	for _, word := range words {
		found, err := a.resolve(word, false)
		if err != nil {
			return nil, misnamed(prefixed(flag, err))
		}
		if !slices.Contains(ids, found.ID) {
			ids = append(ids, found.ID)
		}
	}
	return ids, nil
}
