package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
)

func (c *command) reportCommand() *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "report REPORT.json",
		Short: "Render a saved report again",
		Long: `Reads a report that "-o json" wrote ("-" for standard input) and writes it in
other formats. The exit code is that of the report's verdict, as when it was made.`,
		Example: `  depaudit report report.json -o markdown
  depaudit report report.json -o spdx-json={stage}.spdx.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("report takes one file, a report as -o json writes it"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			outputs, err := parseOutputs(out.outputs)
			if err != nil {
				return err
			}
			r, err := c.readReport(args[0])
			if err != nil {
				return usage(fmt.Errorf("%s: %w", args[0], err))
			}
			var stages []string
			for _, s := range r.Stages {
				stages = append(stages, s.Name)
			}
			if err := checkOutputs(outputs, stages); err != nil {
				return err
			}
			if err := c.write(r, outputs, out.show); err != nil {
				return err
			}
			return c.verdict(r, false)
		},
	}
	out.register(cmd)
	return cmd
}

func (c *command) readReport(path string) (*audit.Report, error) {
	if path == "-" {
		return audit.ReadReport(c.stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	return audit.ReadReport(f)
}
