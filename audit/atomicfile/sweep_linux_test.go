package atomicfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestSweep leaves temporary files as killed processes do. The next write of
// the same file removes them, and no other file.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	dead := put(".x.json.tmp4711-0")
	others := []string{put(".x.json.tmp"), put(".x.json.tmp4711"), put(".x.json.tmp-notes"), put(".y.json.tmp4711-0"), put("x.json.tmp4711-0")}
	living := put(".x.json.tmp4712-0")
	f, err := os.Open(living)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !Lock(f) {
		t.Fatal("not locked")
	}
	link := filepath.Join(dir, ".x.json.tmp4713-0")
	if err := os.Symlink("x.json.tmp4711-0", link); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "x.json")
	if err := Write(target, func(w io.Writer) error { _, err := io.WriteString(w, "content"); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); err == nil {
		t.Error("the file of a killed process is still there")
	}
	for _, name := range append(others, living, link) {
		if _, err := os.Lstat(name); err != nil {
			t.Error(err)
		}
	}
}

// TestLockOfRemoved locks a file that another process has removed as abandoned.
func TestLockOfRemoved(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	release, dead := Abandoned(f.Name())
	if !dead {
		t.Fatal("a file without a lock is not abandoned")
	}
	os.Remove(f.Name())
	release()
	if Lock(f) {
		t.Error("locked a removed file")
	}
}

// TestPipe writes to a pipe by the name that a shell gives it.
func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	name := fmt.Sprintf("/dev/fd/%d", w.Fd())
	if err := Write(name, func(w io.Writer) error { _, err := io.WriteString(w, "content"); return err }); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}
