package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom"
)

// randomUses returns uses with names that a workflow can have and none should.
func randomUses(r *rand.Rand) []definition.Use {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	kinds := []definition.UseKind{definition.UseAction, definition.UseWorkflow, definition.UseImage, definition.UseRunner, definition.UseTool, definition.UseFeature, definition.UseDownload}
	var out []definition.Use
	for range r.IntN(12) {
		u := definition.Use{
			Kind: kinds[r.IntN(len(kinds))], Type: pick("github", "docker", "pypi", "generic", ""), Namespace: pick("", "a", "A/b"),
			Name: pick("six", "Six", "x\x1b[31m", "\xff", "?", "a@b", "a b", ""), Spec: pick("", "v4", "-r req.txt", "@", "\n"),
			Pin:  definition.Pin(audit.Pins()[r.IntN(len(audit.Pins()))]),
			File: pick("w.yml", "\xfe.yml"), At: definition.Position{Line: r.IntN(3), Column: r.IntN(3)}, Via: pick("", "a/b@v1"), Detail: pick("", "d"), Fix: pick("", "f"),
		}
		if r.IntN(3) == 0 {
			u.Version = strings.Repeat("a", 40)
		}
		out = append(out, u)
	}
	return out
}

// TestDefinitionsAreValid judges random definitions: the report is valid and reads
// back as it was written, whatever the order of the uses, the number of
// dependencies is that without a definition, and a baseline of it accepts it.
func TestDefinitionsAreValid(t *testing.T) {
	doc, err := sbom.New(sbom.Document{Environment: sbom.Environment{Kind: "dir"}, Rules: sbom.Rules, Components: []sbom.Component{
		{Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.0", PURL: "pkg:pypi/six@1.0", Paths: []string{"/p/six"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 500 {
		uses := randomUses(random)
		stage := config.Stage{Name: "s", Environment: "dir:x", Critical: i%2 == 0, Definitions: []config.Definition{{Ref: "w.yml#j"}}}
		c := &config.Config{File: "depaudit.yaml", Pipeline: "p", Stages: []config.Stage{stage}}
		judge := func(uses []definition.Use, accepted *baseline.Baseline) *audit.Report {
			return Pipeline(c, []Input{{Stage: stage, Document: doc, Definition: &Definition{Refs: []string{"w.yml#j"}, Uses: uses, Files: []string{"w.yml"}}}}, accepted, audit.Tool{}, "2026-11-01")
		}
		r := judge(uses, nil)
		if err := r.Validate(); err != nil {
			t.Fatalf("%v\n%+v", err, uses)
		}
		if r.Stages[0].Counts.Total != 1 {
			t.Fatalf("the definition changes the count to %d", r.Stages[0].Counts.Total)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Read(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		other := slices.Clone(uses)
		random.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		names := func(r *audit.Report) (out []string) {
			for _, u := range r.Stages[0].Definition.Uses {
				out = append(out, fmt.Sprint(u.ID, audit.WeakerPinThan(u.Pin, "version"), len(u.Places)))
			}
			return out
		}
		if diff := cmp.Diff(names(r), names(judge(other, nil))); diff != "" {
			t.Fatalf("another order\n%s", diff)
		}
		accepted, err := (*baseline.Baseline)(nil).With(r.Stages[0], "")
		if err != nil {
			t.Fatal(err)
		}
		accepted, err = baseline.Parse("b.json", accepted.Encode())
		if err != nil {
			t.Fatal(err)
		}
		again := judge(uses, accepted)
		for _, f := range again.Stages[0].Findings {
			if f.Rule == audit.RuleNewUse.ID || f.Rule == audit.RuleWeakerPin.ID || f.Rule == audit.RuleDefinitionGone.ID {
				t.Fatalf("what was accepted is a finding: %+v", f)
			}
		}
	}
}
