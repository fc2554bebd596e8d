package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
)

// A fleet for tests: stages over many nights, each of which varies one of CPython's
// release stages as a real audit has it. What is random depends on the names alone, so
// that a night is the same whichever others are made.
//
// Stages have the packages of their template but for a few, some of the docs stage, and
// versions that go up when the archive has a new one and the stage is built again. In
// some of them, and for some nights, liblzma5 is 5.6. A few stages miss a night, have
// gaps, are renamed, are counted by another method from a night on, have no baseline,
// packages from untrusted archives or from version control, or exceptions.
type testFleet struct {
	templates []audit.Stage // the usual one first
	pool      []audit.Dependency
	// last is the newest night, and nights is how many there are.
	last   time.Time
	nights int
	// updates are the nights in which the archive has a new version, by key.
	updates map[string][]int
	// rare is one of how many stages has a thing that not every stage has.
	rare int
}

// newTestFleet audits CPython's example.
func newTestFleet(t *testing.T, last string, nights, rare int) *testFleet {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	if _, stderr, code := inProcess(t, moduleRoot, []string{"audit", "-c", "testdata/cpython/example/depaudit.yaml", "-o", "json=" + file}, nil); code != exitPass {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	r, err := audit.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, last)
	if err != nil {
		t.Fatal(err)
	}
	f := &testFleet{last: day, nights: nights, rare: rare, updates: map[string][]int{}}
	for _, name := range []string{"build-source", "test-source", "build-docs"} {
		i := slices.IndexFunc(r.Stages, func(s audit.Stage) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("the report has no stage %q", name)
		}
		s := r.Stages[i]
		// What has no column.
		s.Relations, s.Findings, s.Remaining, s.Policy, s.Absent, s.Roots = nil, nil, nil, nil, nil, nil
		s.Dependencies = slices.DeleteFunc(s.Dependencies, func(d audit.Dependency) bool { return d.Provenance == audit.FromBundled })
		f.templates = append(f.templates, s)
	}
	f.pool = f.templates[2].Dependencies
	for _, s := range f.templates {
		for _, d := range s.Dependencies {
			if f.updates[d.Key] == nil {
				for n := range nights {
					if chance(60, d.Key, n, "new version") == 0 {
						f.updates[d.Key] = append(f.updates[d.Key], n)
					}
				}
			}
		}
	}
	return f
}

// chance is a number below n that depends on its words alone.
func chance(n int, words ...any) int {
	const prime = 1099511628211 // of FNV-1a
	x := uint64(14695981039346656037)
	for _, word := range words {
		switch word := word.(type) {
		case int:
			x = (x ^ uint64(word)) * prime
		case string:
			for i := range len(word) {
				x = (x ^ uint64(word[i])) * prime
			}
		}
		x = (x ^ 0xff) * prime
	}
	// Its last bytes are in the low bits alone.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return int(x % uint64(n))
}

// testNight is a report of a fleet.
type testNight struct {
	date   string // YYYY-MM-DD
	source string // the path of the report without its date
	report *audit.Report
}

// at returns the report of a stage in a night, counted from 0 to nights-1; nil if the
// stage has none.
func (f *testFleet) at(i, night int) *testNight {
	if chance(2*f.rare, i, night, "lost") == 0 {
		return nil
	}
	date := f.last.AddDate(0, 0, night-f.nights+1).Format(time.DateOnly)
	s := f.templates[[]int{0, 0, 0, 0, 0, 0, 1, 1, 1, 2}[i%10]]
	s.Critical = s.Critical || i%7 == 0
	s.Exceptions, s.Gaps = nil, []audit.Gap{}
	if i%f.rare == 1 && night > f.nights/3 {
		s.Method.Catalogers += ", another"
	}
	s.Growth = audit.Growth{Known: i%4 > 0, Baseline: s.Counts.Total}
	if !s.Growth.Known {
		s.Growth.Baseline = 0
	}
	s.Dependencies = f.dependencies(&s, i, night)
	s.Counts = audit.Counts{Excluded: s.Counts.Excluded}
	for _, d := range s.Dependencies {
		s.Counts.Count(d.Provenance)
	}
	s.Ecosystems = audit.CountEcosystems(s.Dependencies)
	if s.Growth.Known {
		for _, d := range s.Dependencies {
			if chance(100, i, d.Key, "above the baseline") == 0 {
				s.Growth.Added = append(s.Growth.Added, audit.GrowthGroup{ID: d.ID})
			}
		}
	}
	if chance(3*f.rare, i, night, "gap") == 0 {
		s.Gaps = []audit.Gap{{Gap: sbom.Gap{Kind: sbom.GapUnreadable, Path: "/srv", Detail: "permission denied"}}}
		s.Findings = []audit.Finding{{Rule: "gaps", Severity: audit.SeverityIncomplete, Message: "1 gap"}}
	}
	if i%5 == 0 {
		s.Exceptions = f.exceptions(&s, i, date)
	}
	s.Verdict = s.DeriveVerdict()
	s.Name = "build"
	if i%(2*f.rare) == 2 && night > f.nights/2 {
		s.Name = "build-renamed"
	}
	r := &audit.Report{Schema: audit.ReportSchema, Pipeline: fmt.Sprintf("p%05d", i), Rules: s.Method.Rules, Tool: audit.Tool{Name: "depaudit", Version: "(devel)", Catalogers: s.Method.Catalogers}, Stages: []audit.Stage{s}}
	r.Verdict = r.DeriveVerdict()
	return &testNight{date, fmt.Sprintf("team%02d/p%05d", i%23, i), r}
}

