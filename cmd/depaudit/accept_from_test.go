package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/depaudit/depaudit/audit"
)

// updated is what an update of a baseline has written, and where.
type updated struct {
	path, text, stdout string
	code               int
}

// updateFromReport does what an update of a script is about to do by a report, and
// puts the baseline back. It returns nil for another command, and if the stages
// cannot be audited. By default it is done for the first update of each script.
func updateFromReport(ts *testscript.TestScript, args []string) *updated {
	if len(args) < 3 || !slices.Equal(args[:3], []string{"depaudit", "baseline", "update"}) || slices.Contains(args, "--from") {
		return nil
	}
	const done = "UPDATED_FROM_REPORT"
	if ts.Getenv(done) != "" && !isEndToEnd() {
		return nil // each takes a tenth of a second, and there are 140
	}
	file := ts.MkAbs(".update-from.json")
	defer os.Remove(file)
	audits := append([]string{"audit", "-q", "-o", "json=" + file}, without(args[3:], "--reason")...)
	if code := run(ts, audits...); code == exitUsage || code == exitTrouble {
		return nil
	}
	r, err := audit.Load(file)
	ts.Check(err)
	u := &updated{path: ts.MkAbs(filepath.Join(filepath.Dir(r.Config), r.Baseline))}
	if i := slices.Index(args, "--baseline"); i >= 0 {
		u.path = ts.MkAbs(args[i+1])
	}
	before, err := os.ReadFile(u.path)
	existed := err == nil
	accepts := append([]string{"baseline", "update", "--from", file},
		without(args[3:], "--env", "--since", "--index", "--artifacts", "--trust", "--scan-memory", "--scan-timeout", "--no-cache")...)
	u.code = run(ts, accepts...)
	u.stdout = ts.ReadFile("stdout")
	after, _ := os.ReadFile(u.path)
	u.text = string(after)
	if existed {
		ts.Check(os.WriteFile(u.path, before, 0o666))
	} else {
		_ = os.Remove(u.path)
	}
	ts.Setenv(done, "1")
	return u
}

// compare wants the update by a scan to be the one by the report.
func (u *updated) compare(ts *testscript.TestScript, code int) {
	if u == nil {
		return
	}
	text, _ := os.ReadFile(u.path)
	if string(text) != u.text || code != u.code || ts.ReadFile("stdout") != u.stdout {
		ts.Fatalf("by its report the update has the exit code %d, the output\n%s\nand the baseline\n%s", u.code, u.stdout, u.text)
	}
}

// run runs depaudit and returns its exit code.
func run(ts *testscript.TestScript, args ...string) int {
	return exitCode(ts, ts.Exec("depaudit", args...))
}

// without returns arguments without some flags and their values.
func without(args []string, flags ...string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case !slices.Contains(flags, name):
			out = append(out, args[i])
		case !joined && name != "--no-cache":
			i++
		}
	}
	return out
}
