package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestE2EActionMachine runs the scripts of the action on a real machine, a Debian
// root that is entered by chroot: as root, as in a container; as a user whom sudo
// asks for no password, as on a hosted runner; and as a user without either.
func TestE2EActionMachine(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("set DEPAUDIT_E2E=1")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for debootstrap and chroot")
	}
	command := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	dir := t.TempDir()
	name := "depaudit_1.2.3_linux_" + runtime.GOARCH
	command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, name), ".")
	program, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()

	root := filepath.Join(t.TempDir(), "machine")
	if made := os.Getenv("DEPAUDIT_E2E_MACHINE"); made != "" {
		root = made
	} else {
		command("debootstrap", "--variant=minbase", "--include=sudo,curl", "bookworm", root)
	}
	// The program starts itself by its path in /proc.
	command("mount", "-t", "proc", "proc", filepath.Join(root, "proc"))
	defer func() {
		if out, err := exec.Command("umount", filepath.Join(root, "proc")).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}()
	command("chroot", root, "sh", "-c", "id runner || useradd -m runner; id plain || useradd -m plain; echo 'runner ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/runner; chmod 440 /etc/sudoers.d/runner; mkdir -p /private && echo x >/private/file && chmod 700 /private")

	for _, user := range []string{"root", "runner", "plain"} {
		t.Run(user, func(t *testing.T) {
			home := "/home/" + user
			if user == "root" {
				home = "/root"
			}
			work := filepath.Join(root, home, "work")
			if err := os.RemoveAll(work); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(work, "action/release"), os.DirFS("../../release")); err != nil {
				t.Fatal(err)
			}
			writeFiles(t, work, map[string]string{"project/depaudit.yaml": strings.Replace(directoryStage, "dir:root", `"host:"`, 1), "temp/env": "", "temp/outputs": "", "temp/summary": ""})
			command("chroot", root, "chown", "-R", user+":", home)
			in := func(env, script string) (string, int) {
				t.Helper()
				text := "cd " + home + "/work/project\n" + strings.TrimSpace(`
export GITHUB_ACTIONS=true CI=true RUNNER_TEMP=`+home+`/work/temp RUNNER_OS=Linux RUNNER_ARCH=`+map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH]+` HOME=`+home+`
export GITHUB_OUTPUT=$RUNNER_TEMP/outputs GITHUB_ENV=$RUNNER_TEMP/env GITHUB_STEP_SUMMARY=$RUNNER_TEMP/summary
export INPUT_DOWNLOAD=`+server.URL+` INPUT_CHECKSUMS='`+strings.TrimSpace(sumLine(string(program), name))+`' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
`+env+`
while IFS= read -r line; do export "$line"; done <$RUNNER_TEMP/env
`) + "\n" + script
				cmd := exec.CommandContext(t.Context(), "chroot", "--userspec="+user, root, "sh", "-e", "-c", text)
				cmd.Env = []string{}
				out, _ := cmd.CombinedOutput()
				return string(out), cmd.ProcessState.ExitCode()
			}
			action := "sh " + home + "/work/action/release/action/"
			if out, code := in("", action+"get.sh; "+action+"begin.sh"); code != 0 || !strings.Contains(out, "wrote ") {
				t.Fatalf("begin: %d\n%s", code, out)
			}
			gate := "\n" + `code=$(sed -n 's/^exit-code=//p' $GITHUB_OUTPUT | tail -n 1); AUDIT_CODE=$code ` + action + "gate.sh"
			// The first run has nothing to compare with, and proposes it.
			out, code := in("", action+"get.sh; "+action+"audit.sh"+gate)
			if code != 3 {
				t.Fatalf("the first audit: %d\n%s", code, out)
			}
			report := "report-1"
			if user == "plain" {
				if !strings.Contains(out, "paths only root can read") || !strings.Contains(out, "waive:") {
					t.Errorf("what only root can read is not named:\n%s", out)
				}
				// With the line that the report proposes, it can be accepted.
				waive := "echo '    waive: [{kind: permission, reason: no root here, owner: me, expires: 2099-01-01}]' >>depaudit.yaml; "
				if out, code = in("", waive+action+"audit.sh"+gate); code != 3 || strings.Contains(out, "incomplete gaps") {
					t.Errorf("with the waiver: %d\n%s", code, out)
				}
				report = "report-2"
			}
			if out, code = in("", "cp $RUNNER_TEMP/depaudit/"+report+"/depaudit.baseline.json .; "+action+"audit.sh"+gate); code != 0 || !strings.Contains(out, "added 0") {
				t.Errorf("the audit with the proposal: %d\n%s", code, out)
			}
			if err := os.WriteFile(filepath.Join(root, "usr/local/bin/tool"), append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...), 0o777); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(filepath.Join(root, "usr/local/bin/tool"))
			if out, code = in("", action+"audit.sh"+gate); code != 1 || !strings.Contains(out, "tool") {
				t.Errorf("the audit with another program: %d\n%s", code, out)
			}
			// All that was written belongs to the user: the runner removes it.
			if out, code = in("", "find $RUNNER_TEMP ! -user "+user+"; test -s $GITHUB_STEP_SUMMARY; cat $RUNNER_TEMP/depaudit/report-3/report.md >/dev/null"); code != 0 || out != "" {
				t.Errorf("files of another user: %d\n%s", code, out)
			}
		})
	}
}