// dependencies returns those of a stage in a night.
func (f *testFleet) dependencies(s *audit.Stage, i, night int) []audit.Dependency {
	out := make([]audit.Dependency, 0, len(s.Dependencies)+40)
	has := make(map[string]bool, len(s.Dependencies))
	add := func(d audit.Dependency, share int, why string) {
		// Some leave, and come, in the course of the nights.
		moved := chance(40*f.nights, i, d.Key, "moved")
		if (chance(100, i, d.Key, why) < share) != (moved <= night) || has[d.ID] {
			f.vary(&d, i, night)
			if !has[d.ID] {
				has[d.ID] = true
				out = append(out, d)
			}
		}
	}
	for _, d := range s.Dependencies {
		add(d, 97, "of the template")
	}
	in := make(map[string]bool, len(s.Dependencies))
	for _, d := range s.Dependencies {
		in[d.Key] = true
	}
	for _, d := range f.pool {
		if !in[d.Key] && chance(30, i, d.Key, "candidate") == 0 {
			add(d, 80, "of the pool")
		}
	}
	slices.SortFunc(out, func(a, b audit.Dependency) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.ID, b.ID))
	})
	return out
}

// vary gives a dependency the version and the evidence of a stage in a night.
func (f *testFleet) vary(d *audit.Dependency, i, night int) {
	// The archive has a new version of a package now and then, and a stage gets it when
	// it is built again.
	built := night - chance(5, i, night/5, "built")
	revision, _ := slices.BinarySearch(f.updates[d.Key], built+1)
	version := d.Version
	switch {
	case d.Name == "liblzma5" && chance(f.rare, i, "5.6") == 0 && night >= f.nights/3+chance(4, i, "5.6 came") && night < 2*f.nights/3+chance(f.nights, i, "5.6 went"):
		version = []string{"5.6.0-0.2", "5.6.1-1", "5.6.1+really5.4.5-1", "5.6.1~rc1-1", "1:5.6.1-1"}[chance(5, i, "which 5.6")]
	case revision > 0 && d.Type == "pypi":
		version += fmt.Sprintf(".post%d", revision)
	case revision > 0:
		version += fmt.Sprintf("+u%d", revision)
	}
	if version != d.Version {
		if d.PURL != "" {
			d.PURL = strings.Replace(d.PURL, "@"+url.PathEscape(d.Version), "@"+url.PathEscape(version), 1)
		}
		d.Version = version
		d.ID = sbom.Identity(&d.Component)
	}
	switch {
	case d.Provenance == audit.FromOS && chance(400, i, d.Key, "origin") == 0:
		d.Evidence = []string{audit.EvidenceForeign, audit.EvidenceLocal}[i%2]
		d.Why = &audit.Reason{Code: "origin", Detail: "from https://apt.example.org"}
	case d.Provenance == audit.FromOS && chance(3, i, "no index") > 0:
		d.Evidence = "archive-signed"
	case d.Type == "pypi" && chance(200, i, d.Key, "vcs") == 0:
		d.Install = &sbom.Install{Kind: sbom.InstallVCS, URL: "https://git.example.org/" + d.Name}
	}
}

// exceptions returns exceptions of a stage, of which one excuses dependencies.
func (f *testFleet) exceptions(s *audit.Stage, i int, date string) []audit.ExceptionUse {
	day, _ := time.Parse(time.DateOnly, date)
	var out []audit.ExceptionUse
	for k := range 1 + i%3 {
		expires := f.last.AddDate(0, 0, chance(120, i, k, "expires")-30)
		x := audit.ExceptionUse{
			ConfiguredException: audit.ConfiguredException{
				PURL: fmt.Sprintf("pkg:deb/debian/x%d", k), Reason: fmt.Sprintf("reason %d", k), Owner: fmt.Sprintf("team%02d", i%23),
				Expires: expires.Format(time.DateOnly), File: "depaudit.yaml", Line: 10 + k,
			},
			Since: "2026-01-01", Left: int(expires.Sub(day).Hours() / 24), Expired: expires.Before(day), Excuses: []string{"not-pinned"},
		}
		if !x.Expired {
			x.Dependencies = []string{s.Dependencies[k].ID}
		}
		out = append(out, x)
	}
	return out
}

// reportsDir is the directory of the reports.
const reportsDir = "reports"

// path is that of the report, from which "depaudit export" gets its date.
func (n *testNight) path() string { return filepath.Join(reportsDir, "date="+n.date, n.source+".json") }

// write writes the report below a directory.
func (n *testNight) write(t *testing.T, dir string) {
	t.Helper()
	data, err := json.Marshal(n.report)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, n.path())
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, terminal.EscapeJSON(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestFleetNights checks that the fleet consists of valid reports, which do not depend
// on the ones that were made before.
func TestFleetNights(t *testing.T) {
	f := newTestFleet(t, "2026-11-28", 36, 20)
	dependencies, lost := 0, 0
	var first []byte
	for i := range 20 {
		n := f.at(i, 35)
		if n == nil {
			lost++
			continue
		}
		if err := n.report.Validate(); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		dependencies += n.report.Stages[0].Counts.Total
		if first == nil {
			first, _ = json.Marshal(n.report)
			again, err := json.Marshal(f.at(i, 35).report)
			if err != nil || string(first) != string(again) {
				t.Errorf("%d: two reports differ", i)
			}
		}
	}
	if dependencies < 20*100 || lost > 5 {
		t.Errorf("%d dependencies, %d lost", dependencies, lost)
	}
}
