package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
	"github.com/depaudit/depaudit/sbom/wording"
)

// outputFormat is a format of reports, or of SBOMs, which are one document for
// each stage.
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
	for _, s := range flags {
		name, file, hasFile := strings.Cut(s, "=")
		f, ok := byName[name]
		if !ok {
			err := fmt.Errorf("-o %s: unknown format %q", s, name)
			if near := wording.Nearest(name, names); near != "" {
				return nil, usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
			}
			return nil, usage(&hinted{err, "formats: " + strings.Join(names, ", ")})
		}
		if hasFile && file == "" {
			return nil, usage(fmt.Errorf("-o %s: the file name is missing", s))
		}
		if file == "-" {
			file = ""
		}
		if file == "" {
			if toStdout != "" {
				return nil, usage(&hinted{fmt.Errorf("-o %s and -o %s both write to standard output", toStdout, name), "give one of them a file: -o " + name + "=FILE"})
			}
			toStdout = name
		}
		out = append(out, output{f, file})
	}
	return out, nil
}

// checkOutputs finds, before the first scan, outputs that could not be written
// after it.
func (c *command) checkOutputs(outputs []output, stages []string) error {
	writers := make(map[string]string)
	for _, o := range outputs {
		if _, err := c.created(); err != nil && o.format.stage != nil {
			return usage(err)
		}
		placed := strings.Contains(o.file, stagePlaceholder)
		switch {
		case placed && o.format.stage == nil:
			return usage(fmt.Errorf("-o %s=%s: the format has one document for all stages; remove %s", o.format.name, o.file, stagePlaceholder))
		case !placed && o.format.stage != nil && len(stages) > 1:
			return usage(&hinted{
				fmt.Errorf("-o %s: the format has one document for each stage, and there are %d stages", o.format.name, len(stages)),
				fmt.Sprintf("write -o %s=%s.json, or choose a stage with --stage", o.format.name, stagePlaceholder),
			})
		case o.file == "":
			continue
		}
		for i, stage := range stages {
			if i > 0 && !placed {
				break
			}
			file := filepath.Clean(o.stageFile(stage))
			if other, taken := writers[file]; taken {
				return usage(&hinted{fmt.Errorf("-o %s and -o %s both write to %s", other, o.format.name, file), "give each a file of its own"})
			}
			writers[file] = o.format.name
			if info, err := os.Stat(filepath.Dir(file)); errors.Is(err, fs.ErrNotExist) {
				return trouble(&hinted{fmt.Errorf("cannot write %s: directory does not exist: %s", file, filepath.Dir(file)), "create it first"})
			} else if err == nil && !info.IsDir() {
				return trouble(fmt.Errorf("cannot write %s: not a directory: %s", file, filepath.Dir(file)))
			}
		}
	}
	return nil
}

// stageFile is the file for one stage. Stage names of a configuration can be
// file names; the reference of a scan, or a stage in a report of another origin,
// can be any text, and must not lead out of the directory.
func (o output) stageFile(stage string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, stage)
	if safe = strings.Trim(safe, ".-"); safe == "" {
		safe = "stage"
	}
	return strings.ReplaceAll(o.file, stagePlaceholder, safe)
}

// write writes a report in all chosen formats: files first, so that nothing was
// printed if one fails.
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
	if !slices.ContainsFunc(outputs, func(o output) bool { return o.file == "" }) {
		c.summarize(r)
	}
	return nil
}

// summarize prints the verdicts on stderr if every format went to a file, so
// that a gate does not fail without a message.
func (c *command) summarize(r *audit.Report) {
	for _, s := range r.Stages {
		fmt.Fprintf(c.stderr, "depaudit: %s  %s  %s\n", terminal.Escape(s.Name), s.Verdict, report.Headline(&s))
	}
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
		encode := func(w io.Writer) error {
			var b bytes.Buffer
			if err := o.format.stage(&b, doc, meta); err != nil {
				return err
			}
			_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
			return err
		}
		if o.file == "" {
			err = encode(c.stdout)
		} else {
			err = atomicfile.Write(o.stageFile(stage.Name), encode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// created is the date that SBOM formats require: SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/) or the epoch
// itself, never the clock.
func (c *command) created() (time.Time, error) {
	s := c.env("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is not a number of seconds: %s", s)
	}
	return time.Unix(n, 0).UTC(), nil
}
