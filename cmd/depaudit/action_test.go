package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/depaudit/depaudit/lockcheck"
)

// TestActionFile checks the action's file: that actionlint reads it, that it has
// no step of JavaScript and no script with an expression in it, and that all that
// it uses is pinned by a commit.
func TestActionFile(t *testing.T) {
	c := readComposite(t)
	if c.Runs.Using != "composite" {
		t.Errorf("it runs by %q", c.Runs.Using)
	}
	project := newProject(t)
	action, _, err := actionlint.NewLocalActionsCache(project, io.Discard).FindMetadata("./")
	if err != nil || action == nil || len(action.Inputs) != len(c.Inputs) || len(action.Outputs) != len(c.Outputs) {
		t.Errorf("actionlint reads %+v, %v", action, err)
	}
	for _, s := range c.Runs.Steps {
		switch {
		case s.Run == "" && s.Uses == "" || s.Run != "" && s.Shell == "":
			t.Errorf("step %q has no command or no shell", s.Name)
		case strings.Contains(s.Run, "${{"):
			t.Errorf("step %q: an input is a part of its script", s.Name)
		case s.Uses != "" && !regexp.MustCompile(`^[^@]+@[0-9a-f]{40}$`).MatchString(s.Uses):
			t.Errorf("%s is not a commit", s.Uses)
		}
	}
	for name, in := range c.Inputs {
		if in.Description == "" {
			t.Errorf("input %s has no description", name)
		}
	}
	lock, err := lockcheck.Open(t.Context(), "../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, note := range lock.Notes {
		t.Errorf("%s:%d: %s", note.File, note.Line, note.Detail)
	}
	if len(lock.Entries) != 3 {
		t.Errorf("it uses %d actions", len(lock.Entries))
	}
}

// newProject is this repository for actionlint.
func newProject(t *testing.T) *actionlint.Project {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p, err := actionlint.NewProject(root)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// release is a server with the programs of a release, and the lines of its
// SHA256SUMS. The program of this platform runs the test binary.
type release struct {
	*httptest.Server
	name, sums, dir string
}

// serve makes a release. host is a directory that its program takes for the
// machine, since a test cannot scan the real one in its time.
func serve(t *testing.T, host string) *release {
	t.Helper()
	r := &release{dir: t.TempDir()}
	r.name = fmt.Sprintf("depaudit_1.2.3_%s_%s", runtime.GOOS, runtime.GOARCH)
	program := programAs(t, filepath.Join(t.TempDir(), "depaudit"))
	script := "#!/bin/sh\nset -f\n"
	if host != "" {
		script += `case $1 in
snapshot) set -- "$@" dir:` + host + ` ;;
audit)
	stage=build-source
	for a in "$@"; do
		[ "$last" != --stage ] || stage=$a
		last=$a
	done
	set -- "$@" --env "$stage=dir:` + host + `"
	n=$# last=
	while [ $n -gt 0 ]; do
		a=$1
		shift
		[ "$last" != --since ] || a=$stage=$a
		last=$a
		set -- "$@" "$a"
		n=$((n - 1))
	done ;;
esac
`
	}
	script += "exec " + program + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(r.dir, r.name), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	r.sums = sumLine(script, r.name) + sumLine("others", "depaudit_1.2.3_windows_amd64.exe") + sumLine("others", "depaudit_1.2.3.spdx.json")
	r.Server = httptest.NewServer(http.FileServer(http.Dir(r.dir)))
	t.Cleanup(r.Close)
	return r
}

func sumLine(content, name string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:]) + "  " + name + "\n"
}

