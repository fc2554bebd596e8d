package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/wording"
)

// subject is one environment of a question, with its document.
type subject struct {
	// name is the reference as it was written, or the name of a report's stage.
	// Names of several subjects differ.
	name string
	doc  *sbom.Document
	// stage is the judged stage of the saved report that doc is from; nil for
	// a scan.
	stage *audit.Stage
	// verdict is that of the whole report.
	verdict audit.Verdict
	// file is the path of the saved report, of the directory of a release, or its
	// reference in a registry; empty for a scan.
	file string
	// release is the manifest of the release that the saved report belongs to, nil
	// without one.
	release *bundle.Manifest
	// owners are the owners of subjectFlags.paths, for a scan.
	owners []scan.Owner
	// lost is the reason why there is no document, if subjectFlags.keepLost is
	// set.
	lost error
}

// subjectFlags choose the subjects of a question.
type subjectFlags struct {
	limits   limitFlags
	platform string
	stages   []string
	// directories allows an argument to be a directory of saved reports.
	directories bool
	// keepLost makes a failed scan a subject with the reason. Otherwise the
	// first of them is the error.
	keepLost bool
	// paths are absolute paths whose owners are requested.
	paths []string
}

// subjectHelp describes REF in the help texts of all questions.
const subjectHelp = `
REF is an environment as for "depaudit scan" (dir:ROOT, host:, an image); a
report that "-o json" saved, a directory of "depaudit release" or of the reports
of one pipeline, or release:IMAGE for the release of an image in a registry,
with --stage STAGE or as REPORT#STAGE; or an SBOM. A file is recognized by its
content. For a saved report nothing is scanned.
Nothing in an environment is executed or changed.
`

func (f *subjectFlags) register(cmd *cobra.Command) {
	f.limits.register(cmd)
	cmd.Flags().StringVar(&f.platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	listVar(cmd.Flags(), &f.stages, "stage", "the `STAGE` of a saved report")
}

// subjects loads the arguments of a question. References are scanned side by
// side, each in a process of its own; a saved report has a subject for each of
// its stages, or for those of --stage.
func (c *command) subjects(ctx context.Context, args []string, flags subjectFlags) ([]subject, error) {
	if err := flags.limits.check(); err != nil {
		return nil, err
	}
	l := loader{command: c, flags: flags, chosen: make(map[string]bool)}
	for _, arg := range args {
		if err := l.add(ctx, arg); err != nil {
			return nil, err
		}
	}
	if err := l.checkStages(); err != nil {
		return nil, err
	}
	if len(l.envs) > 0 {
		inventories, err := l.command.inventories(ctx, l.envs, flags.limits)
		if err != nil {
			return nil, err
		}
		for i, inv := range inventories {
			if inv.Lost != nil && !flags.keepLost {
				return nil, incomplete(inv.Lost)
			}
			s := &l.found[l.scanned[i]]
			s.doc, s.owners, s.lost = inv.Document, inv.Owners, inv.Lost
		}
	}
	l.makeDistinct()
	return l.found, nil
}

// subject is [command.subjects] for a question about one environment.
func (c *command) subject(ctx context.Context, arg string, flags subjectFlags) (*subject, error) {
	found, err := c.subjects(ctx, []string{arg}, flags)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 1:
		return &found[0], nil
	}
	var names []string
	for _, s := range found {
		names = append(names, s.stage.Name)
	}
	err = fmt.Errorf("%s has %d stages, and the question needs one: %s", arg, len(names), fewNames(names))
	return nil, usage(&hinted{err, "choose with --stage " + names[0]})
}

// loader collects subjects.
type loader struct {
	command *command
	flags   subjectFlags
	found   []subject
	// envs[i] is to be scanned for found[scanned[i]].
	envs    []pipeline.Environment
	scanned []int
	// reports is the number of reports that were read, stages are the names of
	// all their stages, chosen are those of --stage among them.
	reports int
	stages  []string
	chosen  map[string]bool
}

