package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// TestFailingSystemCalls has strace(1) fail the system calls of a scan on one
// path. What a directory lists and what cannot be read is a gap with that path.
// Package rootfs tests more errors, without strace.
func TestFailingSystemCalls(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("needs strace: set DEPAUDIT_E2E=1")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	depaudit, root := link(t), t.TempDir()
	for path, content := range map[string]string{
		"opt/app/node_modules/a/package.json": `{"name":"a","version":"1.0.0"}`,
		"opt/app/node_modules/b/package.json": `{"name":"b","version":"1.0.0"}`,
		"opt/prog":                            "#!/bin/sh\n",
		"opt/py/lib/python3.11/site-packages/x-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ call, result, path string }{
		{"openat2", "error=ENOENT", "opt/app/node_modules"},
		{"openat2", "error=ENOENT", "opt/app/node_modules/b"},
		{"openat2", "error=ENOENT", "opt/app/node_modules/b/package.json"},
		{"openat2", "error=ENOENT", "opt/prog"},
		{"openat2", "error=ESTALE", "opt/py/lib/python3.11/site-packages"},
		{"openat2", "error=ENOENT", "opt/py/lib/python3.11/site-packages/x-1.0.dist-info/METADATA"},
		{"getdents64", "error=EIO", "opt/app/node_modules"},
		{"getdents64", "retval=0", "opt/app/node_modules"},
		{"pread64", "error=EIO", "opt/prog"},
		{"pread64", "retval=0", "opt/prog"},
		{"read", "error=EIO", "opt/app/node_modules/b/package.json"},
	} {
		t.Run(test.call+" "+test.result+" "+test.path, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), strace, "-f", "-o", "/dev/null", "-P", test.path, "-P", filepath.Join(root, test.path),
				"-e", "trace="+test.call, "-e", "inject="+test.call+":"+test.result, depaudit, "scan", "dir:"+root, "-o", "json")
			out, err := cmd.Output()
			if cmd.ProcessState.ExitCode() != exitIncomplete {
				t.Fatalf("%v: %s", err, out)
			}
			var r audit.Report
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			gaps := r.Stages[0].Gaps
			if len(gaps) == 0 {
				t.Fatal("no gap")
			}
			for _, g := range gaps {
				if g.Path != "/"+test.path {
					t.Errorf("gap: %+v", g)
				}
			}
		})
	}
}
