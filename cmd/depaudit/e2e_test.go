package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// The tests in this file need root file systems that testdata/cpython
// builds with debootstrap and pip: .ci/run builds them and sets
// DEPAUDIT_E2E_ROOTS to their directory. The answers in expected.json come from dpkg-query and
// pip.

func realRoots(t *testing.T) string {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	roots := os.Getenv("DEPAUDIT_E2E_ROOTS")
	if roots == "" {
		t.Fatal("DEPAUDIT_E2E is set, but DEPAUDIT_E2E_ROOTS does not name a directory with roots made by testdata/cpython/build-roots.sh")
	}
	return roots
}

// program runs depaudit as a process in a directory.
func program(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Args[0] = "depaudit" // by which TestMain knows
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func scanJSON(t *testing.T, args ...string) audit.Stage {
	t.Helper()
	out, stderr, code := program(t, ".", append([]string{"scan", "-o", "json"}, args...)...)
	if code != exitPass {
		t.Fatalf("scan %v: exit %d\n%s", args, code, stderr)
	}
	r, err := audit.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return r.Stages[0]
}

// TestRealStages checks the dependencies of the real stages against those of
// dpkg-query and pip, name by name.
func TestRealStages(t *testing.T) {
	roots := realRoots(t)
	data, err := os.ReadFile(filepath.Join(roots, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]struct {
		Counts struct{ OS, Locked, Unlocked, Bundled, Total int }
		OS, Locked, Unlocked,
		Bundled []string
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) == 0 {
		t.Fatal("expected.json has no stage")
	}
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			stage := scanJSON(t, "dir:"+filepath.Join(roots, name), "--locks", filepath.Join(roots, "requirements.txt"))
			got := map[audit.Provenance][]string{}
			var inside []string
			byID := map[string]audit.Dependency{}
			for _, d := range stage.Dependencies {
				byID[d.ID] = d
			}
			for _, d := range stage.Dependencies {
				line := d.Name + " " + d.Version
				switch {
				case d.Provenance == audit.FromOS:
					line += " " + d.Arch
				case d.Provenance == audit.FromBundled && d.Type == "pypi":
					inside = append(inside, line+" "+byID[d.Owner].Name)
				}
				got[d.Provenance] = append(got[d.Provenance], line)
			}
			same(t, "os", got[audit.FromOS], want.OS)
			same(t, "lock", got[audit.FromLock], want.Locked)
			same(t, "unaccounted", got[audit.FromNowhere], want.Unlocked)
			same(t, "Python packages inside debs", inside, want.Bundled)
			if c := stage.Counts; c.Total != want.Counts.Total || c.OS != want.Counts.OS || c.Lock != want.Counts.Locked || c.Unaccounted != want.Counts.Unlocked {
				t.Errorf("counts %+v, dpkg-query and pip say %+v", c, want.Counts)
			}
			if len(stage.Gaps) != 0 {
				t.Errorf("gaps: %v", stage.Gaps)
			}
		})
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	for _, s := range got {
		if _, ok := slices.BinarySearch(want, s); !ok {
			t.Errorf("%s: depaudit alone has %q", what, s)
		}
	}
	for _, s := range want {
		if _, ok := slices.BinarySearch(got, s); !ok {
			t.Errorf("%s: depaudit misses %q", what, s)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d, want %d", what, len(got), len(want))
	}
}

// TestRealGrowth installs the docs packages into the critical stage, for the
// gate to refuse them by name, grouped under the explicit packages.
func TestRealGrowth(t *testing.T) {
	roots := realRoots(t)
	dir := t.TempDir()
	config := fmt.Sprintf(`pipeline: cpython
stages:
  - name: build-source
    environment: dir:%s
    critical: true
    locks: [%s]
`, filepath.Join(roots, "build-source"), filepath.Join(roots, "requirements.txt"))
	if err := os.WriteFile(filepath.Join(dir, "depaudit.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, stderr, code := program(t, dir, "audit"); code != exitIncomplete {
		t.Fatalf("without a baseline: exit %d, want %d\n%s%s", code, exitIncomplete, out, stderr)
	}
	if out, stderr, code := program(t, dir, "baseline", "update"); code != exitPass {
		t.Fatalf("baseline update: exit %d\n%s%s", code, out, stderr)
	}
	if out, stderr, code := program(t, dir, "audit"); code != exitPass {
		t.Fatalf("against its own baseline: exit %d\n%s%s", code, out, stderr)
	}
	out, stderr, code := program(t, dir, "audit", "--env", "build-source=dir:"+filepath.Join(roots, "build-docs-small"), "-o", "json")
	if code != exitFail {
		t.Fatalf("with the docs packages: exit %d, want %d\n%s", code, exitFail, stderr)
	}
	r, err := audit.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	g := r.Stages[0].Growth
	brings := 0
	heads := map[string]bool{}
	for _, group := range g.Added {
		brings += 1 + len(group.Introduces)
		name, _, _ := strings.Cut(strings.TrimPrefix(group.ID, "deb/debian/"), "@")
		heads[name] = true
	}
	if want := r.Stages[0].Counts.Total - g.Baseline; brings != want {
		t.Errorf("the groups have %d dependencies, the stage grew by %d", brings, want)
	}
	for _, asked := range []string{"latexmk", "texinfo"} {
		if !heads[asked] {
			t.Errorf("%s was asked for, and heads no group", asked)
		}
	}
	if out, _, code := program(t, dir, "baseline", "update", "--env", "build-source=dir:"+filepath.Join(roots, "build-docs-small")); code != exitUsage {
		t.Errorf("accepting growth of a critical stage without a reason: exit %d, want %d\n%s", code, exitUsage, out)
	}
}

// TestHost scans the machine that the test runs on: its OS packages are those
// of dpkg-query, and the Go toolchain that runs this test is unaccounted when
// it is the one from go.dev.
func TestHost(t *testing.T) {
	realRoots(t)
	query, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n").Output()
	if err != nil {
		t.Fatalf("dpkg-query: %v", err)
	}
	var want []string
	for line := range strings.Lines(string(query)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "installed "); ok {
			want = append(want, rest)
		}
	}
	out, stderr, code := program(t, ".", "scan", "host:", "-o", "json")
	if code != exitPass && code != exitIncomplete {
		t.Fatalf("scan host: exit %d\n%s", code, stderr)
	}
	r, err := audit.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	golang := ""
	for _, d := range r.Stages[0].Dependencies {
		if d.Provenance == audit.FromOS {
			got = append(got, d.Name+" "+d.Version+" "+d.Arch)
		}
		if d.Provenance == audit.FromNowhere && slices.Contains(d.Paths, "/usr/local/go") {
			golang = d.Name + " " + d.Version
		}
	}
	same(t, "os", got, want)
	version, err := os.ReadFile("/usr/local/go/VERSION")
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	if want := "go " + strings.TrimPrefix(first, "go"); golang != want {
		t.Errorf("/usr/local/go is %q, want %q", golang, want)
	}
}
