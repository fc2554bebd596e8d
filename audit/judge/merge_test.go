package judge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
)

// TestMergeIsTheWhole: the reports of random parts of a random pipeline, merged in
// any order and in any number of steps, are the report of all of it.
func TestMergeIsTheWhole(t *testing.T) {
	one := 1
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := &config.Config{File: "ci/depaudit.yaml", Pipeline: "p", Digest: "sha256:1"}
		for i := range 2 + rng.IntN(5) {
			c.Stages = append(c.Stages, config.Stage{Name: fmt.Sprint("s", i), Line: i + 3, Environment: "dir:x", Critical: rng.IntN(2) == 0, Enforce: rng.IntN(3) == 0, Minimum: &one})
		}
		for i := range 6 {
			x := config.Exception{PURL: fmt.Sprint("pkg:pypi/n", i), Reason: "r", Owner: "o", Expires: []string{"2030-01-01", "2026-12-01", "2026-01-01"}[rng.IntN(3)], File: c.File, Line: 1 + i/2}
			if rng.IntN(2) == 0 {
				x.Stages = []string{c.Stages[rng.IntN(len(c.Stages))].Name}
			}
			c.Exceptions = append(c.Exceptions, x)
		}
		c.Exceptions = append(c.Exceptions, c.Exceptions[0]) // an equal one excuses nothing
		var inputs []Input
		for _, s := range c.Stages {
			d, locks := randomStage(t, rng)
			for _, l := range locks {
				l.Path = s.Name + "/requirements.txt" // of one path there is one content
			}
			in := Input{Stage: s, Document: mustNew(t, d), Locks: locks}
			if rng.IntN(8) == 0 {
				in.Document = nil
			}
			inputs = append(inputs, in)
		}
		accepted := &baseline.Baseline{Stages: map[string]*baseline.Stage{"gone": {Critical: rng.IntN(2) == 0}, "s0": {Critical: true}}}
		whole := Pipeline(c, inputs, accepted, audit.Tool{Name: "d"}, today)
		want := marshal(t, whole)
		sameUpdate(t, c, inputs, accepted, whole, want)
		var parts []audit.Part
		for len(inputs) > 0 {
			n := 1 + rng.IntN(len(inputs))
			if len(parts) == 0 && n == len(inputs) {
				n--
			}
			parts = append(parts, audit.Part{Name: fmt.Sprint(len(parts)), Report: Pipeline(c, inputs[:n], accepted, audit.Tool{Name: "d"}, today)})
			inputs = inputs[n:]
		}
		for range 3 {
			rng.Shuffle(len(parts), func(i, k int) {
				parts[i], parts[k] = parts[k], parts[i]
				parts[i].Name, parts[k].Name = parts[k].Name, parts[i].Name
			})
			steps := parts
			if rng.IntN(2) == 0 && len(parts) > 2 {
				some, err := audit.Merge(parts[:2])
				if err != nil {
					t.Fatal(err)
				}
				// A step that required all stages was incomplete, and is not any more.
				if some, err = some.Require(some.Inputs.StageNames()); err != nil || some.Verdict == audit.Pass {
					t.Fatalf("seed %d: %s %v", seed, some.Verdict, err)
				}
				steps = append([]audit.Part{{Name: "step", Report: some}}, parts[1:]...)
			}
			got, err := audit.Merge(steps)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got, err = got.Require(got.Inputs.StageNames()); err != nil {
				t.Fatal(err)
			}
			if text := marshal(t, got); !bytes.Equal(want, text) {
				t.Fatalf("seed %d: (-whole +merged)\n%s", seed, cmp.Diff(string(want), string(text)))
			}
		}
		if again, err := whole.Require(nil); err != nil || !bytes.Equal(marshal(t, again), want) {
			t.Fatalf("seed %d: concluding twice makes a difference: %v", seed, err)
		}
	}
}

