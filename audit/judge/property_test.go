package judge

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// randomStage is an environment of a few of all kinds of components, with
// edges, and a lock that pins some of them.
func randomStage(t *testing.T, rng *rand.Rand) (sbom.Document, []*lockcheck.Lock) {
	t.Helper()
	d := sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}, Catalogers: "c"}
	for i := range 3 + rng.IntN(12) {
		d.Components = append(d.Components, randomComponent(rng, fmt.Sprint("n", i)))
	}
	for i := range d.Components {
		if i > 0 && rng.IntN(5) == 0 {
			d.Components[i].Owner = sbom.Identity(&d.Components[rng.IntN(i)])
		}
		if j := rng.IntN(len(d.Components)); rng.IntN(2) == 0 {
			d.Relations = append(d.Relations, sbom.Relation{From: sbom.Identity(&d.Components[i]), To: sbom.Identity(&d.Components[j]), Kind: sbom.RelDepends})
		}
	}
	var text strings.Builder
	for _, c := range d.Components {
		if c.Type == "pypi" && rng.IntN(3) > 0 {
			fmt.Fprintf(&text, "%s==%s --hash=sha256:%064d\n", c.Name, c.Version, 1)
		}
	}
	if text.Len() == 0 {
		return d, nil
	}
	path := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	lock, err := lockcheck.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	lock.Path = "requirements.txt"
	return d, []*lockcheck.Lock{lock}
}

func randomComponent(rng *rand.Rand, name string) sbom.Component {
	switch rng.IntN(5) {
	case 0, 1:
		return osPackage(name, "1", []string{"explicit", "dependency", "essential", "foreign"}[rng.IntN(4)])
	case 2:
		return sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: name, PURL: "pkg:generic/" + name, Paths: []string{"/opt/" + name}}
	}
	return langPackage("pypi/"+name+"@1.0", "")
}

func mustNew(t *testing.T, d sbom.Document) *sbom.Document {
	t.Helper()
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestProperties checks the promises about reports with random stages.
func TestProperties(t *testing.T) {
	one := 1
	c := &config.Config{File: "depaudit.yaml", Pipeline: "p", Exceptions: []config.Exception{{PURL: "pkg:pypi/n1", Reason: "r", Owner: "o", Expires: "2030-01-01"}},
		Stages: []config.Stage{
			{Name: "b", Environment: "dir:x", Critical: true, Minimum: &one, FirstParty: []config.FirstParty{{Name: "n0"}}},
			{Name: "a", Environment: "dir:x", Minimum: &one},
		}}
	schema := compileSchema(t, "report.schema.json")
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var inputs []Input
		var docs []sbom.Document
		for _, s := range c.Stages {
			d, locks := randomStage(t, rng)
			docs = append(docs, d)
			inputs = append(inputs, Input{Stage: s, Document: mustNew(t, d), Locks: locks})
		}
		var base *baseline.Baseline
		for _, s := range Pipeline(c, inputs, nil, audit.Tool{}, today).Stages {
			next, err := base.With(s, "")
			if err != nil {
				continue // nothing but what is the project's own
			}
			base = next
		}
		r := Pipeline(c, inputs, base, audit.Tool{}, today)
		if err := r.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		checkSums(t, r)
		data := marshal(t, r)
		validate(t, schema, data)
		for _, s := range r.Stages {
			if g := s.Growth; base != nil && base.Stages[s.Name] != nil && len(g.Added)+len(g.Removed)+len(g.Changed)+len(g.Weaker) > 0 {
				t.Fatalf("seed %d: differs from the baseline that was made of it: %+v", seed, g)
			}
		}
		slices.Reverse(inputs)
		for i := range inputs {
			slices.Reverse(inputs[i].Locks)
		}
		if again := marshal(t, Pipeline(c, inputs, base, audit.Tool{}, today)); !bytes.Equal(data, again) {
			t.Fatalf("seed %d: the order of inputs matters\n%s", seed, cmp.Diff(string(data), string(again)))
		}
		slices.Reverse(inputs)

		// One more component: never better, and growth where it counts.
		more := docs[0]
		extra := randomComponent(rng, "extra")
		more.Components = append(slices.Clone(more.Components), extra)
		grown := slices.Clone(inputs)
		grown[0].Document = mustNew(t, more)
		worse := Pipeline(c, grown, base, audit.Tool{}, today)
		if r.Verdict == audit.Fail && worse.Verdict != audit.Fail {
			t.Fatalf("seed %d: fails, and with one more component is %s", seed, worse.Verdict)
		}
		if base != nil && base.Stages["b"] != nil {
			if worse.Verdict != audit.Fail || !slices.Contains(worse.Stages[0].Growth.IDs(), sbom.Identity(&extra)) {
				t.Fatalf("seed %d: a new component is no growth: %+v", seed, worse.Stages[0].Growth)
			}
		}
	}
}

