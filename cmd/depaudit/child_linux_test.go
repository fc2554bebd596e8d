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
)

// The tests in this file catch the scanning process while it starts, through
// /proc, and stop it there: it then hangs as a dead-locked cataloger does.

// running is depaudit as a process, with its own temporary directory.
type running struct {
	*exec.Cmd
	tmp            string
	stdout, stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r := &running{Cmd: exec.CommandContext(ctx, exe, args...), tmp: t.TempDir()}
	r.Args[0] = "depaudit" // by which TestMain knows
	r.Env = append(os.Environ(), "TMPDIR="+r.tmp)
	r.Stdout, r.Stderr = &r.stdout, &r.stderr
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// hang waits for the process that scans a directory, and stops it.
func (r *running) hang(t *testing.T, dir string) (pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no scanning process was seen: %s%s", &r.stdout, &r.stderr)
		}
		processes, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range processes {
			// Only once it is the program: before that, the parent waits for it
			// inside of fork.
			line, _ := os.ReadFile(filepath.Join(p, "cmdline"))
			if !strings.HasPrefix(string(line), "depaudit\x00"+childCommand+"\x00") || !strings.Contains(string(line), strconv.Quote(dir)) {
				continue
			}
			pid, _ = strconv.Atoi(filepath.Base(p))
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatalf("the scan has ended already: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			return pid
		}
	}
}

// end waits for the process and returns the time it took.
func (r *running) end(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	err := r.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return time.Since(began)
}

// cleanUp checks that neither the scanning process nor temporary files are left.
func (r *running) cleanUp(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the scanning process %d is still there: %v", pid, err)
	}
	if left, err := os.ReadDir(r.tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// manyPackages make a scan long enough to be caught.
const manyPackages = 40_000

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

// TestInterrupt checks that a cancel ends all processes within a second, also a
// scan that hangs, and leaves no process, temporary directory or output.
func TestInterrupt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "report.json")
			dir := debianRoot(t, manyPackages)
			r := start(t, "audit", "-c", writePipeline(t, dir, debianRoot(t, 13)), "-o", "table", "-o", "json="+out)
			pid := r.hang(t, dir)
			if err := r.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if took := r.end(t); took > time.Second {
				t.Errorf("it took %v", took)
			}
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
	slow, reports := debianRoot(t, manyPackages), t.TempDir()
	list := filepath.Join(t.TempDir(), "stages.txt")
	quick := t.TempDir()
	aptRoot(t, quick)
	config := writePipeline(t, quick, slow, quick)
	if err := os.WriteFile(list, fmt.Appendf(nil, "a %s s0\nb %[1]s s1\nc %[1]s s2\n", config), 0o666); err != nil {
		t.Fatal(err)
	}
	r := start(t, "fleet", "run", list, "-o", reports, "--resume")
	pid := r.hang(t, slow)
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if took := r.end(t); took > time.Second {
		t.Errorf("it took %v", took)
	}
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
		dir := debianRoot(t, manyPackages)
		r := start(t, "audit", "-c", writePipeline(t, dir))
		pid := r.hang(t, dir)
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
		dir := debianRoot(t, manyPackages)
		r := start(t, "scan", dir, "--scan-timeout", "700ms")
		pid := r.hang(t, dir)
		if took := r.end(t); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		want := "depaudit: " + dir + ": the scan did not finish within 700ms and was canceled (see --scan-timeout)\n"
		if code := r.ProcessState.ExitCode(); code != exitIncomplete || r.stderr.String() != want || r.stdout.Len() > 0 {
			t.Errorf("exit %d\n%s%s", code, &r.stdout, &r.stderr)
		}
		r.cleanUp(t, pid)
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
	case <-time.After(time.Second):
		t.Error("it is still there")
	}
}
