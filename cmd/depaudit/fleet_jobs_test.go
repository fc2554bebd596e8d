package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"
)

const exampleNight = "2026-11-28"

// hangs is a time for a pod that hangs until it is killed.
const hangs time.Duration = -1

// kubeJob is a Job of Kubernetes, as far as the examples use it. The API server's own
// validation of them is TestKubernetesValidation.
type kubeJob struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		CompletionMode       string `yaml:"completionMode"`
		Completions          int
		BackoffLimit         int  `yaml:"backoffLimit"`
		BackoffLimitPerIndex *int `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy     struct {
			Rules []struct {
				Action      string
				OnExitCodes *struct {
					Operator string
					Values   []int
				} `yaml:"onExitCodes"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct {
			Spec struct {
				ImagePullSecrets []struct{ Name string } `yaml:"imagePullSecrets"`
				Containers       []kubeContainer
				Volumes          []struct {
					Secret struct {
						SecretName string `yaml:"secretName"`
					}
				}
			}
		}
	}
}

type kubeContainer struct {
	Name, Image   string
	Command, Args []string
	Env           []struct{ Name, Value string }
}

// exampleJob reads the Job of an example, with edits: OLD, NEW...
func exampleJob(t *testing.T, name string, edit ...string) kubeJob {
	t.Helper()
	text := strings.ReplaceAll(read1(t, "../../docs/examples/fleet/"+name), "NIGHT", exampleNight)
	for i := 0; i < len(edit); i += 2 {
		if !strings.Contains(text, edit[i]) {
			t.Fatalf("%s has no %q", name, edit[i])
		}
		text = strings.ReplaceAll(text, edit[i], edit[i+1])
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var job kubeJob
		if err := d.Decode(&job); errors.Is(err, io.EOF) {
			t.Fatalf("%s has no Job", name)
		} else if err != nil {
			t.Fatal(err)
		}
		if job.Kind == "Job" {
			return job
		}
	}
}

// cluster runs the pods of Jobs as processes, and treats their ends as the controller of
// Jobs does (https://kubernetes.io/docs/concepts/workloads/controllers/job/): what is
// mounted at /data and /fleet are directories below root.
type cluster struct {
	t    *testing.T
	root string
	// parallel is the number of pods at a time.
	parallel int
	// kill returns the time after which a pod is killed, 0 for never, and [hangs] for a
	// pod that does not end before it is killed.
	kill func(index, try int) time.Duration

	mu sync.Mutex
	// log is what all containers printed.
	log    strings.Builder
	killed int
}

// jobEnd is what became of a Job: its tries and the last exit code, by index.
type jobEnd struct{ tries, codes []int }

