package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

// TestReadmeRecipes runs the jobs that README.md proposes, with its depaudit.yaml:
// each is incomplete at first, and passes with the baseline of its own report.
func TestReadmeRecipes(t *testing.T) {
	config := fenced(read(t, "README.md"), "yaml")
	config = slices.DeleteFunc(config, func(b block) bool { return !strings.HasPrefix(b.text, "# depaudit.yaml\n") })
	if len(config) != 1 {
		t.Fatalf("README.md has %d configurations", len(config))
	}
	image := imageFile(t)
	for _, test := range []struct {
		name, environment, definition string
	}{
		{name: "runner"},
		{name: "container"},
		{"dockerfile", "oci-archive:image.tar", "Dockerfile#build"},
	} {
		t.Run(test.name, func(t *testing.T) {
			job := marked(t, "README.md", "recipe: "+test.name, "yaml")
			if n := strings.Count(job, "\n"); n > 12 {
				t.Errorf("%d lines", n)
			}
			workflow := "name: release\non: push\npermissions: {}\n" + strings.ReplaceAll(job, "COMMIT", strings.Repeat("d", 40))
			lint(t, test.name, workflow)
			files := map[string]string{
				"depaudit.yaml": config[0].text, "requirements.txt": "", ".github/workflows/release.yml": workflow,
				".git/HEAD": "ref: refs/heads/main\n", "ci/build-source": "#!/bin/sh\n", "Dockerfile": "FROM debian@sha256:" + strings.Repeat("0", 64) + " AS build\n",
			}
			if test.environment != "" {
				page := read(t, "README.md")
				for _, want := range []string{"`environment: " + test.environment + "`", "`definition: " + test.definition + "`"} {
					if !strings.Contains(page, want) {
						t.Errorf("README.md has no %s", want)
					}
				}
				text := regexp.MustCompile(`environment: \S+`).ReplaceAllString(files["depaudit.yaml"], "environment: "+test.environment)
				files["depaudit.yaml"] = regexp.MustCompile(`definition: \S+`).ReplaceAllString(text, "definition: "+test.definition)
			}
			p := &pipelineRun{t: t, text: workflow, files: files, event: "push", image: image}
			p.run()
			if p.results["build-source"] != "failure" || !strings.Contains(p.logs["build-source"], `the verdict is "incomplete"`) {
				t.Fatalf("%v\n%s", p.results, p.logs["build-source"])
			}
			project := t.TempDir()
			writeFiles(t, project, files)
			report := filepath.Join(p.artifacts, "depaudit-build-source-build-source")
			if out, errs, code := inProcess(t, project, []string{"baseline", "update", "--from", report}, nil); code != exitPass {
				t.Fatalf("baseline update ends with %d\n%s%s", code, out, errs)
			}
			p.files["depaudit.baseline.json"] = read1(t, filepath.Join(project, "depaudit.baseline.json"))
			p.run()
			if p.results["build-source"] != "success" {
				t.Errorf("%v\n%s", p.results, p.logs["build-source"])
			}
		})
	}
}

