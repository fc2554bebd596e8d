package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// platforms are the endings of the names of a release's programs.
var platforms = []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64.exe", "windows_arm64.exe"}

// sha256sums is the file that release/build writes, for a version.
func sha256sums(version string) string {
	var b strings.Builder
	for _, p := range platforms {
		b.WriteString(sumLine(p, "depaudit_"+version+"_"+p))
	}
	return b.String() + sumLine("c", "depaudit_"+version+".cdx.json") + sumLine("s", "depaudit_"+version+".spdx.json")
}

// releaseCopy copies the scripts of a release to a directory of their own.
func releaseCopy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "release"), os.DirFS("../../release")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPin writes the digests of a release, and refuses what is not one.
func TestPin(t *testing.T) {
	good := sha256sums("1.2.3")
	for name, test := range map[string]struct{ sums, want string }{
		"good":        {good, ""},
		"candidate":   {sha256sums("1.2.3-rc.1"), ""},
		"binary mark": {strings.ReplaceAll(good, "  ", " *"), ""},
		"no newline":  {strings.TrimSuffix(good, "\n"), ""},
		"a commit":    {sha256sums("0.0.0-20261128120000-1db538a0f47d+dirty"), "not the version of a tag"},
		"one missing": {strings.Replace(good, "darwin_arm64", "plan9_arm64", 1), "no program for darwin_arm64"},
		"two":         {good + sumLine("x", "depaudit_1.2.4_linux_amd64"), "SHA256SUMS:9: version 1.2.4"},
		"twice":       {good + sumLine("x", "depaudit_1.2.3_linux_amd64"), "is there twice"},
		"a short sum": {strings.Replace(good, good[:4], "", 1), "SHA256SUMS:1: not a line"},
		"a page":      {"<html>Not Found</html>\n", "SHA256SUMS:1: not a line"},
		"empty":       {"", "no program for linux_amd64"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := releaseCopy(t)
			writeFiles(t, dir, map[string]string{"some where/SHA256SUMS": test.sums})
			before, err := os.ReadFile(filepath.Join(dir, "release/pinned"))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("bash", "../release/pin", "SHA256SUMS")
			cmd.Dir = filepath.Join(dir, "some where")
			out, err := cmd.CombinedOutput()
			after, readErr := os.ReadFile(filepath.Join(dir, "release/pinned"))
			if readErr != nil {
				t.Fatal(readErr)
			}
			if test.want != "" {
				if err == nil || !strings.Contains(string(out), test.want) || string(after) != string(before) {
					t.Errorf("%v: %s", err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want := strings.ReplaceAll(strings.Join(strings.SplitAfter(test.sums, "\n")[:6], ""), " *", "  ")
			if !strings.HasSuffix(string(after), "\n"+want) || strings.Contains(string(after), "No release") || !strings.HasPrefix(string(after), "#") {
				t.Errorf("release/pinned is\n%s", after)
			}
			// The next release replaces it.
			writeFiles(t, dir, map[string]string{"next": sha256sums("2.0.0")})
			cmd = exec.Command("bash", "release/pin", "next")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			after, _ = os.ReadFile(filepath.Join(dir, "release/pinned"))
			if strings.Contains(string(after), "1.2.3") || strings.Count(string(after), "2.0.0") != 6 {
				t.Errorf("release/pinned is\n%s", after)
			}
		})
	}
}

// TestPinned checks that the committed digests are those of one release, or none.
func TestPinned(t *testing.T) {
	data, err := os.ReadFile("../../release/pinned")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	if n != 0 && n != len(platforms) {
		t.Errorf("release/pinned has %d programs", n)
	}
}
