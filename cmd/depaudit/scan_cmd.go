package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

func (c *command) scanCommand() *cobra.Command {
	var (
		out      outputFlags
		limits   limitFlags
		locks    []string
		base     string
		since    string
		platform string
	)
	cmd := &cobra.Command{
		Use:   "scan REF",
		Short: "Scan one environment, without configuration",
		Long: `Scans one environment and prints its footprint: the number of dependencies, how
many of them the operating system provides, how many the given lock files pin,
and which are unaccounted. Reads no configuration and no baseline.
` + environmentHelp() + outputHelp + `
Nothing is gated: the exit code is 0, or 3 when something could not be examined
or nothing was found, 2 for a mistake on the command line or in a lock file, 4
when it could not run or could not write.`,
		Example: `  depaudit scan dir:/srv/chroot/build
  depaudit scan host: --show unaccounted
  depaudit scan rootfs --locks requirements.txt --show lock,unaccounted
  depaudit scan rootfs -o cyclonedx-json=sbom.json`,
		ValidArgsFunction: completeEnvironment,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 1:
				return nil
			case 0:
				return usage(&hinted{errors.New("scan needs a reference"), "depaudit scan dir:ROOT, or: depaudit scan host:"})
			}
			return usage(errors.New("scan takes one reference; for several stages use depaudit audit"))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := c.check(&out, &limits)
			if err != nil {
				return err
			}
			if err := c.checkOutputs(cmd.Context(), outputs, args, &out); err != nil {
				return err
			}
			stage := config.Stage{Name: args[0], Environment: args[0], Base: base, Platform: platform}
			if stage.LockFiles, err = parseLocks(locks); err != nil {
				return err
			}
			if stage.Environment, err = reference(args[0]); err != nil {
				return err
			}
			if since != "" {
				if base != "" {
					return usage(errors.New("--since and --base both name what the environment started from: use one of them"))
				}
				stage.Base = rootfs.SchemeSnapshot + ":" + since
			}
			for _, f := range []struct {
				name   string
				values []string
			}{{"--locks", locks}, {"--base", []string{base}}, {"--since", []string{since}}, {"--platform", []string{platform}}} {
				for _, v := range f.values {
					if v != "" {
						stage.Flags = append(stage.Flags, config.Flag{Name: f.name, Value: v})
					}
				}
			}
			options, done := c.scanOptions(limits)
			r, err := pipeline.Scan(cmd.Context(), stage, options)
			done()
			if err != nil {
				return scanExit(err)
			}
			if err := c.write(r, outputs, &out); err != nil {
				return err
			}
			return c.verdict(r, false)
		},
	}
	out.register(cmd)
	limits.register(cmd)
	listVar(cmd.Flags(), &locks, "locks", "lock `[DIR=]FILE` that the packages are checked against, with DIR= those in this directory only")
	cmd.Flags().StringVar(&base, "base", "", "`REF` that the environment started from; its dependencies are counted apart")
	cmd.Flags().StringVar(&since, "since", "", "snapshot `FILE`, as the base")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	return cmd
}
