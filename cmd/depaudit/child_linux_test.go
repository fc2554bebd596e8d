package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// The scanning processes of the tests in this file stop themselves ([stopIfTold]): no
// test must be fast enough to catch one.

// running is depaudit as a process, with its own temporary directory.
type running struct {
	*exec.Cmd
	tmp            string
	stdout, stderr bytes.Buffer
}

// start runs the program, whose scan of a directory hangs.
func start(t *testing.T, hangs string, args ...string) *running {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timetest.Patience)
	t.Cleanup(cancel)
	r := &running{Cmd: exec.CommandContext(ctx, exe, args...), tmp: filepath.Join(t.TempDir(), "tmp")}
	if err := os.Mkdir(r.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	r.Args[0] = "depaudit" // by which TestMain knows
	r.Env = append(os.Environ(), "TMPDIR="+r.tmp, hangVariable+"="+hangs)
	r.Stdout, r.Stderr = &r.stdout, &r.stderr
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pid := r.child(); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return r
}

// child is the number of the process that stopped itself, 0 if there is none yet.
func (r *running) child() int {
	text, _ := os.ReadFile(filepath.Join(filepath.Dir(r.tmp), stopped))
	if line, whole := strings.CutSuffix(string(text), "\n"); whole {
		pid, _ := strconv.Atoi(line)
		return pid
	}
	return 0
}

// hang waits until the scanning process has stopped itself.
func (r *running) hang(t *testing.T) (pid int) {
	t.Helper()
	timetest.Until(t, "the scanning process stops", func() bool {
		if pid = r.child(); pid == 0 {
			return false
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatalf("the scanning process is gone: %v", err)
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(after, "T")
	})
	return pid
}

// end waits for the process. It ends although the scan does not, or is killed after
// [timetest.Patience].
func (r *running) end(t *testing.T) {
	t.Helper()
	err := r.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
}

// cleanUp checks that neither the scanning process nor temporary files are left.
func (r *running) cleanUp(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); pid != 0 && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the scanning process %d is still there: %v", pid, err)
	}
	if left, err := os.ReadDir(r.tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// debianRoot makes a Debian root with n packages and returns its path.
func debianRoot(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	var status strings.Builder
	for i := range n {
		fmt.Fprintf(&status, "Package: p%d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-%d\n\n", i, i)
	}
	for name, text := range map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=12\n", "var/lib/dpkg/status": status.String()} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writePipeline writes a configuration with a stage for each root.
func writePipeline(t *testing.T, roots ...string) string {
	t.Helper()
	text := "pipeline: p\nstages:\n"
	for i, r := range roots {
		text += fmt.Sprintf("  - {name: s%d, environment: %q}\n", i, "dir:"+r)
	}
	path := filepath.Join(t.TempDir(), "depaudit.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInterrupt checks that a cancel ends all processes, also a scan that hangs, and leaves no process, temporary directory or output.
func TestInterrupt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "report.json")
			dir := debianRoot(t, 13)
			r := start(t, dir, "audit", "-c", writePipeline(t, dir, debianRoot(t, 13)), "-o", "table", "-o", "json="+out)
			pid := r.hang(t)
			if err := r.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			r.end(t)
			if code := r.ProcessState.ExitCode(); code != exitTrouble || r.stdout.Len() > 0 || r.stderr.String() != "depaudit: interrupted: nothing was written\n" {
				t.Errorf("exit %d\n%s%s", code, &r.stdout, &r.stderr)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the report: %v", err)
			}
			r.cleanUp(t, pid)
		})
	}
}

// TestInterruptedFleet checks that a worker that is canceled, as a pod that is deleted,
// keeps the lines that are done, and that the next try does the others.
func TestInterruptedFleet(t *testing.T) {
	slow, reports := debianRoot(t, 13), t.TempDir()
	list := filepath.Join(t.TempDir(), "stages.txt")
	quick := t.TempDir()
	aptRoot(t, quick)
	config := writePipeline(t, quick, slow, quick)
	if err := os.WriteFile(list, fmt.Appendf(nil, "a %s s0\nb %[1]s s1\nc %[1]s s2\n", config), 0o666); err != nil {
		t.Fatal(err)
	}
	r := start(t, slow, "fleet", "run", list, "-o", reports, "--resume")
	pid := r.hang(t)
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.end(t)
	if code := r.ProcessState.ExitCode(); code != exitTrouble || r.stdout.String() != "a  pass\n" || !strings.HasPrefix(r.stderr.String(), "depaudit: interrupted at b (line 2)\n") {
		t.Errorf("exit %d\n%s%s", code, &r.stdout, &r.stderr)
	}
	r.cleanUp(t, pid)
	if names, err := filepath.Glob(filepath.Join(reports, "*")); err != nil || len(names) != 1 {
		t.Errorf("the reports are %v, %v", names, err)
	}
	if err := os.RemoveAll(slow); err != nil {
		t.Fatal(err)
	}
	aptRoot(t, slow)
	if out, stderr, code := program(t, ".", "fleet", "run", list, "-o", reports, "--resume"); code != exitPass || out != "a  pass, by an earlier try\nb  pass\nc  pass\n" {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}

// TestLostChild: a scan that is killed from outside, or that never ends, is a
// gap that names its environment; the other stages are judged.
func TestLostChild(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		dir := debianRoot(t, 13)
		r := start(t, dir, "audit", "-c", writePipeline(t, dir))
		pid := r.hang(t)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.end(t)
		// The table breaks long lines where it must.
		said := strings.Join(strings.Fields(r.stdout.String()), "")
		want := "lost-scan:dir:" + dir + ":thescanningprocessendedwithoutaresult(signal:killed)"
		if code := r.ProcessState.ExitCode(); code != exitIncomplete || !strings.Contains(said, want) {
			t.Errorf("exit %d\n%s%s", code, &r.stdout, &r.stderr)
		}
		r.cleanUp(t, pid)
	})
	t.Run("hanging", func(t *testing.T) {
		dir := debianRoot(t, 13)
		r := start(t, dir, "scan", dir, "--scan-timeout", "700ms")
		r.end(t)
		want := "depaudit: " + dir + ": the scan did not finish within 700ms and was canceled (see --scan-timeout)\n"
		if code := r.ProcessState.ExitCode(); code != exitIncomplete || r.stderr.String() != want || r.stdout.Len() > 0 {
			t.Errorf("exit %d\n%s%s", code, &r.stdout, &r.stderr)
		}
		r.cleanUp(t, r.child()) // 0 on a machine that did not start it within the time
	})
}

// TestParentDeath checks that the scanning process ends with its parent, whose
// death closes its standard input. Its work cannot end before: it writes more
// than the buffer of a pipe to a reader that does not read.
func TestParentDeath(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe, childCommand, fmt.Sprintf(`{"ref":{"scheme":"dir","path":%q},"memory":%d}`, debianRoot(t, 5000), 1<<30))
	child.Args[0] = "depaudit"
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	child.Stdout = in
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	// Once something has come, it writes.
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	stdin.Close()
	select {
	case err := <-ended:
		if status := child.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended otherwise: %v", err)
		}
	case <-time.After(timetest.Patience):
		t.Error("it is still there")
	}
}
