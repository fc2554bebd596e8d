package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"
)

// composite is an action.yml as the tests run it. Its keys are those that this
// project uses (https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax);
// another one is an error.
type composite struct {
	Name, Description, Author string
	Branding                  map[string]string
	Inputs                    map[string]struct {
		Description string
		Default     string
	}
	Outputs map[string]struct {
		Description string
		Value       string
	}
	Runs struct {
		Using string
		Steps []compositeStep
	}
}

type compositeStep struct {
	ID, Name, If, Uses, Shell, Run string
	WorkingDirectory               string `yaml:"working-directory"`
	ContinueOnError                string `yaml:"continue-on-error"`
	Env, With                      map[string]string
}

// readComposite reads the action at the root of this repository.
func readComposite(t *testing.T) *composite {
	t.Helper()
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c composite
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal("action.yml: ", err)
	}
	return &c
}

// runner runs the steps of a job as GitHub's runner does, as far as this project
// uses it: the expressions, the files of commands, the order and the conditions
// (https://github.com/actions/runner, Handlers/CompositeActionHandler.cs and
// StepsRunner.cs). Its shell is a real one.
type runner struct {
	t         *testing.T
	workspace string
	temp      string
	// shell replaces sh, so that several are tested.
	shell []string
	// job has variables that all steps have; env those that steps added.
	job, env map[string]string
	path     []string
	event    map[string]any
	// github are the parts of the context that a test sets: event_name, actor.
	github    map[string]string
	container string
	strategy  map[string]any
	// artifacts is the directory that artifacts are uploaded to.
	artifacts string
	// sarif has the categories that were uploaded to code scanning; refuse makes
	// each upload fail, as without the permission.
	sarif    []string
	refuse   bool
	log      bytes.Buffer
	summary  string
	commands int
}

func newRunner(t *testing.T, event string) *runner {
	t.Helper()
	dir := t.TempDir()
	r := &runner{
		t: t, workspace: filepath.Join(dir, "work"), temp: filepath.Join(dir, "temp"), artifacts: filepath.Join(dir, "artifacts"),
		shell: []string{"sh"}, env: map[string]string{}, strategy: map[string]any{},
		github: map[string]string{"event_name": event, "repository": "example/project", "actor": "octocat", "ref": "refs/heads/main", "job": "build-source"},
	}
	for _, d := range []string{r.workspace, r.temp, r.artifacts} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// stepResult is what a step of a job leaves.
type stepResult struct {
	failed  bool
	outputs map[string]string
}

// uses runs the action of this repository.
func (r *runner) uses(with map[string]string) stepResult {
	r.t.Helper()
	c := readComposite(r.t)
	inputs := make(map[string]any)
	for name, in := range c.Inputs {
		inputs[name] = in.Default
	}
	for name, value := range with {
		if _, ok := inputs[name]; !ok {
			r.t.Fatalf("the action has no input %q", name)
		}
		inputs[name] = value
	}
	steps := make(map[string]any)
	failed := false
	for _, s := range c.Runs.Steps {
		ctx := r.context(inputs, steps, failed)
		condition := s.If
		if condition == "" {
			condition = "success()"
		}
		run := truth(ctx.evaluate(condition))
		// A condition without a status function is `success() && ...`.
		if !strings.Contains(condition, "()") {
			run = run && !failed
		}
		if !run {
			continue
		}
		result := r.step(s, ctx)
		if s.ID != "" {
			outputs := make(map[string]any)
			for name, value := range result.outputs {
				outputs[name] = value
			}
			steps[s.ID] = map[string]any{"outputs": outputs}
		}
		if result.failed && !(s.ContinueOnError != "" && ctx.text(s.ContinueOnError) == "true") {
			failed = true
		}
	}
	out := stepResult{failed: failed, outputs: make(map[string]string)}
	ctx := r.context(inputs, steps, failed)
	for name, o := range c.Outputs {
		out.outputs[name] = ctx.text(o.Value)
	}
	return out
}

// step runs one step of an action or a job.
func (r *runner) step(s compositeStep, ctx *expressions) stepResult {
	r.t.Helper()
	with := make(map[string]string)
	for name, value := range s.With {
		with[name] = ctx.text(value)
	}
	name, _, _ := strings.Cut(s.Uses, "@")
	switch name {
	case "":
		env := make(map[string]string)
		for k, v := range s.Env {
			env[k] = ctx.text(v)
		}
		return r.run(s.Run, ctx.text(s.Shell), ctx.text(s.WorkingDirectory), env)
	case "actions/upload-artifact":
		to := filepath.Join(r.artifacts, with["name"])
		if strings.ContainsAny(with["name"], "\":<>|*?\r\n\\/") {
			r.t.Errorf("artifact name %q", with["name"])
		}
		if _, err := os.Stat(to); err == nil && with["overwrite"] != "true" {
			return stepResult{failed: true}
		}
		if _, err := os.Stat(with["path"]); err != nil {
			return stepResult{failed: with["if-no-files-found"] == "error"} // by default a warning
		}
		if err := os.RemoveAll(to); err != nil {
			r.t.Fatal(err)
		}
		if err := os.CopyFS(to, os.DirFS(with["path"])); err != nil {
			r.t.Error(err)
		}
		return stepResult{}
	case "actions/download-artifact":
		// Several artifacts have a directory each.
		found, err := filepath.Glob(filepath.Join(r.artifacts, with["pattern"]))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, dir := range found {
			to := with["path"]
			if with["merge-multiple"] != "true" {
				to = filepath.Join(to, filepath.Base(dir))
			}
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				r.t.Error(err)
			}
		}
		return stepResult{}
	case "github/codeql-action/upload-sarif":
		if r.refuse {
			return stepResult{failed: true}
		}
		if _, err := os.Stat(with["sarif_file"]); err != nil {
			r.t.Error(err)
		}
		r.sarif = append(r.sarif, with["category"])
		return stepResult{}
	}
	r.t.Fatalf("no %s here", s.Uses)
	return stepResult{}
}

