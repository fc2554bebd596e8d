package main

import (
	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
)

func (c *command) topCommand() *cobra.Command {
	var f questionFlags
	cmd := &cobra.Command{
		Use:   "top REF",
		Short: "List explicit packages by how many others they introduce",
		Long: `Lists the explicit packages of an environment, the one that introduces most
first. A package introduces the dependencies that a rebuild without it would not
have; audit, whatif and diff print the same number. What autoremove would take
is printed where it differs, with the relation that retains the others.
Dependencies that something else introduces too are shared, and counted apart.
Sizes are the installed sizes in the package database.

Each package of a suite introduces little, because the others need the same
dependencies. The second list removes the explicit packages one after the other,
always the one that frees most, and so shows which few introduce most together.
` + subjectHelp + rootsHelp + `
Exit codes: 0 answered, 2 a mistake on the command line, 3 something could not
be examined or the environment records no relations, 4 could not run.`,
		Example: `  depaudit top dir:/srv/chroot/build
  depaudit top report.json --stage build-docs -n 5
  depaudit top host: -o json`,
		Args: oneReference("top"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.ask(cmd.Context(), args[0], &f, nil, nil)
			if err != nil {
				return err
			}
			answer := query.NewTop(a.inquiry, f.limit)
			if err := c.reply(&f, answer); err != nil {
				return err
			}
			return unsure(&answer.Head)
		},
	}
	f.register(cmd, 15, "lines")
	return cmd
}