// add loads one argument, or adds it to those to scan.
func (l *loader) add(ctx context.Context, arg string) error {
	w, err := wordOf(arg)
	switch {
	case err != nil:
		return err
	case w.kind == wordInput:
		return l.addInput()
	case w.kind == wordPushed:
		return l.addPushed(ctx, w.name, w.stage)
	case w.kind == wordRelease:
		s, _ := savedRelease(w.name)
		return l.addSaved(ctx, w.name, w.stage, s)
	case w.kind == wordReports:
		return l.addDir(ctx, w.name, w.stage)
	case w.kind == wordPipe:
		return l.addSaved(ctx, w.name, w.stage, savedFile(w.name))
	case w.kind == wordFile:
		return l.addFile(ctx, w.name, w.stage, w.file)
	}
	if _, err := os.Stat(arg); err != nil && likelyImage(arg) {
		return usage(&hinted{fmt.Errorf("%s is neither a file nor a reference", arg),
			fmt.Sprintf("for the release of an image write %s:%s, for the image docker:%s (a local engine) or registry:%s", schemeRelease, arg, arg, arg)})
	}
	ref, err := reference(arg)
	if err != nil {
		return err
	}
	return l.addRef(arg, ref)
}

// addSaved adds the stages of a report, or the one named only.
func (l *loader) addSaved(ctx context.Context, name, stage string, s saved) error {
	r, err := s.need(ctx)
	if err != nil {
		return err
	}
	return l.addReport(name, stage, r, s.release)
}

// addDir adds the reports of a directory: for find each by itself, since it searches
// every report, else as that of one pipeline.
func (l *loader) addDir(ctx context.Context, dir, stage string) error {
	if !l.flags.directories || stage != "" {
		r, err := l.command.readReports(ctx, []string{dir})
		if err != nil {
			return err
		}
		return l.addReport(dir, stage, r, nil)
	}
	return l.command.eachSaved(ctx, []string{dir}, func(s saved) error {
		r, err := s.read(ctx)
		if err == nil {
			err = l.addReport(s.name, "", r, s.release)
		}
		if err != nil && ctx.Err() == nil {
			l.found = append(l.found, subject{name: s.name, lost: firstLine(err)})
		}
		return ctx.Err()
	})
}

// addPushed adds the stages of a release in a registry. A registry that does not
// answer is like an image that cannot be scanned.
func (l *loader) addPushed(ctx context.Context, name, stage string) error {
	r, m, _, err := l.command.readPushed(ctx, name)
	if e, ok := errors.AsType[*exitError](err); ok && e.code != exitUsage {
		if l.flags.keepLost {
			l.found = append(l.found, subject{name: name, lost: firstLine(e.err)})
			return nil
		}
		return incomplete(e.err)
	}
	if err != nil {
		return err
	}
	return l.addReport(name, stage, r, m)
}

func (l *loader) addRef(arg, ref string) error {
	e, err := pipeline.ParseEnvironment(arg, ref, "")
	if err != nil {
		return usage(err)
	}
	e.Raw, e.Platform, e.Paths = arg, l.flags.platform, l.flags.paths
	l.envs = append(l.envs, e)
	l.scanned = append(l.scanned, len(l.found))
	l.found = append(l.found, subject{name: arg})
	return nil
}

// addFile adds a file by its content.
func (l *loader) addFile(ctx context.Context, path, stage string, kind fileKind) error {
	switch {
	case kind == fileReport:
		return l.addSaved(ctx, path, stage, savedFile(path))
	case stage != "":
		return usage(fmt.Errorf("%s#%s: %s is not a report of depaudit and has no stages", path, stage, path))
	case kind == fileBaseline:
		return usage(&hinted{fmt.Errorf("%s is a baseline, which has neither relations nor paths", path), "name the environment, or a report of it: depaudit audit -o json=report.json"})
	case kind == fileSnapshot:
		return l.addRef(path, rootfs.SchemeSnapshot+":"+path)
	case kind == fileArchive:
		ref, err := archiveReference(path)
		if err != nil {
			return err
		}
		return l.addRef(path, ref)
	}
	return l.addRef(path, rootfs.SchemeSBOM+":"+path)
}

