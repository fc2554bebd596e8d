package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/audit/fleet/parts"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) exportCommand() *cobra.Command {
	var out, date string
	cmd := &cobra.Command{
		Use:   "export REPORT|DIR|registry:REF... -o ndjson=DIR",
		Short: "Write the rows of reports as files for DuckDB, Spark or Trino",
		Long: `Writes two tables, a row for each stage and a row for each dependency, as files
that engines for analysis read:

  DIR/stage_night/v1/date=2026-11-28/part-*.ndjson.gz
  DIR/dependency/v1/date=2026-11-28/part-*.ndjson.gz

An argument is a report, a directory with reports and releases in it and below,
such as that of "depaudit fleet run", registry:REF for the releases that are
attached to images there, or - for standard input.

The date of a report is that of a directory or file in its path that is called
date=2026-11-28 or 2026-11-28, else that of its release. --date states it for
all reports instead. The source of a report is its path, without that date, the
release and .json; in a registry the repository, whose tag is the release.

The same reports make the same files, in whatever order and however often they
are exported: a date has one row for each stage of a source. A report that is
there already is left as it is, and a copy of it at another path adds nothing; a
report that was made again replaces the rows of its stages. Other dates, and
files that depaudit did not write, are not touched.

If it is interrupted, the files are as before, or whole; run it again, and it
goes on where it ended. Of several processes with one DIR, one waits for the
other.

Exit codes: 0 every report is exported, 2 a mistake on the command line, 3 a
report could not be read (it is named, and the others are exported), 4 it could
not write.`,
		Example: `  depaudit export reports/date=2026-11-28 -o ndjson=fleet
  depaudit export report.json --date 2026-11-28 -o ndjson=fleet`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || slices.Contains(args, "") {
				return usage(&hinted{errors.New("export needs reports, or directories of them"), "depaudit export reports/date=2026-11-28 -o ndjson=fleet"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := exportDir(out)
			if err != nil {
				return usage(err)
			}
			stated := ""
			if date != "" {
				at, err := c.created(cmd.Context(), date)
				if err != nil {
					return usage(err)
				}
				stated = at.Format(time.DateOnly)
			}
			return c.export(cmd.Context(), args, stated, dir)
		},
	}
	cmd.Flags().VarP((*filledValue)(&out), "output", "o", "write the files below a directory: `ndjson=DIR`")
	cmd.Flags().Var((*filledValue)(&date), "date", "`DATE` of all reports: 2026-11-28, or a commit such as HEAD, whose date it is")
	return cmd
}

const formatNDJSON = "ndjson"

// A report is garbage once its rows are written: to collect it less often saves a
// sixth of the time. The target is 200 MB; beside the heap are the program itself and
// what its compressors and the spool hold.
const (
	exportGC     = 400       // percent
	exportMemory = 120 << 20 // bytes
)

// exportDir returns the directory of -o.
func exportDir(flag string) (string, error) {
	const example = "-o ndjson=DIR"
	name, dir, _ := strings.Cut(flag, "=")
	switch {
	case flag == "":
		return "", &hinted{errors.New("export needs a directory for the files"), example}
	case name == "parquet":
		return "", &hinted{errors.New("-o parquet: depaudit writes newline-delimited JSON, of which DuckDB makes Parquet"),
			fmt.Sprintf("write %s; docs/fleet-tables.md has the statements for DuckDB, under Parquet", strings.Replace(example, "DIR", cmp.Or(dir, "DIR"), 1))}
	case name != formatNDJSON:
		return "", &hinted{fmt.Errorf("-o %s: unknown format %q", flag, name), "write " + example}
	case strings.TrimSpace(dir) == "" || dir == "-":
		return "", &hinted{fmt.Errorf("-o %s: two tables need a directory", flag), "write " + example}
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", &hinted{fmt.Errorf("-o %s: %s is a file, and two tables need a directory", flag, dir), "name one that does not exist, or that of an earlier export"}
	}
	return filepath.Clean(dir), nil
}

// ofNight is a saved report with its place in the tables.
type ofNight struct {
	saved
	origin fleet.Origin // without the digest until it is read
	err    error        // why it is not exported
}

// export writes the rows of reports to a directory.
func (c *command) export(ctx context.Context, args []string, stated, dir string) error {
	list, err := c.nightsOf(ctx, args, stated)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(exportGC))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(exportMemory))
	told := func(text string) func() {
		return func() { fmt.Fprintf(c.stderr, "depaudit: %s: %s\n", terminal.Escape(dir), text) }
	}
	d, err := parts.Open(ctx, dir, version(), told("another process writes to it, waiting"), told("its file system has no locks: let no other process write to it"))
	if err != nil {
		return c.exportFailed(ctx, err)
	}
	defer d.Close()
	if err := prepareAll(ctx, d, list); err != nil {
		return c.exportFailed(ctx, err)
	}
	var origins []fleet.Origin
	bad := 0
	for i := range list {
		if list[i].err == nil {
			origins = append(origins, list[i].origin)
			continue
		}
		bad++
		c.printError(list[i].err)
	}
	nights, err := d.Commit(ctx, origins)
	if err != nil {
		return c.exportFailed(ctx, err)
	}
	if err := d.Close(); err != nil {
		return trouble(err)
	}
	c.printNights(dir, len(origins), nights)
	if bad > 0 {
		return incomplete(fmt.Errorf("%s of %d could not be read", wording.Count(bad, "report", "reports"), len(list)))
	}
	return nil
}

