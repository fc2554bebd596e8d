package main

import (
	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
)

func (c *command) topCommand() *cobra.Command {
	var f questionFlags
	cmd := &cobra.Command{
		Use:   "top REF",
		Short: "What was asked for, by how much only that keeps",
		Long: `Lists what was asked for in an environment, first what retains most: the
dependencies that are there only because of it and leave with it. What it needs
and something else needs too is shared, and counted apart. Sizes are those of
the installed files, as the package database states them.

Several packages of one suite retain little each, because each keeps what the
others need. The second list takes back one after the other what was asked for,
always what has most leave, and shows the few that keep most together.
` + subjectHelp + rootsHelp + `
Exit codes: 0 answered, 2 a mistake on the command line, 3 something could not
be examined, or it cannot be seen there what needs what, 4 could not run.`,
		Example: `  depaudit top dir:/srv/chroot/build
  depaudit top report.json --stage build-docs -n 5
  depaudit top host: -o json`,
		Args: oneReference("top", "looked at"),
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
	f.register(cmd, 15, "at most `N` lines")
	return cmd
}
