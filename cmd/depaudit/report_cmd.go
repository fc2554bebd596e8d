package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
)

func (c *command) reportCommand() *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "report REPORT.json",
		Short: "Render a saved report again",
		Long: `Reads a report that "-o json" wrote ("-" for standard input) and writes it in
other formats, with the same bytes as the audit would have written. Nothing is
scanned or judged again; a report whose verdict does not follow from its
findings is refused.
` + outputHelp + `
The exit code is that of the verdict, as for the audit: 0, 1 or 3; 2 when the
file is not a report, 4 when something could not be written.`,
		Example: `  depaudit report report.json
  depaudit report report.json --show os,lock
  depaudit report report.json -o markdown=summary.md
  depaudit report report.json -o spdx-json={stage}.spdx.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(&hinted{errors.New("report takes one file, a report that -o json wrote"), "make one with: depaudit audit -o json=report.json"})
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			outputs, err := c.reportOutputs(out.outputs)
			if err != nil {
				return err
			}
			r, err := c.readReport(args[0])
			if err != nil {
				return usage(err)
			}
			var stages []string
			for _, s := range r.Stages {
				stages = append(stages, s.Name)
			}
			if err := c.checkOutputs(outputs, stages, &out); err != nil {
				return err
			}
			if err := c.write(r, outputs, &out); err != nil {
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
		return audit.Read(c.stdin)
	}
	return audit.Load(path)
}
