package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
)

func (c *command) whatifCommand() *cobra.Command {
	var (
		f             questionFlags
		without, only []string
	)
	cmd := &cobra.Command{
		Use:   "whatif REF (--without PACKAGE | --only PACKAGE)...",
		Short: "List what a rebuild without a package lacks, and what breaks",
		Long: `Lists what a rebuild of the environment without some packages would not have:
first the packages that need them, which break, then the packages that only they
introduce. Suggestions install nothing in a rebuild; recommendations do where
the environment has packages that are only recommended. The number that
"apt-get autoremove --purge" would take is printed where it differs, with
the relation that retains the others. --only lists what would be left if only
some packages, and the essential ones, were explicit. Nothing is changed.
` + subjectHelp + packageHelp + rootsHelp + `
Exit codes: 0 nothing breaks, 1 something breaks, 2 a mistake on the command
line (a missing package too), 3 something could not be examined or the
environment records no relations, 4 could not run.`,
		Example: `  depaudit whatif dir:/srv/chroot/build --without gdb --without strace
  depaudit whatif report.json --stage build-docs --without texlive-full
  depaudit whatif host: --only build-essential`,
		Args: oneReference("whatif"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(without) == 0 && len(only) == 0:
				return usage(&hinted{errors.New("whatif needs --without or --only"), "name the packages to remove (--without PACKAGE), or the only explicit ones (--only PACKAGE)"})
			case len(without) > 0 && len(only) > 0:
				return usage(errors.New("--without and --only cannot be combined"))
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
			answer, err := query.NewWhatIf(a.inquiry, removed, kept)
			if err != nil {
				return usage(err)
			}
			if err := c.reply(&f, answer); err != nil {
				return err
			}
			if answer.Broken() {
				return &exitError{code: exitFail}
			}
			return unsure(&answer.Head)
		},
	}
	f.register(cmd, 40, "names of each group")
	listVar(cmd.Flags(), &without, "without", "remove `PACKAGE`")
	listVar(cmd.Flags(), &only, "only", "make `PACKAGE` the only explicit one")
	return cmd
}

// resolveAll resolves the words of a flag to components, each once.
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
