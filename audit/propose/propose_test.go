package propose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// repository writes files to a directory, by path.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// proposal returns the proposal for a directory, which must be a configuration that
// loads and a text that acts on no terminal and no log.
func proposal(t *testing.T, dir string) *Proposal {
	t.Helper()
	in := Input{Name: filepath.Base(dir), Locks: Sight(t.Context(), dir)}
	var err error
	if in.Files, in.Broken, err = Definitions(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	p := New(in)
	check(t, p)
	if len(p.Stages) == 0 {
		return p
	}
	file := filepath.Join(dir, "depaudit.yaml")
	if err := os.WriteFile(file, []byte(p.YAML("")), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for i, s := range p.Stages {
		if d := s.Definition(); d != "" && i < 3 {
			if found, err := definition.Select(t.Context(), root.FS(), d); err != nil || found.Job.At.Line != s.Line {
				t.Errorf("stage %s: definition %s: %v", s.Name, d, err)
			}
		}
		if len(c.Stages[i].LockFiles) != len(s.Locks) {
			t.Errorf("stage %s: the files of %q are %v", s.Name, s.Locks, c.Stages[i].LockFiles)
		}
	}
	return p
}

func check(t *testing.T, p *Proposal) {
	t.Helper()
	text := p.YAML("")
	if len(p.Stages) > 0 {
		c, err := config.Parse("depaudit.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for i, s := range p.Stages {
			if got := c.Stages[i]; got.Name != s.Name || got.Environment != s.Environment || got.Critical != s.Critical || got.Base != s.Base || len(got.Locks) != len(s.Locks) {
				t.Errorf("stage %d is %+v in the file, and %+v in the proposal", i, got, s)
			}
		}
	}
	for line := range strings.Lines(text + p.Advice("")) {
		line = strings.TrimSpace(line)
		if got := terminal.EscapeTo(line, len(line)+1); got != line {
			t.Errorf("a line acts on a terminal or a log: %q", line)
		}
	}
}

// names returns the stages as NAME, "!" if it is critical, "=BASE" and [LOCKS].
func names(p *Proposal) string {
	var out []string
	for _, s := range p.Stages {
		name := s.Name
		if s.Critical {
			name += "!"
		}
		if s.Base != "" {
			name += "=" + s.Base
		}
		if len(s.Locks) > 0 {
			name += fmt.Sprint(s.Locks)
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

const publishStep = "      - uses: pypa/gh-action-pypi-publish@cef221092ed1bacb1cc03d23a2d87d1d172e277b\n"

// TestHostile proposes for repositories with names that try to be something else.
func TestHostile(t *testing.T) {
	files := map[string]string{
		".github/workflows/a.yml": "on: push\njobs:\n" +
			"  \"a: b\\n- c #\\e[31m::error::x\":\n    runs-on: \"x\\n# y\\u202e::warning::\"\n    steps:\n" + publishStep +
			"  yes:\n    runs-on: [self-hosted, \"##[error]\"]\n    steps:\n" + publishStep +
			"  \"123\":\n    runs-on: x\n    container: \"img\\e]0;\\a\"\n    steps:\n" + publishStep +
			"  'null':\n    runs-on: x\n    steps:\n      - uses: actions/upload-artifact@v4\n        with: {name: \"x\\n  critical: false\"}\n" + publishStep,
		".github/workflows/b.yml":                      "on: push\njobs:\n  ünïcödé:\n    runs-on: x\n    steps:\n" + publishStep,
		".github/workflows/c#d.yml":                    "on: push\njobs:\n  a*[b]{c}:\n    runs-on: x\n    steps:\n      - run: pip install --require-hashes -r \"requirements[1]*.txt\"\n" + publishStep,
		".github/workflows/e\n\x1b[2J.yml":             "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n" + publishStep,
		".github/workflows/not.yml":                    "on: push\njobs: [",
		"requirements[1]*.txt":                         "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n",
		"deep/\x1b[31m/requirements.txt":               "six==1.16.0\n",
		"node_modules/x/.github/workflows/release.yml": "on: push\njobs:\n  evil:\n    runs-on: x\n    steps:\n" + publishStep,
		"sub/.github/workflows/release.yml":            "on: push\njobs:\n  evil:\n    runs-on: x\n    steps:\n" + publishStep,
	}
	dir := repository(t, files)
	outside := repository(t, map[string]string{"release.yml": "on: push\njobs:\n  outside:\n    runs-on: x\n    steps:\n" + publishStep, "requirements.txt": "six==1.16.0\n"})
	for link, target := range map[string]string{".github/workflows/link.yml": "release.yml", "requirements-link.txt": "requirements.txt", "linked": "."} {
		if err := os.Symlink(filepath.Join(outside, target), filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	p := proposal(t, dir)
	if got := names(p); strings.Contains(got, "evil") || strings.Contains(got, "outside") || strings.Count(got, "!") != 6 {
		t.Errorf("stages are %s", got)
	}
	if !strings.Contains(names(p), "a-b-c![requirements[1]*.txt]") {
		t.Errorf("the lock is missing: %s", names(p))
	}
	if len(p.Unread) < 2 {
		t.Errorf("unread are %v", p.Unread)
	}
}

// TestManyJobs proposes for a generated file in a bounded time, and names no more
// stages than are read.
func TestManyJobs(t *testing.T) {
	var b strings.Builder
	b.WriteString("on: push\njobs:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  j%d: {runs-on: x, needs: [j%d], steps: [{uses: actions/upload-artifact@v4, with: {name: a%d}}, {uses: actions/download-artifact@v4}, {uses: softprops/action-gh-release@v2}]}\n", i, max(i-1, 0), i)
	}
	dir := repository(t, map[string]string{".github/workflows/a.yml": b.String()})
	var p *Proposal
	timetest.Work(t, 2*time.Minute, func() { p = proposal(t, dir) })
	if len(p.Stages) > maxStages || len(p.Stages) == 0 && len(p.Unread) == 0 {
		t.Errorf("%d stages, unread %v", len(p.Stages), p.Unread)
	}
}

// TestNames gives different stages different names.
func TestNames(t *testing.T) {
	p := &proposer{Proposal: &Proposal{}}
	for range 3 {
		p.Stages = append(p.Stages, Stage{Name: "build", File: ".github/workflows/release.yml"}, Stage{Name: "", File: "x"}, Stage{Name: strings.Repeat("a", 64), File: "y"})
	}
	p.names()
	seen := map[string]bool{}
	for _, s := range p.Stages {
		if seen[s.Name] || len(s.Name) > maxName || s.Name == "" {
			t.Errorf("name %q", s.Name)
		}
		seen[s.Name] = true
	}
}

// TestOverlap compares patterns with each other.
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"dist", "dist", true}, {"dist", "docs", false}, {"wheels-*", "*-linux", true}, {"*", "", true},
		{"a*b", "a*c", false}, {"${{ matrix.x }}-wheels", "linux-wheels", true}, {"wheels-${{ matrix.x }}", "wheel?-[a-z]*", true},
		{"", "", true}, {"", "a", false}, {"a*", "b*", false}, {"{a,b}-x", "a-x", true},
	} {
		if got := overlap(wild(c.a), wild(c.b)); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// FuzzProposal checks that a proposal for any names loads and acts on no terminal.
func FuzzProposal(f *testing.F) {
	f.Add("build", "release.yml", "dist", "ubuntu-latest")
	f.Add("a: b", "x\n- y", "::error::", "\x1b[0m")
	f.Add("~", "#", "'\"\\", "##[x]")
	f.Add("1e3", "0x1", "*", "\u2028")
	f.Fuzz(func(t *testing.T, id, file, artifact, runner string) {
		job := definition.Job{ID: id, At: definition.Position{Line: 1}, RunsOn: []string{runner}, Matrix: []string{artifact}, Container: runner,
			Publishes: []definition.Publish{{File: file, By: artifact}}, Uploads: []definition.Artifact{{Name: artifact}}}
		check(t, New(Input{Name: file, Files: []definition.File{
			{Path: file, Kind: definition.Workflow, Jobs: []definition.Job{job, {ID: artifact, Needs: []string{id}, Downloads: []definition.Artifact{{}}, Publishes: job.Publishes}}},
			{Path: "Dockerfile", Kind: definition.Dockerfile, Jobs: []definition.Job{{ID: id, Container: runner}}},
		}, Locks: []Lock{{Path: file, Format: "go.sum", Pins: true}}}))
		check(t, New(Input{Name: id, Files: []definition.File{{Path: "Dockerfile", Kind: definition.Dockerfile, Jobs: []definition.Job{{ID: id, Container: runner}}}}}))
	})
}
