package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) fleetCheck() *cobra.Command {
	var again string
	cmd := &cobra.Command{
		Use:   "check LIST DIR",
		Short: "Name the lines of a list that are lost, incomplete or failed",
		Long: `Reads the report of each line and prints every line that is lost, incomplete or
failed, with the stages that did not pass and the rules that decided that. A
line is lost if it has no report, or one that was cut short, is of something
else, or was judged by another configuration, baseline, exception or lock than
those here. Reports that no line names are printed as extra: an export would
have them. Reports by several versions of depaudit are counted on standard
error.

--again writes a list for "fleet run" of the lines that another try may change.
The others that are lost or incomplete are printed below the rest with the
reason: a mistake of the line or of its configuration, say, or no baseline.

Exit codes: 3 a line is lost or incomplete, or a report is extra, else 1 a line
failed, else 0; 2 the list is wrong; 4 the directory could not be read. 3 comes
before 1, as the question is whether everything was looked at.`,
		Example: `  depaudit fleet check stages.txt reports/date=2026-11-28
  depaudit fleet check stages.txt reports --again again.txt
  depaudit fleet run again.txt -o reports`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(&hinted{fmt.Errorf("fleet check takes a list and the directory of the reports"), "such as: " + cmd.CommandPath() + " stages.txt reports/date=2026-11-28"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			lines, err := readList(args[0])
			if err != nil {
				return usage(err)
			}
			others, err := otherReports(lines, args[1])
			if err != nil {
				return trouble(err)
			}
			states, err := fleetStates(cmd.Context(), lines, args[1])
			if err != nil {
				return trouble(err)
			}
			if again != "" {
				if err := writeAgain(again, states); err != nil {
					return trouble(err)
				}
			}
			c.printVersions(states)
			err = c.printFleet(states, others)
			if again != "" {
				c.printSettled(again, states)
			}
			return err
		},
	}
	cmd.Flags().Var((*filledValue)(&again), "again", "write the lines that another try may change to the list `FILE`")
	return cmd
}

// otherReports are files in the directory of the reports that no line names. Its error
// is that the directory cannot be read: a path with a mistake would be a fleet of which
// everything is lost.
func otherReports(lines []fleetLine, dir string) ([]string, error) {
	known := map[string]bool{}
	for _, l := range lines {
		known[l.report(filepath.Clean(dir))] = true
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, readable(dir, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a directory", dir)
	}
	var others []string
	err := filepath.WalkDir(filepath.Clean(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return readable(path, err)
		}
		if !d.IsDir() && filepath.Ext(path) == ".json" && !strings.HasPrefix(d.Name(), ".") && !known[path] {
			others = append(others, path)
		}
		return nil
	})
	return others, err
}

// fleetState is what became of a line.
type fleetState struct {
	line    fleetLine
	verdict audit.Verdict // empty for a lost one
	why     string        // why it is lost
	// stages are those that did not pass, each with the rules that decided it.
	stages []string
	// failed is set for an incomplete one of which another stage failed.
	failed bool
	// settled is why another try of a line that is lost or incomplete ends in the same
	// way, empty if it may change something.
	settled string
	// by is the version of depaudit and of its counting method.
	by string
}

// again reports whether the line is one for another try.
func (s *fleetState) again() bool {
	return (s.verdict == "" || s.verdict == audit.Incomplete) && s.settled == ""
}

func stateOf(ctx context.Context, line fleetLine, dir string) fleetState {
	r, why := line.reportOf(ctx, dir, pipelineFlags{})
	if why != "" {
		return fleetState{line: line, why: why, settled: line.settled(ctx, dir)}
	}
	s := fleetState{line: line, verdict: r.Verdict, by: fmt.Sprintf("%s %s (counting rules %d, %s)", r.Tool.Name, r.Tool.Version, r.Rules, r.Tool.Catalogers)}
	if r.Verdict == audit.Fail && mayChange(r) {
		s.verdict, s.failed = audit.Incomplete, true
	}
	for i := range r.Stages {
		if stage := &r.Stages[i]; stage.Verdict != audit.Pass {
			s.stages = append(s.stages, fmt.Sprintf("%s  %s  %s", stage.Name, stage.Verdict, strings.Join(decisive(stage.Findings), ", ")))
		}
	}
	if s.verdict == audit.Incomplete && !mayChange(r) {
		s.settled = settledBy(r)
	}
	return s
}

// fleetStates reads the reports of all lines, as many at the same time as there are
// processors.
func fleetStates(ctx context.Context, lines []fleetLine, dir string) ([]fleetState, error) {
	states := make([]fleetState, len(lines))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				states[i] = stateOf(ctx, lines[i], dir)
			}
		})
	}
	for i := range lines {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	return states, ctx.Err()
}

