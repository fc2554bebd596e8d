package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/diff"
)

// questions are the sections of docs/fleet-questions.md with SQL.
func questions() []string {
	return []string{"holds", "first seen", "growth", "foreign origins", "weakest evidence", "expiring exceptions"}
}

// Dates of the questions.
const (
	questionNight = "2026-11-28"
	questionWeek  = "2026-11-22" // to questionNight
	earlierWeek   = "2026-10-23"
	earlierNight  = "2026-10-29"
	questionLast  = "2026-12-28" // thirty days after questionNight
	// questionPattern is what two of them look for.
	questionPattern = "pkg:deb/liblzma5@>=5.6,<5.6.2"
)

// TestFleetCondition checks that the conditions on the page are those that the command
// prints for the pattern beside them.
func TestFleetCondition(t *testing.T) {
	condition, stderr, code := inProcess(t, ".", []string{"find", questionPattern, "-o", "sql"}, nil)
	if code != exitPass {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	want := "-- depaudit find '" + questionPattern + "' -o sql\n" + condition
	if page := read(t, "docs/fleet-questions.md"); strings.Count(page, want) != 2 || strings.Count(page, "-- depaudit find") != 2 {
		t.Errorf("docs/fleet-questions.md does not have twice\n%s", want)
	}
}

// reader answers the questions from reports, in another way than SQL.
type reader struct {
	nights []*testNight
	// found are the hits and doubts of questionPattern by ID in the report of a night,
	// as "depaudit find" has them.
	found map[*testNight][]string
}

// readNights lets "depaudit find" search the reports in a directory.
func readNights(t *testing.T, dir string, nights []*testNight) *reader {
	t.Helper()
	out, stderr, code := inProcess(t, dir, []string{"find", questionPattern, "--in", reportsDir, "-o", "json"}, nil)
	if code != exitPass {
		t.Fatalf("find: exit %d\n%s", code, stderr)
	}
	var answer query.Find
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	r := &reader{nights, map[*testNight][]string{}}
	byName := map[string]*testNight{}
	for _, n := range nights {
		byName[n.path()+"#"+n.stage().Name] = n
	}
	for _, s := range answer.Subjects {
		n := byName[s.Name]
		if n == nil {
			t.Fatalf("find has %s", s.Name)
		}
		delete(byName, s.Name)
		for _, h := range s.Hits {
			r.found[n] = append(r.found[n], h.ID)
		}
	}
	if len(byName) > 0 {
		t.Fatalf("find did not read %d reports", len(byName))
	}
	return r
}

func (n *testNight) stage() *audit.Stage { return &n.report.Stages[0] }

// key is a stage in the answers: pipeline, name and source.
func (n *testNight) key() string {
	return n.report.Pipeline + "|" + n.stage().Name + "|" + reportsDir + "/" + n.source
}

// newest returns the newest report of each stage of some nights.
func (r *reader) newest(from, to string) map[string]*testNight {
	out := map[string]*testNight{}
	for _, n := range r.nights {
		if n.date >= from && n.date <= to && (out[n.key()] == nil || out[n.key()].date < n.date) {
			out[n.key()] = n
		}
	}
	return out
}

// values joins the values of a row; a nil pointer and "" are null.
func values(list ...any) string {
	out := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string:
			out[i] = cmp.Or(v, "-")
		case *int:
			out[i] = "-"
			if v != nil {
				out[i] = fmt.Sprint(*v)
			}
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(out, "|")
}

// counted returns the dependencies that have rows.
func countedIn(s *audit.Stage) []*audit.Dependency {
	var out []*audit.Dependency
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Provenance.Counted() {
			out = append(out, d)
		}
	}
	return out
}

func (r *reader) holds() (rows []string) {
	for key, n := range r.newest(questionWeek, questionNight) {
		for _, d := range countedIn(n.stage()) {
			if slices.Contains(r.found[n], d.ID) {
				rows = append(rows, values(key, n.date, "holds", d.ID, string(d.Provenance), d.Evidence, ""))
			}
		}
		if len(r.found[n]) == 0 && len(n.stage().Gaps) > 0 {
			rows = append(rows, values(key, n.date, "unsure", "", "", "", ""))
		}
	}
	return rows
}