// indexed runs an Indexed Job.
func (c *cluster) indexed(job kubeJob) jobEnd {
	c.t.Helper()
	if job.Spec.CompletionMode != "Indexed" || job.Spec.BackoffLimitPerIndex == nil || len(job.Spec.Template.Spec.Containers) != 1 {
		c.t.Fatalf("%s is not an Indexed Job with a limit per index and one container", job.Metadata.Name)
	}
	n := job.Spec.Completions
	end := jobEnd{make([]int, n), make([]int, n)}
	next := make(chan int)
	var nodes sync.WaitGroup
	for range c.parallel {
		nodes.Go(func() {
			for i := range next {
				for {
					end.codes[i] = c.pod(job.Spec.Template.Spec.Containers[0], i, end.tries[i])
					end.tries[i]++
					if end.codes[i] == 0 || job.action(end.codes[i]) != "Count" || end.tries[i] > *job.Spec.BackoffLimitPerIndex {
						break
					}
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	nodes.Wait()
	return end
}

// action is what the policy of a Job says to the exit code of a pod.
func (j *kubeJob) action(code int) string {
	for _, rule := range j.Spec.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil && slices.Contains(rule.OnExitCodes.Values, code) == (rule.OnExitCodes.Operator == "In") {
			return rule.Action
		}
	}
	return "Count"
}

// pod runs a container and returns its exit code, 137 if it was killed.
func (c *cluster) pod(container kubeContainer, index, try int) int {
	here := strings.NewReplacer("/fleet/", c.root+"/fleet/", "/data/", c.root+"/data/", "$(JOB_COMPLETION_INDEX)", fmt.Sprint(index))
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		c.t.Error(err)
		return 255
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Args = slices.Clone(container.Command) // "depaudit", by which TestMain knows
	for _, arg := range container.Args {
		cmd.Args = append(cmd.Args, here.Replace(arg))
	}
	cmd.Env = append(os.Environ(), "TODAY="+exampleNight, fmt.Sprintf("JOB_COMPLETION_INDEX=%d", index))
	for _, v := range container.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+here.Replace(v.Value))
	}
	if c.kill != nil {
		after := c.kill(index, try)
		if after == hangs {
			cmd.Env = append(cmd.Env, hangVariable+"="+hangAtOnce)
			after = time.Millisecond
		}
		if after > 0 {
			defer time.AfterFunc(after, cancel).Stop()
		}
	}
	out, err := cmd.CombinedOutput()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log.Write(out)
	if ctx.Err() != nil && cmd.ProcessState.ExitCode() < 0 {
		c.killed++
		return 137
	}
	// The error of the context is that of a process that ended by itself just before.
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && !errors.Is(err, context.Canceled) {
		c.t.Error(err)
	}
	return cmd.ProcessState.ExitCode()
}

// all runs the containers of a Job that is not indexed, and returns their exit codes.
func (c *cluster) all(job kubeJob) (codes []int) {
	for _, container := range job.Spec.Template.Spec.Containers {
		codes = append(codes, c.pod(container, 0, 0))
	}
	return codes
}

// smallFleet writes pipelines of two stages each, and their list: p1/a, p1/b, p2/a ...
func smallFleet(t *testing.T, dir string, pipelines int) {
	t.Helper()
	list := ""
	for i := range pipelines {
		name := fmt.Sprintf("p%d", i+1)
		root := filepath.Join(dir, "pipelines", name, "root")
		aptRoot(t, root)
		writeFiles(t, root, map[string]string{"usr/local/lib/python3.11/dist-packages/" + name + "-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1\n"})
		writeFiles(t, filepath.Join(dir, "pipelines", name), map[string]string{
			"depaudit.yaml": "pipeline: " + name + "\nstages:\n  - {name: a, environment: dir:root}\n  - {name: b, environment: dir:root}\n",
		})
		for _, stage := range []string{"a", "b"} {
			list += fmt.Sprintf("%s/%s pipelines/%s/depaudit.yaml %s\n", name, stage, name, stage)
		}
	}
	writeFiles(t, dir, map[string]string{"stages.txt": list})
}

// tree has the contents of the files below a directory, but for those that a killed
// process left, which no reader looks at.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[rel] = read1(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sameTrees wants two directories to have the same files, of which there are some.
func sameTrees(t *testing.T, dir, other string) {
	t.Helper()
	got, want := tree(t, dir), tree(t, other)
	if len(want) == 0 {
		t.Errorf("%s is empty", other)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if text, ok := got[name]; !ok || text != want[name] {
			t.Errorf("%s is not the same in %s (there: %v)", name, dir, ok)
		}
		delete(got, name)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		t.Errorf("%s is only in %s", name, dir)
	}
}

// TestKubernetesJob runs the example: workers that end in each of the ways, one that is
// killed, and the check after them.
func TestKubernetesJob(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, root: t.TempDir(), parallel: 2}
	fleet := filepath.Join(c.root, "fleet")
	smallFleet(t, fleet, 4)
	const parts = 5
	job := exampleJob(t, "kubernetes.yaml", "completions: 100 ", fmt.Sprintf("completions: %d ", parts), "%100", fmt.Sprintf("%%%d", parts))
	check := exampleJob(t, "kubernetes-check.yaml")
	for _, container := range check.Spec.Template.Spec.Containers {
		if container.Image != job.Spec.Template.Spec.Containers[0].Image {
			t.Error("the two Jobs have different images")
		}
	}
	// A registry with a password has the image of the workers as well as those of the list.
	for _, j := range []kubeJob{job, check} {
		if pull := j.Spec.Template.Spec.ImagePullSecrets; len(pull) != 1 || pull[0].Name != "registry" {
			t.Errorf("%s pulls its image with %v", j.Metadata.Name, pull)
		}
	}
	if v := job.Spec.Template.Spec.Volumes; v[len(v)-1].Secret.SecretName != "registry" {
		t.Errorf("the workers have the secrets %v", v)
	}
	if whole := exampleJob(t, "kubernetes.yaml"); !slices.Contains(whole.Spec.Template.Spec.Containers[0].Args, fmt.Sprintf("--shard=$(JOB_COMPLETION_INDEX)%%%d", whole.Spec.Completions)) {
		t.Error("the number of parts is not that of the completions")
	}

	// p1/a fails, p2/a is incomplete, p3 has a mistake. Of 8 lines, part 0 has p1/a and
	// p3/b, part 1 p1/b and p4/a, part 2 p2/a and p4/b, part 3 p2/b, part 4 p3/a.
	edit := func(name, old, text string) {
		file := filepath.Join(fleet, "pipelines", name, "depaudit.yaml")
		was := read1(t, file)
		if !strings.Contains(was, old) {
			t.Fatalf("%s has no %q", file, old)
		}
		writeFiles(t, fleet, map[string]string{"pipelines/" + name + "/depaudit.yaml": strings.Replace(was, old, text, 1)})
	}
	edit("p1", "{name: a,", "{name: a, enforce: true,")
	edit("p2", "environment: dir:root", "environment: 'registry:127.0.0.1:1/app:1'")
	edit("p3", "stages:", "stagse:")
	c.kill = func(index, try int) time.Duration {
		if index == 1 && try == 0 {
			return hangs
		}
		return 0
	}
	end := c.indexed(job)
	if got := fmt.Sprint(end.codes, end.tries); got != "[2 0 3 0 2] [1 2 4 1 1]" || c.killed != 1 {
		t.Errorf("codes and tries %s, %d killed\n%s", got, c.killed, &c.log)
	}
	c.log.Reset()
	if codes := c.all(check); codes[0] != exitIncomplete || check.action(codes[0]) != "FailJob" {
		t.Errorf("exit codes %v", codes)
	}
	for _, want := range []string{"8 lines: 4 pass, 1 fail, 1 incomplete, 2 lost", "fail  p1/a", "incomplete  p2/a", "lost  p3/a  line 5: no report", "lost  p3/b  line 6: no report",
		// The configuration of p3 is wrong the next time, too.
		"again-" + exampleNight + ".txt, since another try ends in the same way: 2 lines"} {
		if !strings.Contains(c.log.String(), want+"\n") {
			t.Errorf("the check does not print %q:\n%s", want, &c.log)
		}
	}
	again := filepath.Join(c.root, "data", "again-"+exampleNight+".txt")
	if got := read1(t, again); !strings.HasPrefix(got, "p2/a ") || strings.Count(got, "\n") != 1 {
		t.Errorf("%s has %q", again, got)
	}

	// What was wrong is corrected, and the same Job again does the rest: its reports are
	// those that one process makes.
	edit("p1", ", enforce: true", "")
	edit("p2", "'registry:127.0.0.1:1/app:1'", "dir:root")
	edit("p3", "stagse:", "stages:")
	c.log.Reset()
	if end := c.indexed(job); slices.Max(end.codes) != exitPass || strings.Count(c.log.String(), "by an earlier try") != 2 {
		t.Errorf("%v\n%s", end, &c.log)
	}
	c.log.Reset()
	if codes := c.all(check); slices.Max(codes) != exitPass || !strings.Contains(c.log.String(), "8 lines: 8 pass\n") {
		t.Errorf("%v\n%s", codes, &c.log)
	}
	if tables := tree(t, filepath.Join(c.root, "data/tables")); len(tables) < 2 {
		t.Errorf("the tables are %v", tables)
	}
	one := &cluster{t: t, root: c.root}
	alone := exampleJob(t, "kubernetes.yaml", "%100", "%1", "/data/reports", "/data/one", "            - --resume\n", "")
	if code := one.pod(alone.Spec.Template.Spec.Containers[0], 0, 0); code != exitPass {
		t.Errorf("one process: exit code %d\n%s", code, &one.log)
	}
	sameTrees(t, filepath.Join(c.root, "data/reports"), filepath.Join(c.root, "data/one"))
}

// TestFleetResumeOffline wants --resume to leave a report whose image cannot be seen any
// more, with a warning: another audit would lose it.
func TestFleetResumeOffline(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(registry.Close)
	address := registry.Listener.Addr().String()
	(&pusher{t, "http://" + address + "/v2/app", map[string]bool{}}).image("1", wheelLayer(t, "one"))
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"stages.txt":    "app depaudit.yaml\n",
		"depaudit.yaml": "pipeline: app\nstages: [{name: a, environment: 'registry:" + address + "/app:1'}]\n",
	})
	run := []string{"fleet", "run", "stages.txt", "-o", "reports", "--resume"}
	out, stderr, code := program(t, dir, run...)
	if code != exitPass || out != "app  pass\n" {
		t.Fatalf("exit code %d\n%s%s", code, out, stderr)
	}
	before := read1(t, filepath.Join(dir, "reports/app.json"))
	registry.Close()
	out, stderr, code = program(t, dir, run...)
	if code != exitPass || out != "app  pass, by an earlier try\n" || !strings.Contains(stderr, "app (line 1): its report is left, and may be of an older image: ") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
	if after := read1(t, filepath.Join(dir, "reports/app.json")); after != before {
		t.Error("the report is another one")
	}
}