// sameUpdate checks that a saved report is accepted as the one in memory, and that
// what it says about the verdict after that is so.
func sameUpdate(t *testing.T, c *config.Config, inputs []Input, accepted *baseline.Baseline, r *audit.Report, saved []byte) {
	t.Helper()
	back, err := audit.Read(bytes.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Stages {
		a, errA := accepted.With(r.Stages[i], "why")
		b, errB := accepted.With(back.Stages[i], "why")
		if fmt.Sprint(errA) != fmt.Sprint(errB) || errA == nil && !bytes.Equal(a.Encode(), b.Encode()) {
			t.Fatalf("%v and %v\n%s", errA, errB, cmp.Diff(a, b))
		}
		if errA != nil {
			continue
		}
		after := Pipeline(c, inputs, a, audit.Tool{Name: "d"}, today).Stages[i]
		if diff := cmp.Diff(after.AfterUpdate(), back.Stages[i].AfterUpdate(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("after the update (-is +promised)\n%s", diff)
		}
	}
}

// sameMerged checks that the reports of single stages merge into that of all.
func sameMerged(t *testing.T, c *config.Config, inputs []Input, accepted *baseline.Baseline, r *audit.Report) {
	t.Helper()
	var parts []audit.Part
	for _, in := range inputs {
		parts = append(parts, audit.Part{Name: in.Stage.Name, Report: Pipeline(c, []Input{in}, accepted, r.Tool, today)})
	}
	merged, err := audit.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(marshal(t, r)), string(marshal(t, merged))); diff != "" {
		t.Fatalf("(-whole +merged)\n%s", diff)
	}
}

// TestMergeRefuses: whatever of the report differs that merging does not add up is
// named, also what a report gains later.
func TestMergeRefuses(t *testing.T) {
	c, err := config.Parse("depaudit.yaml", []byte("pipeline: p\nexceptions: [{purl: pkg:pypi/x, reason: r, owner: o, expires: 2030-01-01}]\nstages:\n  - {name: a, environment: dir:x}\n  - {name: b, environment: dir:x}\n"))
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := parseInventory(t, "dir:x", "os a 1")
	part := func(i int) *audit.Report {
		return Pipeline(c, []Input{{Stage: c.Stages[i], Document: doc}}, nil, audit.Tool{Name: "depaudit", Version: "1", Catalogers: "c"}, today)
	}
	for want, change := range map[string]func(*audit.Report){
		"the pipeline is not the same in all reports: p in a.json, q in b.json":                                  func(r *audit.Report) { r.Pipeline = "q" },
		"the path of the baseline is not the same in all reports: depaudit.baseline.json in a.json, x in b.json": func(r *audit.Report) { r.Baseline = "x" },
		"the path of the configuration": func(r *audit.Report) { r.Config = "y" },
		"the version of depaudit is not the same in all reports: depaudit 1 in a.json, depaudit 2 in b.json": func(r *audit.Report) { r.Tool.Version = "2" },
		"the catalogers":                    func(r *audit.Report) { r.Tool.Catalogers = "d" },
		"the version of the counting rules": func(r *audit.Report) { r.Rules++ },
		"the exceptions x is not the same in all reports: none in a.json, sha256:2 in b.json": func(r *audit.Report) {
			r.Inputs.Files = append(r.Inputs.Files, audit.InputFile{Kind: audit.InputExceptions, Path: "x", Digest: "sha256:2"})
		},
		"inputs.exceptionNotice is not the same in all reports: 30 in a.json, 31 in b.json":          func(r *audit.Report) { r.Inputs.ExceptionNotice++ },
		`inputs.stages[0].name is not the same in all reports: "a" in a.json, "other" in b.json`:     func(r *audit.Report) { r.Inputs.Stages[0].Name = "other" },
		`inputs.exceptions[0].expires is not the same in all reports: "2030-01-01" in a.json, "2031`: func(r *audit.Report) { r.Inputs.Exceptions[0].Expires = "2031-01-01" },
	} {
		b := part(1)
		change(b)
		if _, err := audit.Merge([]audit.Part{{Name: "b.json", Report: b}, {Name: "a.json", Report: part(0)}}); err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte(want)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := audit.Merge(nil); err == nil {
		t.Error("no reports are merged")
	}
}
