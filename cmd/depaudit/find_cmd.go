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
		from subjectFlags
		out  listFlags
		dir  string
	)
	cmd := &cobra.Command{
		Use:   "find PATTERN [REF...]",
		Short: "List the environments that have a package, a version or a path",
		Long: `Searches several environments, or every report below a directory (--in), and
lists those that match. PATTERN is

  liblzma5            a name; also npm/left-pad, or @types/node
  'liblzma*'          a glob: * but not /, ** also /, ?, [a-c], {a,b}
  liblzma5@5.6.1      a version, of any revision; @5.6* is a glob of its text
  'liblzma5 >= 5.6, < 5.6.2'  a range: >= > <= < = !=, and all of them must hold
  pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64   a package URL, or a part of one
  'vers:deb/>=5.6|<5.6.2'  a range of the purl specification, also after an @
  /usr/local/go       a path, or a glob of paths: '/opt/**'

Names are case-sensitive; if nothing matches, case is ignored. Versions are
compared in the order of their ecosystem (deb, rpm, apk, alpm, opkg, pypi, npm,
cargo, golang, gem); in other ecosystems only an equal version matches. A
version without a revision matches all of its revisions: <=5.6.1 holds for
5.6.1-1. In a vers: range it does not.
` + subjectHelp + `
The exit code is 0 for a match, 1 for none when everything could be examined, 2
for a mistake on the command line, 3 for no match when something could not be
examined or compared, 4 when it could not run or could not write.`,
		Example: `  depaudit find 'liblzma*@5.6*' dir:build dir:docs dir:test
  depaudit find 'libc6 < 2.40' dir:build
  depaudit find 'xz-utils@>=5.6,<5.6.2' --in release/reports
  depaudit find 'pkg:pypi/requests@<2.32' report.json -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("find needs a pattern"), "depaudit find 'liblzma*@5.6*' report.json"})
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
			if len(args) == 1 && dir == "" {
				hint := fmt.Sprintf("depaudit find '%s' dir:ROOT, or a report, or --in DIR for a directory of reports", args[0])
				if strings.Contains(args[0], "'") {
					hint = "depaudit find PATTERN dir:ROOT, or a report, or --in DIR for a directory of reports"
				}
				return usage(&hinted{errors.New("find needs an environment or a report to search"), hint})
			}
			f := query.NewFind(pattern)
			subjects, err := c.findSubjects(cmd.Context(), pattern, args[1:], dir, from)
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
	cmd.Flags().StringVar(&dir, "in", "", "search every report in this `DIR` and below")
	_ = cmd.MarkFlagDirname("in")
	return cmd
}

// findSubjects loads the arguments and the reports of a directory. A failed
// scan, and a report in the directory that cannot be read, is a subject without
// a document.
func (c *command) findSubjects(ctx context.Context, pattern *diff.Pattern, args []string, dir string, flags subjectFlags) ([]subject, error) {
	flags.directories, flags.keepLost = true, true
	if path := pattern.Path(); path != "" {
		flags.paths = []string{path}
	}
	var out []subject
	stages := flags.stages
	if dir != "" {
		flags.stages = nil // not every report has the stage
		reports, err := c.reportsBelow(dir)
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
			return nil, usage(fmt.Errorf("--stage %s: no report in %s has it", stages[0], dir))
		}
		if len(args) == 0 {
			return out, flags.limits.check()
		}
	}
	if dir == "" {
		flags.stages = stages
	}
	list, err := c.subjects(ctx, args, flags)
	if err != nil {
		return nil, err
	}
	return append(list, out...), nil
}

// firstLine returns an error without its hint.
func firstLine(err error) error {
	var h *hinted
	if errors.As(err, &h) {
		return h.err
	}
	return err
}

// reportsBelow lists the reports in a directory and below, in order of path.
// Other files are counted on stderr.
func (c *command) reportsBelow(dir string) ([]string, error) {
	var reports []string
	others, files := 0, 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return readable(path, err)
		case e.IsDir():
			return nil
		}
		if files++; files > maxDir {
			return fmt.Errorf("%s has more than %d files, too many for a directory of reports", dir, maxDir)
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
		return nil, usage(&hinted{fmt.Errorf("--in %s: no reports in the directory", dir), "save reports there: depaudit audit -o json=" + filepath.Join(dir, "report.json") + "; name environments and SBOMs without --in"})
	}
	if others > 0 {
		fmt.Fprintf(c.stderr, "depaudit: --in %s: files that are not reports and were not read: %d\n", terminal.Escape(dir), others)
	}
	return reports, nil
}

// nearest returns up to maxNearest IDs that are similar to a pattern.
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

// maxNearest bounds the IDs of a hint.
const maxNearest = 5
