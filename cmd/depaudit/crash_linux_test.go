package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// link makes a name for this binary by which it runs as the program.
func link(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	depaudit := filepath.Join(t.TempDir(), "depaudit")
	if err := os.Symlink(exe, depaudit); err != nil {
		t.Fatal(err)
	}
	return depaudit
}

// TestFewDescriptors has the program run with too few descriptors: it may fail,
// but a crash must not look like a verdict or like a wrong configuration.
func TestFewDescriptors(t *testing.T) {
	depaudit, root := link(t), t.TempDir()
	for n := 4; n <= 20; n++ {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" scan "dir:$1"`, n), depaudit, root)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run()
		code := cmd.ProcessState.ExitCode() // -1 for a signal
		if code == exitFail || code == exitUsage || code != exitPass && code != exitIncomplete && stderr.Len() == 0 {
			t.Errorf("%d descriptors: code %d\n%s", n, code, stderr.String())
		}
	}
}

// TestPanic checks the code and the text of a defect.
func TestPanic(t *testing.T) {
	var stderr bytes.Buffer
	if code := caught("an example", &stderr); code != exitTrouble || !strings.Contains(stderr.String(), "an example") || !strings.Contains(stderr.String(), "goroutine") {
		t.Errorf("%d %s", code, stderr.String())
	}
}

// TestClosedPipe writes to readers that have ended, with SIGPIPE and without:
// no message, and not the code of a verdict.
func TestClosedPipe(t *testing.T) {
	depaudit, root := link(t), t.TempDir()
	for _, ignore := range []string{"", "trap '' PIPE; "} {
		for _, output := range []string{"json", "json=/dev/stdout", "json=/dev/fd/3"} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", ignore+`"$0" scan "dir:$1" -o "$2" 3>&1; echo $? >&2`, depaudit, root, output)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			cmd.Stdout = w
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			err = cmd.Run()
			w.Close()
			code := strings.TrimSpace(stderr.String())
			if err != nil || code != "4" && code != "141" {
				t.Errorf("%q %s: %v, %s", ignore, output, err, stderr.String())
			}
		}
	}
}

// TestStandardOutputByName writes a report to standard output by its names, when
// it is a pipe and when it is a file.
func TestStandardOutputByName(t *testing.T) {
	depaudit, root := link(t), t.TempDir()
	for _, name := range []string{"", "=-", "=/dev/stdout", "=/dev/fd/1", "=/proc/self/fd/1"} {
		cmd := exec.CommandContext(t.Context(), depaudit, "scan", "dir:"+root, "-o", "json"+name)
		out, _ := cmd.Output()
		if !bytes.HasPrefix(out, []byte("{")) || !bytes.HasSuffix(out, []byte("}\n")) {
			t.Errorf("a pipe, %q: %q", name, out)
		}
		file := filepath.Join(t.TempDir(), "out")
		cmd = exec.CommandContext(t.Context(), "sh", "-c", `{ echo before; "$0" scan "dir:$1" -o "json$2"; echo after; } > "$3"`, depaudit, root, name, file)
		if err := cmd.Run(); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != "before\n"+string(out)+"after\n" {
			t.Errorf("a file, %q: %q %v", name, got, err)
		}
	}
}

// TestKilled kills a scan. The next one removes its temporary directory, and
// neither a living one nor what only has a similar name.
func TestKilled(t *testing.T) {
	depaudit, root, tmp := link(t), t.TempDir(), t.TempDir()
	keep := []string{"depaudit-results", "depaudit-2024", "depaudit-1/.depaudit-temporary"}
	for _, name := range keep {
		if err := os.MkdirAll(filepath.Join(tmp, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	living := filepath.Join(tmp, "depaudit-4711")
	if err := os.Mkdir(living, 0o755); err != nil {
		t.Fatal(err)
	}
	marker, err := os.Create(filepath.Join(living, scratchMarker))
	if err != nil {
		t.Fatal(err)
	}
	defer marker.Close()
	atomicfile.Lock(marker)
	scratch := func() int {
		dirs, err := filepath.Glob(filepath.Join(tmp, "depaudit-*", scratchMarker))
		if err != nil {
			t.Fatal(err)
		}
		return len(dirs) - 2
	}

	// The scan waits for its input.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := exec.CommandContext(t.Context(), depaudit, "scan", "sbom:-")
	cmd.Stdin, cmd.Env = r, append(os.Environ(), "TMPDIR="+tmp)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	timetest.Until(t, "the scan makes its directory", func() bool { return scratch() == 1 })
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if scratch() != 1 {
		t.Fatal("the directory of the killed scan is not there")
	}
	next := exec.CommandContext(t.Context(), depaudit, "scan", "dir:"+root)
	next.Env = append(os.Environ(), "TMPDIR="+tmp)
	next.Stdout = io.Discard
	if err := next.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitIncomplete {
			t.Fatal(err)
		}
	}
	if scratch() != 0 {
		t.Error("the directory of the killed scan is still there")
	}
	for _, name := range keep {
		if _, err := os.Stat(filepath.Join(tmp, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestKilledRelease kills a process that makes the directory of a release. The next one
// that makes the same removes what it left, and not that of a process that lives.
func TestKilledRelease(t *testing.T) {
	const child = "DEPAUDIT_TEST_KILLED_RELEASE"
	if parent := os.Getenv(child); parent != "" {
		dir, _, err := newTemporary(parent, unfinished(filepath.Join(parent, "out")))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(dir)
		_, _ = io.Copy(io.Discard, os.Stdin) // it is killed
		t.Fatal("standard input has ended")
	}
	parent := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for range 2 {
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestKilledRelease$")
		cmd.Env = append(os.Environ(), child+"="+parent)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.StdinPipe(); err != nil { // which stays open
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		left = append(left, strings.TrimSpace(line))
	}
	// The second one removed that of the first.
	for i, want := range []bool{false, true} {
		if _, err := os.Stat(left[i]); (err == nil) != want {
			t.Errorf("before: %s: %v", left[i], err)
		}
	}
	living, remove, err := newTemporary(parent, unfinished(filepath.Join(parent, "out")))
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if err := writeDir(filepath.Join(parent, "out"), map[string][]byte{"a": []byte("b")}); err != nil {
		t.Fatal(err)
	}
	if got := temporaries(parent, unfinished("out")); len(got) != 1 || got[0] != living {
		t.Errorf("after: %q, want %s alone", got, living)
	}
	if data, err := os.ReadFile(filepath.Join(parent, "out", "a")); err != nil || string(data) != "b" {
		t.Errorf("%q %v", data, err)
	}
}
