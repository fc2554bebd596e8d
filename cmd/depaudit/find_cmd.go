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

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
)

func (c *command) findCommand() *cobra.Command {
	var (
		from   subjectFlags
		out    listFlags
		folder string
	)
	cmd := &cobra.Command{
		Use:   "find PATTERN [REF...]",
		Short: "Tell which environments hold a package, a version or a path",
		Long: `Looks for something in several environments, or in every report below a folder
(--in), and tells which of them have it. PATTERN is

  liblzma5            a name; also npm/left-pad, or @types/node
  'liblzma*'          a glob: * but not /, ** also /, ?, [a-c], {a,b}
  liblzma5@5.6.1      a version, of any revision; @5.6* is a glob of its text
  'liblzma5@>=5.6,<5.6.2'  a range: >= > <= < = !=, all of them must hold
  pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64   a package URL, or a part of one
  'vers:deb/>=5.6|<5.6.2'  a range of the purl specification, also behind an @
  /usr/local/go       a path, or a glob of paths: '/opt/**'

A name is looked for as it is, and only where nothing has it in any case.
Versions are compared in the order of their own ecosystem (deb, rpm, apk, alpm,
opkg, pypi, npm, cargo, golang, gem); where none is known, only an equal one
matches. A version without a revision stands for all of its revisions, so that
<=5.6.1 holds for 5.6.1-1; a vers: range is compared to the letter.
` + subjectHelp + `
The exit code is 0 when something has it, 1 when nothing has it and everything
could be looked at, 2 for a mistake on the command line, 3 when nothing has it
and something could not be looked at or compared, 4 when it could not run or
could not write.`,
		Example: `  depaudit find 'liblzma*@5.6*' dir:build dir:docs dir:test
  depaudit find 'xz-utils@>=5.6,<5.6.2' --in release/reports
  depaudit find 'pkg:pypi/requests@<2.32' report.json -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("what should be looked for?"), "depaudit find 'liblzma*@5.6*' report.json"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			pattern, err := diff.ParsePattern(sbom.EscapeInput(args[0]))
			if err != nil {
				return usage(err)
			}
			if len(args) == 1 && folder == "" {
				hint := fmt.Sprintf("depaudit find '%s' dir:ROOT, or a report, or --in FOLDER of reports", args[0])
				if strings.Contains(args[0], "'") {
					hint = "depaudit find PATTERN dir:ROOT, or a report, or --in FOLDER of reports"
				}
				return usage(&hinted{errors.New("where should it be looked for?"), hint})
			}
			f := query.NewFind(pattern)
			subjects, err := c.findSubjects(cmd.Context(), pattern, args[1:], folder, from)
			if err != nil {
				return err
			}
			for i := range subjects {
				s := &subjects[i]
				switch {
				case s.lost != nil:
					f.AddError(s.name, s.lost)
				case len(s.owners) > 0:
					f.Add(s.name, pattern.FindPlace(s.doc, diff.Place{Path: s.owners[0].Real, ID: s.owners[0].ID}))
				default:
					f.Add(s.name, pattern.Find(s.doc))
				}
			}
			if !f.Found() {
				f.Near = nearest(args[0], subjects)
			}
			if err := c.answer(f, outputs, out.limit); err != nil {
				return err
			}
			switch {
			case f.Found():
				return nil
			case f.Unsure():
				return &exitError{code: exitIncomplete}
			}
			return &exitError{code: exitFail}
		},
	}
	from.register(cmd)
	out.register(cmd)
	cmd.Flags().StringVar(&folder, "in", "", "look into every report in this `FOLDER` and below")
	_ = cmd.MarkFlagDirname("in")
	return cmd
}

// findSubjects loads the arguments and the reports of the folder. What cannot
// be scanned, and a report in the folder that cannot be read, is part of the
// answer.
func (c *command) findSubjects(ctx context.Context, pattern *diff.Pattern, args []string, folder string, flags subjectFlags) ([]subject, error) {
	flags.folders, flags.keepLost = true, true
	if path := pattern.Path(); path != "" {
		flags.paths = []string{path}
	}
	var out []subject
	stages := flags.stages
	if folder != "" {
		flags.stages = nil // not every report has it
		reports, err := c.reportsBelow(folder)
		if err != nil {
			return nil, err
		}
		for _, path := range reports {
			list, err := c.subjects(ctx, []string{path}, flags)
			if err != nil {
				out = append(out, subject{name: path, lost: firstLine(err)})
				continue
			}
			for _, s := range list {
				if len(stages) == 0 || slices.Contains(stages, s.stage.Name) {
					s.name = path + "#" + s.stage.Name
					out = append(out, s)
				}
			}
		}
		if len(stages) > 0 && len(out) == 0 {
			return nil, usage(fmt.Errorf("--stage %s: no report in %s has it", stages[0], folder))
		}
		if len(args) == 0 {
			return out, flags.limits.check()
		}
	}
	if folder == "" {
		flags.stages = stages
	}
	list, err := c.subjects(ctx, args, flags)
	if err != nil {
		return nil, err
	}
	return append(list, out...), nil
}

// firstLine is an error without its hint.
func firstLine(err error) error {
	var h *hinted
	if errors.As(err, &h) {
		return h.err
	}
	return err
}

// reportsBelow lists the reports in a folder and below, in order of path. What
// is no report is counted on stderr.
func (c *command) reportsBelow(folder string) ([]string, error) {
	var reports []string
	others, files := 0, 0
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return readable(path, err)
		case e.IsDir():
			return nil
		}
		if files++; files > maxFolder {
			return fmt.Errorf("%s has more than %d files: is it a folder of reports?", folder, maxFolder)
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			others++
			return nil
		}
		kind, err := recogniseFile(path)
		switch {
		case err != nil:
			return err
		case kind == fileReport:
			reports = append(reports, path)
		default:
			others++
		}
		return nil
	})
	if err != nil {
		return nil, usage(fmt.Errorf("--in %w", err))
	}
	if len(reports) == 0 {
		return nil, usage(&hinted{fmt.Errorf("--in %s: there is no report in it", folder), "save reports there: depaudit audit -o json=" + filepath.Join(folder, "report.json") + "; environments and SBOMs are named without --in"})
	}
	if others > 0 {
		fmt.Fprintf(c.stderr, "depaudit: --in %s: not read, since they are no reports: %d\n", terminal.Escape(folder), others)
	}
	return reports, nil
}

// nearest are names that a pattern may have meant, a few in all.
func nearest(word string, subjects []subject) []string {
	word, _, _ = strings.Cut(word, "@")
	var out []string
	for i := range subjects {
		if subjects[i].doc == nil {
			continue
		}
		g := graph.New(subjects[i].doc, graph.Options{})
		ids, err := g.Find(word)
		var unknown *graph.UnknownError
		if errors.As(err, &unknown) {
			ids = unknown.Near
		}
		for _, id := range ids {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxNearest)]
}

// maxNearest is how many names are worth offering.
const maxNearest = 5
