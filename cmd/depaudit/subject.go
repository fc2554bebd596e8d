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

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/wording"
)

// subject is one environment that a question is about, with its document.
type subject struct {
	// name is how an answer calls it: the reference as it was written, or the
	// name of a report's stage. Names of several subjects differ.
	name string
	doc  *sbom.Document
	// stage is the stage of the saved report that doc is from, as it was
	// judged then; nil for what was scanned now.
	stage *audit.Stage
	// file is the path of the saved report, empty for what was scanned now.
	file string
	// owners are the components of subjectFlags.paths, for an environment of
	// files that was scanned now.
	owners []scan.Owner
	// lost says why there is no document, when subjectFlags.keepLost allows
	// that.
	lost error
}

// subjectFlags say where the subjects of a question come from.
type subjectFlags struct {
	limits   limitFlags
	platform string
	stages   []string
	// folders lets an argument be a folder of saved reports.
	folders bool
	// keepLost hands out what could not be scanned as a subject with nothing
	// but the reason. Otherwise the first of them is the error.
	keepLost bool
	// paths are absolute paths whose owners the question needs.
	paths []string
}

// subjectHelp is what the help texts of all questions say about REF.
const subjectHelp = `
REF is an environment as for "depaudit scan" (dir:ROOT, host:, an image); a
report that "-o json" saved, of which --stage chooses a stage, or REPORT#STAGE;
or an SBOM. A bare path of a file is recognised by what is in it. A saved report
is never scanned again. Nothing in an environment is executed or changed.
`