// TestGroupingIsComplete: each new dependency is in exactly one group, and a
// large graph in which everything needs everything near it takes no time.
func TestGroupingIsComplete(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 10_000
	d := sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}}
	for i := range n {
		asked := "dependency"
		if i%100 == 0 {
			asked = "explicit"
		}
		d.Components = append(d.Components, osPackage(fmt.Sprint("p", i), "1", asked))
	}
	for i := range n {
		for range 10 {
			d.Relations = append(d.Relations, sbom.Relation{From: sbom.Identity(&d.Components[i]), To: sbom.Identity(&d.Components[rng.IntN(n)]), Kind: sbom.RelDepends})
		}
	}
	c := &config.Config{Stages: []config.Stage{{Name: "s"}}}
	base := &baseline.Baseline{Stages: map[string]*baseline.Stage{"s": {Method: audit.Method{Rules: sbom.Rules}}}}
	document := mustNew(t, d)
	var r *audit.Report
	// Some 0.5 s; quadratic time would be minutes.
	timetest.Work(t, 20*time.Second, func() {
		r = Pipeline(c, []Input{{Stage: c.Stages[0], Document: document}}, base, audit.Tool{}, today)
	})
	seen := map[string]int{}
	for _, g := range r.Stages[0].Growth.Added {
		seen[g.ID]++
		for _, id := range g.Introduces {
			seen[id]++
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d new dependencies are in a group", len(seen), n)
	}
	for id, times := range seen {
		if times != 1 {
			t.Fatalf("%s is in %d groups", id, times)
		}
	}
}