// TestKubernetesValidation wants the API server's own code to accept the examples, in a
// namespace with restricted pods too, and to reject them with a mistake.
func TestKubernetesValidation(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	validator := filepath.Join(t.TempDir(), "validator")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "testdata/kubernetes", "-o", validator, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"kubernetes.yaml", "kubernetes-check.yaml"} {
		for _, edit := range []struct{ old, text, want string }{
			{"", "", "Job: 0 errors"},
			{"restartPolicy: Never", "restartPolicy: OnFailure", "OnFailure"},
			{"operator: In", "operator: in", `Unsupported value: "in"`},
			{"readOnlyRootFilesystem", "readOnlyRoot", "unknown field"},
			{"{name: scratch, mountPath: /tmp}", "{name: tmp, mountPath: /tmp}", `volumeMounts[1].name: Not found: "tmp"`},
			{"drop: [ALL]", "drop: [NET_RAW]", "not restricted: unrestricted capabilities"},
			{"runAsNonRoot: true", "runAsNonRoot: false", "not restricted: runAsNonRoot"},
			{"seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", "not restricted: seccompProfile"},
		} {
			text := strings.ReplaceAll(read1(t, "../../docs/examples/fleet/"+name), "NIGHT", exampleNight)
			edited := text
			if edit.old != "" {
				edited = strings.ReplaceAll(text, edit.old, edit.text)
			}
			if edit.old != "" && edited == text {
				t.Errorf("%s has no %q", name, edit.old)
			}
			cmd := exec.CommandContext(t.Context(), validator)
			cmd.Stdin = strings.NewReader(edited)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (edit.old == "") || !strings.Contains(string(out), edit.want) {
				t.Errorf("%s with %q: %v\n%s", name, edit.text, err, out)
			}
		}
	}
}