// addInput adds the report or SBOM on standard input.
func (l *loader) addInput() error {
	if slices.ContainsFunc(l.found, func(s subject) bool { return s.name == "-" || s.file == "-" }) {
		return usage(errors.New(`"-" is given twice, and standard input can only be read once`))
	}
	data, err := io.ReadAll(io.LimitReader(l.command.stdin, audit.MaxSize+1))
	if err != nil {
		return trouble(fmt.Errorf("standard input: %w", err))
	}
	kind, err := recognise(bytes.NewReader(data))
	if err != nil {
		return usage(fmt.Errorf("standard input: %w", err))
	}
	if kind != fileReport {
		again := *l.command
		again.stdin = io.MultiReader(bytes.NewReader(data), l.command.stdin)
		l.command = &again
		return l.addRef("-", rootfs.SchemeSBOM+":-")
	}
	in := l.command.savedInput()
	r, err := in.parse(data)
	if err != nil {
		return usage(err)
	}
	return l.addReport("-", "", r, nil)
}

// addReport adds the stages of a report, or the one named only. m is the manifest of the
// release that it belongs to, nil without one.
func (l *loader) addReport(path, only string, r *audit.Report, m *bundle.Manifest) error {
	if len(r.Stages) == 0 {
		return usage(fmt.Errorf("%s: the report has no stage", path))
	}
	l.reports++
	var names []string
	for i := range r.Stages {
		s := &r.Stages[i]
		names = append(names, s.Name)
		l.stages = append(l.stages, s.Name)
		if only != "" && s.Name != only || only == "" && len(l.flags.stages) > 0 && !slices.Contains(l.flags.stages, s.Name) {
			continue
		}
		l.chosen[s.Name] = true
		doc, _, err := s.Document()
		if err != nil {
			return usage(fmt.Errorf("%s: stage %s: %w", path, s.Name, err))
		}
		l.found = append(l.found, subject{name: s.Name, doc: doc, stage: s, verdict: r.Verdict, file: path, release: m})
	}
	if only != "" && !slices.Contains(names, only) {
		return noSuchStage(fmt.Sprintf("%s has no stage %q", path, only), only, names)
	}
	return nil
}

// checkStages checks that each --stage chose a stage.
func (l *loader) checkStages() error {
	for _, name := range l.flags.stages {
		switch {
		case l.reports == 0:
			return usage(&hinted{fmt.Errorf("--stage %s: only a saved report has stages", name), "save one with: depaudit audit -o json=report.json"})
		case !l.chosen[name]:
			return noSuchStage(fmt.Sprintf("--stage: no report has the stage %q", name), name, l.stages)
		}
	}
	return nil
}

func noSuchStage(text, name string, names []string) error {
	if near := wording.Nearest(name, names); near != "" {
		return usage(&hinted{errors.New(text), fmt.Sprintf("did you mean %q?", near)})
	}
	return usage(&hinted{errors.New(text), "stages: " + fewNames(names)})
}

// makeDistinct adds the file to the names of stages that several reports have.
func (l *loader) makeDistinct() {
	count := make(map[string]int)
	for _, s := range l.found {
		count[s.name]++
	}
	for i := range l.found {
		if s := &l.found[i]; s.file != "" && (count[s.name] > 1 || l.reports > 1) {
			s.name = s.file + "#" + s.name
		}
	}
}

// maxNames bounds the names in an error.
const maxNames = 12

// fewNames lists up to maxNames names and the number of the others.
func fewNames(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}

// readable shortens an error of the file system to its path and cause.
func readable(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
