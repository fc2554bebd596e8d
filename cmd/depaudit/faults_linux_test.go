package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestOpensNothingElse checks that a scan opens no user database, no name service
// and no description of a terminal.
func TestOpensNothingElse(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("needs strace: set DEPAUDIT_E2E=1")
	}
	depaudit, root := link(t), t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2,connect,stat,newfstatat", depaudit, "scan", "dir:"+root)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "HOME=")
	_ = cmd.Run()
	calls, err := os.ReadFile(trace)
	if err != nil || !strings.Contains(string(calls), root) {
		t.Fatalf("%v\n%s", err, calls)
	}
	for _, name := range []string{"passwd", "nscd", "nsswitch", "terminfo", "resolv.conf"} {
		if strings.Contains(string(calls), name) {
			t.Errorf("it opens %s", name)
		}
	}
}

// TestFullCache scans an image with its cache on a full disk: the result is the
// same, with a warning.
func TestFullCache(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("needs root and umoci: set DEPAUDIT_E2E=1")
	}
	dir := t.TempDir()
	small := filepath.Join(dir, "cache")
	for _, command := range [][]string{
		{"mkdir", small}, {"mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small},
		{"umoci", "init", "--layout", "img"}, {"umoci", "new", "--image", "img:a"}, {"umoci", "unpack", "--image", "img:a", "b"},
		{"sh", "-c", "{ echo '#!/bin/sh'; head -c 300000 /dev/urandom; } > b/rootfs/script; chmod +x b/rootfs/script"}, {"umoci", "repack", "--image", "img:a", "b"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		if command[0] == "mount" {
			t.Cleanup(func() { _ = exec.Command("umount", small).Run() })
		}
	}
	scan := func(cache string) (string, string) {
		cmd := exec.CommandContext(t.Context(), link(t), "scan", "oci-dir:img:a", "-o", "json")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_CACHE_HOME="+cache)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		return out.String(), stderr.String()
	}
	want, _ := scan(t.TempDir())
	got, warning := scan(small)
	if got != want || !strings.Contains(warning, "warning: the cache of layers") || strings.Count(warning, "\n") != 1 {
		t.Errorf("%q\n%s", warning, got)
	}
}