// TestFleetMatrix runs the example for GitHub: a job that makes the matrix, the jobs of
// it, and the check, which notices one that was lost.
func TestFleetMatrix(t *testing.T) {
	t.Parallel()
	text := read1(t, "../../docs/examples/fleet/github.yml")
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("fleet.yml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	endToEnd(t)
	dir := t.TempDir()
	smallFleet(t, dir, 3)
	files := tree(t, dir)
	delete(files, "stages.txt")
	for _, test := range []struct{ name, old, text, audit, check, log string }{
		{"pass", "", "", "success", "success", "3 lines: 3 pass\n"},
		{"a runner is lost", "      - if: always()\n        uses: actions/upload-artifact", "      - if: matrix.part != 2\n        uses: actions/upload-artifact", "success", "failure", "3 lines: 2 pass, 1 lost\nlost  p2  line 2: no report\n"},
		{"all runners are lost", "needs: list\n", "needs: list\n    if: github.event_name == 'never'\n", "skipped", "failure", "3 lines: 3 lost\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &pipelineRun{t: t, text: strings.Replace(text, test.old, test.text, 1), files: files, event: "schedule"}
			p.run()
			if p.results["audit"] != test.audit || p.results["check"] != test.check || !strings.Contains(p.logs["check"], test.log) || !strings.Contains(p.summary, test.log) {
				t.Errorf("%v\n%s\n%s", p.results, p.logs["audit"], p.logs["check"])
			}
			if _, err := os.Stat(filepath.Join(p.artifacts, "tables", "stage_night")); (err == nil) != (test.audit == "success") {
				t.Errorf("the tables: %v", err)
			}
		})
	}
}
