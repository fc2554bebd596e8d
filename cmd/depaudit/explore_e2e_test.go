package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// TestExploreTerminal drives the program in a real terminal, from the scan to
// the end: package explore has the tests of what is on its screens.
func TestExploreTerminal(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(dir, "depaudit")); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	files := map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n"}
	status, states := "", ""
	for i := range 30 {
		name, needs := fmt.Sprintf("lib%02d", i), ""
		if i == 0 {
			name = "app"
		}
		if i < 29 {
			needs = fmt.Sprintf("Depends: lib%02d\n", i+1)
		}
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nInstalled-Size: 10\nMaintainer: A <a@example.org>\nArchitecture: amd64\nVersion: 1.0\n%sDescription: x\n\n", name, needs)
		files["var/lib/dpkg/info/"+name+".list"] = "/.\n"
		if i > 0 {
			states += fmt.Sprintf("Package: %s\nArchitecture: amd64\nAuto-Installed: 1\n\n", name)
		}
	}
	files["var/lib/dpkg/status"], files["var/lib/apt/extended_states"] = status, states
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(dir, "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "tmux", append([]string{"-S", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	wait := func(text string) string {
		t.Helper()
		screen := ""
		defer func() {
			if t.Failed() {
				t.Logf("the screen is\n%s", screen)
			}
		}()
		timetest.Until(t, fmt.Sprintf("the screen has %q", text), func() bool {
			screen = tmux("capture-pane", "-p")
			return strings.Contains(screen, text)
		})
		return screen
	}
	tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-c", dir, "env", "LC_ALL=C.UTF-8", "PS1=$ ", "sh")
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	wait("$")
	tmux("send-keys", "-l", "PATH=$PWD:$PATH; depaudit explore root; echo code=$?")
	tmux("send-keys", "Enter")
	screen := wait("q quit")
	for _, want := range []string{
		"root: 30 dependencies, 307 kB",
		"> app                       1.0                 explicit             29    10 kB",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("no %q on the screen:\n%s", want, screen)
		}
	}
	tmux("send-keys", "End", "w")
	if screen := wait("esc back"); !strings.Contains(screen, "why lib29 1.0") || !strings.Contains(screen, "is removed with any of:") {
		t.Errorf("no reason on the screen:\n%s", screen)
	}
	tmux("send-keys", "q", "Home", "x")
	wait("a rebuild has 30 dependencies less (307 kB), 0 remain")
	tmux("send-keys", "q", "q")
	// Standard output alone is a terminal: there is nothing to type on.
	wait("code=0")
	tmux("send-keys", "-l", "clear; depaudit explore root </dev/null; echo code=$?")
	tmux("send-keys", "Enter")
	wait("standard input is not one")
	wait("code=2")
}
