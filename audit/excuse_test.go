package audit

import (
	"slices"
	"strings"
	"testing"
)

// TestExcusable checks that what a rule tells about exceptions is so, and that
// every rule that can be excused is a rule.
func TestExcusable(t *testing.T) {
	ids := ExcusableRules()
	for _, r := range Rules() {
		if strings.Contains(r.Accept, "`exceptions:`") && !slices.Contains(ids, r.ID) {
			t.Errorf("%s: an exception accepts it by its text, and none can name it", r.ID)
		}
	}
	for _, id := range ids {
		if _, ok := RuleByID(id); !ok {
			t.Errorf("there is no rule %q", id)
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(ids) {
		t.Error("not sorted, or one twice", ids)
	}
	for _, id := range []string{RuleGaps.ID, RuleGrowth.ID, RuleUnverified.ID, RuleStageGone.ID, RuleExceptionGrowth.ID, RuleExpired.ID} {
		if slices.Contains(ids, id) {
			t.Errorf("%s is about the judgement, and an exception excuses it", id)
		}
	}
}
