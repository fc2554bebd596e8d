package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// testReport is a report as this package sees it: stages with numbers of dependencies.
type testReport struct {
	origin fleet.Origin
	stages map[string]int
}

// newReport makes a report, whose digest follows from a text.
func newReport(date, source, text string, stages map[string]int) testReport {
	sum := sha256.Sum256([]byte(text))
	return testReport{fleet.Origin{Date: date, Source: source, SHA256: hex.EncodeToString(sum[:])}, stages}
}

// write writes the rows of a report.
func (r *testReport) write(t *testing.T, to fleet.Sink) {
	t.Helper()
	line := func(row any) []byte {
		data, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		return append(data, '\n')
	}
	o := r.origin
	for _, name := range slices.Sorted(maps.Keys(r.stages)) {
		n := r.stages[name]
		err := to.Stage("p", name, line(&fleet.StageNight{Date: o.Date, Pipeline: "p", Stage: name, Source: o.Source, ReportSHA256: o.SHA256, Total: n}))
		for i := range n {
			err = errors.Join(err, to.Dependency(line(&fleet.Dependency{Date: o.Date, Pipeline: "p", Stage: name, Source: o.Source, ReportSHA256: o.SHA256, ID: fmt.Sprint(i)})))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(t.Context(), dir, "v1.0.0", func() { t.Error("locked") }, func() { t.Error("no locks") })
	if err != nil {
		t.Fatal(err)
	}
	d.maxRows = fewRows
	return d
}

// fewRows is the largest number of rows of a part in these tests.
const fewRows = 200

// export exports reports as the command does.
func export(t *testing.T, dir string, reports ...testReport) []Night {
	t.Helper()
	d := open(t, dir)
	defer d.Close()
	var origins []fleet.Origin
	for _, r := range reports {
		add(t, d, r)
		origins = append(origins, r.origin)
	}
	nights, err := d.Commit(t.Context(), origins)
	if err != nil {
		t.Fatal(err)
	}
	return nights
}

func add(t *testing.T, d *Dir, r testReport) {
	t.Helper()
	has, err := d.Has(r.origin)
	if err == nil && !has {
		draft := d.Draft(r.origin)
		r.write(t, draft)
		err = draft.Add()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tree returns the files of a directory by their path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: files\n%q\nwant\n%q", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// read returns the stages of a date with the number of their dependencies, by another
// way than this package: every file with the name of a part, read as a reader does.
func read(t *testing.T, dir, date string) map[string]int {
	t.Helper()
	out := map[string]int{}
	each := func(table string, f func(k stageKey)) {
		paths, _ := filepath.Glob(filepath.Join(dir, table, "v1", "date="+date, "*.ndjson.gz"))
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			d := json.NewDecoder(z)
			for d.More() {
				var k stageKey
				if err := d.Decode(&k); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				f(k)
			}
		}
	}
	name := func(k stageKey) string { return k.Source + " " + k.Stage + " " + k.SHA256[:8] }
	totals := map[string]int{}
	each("stage_night", func(k stageKey) {
		if _, twice := totals[name(k)]; twice {
			t.Errorf("stage %s is there twice", name(k))
		}
		totals[name(k)], out[name(k)] = k.Total, 0
	})
	each("dependency", func(k stageKey) {
		if _, ok := out[name(k)]; !ok {
			t.Errorf("dependency of no stage: %s", name(k))
		}
		out[name(k)]++
	})
	if !maps.Equal(out, totals) {
		t.Errorf("stages have dependencies\n%v\nand in their own rows\n%v", out, totals)
	}
	return out
}

const date = "2026-11-28"

// TestOrder exports the same reports in several orders and numbers of runs, with
// copies and with reports that are replaced later: the files are the same.
func TestOrder(t *testing.T) {
	var final []testReport
	for i := range 60 {
		final = append(final, newReport(date, fmt.Sprintf("s%d", i), fmt.Sprint(i), map[string]int{"build": i % 20, "test": i % 3}))
	}
	want := t.TempDir()
	export(t, want, final...)
	all := tree(t, want)
	if n := len(all); n < 2*10 {
		t.Fatalf("%d files: this is no test of many parts", n)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2 {
		dir := t.TempDir()
		left := slices.Clone(final)
		random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		for len(left) > 0 {
			n := min(1+random.IntN(30), len(left))
			now := slices.Clone(left[:n])
			left = left[n:]
			for i := range now {
				switch random.IntN(4) {
				case 0: // it is made again later
					old := newReport(date, now[i].origin.Source, fmt.Sprint("old", i, round), map[string]int{"build": 5, "test": 0})
					left = append(left, now[i])
					now[i] = old
				case 1: // and there is a copy of it
					c := now[i]
					c.origin.Source = "z/" + c.origin.Source
					now = append(now, c)
				}
			}
			export(t, dir, now...)
		}
		same(t, fmt.Sprintf("round %d", round), tree(t, dir), all)
	}
	stages := read(t, want, date)
	if len(stages) != 120 {
		t.Errorf("%d stages", len(stages))
	}
}

// TestCopies exports reports with copies in one run, in several orders: the files are
// the same. A later run with a copy at a lesser source leaves them.
func TestCopies(t *testing.T) {
	stages := map[string]int{"build": 3, "test": 0}
	var reports []testReport
	for i := range 20 {
		for _, source := range []string{"m", "a", "z"}[:1+i%3] {
			reports = append(reports, newReport(date, fmt.Sprint(source, i), fmt.Sprint(i), stages))
		}
	}
	want := t.TempDir()
	export(t, want, reports...)
	all := tree(t, want)
	names := read(t, want, date)
	for i := range 20 {
		source := []string{"m", "a", "a"}[i%3]
		for _, stage := range []string{"build", "test"} {
			name := fmt.Sprintf("%s%d %s %s", source, i, stage, newReport(date, "", fmt.Sprint(i), nil).origin.SHA256[:8])
			if _, ok := names[name]; !ok {
				t.Errorf("no rows of %s", name)
			}
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 4 {
		dir := t.TempDir()
		random.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		if got := export(t, dir, reports...)[0]; got.Added != 40 || got.Present != 2*len(reports)-40 || got.Dependencies != 60 {
			t.Errorf("round %d: %+v", round, got)
		}
		same(t, fmt.Sprintf("round %d", round), tree(t, dir), all)
	}
	if got := export(t, want, newReport(date, "0", "0", stages))[0]; got.Present != 2 || got.Added != 0 {
		t.Errorf("a copy in a later run: %+v", got)
	}
	same(t, "a copy in a later run", tree(t, want), all)
}

// TestPartsAreBounded counts the rows of parts.
func TestPartsAreBounded(t *testing.T) {
	dir := t.TempDir()
	var reports []testReport
	for i := range 80 {
		reports = append(reports, newReport(date, fmt.Sprint(i), fmt.Sprint(i), map[string]int{"a": fewRows / 20}))
	}
	reports = append(reports, newReport(date, "large", "large", map[string]int{"a": fewRows + 1}))
	nights := export(t, dir, reports...)
	n, err := readNight(dir, date)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range n.parts {
		rows := 0
		for _, u := range p.units {
			rows += u.rows
		}
		if rows > fewRows && len(p.units) > 1 || rows == 0 {
			t.Errorf("part %q has %d rows of %d stages", p.prefix, rows, len(p.units))
		}
	}
	if got := nights[0]; got.Stages != 81 || got.Parts != len(n.parts) || got.Rows != 80*(fewRows/20)+fewRows+1 {
		t.Errorf("%+v", got)
	}
}

// TestNights counts what a commit did.
func TestNights(t *testing.T) {
	dir := t.TempDir()
	a := newReport(date, "a", "a", map[string]int{"build": 3, "test": 0})
	export(t, dir, a)
	again := newReport(date, "a", "a2", map[string]int{"build": 4})
	copied := newReport(date, "copy", "a", a.stages)
	other := newReport("2026-11-29", "a", "a", a.stages)
	got := export(t, dir, again, copied, other)
	// The copy has the rows of both stages: the report at "a" is another one now.
	want := []Night{
		{Date: date, Added: 1, Replaced: 1, Dependencies: 7, Present: 1, Stages: 3, Rows: 7, Parts: 1},
		{Date: "2026-11-29", Added: 2, Dependencies: 3, Stages: 2, Rows: 3, Parts: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	key := func(r testReport, source, stage string) string {
		return source + " " + stage + " " + r.origin.SHA256[:8]
	}
	if got, want := read(t, dir, date), (map[string]int{key(again, "a", "build"): 4, key(a, "copy", "build"): 3, key(a, "a", "test"): 0}); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	// Of two reports of one source the last one counts, whatever is there.
	dir = t.TempDir()
	if got := export(t, dir, a, again)[0]; got.Superseded != 1 || got.Stages != 2 || got.Rows != 4 {
		t.Errorf("%+v", got)
	}
	// The first one comes back with its stages.
	if got := export(t, dir, a)[0]; got.Replaced != 1 || got.Present != 1 || got.Rows != 3 {
		t.Errorf("%+v", got)
	}
}

// TestSpoolEnds cuts the spool off at every byte, as a killed process and a full disk
// do, and changes each: what was prepared whole is used, and the files are the same.
func TestSpoolEnds(t *testing.T) {
	reports := []testReport{
		newReport(date, "a", "a", map[string]int{"build": 3, "test": 0}),
		newReport(date, "b", "b", map[string]int{"build": 2}),
	}
	dir := t.TempDir()
	export(t, dir, reports...)
	want := tree(t, dir)

	d := open(t, t.TempDir())
	var ends []int64
	for _, r := range reports {
		add(t, d, r)
		ends = append(ends, d.spool.end)
	}
	d.Close()
	spool, err := os.ReadFile(d.state(spoolFile))
	if err != nil {
		t.Fatal(err)
	}
	cut := t.TempDir()
	left := map[string]bool{}
	check := func(content []byte, prepared int) {
		t.Helper()
		path := filepath.Join(cut, spoolFile)
		os.Remove(path) // ext4 writes what replaces another content to the disk at once
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := openSpool(path, formatOf("v1.0.0"))
		if err != nil {
			t.Fatal(err)
		}
		got := len(s.entries)
		s.close()
		if got != prepared {
			t.Errorf("%d of %d bytes: %d reports are prepared, want %d", len(content), len(spool), got, prepared)
		}
		// Opening cut off what was not whole: the rest is the same for many.
		rest, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if left[string(rest)] {
			return
		}
		left[string(rest)] = true
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(dir, stateDir), 0o777), os.Rename(path, filepath.Join(dir, stateDir, spoolFile))); err != nil {
			t.Fatal(err)
		}
		export(t, dir, reports...)
		same(t, fmt.Sprintf("%d bytes", len(content)), tree(t, dir), want)
	}
	for n := range len(spool) + 1 {
		prepared := 0
		for _, end := range ends {
			if int64(n) >= end {
				prepared++
			}
		}
		check(spool[:n], prepared)
	}
	for _, i := range []int64{0, ends[0] - 1, ends[0], ends[0] + 9, ends[1] - 1} {
		changed := slices.Clone(spool)
		changed[i] ^= 1
		prepared := 1
		if i < ends[0] {
			prepared = 0
		}
		check(changed, prepared)
	}
	// Rows of another version are not used.
	d, err = Open(t.Context(), d.path, "v2.0.0", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if len(d.spool.entries) != 0 {
		t.Error("the spool of another version is used")
	}
}

// TestJournal stops a commit after each of its steps. No stage is twice in the files at
// any time, and the next process completes it before anything else.
func TestJournal(t *testing.T) {
	var first, more []testReport
	for i := range 12 {
		r := newReport(date, fmt.Sprint(i), fmt.Sprint(i), map[string]int{"a": 20})
		if i < 8 {
			first = append(first, r)
		} else {
			more = append(more, r)
		}
	}
	more[0].origin.Source = "0" // which it replaces
	before := t.TempDir()
	export(t, before, first...)
	dir := t.TempDir()
	export(t, dir, first...)
	if len(tree(t, dir)) != 3 {
		t.Fatal("there is more than one part")
	}
	export(t, dir, more...)
	want := tree(t, dir)
	n := len(read(t, dir, date))
	if n != 11 {
		t.Fatalf("%d stages", n)
	}

	for stop := 0; ; stop++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
			t.Fatal(err)
		}
		d := open(t, dir)
		var j journal
		prepared := 0
		for _, r := range more {
			add(t, d, r)
		}
		var origins []fleet.Origin
		for _, r := range more {
			origins = append(origins, r.origin)
		}
		night, err := d.night(date)
		if err != nil {
			t.Fatal(err)
		}
		target, done, err := d.target(night, origins)
		if err != nil {
			t.Fatal(err)
		}
		if j.Steps, err = d.prepare(t.Context(), night, target, &done, &prepared); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(&j)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.state(journalFile), data, 0o666); err != nil {
			t.Fatal(err)
		}
		if stop > len(j.Steps) {
			d.Close()
			break
		}
		// As apply does, as far as it came.
		part := journal{j.Steps[:stop]}
		if err := d.apply(&part); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.state(journalFile), data, 0o666); err != nil {
			t.Fatal(err)
		}
		d.Close()
		seen := map[string]bool{}
		paths, _ := filepath.Glob(filepath.Join(dir, "stage_night", "v1", "*", "*.ndjson.gz"))
		for _, path := range paths {
			err := eachLine(path, func(line []byte) error {
				u, err := unitOf(line, date, "")
				if seen[u.sha] {
					t.Errorf("after %d steps a stage is twice in the files", stop)
				}
				seen[u.sha] = true
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		d = open(t, dir)
		d.Close()
		if got := len(read(t, dir, date)); got != n {
			t.Fatalf("after %d steps and a recovery there are %d stages", stop, got)
		}
		export(t, dir, more...)
		same(t, fmt.Sprintf("after %d steps", stop), tree(t, dir), want)
	}
}

// TestJournalOfStrangers does no step that leads out of the tables.
func TestJournalOfStrangers(t *testing.T) {
	for _, s := range []step{
		{Remove: "../precious"}, {Remove: "stage_night/v1/date=2026-11-28/notes"}, {Remove: "stage_night/v1/date=2026-11-28/../../../x/part-all.ndjson.gz"},
		{From: "../../precious", To: "stage_night/v1/date=2026-11-28/part-all.ndjson.gz"}, {From: "lock", To: "stage_night/v1/date=2026-11-28/part-all.ndjson.gz"},
	} {
		dir := t.TempDir()
		open(t, dir).Close()
		data, _ := json.Marshal(journal{[]step{s}})
		if err := os.WriteFile(filepath.Join(dir, stateDir, journalFile), data, 0o666); err != nil {
			t.Fatal(err)
		}
		if d, err := Open(t.Context(), dir, "v1.0.0", nil, nil); err == nil || !strings.Contains(err.Error(), "a step is of the path") {
			d.Close()
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestJournalTwofold refuses a journal that another reader reads in another way.
func TestJournalTwofold(t *testing.T) {
	for text, want := range map[string]string{
		`{"steps": []}`:                "",
		`{"steps": null, "steps": []}`: "line 1, column 17: the key \"steps\" is in one object twice",
		`{"Steps": []}`:                "line 1, column 2: the key \"Steps\" is not \"steps\"",
		`{"steps": [{"remove": "a", "\u0072emove": ""}]}`: "line 1, column 28: the key \"remove\" is in one object twice",
		`{"steps": [{"later": ""}]}`:                      "line 1, column 13: unknown field \"later\"",
	} {
		dir := t.TempDir()
		open(t, dir).Close()
		if err := os.WriteFile(filepath.Join(dir, stateDir, journalFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), dir, "v1.0.0", nil, nil)
		if err == nil {
			d.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestLinksOfStrangers has links and pipes in the place of what is not finished, as
// another user of the directory could put them there. None is followed or waited for.
func TestLinksOfStrangers(t *testing.T) {
	a := newReport(date, "a", "a", map[string]int{"build": 3})
	for _, name := range []string{lockFile, spoolFile, journalFile, preparedPrefix + "1", preparedPrefix + "2", "."} {
		dir := t.TempDir()
		elsewhere := filepath.Join(t.TempDir(), "precious")
		state := filepath.Join(dir, stateDir)
		if name == "." { // the state directory itself
			if err := errors.Join(os.Mkdir(elsewhere, 0o777), os.Symlink(elsewhere, state)); err != nil {
				t.Fatal(err)
			}
		} else if err := errors.Join(os.Mkdir(state, 0o777), os.WriteFile(elsewhere, []byte("precious"), 0o666), os.Symlink(elsewhere, filepath.Join(state, name))); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), dir, "v1.0.0", nil, nil)
		if strings.HasPrefix(name, preparedPrefix) {
			if err != nil {
				t.Fatal(err)
			}
			d.Close()
			export(t, dir, a)
		} else if err == nil || !strings.Contains(err.Error(), "depaudit export did not make") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "." {
			if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
				t.Errorf("%s: %v, %v", name, entries, err)
			}
		} else if data, err := os.ReadFile(elsewhere); err != nil || string(data) != "precious" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

// TestDates has dates that no path of a part can have: nothing is written, and the
// directory can be used afterwards.
func TestDates(t *testing.T) {
	for _, bad := range []string{"10000-01-01", "../../x", "2026-11-28/..", ""} {
		dir := t.TempDir()
		before := newReport(date, "a", "a", map[string]int{"build": 3})
		export(t, dir, before)
		want := tree(t, dir)
		r := newReport(bad, "b", "b", map[string]int{"build": 2})
		d := open(t, dir)
		add(t, d, r)
		if _, err := d.Commit(t.Context(), []fleet.Origin{r.origin}); err == nil {
			t.Errorf("%q: no error", bad)
		}
		d.Close()
		same(t, bad, tree(t, dir), want)
		export(t, dir, before, newReport(date, "c", "c", map[string]int{"build": 2}))
	}
}

// TestForeign has files with the names of parts that are none.
func TestForeign(t *testing.T) {
	a := newReport(date, "a", "a", map[string]int{"build": 3})
	b := newReport(date, "b", "b", map[string]int{"build": 2})
	for name, change := range map[string]func(stages, dependencies string) error{
		"no dependencies": func(_, d string) error { return os.Remove(d) },
		"no stages":       func(s, _ string) error { return os.Remove(s) },
		"cut":             func(_, d string) error { return os.Truncate(d, 40) },
		"empty":           func(s, _ string) error { return os.Truncate(s, 0) },
		"exchanged":       func(s, d string) error { return os.Rename(s, d) },
		"a link":          func(s, d string) error { return errors.Join(os.Remove(d), os.Symlink(s, d)) },
		"another prefix":  func(s, _ string) error { return os.Rename(s, filepath.Join(filepath.Dir(s), "part-0.ndjson.gz")) },
	} {
		dir := t.TempDir()
		export(t, dir, a)
		if err := change(filepath.Join(dir, tableDir(fleet.StageTable, date), "part-all.ndjson.gz"), filepath.Join(dir, tableDir(fleet.DependencyTable, date), "part-all.ndjson.gz")); err != nil {
			t.Fatal(err)
		}
		before := tree(t, dir)
		d := open(t, dir)
		var err error
		if _, err = d.Has(b.origin); err == nil {
			draft := d.Draft(b.origin)
			b.write(t, draft)
			if err = draft.Add(); err == nil {
				_, err = d.Commit(t.Context(), []fleet.Origin{b.origin})
			}
		}
		d.Close()
		if f, ok := errors.AsType[*ForeignError](err); !ok || !strings.HasPrefix(f.Path, dir) {
			t.Errorf("%s: %v", name, err)
		}
		os.Remove(filepath.Join(dir, stateDir, spoolFile))
		same(t, name, tree(t, dir), before)
	}
}

// TestLock lets a second process wait, and ends the wait of a canceled one.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	waits := make(chan bool, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := Open(ctx, dir, "v1.0.0", func() { waits <- true }, nil)
		ended <- err
	}()
	<-waits
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() {
		second, err := Open(t.Context(), dir, "v1.0.0", func() { waits <- true }, nil)
		if err == nil {
			second.Close()
		}
		ended <- err
	}()
	<-waits
	d.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(timetest.Patience):
		t.Error("the lock is not released")
	}
}

// TestConcurrent adds reports at the same time, as the command does.
func TestConcurrent(t *testing.T) {
	var reports []testReport
	for i := range 40 {
		reports = append(reports, newReport(date, fmt.Sprint(i), fmt.Sprint(i), map[string]int{"a": i, "b": 3}))
	}
	want := t.TempDir()
	export(t, want, reports...)
	dir := t.TempDir()
	export(t, dir, reports[7])
	d := open(t, dir)
	defer d.Close()
	var origins []fleet.Origin
	var all sync.WaitGroup
	for _, r := range reports {
		origins = append(origins, r.origin)
		all.Go(func() { add(t, d, r) })
	}
	all.Wait()
	if _, err := d.Commit(t.Context(), origins); err != nil {
		t.Fatal(err)
	}
	same(t, "at the same time", tree(t, dir), tree(t, want))
}

// FuzzSpool reads a spool of any bytes: what it finds there can be read.
func FuzzSpool(f *testing.F) {
	r := newReport(date, "a", "a", map[string]int{"build": 1, "test": 0})
	d, err := Open(f.Context(), f.TempDir(), "", nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	draft := d.Draft(r.origin)
	err = errors.Join(draft.Stage("p", "build", []byte("{}\n")), draft.Stage("p", "test", []byte("{}\n")), draft.Dependency([]byte("{}\n")), draft.Add())
	data, read := os.ReadFile(d.state(spoolFile))
	if err = errors.Join(err, read); err != nil {
		f.Fatal(err)
	}
	_, data, _ = bytes.Cut(data, []byte("\n"))
	f.Add(data, false)
	f.Add([]byte(`{"origin":{},"stages":[{"line":-1,"member":3},{"line":9}]}`), true)
	const format = "format"
	f.Fuzz(func(t *testing.T, data []byte, header bool) {
		if header { // with lengths and a checksum that are right
			head := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
			data = append(append(binary.LittleEndian.AppendUint32(head, 2), data...), "xy"...)
			data = binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
		}
		path := filepath.Join(t.TempDir(), "spool")
		if err := os.WriteFile(path, append([]byte(format+"\n"), data...), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := openSpool(path, format)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		for _, e := range s.entries {
			for _, stage := range e.Stages {
				_, member, err := s.content(e, stage.Stage)
				if err == nil {
					_, err = io.Copy(io.Discard, member)
				}
				if err != nil {
					t.Errorf("%+v: %v", stage, err)
				}
			}
		}
	})
}

// TestLargeDraft adds rows that do not fit into memory beside those of another report.
// What a killed process left of such is removed.
func TestLargeDraft(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	defer d.Close()
	noise := rand.NewChaCha8([32]byte{13})
	large := newReport(date, "a", "a", map[string]int{"build": 0})
	draft := d.Draft(large.origin)
	row := make([]byte, 1<<20) // bytes that cannot be compressed
	var rows bytes.Buffer
	if err := draft.Stage("p", "build", []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	for range 2*maxBuffered>>20 + 2 {
		_, _ = noise.Read(row)
		rows.Write(row)
		if err := draft.Dependency(row); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, stateDir, preparedPrefix+"*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of drafts: %q, %v", files, err)
	}
	// Another process that opens the directory after this one was killed.
	if err := os.WriteFile(files[0]+"1", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	discarded := d.Draft(newReport(date, "c", "c", nil).origin)
	if err := errors.Join(discarded.Stage("p", "build", row), discarded.Dependency(row)); err != nil {
		t.Fatal(err)
	}
	discarded.Discard()
	add(t, d, newReport(date, "b", "b", map[string]int{"build": 3}))
	if err := draft.Add(); err != nil {
		t.Fatal(err)
	}
	add(t, d, newReport(date, "d", "d", map[string]int{"build": 2}))
	d.Close()
	d = open(t, dir)
	if files, _ := filepath.Glob(filepath.Join(dir, stateDir, preparedPrefix+"*")); len(files) > 0 {
		t.Errorf("left: %q", files)
	}
	if len(d.spool.entries) != 3 {
		t.Fatalf("%d reports are prepared", len(d.spool.entries))
	}
	line, member, err := d.spool.content(d.spool.entries[large.origin], "build")
	if err != nil || string(line) != "{}\n" {
		t.Fatalf("%q, %v", line, err)
	}
	z, err := gzip.NewReader(member)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, rows.Bytes()) {
		t.Errorf("%d bytes and not %d, %v", len(got), rows.Len(), err)
	}
}