// TestGroupsLeaveWithTheirHeads removes heads from random stages and checks that
// the dependencies that a head introduces are no longer reached, and that a
// shared group is reached until the last of its heads is removed. An orphan
// counts as removed if the head is explicit.
func TestGroupsLeaveWithTheirHeads(t *testing.T) {
	brought, common := 0, 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		d := sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}}
		n := 2 + rng.IntN(30)
		for i := range n {
			d.Components = append(d.Components, osPackage(fmt.Sprint("p", i), "1", []string{"dependency", "dependency", "dependency", "explicit"}[rng.IntN(4)]))
		}
		for range rng.IntN(2 * n) {
			d.Relations = append(d.Relations, sbom.Relation{From: sbom.Identity(&d.Components[rng.IntN(n)]), To: sbom.Identity(&d.Components[rng.IntN(n)]),
				Kind: []sbom.RelationKind{sbom.RelDepends, sbom.RelRecommends, sbom.RelSuggests}[rng.IntN(3)]})
		}
		// Something that is only recommended: the stage was made with
		// recommendations.
		recommending, recommended := osPackage("recommending", "1", "explicit"), osPackage("recommended", "1", "dependency")
		d.Components = append(d.Components, recommending, recommended)
		d.Relations = append(d.Relations, sbom.Relation{From: sbom.Identity(&recommending), To: sbom.Identity(&recommended), Kind: sbom.RelRecommends})
		doc := mustNew(t, d)
		c := &config.Config{Stages: []config.Stage{{Name: "s"}}}
		r := Pipeline(c, []Input{{Stage: c.Stages[0], Document: doc}}, &baseline.Baseline{Stages: map[string]*baseline.Stage{"s": {Method: audit.Method{Rules: sbom.Rules}}}}, audit.Tool{}, today)
		heads := map[string]bool{} // true for explicit ones
		for _, g := range r.Stages[0].Growth.Added {
			if len(g.SharedBy) == 0 {
				heads[g.ID] = g.Because == "explicit"
			}
		}
		without := func(asked bool, gone ...string) map[string]bool {
			kept := map[string]bool{}
			var stack []string
			push := func(id string) {
				if !kept[id] && !slices.Contains(gone, id) {
					kept[id] = true
					stack = append(stack, id)
				}
			}
			for id, is := range heads {
				if is || !asked {
					push(id)
				}
			}
			for len(stack) > 0 {
				id := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				for _, rel := range doc.Relations {
					if rel.From == id && rel.Kind != sbom.RelSuggests {
						push(rel.To)
					}
				}
			}
			return kept
		}
		for _, g := range r.Stages[0].Growth.Added {
			asked := heads[g.ID] || slices.ContainsFunc(g.SharedBy, func(id string) bool { return heads[id] })
			left := without(asked, g.ID)
			for _, id := range g.Introduces {
				if brought++; left[id] {
					t.Fatalf("seed %d: %s brings %s, which stays without it", seed, g.ID, id)
				}
			}
			if g.SharedBy == nil {
				continue
			}
			common++
			if len(g.SharedBy) < 2 || len(g.SharedBy) < audit.MaxSharedBy && without(asked, g.SharedBy...)[g.ID] {
				t.Fatalf("seed %d: %s stays without %v", seed, g.ID, g.SharedBy)
			}
			for i, head := range g.SharedBy {
				others := slices.Delete(slices.Clone(g.SharedBy), i, i+1)
				if _, is := heads[head]; !is || !without(false, others...)[g.ID] {
					t.Fatalf("seed %d: %s does not stay for %s", seed, g.ID, head)
				}
			}
		}
	}
	if brought == 0 || common == 0 {
		t.Errorf("%d were brought, %d shared", brought, common)
	}
}

func TestScan(t *testing.T) {
	for _, tt := range []struct{ inventory, want string }{
		{"debian\nos a 1\npkg pypi/x@1\nfiles /opt/t t", "pass"},
		{"debian\nos a 1\ngap unreadable /root denied", "incomplete"},
		{"debian -\npkg pypi/x@1", "incomplete"},
		{"cache /c 1", "incomplete"},
		{"lost killed", "incomplete"},
	} {
		doc, lost := parseInventory(t, "dir:x", tt.inventory)
		r := Environment(Input{Stage: config.Stage{Name: "dir:x", Environment: "dir:x", Critical: true}, Document: doc, Lost: lost}, audit.Tool{})
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if string(r.Verdict) != tt.want || r.Stages[0].Growth.Known {
			t.Errorf("%q: %s\n%s", tt.inventory, r.Verdict, transcript(r))
		}
	}
}

func TestHalfAResultIsAGap(t *testing.T) {
	doc, _ := parseInventory(t, "dir:x", "os a 1")
	r := Environment(Input{Stage: config.Stage{Name: "s"}, Document: doc, Lost: errors.New("cancelled")}, audit.Tool{})
	if r.Verdict != audit.Incomplete || len(r.Stages[0].Gaps) != 1 {
		t.Errorf("%s", transcript(r))
	}
}

// TestNoDayNoException: without a proper day no exception holds.
func TestNoDayNoException(t *testing.T) {
	c := &config.Config{Exceptions: []config.Exception{{PURL: "pkg:pypi/x", Reason: "r", Owner: "o", Expires: "2030-01-01"}}, Stages: []config.Stage{{Name: "s"}}}
	doc, _ := parseInventory(t, "dir:x", "pkg pypi/x@1")
	for day, want := range map[string]int{"2026-11-23": 1, "": 0, "soon": 0, "2030-01-02": 0} {
		r := Pipeline(c, []Input{{Stage: c.Stages[0], Document: doc}}, nil, audit.Tool{}, day)
		if got := r.Stages[0].Counts.Exception; got != want {
			t.Errorf("on %q %d exceptions hold, want %d", day, got, want)
		}
	}
}

