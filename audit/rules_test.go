package audit

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRulesDocumentThemselves(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, r := range Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("bad or repeated ID %q", r.ID)
		}
		seen[r.ID] = true
		for _, text := range []string{r.Title, r.What, r.Why, r.Fix, r.Accept} {
			if text == "" {
				t.Errorf("%s lacks a text", r.ID)
			}
		}
		if !slices.Contains([]Severity{SeverityIncomplete, Error, Warning, Info}, r.Strict) {
			t.Errorf("%s has severity %q", r.ID, r.Strict)
		}
		for _, f := range []Facts{{}, {Count: 1, Limit: 2, Line: 3, Subject: "s", Detail: "d"}, {Severity: Info}} {
			if got := r.Finding(f); got.Message == "" || strings.Contains(got.Message, "%!") || strings.Contains(got.Fix, "%!") || got.Rule != r.ID {
				t.Errorf("%s: the finding of %+v is %+v", r.ID, f, got)
			}
		}
		if got, ok := RuleByID(r.ID); !ok || got.ID != r.ID || !strings.Contains(got.Explanation(), r.Why) {
			t.Errorf("%s is not found by its ID", r.ID)
		}
	}
	if _, ok := RuleByID("none"); ok {
		t.Error("found a rule that does not exist")
	}
}
