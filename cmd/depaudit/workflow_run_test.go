package main

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// pipelineRun runs the jobs of a workflow in the order of their needs, each with a
// machine and a checkout of its own and all with the same artifacts, as GitHub does.
type pipelineRun struct {
	t    *testing.T
	text string
	// files are those of the checkout, or it is a clone of repository at commit.
	files              map[string]string
	repository, commit string
	event              string
	// payload is the event as the platform describes it.
	payload map[string]any
	// machine is copied to be that of each job, instead of a small one.
	machine string
	// installed puts the program and sudo on the PATH of all jobs.
	installed bool
	// image is the file that docker buildx build --output type=oci writes.
	image string
	// artifacts is the directory with those of the run.
	artifacts string
	// results and outputs of the jobs, as `needs` has them, and their logs.
	results map[string]string
	outputs map[string]map[string]any
	logs    map[string]string
	// published are the commands of gh.
	published string
	summary   string
}

func (p *pipelineRun) run() {
	p.t.Helper()
	w, errs := actionlint.Parse([]byte(strings.ReplaceAll(p.text, "COMMIT", strings.Repeat("d", 40))))
	if len(errs) > 0 {
		p.t.Fatal(errs)
	}
	p.results, p.logs, p.outputs = make(map[string]string), make(map[string]string), make(map[string]map[string]any)
	p.artifacts = p.t.TempDir()
	for len(p.results) < len(w.Jobs) {
		before := len(p.results)
		for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
			job := w.Jobs[name]
			ready := !slices.ContainsFunc(job.Needs, func(n *actionlint.String) bool { return p.results[n.Value] == "" })
			if p.results[name] == "" && ready {
				p.results[name] = p.jobs(name, job)
			}
		}
		if len(p.results) == before {
			p.t.Fatal("the jobs need each other in a circle")
		}
	}
}

// jobs runs a job for each value of its matrix, if it has one: a list that another job
// made.
func (p *pipelineRun) jobs(name string, job *actionlint.Job) string {
	p.t.Helper()
	if job.Strategy == nil {
		return p.job(name, job, nil)
	}
	result := "skipped"
	for key, row := range job.Strategy.Matrix.Rows {
		e := &expressions{t: p.t, values: map[string]any{"needs": p.needs(job)}}
		values, _ := e.evaluate(row.Expression.Value).([]any)
		for _, value := range values {
			if one := p.job(name, job, map[string]any{key: value}); result != "failure" {
				result = one
			}
		}
	}
	return result
}

// needs is the context of that name.
func (p *pipelineRun) needs(job *actionlint.Job) map[string]any {
	needs := make(map[string]any)
	for _, n := range job.Needs {
		needs[n.Value] = map[string]any{"result": p.results[n.Value], "outputs": p.outputs[n.Value]}
	}
	return needs
}