func (r *reader) firstSeen() (rows []string) {
	byStage := map[string][]*testNight{}
	for _, n := range r.nights {
		byStage[n.key()] = append(byStage[n.key()], n)
	}
	for key, list := range byStage {
		slices.SortFunc(list, func(a, b *testNight) int { return strings.Compare(a.date, b.date) })
		first, last, count := -1, -1, 0
		for i, n := range list {
			if len(r.found[n]) > 0 {
				if first < 0 {
					first = i
				}
				last, count = i, count+1
			}
		}
		if first < 0 {
			continue
		}
		before, after, alike := "", "", ""
		for i := first - 1; i >= 0 && before == ""; i-- {
			if len(list[i].stage().Gaps) == 0 {
				before = list[i].date
				alike = fmt.Sprint(list[i].stage().Method == list[first].stage().Method)
			}
		}
		for i := last + 1; i < len(list) && after == ""; i++ {
			if len(list[i].stage().Gaps) == 0 {
				after = list[i].date
			}
		}
		rows = append(rows, values(key, before, list[first].date, alike, list[last].date, after, count))
	}
	return rows
}

// growth asks "depaudit history" about the two reports of each stage.
func (r *reader) growth(t *testing.T, dir string) (rows []string) {
	t.Helper()
	early, late := r.newest(earlierWeek, earlierNight), r.newest(questionWeek, questionNight)
	keys := maps.Clone(early)
	maps.Copy(keys, late)
	for key := range keys {
		a, b := early[key], late[key]
		var above *int
		if b != nil && b.stage().Growth.Known {
			n := len(b.stage().Growth.Added)
			above = &n
		}
		switch {
		case a == nil:
			rows = append(rows, values(key, "new", "", b.date, "", b.stage().Counts.Total, "", "", "", above))
			continue
		case b == nil:
			rows = append(rows, values(key, "gone", a.date, "", a.stage().Counts.Total, "", "", "", "", above))
			continue
		}
		out, stderr, code := inProcess(t, dir, []string{"history", a.path(), b.path(), "-o", "json"}, nil)
		if code != exitPass {
			t.Fatalf("history: exit %d\n%s", code, stderr)
		}
		var h query.History
		if err := json.Unmarshal([]byte(out), &h); err != nil {
			t.Fatal(err)
		}
		// Both have the name of the file, so that their order is that of their paths.
		s := h.Releases[1].Stages[0]
		answer, added, removed, changed := "compared", "", "", ""
		if len(a.stage().Gaps)+len(b.stage().Gaps) > 0 {
			answer = "incomplete"
		}
		if s.Change == nil {
			answer = "counted differently"
		} else {
			added, removed, changed = fmt.Sprint(s.Change.Added), fmt.Sprint(s.Change.Removed), fmt.Sprint(s.Change.Changed)
		}
		rows = append(rows, values(key, answer, a.date, b.date, h.Releases[0].Stages[0].Counts.Total, s.Counts.Total, added, removed, changed, above))
	}
	return rows
}

func (r *reader) foreignOrigins() (rows []string) {
	type holders map[string]bool
	by := map[string]holders{}
	for _, n := range r.newest(questionWeek, questionNight) {
		for _, d := range countedIn(n.stage()) {
			kind, source := "", ""
			if d.Install != nil {
				kind, source = string(d.Install.Kind), d.Install.URL
			}
			if !slices.Contains([]string{audit.EvidenceForeign, audit.EvidenceLocal}, d.Evidence) && (kind == "" || kind == string(sbom.InstallRegistry)) {
				continue
			}
			what := values(d.Type, d.Namespace, d.Name, d.Evidence, kind, source, d.Supplier)
			if by[what] == nil {
				by[what] = holders{}
			}
			by[what][n.report.Pipeline+"/"+n.stage().Name+" ("+reportsDir+"/"+n.source+")"] = true
		}
	}
	for what, h := range by {
		rows = append(rows, values(what, len(h), slices.Sorted(maps.Keys(h))[0]))
	}
	return rows
}

func (r *reader) weakestEvidence() (rows []string) {
	for key, n := range r.newest(questionWeek, questionNight) {
		kinds := map[audit.Provenance][]*audit.Dependency{}
		for _, d := range countedIn(n.stage()) {
			list := kinds[d.Provenance]
			if len(list) > 0 && d.Strength().Level() < list[0].Strength().Level() {
				list = nil
			}
			if len(list) == 0 || d.Strength().Level() == list[0].Strength().Level() {
				list = append(list, d)
			}
			kinds[d.Provenance] = list
		}
		for provenance, list := range kinds {
			example, evidence := list[0].ID, list[0].Evidence
			for _, d := range list {
				example, evidence = min(example, d.ID), min(evidence, d.Evidence)
			}
			rows = append(rows, values(key, n.stage().Critical, string(provenance), list[0].Strength().Level(), evidence, len(list), example))
		}
	}
	return rows
}

