package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Default limits of chains: few explain a package, and --all is a request for
// many.
const (
	fewChains  = 5
	manyChains = 20
)

func (c *command) whyCommand() *cobra.Command {
	var (
		f   questionFlags
		all bool
	)
	cmd := &cobra.Command{
		Use:   "why REF PACKAGE",
		Short: "Explain why a package is installed",
		Long: `Prints the shortest chain from each explicit package to a package of the
environment, each step with its kind and the file that states it. --all prints
instead one chain through each component that needs the package directly.
` + subjectHelp + packageHelp + rootsHelp + `
Exit codes: 0 installed, 1 not installed, 2 a mistake on the command line or an
ambiguous name, 3 not found and something could not be examined, or the
environment records no relations, 4 could not run.`,
		Example: `  depaudit why dir:/srv/chroot/build libxslt1.1
  depaudit why host: /usr/bin/xz
  depaudit why report.json --stage build-docs texlive-base --all
  depaudit why sbom.json 'pkg:npm/lodash@4.17.21' -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 2:
				return nil
			case 0, 1:
				return usage(&hinted{errors.New("why needs a reference and a package"), "depaudit why dir:ROOT PACKAGE, or: depaudit why report.json PACKAGE"})
			}
			return usage(fmt.Errorf("why takes a reference and a package, not %d arguments", len(args)))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && !cmd.Flags().Changed("limit") {
				f.limit = manyChains
			}
			a, err := c.ask(cmd.Context(), args[0], &f, args[1:], nil)
			if err != nil {
				return err
			}
			found, err := a.resolve(args[1], false)
			if err != nil {
				return a.notThere(err)
			}
			limit := f.limit
			if limit == 0 {
				limit = -1
			}
			paths, err := a.graph.Why(found.ID, graph.WhyOptions{All: all, Max: limit})
			if err != nil {
				return trouble(err)
			}
			answer := query.NewWhy(a.inquiry, args[1], found.Path, all, paths)
			if err := c.reply(&f, answer); err != nil {
				return err
			}
			if answer.NoRelations() {
				return &exitError{code: exitIncomplete}
			}
			return nil
		},
	}
	f.register(cmd, fewChains, "chains")
	cmd.Flags().BoolVar(&all, "all", false, "one chain through each component that needs the package directly")
	return cmd
}

// notThere is the error for a package that was not found. If something could not
// be examined, the package may be there.
func (s *asked) notThere(err error) error {
	var absent *pipeline.AbsentError
	if !errors.As(err, &absent) {
		return misnamed(err)
	}
	gaps := len(s.doc.Gaps)
	for _, l := range s.doc.Limitations {
		if l.Name == sbom.LimitIncomplete {
			gaps++
		}
	}
	if gaps > 0 {
		return incomplete(&hinted{err, fmt.Sprintf("it may be in one of the places that could not be examined (%d): see depaudit scan", gaps)})
	}
	return &exitError{exitFail, err}
}