func (f *subjectFlags) register(cmd *cobra.Command) {
	f.limits.register(cmd)
	cmd.Flags().StringVar(&f.platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	cmd.Flags().StringSliceVar(&f.stages, "stage", nil, "the `STAGE` of a saved report; may be given several times where several make sense")
}

// subjects loads what the arguments of a question name. A reference is
// scanned in a process of its own, several of them side by side; a saved
// report gives a subject for each of its stages, or for those of --stage; an
// SBOM is read like any environment.
func (c *command) subjects(ctx context.Context, args []string, flags subjectFlags) ([]subject, error) {
	if err := flags.limits.check(); err != nil {
		return nil, err
	}
	l := loader{command: c, flags: flags, chosen: make(map[string]bool)}
	for _, arg := range args {
		if err := l.add(arg); err != nil {
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
	l.tellApart()
	return l.found, nil
}

// subject is subjects for a question about one environment.
func (c *command) subject(ctx context.Context, arg string, flags subjectFlags) (*subject, error) {
	found, err := c.subjects(ctx, []string{arg}, flags)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 1:
		return &found[0], nil
	case len(found) == 0:
		return nil, usage(fmt.Errorf("%s: the report has no stage", arg))
	}
	var names []string
	for _, s := range found {
		names = append(names, s.stage.Name)
	}
	err = fmt.Errorf("%s has %d stages, and the question is about one: %s", arg, len(names), fewNames(names))
	return nil, usage(&hinted{err, "choose with --stage " + names[0]})
}

// loader collects subjects.
type loader struct {
	command *command
	flags   subjectFlags
	found   []subject
	// envs are still to be scanned, for found[scanned[i]].
	envs    []pipeline.Environment
	scanned []int
	// reports is the number of reports that were read, stages the names of
	// all their stages, chosen those of --stage that were there.
	reports int
	stages  []string
	chosen  map[string]bool
}

// add loads one argument, or notes that it has to be scanned.
func (l *loader) add(arg string) error {
	if arg == "-" {
		return l.addInput()
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.Mode().IsRegular():
		return l.addFile(arg, "")
	case err == nil && info.IsDir() && l.flags.folders:
		reports, err := reportsIn(arg)
		if err != nil {
			return usage(err)
		}
		if len(reports) > 0 {
			return l.addFolder(arg, reports)
		}
	case err != nil:
		if file, stage, ok := cutStage(arg); ok {
			return l.addFile(file, stage)
		}
	}
	return l.addRef(arg, arg)
}

// cutStage takes REPORT#STAGE apart, where there is such a file.
func cutStage(arg string) (file, stage string, ok bool) {
	i := strings.LastIndexByte(arg, '#')
	if i <= 0 || i == len(arg)-1 {
		return "", "", false
	}
	info, err := os.Stat(arg[:i])
	return arg[:i], arg[i+1:], err == nil && info.Mode().IsRegular()
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

// addFile adds a file by what is in it.
func (l *loader) addFile(path, stage string) error {
	kind, err := recogniseFile(path)
	if err != nil {
		return usage(err)
	}
	switch {
	case kind == fileReport:
		r, err := audit.Load(path)
		if err != nil {
			return usage(&hinted{err, "make the report anew with the depaudit that reads it: depaudit audit -o json=" + path})
		}
		return l.addReport(path, r, stage)
	case stage != "":
		return usage(fmt.Errorf("%s#%s: %s is no report of depaudit, and has no stages", path, stage, path))
	case kind == fileBaseline:
		return usage(&hinted{fmt.Errorf("%s is a baseline, which knows neither what needs what nor where it is", path), "give the environment, or a report of it: depaudit audit -o json=report.json"})
	case kind == fileSnapshot:
		return l.addRef(path, rootfs.SchemeSnapshot+":"+path)
	case kind == fileArchive:
		return usage(&hinted{fmt.Errorf("%s is an archive", path), pipeline.FileHint(path)})
	}
	return l.addRef(path, rootfs.SchemeSBOM+":"+path)
}

// addInput adds what stands on standard input.
func (l *loader) addInput() error {
	if slices.ContainsFunc(l.found, func(s subject) bool { return s.name == "-" || s.file == "-" }) {
		return usage(errors.New(`"-" is given twice, and standard input can be read once`))
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
	r, err := audit.Read(bytes.NewReader(data))
	if err != nil {
		return usage(&hinted{fmt.Errorf("standard input: %w", err), "make the report anew with the depaudit that reads it"})
	}
	return l.addReport("-", r, "")
}

// addFolder adds the reports of a folder.
func (l *loader) addFolder(dir string, reports []string) error {
	for _, name := range reports {
		if err := l.addFile(filepath.Join(dir, name), ""); err != nil {
			return err
		}
	}
	return nil
}

// addReport adds the stages of a report, or the one called only.
func (l *loader) addReport(path string, r *audit.Report, only string) error {
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
		l.found = append(l.found, subject{name: s.Name, doc: doc, stage: s, file: path})
	}
	if only != "" && !slices.Contains(names, only) {
		return noSuchStage(fmt.Sprintf("%s has no stage %q", path, only), only, names)
	}
	return nil
}

// checkStages refuses a --stage that chose nothing.
func (l *loader) checkStages() error {
	for _, name := range l.flags.stages {
		switch {
		case l.reports == 0:
			return usage(&hinted{fmt.Errorf("--stage %s: only a saved report has stages", name), "save one with: depaudit audit -o json=report.json"})
		case !l.chosen[name]:
			return noSuchStage(fmt.Sprintf("--stage %s: there is no such stage", name), name, l.stages)
		}
	}
	return nil
}

func noSuchStage(text, name string, names []string) error {
	if near := wording.Nearest(name, names); near != "" {
		return usage(&hinted{errors.New(text), fmt.Sprintf("did you mean %q?", near)})
	}
	return usage(&hinted{errors.New(text), "there are: " + fewNames(names)})
}

// tellApart adds the file to the names of stages that several reports have.
func (l *loader) tellApart() {
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

// fewNames lists names, with a count of those that are left out.
func fewNames(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}

// maxFolder bounds the files of a folder of reports. A release has some
// dozens of stages.
const maxFolder = 10000

// reportsIn lists the reports in a folder, none when it is none of reports.
// A folder that has both reports and folders could be a root file system
// that somebody put a report into in order not to have it looked at.
func reportsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil // whoever scans it says it better
	}
	if len(entries) > maxFolder {
		return nil, nil
	}
	var reports, folders []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case info.IsDir():
			folders = append(folders, e.Name())
		case info.Mode().IsRegular():
			if kind, err := recogniseFile(path); err == nil && kind == fileReport {
				reports = append(reports, e.Name())
			}
		}
	}
	if len(reports) > 0 && len(folders) > 0 {
		err := fmt.Errorf("%s has saved reports (%s) and folders (%s): is it a folder of reports or a root file system?", dir, fewNames(reports), fewNames(folders))
		return nil, &hinted{err, fmt.Sprintf("write dir:%s to scan it, or %s to read the reports", dir, filepath.Join(dir, "*.json"))}
	}
	return reports, nil
}

// readable turns an error of opening into one for people.
func readable(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