// run runs a script in a shell, with the variables that the runner sets
// (https://docs.github.com/en/actions/reference/workflows-and-actions/variables)
// and no others.
func (r *runner) run(script, shell, dir string, env map[string]string) stepResult {
	r.t.Helper()
	r.commands++
	file := filepath.Join(r.temp, fmt.Sprintf("step%d.sh", r.commands))
	commands := make(map[string]string)
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
		commands[name] = filepath.Join(r.temp, fmt.Sprintf("%s%d", name, r.commands))
		if err := os.WriteFile(commands[name], nil, 0o666); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(script), 0o666); err != nil {
		r.t.Fatal(err)
	}
	words := append(append([]string(nil), r.shell...), "-e", file)
	if shell == "bash" || shell == "" {
		words = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", file}
	}
	action, err := filepath.Abs("../..")
	if err != nil {
		r.t.Fatal(err)
	}
	event, err := json.Marshal(r.event)
	if err != nil {
		r.t.Fatal(err)
	}
	eventFile := filepath.Join(r.temp, "event.json")
	if err := os.WriteFile(eventFile, event, 0o666); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": action, "GITHUB_WORKSPACE": r.workspace,
		"GITHUB_EVENT_NAME": r.github["event_name"], "GITHUB_EVENT_PATH": eventFile, "GITHUB_REPOSITORY": r.github["repository"],
		"GITHUB_ACTOR": r.github["actor"], "GITHUB_REF": r.github["ref"], "GITHUB_JOB": r.github["job"], "GITHUB_SHA": strings.Repeat("1", 40),
		"RUNNER_TEMP": r.temp, "RUNNER_OS": "Linux", "RUNNER_ARCH": map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH],
		"HOME": r.temp, "PATH": strings.Join(append(append([]string(nil), r.path...), os.Getenv("PATH")), ":"), "TODAY": "2024-04-15",
	}
	for _, vars := range []map[string]string{r.job, r.env, env, commands} {
		maps.Copy(all, vars)
	}
	cmd := exec.CommandContext(r.t.Context(), words[0], words[1:]...)
	cmd.Dir = filepath.Join(r.workspace, dir)
	for k, v := range all {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	result := stepResult{failed: cmd.Run() != nil, outputs: r.assignments(commands["GITHUB_OUTPUT"])}
	maps.Copy(r.env, r.assignments(commands["GITHUB_ENV"]))
	for _, line := range strings.Fields(r.text(commands["GITHUB_PATH"])) {
		r.path = append([]string{line}, r.path...)
	}
	r.summary += r.text(commands["GITHUB_STEP_SUMMARY"])
	return result
}

func (r *runner) text(file string) string {
	r.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// assignments reads NAME=VALUE lines.
func (r *runner) assignments(file string) map[string]string {
	r.t.Helper()
	out := make(map[string]string)
	for _, line := range strings.Split(strings.TrimSuffix(r.text(file), "\n"), "\n") {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			r.t.Errorf("%s: %q is no assignment", file, line)
		}
		out[name] = value
	}
	return out
}

// context are the contexts of a step.
func (r *runner) context(inputs, steps map[string]any, failed bool) *expressions {
	github := map[string]any{"event": r.event}
	for k, v := range r.github {
		github[k] = v
	}
	return &expressions{t: r.t, failed: failed, values: map[string]any{
		"inputs": inputs, "steps": steps, "github": github, "strategy": r.strategy,
		"runner": map[string]any{"os": "Linux", "temp": r.temp}, "job": map[string]any{"container": map[string]any{"id": r.container}},
	}}
}

