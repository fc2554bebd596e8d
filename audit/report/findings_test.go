package report

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// TestReasons checks how a finding lists dependencies: a reason that several in a row
// have is written once, a name is not repeated in its reason, a place not within it,
// and what does not fit beside a long name is below it.
func TestReasons(t *testing.T) {
	s := buildSource()
	add := func(d audit.Dependency) string {
		s.Dependencies = append(s.Dependencies, d)
		return d.ID
	}
	scoped := func(name string) string {
		d := unlocked(name, "1.0", "not-in-any-lock", `"@acme/`+name+`" "1.0" is in no lock file`)
		d.Namespace, d.ID = "@acme", "npm/@acme/"+name+"@1.0"
		d.Paths = []string{"/srv/node_modules/@acme/" + name + "/package.json"}
		return add(d)
	}
	other := unlocked("aiohttp", "3.9.4", "other-version", `"aiohttp" is installed at "3.9.4" and locked at "3.9.5" (requirements.txt:15)`)
	other.Why.Lock = &audit.LockRef{File: "requirements.txt", Line: 15}
	other.Paths = nil
	long := deb("a-package-of-the-system-with-a-rather-long-name", "528.0.0-0")
	long.Why = &audit.Reason{Code: "local", Detail: "no index has it (3 indexes were read)"}
	ids := []string{scoped("one"), scoped("two"), add(other), scoped("three"), scoped("four"), scoped("five"), add(long)}
	s.Verdict = audit.Fail
	s.Findings = []audit.Finding{{Rule: audit.RuleNotPinned.ID, Severity: audit.Error, Message: "7", Dependencies: ids, Paths: []string{"/etc/a"}}}
	text := string(render(t, "table", newReport("p", audit.Fail, s), Options{Width: 80}))
	_, text, _ = strings.Cut(text, "not-pinned: 7\n")
	text, _, _ = strings.Cut(text, "\n\n")
	const want = `             /etc/a
             of 7 dependencies:
             @acme/one 1.0    in no lock file, in /srv/node_modules
             @acme/two 1.0    in no lock file, in /srv/node_modules
             aiohttp 3.9.4    locked at "3.9.5" (requirements.txt:15)
             @acme/three 1.0  /srv/node_modules
             @acme/four 1.0   /srv/node_modules
             @acme/five 1.0   /srv/node_modules
               these 3: in no lock file
             a-package-of-the-system-with-a-rather-long-name 528.0.0-0
               no index has it (3 indexes were read)`
	if text != want {
		t.Errorf("have\n%s\nwant\n%s", text, want)
	}
}

// TestVerdictOfConfiguration checks that the first line names what decides a verdict
// that no stage has.
func TestVerdictOfConfiguration(t *testing.T) {
	r := newReport("p", audit.Fail, buildSource())
	r.Findings = []audit.Finding{
		{Rule: audit.RuleStageGone.ID, Severity: audit.Error, Message: "m"}, {Rule: audit.RuleStageGone.ID, Severity: audit.Error, Message: "n"},
		{Rule: audit.RuleUnusedLock.ID, Severity: audit.Warning, Message: "o"},
	}
	for _, format := range []string{"table", "markdown"} {
		text := string(render(t, format, r, Options{}))
		if first, _, _ := strings.Cut(text, "\n"); !strings.Contains(text, "1 stage; "+audit.RuleStageGone.ID) || strings.Count(first, audit.RuleStageGone.ID) > 1 {
			t.Errorf("%s:\n%s", format, text)
		}
	}
	r.Stages[0].Verdict = audit.Fail
	if text := string(render(t, "table", r, Options{})); strings.Contains(text, "failed; ") {
		t.Errorf("a stage has the verdict:\n%s", text)
	}
}