// TestCIPagePlain runs the steps of docs/ci.md that do without the action, and the
// script of its job for GitLab: without a baseline they end the job.
func TestCIPagePlain(t *testing.T) {
	config := "pipeline: p\nstages:\n  - name: build-source\n    environment: \"host:\"\n    critical: true\n"
	page := "docs/ci.md"
	var gitlab map[string]struct {
		Script    []string
		Artifacts struct {
			When    string
			Paths   []string
			Reports map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(marked(t, page, "recipe: gitlab", "yaml")), &gitlab); err != nil {
		t.Fatal(err)
	}
	job := gitlab["build-source"]
	steps := "jobs:\n  build-source:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@COMMIT\n"
	for _, line := range job.Script {
		steps += "      - run: " + line + "\n"
	}
	for name, jobs := range map[string]string{"plain": marked(t, page, "recipe: plain", "yaml"), "gitlab": steps} {
		t.Run(name, func(t *testing.T) {
			workflow := "name: release\non: push\npermissions: {}\n" + strings.ReplaceAll(jobs, "COMMIT", strings.Repeat("d", 40))
			lint(t, name, workflow)
			files := map[string]string{"depaudit.yaml": config, "ci/build-source": "#!/bin/sh\n"}
			for _, written := range append(slices.Collect(maps.Values(job.Artifacts.Reports)), job.Artifacts.Paths...) {
				if name == "gitlab" {
					// What the job leaves, also when it is red.
					workflow += "      - if: always()\n        run: test -s " + written + " && echo left " + written + "\n"
				}
			}
			p := &pipelineRun{t: t, text: workflow, files: files, event: "push", installed: true}
			p.run()
			log := p.logs["build-source"]
			if p.results["build-source"] != "failure" || !strings.Contains(log, "no-baseline") || strings.Contains(log, "base 12") != (name == "plain") {
				t.Errorf("%v\n%s", p.results, log)
			}
			if name == "gitlab" && strings.Count(log, "\nleft ") != 3 || job.Artifacts.When != "always" {
				t.Errorf("artifacts are missing:\n%s", log)
			}
		})
	}
}

// imageFile makes the image that a build would have written: a tar file of a
// layout with one layer.
func imageFile(t *testing.T) string {
	t.Helper()
	root, layout := t.TempDir(), t.TempDir()
	aptRoot(t, root)
	archive := func(dir, to string) {
		t.Helper()
		if out, err := exec.Command("tar", "-C", dir, "-cf", to, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	blob := func(data string) string {
		sum, _, _ := strings.Cut(sumLine(data, ""), " ")
		writeFiles(t, layout, map[string]string{"blobs/sha256/" + sum: data})
		return fmt.Sprintf(`"digest":"sha256:%s","size":%d`, sum, len(data))
	}
	tarball := filepath.Join(t.TempDir(), "layer.tar")
	archive(root, tarball)
	content := read1(t, tarball)
	layer := blob(content)
	diff, _, _ := strings.Cut(sumLine(content, ""), " ")
	config := blob(`{"architecture":"` + runtime.GOARCH + `","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:` + diff + `"]}}`)
	manifest := blob(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",` + config + `},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",` + layer + `}]}`)
	writeFiles(t, layout, map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",` + manifest + `}]}`,
	})
	file := filepath.Join(t.TempDir(), "image.tar")
	archive(layout, file)
	return file
}

// TestReadmeInstallRelease runs the lines that install a release, with a server
// of it: a program with another digest is not installed.
func TestReadmeInstallRelease(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil && !isEndToEnd() {
		t.Skip(err)
	}
	lines := marked(t, "README.md", "install", "sh")
	r := serve(t, "")
	version := "v1.2.3/"
	for _, test := range []struct {
		name, sums string
		installed  bool
	}{
		{"good", r.sums, true},
		{"another program", sumLine("others", r.name), false},
		{"not listed", sumLine("others", "depaudit_1.2.3_plan9_arm"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			writeFiles(t, r.dir, map[string]string{version + "SHA256SUMS": test.sums, version + r.name: read1(t, filepath.Join(r.dir, r.name))})
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"bin/sudo": "#!/bin/sh\nexec \"$@\"\n"})
			if err := os.Chmod(filepath.Join(dir, "bin/sudo"), 0o777); err != nil {
				t.Fatal(err)
			}
			script := strings.NewReplacer("https://github.com/depaudit/depaudit/releases/download", r.URL, "linux_amd64", runtime.GOOS+"_"+runtime.GOARCH, "/usr/local/bin/depaudit", filepath.Join(dir, "depaudit")).Replace(lines)
			cmd := exec.Command("bash", "-c", script)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			_, missing := os.Stat(filepath.Join(dir, "depaudit"))
			if (err == nil) != test.installed || (missing == nil) != test.installed {
				t.Errorf("%v, %v\n%s", err, missing, out)
			}
		})
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