func (p *pipelineRun) job(name string, job *actionlint.Job, matrix map[string]any) string {
	p.t.Helper()
	r := newRunner(p.t, p.event)
	if job.Container != nil {
		r.container = "1"
	}
	r.artifacts, r.github["job"], r.event = p.artifacts, name, p.payload
	succeeded := true
	for _, n := range job.Needs {
		succeeded = succeeded && p.results[n.Value] == "success"
	}
	steps := make(map[string]any)
	ctx := func(failed bool) *expressions {
		e := r.context(nil, steps, failed)
		e.values["needs"], e.values["matrix"] = p.needs(job), matrix
		return e
	}
	condition := "success()"
	if job.If != nil {
		condition = job.If.Value
	}
	run := truth(ctx(!succeeded).evaluate(condition))
	if !strings.Contains(condition, "()") {
		run = run && succeeded
	}
	if !run {
		return "skipped"
	}
	machine := filepath.Join(p.t.TempDir(), "machine")
	if p.machine == "" {
		aptRoot(p.t, machine)
	} else if out, err := exec.Command("cp", "-a", p.machine, machine).CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	release := serve(p.t, machine)
	r.job = map[string]string{"MACHINE": machine, "GITHUB_REF_NAME": "v1"}
	bin := p.t.TempDir()
	writeFiles(p.t, bin, map[string]string{"gh": "#!/bin/sh\necho gh \"$@\"\n", "docker": "#!/bin/sh\ncp \"" + p.image + "\" image.tar\n", "sleep": "#!/bin/sh\n"})
	for _, name := range []string{"gh", "docker", "sleep"} {
		if err := os.Chmod(filepath.Join(bin, name), 0o777); err != nil {
			p.t.Fatal(err)
		}
	}
	if p.installed {
		writeFiles(p.t, bin, map[string]string{"depaudit": read1(p.t, filepath.Join(release.dir, release.name)), "sudo": "#!/bin/sh\nexec \"$@\"\n"})
		for _, name := range []string{"depaudit", "sudo"} {
			if err := os.Chmod(filepath.Join(bin, name), 0o777); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	r.path = []string{bin}
	failed := false
	for _, s := range job.Steps {
		condition := "success()"
		if s.If != nil {
			condition = s.If.Value
		}
		if !truth(ctx(failed).evaluate(condition)) {
			continue
		}
		result := p.step(r, s, ctx(failed), release)
		failed = result.failed || failed
		if s.ID != nil {
			outputs := make(map[string]any)
			for name, value := range result.outputs {
				outputs[name] = value
			}
			steps[s.ID.Value] = map[string]any{"outputs": outputs}
		}
	}
	p.outputs[name] = make(map[string]any)
	for output, o := range job.Outputs {
		p.outputs[name][output] = ctx(failed).text(o.Value.Value)
	}
	p.logs[name] += r.log.String()
	p.summary += r.summary
	for _, line := range strings.Split(r.log.String(), "\n") {
		if strings.HasPrefix(line, "gh ") {
			p.published += line + "\n"
		}
	}
	if failed {
		return "failure"
	}
	return "success"
}

func (p *pipelineRun) step(r *runner, s *actionlint.Step, ctx *expressions, release *release) stepResult {
	p.t.Helper()
	switch e := s.Exec.(type) {
	case *actionlint.ExecRun:
		env := make(map[string]string)
		if s.Env != nil {
			for _, v := range s.Env.Vars {
				env[v.Name.Value] = ctx.text(v.Value.Value)
			}
		}
		return r.run(e.Run.Value, "", ".", env)
	case *actionlint.ExecAction:
		with := make(map[string]string)
		for name, in := range e.Inputs {
			with[name] = ctx.text(in.Value.Value)
		}
		name, _, _ := strings.Cut(e.Uses.Value, "@")
		switch name {
		case "depaudit/depaudit":
			with["download"], with["checksums"] = release.URL, release.sums
			return r.uses(with)
		case "actions/checkout":
			if p.repository != "" {
				return r.run("git clone -q "+p.repository+" . && git checkout -q "+p.commit, "", ".", nil)
			}
			writeFiles(p.t, r.workspace, p.files)
			for file := range p.files {
				if strings.HasPrefix(file, "ci/") {
					if err := os.Chmod(filepath.Join(r.workspace, file), 0o777); err != nil {
						p.t.Fatal(err)
					}
				}
			}
			return stepResult{}
		case "docker/setup-buildx-action", "actions/cache":
			return stepResult{}
		case "actions/upload-artifact":
			with["path"] = filepath.Join(r.workspace, with["path"])
		case "actions/download-artifact":
			if with["merge-multiple"] == "true" {
				with["path"] = filepath.Join(r.workspace, with["path"])
				break
			}
			artifact := filepath.Join(r.artifacts, with["name"])
			if _, err := os.Stat(artifact); err != nil {
				r.log.WriteString("no artifact " + with["name"] + "\n")
				return stepResult{failed: true}
			}
			// A file that is there is written again.
			if result := r.run(`mkdir -p "$TO" && cp -rT "$FROM" "$TO"`, "", ".", map[string]string{"FROM": artifact, "TO": with["path"]}); result.failed {
				p.t.Error(r.log)
			}
			return stepResult{}
		}
		return r.step(compositeStep{Uses: e.Uses.Value, With: with}, ctx)
	}
	p.t.Fatalf("no %T", s.Exec)
	return stepResult{}
}

// threeStages is the checkout of the example: a configuration with the three
// stages, their baseline, and the scripts that install into the machine.
func threeStages(t *testing.T) map[string]string {
	t.Helper()
	config := "pipeline: release\nstages:\n"
	for _, stage := range []string{"build-source", "build-docs", "test-source"} {
		config += "  - name: " + stage + "\n    environment: \"host:\"\n    critical: true\n"
	}
	files := map[string]string{
		"depaudit.yaml":   config,
		"ci/build-source": "#!/bin/sh\nmkdir dist; echo source >dist/source.tar\n",
		"ci/build-docs":   "#!/bin/sh\n",
		"ci/test-source":  "#!/bin/sh\n",
	}
	r := newRunner(t, "push")
	writeFiles(t, r.workspace, files)
	machine := filepath.Join(t.TempDir(), "machine")
	aptRoot(t, machine)
	r.depaudit("snapshot", "-o", "../before.json", "dir:"+machine)
	args := []string{"baseline", "update"}
	for _, stage := range []string{"build-source", "build-docs", "test-source"} {
		args = append(args, "--env", stage+"=dir:"+machine, "--since", stage+"=../before.json")
	}
	r.depaudit(args...)
	files["depaudit.baseline.json"] = r.text(filepath.Join(r.workspace, "depaudit.baseline.json"))
	return files
}

// TestExampleRelease runs the example of a release in three jobs: whatever keeps a
// stage from being judged keeps the release from being published.
func TestExampleRelease(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/examples/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("release.yml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	files := threeStages(t)
	install := "#!/bin/sh\ncp -r \"$(dirname \"$0\")/../new/.\" \"$MACHINE\"\n"
	never := "  build-docs:\n    if: github.event_name == 'never'\n"
	gate := "      - uses: depaudit/depaudit@COMMIT\n        with: {stages: build-docs}\n"
	for _, test := range []struct {
		name     string
		event    string
		edit     []string
		files    map[string]string
		verdict  string // the result of the aggregate job
		log      string
		publish  bool
		declared map[string]string
	}{
		{name: "pass", event: "push", verdict: "success", log: "PASS release", publish: true},
		{name: "pull request", event: "pull_request", verdict: "success", log: "PASS release"},
		{name: "growth", event: "push", files: map[string]string{"ci/build-docs": install}, verdict: "failure", log: "FAIL build-docs"},
		{name: "a job fails", event: "push", files: map[string]string{"ci/build-source": "#!/bin/sh\nexit 1\n"}, verdict: "failure", log: "not every job before this one succeeded: failure skipped"},
		{name: "a job was skipped", event: "push", edit: []string{"  build-docs:\n", never}, verdict: "failure", log: "build-docs"},
		{name: "a job without its gate", event: "push", edit: []string{gate, ""}, verdict: "failure", log: "build-docs"},
		{name: "all skipped", event: "push", edit: []string{"  build-docs:\n", never, "  build-source:\n", strings.Replace(never, "docs", "source", 1)}, verdict: "failure", log: "no job has reported"},
		{name: "no begin", event: "push", edit: []string{"        with: {run: begin}\n      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n        with: {persist-credentials: false}\n      - run: ./ci/build-docs", "        with: {run: audit}\n      - run: ./ci/build-docs"}, verdict: "failure", log: "not every job"},
		{name: "forgotten results", event: "push", edit: []string{"          results: ${{ join(needs.*.result, ' ') }}\n", ""}, verdict: "failure", log: "results is empty"},
		{name: "needs too little", event: "push", edit: []string{"needs: [build-source, build-docs, test-source]", "needs: [build-docs]"}, verdict: "failure", log: "no report"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !slices.Contains([]string{"pass", "a job was skipped"}, test.name) {
				endToEnd(t)
			}
			p := &pipelineRun{t: t, text: string(text), files: maps.Clone(files), event: test.event}
			for i := 0; i < len(test.edit); i += 2 {
				edited := strings.Replace(p.text, test.edit[i], test.edit[i+1], 1)
				if edited == p.text {
					t.Fatalf("the example has no %q", test.edit[i])
				}
				p.text = edited
			}
			maps.Copy(p.files, test.files)
			if len(test.files) > 0 {
				p.files["new/usr/local/bin/tool"] = "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 57)
			}
			p.run()
			if p.results["footprint"] != test.verdict || !strings.Contains(p.logs["footprint"], test.log) {
				t.Errorf("%v\n%s", p.results, p.logs["footprint"])
			}
			if (p.results["publish"] == "success") != test.publish || strings.Contains(p.published, "dist/source.tar release-stages.tar.gz release-stages/RELEASE-STAGES.md") != test.publish {
				t.Errorf("published: %v %q\n%s", p.results, p.published, p.logs["publish"])
			}
		})
	}
}