func (c *command) exportFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return trouble(&hinted{errors.New("interrupted: the files are as before"), "run it again: it goes on where it ended"})
	}
	if _, ok := errors.AsType[*parts.ForeignError](err); ok {
		return trouble(&hinted{err, "move the file away; if it was one, remove the directory of its date from both tables and export the reports of that date again"})
	}
	return trouble(&hinted{err, "run it again when that is mended: it goes on where it ended"})
}

func (c *command) printNights(dir string, reports int, nights []parts.Night) {
	if c.quiet {
		return
	}
	fmt.Fprintf(c.stdout, "%s: %s exported\n", terminal.Escape(dir), wording.Count(reports, "report", "reports"))
	for _, n := range nights {
		fmt.Fprintf(c.stdout, "%s  %s added with %s", n.Date, wording.Count(n.Added+n.Replaced, "stage", "stages"), wording.Count(n.Dependencies, "dependency", "dependencies"))
		for _, more := range []struct {
			n    int
			what string
		}{{n.Replaced, "instead of others"}, {n.Present, "there already"}, {n.Superseded, "of which a later report is"}} {
			if more.n > 0 {
				fmt.Fprintf(c.stdout, ", %s %s", wording.Count(more.n, "stage", "stages"), more.what)
			}
		}
		fmt.Fprintf(c.stdout, "; it has %s and %s in %s\n", wording.Count(n.Stages, "stage", "stages"), wording.Count(n.Rows, "dependency", "dependencies"), wording.Count(n.Parts, "part", "parts"))
	}
}

// nightsOf lists the reports with their dates. Nothing is exported if one has none.
func (c *command) nightsOf(ctx context.Context, args []string, stated string) ([]ofNight, error) {
	var list []ofNight
	var undated []string
	err := c.eachSaved(ctx, args, func(s saved) error {
		r := ofNight{saved: s, origin: originOf(&s, stated)}
		if r.origin.Date == "" {
			// What is no report has no date because of that. It is read to the first one
			// that has none: nothing is exported then.
			if len(undated) == 0 {
				_, r.err = s.read(ctx)
			}
			if r.err == nil {
				undated = append(undated, s.name)
			}
		}
		list = append(list, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n := len(undated); n > 0 {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(", as have %d others", n-1)
		}
		return nil, usage(&hinted{fmt.Errorf("%s: the report has no date%s", undated[0], more),
			"write --date 2026-11-28, or have the reports of a night in a directory date=2026-11-28"})
	}
	return list, nil
}

// originOf returns the origin of a report by its path, and by its release.
func originOf(s *saved, stated string) fleet.Origin {
	o := fleet.Origin{Date: stated}
	elements := strings.Split(strings.TrimSuffix(s.place, ".json"), "/")
	dated := -1
	for i, e := range slices.Backward(elements) {
		e = strings.TrimPrefix(e, "date=")
		if t, err := time.Parse(time.DateOnly, e); err == nil && isDate(t.Unix()) {
			dated = i
			if stated == "" {
				o.Date = e
			}
			break
		}
	}
	last := len(elements) - 1
	if s.release != nil {
		if o.Date == "" {
			o.Date = s.release.Date.UTC().Format(time.DateOnly)
		}
		// The report of a release is called like that of any other.
		elements, last = elements[:last], last-1
		if last < 0 || elements[last] == ".." {
			abs, _ := filepath.Abs(filepath.Dir(s.place))
			o.Release = filepath.Base(abs)
		} else {
			o.Release = elements[last]
			elements = elements[:last]
		}
	}
	if dated >= 0 && dated < len(elements) {
		elements = slices.Delete(slices.Clone(elements), dated, dated+1)
	}
	o.Source, o.Release = validText(cmp.Or(strings.Join(elements, "/"), ".")), validText(o.Release)
	return o
}

// validText writes the bytes of a path that are not UTF-8 as escapes: rows could not
// have them, and two paths have to stay two.
func validText(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b strings.Builder
	for i, r := range path {
		if size := utf8.RuneLen(r); r == utf8.RuneError && !strings.HasPrefix(path[i:], string(r)) {
			fmt.Fprintf(&b, `\x%02x`, path[i])
		} else {
			b.WriteString(path[i : i+size])
		}
	}
	return b.String()
}

// prepareAll reads the reports and adds their rows, as many at the same time as there
// are processors. What is wrong with a report is kept with it; an error is one of the
// directory, or that of ctx.
func prepareAll(ctx context.Context, d *parts.Dir, list []ofNight) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan *ofNight)
	var workers sync.WaitGroup
	var large sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			e := exporter{d: d, large: &large}
			for r := range next {
				if err := e.prepare(ctx, r); err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		if list[i].err == nil {
			next <- &list[i]
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