// expressions evaluates those of GitHub, parsed by actionlint
// (https://docs.github.com/en/actions/reference/workflows-and-actions/expressions).
type expressions struct {
	t      *testing.T
	values map[string]any
	failed bool
}

// text replaces the expressions in a text.
func (e *expressions) text(s string) string {
	e.t.Helper()
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		expr, after, ok := strings.Cut(rest, "}}")
		if !ok {
			e.t.Fatalf("unclosed expression in %q", s)
		}
		b.WriteString(printed(e.evaluate(expr)))
		s = after
	}
}

// evaluate returns the value of an expression, with or without ${{ }}.
func (e *expressions) evaluate(s string) any {
	e.t.Helper()
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "${{"); ok {
		s = strings.TrimSuffix(inner, "}}")
	}
	node, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(s + "}}"))
	if err != nil {
		e.t.Fatalf("%s: %v", s, err)
	}
	return e.node(node)
}

func (e *expressions) node(n actionlint.ExprNode) any {
	e.t.Helper()
	switch n := n.(type) {
	case *actionlint.VariableNode:
		v, ok := e.values[n.Name]
		if !ok {
			e.t.Fatalf("no context %s", n.Name)
		}
		return v
	case *actionlint.NullNode:
		return nil
	case *actionlint.BoolNode:
		return n.Value
	case *actionlint.IntNode:
		return float64(n.Value)
	case *actionlint.StringNode:
		return n.Value
	case *actionlint.ObjectDerefNode:
		v := e.node(n.Receiver)
		if all, ok := v.([]any); ok {
			var out []any
			for _, v := range all {
				m, _ := v.(map[string]any)
				out = append(out, m[n.Property])
			}
			return out
		}
		m, _ := v.(map[string]any)
		return m[n.Property]
	case *actionlint.ArrayDerefNode:
		m, _ := e.node(n.Receiver).(map[string]any)
		var out []any
		for _, name := range slices.Sorted(maps.Keys(m)) {
			out = append(out, m[name])
		}
		return out
	case *actionlint.NotOpNode:
		return !truth(e.node(n.Operand))
	case *actionlint.LogicalOpNode:
		left := e.node(n.Left)
		if (n.Kind == actionlint.LogicalOpNodeKindAnd) != truth(left) {
			return left
		}
		return e.node(n.Right)
	case *actionlint.CompareOpNode:
		left, right := e.node(n.Left), e.node(n.Right)
		switch n.Kind {
		case actionlint.CompareOpNodeKindEq:
			return strings.EqualFold(printed(left), printed(right))
		case actionlint.CompareOpNodeKindNotEq:
			return !strings.EqualFold(printed(left), printed(right))
		case actionlint.CompareOpNodeKindGreater:
			a, _ := left.(float64)
			b, _ := right.(float64)
			return a > b
		}
	case *actionlint.FuncCallNode:
		return e.call(n)
	}
	e.t.Fatalf("no %T in this interpreter", n)
	return nil
}

func (e *expressions) call(n *actionlint.FuncCallNode) any {
	e.t.Helper()
	switch n.Callee {
	case "always":
		return true
	case "cancelled":
		return false
	case "success":
		return !e.failed
	case "failure":
		return e.failed
	case "format":
		s := printed(e.node(n.Args[0]))
		for i, a := range n.Args[1:] {
			s = strings.ReplaceAll(s, fmt.Sprintf("{%d}", i), printed(e.node(a)))
		}
		return s
	case "join":
		all, _ := e.node(n.Args[0]).([]any)
		var words []string
		for _, v := range all {
			words = append(words, printed(v))
		}
		return strings.Join(words, printed(e.node(n.Args[1])))
	case "contains":
		return strings.Contains(strings.ToLower(printed(e.node(n.Args[0]))), strings.ToLower(printed(e.node(n.Args[1]))))
	case "fromJSON", "fromjson":
		var v any
		if err := json.Unmarshal([]byte(printed(e.node(n.Args[0]))), &v); err != nil {
			e.t.Fatal(err)
		}
		return v
	case "toJSON", "tojson":
		b, err := json.Marshal(e.node(n.Args[0]))
		if err != nil {
			e.t.Fatal(err)
		}
		return string(b)
	}
	e.t.Fatalf("no function %s in this interpreter", n.Callee)
	return nil
}

// truth and printed convert as GitHub does.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	}
	return true
}

func printed(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// endToEnd skips a test, or a case of one, that takes seconds and whose kind the
// everyday tests have: the end-to-end step of .ci/run has all of them.
func endToEnd(t *testing.T) {
	t.Helper()
	if !isEndToEnd() {
		t.Skip("DEPAUDIT_E2E is not set")
	}
}

func isEndToEnd() bool { return os.Getenv("DEPAUDIT_E2E") != "" }
