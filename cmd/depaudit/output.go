package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
)

// reportEncoder writes a report, or the SBOM of one stage: one of the two is
// nil.
type reportEncoder struct {
	report func(io.Writer, *audit.Report, report.Options) error
	stage  func(io.Writer, *sbom.Document, sbom.Meta) error
}

// reportOutput is one -o flag of a command that writes a report.
type reportOutput = output[reportEncoder]

// reportFormats returns the formats of reports and of SBOMs.
func reportFormats() []outputFormat[reportEncoder] {
	var out []outputFormat[reportEncoder]
	for _, f := range report.Formats() {
		out = append(out, outputFormat[reportEncoder]{name: f.Name, encoder: reportEncoder{report: f.Render}, whole: f.Name == "html", beside: f.Beside})
	}
	return append(out,
		outputFormat[reportEncoder]{name: "spdx-json", encoder: reportEncoder{stage: spdx.Encode}, perStage: true},
		outputFormat[reportEncoder]{name: "spdx3-json", encoder: reportEncoder{stage: spdx.EncodeGraph}, perStage: true},
		outputFormat[reportEncoder]{name: "cyclonedx-json", encoder: reportEncoder{stage: cyclonedx.Encode}, perStage: true},
	)
}

// reportOutputs parses the values of -o. With --quiet, a report is written only
// where one of them names a place.
func (c *command) reportOutputs(flags []string) ([]reportOutput, error) {
	if c.quiet && len(flags) == 0 {
		return nil, nil
	}
	outputs, err := parseOutputs(flags, reportFormats())
	if err != nil {
		return nil, err
	}
	return outputs, notForTerminal(c, outputs)
}

// checkOutputs finds, before the first scan, outputs that could not be written
// after it.
func (c *command) checkOutputs(ctx context.Context, outputs []reportOutput, stages []string, out *outputFlags) error {
	writers := make(map[string]string)
	if out.date != "" || slices.ContainsFunc(outputs, func(o reportOutput) bool { return o.perStage }) {
		var err error
		if out.stated, err = c.created(ctx, out.date); err != nil {
			return usage(err)
		}
	}
	for _, o := range outputs {
		placed := strings.Contains(o.file, stagePlaceholder)
		switch {
		case !placed && o.perStage && len(stages) > 1:
			return usage(&hinted{
				fmt.Errorf("-o %s: the format has one document for each stage, and there are %d stages", o.name, len(stages)),
				fmt.Sprintf("write -o %s=%s.json, or choose a stage with --stage", o.name, stagePlaceholder),
			})
		case o.file == "":
			continue
		}
		for i, stage := range stages {
			if i > 0 && !placed {
				break
			}
			file := filepath.Clean(stageFile(o.file, stage))
			if other, taken := writers[file]; taken {
				return usage(samePlace(other, o.name, file))
			}
			writers[file] = o.name
			if err := placeFor(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// stageFile returns the name of a file for one stage. Stage names of a configuration can be
// file names; the reference of a scan, or a stage in a report of another origin,
// can be any text, and must not lead out of the directory.
func stageFile(file, stage string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, stage)
	if safe = strings.Trim(safe, ".-"); safe == "" {
		safe = "stage"
	}
	return strings.ReplaceAll(file, stagePlaceholder, safe)
}

// write writes a report in all chosen formats.
func (c *command) write(r *audit.Report, outputs []reportOutput, out *outputFlags) error {
	options, err := c.options(out.show)
	if err != nil {
		return err
	}
	options.Limit = out.limit
	for _, o := range outputs {
		if err := c.writeOne(r, o, options, out); err != nil {
			return trouble(err)
		}
	}
	if !slices.ContainsFunc(outputs, func(o reportOutput) bool { return o.file == "" }) {
		c.summarize(r)
	}
	return nil
}

// summarize prints the verdicts on stderr if every format went to a file, so
// that a gate does not fail without a message.
func (c *command) summarize(r *audit.Report) {
	for _, s := range r.Stages {
		if c.quiet && s.Verdict == audit.Pass {
			continue
		}
		fmt.Fprintf(c.stderr, "depaudit: %s  %s  %s\n", terminal.Escape(s.Name), s.Verdict, report.Headline(&s))
	}
	for _, f := range r.Findings {
		if f.Severity == audit.Error || f.Severity == audit.SeverityIncomplete {
			fmt.Fprintf(c.stderr, "depaudit: %s: %s\n", terminal.Escape(f.Rule), terminal.Escape(f.Message))
		}
	}
}

func (c *command) writeOne(r *audit.Report, o reportOutput, options report.Options, out *outputFlags) error {
	if !o.perStage {
		if o.file != "" {
			options = report.Options{Show: options.Show, Limit: options.Limit, Checkout: options.Checkout}
		}
		if o.add {
			options.MaxBytes = spaceIn(o.file)
		}
		return o.writeTo(o.file, c.stdout, func(w io.Writer) error { return o.encoder.report(w, r, options) })
	}
	for i := range r.Stages {
		stage := &r.Stages[i]
		created, from := dateOf(out.stated, *stage)
		if created.IsZero() {
			fmt.Fprintf(c.stderr, "depaudit: %s: no file has a date, and the %s document has none: set SOURCE_DATE_EPOCH, or write --date 2026-11-28 or --date HEAD\n", terminal.Escape(stage.Name), o.name)
		}
		doc, annotate, err := stage.Document()
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		meta := sbom.Meta{Name: stage.Name, ToolVersion: strings.TrimPrefix(r.Tool.Version, "v"), Author: out.author, Created: created, CreatedFrom: from, Provenance: annotate}
		encode := func(w io.Writer) error {
			var b bytes.Buffer
			if err := o.encoder.stage(&b, doc, meta); err != nil {
				return err
			}
			_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
			return err
		}
		if err := o.writeTo(stageFile(o.file, stage.Name), c.stdout, encode); err != nil {
			return err
		}
	}
	return nil
}

// maxSummary is the most that a step summary of GitHub takes
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits).
const maxSummary = 1 << 20

// spaceIn returns what fits into a step summary beside what is in it already. It
// is never so little that a report has no place for its verdict.
func spaceIn(file string) int {
	info, err := os.Stat(file)
	if err != nil {
		return maxSummary
	}
	return int(max(maxSummary-info.Size(), 64<<10))
}

// placeFor returns an error if there is no directory for a file. It comes before a scan,
// which can take minutes.
func placeFor(file string) error {
	if info, err := os.Stat(filepath.Dir(file)); errors.Is(err, fs.ErrNotExist) {
		return trouble(&hinted{fmt.Errorf("cannot write %s: directory does not exist: %s", file, filepath.Dir(file)), "create it first"})
	} else if err == nil && !info.IsDir() {
		return trouble(fmt.Errorf("cannot write %s: not a directory: %s", file, filepath.Dir(file)))
	}
	return nil
}
