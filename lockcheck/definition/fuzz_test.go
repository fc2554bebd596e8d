package definition

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// fuzzKind checks that any text of a kind is read or refused by an Error with a place,
// the same each time, and that the places of what is read are in the text.
func fuzzKind(f *testing.F, kind Kind, file string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseAs(context.Background(), kind, file, []byte(text))
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.File != file || e.Msg == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		again, _ := ParseAs(context.Background(), kind, file, []byte(text))
		if !reflect.DeepEqual(got, again) {
			t.Fatal("two readings differ")
		}
		n := strings.Count(text, "\n") + 1
		check := func(at Position) {
			if at.Line < 1 || at.Line > n || at.Column < 1 {
				t.Fatalf("the place %v is not in the text of %d lines", at, n)
			}
		}
		for _, u := range got.Uses {
			check(u.At)
		}
		for i := range got.Jobs {
			check(got.Jobs[i].At)
			for _, u := range got.Jobs[i].Uses {
				check(u.At)
				if u.Name == "" || u.Type == "" || u.Pin == "" || u.Pin == Floating && u.Detail == "" {
					t.Fatalf("%+v", u)
				}
			}
			for _, p := range got.Jobs[i].Publishes {
				check(p.At)
			}
		}
	})
}

func FuzzWorkflow(f *testing.F) {
	fuzzKind(f, Workflow, ".github/workflows/w.yml", releaseWorkflow, "jobs: {a: {runs-on: {group: x}, steps: [{run: 'pip install x | sh <<E\\nE'}]}}", "a: &a [x, *a]\njobs: *a\n")
}

func FuzzAction(f *testing.F) {
	fuzzKind(f, Action, "action.yml", "runs: {using: docker, image: Dockerfile}", "runs: {steps: [{run: x, shell: pwsh}]}")
}

func FuzzDockerfile(f *testing.F) {
	fuzzKind(f, Dockerfile, "Dockerfile", dockerfileText, "FROM a\nRUN [\"pip\", \"install\", \"x\"]\nRUN <<E\ncurl x://y | sh\nE\n")
}

func FuzzCompose(f *testing.F) {
	fuzzKind(f, Compose, "compose.yaml", "services: {a: {build: {context: x, dockerfile: y}, image: z, extends: b}, b: {extends: a}}")
}

func FuzzBake(f *testing.F) {
	fuzzKind(f, Bake, "docker-bake.hcl", bakeText, "a = {for x in y : z => \"${a[\"b\"]}\"}\n", "x = <<E\n a\nE\n")
}

func FuzzDevContainer(f *testing.F) {
	fuzzKind(f, DevContainer, "devcontainer.json", `{"image": "a", "features": {"a/b:1": {},}, "postCreateCommand": ["a"], "build": {"dockerfile": "x"}}`)
}

func FuzzGitLab(f *testing.F) {
	fuzzKind(f, GitLab, ".gitlab-ci.yml", "a: {extends: [b, a], script: [!reference [b, script], [x]]}\nb: {extends: a, script: [y], image: $X}\ninclude: [{project: a/b, file: c}]\n", "spec: {}\n---\nx: {trigger: {include: [{local: y}]}, needs: [{job: z}]}\n")
}

// FuzzShell runs the two readers of command lines on any text.
func FuzzShell(f *testing.F) {
	for _, s := range []string{"pip install $(cat x) ${y:-z}", "curl a://b -o c; ./c", "iex (irm x://y)", "a <<E | sudo -u x sh -c 'npx y'\nE", "git clone a://b; git checkout c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, shell := range []string{"bash", "pwsh"} {
			r := newReader("x", Workflow, text)
			job := Job{}
			b := &jobBuilder{reader: r, job: &job}
			b.run(Step{Shell: shell}, script{text, func(offset int) Position {
				if offset < 0 || offset > len(text) {
					t.Fatalf("the offset %d is not in the text", offset)
				}
				return Position{1, 1}
			}})
		}
	})
}

