package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/depaudit/depaudit/audit/propose"
	"github.com/depaudit/depaudit/lockcheck/definition"
)

// TestInitLines checks the lines that init prints for a workflow: they are YAML that
// actionlint takes, and their inputs are those of the action.
func TestInitLines(t *testing.T) {
	job := func(id string, needs ...string) definition.Job {
		return definition.Job{ID: id, Needs: needs, RunsOn: []string{"ubuntu-24.04"}, At: definition.Position{Line: 1},
			Steps: []definition.Step{{At: definition.Position{Line: 2}, Run: "make"}}}
	}
	a, b, publish := job("a"), job("b"), job("publish", "a", "b")
	a.Uploads, b.Uploads = []definition.Artifact{{Name: "a"}}, []definition.Artifact{{Name: "b"}}
	publish.Downloads = []definition.Artifact{{}}
	publish.Publishes = []definition.Publish{{By: "twine upload", At: definition.Position{Line: 2}}}
	p := propose.New(propose.Input{Name: "x", Files: []definition.File{{Path: ".github/workflows/release.yml", Kind: definition.Workflow, Jobs: []definition.Job{a, b, publish}}}})
	advice := p.Advice("ci/depaudit.yaml")
	steps := between(t, advice, "\n\n      - uses:", "\n\n")
	merge := between(t, advice, "\n\n  footprint:", "\n\n")
	workflow := "on: push\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n" + steps + "\n  b:\n    runs-on: ubuntu-24.04\n    steps:\n" + steps + "\n" + merge + "\n"
	_, errs := actionlint.Parse([]byte(workflow))
	for _, err := range errs {
		t.Errorf("%v\n%s", err, workflow)
	}
	action, err := os.ReadFile(filepath.Join(moduleRoot, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	inputs := regexp.MustCompile(`(?m)(?:[{,] ?|^          )([a-z-]+): `).FindAllStringSubmatch(steps+"\n"+merge, -1)
	if len(inputs) < 5 {
		t.Errorf("inputs are %v in\n%s%s", inputs, steps, merge)
	}
	for _, m := range inputs {
		if !strings.Contains(string(action), "\n  "+m[1]+":\n") {
			t.Errorf("action.yml has no input %s", m[1])
		}
	}
}

// TestInitGitLabLines checks that the lines for GitLab are a configuration, and that
// the component has what they refer to.
func TestInitGitLabLines(t *testing.T) {
	p := propose.New(propose.Input{Name: "x", Files: []definition.File{{Path: ".gitlab-ci.yml", Kind: definition.GitLab, Jobs: []definition.Job{
		{ID: "release: all", Container: "debian:12", Steps: []definition.Step{{Run: "make"}}, Publishes: []definition.Publish{{By: "twine upload"}}},
	}}}})
	lines := between(t, p.Advice("ci/depaudit.yaml"), "\n\n  include:", "\n\n")
	lines = strings.ReplaceAll("\n"+lines, "\n  ", "\n")
	f, err := definition.ParseAs(t.Context(), definition.GitLab, ".gitlab-ci.yml", []byte(lines))
	if err != nil || len(f.Jobs) != 1 {
		t.Fatalf("%v\n%s", err, lines)
	}
	steps, err := os.ReadFile(filepath.Join(moduleRoot, "templates", "steps.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`!reference \[([^,]+),`).FindAllStringSubmatch(lines, -1) {
		if !strings.Contains(string(steps), "\n"+m[1]+":\n") {
			t.Errorf("templates/steps.yml has no %s", m[1])
		}
	}
}

// between returns the text that begins with one text, without its empty line, up to
// another one.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	i := strings.Index(text, from)
	if i < 0 {
		t.Fatalf("%q is not in\n%s", from, text)
	}
	text = text[i+2:]
	if j := strings.Index(text, to); j >= 0 {
		text = text[:j]
	}
	return text
}
