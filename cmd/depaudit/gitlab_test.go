package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// component is a component of GitLab (https://docs.gitlab.com/ci/components/): a
// header with its inputs, and jobs.
type component struct {
	inputs map[string]any
	jobs   map[string]map[string]any
	text   string
}

// readComponent reads a template, with values for its inputs.
func readComponent(t *testing.T, name string, with map[string]string) *component {
	t.Helper()
	text, err := os.ReadFile("../../templates/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Spec struct {
			Inputs map[string]any
		}
	}
	c := &component{text: string(text)}
	head, body, ok := strings.Cut(c.text, "\n---\n")
	if !ok {
		t.Fatalf("%s has no header", name)
	}
	if err := yaml.Unmarshal([]byte(head), &header); err != nil {
		t.Fatal(err)
	}
	c.inputs = header.Spec.Inputs
	used := make(map[string]bool)
	body = regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`).ReplaceAllStringFunc(body, func(s string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(s, "$[[ inputs."), " ]]")
		used[name] = true
		input, ok := c.inputs[name].(map[string]any)
		if !ok {
			t.Errorf("no input %s", name)
		}
		if v, ok := with[name]; ok {
			return v
		}
		if v, ok := input["default"].(string); ok {
			return v
		}
		return "[]"
	})
	for name := range c.inputs {
		if !used[name] {
			t.Errorf("the input %s is not used", name)
		}
	}
	if strings.Contains(body, "$[[") {
		t.Error("something else is interpolated")
	}
	d := yaml.NewDecoder(bytes.NewReader([]byte(body)))
	if err := d.Decode(&c.jobs); err != nil {
		t.Fatal(err)
	}
	return c
}

// script is the script of a job.
func (c *component) script(t *testing.T, job string) string {
	t.Helper()
	lines, ok := c.jobs[job]["script"].([]any)
	if !ok || len(lines) != 1 {
		t.Fatalf("%s has no script", job)
	}
	return lines[0].(string)
}

// TestComponents checks that the templates are those that release/gitlab makes,
// and their structure.
func TestComponents(t *testing.T) {
	dir := releaseCopy(t)
	cmd := exec.Command("bash", filepath.Join(dir, "release/gitlab"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"steps.yml", "depaudit.yml"} {
		want, err := os.ReadFile(filepath.Join(dir, "templates", name))
		if err != nil {
			t.Fatal(err)
		}
		c := readComponent(t, name, map[string]string{"job": "footprint"})
		if c.text != string(want) {
			t.Errorf("templates/%s is not what release/gitlab makes: run it", name)
		}
		artifacts := c.jobs[".depaudit-audit"]["artifacts"].(map[string]any)
		reports := artifacts["reports"].(map[string]any)
		if artifacts["when"] != "always" || artifacts["expose_as"] == "" || reports["junit"] == nil || reports["codequality"] == nil {
			t.Errorf("%s: artifacts %v", name, artifacts)
		}
		for job, keys := range c.jobs {
			if keys["allow_failure"] != nil {
				t.Errorf("%s: %s may fail", name, job)
			}
		}
		if name == "depaudit.yml" && c.jobs["footprint"] == nil {
			t.Errorf("%s has no job", name)
		}
	}
}

// TestComponentJobs runs the scripts in the shells of images, with the variables
// that GitLab documents (https://docs.gitlab.com/ci/variables/predefined_variables/).
func TestComponentJobs(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	machine := filepath.Join(t.TempDir(), "machine")
	aptRoot(t, machine)
	from := serve(t, machine)
	steps := readComponent(t, "steps.yml", nil)
	begin, audit := steps.script(t, ".depaudit-begin"), steps.script(t, ".depaudit-audit")
	branch := map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
	fork := map[string]string{
		"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_DIFF_BASE_SHA": strings.Repeat("b", 40),
		"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "mallory/project", "CI_MERGE_REQUEST_PROJECT_PATH": "example/project",
	}
	schedule := map[string]string{"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
	accept := "depaudit baseline update --env build-source=dir:" + machine + ` --since build-source="$CI_PROJECT_DIR.tmp/depaudit-7/before.json" >/dev/null`
	for _, test := range []struct {
		name   string
		shell  string
		vars   map[string]string
		more   map[string]string
		script []string
		code   int
		log    string
		none   bool // no report
	}{
		{name: "branch", shell: "bash", vars: branch, script: []string{begin, accept, audit}, log: "base 12, added 0"},
		{name: "fork", shell: "dash", vars: fork, script: []string{begin, accept, audit}, log: "base 12, added 0"},
		{name: "schedule", shell: "busybox", vars: schedule, script: []string{begin, accept, audit}, log: "base 12, added 0"},
		{name: "no baseline", shell: "sh", vars: branch, script: []string{begin, audit}, code: 3, log: "no baseline"},
		{name: "warn-only", shell: "sh", vars: branch, more: map[string]string{"DEPAUDIT_WARN_ONLY": "true"}, script: []string{begin, audit}, log: "INCOMPLETE"},
		{name: "no begin", shell: "sh", vars: branch, script: []string{audit}, code: 2, log: "begin did not run in this job", none: true},
		{name: "container", shell: "sh", vars: branch, more: map[string]string{"CI_DISPOSABLE_ENVIRONMENT": "true"}, script: []string{audit}, code: 3, log: "12 dependencies"},
		{name: "wrong stage", shell: "sh", vars: branch, more: map[string]string{"DEPAUDIT_STAGES": "x"}, script: []string{begin, audit}, code: 2, log: "no stage", none: true},
		{name: "wrong digest", shell: "sh", vars: branch, more: map[string]string{"DEPAUDIT_CHECKSUMS": sumLine("x", from.name)}, script: []string{begin, audit}, code: 4, log: "it was not started", none: true},
		{name: "not pinned", shell: "sh", vars: branch, more: map[string]string{"DEPAUDIT_CHECKSUMS": ""}, script: []string{begin, audit}, code: 2, log: "names no release", none: true},
		{name: "hostile", shell: "sh", vars: branch, more: map[string]string{"DEPAUDIT_STAGES": "$(touch pwned)", "DEPAUDIT_ARGUMENTS": "`touch pwned`"}, script: []string{begin, audit}, code: 2, none: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "project")
			writeFiles(t, dir, map[string]string{"depaudit.yaml": strings.Replace(directoryStage, "dir:root", `"host:"`, 1)})
			env := map[string]string{
				"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": dir, "CI_JOB_ID": "7", "CI_JOB_NAME_SLUG": "build-source", "CI_JOB_URL": "https://gitlab.example.org/-/jobs/7",
				"HOME": t.TempDir(), "PATH": os.Getenv("PATH"), "TODAY": "2024-04-15", "DEPAUDIT_CHECKSUMS": from.sums, "DEPAUDIT_DOWNLOAD": from.URL, "DEPAUDIT_STAGES": "build-source",
			}
			args := []string{"-c", "set -e\n" + strings.Join(test.script, "\n")}
			if test.shell == "busybox" {
				args = append([]string{"sh"}, args...)
			}
			cmd := exec.CommandContext(t.Context(), test.shell, args...)
			cmd.Dir = dir
			for _, vars := range []map[string]string{env, test.vars, test.more} {
				for k, v := range vars {
					cmd.Env = append(cmd.Env, k+"="+v)
				}
			}
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(string(out), test.log) {
				t.Errorf("exit code %d\n%s", cmd.ProcessState.ExitCode(), out)
			}
			junit, err := os.ReadFile(filepath.Join(dir, "depaudit-report/junit.xml"))
			if (err != nil) != test.none {
				t.Errorf("report: %v", err)
			}
			if err == nil {
				if err := xml.Unmarshal(junit, new(struct{ XMLName xml.Name })); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(dir, "depaudit-report/codequality.json")); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
				t.Error("a variable was executed")
			}
		})
	}
}

// TestComponentInputs checks that the job passes each input on as it is.
func TestComponentInputs(t *testing.T) {
	t.Parallel()
	c := readComponent(t, "depaudit.yml", map[string]string{"job": "footprint", "stages": "a b", "warn-only": "'true'"})
	got := fmt.Sprint(c.jobs["footprint"]["variables"].(map[string]any)["DEPAUDIT_STAGES"])
	if got != "map[expand:false value:a b]" {
		t.Error(got)
	}
	gitlab, err := os.ReadFile("../../release/action/gitlab.sh")
	if err != nil {
		t.Fatal(err)
	}
	for name := range c.jobs["footprint"]["variables"].(map[string]any) {
		if !strings.Contains(string(gitlab), "${"+name+":-") {
			t.Errorf("gitlab.sh does not read %s", name)
		}
	}
}
