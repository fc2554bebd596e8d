package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const exportNight = "date=2026-11-28"

// nightOf makes a night of reports: those of one stage of CPython's example, under the
// names of many pipelines.
func nightOf(t *testing.T, dir string, reports int) {
	t.Helper()
	example, err := filepath.Abs("../../testdata/cpython/example")
	if err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(t.TempDir(), "report.json")
	if _, stderr, code := program(t, example, "audit", "-q", "--stage", "build-source", "-o", "json="+one); code != exitPass {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	text := content(t, one)
	const name = `"pipeline": "cpython-release"`
	if strings.Count(text, name) != 1 {
		t.Fatal("the report has another form")
	}
	for i := range reports {
		writeFile(t, filepath.Join(dir, exportNight, fmt.Sprintf("p%d.json", i)), strings.Replace(text, name, fmt.Sprintf(`"pipeline": "p%d"`, i), 1))
	}
}

// exported returns the files of an export by their path. Those of a reader are in the
// directories of tables.
func exported(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if name, _ := filepath.Rel(dir, path); !strings.HasSuffix(name, "/lock") {
			out[name] = string(data)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

// readers returns what a reader finds by the pattern of docs/fleet-tables.md.
func readers(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "v1", "*", "*.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range paths {
		name, _ := filepath.Rel(dir, path)
		out[name] = content(t, path)
	}
	return out
}

func sameExport(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Fatalf("the export has\n%q\nand not\n%q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func exportProcess(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(link(t), append([]string{"export", "-q"}, args...)...)
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

// exportWhole exports without an interruption.
func exportWhole(t *testing.T, args ...string) {
	t.Helper()
	cmd := exportProcess(t, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, cmd.Stderr)
	}
}

// TestExportSchema validates every line of an export, of hostile names too, by the
// published schema.
func TestExportSchema(t *testing.T) {
	dir := t.TempDir()
	nightOf(t, dir, 1)
	root := filepath.Join(dir, "root")
	writeFile(t, filepath.Join(root, "etc/os-release"), "ID=debian\nPRETTY_NAME=\"Debian \x1b[31m\"\n")
	writeFile(t, filepath.Join(root, "usr/lib/python3/dist-packages/evil-1.dist-info/METADATA"), "Metadata-Version: 2.1\nName: \x1b[31mred\nVersion: 1\u202e2\n")
	writeFile(t, filepath.Join(root, "usr/lib/node_modules/y/package.json"), `{"name": "<img src=x onerror=alert(1)> [a](http://b)\u0000\ud800", "version": "'; DROP TABLE dependency; --"}`)
	if _, stderr, code := program(t, dir, "scan", "dir:root", "-q", "-o", "json="+filepath.Join(exportNight, "hostile.json")); code != exitIncomplete && code != exitPass {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	out := filepath.Join(t.TempDir(), "fleet")
	if _, stderr, code := program(t, dir, "export", exportNight, "-o", "ndjson="+out); code != exitPass {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	page, err := filepath.Abs("../../docs/fleet.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validator := newSchemaValidator(t)
	rows, lines := map[string]int{}, map[string]string{}
	for name, data := range readers(t, out) {
		table, _, _ := strings.Cut(name, "/")
		z, err := gzip.NewReader(strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }) {
				t.Errorf("%s: %q", name, line)
			}
			rows[table]++
		}
		lines[table] += string(text)
	}
	for table, documents := range lines {
		file := filepath.Join(dir, table+".ndjson")
		writeFile(t, file, documents)
		validator.check(t, file, "-formats", page+"#/$defs/"+table)
	}
	if rows["stage_night"] != 2 || rows["dependency"] < 160 {
		t.Errorf("%v", rows)
	}
}

// TestExportKilled kills fifty exports at random points, a third of them with rows that
// are there before. After each, a reader finds nothing but whole parts of the result;
// and the next run makes the result.
func TestExportKilled(t *testing.T) {
	endToEnd(t)
	dir := t.TempDir()
	nightOf(t, dir, 150)
	night := filepath.Join(dir, exportNight)
	want := filepath.Join(dir, "want")
	started := time.Now()
	exportWhole(t, night, "-o", "ndjson="+want)
	whole := time.Since(started)
	result := exported(t, want)
	random := rand.New(rand.NewPCG(13, 50))
	kills := 0
	for round := 0; kills < 50; round++ {
		out := filepath.Join(dir, "out")
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		before := map[string]string{}
		if round%3 == 2 {
			exportWhole(t, filepath.Join(night, "p1.json"), filepath.Join(night, "p2.json"), "-o", "ndjson="+out)
			before = readers(t, out)
		}
		// Later kills come later, so that a run ends also where runs take longer now.
		for wait := whole; ; wait += whole / 4 {
			cmd := exportProcess(t, night, "-o", "ndjson="+out)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			var err error
			select {
			case err = <-ended:
			case <-time.After(time.Duration(random.Int64N(int64(wait)))):
				_ = cmd.Process.Kill()
				err = <-ended
			}
			if err == nil {
				break
			}
			if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
				t.Fatalf("%v\n%s", err, cmd.Stderr)
			}
			kills++
			for name, data := range readers(t, out) {
				if data != result[name] && data != before[name] {
					t.Fatalf("after a kill %s is neither as before nor as it will be", name)
				}
			}
		}
		sameExport(t, exported(t, out), result)
	}
	t.Logf("%d kills; one run takes %v", kills, whole)
}

// TestExportFullDisk exports to a disk that is too small, and goes on when it is larger.
func TestExportFullDisk(t *testing.T) {
	endToEnd(t)
	dir := t.TempDir()
	nightOf(t, dir, 100)
	night := filepath.Join(dir, exportNight)
	want, small := filepath.Join(dir, "want"), filepath.Join(dir, "small")
	exportWhole(t, night, "-o", "ndjson="+want)
	if err := os.Mkdir(small, 0o777); err != nil {
		t.Fatal(err)
	}
	mount := func(options string) {
		t.Helper()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", small).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	mount("size=4k")
	t.Cleanup(func() { _ = exec.Command("umount", small).Run() })
	// Too small for the spool; for the parts beside it; and large enough.
	for _, size := range []string{"64k", "400k", "1200k", "1600k", "64m"} {
		mount("remount,size=" + size)
		cmd := exportProcess(t, night, "-o", "ndjson="+small)
		err := cmd.Run()
		if size == "64m" {
			if err != nil {
				t.Fatalf("%v\n%s", err, cmd.Stderr)
			}
			break
		}
		if cmd.ProcessState.ExitCode() != exitTrouble || !strings.Contains(fmt.Sprint(cmd.Stderr), "no space left on device") {
			t.Errorf("%s: %v\n%s", size, err, cmd.Stderr)
		}
		if found := readers(t, small); len(found) > 0 {
			t.Errorf("%s: %d parts", size, len(found))
		}
	}
	sameExport(t, exported(t, small), exported(t, want))
}

// TestExportCanceled interrupts an export, which ends with at most half a second of work.
func TestExportCanceled(t *testing.T) {
	endToEnd(t)
	dir := t.TempDir()
	nightOf(t, dir, 150)
	for !canceledExport(t, dir) {
		// It ended before it was interrupted, as it may.
	}
}

// canceledExport reports whether an export was interrupted while it wrote.
func canceledExport(t *testing.T, dir string) bool {
	t.Helper()
	out := filepath.Join(dir, "out")
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	cmd := exportProcess(t, filepath.Join(dir, exportNight), "-o", "ndjson="+out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	spent := func() (ticks int, ended bool) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(after)
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		return user + system, fields[0] == "Z"
	}
	timetest.Until(t, "it writes or ends", func() bool {
		_, ended := spent()
		info, err := os.Stat(filepath.Join(out, ".depaudit-export", "spool"))
		return ended || err == nil && info.Size() > 100_000
	})
	// It does nothing between the look at its work and the interrupt.
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGINT} {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := spent()
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		return false
	}
	if code := cmd.ProcessState.ExitCode(); code != exitTrouble {
		t.Fatalf("exit %d\n%s", code, cmd.Stderr)
	}
	if got := fmt.Sprint(cmd.Stderr); got != "depaudit: interrupted: the files are as before\n  run it again: it goes on where it ended\n" {
		t.Errorf("%s", got)
	}
	if found := readers(t, out); len(found) > 0 {
		t.Errorf("%d parts", len(found))
	}
	const tick = time.Second / 100 // that of /proc, on all machines
	if took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - time.Duration(before)*tick; took > time.Second/2 {
		t.Errorf("it worked for %v after the interrupt", took)
	}
	return true
}

// TestExportAtOnce exports a night as ten processes at the same time.
func TestExportAtOnce(t *testing.T) {
	endToEnd(t)
	dir := t.TempDir()
	nightOf(t, dir, 100)
	night := filepath.Join(dir, exportNight)
	want, out := filepath.Join(dir, "want"), filepath.Join(dir, "out")
	exportWhole(t, night, "-o", "ndjson="+want)
	var all sync.WaitGroup
	for shard := range 10 {
		args := []string{"-o", "ndjson=" + out}
		for i := shard; i < 100; i += 9 { // some in two of them
			args = append(args, filepath.Join(night, fmt.Sprintf("p%d.json", i)))
		}
		cmd := exportProcess(t, args...)
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("%v\n%s", err, cmd.Stderr)
			}
		})
	}
	all.Wait()
	sameExport(t, exported(t, out), exported(t, want))
}
