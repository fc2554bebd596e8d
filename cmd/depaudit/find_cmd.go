package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/rootfs"
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
		Long: `Searches several environments, or every report below a directory or release in a
registry (--in), and lists those that match. PATTERN is

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

-o sql searches nothing: it prints PATTERN as a condition on the rows of the
table dependency, which "depaudit export" writes. The condition is NULL where
find is unsure, and names are always case-sensitive in it.
` + subjectHelp + `
The exit code is 0 for a match, 1 for none when everything could be examined, 2
for a mistake on the command line, 3 for no match when something could not be
examined or compared, 4 when it could not run or could not write.`,
		Example: `  depaudit find 'liblzma*@5.6*' dir:build dir:docs dir:test
  depaudit find 'libc6 < 2.40' dir:build
  depaudit find 'xz-utils@>=5.6,<5.6.2' --in release/reports
  depaudit find 'libc6 < 2.40' --in registry:ghcr.io/example/app
  depaudit find 'pkg:pypi/requests@<2.32' report.json -o json
  depaudit find 'liblzma5 >= 5.6, < 5.6.2' -o sql`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("find needs a pattern"), "depaudit find 'liblzma*@5.6*' report.json"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := parseOutputs(out.outputs, findFormats())
			if err != nil {
				return err
			}
			pattern, err := diff.ParsePattern(sbom.EscapeInput(args[0]))
			if err != nil {
				return usage(err)
			}
			sql := slices.ContainsFunc(outputs, func(o output[listEncoder]) bool { return o.name == sqlFormat })
			switch {
			case sql && (len(args) > 1 || dir != "" || len(outputs) > 1):
				return usage(&hinted{errors.New("-o sql searches nothing, and has no environment, report or other output"), "the condition alone: depaudit find PATTERN -o sql"})
			case sql:
				if _, err := pattern.SQL(); err != nil {
					return usage(err)
				}
				return c.answer(query.NewFind(pattern), outputs, 0)
			case len(args) == 1 && dir == "":
				hint := fmt.Sprintf("depaudit find '%s' dir:ROOT, or a report, or --in DIR for a directory of reports", args[0])
				if strings.Contains(args[0], "'") {
					hint = "depaudit find PATTERN dir:ROOT, or a report, or --in DIR for a directory of reports"
				}
				return usage(&hinted{errors.New("find needs an environment or a report to search"), hint})
			}
			f := query.NewFind(pattern)
			var some []*subject
			err = c.eachFindable(cmd.Context(), pattern, args[1:], dir, from, func(s *subject) {
				switch {
				case s.lost != nil:
					f.AddError(s.name, s.lost)
					return
				case len(s.owners) > 0:
					f.Add(s.name, pattern.FindPlace(s.doc, diff.Place{Path: s.owners[0].Real, ID: s.owners[0].ID}))
				default:
					f.Add(s.name, pattern.Find(s.doc))
				}
				if !f.Found() && len(some) < maxSimilar {
					some = append(some, s)
				}
			})
			if err != nil {
				return err
			}
			if !f.Found() {
				f.Near = nearest(args[0], some)
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
	out.registerFormats(cmd, findFormats())
	cmd.Flags().Var((*filledValue)(&dir), "in", "search every report in this `DIR` and below; or registry:IMAGE, all releases there")
	_ = cmd.MarkFlagDirname("in")
	return cmd
}

// sqlFormat is the format of the pattern itself as a condition.
const sqlFormat = "sql"

func findFormats() []outputFormat[listEncoder] {
	return append(listFormats(), outputFormat[listEncoder]{name: sqlFormat, encoder: func(w io.Writer, a listAnswer, _ terminal.Options, _ int) error {
		return a.(*query.Find).SQL(w)
	}})
}

// maxSimilar is the number of environments whose names are compared with a pattern
// that matches nothing.
const maxSimilar = 20

// eachFindable calls add for the arguments, then for the reports of a directory or a
// registry, one after the other. A failed scan, and a report there that cannot be
// read, is a subject without a document.
func (c *command) eachFindable(ctx context.Context, pattern *diff.Pattern, args []string, dir string, flags subjectFlags, add func(*subject)) error {
	flags.directories, flags.keepLost = true, true
	if path := pattern.Path(); path != "" {
		flags.paths = []string{path}
	}
	stages := flags.stages
	if dir != "" {
		flags.stages = nil // not every report has the stage
	}
	list, err := c.subjects(ctx, args, flags)
	if err != nil {
		return err
	}
	for i := range list {
		add(&list[i])
	}
	if dir == "" {
		return nil
	}
	if _, err := os.Stat(dir); err != nil && likelyImage(dir) {
		return usage(&hinted{fmt.Errorf("--in %w", readable(dir, err)), "for all releases of an image write --in " + rootfs.SchemeRegistry + ":" + dir})
	}
	found := false
	err = c.eachSaved(ctx, []string{dir}, func(s saved) error {
		l := loader{command: c, chosen: make(map[string]bool)}
		name := s.name
		if s.ref != "" {
			name = schemeRelease + ":" + name
		}
		r, err := s.read(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = l.addReport(name, "", r, s.release)
		}
		if err != nil {
			found = true
			add(&subject{name: name, lost: firstLine(err)})
		}
		for i := range l.found {
			if s := &l.found[i]; len(stages) == 0 || slices.Contains(stages, s.stage.Name) {
				found = true
				s.name = name + "#" + s.stage.Name
				add(s)
			}
		}
		return nil
	})
	if err == nil && !found {
		err = usage(fmt.Errorf("--stage %s: no report in %s has it", stages[0], dir))
	}
	return err
}

// firstLine returns an error without its hint.
func firstLine(err error) error {
	var h *hinted
	if errors.As(err, &h) {
		return h.err
	}
	return err
}

// nearest returns up to maxNearest IDs that are similar to a pattern.
func nearest(word string, subjects []*subject) []string {
	word, _, _ = strings.Cut(word, "@")
	var out []string
	for _, s := range subjects {
		g := graph.New(s.doc, graph.Options{})
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