func TestStageGoneAndPartOfPipeline(t *testing.T) {
	c := &config.Config{File: "depaudit.yaml", Baseline: config.DefaultBaseline, Stages: []config.Stage{{Name: "s"}, {Name: "t"}},
		Exceptions: []config.Exception{{PURL: "pkg:pypi/x", Reason: "r", Owner: "o", Expires: "2030-01-01"}}}
	doc, _ := parseInventory(t, "dir:x", "os a 1")
	base := &baseline.Baseline{Stages: map[string]*baseline.Stage{"old": {}}}
	rules := func(stages ...string) (ids []string) {
		var in []Input
		for _, s := range stages {
			in = append(in, Input{Stage: *c.Stage(s), Document: doc})
		}
		for _, f := range Pipeline(c, in, base, audit.Tool{}, today).Findings {
			ids = append(ids, f.Rule)
		}
		return ids
	}
	if got := rules("t", "s"); !slices.Equal(got, []string{audit.RuleUnusedException.ID, audit.RuleStageGone.ID}) {
		t.Errorf("all stages: %v", got)
	}
	// The stage that was not judged may be the one that needs the exception.
	if got := rules("s"); !slices.Equal(got, []string{audit.RuleStageGone.ID}) {
		t.Errorf("one stage: %v", got)
	}
}