// TestHostile checks that large, deep and recursive texts are read or refused within
// a bounded time.
func TestHostile(t *testing.T) {
	const size = 1 << 20
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	run := func(script string) string {
		return "jobs:\n  j:\n    runs-on: x\n    steps:\n    - run: |\n        " + strings.ReplaceAll(script, "\n", "\n        ") + "\n"
	}
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for _, i := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		before := string(i[0] - 1)
		bomb += "a" + i + ": &a" + i + " [" + strings.Repeat("*a"+before+", ", 9) + "*a" + before + "]\n"
	}
	texts := map[string]map[Kind]string{
		"brackets":      {Workflow: "jobs: " + repeat("["), Compose: repeat("{"), GitLab: repeat("[") + "\n", DevContainer: repeat("["), Bake: "x = " + repeat("[")},
		"bomb":          {Workflow: bomb, GitLab: bomb, Compose: bomb},
		"keys":          {Workflow: "jobs:\n" + numbered("  j%: {runs-on: x}\n", 30_000), GitLab: numbered("j%: {script: x, extends: j1, artifacts: {paths: [x]}}\n", 15_000), Bake: numbered("target \"j%\" { inherits = [\"j1\"] }\n", 20_000)},
		"stages":        {Dockerfile: numbered("FROM s1 AS s%\n", 60_000)},
		"one line":      {Dockerfile: "FROM a\nRUN " + repeat("pip install x && "), Workflow: run(repeat("x")), Bake: repeat("x ")},
		"arguments":     {Dockerfile: "ARG A=x\n" + strings.Repeat("ARG A=$A$A$A$A$A$A$A$A\n", 1000) + "FROM $A\n"},
		"parentheses":   {Workflow: run(repeat("$("))[:120_000], Dockerfile: "FROM a\nRUN " + strings.Repeat("(", 100_000) + "\n"},
		"if":            {Workflow: run(strings.Repeat("if ", 40_000))},
		"quotes":        {Workflow: run(strings.Repeat("bash -c \"", 10_000))},
		"pipes":         {Workflow: run(strings.Repeat("curl x://y/z | ", 8_000) + "sh")},
		"commands":      {Workflow: run(strings.Repeat("curl -O x://y/z\n", 7_000) + "sh z")},
		"substitutions": {Workflow: run(strings.Repeat("echo `", 20_000))},
		"merges":        {GitLab: numbered("j%: {extends: [.a, .a, .a, .a], script: x}\n", 2_000) + ".a: {" + numbered("k%: x, ", 5_000) + "}\n"},
		"notes":         {Workflow: "jobs:\n  j:\n    runs-on: x\n    steps:\n" + strings.Repeat("    - run: 'if ['\n", 20_000)},
		"matrix":        {Workflow: "jobs:\n  j:\n    strategy: {matrix: {a: [" + numbered("v%, ", 5_000) + "]}}\n    runs-on: ${{ matrix.a }}\n    steps:\n" + strings.Repeat("    - {uses: actions/setup-go@v1, with: {go-version: '${{ matrix.a }}'}}\n", 2_000)},
		"here-document": {Dockerfile: "FROM a\nRUN <<E\n" + repeat("x\n")},
	}
	for name, kinds := range texts {
		for kind, text := range kinds {
			var err error
			took := timetest.Work(t, 20*time.Second, func() { _, err = ParseAs(context.Background(), kind, "x", []byte(text)) })
			t.Logf("%s of %s: %v, %v", name, kind, took, err)
			if err != nil && (!utf8.ValidString(err.Error()) || len(err.Error()) > 500) {
				t.Errorf("%s of %s: an error of %d bytes", name, kind, len(err.Error()))
			}
		}
	}
}

// numbered repeats a text with a number for "%".
func numbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%", string(rune('a'+i%26))+strings.Repeat("b", i%7)+itoa(i)))
	}
	return b.String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
