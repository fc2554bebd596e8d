package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// requireFlag is --require-stages: which stages a report must have.
type requireFlag struct{ names []string }

func (f *requireFlag) register(cmd *cobra.Command, usage string) {
	listVar(cmd.Flags(), &f.names, "require-stages", usage)
}

// check returns an error for a value that requires nothing, as an empty variable of
// a CI system gives it.
func (f *requireFlag) check(cmd *cobra.Command) error {
	for i := range f.names {
		f.names[i] = strings.TrimSpace(f.names[i])
	}
	if cmd.Flags().Changed("require-stages") && !slices.ContainsFunc(f.names, func(s string) bool { return s != "" }) {
		return usage(&hinted{errors.New("--require-stages names no stage"), "such as --require-stages build,test,publish"})
	}
	return nil
}

// apply adds a finding for each required stage that the report does not have.
func (f *requireFlag) apply(r *audit.Report, names []string) (*audit.Report, error) {
	out, err := r.Require(names)
	if err != nil {
		return nil, usage(hintedMerge(fmt.Errorf("--require-stages: %w", err)))
	}
	return out, nil
}

// hintedMerge returns an error of [audit.Merge] with its hint.
func hintedMerge(err error) error {
	if m, ok := errors.AsType[*audit.MergeError](err); ok && m.Hint != "" {
		return &hinted{err, m.Hint}
	}
	return err
}

func (c *command) reportCommand() *cobra.Command {
	var (
		out      outputFlags
		required requireFlag
	)
	cmd := &cobra.Command{
		Use:   "report REPORT...",
		Short: "Render saved reports again, those of several jobs as one",
		Long: `Reads reports that "-o json" wrote and writes them in other formats: files,
directories with reports and releases in them and below, "-" for standard input,
and release:IMAGE for the release of an image in a registry. One report of all
stages gives the same bytes as the audit has written. Nothing is scanned or
judged again; a report whose verdict does not follow from its findings is
refused.

The reports of the jobs of one pipeline are merged into one, with one verdict.
They must be judged by the same configuration, baseline, exceptions, locks and
depaudit. The stages are in the order of depaudit.yaml.

A stage of depaudit.yaml that no report has leaves the result incomplete: a job
that was skipped is not a pass. With --require-stages only the named stages are
required, so that the report of one job alone can be rendered.
` + outputHelp + `
The exit code is that of the verdict, as for the audit: 0, 1 or 3; 2 when a file
is not a report or the reports do not belong together, 4 when something could
not be written.`,
		Example: `  depaudit report report.json
  depaudit report reports -o table -o markdown=release.md
  depaudit report build.json test.json publish.json -o json=release.json
  depaudit report build.json --require-stages build
  depaudit report report.json -o spdx-json={stage}.spdx.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("report takes files, reports that -o json wrote"), "make one with: depaudit audit -o json=report.json"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := c.reportOutputs(out.outputs)
			if err != nil {
				return err
			}
			if err := required.check(cmd); err != nil {
				return err
			}
			r, err := c.readReports(cmd.Context(), args)
			if err != nil {
				return err
			}
			names := required.names
			if r.Inputs != nil && !cmd.Flags().Changed("require-stages") {
				names = r.Inputs.StageNames()
			}
			if r, err = required.apply(r, names); err != nil {
				return err
			}
			var stages []string
			for _, s := range r.Stages {
				stages = append(stages, s.Name)
			}
			if err := c.checkOutputs(cmd.Context(), outputs, stages, &out); err != nil {
				return err
			}
			if err := c.write(r, outputs, &out); err != nil {
				return err
			}
			return c.verdict(r, false)
		},
	}
	out.register(cmd)
	required.register(cmd, "the `STAGES` that the reports must have, instead of all")
	return cmd
}

// readReports reads the reports of the arguments and merges them.
func (c *command) readReports(ctx context.Context, args []string) (*audit.Report, error) {
	parts, err := c.readParts(ctx, args)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		return parts[0].Report, nil
	}
	r, err := audit.Merge(parts)
	if err != nil {
		return nil, usage(hintedMerge(err))
	}
	return r, nil
}

// readParts reads the reports of the arguments, which are of one pipeline.
func (c *command) readParts(ctx context.Context, args []string) ([]audit.Part, error) {
	for _, arg := range args {
		if _, one := pushedRef(arg, false); one {
			continue
		}
		if ref, ok := pushedRef(arg, true); ok {
			return nil, usage(&hinted{fmt.Errorf("%s is an image, and not a report", arg), "for the report of its newest release write " + schemeRelease + ":" + ref})
		}
	}
	var parts []audit.Part
	err := c.eachSaved(ctx, args, func(s saved) error {
		if s.listed && len(parts) >= maxReports {
			return usage(fmt.Errorf("%s: more than %d reports, which are of no single pipeline", filepath.Dir(s.name), maxReports))
		}
		r, err := s.need(ctx)
		if err != nil {
			return err
		}
		// A directory is what the jobs of a pipeline left. A scan that is alone in
		// it would be a pass of which no stage is required.
		if s.listed && r.Inputs == nil {
			return usage(ofNoPipeline(s.name))
		}
		parts = append(parts, audit.Part{Name: s.name, Report: r})
		return nil
	})
	return parts, err
}

// ofNoPipeline is the error for the report of a scan where those of stages belong.
func ofNoPipeline(path string) error {
	return &hinted{fmt.Errorf("%s: is the report of one environment, which belongs to no pipeline", path), "give reports of depaudit audit -o json"}
}

// maxReports is the largest number of reports that are merged. A pipeline of a hundred
// stages has as many.
const maxReports = 1000

// noReport returns the error about a file that is no report. A pattern that the
// shell did not replace matches no file: no job wrote a report.
func noReport(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?[") {
		return &hinted{fmt.Errorf("%s: the pattern matches no file: there is no report", path), "check that the jobs ran, and that their reports were downloaded here"}
	}
	if errors.Is(err, fs.ErrNotExist) && likelyImage(path) {
		return &hinted{err, "for the newest release of an image write " + schemeRelease + ":" + path + ", for all of them (history, export) " + rootfs.SchemeRegistry + ":" + path}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &hinted{err, nearFile(path, "a job writes a report with: depaudit audit -o json=report.json")}
	}
	return err
}

// nearFile returns a hint with the name beside a path that is nearly the same, else
// another hint.
func nearFile(path, otherwise string) string {
	var names []string
	entries, _ := os.ReadDir(filepath.Dir(path)) // of one that is not there none is near
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := wording.Nearest(filepath.Base(path), names); near != "" {
		return fmt.Sprintf("did you mean %q?", filepath.Join(filepath.Dir(path), near))
	}
	return otherwise
}
