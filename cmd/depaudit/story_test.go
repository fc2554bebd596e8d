package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rhysd/actionlint"
)

// story is a project whose maintainer follows README.md: a clone, the repository
// that it is from, and a platform that runs the workflow of what is pushed.
type story struct {
	t                 *testing.T
	dir, clone, bin   string
	repository        string
	platformArtifacts string
	// machine is a root file system that the machine of each job is a copy of.
	machine string
}

// newStory makes a repository whose workflow does not use depaudit yet.
func newStory(t *testing.T) *story {
	t.Helper()
	for _, tool := range []string{"git", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	s := &story{t: t, dir: dir, clone: filepath.Join(dir, "project"), bin: filepath.Join(dir, "bin"), repository: filepath.Join(dir, "origin.git"), platformArtifacts: filepath.Join(dir, "artifacts")}
	if err := os.Mkdir(s.bin, 0o777); err != nil {
		t.Fatal(err)
	}
	programAs(t, filepath.Join(s.bin, "depaudit"))
	// gh run download --pattern P --dir DIR makes a directory for each artifact.
	writeFiles(t, s.bin, map[string]string{"gh": `#!/bin/sh
[ "$1 $2 $3 $5" = "run download --pattern --dir" ] || exit 1
mkdir -p "$6" && cd ` + s.platformArtifacts + ` && cp -r $4 "$OLDPWD/$6"
`})
	if err := os.Chmod(filepath.Join(s.bin, "gh"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.must("git init -q --bare -b main origin.git && git clone -q origin.git project 2>/dev/null")
	script := "#!/bin/sh\nmkdir dist && echo it >dist/it\n"
	writeFiles(t, s.clone, map[string]string{
		".github/workflows/release.yml": read(t, "cmd/depaudit/testdata/story/release.yml"),
		"ci/build-source":               script, "ci/build-docs": script, "ci/build-wheel": script,
	})
	s.must("cd project && chmod +x ci/* && git add . && git commit -qm 'A release in three jobs' && git push -q origin HEAD:main")
	return s
}

// sh runs commands in the directory of the story, and returns what they print.
func (s *story) sh(script string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), "bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + s.bin + ":" + os.Getenv("PATH"), "HOME=" + s.dir, "TODAY=2024-04-15", "COLUMNS=80",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org",
		"GIT_CONFIG_NOSYSTEM=1",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *story) must(script string) string {
	s.t.Helper()
	out, err := s.sh(script)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// readme runs the block of README.md that is marked <!-- story: NAME -->.
func (s *story) readme(name string) string {
	s.t.Helper()
	return s.must("cd project\n" + marked(s.t, "README.md", "story: "+name, "sh"))
}

// push runs the workflow of a branch, as the platform does for an event.
func (s *story) push(branch, event string) *pipelineRun {
	s.t.Helper()
	commit := strings.TrimSpace(s.must("git -C origin.git rev-parse " + branch))
	base := strings.TrimSpace(s.must("git -C origin.git rev-parse main"))
	p := &pipelineRun{t: s.t, text: s.must("git -C origin.git show " + branch + ":.github/workflows/release.yml"), repository: s.repository, commit: commit, event: event, machine: s.machine}
	if strings.HasPrefix(event, "pull_request") {
		repository := "example/project"
		if p.event = "pull_request"; event == "pull_request of a fork" {
			repository = "octocat/project"
		}
		p.payload = map[string]any{"pull_request": map[string]any{
			"base": map[string]any{"sha": base}, "head": map[string]any{"repo": map[string]any{"full_name": repository}}, "user": map[string]any{"login": "octocat"},
		}}
	}
	p.run()
	if err := os.RemoveAll(s.platformArtifacts); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(p.artifacts, s.platformArtifacts); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// wants checks how a job ended, and that its log has the lines.
func (s *story) wants(p *pipelineRun, job, result string, lines ...string) {
	s.t.Helper()
	if p.results[job] != result {
		s.t.Fatalf("job %s ends with %q, want %q\n%v\n%s", job, p.results[job], result, p.results, p.logs[job])
	}
	for _, line := range lines {
		if !strings.Contains(p.logs[job], line) {
			s.t.Errorf("the log of %s has no %q\n%s", job, line, p.logs[job])
		}
	}
}

// paste edits the workflow as depaudit init prints it: the first step and the gate
// of each job, and the job of README.md that merges.
func (s *story) paste(printed string) {
	s.t.Helper()
	file := filepath.Join(s.clone, ".github/workflows/release.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	_, block, ok := strings.Cut(printed, "for STAGE:\n\n")
	block, _, _ = strings.Cut(block, "\n\n")
	steps := strings.Split(strings.TrimSpace(block), "      # ... the steps that install, build and test ...\n")
	if !ok || len(steps) != 2 {
		s.t.Fatalf("init prints no steps to paste:\n%s", printed)
	}
	insert := make(map[int]string) // by the line that it comes before
	var stages []string
	job := regexp.MustCompile(`(?m)^  (\S+) +critical  \.github/workflows/release\.yml:(\d+)$`)
	gate := regexp.MustCompile(`gate: before the step in line (\d+)`)
	lines := strings.SplitAfter(string(text), "\n")
	for _, part := range strings.Split(printed, "\n\n  ")[1:] {
		for _, m := range job.FindAllStringSubmatchIndex("  "+part, -1) {
			part := ("  " + part)[m[0]:]
			name, at := job.FindStringSubmatch(part)[1], number(s.t, job.FindStringSubmatch(part)[2])
			if name == "publish" {
				continue // its machine makes nothing: see remove in TestStory
			}
			stages = append(stages, name)
			before := number(s.t, gate.FindStringSubmatch(part)[1])
			for i := at; i < before; i++ {
				if strings.TrimSpace(lines[i-1]) == "steps:" {
					insert[i+1] = "      " + strings.TrimSpace(steps[0]) + "\n"
				}
			}
			for !strings.HasPrefix(lines[before-1], "      - ") {
				before--
			}
			insert[before] = "      " + strings.TrimSpace(strings.ReplaceAll(steps[1], "STAGE", name)) + "\n"
		}
	}
	var out strings.Builder
	for i, line := range lines {
		out.WriteString(insert[i+1])
		out.WriteString(line)
	}
	merge := marked(s.t, "README.md", "recipe: merge", "yaml")
	merge = regexp.MustCompile(`needs: \[.*\]`).ReplaceAllString(merge, "needs: ["+strings.Join(stages, ", ")+"]")
	result := strings.ReplaceAll(out.String()+"\n"+merge, "COMMIT", strings.Repeat("d", 40))
	result = strings.Replace(result, "needs: ["+strings.Join(stages, ", ")+"]\n    runs-on: ubuntu-24.04\n    timeout-minutes: 10", "needs: footprint\n    runs-on: ubuntu-24.04\n    timeout-minutes: 10", 1)
	lint(s.t, "the pasted workflow", result)
	if err := os.WriteFile(file, []byte(result), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// marked returns the fenced block after the mark <!-- NAME --> of a page.
func marked(t *testing.T, page, name, info string) string {
	t.Helper()
	_, after, ok := strings.Cut(read(t, page), "<!-- "+name+" -->\n")
	if !ok {
		t.Fatalf("%s has no <!-- %s -->", page, name)
	}
	blocks := fenced(after, info)
	if !strings.HasPrefix(after, "```"+info+"\n") || len(blocks) == 0 {
		t.Fatalf("%s: no %s after <!-- %s -->", page, info, name)
	}
	return blocks[0].text
}

// lint checks a workflow with actionlint.
func lint(t *testing.T, name, text string) {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("workflow.yml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %v\n%s", name, p, text)
	}
}

// TestStory is a maintainer who follows README.md, from a clone to a gate that
// notices what it is for.
func TestStory(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	s := newStory(t)
	s.gate()
	t.Run("release", func(t *testing.T) {
		run := s.push("main", "push")
		s.wants(run, "publish", "success")
	})
	t.Run("growth", func(t *testing.T) {
		s.must(`cd project && git checkout -qb growth main && printf '%s\n' 'mkdir -p "$MACHINE/usr/local/bin" && cp /bin/true "$MACHINE/usr/local/bin/tool"' >>ci/build-docs && git commit -qam grow && git push -q origin growth`)
		run := s.push("growth", "pull_request")
		s.wants(run, "build-docs", "failure", "FAIL build-docs", "/usr/local/bin/tool")
		s.wants(run, "build-source", "success")
		s.wants(run, "footprint", "failure", "FAIL")
		narrow(t, run.logs["build-docs"])
		golden(t, "growth.log", run.logs["build-docs"])
	})
	t.Run("skipped", func(t *testing.T) {
		s.must(`cd project && git checkout -qb skipped main && sed -i "s/^  build-wheel:/&\n    if: github.event_name == 'never'/" .github/workflows/release.yml && git commit -qam skip && git push -q origin skipped`)
		run := s.push("skipped", "push")
		s.wants(run, "build-wheel", "skipped")
		s.wants(run, "footprint", "failure", "build-wheel", "stage-not-reported")
		s.wants(run, "publish", "skipped")
	})
	t.Run("fork", func(t *testing.T) {
		const workflow = ".github/workflows/release.yml"
		s.must("cd project && git checkout -q main && sed -i 's/with: {stages: [a-z-]*/&, policy-from: auto/' " + workflow + " && git commit -qam 'The target branch judges' && git push -q origin main")
		// The author accepts it all in a fork, where the gate judges by the fork.
		s.must(`cd project && git checkout -qb fork main && sed -i '0,/critical: true/s//critical: false/' depaudit.yaml && printf '%s\n' 'mkdir -p "$MACHINE/usr/local/bin" && cp /bin/true "$MACHINE/usr/local/bin/tool"' >>ci/build-source && git commit -qam weaker && git push -q origin fork`)
		s.wants(s.push("fork", "push"), "build-source", "failure", "stage-not-critical")
		s.must(`cd project && rm -rf reports && gh run download --pattern 'depaudit-*' --dir reports && depaudit baseline update --from reports --reason "a tool" && git commit -qam accepted && git push -q origin fork`)
		s.wants(s.push("fork", "push"), "build-source", "success")
		run := s.push("fork", "pull_request of a fork")
		s.wants(run, "build-source", "failure", "FAIL build-source", "/usr/local/bin/tool", "depaudit.yaml", "depaudit.baseline.json")
		golden(t, "fork.log", run.logs["build-source"])
		s.wants(run, "footprint", "failure")
	})
}

// gate follows README.md from its first command to a gate that is committed and
// green, and returns how long that took.
func (s *story) gate() time.Duration {
	t := s.t
	t.Helper()
	began := time.Now()
	printed := s.readme("begin")
	s.paste(printed)
	// The job that publishes downloads and uploads only; its machine makes nothing.
	config := read1(t, filepath.Join(s.clone, "depaudit.yaml"))
	at := strings.Index(config, "\n  - name: publish")
	if at < 0 {
		t.Fatalf("init proposes no stage publish\n%s", config)
	}
	writeFiles(t, s.clone, map[string]string{"depaudit.yaml": config[:at]})

	s.readme("push")
	first := s.push("footprint", "pull_request")
	s.wants(first, "build-source", "failure", "build-source", "INCOMPLETE", `the verdict is "incomplete"`)
	s.wants(first, "footprint", "failure", "not every job before this one succeeded")
	s.wants(first, "publish", "skipped")

	if out := s.readme("accept"); !strings.Contains(out, "build-wheel") {
		t.Errorf("the command that accepts prints\n%s", out)
	}
	second := s.push("footprint", "pull_request")
	for _, job := range []string{"build-source", "build-docs", "build-wheel", "footprint"} {
		s.wants(second, job, "success", "PASS")
	}
	took := time.Since(began)
	if log := s.must("git -C origin.git log --format=%s footprint"); !strings.HasPrefix(log, "Accept what the release is built with\nCount what the release is built with\n") {
		t.Errorf("the gate is not committed:\n%s", log)
	}
	s.must("cd project && git push -q origin HEAD:main && git checkout -q main && git pull -q")
	return took
}

// TestStoryTime measures the way from a program to a committed gate with a real
// root file system as the machine of each job (docs/benchmarks.md).
func TestStoryTime(t *testing.T) {
	roots := os.Getenv("DEPAUDIT_E2E_ROOTS")
	if os.Getenv("DEPAUDIT_E2E") == "" || roots == "" {
		t.Skip("DEPAUDIT_E2E and DEPAUDIT_E2E_ROOTS are not set")
	}
	s := newStory(t)
	s.machine = filepath.Join(roots, "build-source")
	took := s.gate()
	t.Logf("from depaudit init to a committed gate that is green: %.1f s", took.Seconds())
	// A person reads and pastes meanwhile.
	if took > 15*time.Minute {
		t.Error("that is more than a quarter of an hour")
	}
}

// golden compares the lines of a log that a reader looks at first, from the verdict
// to the details, and the annotations.
func golden(t *testing.T, name, log string) {
	t.Helper()
	var lines []string
	inside := false
	for _, line := range strings.Split(log, "\n") {
		switch {
		case strings.HasPrefix(line, "policy "), strings.HasPrefix(line, "FAIL "), strings.HasPrefix(line, "INCOMPLETE "):
			inside = true
		case strings.HasPrefix(line, "::group::"):
			inside = false
		}
		if inside || strings.HasPrefix(line, "::error") || strings.HasPrefix(line, "::warning") {
			line = regexp.MustCompile(`/\S*/TestStory[^/]*/\d+`).ReplaceAllString(line, "/job")
			lines = append(lines, regexp.MustCompile(`\b[0-9a-f]{12}\b`).ReplaceAllString(line, "0123456789ab"))
		}
	}
	have := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata/story", name)
	if *updateDocs {
		if err := os.WriteFile(file, []byte(have), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want := read1(t, file); want != have {
		t.Errorf("%s: %s\n%s", file, firstDifference(want, have), have)
	}
}

// narrow checks that a log has no line that a terminal of 80 columns breaks,
// but for those that a reader copies or a machine reads.
func narrow(t *testing.T, log string) {
	t.Helper()
	for _, line := range strings.Split(log, "\n") {
		if len([]rune(line)) > 80 && !strings.HasPrefix(line, "::") && !slices.ContainsFunc(strings.Fields(line), func(w string) bool { return len(w) > 60 }) && strings.HasPrefix(line, "  ") {
			t.Errorf("%d columns: %s", len([]rune(line)), line)
		}
	}
}

func read1(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