// writeAgain writes the list of what is to be done again. Its paths are relative to the
// new list where they were relative to the old one.
func writeAgain(file string, states []fleetState) error {
	return atomicfile.Write(file, func(w io.Writer) error {
		for _, s := range states {
			if !s.again() {
				continue
			}
			config := s.line.config
			if !filepath.IsAbs(s.line.written) {
				rel, err := filepath.Rel(filepath.Dir(file), config)
				if err != nil {
					return err
				}
				config = rel
			}
			if _, err := fmt.Fprintln(w, s.line.text(config)); err != nil {
				return err
			}
		}
		return nil
	})
}

// printSettled prints the lines that are lost or incomplete and not in the list for
// another try, and why.
func (c *command) printSettled(file string, states []fleetState) {
	n, text := 0, strings.Builder{}
	for _, s := range states {
		if s.settled != "" {
			n++
			fmt.Fprintf(&text, "  %s  line %d: %s\n", s.line.name, s.line.number, terminal.Escape(s.settled))
		}
	}
	if n > 0 {
		fmt.Fprintf(c.stdout, "not in %s, since another try ends in the same way: %s\n%s", terminal.Escape(file), wording.Count(n, "line", "lines"), text.String())
	}
}

// printVersions prints by which versions the reports are, if there are several: their
// numbers cannot be compared, and workers that pull "latest" in the middle of a night
// make such a mixture.
func (c *command) printVersions(states []fleetState) {
	count := map[string]int{}
	for _, s := range states {
		if s.by != "" {
			count[s.by]++
		}
	}
	if len(count) < 2 {
		return
	}
	fmt.Fprintf(c.stderr, "depaudit: warning: the reports are by %d versions, whose numbers may not be comparable:\n", len(count))
	for _, by := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(c.stderr, "  %s: %s\n", terminal.Escape(by), wording.Count(count[by], "report", "reports"))
	}
}

// printFleet prints what is no pass, the worst first, and returns the exit code. others
// are the reports of no line.
func (c *command) printFleet(states []fleetState, others []string) error {
	count := map[audit.Verdict]int{}
	for _, s := range states {
		count[s.verdict]++
	}
	var parts []string
	for _, v := range []struct {
		verdict audit.Verdict
		word    string
	}{{audit.Pass, "pass"}, {audit.Fail, "fail"}, {audit.Incomplete, "incomplete"}, {"", "lost"}} {
		if n := count[v.verdict]; n > 0 {
			parts = append(parts, wording.Count(n, v.word, v.word))
		}
	}
	if len(others) > 0 {
		parts = append(parts, wording.Count(len(others), "extra", "extra"))
	}
	fmt.Fprintf(c.stdout, "%s: %s\n", wording.Count(len(states), "line", "lines"), strings.Join(parts, ", "))
	for _, verdict := range []audit.Verdict{"", audit.Incomplete, audit.Fail} {
		for _, s := range states {
			if s.verdict != verdict {
				continue
			}
			switch {
			case verdict == "":
				fmt.Fprintf(c.stdout, "lost  %s  line %d: %s\n", s.line.name, s.line.number, terminal.Escape(s.why))
			case s.failed:
				fmt.Fprintf(c.stdout, "%s  %s  and failed\n", verdict, s.line.name)
			default:
				fmt.Fprintf(c.stdout, "%s  %s\n", verdict, s.line.name)
			}
			for _, stage := range s.stages {
				fmt.Fprintf(c.stdout, "  %s\n", terminal.Escape(stage))
			}
		}
	}
	for _, path := range others {
		fmt.Fprintf(c.stdout, "extra  %s  no line has this name\n", terminal.Escape(path))
	}
	switch {
	case count[""]+count[audit.Incomplete]+len(others) > 0:
		return &exitError{code: exitIncomplete}
	case count[audit.Fail] > 0:
		return &exitError{code: exitFail}
	}
	return nil
}