func (r *reader) expiringExceptions() (rows []string) {
	today, _ := time.Parse(time.DateOnly, questionNight)
	for key, n := range r.newest(questionWeek, questionNight) {
		for _, x := range n.stage().Exceptions {
			if x.Expires > questionLast {
				continue
			}
			day, _ := time.Parse(time.DateOnly, n.date)
			left := x.Left - int(today.Sub(day).Hours()/24) // the report counts from its own day
			rows = append(rows, values(x.Expires, left, x.Owner, x.Subject(), x.Reason, key, len(x.Dependencies), len(x.Paths)))
		}
	}
	return rows
}

// answers returns the rows of each question.
func (r *reader) answers(t *testing.T, dir string) map[string][]string {
	t.Helper()
	return map[string][]string{
		"holds": r.holds(), "first seen": r.firstSeen(), "growth": r.growth(t, dir),
		"foreign origins": r.foreignOrigins(), "weakest evidence": r.weakestEvidence(), "expiring exceptions": r.expiringExceptions(),
	}
}

// engine is what answers a question of docs/fleet-questions.md.
type engine interface {
	query(t *testing.T, sql string) duckAnswer
}

// sqlite is Python's, by the example of docs/fleet-questions.md.
type sqlite struct{ file string }

func newSQLite(t *testing.T, export string) sqlite {
	t.Helper()
	db := sqlite{filepath.Join(t.TempDir(), "fleet.sqlite")}
	db.run(t, "", export, db.file)
	return db
}

