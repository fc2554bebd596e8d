package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	switch os.Getenv("ATOMICFILE_CHILD") {
	case "limit":
		// A process that may write no more than 4 KiB to one file: what a
		// full disk looks like from inside, without one.
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			os.Exit(3)
		}
		if err := Write(os.Args[1], text(strings.Repeat("new", 100_000))); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alone fails when the directory has other files than the named ones.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("directory has %v, want %v", got, names)
	}
}

func TestWriteNewAndOld(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	if err := Write(path, text("one")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o640 {
		t.Errorf("new file has mode %v, want what umask leaves of 0666", info.Mode())
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("two")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "two" {
		t.Errorf("content %q", got)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o604 {
		t.Errorf("replaced file has mode %v, want the old one's", info.Mode())
	}
	alone(t, dir, "report")
}

func TestFailureLeavesOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := Write(path, func(w io.Writer) error {
		if _, err := w.Write(bytes.Repeat([]byte("new"), 100_000)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want the encoder's", err)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("content %.20q, want the old one", got)
	}
	alone(t, dir, "report")
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), "ATOMICFILE_CHILD=limit")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("child ended with %v, output %s", err, out)
	}
	if !strings.Contains(string(out), "cannot write "+path) || !strings.Contains(string(out), "too large") {
		t.Errorf("error does not say which file and why: %s", out)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("content %.20q, want the old one", got)
	}
	alone(t, dir, "report")
}

// TestRealFullDisk needs a file system of its own to fill.
func TestRealFullDisk(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") != "1" {
		t.Skip("mounts a tmpfs: set DEPAUDIT_E2E=1 and run as root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "report")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text(strings.Repeat("new", 100_000))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space left", err)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("content %.20q, want the old one", got)
	}
	alone(t, dir, "report")
}

func TestSymlinkStays(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, real); got != "new" {
		t.Errorf("target holds %q", got)
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	alone(t, dir, "link", "real")
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                                "is a directory",
		filepath.Join(dir, "none", "file"): "no such file",
		filepath.Join(dir, "dangling"):     "does not exist",
	} {
		err := Write(path, text("x"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cannot write "+path) {
			t.Errorf("%s: error %v, want %q and the path", path, err, want)
		}
	}
	alone(t, dir, "dangling")
}

func TestDevice(t *testing.T) {
	if err := Write("/dev/null", text("gone")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat("/dev/null"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("/dev/null is no device any more: %v %v", info, err)
	}
}
