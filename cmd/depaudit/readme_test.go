package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestReadmeTranscripts runs what the README shows. A block that is marked
// "console" is a transcript: a line that begins with "$ " is a command, the
// lines up to the next one are all that it prints, "..." matches any
// number of lines, and "$ echo $?" shows the exit code. All commands run at the
// root of the module. With -update-docs, output without "..." is written anew.
func TestReadmeTranscripts(t *testing.T) {
	blocks := fenced(read(t, "README.md"), "console")
	if len(blocks) < 2 {
		t.Fatalf("README.md has %d transcripts", len(blocks))
	}
	ran := 0
	for _, block := range blocks {
		for _, step := range steps(t, block) {
			ran++
			step.check(t)
		}
	}
	if ran < 3 {
		t.Errorf("README.md shows %d commands", ran)
	}
}

type step struct {
	line    int
	command string
	want    []string
	status  int // of the command before, for echo $?
}

// steps takes a transcript apart, and leaves out "echo $?", whose output is
// what the step before it must exit with.
func steps(t *testing.T, b block) []step {
	t.Helper()
	var all []step
	for i, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		at := b.line + i
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand:
			all = append(all, step{line: at, command: command})
		case len(all) == 0:
			t.Fatalf("README.md:%d: output before the first command", at)
		default:
			all[len(all)-1].want = append(all[len(all)-1].want, line)
		}
	}
	var out []step
	for _, s := range all {
		if s.command != "echo $?" {
			out = append(out, s)
			continue
		}
		if len(out) == 0 || len(s.want) != 1 {
			t.Fatalf("README.md:%d: echo $? shows one number, after a command", s.line)
		}
		if _, err := fmt.Sscan(s.want[0], &out[len(out)-1].status); err != nil {
			t.Fatalf("README.md:%d: %v", s.line+1, err)
		}
	}
	return out
}

func (s step) check(t *testing.T) {
	t.Helper()
	stdout, stderr, code := inModule(t, s.command)
	if code != s.status {
		t.Errorf("README.md:%d: %s\nends with %d, and %d is written (0 where it is not)\n%s", s.line, s.command, code, s.status, stderr)
	}
	have := stdout + stderr
	if matches(s.want, strings.Split(strings.TrimSuffix(have, "\n"), "\n")) {
		return
	}
	if *updateDocs && !slices.Contains(s.want, "...") {
		rewrite(t, "README.md", strings.Join(s.want, "\n")+"\n", have)
	} else {
		t.Errorf("README.md:%d: %s\nprints other output than the page shows:\n%s", s.line, s.command, have)
	}
}