func (db sqlite) run(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", append([]string{"docs/examples/fleet/sqlite.py"}, args...)...)
	var stderr strings.Builder
	cmd.Dir, cmd.Stdin, cmd.Stderr = "../..", strings.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sqlite.py: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// query returns a row for each line, with null as "" and true as "1".
func (db sqlite) query(t *testing.T, sql string) duckAnswer {
	t.Helper()
	start := time.Now()
	out := csv.NewReader(strings.NewReader(db.run(t, sql, db.file)))
	out.Comma = '\t'
	lines, err := out.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	a := duckAnswer{Columns: lines[0], MS: float64(time.Since(start).Milliseconds())}
	for _, line := range lines[1:] {
		row := make([]any, len(line))
		for i, v := range line {
			row[i] = v
			switch column := a.Columns[i]; {
			case v == "":
				row[i] = nil
			case column == "critical", column == "counted_alike":
				row[i] = v == "1"
			}
		}
		a.Rows = append(a.Rows, row)
	}
	return a
}

// ask asks each question and compares the rows with those of the reader.
func ask(t *testing.T, db engine, want map[string][]string) {
	t.Helper()
	for _, question := range questions() {
		a := db.query(t, fleetSQL(t, "question: "+question))
		var got []string
		for _, row := range a.Rows {
			list := make([]any, len(row))
			for i, v := range row {
				if v == nil {
					v = ""
				}
				list[i] = v
			}
			got = append(got, values(list...))
		}
		slices.Sort(got)
		rows := slices.Sorted(slices.Values(want[question]))
		t.Logf("%s: %d rows, %.0f ms", question, len(got), a.MS)
		if len(rows) < 5 {
			t.Errorf("%s: only %d rows are expected", question, len(rows))
		}
		if !slices.Equal(got, rows) {
			t.Errorf("%s: %s", question, firstDifference(strings.Join(got, "\n"), strings.Join(rows, "\n")))
		}
	}
}

// TestFleetQuestions asks the questions of docs/fleet-questions.md about a small fleet over
// thirty-six nights, and compares the answers with what the reports say.
func TestFleetQuestions(t *testing.T) {
	dir := t.TempDir()
	db := newDuckDB(t, dir)
	f := newTestFleet(t, questionNight, 37, 4)
	var nights []*testNight
	for i := range 36 {
		for night := range f.nights {
			// Some weeks are enough.
			if n := f.at(i, night); n != nil && (n.date <= earlierNight || n.date >= "2026-11-05" && n.date <= "2026-11-09" || n.date >= questionWeek) {
				n.write(t, dir)
				nights = append(nights, n)
			}
		}
	}
	if _, stderr, code := inProcess(t, dir, []string{"export", reportsDir, "-o", "ndjson=fleet"}, nil); code != exitPass {
		t.Fatalf("export: exit %d\n%s", code, stderr)
	}
	db.views(t)
	t.Logf("%d reports", len(nights))
	r := readNights(t, dir, nights)
	want := r.answers(t, dir)
	ask(t, db, want)
	ask(t, newSQLite(t, filepath.Join(dir, "fleet")), want)
	// A copy of reports at another path adds nothing.
	for _, n := range nights[:20] {
		writeFile(t, filepath.Join(dir, "copies", "date="+n.date, n.source+".json"), readFile(t, filepath.Join(dir, n.path())))
	}
	if _, stderr, code := inProcess(t, dir, []string{"export", "copies", "-o", "ndjson=fleet"}, nil); code != exitPass {
		t.Fatalf("export: exit %d\n%s", code, stderr)
	}
	ask(t, db, want)
	parquet(t, db, dir, want)
	// Every case that is said to be hard is there.
	for _, c := range []struct{ question, row string }{
		{"holds", `\|unsure\|`}, {"holds", `2026-11-2[2-7]\|holds`}, {"holds", `~rc1`},
		{"first seen", `^[^|]*\|[^|]*\|[^|]*\|-\|`}, {"first seen", `\|true\|`}, {"first seen", `\|false\|`}, {"first seen", `\|-\|[0-9]+$`},
		{"growth", `\|new\|`}, {"growth", `\|gone\|`}, {"growth", `\|counted differently\|`}, {"growth", `\|incomplete\|`}, {"growth", `\|compared\|.*\|-$`}, {"growth", `\|compared\|.*\|[1-9]$`},
		{"foreign origins", `\|foreign\|`}, {"foreign origins", `\|local\|`}, {"foreign origins", `\|vcs\|`},
		{"weakest evidence", `\|true\|os\|10\|`}, {"weakest evidence", `\|unaccounted\|0\|`}, {"expiring exceptions", `^[^|]*\|-[1-9]`}, {"expiring exceptions", `^[^|]*\|[0-9]`},
	} {
		if !slices.ContainsFunc(want[c.question], regexp.MustCompile(c.row).MatchString) {
			t.Errorf("%s: no row has %s", c.question, c.row)
		}
	}
}

// parquet converts the export as docs/fleet-tables.md has it, and asks the questions again. A
// night that is converted twice has its rows once.
func parquet(t *testing.T, db *duckDB, dir string, want map[string][]string) {
	t.Helper()
	dates := map[string]bool{}
	for _, row := range db.query(t, "SELECT DISTINCT date FROM stage_night").Rows {
		dates[row[0].(string)] = true
	}
	for _, table := range []string{fleet.StageTable, fleet.DependencyTable} {
		if err := os.MkdirAll(filepath.Join(dir, "parquet", table), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	statement := fleetSQL(t, "parquet")
	for _, date := range append(slices.Sorted(maps.Keys(dates)), questionNight) {
		db.query(t, strings.ReplaceAll(statement, questionNight, date))
	}
	counts := "SELECT 'stages', count(*) FROM stage_night UNION ALL SELECT 'dependencies', count(*) FROM dependency"
	before := db.query(t, counts).Rows
	db.query(t, fleetSQL(t, "parquet views"))
	if after := db.query(t, counts).Rows; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("Parquet has %v, and the export %v", after, before)
	}
	ask(t, db, want)
}

// TestFleetNight asks the questions about one night of ten thousand stages.
func TestFleetNight(t *testing.T) {
	dir := os.Getenv("DEPAUDIT_E2E_FLEET") // keeps the export
	if dir == "" {
		dir = t.TempDir()
	}
	db := newDuckDB(t, dir)
	f := newTestFleet(t, questionNight, 37, 20)
	r := &reader{found: map[*testNight][]string{}}
	pattern, err := diff.ParsePattern(questionPattern)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for i := range 10_000 {
		n := f.at(i, f.nights-1)
		if n == nil {
			continue
		}
		n.write(t, dir)
		r.nights = append(r.nights, n)
		doc, _, err := n.stage().Document()
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range pattern.Find(doc).Hits {
			r.found[n] = append(r.found[n], h.ID)
		}
	}
	t.Logf("%d reports, made in %.1f s", len(r.nights), time.Since(start).Seconds())
	start = time.Now()
	if _, stderr, code := program(t, dir, "export", reportsDir, "-o", "ndjson=fleet"); code != exitPass {
		t.Fatalf("export: exit %d\n%s", code, stderr)
	}
	t.Logf("exported in %.1f s", time.Since(start).Seconds())
	db.views(t)
	t.Logf("dependencies: %v", db.query(t, "SELECT count(*), avg(total) FROM dependency, (SELECT avg(total) AS total FROM stage_night)").Rows)
	want := r.answers(t, dir)
	ask(t, db, want)
	parquet(t, db, dir, want)
}
