package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOrdinaryUser takes a snapshot as a user who may not read everything, installs
// something, and audits: it works at the first try, and what only root can read is
// a gap with the command that reads it.
func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the test gives files to another user")
	}
	dir := t.TempDir()
	// The directory above it is for root alone.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	machine, work := filepath.Join(dir, "machine"), filepath.Join(dir, "work")
	aptRoot(t, machine)
	writeFiles(t, work, map[string]string{"depaudit.yaml": strings.Replace(directoryStage, "dir:root", "dir:"+machine, 1)})
	const user = 65534
	if err := os.Chown(work, user, user); err != nil {
		t.Fatal(err)
	}
	program := programAs(t, filepath.Join(dir, "depaudit"))
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = work
		cmd.Env = []string{"HOME=" + work, "TMPDIR=" + work, "PATH=" + os.Getenv("PATH"), "TODAY=2024-04-15"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("%v ends with %d, want %d\n%s", args, code, want, out)
		}
		return string(out)
	}
	run(exitPass, "snapshot", "-o", "before.json", "dir:"+machine)
	run(exitPass, "baseline", "update", "--since", "build-source=before.json")
	run(exitPass, "audit", "--since", "build-source=before.json")
	aptRoot(t, machine, "fetched")
	if out := run(exitFail, "audit", "--since", "build-source=before.json"); !strings.Contains(out, "added 1") || !strings.Contains(out, "+ fetched 1.0-1") {
		t.Errorf("the audit prints\n%s", out)
	}

	writeFiles(t, machine, map[string]string{"etc/shadow": "root:*:1::::::\n"})
	if err := os.Chmod(filepath.Join(machine, "etc/shadow"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(exitPass, "snapshot", "-o", "later.json", "dir:"+machine)
	if !strings.Contains(out, "only root can read") || !strings.Contains(out, "sudo") || !strings.Contains(out, "/etc/shadow") {
		t.Errorf("the snapshot prints\n%s", out)
	}
	out = run(exitIncomplete, "audit", "--since", "build-source=later.json")
	if !strings.Contains(out, "only root can read") || !strings.Contains(out, "sudo") {
		t.Errorf("the audit prints\n%s", out)
	}
}