// rewrite replaces one passage of a page.
func rewrite(t *testing.T, page, from, to string) {
	t.Helper()
	text := read(t, page)
	if strings.Count(text, from) != 1 {
		t.Fatalf("%s does not have this once: %s", page, from)
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, page), []byte(strings.Replace(text, from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// matches compares lines, where "..." matches any number of them.
func matches(want, have []string) bool {
	if len(want) == 0 {
		return len(have) == 0 || len(have) == 1 && have[0] == ""
	}
	if want[0] == "..." {
		for i := range len(have) + 1 {
			if len(want) == 1 && i == len(have) || len(want) > 1 && matches(want[1:], have[i:]) {
				return true
			}
		}
		return false
	}
	return len(have) > 0 && want[0] == have[0] && matches(want[1:], have[1:])
}

func TestMatches(t *testing.T) {
	lines := func(s string) []string { return strings.Split(s, "\n") }
	for _, test := range []struct {
		want, have string
		match      bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"a\n...", "a\nb\nc", true},
		{"a\n...\nc", "a\nc", true},
		{"a\n...\nc", "a\nb\nd", false},
		{"...\nc", "c\nb\nc", true},
		{"a\n...", "b\na", false},
	} {
		if matches(lines(test.want), lines(test.have)) != test.match {
			t.Errorf("matches(%q, %q) = %t", test.want, test.have, !test.match)
		}
	}
}

// inModule runs one command line of the documentation at the root of the
// module: this program, by either of its names there.
func inModule(t *testing.T, line string) (stdout, stderr string, code int) {
	t.Helper()
	args := strings.Fields(line)
	switch {
	case strings.HasPrefix(line, "go run ./cmd/depaudit "):
		args = args[3:]
	case strings.HasPrefix(line, "depaudit "):
		args = args[1:]
	default:
		t.Fatalf("%s: this test knows how to run depaudit only", line)
	}
	return inProcess(t, moduleRoot, args, map[string]string{})
}

// builtBy is how a report names the build of the program, which differs
// between go run, go install and go test.
var builtBy = regexp.MustCompile(`(?m)^(counting rules .*, depaudit ).*$`)

func inProcess(t *testing.T, dir string, args []string, env map[string]string) (stdout, stderr string, code int) {
	t.Helper()
	working, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Chdir(working); err != nil {
			t.Fatal(err)
		}
	}()
	var out, errs bytes.Buffer
	c := command{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(name string) string { return env[name] }}
	code = c.main(args)
	return builtBy.ReplaceAllString(out.String(), "${1}(devel)"), errs.String(), code
}

// TestReadmeWorkflow does with the README's depaudit.yaml and workflow what a
// new user would: audit, make a baseline, and run the gate.
func TestReadmeWorkflow(t *testing.T) {
	var workflow, config string
	for _, b := range fenced(read(t, "README.md"), "yaml") {
		if strings.Contains(b.text, "runs-on:") {
			workflow = b.text
		} else {
			config = b.text
		}
	}
	if workflow == "" || config == "" {
		t.Fatal("README.md has no workflow, or no depaudit.yaml")
	}
	// The example's critical stage, where this configuration expects its own.
	project := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stage := os.DirFS(filepath.Join(moduleRoot, "testdata/cpython/example/build-source"))
	if err := os.CopyFS(filepath.Join(project, "build/rootfs"), stage); err != nil {
		t.Fatal(err)
	}
	write("depaudit.yaml", config)
	write("requirements.txt", read(t, "testdata/cpython/example/requirements.txt"))
	if out, errs, code := inProcess(t, project, []string{"audit"}, nil); code != exitIncomplete {
		t.Errorf("README.md: audit without a baseline ends with %d, want %d\n%s%s", code, exitIncomplete, out, errs)
	}
	if _, errs, code := inProcess(t, project, []string{"baseline", "update"}, nil); code != exitPass {
		t.Errorf("README.md: baseline update ends with %d\n%s", code, errs)
	}

	var parsed struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses string
				Run  string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(workflow), &parsed); err != nil {
		t.Fatalf("README.md: the workflow: %v", err)
	}
	ran := 0
	env := map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(project, "summary.md")}
	for _, job := range parsed.Jobs {
		for _, s := range job.Steps {
			if s.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(s.Uses) {
				t.Errorf("README.md: %s is not pinned by commit", s.Uses)
			}
			if args, ok := strings.CutPrefix(s.Run, "depaudit "); ok {
				ran++
				line := os.Expand(strings.ReplaceAll(args, `"`, ""), func(name string) string { return env[name] })
				if out, errs, code := inProcess(t, project, strings.Fields(line), env); code != exitPass {
					t.Errorf("README.md: %s ends with %d\n%s%s", s.Run, code, out, errs)
				}
			}
		}
	}
	if ran == 0 {
		t.Error("README.md: the workflow does not run depaudit")
	}
	for _, name := range []string{"summary.md", "depaudit.json"} {
		if info, err := os.Stat(filepath.Join(project, name)); err != nil || info.Size() == 0 {
			t.Errorf("README.md: the workflow leaves no %s behind (%v)", name, err)
		}
	}
}

// TestReadmeInstall checks that the command for installing names this program.
func TestReadmeInstall(t *testing.T) {
	want := "go install " + module + "/cmd/depaudit@latest"
	for _, b := range fenced(read(t, "README.md"), "sh") {
		if strings.TrimSpace(b.text) == want {
			return
		}
	}
	t.Errorf("README.md has no block with %q alone", want)
}

// TestExampleBaseline checks that the program would write the example's baseline
// with the same bytes.
func TestExampleBaseline(t *testing.T) {
	committed := read(t, "testdata/cpython/example/depaudit.baseline.json")
	again := filepath.Join(t.TempDir(), "baseline.json")
	if err := os.WriteFile(again, []byte(committed), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"baseline", "update", "--no-cache", "-c", "testdata/cpython/example/depaudit.yaml", "--baseline", again}
	if out, errs, code := inProcess(t, moduleRoot, args, nil); code != exitPass {
		t.Fatalf("baseline update: exit %d\n%s%s", code, out, errs)
	}
	data, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != committed {
		t.Errorf("the example's baseline is out of date: %s", firstDifference(committed, string(data)))
	}
}

// block is a fenced block of Markdown.
type block struct {
	line int // of the first line of text
	text string
}

// fenced returns the blocks of a page whose info string is info.
func fenced(page, info string) []block {
	var blocks []block
	inside, wanted := false, false
	for i, line := range strings.SplitAfter(page, "\n") {
		mark, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case isFence && inside:
			inside, wanted = false, false
		case isFence:
			inside, wanted = true, mark == info
			if wanted {
				blocks = append(blocks, block{line: i + 2})
			}
		case wanted:
			blocks[len(blocks)-1].text += line
		}
	}
	return blocks
}
