package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
)

// outputFormat is a way to write a report down: one for all stages, or, for
// SBOMs, one document for each.
type outputFormat struct {
	name   string
	report report.Format
	stage  func(io.Writer, *sbom.Document, sbom.Meta) error
}

func outputFormats() []outputFormat {
	var out []outputFormat
	for _, f := range report.Formats() {
		out = append(out, outputFormat{name: f.Name, report: f})
	}
	return append(out,
		outputFormat{name: "spdx-json", stage: spdx.Encode},
		outputFormat{name: "cyclonedx-json", stage: cyclonedx.Encode},
	)
}

// output is one -o flag.
type output struct {
	format outputFormat
	file   string // empty for standard output
}

// stagePlaceholder stands for the stage's name in the file of a format that
// has one document for each stage.
const stagePlaceholder = "{stage}"

func parseOutputs(flags []string) ([]output, error) {
	if len(flags) == 0 {
		flags = []string{"table"}
	}
	var names []string
	byName := make(map[string]outputFormat)
	for _, f := range outputFormats() {
		names = append(names, f.name)
		byName[f.name] = f
	}
	var out []output
	toStdout := ""
	files := make(map[string]string)
	for _, s := range flags {
		name, file, hasFile := strings.Cut(s, "=")
		f, ok := byName[name]
		if !ok {
			err := fmt.Errorf("-o %s: there is no format %q", s, name)
			if near := report.Nearest(name, names); near != "" {
				return nil, usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
			}
			return nil, usage(&hinted{err, "there are: " + strings.Join(names, ", ")})
		}
		if hasFile && file == "" {
			return nil, usage(fmt.Errorf("-o %s: the name of the file is missing", s))
		}
		if file == "-" {
			file = ""
		}
		if file == "" {
			if toStdout != "" {
				return nil, usage(&hinted{fmt.Errorf("-o %s and -o %s both write to standard output", toStdout, name), "give one of them a file: -o " + name + "=FILE"})
			}
			toStdout = name
		} else if other := files[file]; other != "" {
			return nil, usage(fmt.Errorf("-o %s and -o %s both write to %s", other, name, file))
		}
		files[file] = name
		out = append(out, output{f, file})
	}
	return out, nil
}

// checkStages refuses, before anything is scanned, to write several stages'
// documents into one file.
func checkStages(outputs []output, stages int) error {
	if stages == 1 {
		return nil
	}
	for _, o := range outputs {
		if o.format.stage == nil || strings.Contains(o.file, stagePlaceholder) {
			continue
		}
		return usage(&hinted{
			fmt.Errorf("-o %s: it has one document for each stage, and there are %d stages", o.format.name, stages),
			fmt.Sprintf("write -o %s=%s.json, or choose one with --stage", o.format.name, stagePlaceholder),
		})
	}
	return nil
}

// write writes a report in all formats that were asked for: files first, so
// that what stands on the screen is true also when a file cannot be written.
func (c *command) write(r *audit.Report, outputs []output, show []string) error {
	options, err := c.options(show)
	if err != nil {
		return err
	}
	for _, toFile := range []bool{true, false} {
		for _, o := range outputs {
			if (o.file != "") != toFile {
				continue
			}
			if err := c.writeOne(r, o, options); err != nil {
				return trouble(err)
			}
		}
	}
	return nil
}

func (c *command) writeOne(r *audit.Report, o output, options report.Options) error {
	if o.format.stage == nil {
		if o.file == "" {
			return o.format.report.Render(c.stdout, r, options)
		}
		plain := report.Options{Show: options.Show}
		return atomicfile.Write(o.file, func(w io.Writer) error { return o.format.report.Render(w, r, plain) })
	}
	created, err := c.created()
	if err != nil {
		return err
	}
	for i := range r.Stages {
		stage := &r.Stages[i]
		doc, annotate, err := stage.Document()
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		meta := sbom.Meta{Name: stage.Name, ToolVersion: strings.TrimPrefix(r.Tool.Version, "v"), Created: created, Provenance: annotate}
		encode := func(w io.Writer) error { return o.format.stage(w, doc, meta) }
		if o.file == "" {
			err = encode(c.stdout)
		} else {
			err = atomicfile.Write(strings.ReplaceAll(o.file, stagePlaceholder, stage.Name), encode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// created is the date that SBOM formats demand: SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/) or the epoch
// itself, never the clock.
func (c *command) created() (time.Time, error) {
	s := c.env("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: not a number of seconds", s)
	}
	return time.Unix(n, 0).UTC(), nil
}
