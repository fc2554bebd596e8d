package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/fleet"
)

// largeReport writes a real report whose stages have their dependencies so many times,
// each time under other names.
func largeReport(t *testing.T, real, path string, times int) {
	t.Helper()
	r, err := audit.Load(real)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		dependencies, relations := s.Dependencies, s.Relations
		s.Dependencies, s.Relations = nil, nil
		excluded := s.Counts.Excluded
		s.Counts = audit.Counts{Excluded: excluded}
		for n := range times {
			other := func(id string) string {
				if n == 0 || id == "" {
					return id
				}
				return fmt.Sprintf("%s#%d", id, n)
			}
			for _, d := range dependencies {
				d.ID, d.Owner = other(d.ID), other(d.Owner)
				s.Dependencies = append(s.Dependencies, d)
				s.Counts.Count(d.Provenance)
			}
			for _, r := range relations {
				r.From, r.To = other(r.From), other(r.To)
				s.Relations = append(s.Relations, r)
			}
		}
		s.Ecosystems = audit.CountEcosystems(s.Dependencies)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(data))
}

// allRows are the rows of a report that was read whole.
type allRows struct{ stages, dependencies bytes.Buffer }

func (a *allRows) Stage(_, _ string, line []byte) error {
	a.stages.Write(line)
	return nil
}

func (a *allRows) Dependency(line []byte) error {
	a.dependencies.Write(line)
	return nil
}

// TestExportLarge exports reports of 3, 20 and 100 MB beside smaller ones: within the
// memory of an export, and with the rows of a report that is read whole. One that has
// too much to be held is named, and does not stop the others.
func TestExportLarge(t *testing.T) {
	endToEnd(t)
	dir := t.TempDir()
	nightOf(t, dir, 20)
	night := filepath.Join(dir, exportNight)
	for _, times := range []int{15, 100, 500} {
		path := filepath.Join(dir, fmt.Sprintf("large%d.json", times))
		largeReport(t, filepath.Join(night, "p0.json"), path, times)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "fleet")
		cmd := exportProcess(t, night, path, "--date", "2026-11-28", "-o", "ndjson="+out)
		peak, err := runPeak(cmd)
		if err != nil {
			t.Fatalf("%v\n%s", err, cmd.Stderr)
		}
		t.Logf("%d bytes: peak memory %d MiB", info.Size(), peak>>20)
		if peak > 200_000_000 {
			t.Errorf("%d bytes of report took %d bytes of memory", info.Size(), peak)
		}
		if times > 100 {
			continue // reading it whole takes a while
		}
		r, err := audit.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		sha := fmt.Sprintf("%x", sha256.Sum256([]byte(content(t, path))))
		var want allRows
		if err := fleet.Write(r, fleet.Origin{Date: "2026-11-28", Source: filepath.ToSlash(strings.TrimSuffix(path, ".json")), SHA256: sha}, &want); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]string{fleet.StageTable: want.stages.String(), fleet.DependencyTable: want.dependencies.String()} {
			if got := rowsOf(t, out, table, sha); got != want {
				t.Errorf("%s: %d bytes of rows, and %d of the report read whole", table, len(got), len(want))
			}
		}
		again := exportProcess(t, path, "--date", "2026-11-28", "-o", "ndjson="+out)
		if err := again.Run(); err != nil {
			t.Errorf("%v\n%s", err, again.Stderr)
		}
	}

	// It cannot be read twice, or not be held.
	path := filepath.Join(dir, "large500.json")
	for want, do := range map[string]func(*exec.Cmd){
		"standard input: more than 16 MiB, which must be read more than once\n  save it in a file\n": func(cmd *exec.Cmd) {
			cmd.Args = append(cmd.Args, "-")
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			cmd.Stdin = f
		},
		"pipe: more than 16 MiB, which must be read more than once\n  save it in a file\n": func(cmd *exec.Cmd) {
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd.Args = append(cmd.Args, pipe)
			text := []byte(content(t, path))
			go func() { _ = os.WriteFile(pipe, text, 0) }() // until the reader has enough
		},
		"held.json:2: too large to be read in pieces: beside the dependencies and relations there are more than 24 MiB (in \"findings\"), which are held in memory\n  make stages of the parts": func(cmd *exec.Cmd) {
			held := filepath.Join(dir, "held.json")
			writeFile(t, held, "{\n"+`"findings": [`+strings.Repeat(`{"rule": "unaccounted", "message": "nothing accounts for it"},`, 400_000)+"{}]}")
			cmd.Args = append(cmd.Args, held)
		},
	} {
		out := filepath.Join(t.TempDir(), "fleet")
		cmd := exportProcess(t, night, "--date", "2026-11-28", "-o", "ndjson="+out)
		do(cmd)
		_ = cmd.Run()
		if got := fmt.Sprint(cmd.Stderr); cmd.ProcessState.ExitCode() != exitIncomplete || !strings.Contains(got, want) || !strings.Contains(got, "1 report of 21 could not be read") {
			t.Errorf("exit %d\n%s\nwithout\n%s", cmd.ProcessState.ExitCode(), got, want)
		}
		if len(readers(t, out)) != 2 {
			t.Error("the others are not exported")
		}
	}
}

// runPeak runs a command and returns its largest memory, in bytes. The one that the
// system counts at the end has the memory of this process, before the other began.
func runPeak(cmd *exec.Cmd) (peak int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-time.After(5 * time.Millisecond):
		}
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if _, text, ok := strings.Cut(string(data), "VmHWM:"); ok {
			var kB int64
			if _, err := fmt.Sscan(text, &kB); err == nil {
				peak = kB << 10
			}
		}
	}
}

// rowsOf returns the rows of a report in a table.
func rowsOf(t *testing.T, dir, table, sha string) string {
	t.Helper()
	var out strings.Builder
	for name, data := range readers(t, dir) {
		if !strings.HasPrefix(name, table) {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if strings.Contains(lines.Text(), `"report_sha256":"`+sha+`"`) {
				out.WriteString(lines.Text() + "\n")
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
