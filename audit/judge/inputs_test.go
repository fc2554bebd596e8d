package judge

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
)

// TestInputs: the report of one stage has the same inputs as that of all, and the
// digest of a stage's part of the baseline does not depend on the other stages.
func TestInputs(t *testing.T) {
	c, err := config.Parse("ci/depaudit.yaml", []byte("pipeline: p\nexceptions: [{purl: pkg:pypi/x, reason: r, owner: o, expires: 2030-01-01}]\nstages:\n  - {name: a, environment: dir:x, critical: true}\n  - {name: b, environment: dir:x, enforce: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := parseInventory(t, "dir:x", "os a 1")
	inputs := []Input{{Stage: c.Stages[0], Document: doc}, {Stage: c.Stages[1], Document: doc}}
	first := &baseline.Baseline{Stages: map[string]*baseline.Stage{"a": {}}}
	both := &baseline.Baseline{Stages: map[string]*baseline.Stage{"a": {}, "b": {}}}
	all, part := Pipeline(c, inputs, both, audit.Tool{}, today), Pipeline(c, inputs[:1], both, audit.Tool{}, today)
	if a, b := string(marshal(t, all.Inputs)), string(marshal(t, part.Inputs)); a != b || !strings.Contains(a, `"name": "b"`) {
		t.Errorf("%s\n%s", a, b)
	}
	other := Pipeline(c, inputs[:1], first, audit.Tool{}, today)
	if a, b := all.Stages[0].Growth.Accepted, other.Stages[0].Growth.Accepted; a == "" || a != b {
		t.Errorf("%q and %q", a, b)
	}
	if a, b := all.Inputs.File(audit.InputBaseline).Digest, other.Inputs.File(audit.InputBaseline).Digest; a == b {
		t.Errorf("two baselines have the digest %s", a)
	}
	for name, change := range map[string]func(*audit.Report){
		"inputs of the configuration are missing": func(r *audit.Report) { r.Inputs = nil },
		`"b" is not among`:                        func(r *audit.Report) { r.Inputs.Stages = r.Inputs.Stages[:1] },
		`"a" contradicts`:                         func(r *audit.Report) { r.Inputs.Stages[0].Critical = false },
		"order of the configuration":              func(r *audit.Report) { r.Inputs.Stages[0], r.Inputs.Stages[1] = r.Inputs.Stages[1], r.Inputs.Stages[0] },
		`has two stages "a"`:                      func(r *audit.Report) { r.Inputs.Stages = append(r.Inputs.Stages, r.Inputs.Stages[0]) },
		"two input files":                         func(r *audit.Report) { r.Inputs.Files = append(r.Inputs.Files, r.Inputs.Files[0]) },
	} {
		bad := Pipeline(c, inputs, both, audit.Tool{}, today)
		change(bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
