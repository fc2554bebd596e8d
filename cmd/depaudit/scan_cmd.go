package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
)

func (c *command) scanCommand() *cobra.Command {
	var (
		out    outputFlags
		limits limitFlags
		locks  []string
	)
	cmd := &cobra.Command{
		Use:   "scan REF",
		Short: "Look at one environment, without configuration",
		Long: `Scans one environment and prints its footprint: how many dependencies it has,
how many of them the operating system provides, how many the given lock files
pin, and what nothing accounts for. Reads no configuration and no baseline.
` + environmentHelp + outputHelp + `
Nothing is gated: the exit code is 0, or 3 when something could not be examined
or nothing was found. 2 is a mistake on the command line or in a lock file, 4
says that it could not run or could not write.`,
		Example: `  depaudit scan dir:/srv/chroot/build
  depaudit scan host: --show unaccounted
  depaudit scan rootfs --locks requirements.txt --show lock,unaccounted
  depaudit scan rootfs -o cyclonedx-json=sbom.json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 1:
				return nil
			case 0:
				return usage(&hinted{errors.New("what should be scanned?"), "depaudit scan dir:ROOT, or: depaudit scan host:"})
			}
			return usage(errors.New("scan takes one reference; stages side by side are for depaudit audit"))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := c.check(&out, &limits)
			if err != nil {
				return err
			}
			if err := c.checkOutputs(outputs, args); err != nil {
				return err
			}
			e, err := parseEnvironment(args[0], args[0], "")
			if err != nil {
				return usage(err)
			}
			in := audit.Input{Stage: audit.StageConfig{Name: args[0], Environment: args[0]}}
			for _, path := range locks {
				lock, err := lockcheck.Open(cmd.Context(), path)
				if err != nil {
					return usage(err)
				}
				in.Locks = append(in.Locks, lock)
			}
			outcomes, err := c.scanAll(cmd.Context(), []environment{e}, limits)
			if err != nil {
				return err
			}
			if outcomes[0].err != nil {
				return incomplete(outcomes[0].err)
			}
			in.Document = outcomes[0].doc
			r := audit.Scan(in, tool())
			if err := c.write(r, outputs, out.show); err != nil {
				return err
			}
			return c.verdict(r, false)
		},
	}
	out.register(cmd)
	limits.register(cmd)
	cmd.Flags().StringArrayVar(&locks, "locks", nil, "lock `FILE` that the packages should come from; may be given several times")
	return cmd
}
