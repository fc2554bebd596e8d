package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) historyCommand() *cobra.Command {
	var (
		out    listFlags
		stages []string
	)
	cmd := &cobra.Command{
		Use:   "history DIR|REPORT|registry:REF...",
		Short: "Show the number of each stage over releases",
		Long: `Reads the reports of several releases and shows the number of each stage in each
of them, with its limit, what was added and removed since the release before,
unaccounted dependencies and weaker evidence.

An argument is a directory with releases of "depaudit release" or reports in it
and below, the report of one release, registry:REF for all releases of an image
(without a tag, of a repository) or release:REF for the newest of them. A
release is named after its directory, file or tag. Releases are in order of
their date, then of their name (v1.9 is before v1.10, and v2.0-rc1 before v2.0);
one without a date gets its place by its name.

The reports of the jobs of one run are one release if they are in one directory,
or in one for each job there: they must lack a stage of the configuration, have
no stage twice, and be judged by the same files. Others stay as they are.

A number of an incomplete stage is marked, since it can be too low. Where the
counting method changed, numbers do not compare: no difference is shown.

-o table and -o markdown are for people, json and csv for programs. -o svg is a
picture for a README: a line for each stage, at most eight of them, and the
limits. Without =FILE, or with =-, a format goes to standard output.

The exit code is 0 when every report was read, 2 for a mistake on the command
line, 3 when a report could not be read (it is named, and the others are shown),
4 when it could not write.`,
		Example: `  depaudit history releases
  depaudit history releases --stage build-source -o markdown
  depaudit history releases -o svg=docs/dependencies.svg
  depaudit history v1.0/report.json v1.1/report.json -o csv=history.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("history needs a directory of releases, or reports"), "depaudit history releases"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := parseOutputs(out.outputs, historyFormats())
			if err != nil {
				return err
			}
			if err := notForTerminal(c, outputs); err != nil {
				return err
			}
			h, err := c.history(cmd.Context(), args, stages)
			if err != nil {
				return err
			}
			h.Newest(out.limit)
			if err := c.answer(h, outputs, 0); err != nil {
				return err
			}
			if n := h.Unread(); n > 0 {
				fmt.Fprintf(c.stderr, "depaudit: %s could not be read\n", wording.Count(n, "report", "reports"))
				return &exitError{code: exitIncomplete}
			}
			return nil
		},
	}
	registerOutput(cmd, &out.outputs, historyFormats())
	listVar(cmd.Flags(), &stages, "stage", "only this `STAGE`")
	limitVar(cmd, &out.limit, 0, "releases, the newest ones (in every format)")
	return cmd
}

// historyFormats returns the formats of lists, and those of numbers over time.
func historyFormats() []outputFormat[listEncoder] {
	return append(listFormats(),
		outputFormat[listEncoder]{name: "csv", encoder: func(w io.Writer, a listAnswer, _ terminal.Options, _ int) error {
			return a.(*query.History).CSV(w)
		}},
		outputFormat[listEncoder]{name: "svg", whole: true, encoder: func(w io.Writer, a listAnswer, _ terminal.Options, _ int) error {
			return a.(*query.History).SVG(w)
		}},
	)
}

// ofHistory is a saved report with its place in a history.
type ofHistory struct {
	saved
	label string
	date  time.Time
	// parts are the reports of the jobs that are this one, none if it is whole.
	parts []saved
}

// history reads the reports one by one, in order of the releases, since each is
// compared with the one before.
func (c *command) history(ctx context.Context, args, stages []string) (*query.History, error) {
	var list []ofHistory
	err := c.eachSaved(ctx, args, func(s saved) error {
		r := ofHistory{saved: s}
		if s.release != nil {
			r.date = s.release.Date
		}
		list = append(list, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The order of the arguments has no meaning, not even for which of two copies is left.
	slices.SortStableFunc(list, func(a, b ofHistory) int { return strings.Compare(a.name, b.name) })
	list, err = c.eachOnce(list)
	if err != nil {
		return nil, err
	}
	if list, err = c.jobs(ctx, list); err != nil {
		return nil, err
	}
	label(list)
	query.SortReleases(list, func(r ofHistory) time.Time { return r.date }, func(r ofHistory) string { return r.label })
	c.printJoined(list)
	h := query.NewHistory(stages)
	var known []string
	for i := range list {
		s := &list[i]
		r, err := s.report(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			h.AddError(s.label, s.name, s.date, firstLine(err))
			continue
		}
		h.Add(s.label, s.name, s.date, r)
		for i := range r.Stages {
			if name := r.Stages[i].Name; !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
	}
	for _, name := range stages {
		switch {
		case slices.Contains(known, name):
		case h.Unread() == 0:
			return nil, noSuchStage(fmt.Sprintf("no release has a stage %q", name), name, known)
		default:
			fmt.Fprintf(c.stderr, "depaudit: no release that could be read has a stage %q\n", name)
		}
	}
	return h, nil
}

// eachOnce leaves out copies: a release with the manifest of another one, which has the
// digests of all files and artifacts. Without artifacts, two releases can be equal, and
// a copy is one that also has the same name.
func (c *command) eachOnce(list []ofHistory) ([]ofHistory, error) {
	type release struct{ name, manifest string }
	seen := make(map[release]bool)
	var out []ofHistory
	var copies []string
	for _, r := range list {
		if r.release == nil {
			out = append(out, r)
			continue
		}
		data, err := json.Marshal(r.release)
		if err != nil {
			return nil, err
		}
		key := release{manifest: string(data)}
		if len(r.release.Subjects) == 0 {
			key.name = path.Base(path.Dir(r.place))
		}
		if seen[key] {
			copies = append(copies, terminal.Escape(r.name))
			continue
		}
		seen[key] = true
		out = append(out, r)
	}
	if n := len(copies); n > 0 {
		fmt.Fprintf(c.stderr, "depaudit: %s left out, of releases that are shown: %s\n", wording.Count(n, "copy is", "copies are"), terminal.Enumerate(copies, copiesWidth))
	}
	return out, nil
}

// copiesWidth is the width of the names of copies in a message.
const copiesWidth = 200

// label names each release: by the directory of a report.json, else by the file, with
// as many directories in front as make it the only one of its name.
func label(list []ofHistory) {
	paths := make([][]string, len(list))
	for i := range list {
		dir, file := "", list[i].place
		if at := strings.LastIndexByte(file, '/'); at >= 0 {
			dir, file = file[:at], file[at+1:]
		}
		if list[i].release != nil && (dir == "" || path.Base(dir) == "..") {
			// The argument names the directory of the release by its place.
			if abs, err := filepath.Abs(filepath.FromSlash(dir)); err == nil {
				dir = filepath.ToSlash(abs)
			}
		}
		parts := []string{strings.TrimSuffix(file, ".json")}
		if file == "report.json" && dir != "" {
			parts = nil
		}
		for _, d := range slices.Backward(strings.Split(dir, "/")) {
			if d != "" {
				parts = append(parts, d)
			}
		}
		if parts == nil {
			parts = []string{"report"}
		}
		paths[i] = parts
	}
	name := func(i, depth int) string {
		parts := slices.Clone(paths[i][:min(depth, len(paths[i]))])
		slices.Reverse(parts)
		return strings.Join(parts, "/")
	}
	depth := slices.Repeat([]int{1}, len(list))
	for again := true; again; {
		again = false
		count := map[string]int{}
		for i := range list {
			list[i].label = name(i, depth[i])
			count[list[i].label]++
		}
		for i := range list {
			if count[list[i].label] > 1 && depth[i] < len(paths[i]) {
				depth[i]++
				again = true
			}
		}
	}
}
