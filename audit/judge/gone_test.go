package judge

import (
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
)

// TestCriticalStageGone checks that a critical stage of the baseline cannot be
// removed from the configuration without a stop, and another stage can.
func TestCriticalStageGone(t *testing.T) {
	c := &config.Config{Pipeline: "p", Baseline: "b.json", Stages: []config.Stage{{Name: "s", Environment: "dir:x"}}}
	doc, _ := parseInventory(t, "dir:x", "debian\nbase 12")
	for _, critical := range []bool{true, false} {
		accepted := &baseline.Baseline{Stages: map[string]*baseline.Stage{"gone": {Critical: critical}}}
		r := Pipeline(c, []Input{{Stage: c.Stages[0], Document: doc}}, accepted, audit.Tool{}, today)
		want := audit.Pass
		if critical {
			want = audit.Fail
		}
		if r.Verdict != want || len(r.Findings) != 1 || r.Findings[0].Rule != audit.RuleStageGone.ID {
			t.Errorf("critical %t: verdict %s with %v, want %s", critical, r.Verdict, r.Findings, want)
		}
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestCriticalStageDemoted checks that a critical stage of the baseline cannot
// become an ordinary one without a stop.
func TestCriticalStageDemoted(t *testing.T) {
	doc, _ := parseInventory(t, "dir:x", "debian\nbase 12")
	for _, critical := range []bool{true, false} {
		c := &config.Config{Pipeline: "p", Baseline: "b.json", Stages: []config.Stage{{Name: "s", Environment: "dir:x", Enforce: !critical}}}
		accepted := &baseline.Baseline{Stages: map[string]*baseline.Stage{"s": {Critical: true}}}
		r := Pipeline(c, []Input{{Stage: c.Stages[0], Document: doc}}, accepted, audit.Tool{}, today)
		demoted := len(r.Findings) == 1 && r.Findings[0].Rule == audit.RuleDemoted.ID && r.Verdict == audit.Fail
		if demoted != critical {
			t.Errorf("demoted %t: verdict %s with %v", critical, r.Verdict, r.Findings)
		}
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}