// programAs puts the test binary under a name by which it is the program.
func programAs(t *testing.T, to string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Link(self, to) == nil {
		return to
	}
	data, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(to, data, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// from are the inputs that choose a release.
func (r *release) from(with ...string) map[string]string {
	inputs := map[string]string{"download": r.URL, "checksums": r.sums}
	for i := 0; i < len(with); i += 2 {
		inputs[with[i]] = with[i+1]
	}
	return inputs
}

// aptRoot makes a root file system of packages base1, base2, ..., and more.
func aptRoot(t *testing.T, root string, more ...string) {
	t.Helper()
	files := map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n", "var/lib/apt/extended_states": ""}
	names := more
	for i := range 12 {
		names = append(names, fmt.Sprintf("base%d", i+1))
	}
	for _, name := range names {
		files["var/lib/dpkg/status"] += "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: A <a@example.org>\nVersion: 1.0-1\nDescription: test\n\n"
		files["var/lib/dpkg/info/"+name+".list"] = "/.\n/usr\n/usr/bin\n/usr/bin/" + name + "\n"
		files["usr/bin/"+name] = "#!/bin/sh\n"
	}
	writeFiles(t, root, files)
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

const directoryStage = `pipeline: p
stages:
  - name: build-source
    environment: dir:root
    critical: true
`

// project makes a checkout with a stage in a directory and its baseline.
func (r *runner) project(accepted bool) {
	r.t.Helper()
	writeFiles(r.t, r.workspace, map[string]string{"depaudit.yaml": directoryStage})
	aptRoot(r.t, filepath.Join(r.workspace, "root"))
	if accepted {
		r.depaudit("baseline", "update")
	}
}

// depaudit runs the program in the checkout, as the author of a project does.
func (r *runner) depaudit(args ...string) {
	r.t.Helper()
	cmd := exec.Command(programAs(r.t, filepath.Join(r.t.TempDir(), "depaudit")), args...)
	cmd.Dir = r.workspace
	cmd.Env = append(os.Environ(), "TODAY=2024-04-15")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// TestAction runs the audit of the action for each verdict.
func TestAction(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		with    []string
		before  func(*runner)
		verdict string
		code    string
		failed  bool
		report  bool
		log     string
	}{
		{name: "pass", verdict: "pass", code: "0", report: true, log: "PASS build-source"},
		{name: "fail", before: func(r *runner) { aptRoot(r.t, filepath.Join(r.workspace, "root"), "left-pad") }, verdict: "fail", code: "1", failed: true, report: true, log: `::error title=depaudit::the verdict is "fail"`},
		{name: "warn-only", with: []string{"warn-only", "true"}, before: func(r *runner) { aptRoot(r.t, filepath.Join(r.workspace, "root"), "left-pad") }, verdict: "fail", code: "1", report: true, log: "::warning title=depaudit::the verdict"},
		{name: "incomplete", before: func(r *runner) { remove(r.t, r.workspace, "depaudit.baseline.json") }, verdict: "incomplete", code: "3", failed: true, report: true},
		{name: "bad configuration", with: []string{"warn-only", "true"}, before: func(r *runner) {
			writeFiles(r.t, r.workspace, map[string]string{"depaudit.yaml": "pipeline: p\nstagse: []\n"})
		}, verdict: "error", code: "2", failed: true, log: "depaudit.yaml:2"},
		{name: "no checkout", before: func(r *runner) { remove(r.t, r.workspace, "depaudit.yaml") }, verdict: "error", code: "2", failed: true, log: "no depaudit.yaml"},
		{name: "unknown stage", with: []string{"stages", "build-sorce"}, verdict: "error", code: "2", failed: true, log: `did you mean "build-source"`},
		{name: "stages of several lines", with: []string{"stages", "build-source,\n  build-source\r\n"}, verdict: "pass", code: "0", report: true},
		{name: "another directory", with: []string{"working-directory", "sub", "config", "../depaudit.yaml"}, before: func(r *runner) { writeFiles(r.t, r.workspace, map[string]string{"sub/x": ""}) }, verdict: "pass", code: "0", report: true},
		{name: "another environment", with: []string{"environments", "build-source=dir:root with spaces"}, before: func(r *runner) {
			aptRoot(r.t, filepath.Join(r.workspace, "root with spaces"), "left-pad")
		}, verdict: "fail", code: "1", failed: true, report: true},
		{name: "arguments", with: []string{"arguments", "--show\nos"}, verdict: "pass", code: "0", report: true, log: "base12"},
		{name: "warn-only as an argument", with: []string{"arguments", "--show\nos\n--warn-only"}, verdict: "error", code: "4", failed: true, log: "--warn-only is an input of its own"},
		{name: "hostile input", with: []string{"stages", "$(touch${IFS}pwned) `touch${IFS}pwned` *", "arguments", "$(touch pwned)\n;touch pwned"}, verdict: "error", code: "2", failed: true},
		{name: "unknown mode", with: []string{"run", "begn"}, verdict: "error", code: "4", failed: true, log: "run: begn is none of begin, audit and merge"},
		{name: "unknown sarif", with: []string{"sarif", "yes"}, verdict: "error", code: "4", failed: true, log: "sarif: yes is none of"},
		{name: "unknown warn-only", with: []string{"warn-only", "maybe"}, verdict: "pass", code: "0", failed: true, report: true, log: "warn-only: maybe is neither"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRunner(t, "push")
			r.project(true)
			if test.before != nil {
				test.before(r)
			}
			got := r.uses(serve(t, "").from(test.with...))
			if got.failed != test.failed || got.outputs["verdict"] != test.verdict || got.outputs["exit-code"] != test.code {
				t.Errorf("failed %t, outputs %v\n%s", got.failed, got.outputs, r.log.String())
			}
			if !strings.Contains(r.log.String(), test.log) {
				t.Errorf("the log has no %q:\n%s", test.log, r.log.String())
			}
			if _, err := os.Stat(filepath.Join(r.workspace, "pwned")); err == nil {
				t.Error("an input was executed")
			}
			uploaded, _ := filepath.Glob(filepath.Join(r.artifacts, "*", "report.json"))
			if (len(uploaded) == 1) != test.report || (got.outputs["report"] != "") != test.report || (r.summary != "") != test.report {
				t.Errorf("uploaded %v, outputs %v, summary %q", uploaded, got.outputs, r.summary)
			}
			// What accepts the report is a part of it.
			proposed := got.outputs["proposed-baseline"]
			if wants := test.report && test.verdict != "pass"; (proposed != "") != wants {
				t.Errorf("proposed %q\n%s", proposed, r.log.String())
			} else if wants {
				writeFiles(t, r.workspace, map[string]string{"depaudit.baseline.json": r.text(proposed)})
				if again := r.uses(serve(t, "").from(test.with...)); again.failed || again.outputs["verdict"] != "pass" {
					t.Errorf("with the proposal: %+v\n%s", again, r.log.String())
				}
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestActionShells runs the two ends of a job in the shells of container images.
func TestActionShells(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	for _, shell := range [][]string{{"bash", "--posix"}, {"dash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			if _, err := exec.LookPath(shell[0]); err != nil {
				t.Skip(err)
			}
			machine := filepath.Join(t.TempDir(), "machine")
			aptRoot(t, machine)
			r := newRunner(t, "push")
			r.shell = shell
			// The scripts call sh: make it this one.
			bin := t.TempDir()
			writeFiles(t, bin, map[string]string{"sh": "#!/bin/bash\nexec " + strings.Join(shell, " ") + ` "$@"` + "\n"})
			if err := os.Chmod(filepath.Join(bin, "sh"), 0o777); err != nil {
				t.Fatal(err)
			}
			r.path = []string{bin}
			hostJob(t, r, machine)
		})
	}
}

// hostJob is a job on a runner: begin, a step that installs something, audit.
func hostJob(t *testing.T, r *runner, machine string) {
	t.Helper()
	from := serve(t, machine)
	writeFiles(t, r.workspace, map[string]string{"depaudit.yaml": strings.Replace(directoryStage, "dir:root", `"host:"`, 1)})
	begun := r.uses(from.from("run", "begin"))
	if begun.failed || begun.outputs["snapshot"] == "" || begun.outputs["verdict"] != "" {
		t.Fatalf("begin: %+v\n%s", begun, r.log.String())
	}
	// depaudit is on the PATH of later steps.
	if r.run("depaudit baseline update --env build-source=dir:"+machine+" --since build-source="+begun.outputs["snapshot"], "bash", ".", nil).failed {
		t.Fatal(r.log.String())
	}
	got := r.uses(from.from())
	if got.failed || got.outputs["verdict"] != "pass" || !strings.Contains(r.log.String(), "base 12, added 0") {
		t.Fatalf("%+v\n%s", got, r.log.String())
	}
	aptRoot(t, machine, "fetched")
	r.log.Reset()
	got = r.uses(from.from())
	if !got.failed || got.outputs["verdict"] != "fail" || !strings.Contains(r.log.String(), "base 12, added 1") {
		t.Fatalf("%+v\n%s", got, r.log.String())
	}
	if got.outputs["artifact"] != "depaudit-build-source-2" {
		t.Errorf("the second artifact of the job is %s", got.outputs["artifact"])
	}
}

// TestActionBegin is about jobs whose begin is missing, twice there, or not what
// it was.
func TestActionBegin(t *testing.T) {
	t.Parallel()
	machine := filepath.Join(t.TempDir(), "machine")
	aptRoot(t, machine)
	from := serve(t, machine)
	start := func(t *testing.T) *runner {
		r := newRunner(t, "push")
		writeFiles(t, r.workspace, map[string]string{"depaudit.yaml": strings.Replace(directoryStage, "dir:root", `"host:"`, 1)})
		return r
	}
	wants := func(t *testing.T, r *runner, got stepResult, verdict, log string) {
		t.Helper()
		if got.failed != (verdict != "pass") || got.outputs["verdict"] != verdict || !strings.Contains(r.log.String(), log) {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	}
	t.Run("missing", func(t *testing.T) {
		r := start(t)
		wants(t, r, r.uses(from.from("warn-only", "true")), "error", "begin did not run in this job")
	})
	t.Run("not wanted", func(t *testing.T) {
		r := start(t)
		r.depaudit("baseline", "update", "--env", "build-source=dir:"+machine)
		wants(t, r, r.uses(from.from("since", "none")), "pass", "12 dependencies")
	})
	t.Run("container", func(t *testing.T) {
		r := start(t)
		r.container = "abc"
		r.depaudit("baseline", "update", "--env", "build-source=dir:"+machine)
		wants(t, r, r.uses(from.from()), "pass", "12 dependencies")
	})
	t.Run("given", func(t *testing.T) {
		r := start(t)
		r.depaudit("snapshot", "-o", "mine.json", "dir:"+machine)
		r.depaudit("baseline", "update", "--env", "build-source=dir:"+machine, "--since", "build-source=mine.json")
		wants(t, r, r.uses(from.from("since", "mine.json")), "pass", "base 12, added 0")
	})
	t.Run("twice", func(t *testing.T) {
		r := start(t)
		if got := r.uses(from.from("run", "begin")); got.failed {
			t.Fatal(r.log.String())
		}
		if got := r.uses(from.from("run", "begin")); !got.failed || !strings.Contains(r.log.String(), "begin ran already") {
			t.Error(r.log.String())
		}
	})
	for name, script := range map[string]string{
		"replaced": `depaudit snapshot -o "$DEPAUDIT_SNAPSHOT"; echo >>"$DEPAUDIT_SNAPSHOT"`,
		"removed":  `rm "$DEPAUDIT_SNAPSHOT"`,
		"another":  `cp "$DEPAUDIT_SNAPSHOT" /tmp/x; echo "DEPAUDIT_SNAPSHOT=/dev/null" >>"$GITHUB_ENV"; rm "$DEPAUDIT_SNAPSHOT"`,
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			r.uses(from.from("run", "begin"))
			r.run(strings.ReplaceAll(script, "/tmp/x", r.temp+"/x"), "bash", ".", nil)
			wants(t, r, r.uses(from.from()), "error", "is not the snapshot that begin made")
		})
	}
	// A program that a step replaced is not the one that audits.
	t.Run("program", func(t *testing.T) {
		r := start(t)
		r.uses(from.from("run", "begin"))
		r.depaudit("baseline", "update", "--env", "build-source=dir:"+machine, "--since", "build-source="+filepath.Join(r.temp, "depaudit/before.json"))
		r.run(`printf '#!/bin/sh\necho depaudit 6\nexit 0\n' >"$(command -v depaudit)"`, "bash", ".", nil)
		wants(t, r, r.uses(from.from()), "pass", "base 12, added 0")
	})
	// Begin is of no use to a job without such a stage, and does no harm.
	t.Run("no stage", func(t *testing.T) {
		r := newRunner(t, "push")
		r.project(true)
		from := serve(t, "")
		writeFiles(t, filepath.Join(r.temp, "depaudit"), map[string]string{"before.json": "{}"})
		wants(t, r, r.uses(from.from()), "pass", "12 dependencies")
	})
}

// TestActionDownload is about what the action gets instead of its program.
func TestActionDownload(t *testing.T) {
	t.Parallel()
	from := serve(t, "")
	script, err := os.ReadFile(filepath.Join(from.dir, from.name))
	if err != nil {
		t.Fatal(err)
	}
	other := sumLine("another", from.name)
	ran := filepath.Join(t.TempDir(), "ran")
	evil := "#!/bin/sh\ntouch " + ran + "\necho depaudit 1\n"
	tests := []struct {
		name string
		with []string
		job  map[string]string
		path string // instead of the tests' own
		log  string
	}{
		{name: "wrong digest", with: []string{"checksums", other}, log: "it was not started"},
		{name: "evil", with: []string{"download", from.URL + "/evil"}, log: "it was not started"},
		{name: "truncated", with: []string{"download", from.URL + "/cut"}, log: "it was not started"},
		{name: "cut off", with: []string{"download", from.URL + "/broken"}, log: "cannot be downloaded"},
		{name: "missing", with: []string{"download", from.URL + "/nowhere"}, log: "cannot be downloaded"},
		{name: "no server", with: []string{"download", "http://127.0.0.1:1"}, log: "cannot be downloaded"},
		{name: "no release", with: []string{"checksums", "# none\n"}, log: "the input checksums names no release"},
		{name: "not pinned yet", with: []string{"checksums", "", "download", ""}, log: "release/pinned names no release"},
		{name: "other platforms", with: []string{"checksums", sumLine("x", "depaudit_1.2.3_plan9_amd64")}, log: "has no program for linux_"},
		{name: "twice", with: []string{"checksums", from.sums + sumLine("x", strings.Replace(from.name, "1.2.3", "1.2.4", 1))}, log: "several programs"},
		{name: "short digest", with: []string{"checksums", "abc " + from.name}, log: "abc is not a SHA-256"},
		{name: "digest of MD5", with: []string{"checksums", strings.Repeat("a", 32) + " " + from.name}, log: "is not a SHA-256"},
		{name: "version with a path", with: []string{"checksums", strings.Repeat("a", 64) + " depaudit_../../x_linux_" + runtime.GOARCH}, log: "is not a version"},
		{name: "system", job: map[string]string{"RUNNER_OS": "FreeBSD"}, log: "no program for the system FreeBSD"},
		{name: "architecture", job: map[string]string{"RUNNER_ARCH": "ARM"}, log: "no program for Linux on ARM"},
		{name: "no curl or wget", path: "sh sed tr awk grep cat mkdir rm dirname sha256sum uname chmod mv", log: "no curl or wget"},
		{name: "no sha256sum", path: "sh sed tr awk grep cat mkdir rm dirname curl uname chmod mv", log: "no sha256sum, shasum or openssl"},
		{name: "no such program", with: []string{"binary", "./nowhere"}, log: "there is no program ./nowhere"},
		{name: "another program", with: []string{"binary", "/bin/true"}, log: "is not depaudit"},
		{name: "word of the shell", with: []string{"binary", "true"}, log: "true is a word of the shell"},
	}
	writeFiles(t, from.dir, map[string]string{"evil/" + from.name: evil, "cut/" + from.name: string(script[:len(script)-5])})
	broken := http.NewServeMux()
	broken.Handle("/", from.Config.Handler)
	broken.HandleFunc("/broken/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(script)))
		_, _ = w.Write(script[:10])
	})
	from.Config.Handler = broken
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRunner(t, "push")
			r.project(true)
			r.job = test.job
			if r.job == nil {
				r.job = map[string]string{}
			}
			if test.path != "" {
				bin := t.TempDir()
				for _, name := range strings.Fields(test.path) {
					path, err := exec.LookPath(name)
					if err == nil {
						err = os.Symlink(path, filepath.Join(bin, name))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				r.job["PATH"] = bin
			}
			for _, mode := range []string{"begin", "audit"} {
				got := r.uses(from.from(append(test.with, "run", mode, "warn-only", "true")...))
				if !got.failed || mode == "audit" && got.outputs["verdict"] != "error" {
					t.Errorf("%s: %+v", mode, got)
				}
			}
			if !strings.Contains(r.log.String(), test.log) || !strings.Contains(r.log.String(), "::error title=depaudit::") {
				t.Errorf("no %q in\n%s", test.log, r.log.String())
			}
			if left, _ := filepath.Glob(filepath.Join(r.temp, "depaudit/bin/part*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of another digest was started")
	}
}

// TestActionBinary uses a program that is there already.
func TestActionBinary(t *testing.T) {
	t.Parallel()
	r := newRunner(t, "push")
	r.project(true)
	programAs(t, filepath.Join(r.workspace, "depaudit"))
	if got := r.uses(map[string]string{"binary": "./depaudit"}); got.failed || got.outputs["verdict"] != "pass" {
		t.Errorf("%+v\n%s", got, r.log.String())
	}
}

// TestActionSARIF checks which events upload to code scanning, by the event files
// that GitHub documents
// (https://docs.github.com/en/webhooks/webhook-events-and-payloads).
func TestActionSARIF(t *testing.T) {
	t.Parallel()
	pull := func(head, author string) map[string]any {
		pull := map[string]any{"base": map[string]any{"sha": strings.Repeat("b", 40)}, "head": map[string]any{"repo": nil}, "user": map[string]any{"login": author}}
		if head != "" {
			pull["head"] = map[string]any{"repo": map[string]any{"full_name": head}}
		}
		return map[string]any{"pull_request": pull}
	}
	tests := []struct {
		name, event, actor, ref string
		payload                 map[string]any
		auto                    bool
	}{
		{name: "own pull request", event: "pull_request", payload: pull("example/project", "octocat"), auto: true},
		{name: "fork", event: "pull_request", payload: pull("mallory/project", "mallory")},
		{name: "fork that was deleted", event: "pull_request", payload: pull("", "mallory")},
		{name: "dependabot", event: "pull_request", actor: "dependabot[bot]", payload: pull("example/project", "dependabot[bot]")},
		{name: "dependabot again", event: "pull_request", payload: pull("example/project", "dependabot[bot]")},
		{name: "dependabot's push", event: "push", actor: "dependabot[bot]"},
		{name: "push", event: "push", auto: true},
		{name: "tag", event: "push", ref: "refs/tags/v1"},
		{name: "schedule", event: "schedule", payload: map[string]any{"schedule": "17 3 * * *"}, auto: true},
		{name: "merge queue", event: "merge_group", payload: map[string]any{"merge_group": map[string]any{"base_sha": strings.Repeat("c", 40)}}, auto: true},
		{name: "of the base", event: "pull_request_target", payload: pull("mallory/project", "mallory")},
		{name: "after a run", event: "workflow_run"},
	}
	from := serve(t, "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !slices.Contains([]string{"own pull request", "fork", "dependabot", "push", "schedule"}, test.name) {
				endToEnd(t)
			}
			r := newRunner(t, test.event)
			r.project(true)
			r.event = test.payload
			if test.actor != "" {
				r.github["actor"] = test.actor
			}
			if test.ref != "" {
				r.github["ref"] = test.ref
			}
			got := r.uses(from.from("sarif", "auto"))
			if got.failed || len(r.sarif) > 0 != test.auto {
				t.Errorf("%+v, uploaded %v\n%s", got, r.sarif, r.log.String())
			}
			if test.name != "push" {
				return
			}
			// Without the permission, auto goes on and true does not.
			r.refuse, r.sarif = true, nil
			if got := r.uses(from.from("sarif", "auto")); got.failed || got.outputs["verdict"] != "pass" {
				t.Errorf("auto without permission: %+v", got)
			}
			if got := r.uses(from.from("sarif", "true")); !got.failed || got.outputs["verdict"] != "pass" {
				t.Errorf("true without permission: %+v", got)
			}
			if got := r.uses(from.from()); got.failed {
				t.Errorf("without sarif: %+v", got)
			}
		})
	}
}

// TestActionArtifact checks the names of artifacts, which must be different in
// one run.
func TestActionArtifact(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	from := serve(t, "")
	for _, test := range []struct {
		with     []string
		strategy map[string]any
		job      string
		want     []string
	}{
		{want: []string{"depaudit-build-source", "depaudit-build-source-2"}},
		{with: []string{"stages", "build-source"}, job: "all", want: []string{"depaudit-all-build-source", "depaudit-all-build-source-2"}},
		{strategy: map[string]any{"job-total": 2.0, "job-index": 0.0}, want: []string{"depaudit-build-source-0", "depaudit-build-source-0-2"}},
		{strategy: map[string]any{"job-total": 1.0, "job-index": 0.0}, want: []string{"depaudit-build-source", "depaudit-build-source-2"}},
		{with: []string{"artifact", "mine"}, want: []string{"mine", "mine"}},
		{with: []string{"artifact", "false"}, want: []string{"", ""}},
	} {
		r := newRunner(t, "push")
		r.project(true)
		if test.strategy != nil {
			r.strategy = test.strategy
		}
		if test.job != "" {
			r.github["job"] = test.job
		}
		for _, want := range test.want {
			got := r.uses(from.from(test.with...))
			if got.failed || got.outputs["artifact"] != want {
				t.Errorf("%v: %+v\n%s", test.with, got, r.log.String())
			}
			if want == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(r.artifacts, want, "report.md")); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestActionPolicy judges a pull request of a fork by the policy of the branch that
// it goes to.
func TestActionPolicy(t *testing.T) {
	t.Parallel()
	from := serve(t, "")
	start := func(t *testing.T, event string) (*runner, string) {
		r := newRunner(t, event)
		r.project(true)
		git := func(args ...string) string {
			cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
			cmd.Dir = r.workspace
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		git("init", "--quiet")
		git("add", "depaudit.yaml", "depaudit.baseline.json")
		git("commit", "--quiet", "-m", "base")
		base := git("rev-parse", "HEAD")
		// The branch is not critical any more, and has another package.
		writeFiles(t, r.workspace, map[string]string{"depaudit.yaml": strings.Replace(directoryStage, "critical: true", "critical: false", 1)})
		aptRoot(t, filepath.Join(r.workspace, "root"), "left-pad")
		git("commit", "--quiet", "-am", "branch")
		return r, base
	}
	pull := func(base string) map[string]any {
		return map[string]any{"pull_request": map[string]any{"base": map[string]any{"sha": base}, "head": map[string]any{"repo": map[string]any{"full_name": "mallory/project"}}}}
	}
	t.Run("auto", func(t *testing.T) {
		r, base := start(t, "pull_request")
		r.event = pull(base)
		got := r.uses(from.from("policy-from", "auto"))
		if !got.failed || got.outputs["verdict"] != "fail" || !strings.Contains(r.log.String(), "left-pad") {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	})
	t.Run("merge queue", func(t *testing.T) {
		r, base := start(t, "merge_group")
		r.event = map[string]any{"merge_group": map[string]any{"base_sha": base}}
		if got := r.uses(from.from("policy-from", "auto")); got.outputs["verdict"] != "fail" {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	})
	// A checkout without that commit is no reason to believe the branch.
	t.Run("shallow", func(t *testing.T) {
		r, _ := start(t, "pull_request")
		r.event = pull(strings.Repeat("b", 40))
		got := r.uses(from.from("policy-from", "auto"))
		if !got.failed || got.outputs["verdict"] != "error" || !strings.Contains(r.log.String(), "fetch") {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	})
	// Nor is an event file without a base.
	t.Run("no base", func(t *testing.T) {
		r, _ := start(t, "pull_request")
		got := r.uses(from.from("policy-from", "auto"))
		if !got.failed || got.outputs["verdict"] != "error" {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	})
	t.Run("push", func(t *testing.T) {
		r, _ := start(t, "push")
		if got := r.uses(from.from("policy-from", "auto")); got.outputs["verdict"] == "error" {
			t.Errorf("%+v\n%s", got, r.log.String())
		}
	})
}