// TestHostileNames: names that are no text, and names for shells.
func TestHostileNames(t *testing.T) {
	d := sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}}
	for _, p := range []string{"/opt/\xff", "/opt/\xfe", "/opt/\u202e`x`"} {
		d.Components = append(d.Components, sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "t", PURL: "pkg:generic/t", Paths: []string{p}})
	}
	r := Environment(Input{Stage: config.Stage{Name: "it's; rm -rf /"}, Document: mustNew(t, d)}, audit.Tool{})
	back, err := audit.Read(bytes.NewReader(marshal(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Stages[0].Dependencies, back.Stages[0].Dependencies); diff != "" {
		t.Errorf("names changed on the way through JSON\n%s", diff)
	}
	b, err := (*baseline.Baseline)(nil).With(r.Stages[0], "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := baseline.Parse("f", b.Encode())
	if err != nil || !cmp.Equal(b, again) {
		t.Errorf("%v\n%s", err, cmp.Diff(b, again))
	}
	if got, want := updateCommand(&config.Stage{Name: r.Stages[0].Name}, false), `depaudit baseline update --stage 'it'\''s; rm -rf /'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReadReportRefuses(t *testing.T) {
	doc, _ := parseInventory(t, "dir:x", "os a 1\nos b 1\nbundled deb/debian/a@1?arch=amd64 pypi/x@1\ngap unreadable /r denied")
	good := string(marshal(t, Environment(Input{Stage: config.Stage{Name: "s"}, Document: doc}, audit.Tool{})))
	for _, tt := range []struct{ name, old, new, want string }{
		{"newer", `"schema": 1`, `"schema": 2`, "schema version 2, and this depaudit reads up to 1"},
		{"no report", `"schema"`, `"$schema"`, "no schema version"},
		{"broken", `"schema": 1,`, `"schema": 1`, "2:"},
		{"unknown field", `"schema": 1,`, `"schema": 1, "more": 2,`, `unknown field "more"`},
		{"verdict of the report", `"verdict": "incomplete",`, `"verdict": "pass",`, `the verdict is "pass", and "incomplete" follows`},
		{"counts", `"total": 2`, `"total": 1`, "follows from the dependencies"},
		{"owner", `"owner": "deb/debian/a@1?arch=amd64"`, `"owner": "deb/debian/c@1"`, "refers to no dependency"},
		{"itself", `"owner": "deb/debian/a@1?arch=amd64"`, `"owner": "pypi/x@1"`, "is bundled with itself"},
		{"severity", `"severity": "incomplete"`, `"severity": "fine"`, "unknown severity"},
		{"type", `"rules": 2`, `"rules": "2"`, "4:"},
		{"twice", `"id": "deb/debian/b@1?arch=amd64"`, `"id": "deb/debian/a@1?arch=amd64"`, "listed twice"},
		{"provenance", `"provenance": "os"`, `"provenance": "heaven"`, "unknown provenance"},
	} {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing to change\n%s", tt.name, good)
		}
		if _, err := audit.Read(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := audit.Read(strings.NewReader(good)); err != nil {
		t.Error(err)
	}
}

// TestReadReportRefusesBases: what a saved report says of a base, of layers,
// of waivers and of limitations must add up, too.
func TestReadReportRefusesBases(t *testing.T) {
	stage := config.Stage{Name: "s", Environment: "registry:e.org/b", Critical: true, Accept: []sbom.LimitationName{sbom.LimitPaths},
		Waive: []config.Waiver{{Kind: "mount", Reason: "r", Owner: "o", Expires: "2030-01-01"}}}
	doc, _ := parseInventory(t, stage.Environment, "image x y\n@1 os a 1\n@2 os b 1\ngap mount /m m\nlimitation paths p")
	base, _ := parseInventory(t, pinnedRef, "image x\n@1 os a 1\n@1 os c 1")
	r := Pipeline(&config.Config{Stages: []config.Stage{stage}}, []Input{{Stage: stage, Document: doc, Base: &Base{Ref: pinnedRef, Document: base}}}, nil, audit.Tool{}, today)
	r.Stages[0].Findings = []audit.Finding{} // a pass by what is left
	r.Stages[0].Verdict, r.Verdict = audit.Pass, audit.Pass
	good := string(marshal(t, r))
	if _, err := audit.Read(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"present", `"present": 1`, `"present": 2`, "contradict"},
		{"added", `"added": 1`, `"added": 0`, "contradict"},
		{"gone", `"gone": 1`, `"gone": 2`, "are gone"},
		{"layers", `"layers": 1`, `"layers": 3`, "the base has 3 layers"},
		{"unknown with numbers", `"known": true`, `"known": false`, "belong to an unknown base"},
		{"layer", `"layer": 2`, `"layer": 3`, "is from layer 3"},
		{"below", `"layer": 2`, `"layer": -1`, "is from layer -1"},
		{"waived", `"kind": "mount"`, `"kind": "lost-scan"`, "cannot be waived"},
		{"not waived", `"waived"`, `"Waive"`, "unknown field"},
		{"not accepted", `"accepted": true`, `"accepted": false`, `"incomplete" follows`},
		{"no base", `"provenance": "os"`, `"provenance": "image"`, "follows from the dependencies"},
	} {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing to change\n%s", tt.name, good)
		}
		if _, err := audit.Read(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"schema": 1, "verdict": "pass", "rules": 1, "tool": {}, "stages": [{"name": "s", "verdict": "pass", "counts": {}}]}`))
	f.Add([]byte(`{"schema": 1, "verdict": "incomplete", "stages": []}`))
	f.Add([]byte(`{"schema": 1, "verdict": "pass", "rules": 1, "tool": {}, "stages": [{"name": "s", "verdict": "pass", "counts": {},
		"gaps": [{"kind": "unreadable", "path": "/r", "detail": "denied", "waived": {"reason": "r", "owner": "o"}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := audit.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if code := r.ExitCode(); (code == 0) != (r.Verdict == audit.Pass) {
			t.Fatalf("verdict %s, exit %d", r.Verdict, code)
		}
		for _, s := range r.Stages {
			if r.Verdict == audit.Pass && s.OpenGaps() > 0 {
				t.Fatal("a pass with a gap that is not waived")
			}
			for i := range s.Gaps {
				if g := &s.Gaps[i]; g.Waived != nil && !g.Waivable() {
					t.Fatalf("a gap of the kind %s is waived", g.Kind)
				}
			}
		}
	})
}
