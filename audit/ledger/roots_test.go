package ledger

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// TestRealRoot compares the ledger of a real root with dpkg's own check. The root is
// DEPAUDIT_ROOT, which is copied, or one that debootstrap makes. Then one bit is
// flipped in each of 1,000 files, of which none may be missed.
func TestRealRoot(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	for _, tool := range []string{"dpkg", "cp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "root")
	run := func(args ...string) string {
		out, err := exec.Command(args[0], args[1:]...).Output()
		var exit *exec.ExitError
		if err != nil && !(args[0] == "dpkg" && errors.As(err, &exit)) { // it fails when files differ
			t.Fatalf("%s: %v", strings.Join(args, " "), err)
		}
		return string(out)
	}
	if from := os.Getenv("DEPAUDIT_ROOT"); from != "" {
		run("cp", "-a", from, dir)
	} else {
		if os.Geteuid() != 0 {
			t.Skip("debootstrap needs root")
		}
		run("debootstrap", "--variant=minbase", "bookworm", dir)
	}
	request := Request{Locks: strings.Fields(os.Getenv("DEPAUDIT_LOCKS")), Artifacts: strings.Fields(os.Getenv("DEPAUDIT_ARTIFACTS")), Sealed: true}

	clean := prove(t, dir, request)
	explained := map[string]bool{}
	for _, l := range clean.Ledger.Lines {
		explained[l.Path] = true
		if l.Status == audit.FileChanged || l.Status == audit.FileMissing && l.Rule == "" || l.Flaw {
			t.Errorf("an honest root has the line %+v", l)
		}
		if l.Status == audit.FileUnexplained {
			t.Logf("unexplained: %s", l.Path)
		}
	}
	for _, c := range clean.Ledger.Counts {
		t.Logf("%s: %d files, %d bytes", c.Status, c.Files, c.Bytes)
	}

	// The files that something vouches for.
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "usr"), func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil && info.Size() > 0 && !explained[strings.TrimPrefix(p, dir)] && !strings.Contains(p, ".dist-info/") {
				files = append(files, p)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	files = files[:min(len(files), 1000)]
	for _, p := range files {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		if err := os.WriteFile(p, data, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	var changed, packaged []string
	for _, l := range prove(t, dir, request).Ledger.Lines {
		if l.Status == audit.FileChanged || l.Status == audit.FileConffile {
			if l.Component == "" {
				t.Errorf("no component: %+v", l)
			}
			changed = append(changed, l.Path)
			if strings.HasPrefix(l.Component, "deb/") {
				packaged = append(packaged, l.Path)
			}
		}
	}
	for _, p := range files {
		if !slices.Contains(changed, strings.TrimPrefix(p, dir)) {
			t.Errorf("missed: %s", p)
		}
	}

	// dpkg prints "??5??????   /usr/bin/x", and "??5?????? c /etc/x" for a conffile.
	var theirs []string
	for line := range strings.Lines(run("dpkg", "--root="+dir, "--verify")) {
		p := strings.TrimRight(line[strings.IndexByte(line, '/'):], "\n")
		for _, old := range []string{"/bin/", "/sbin/", "/lib/", "/lib64/"} {
			if strings.HasPrefix(p, old) {
				p = "/usr" + p
			}
		}
		theirs = append(theirs, p)
	}
	slices.Sort(theirs)
	slices.Sort(packaged)
	if theirs = slices.Compact(theirs); !slices.Equal(theirs, packaged) {
		for _, p := range theirs {
			if !slices.Contains(packaged, p) {
				t.Errorf("only dpkg: %s", p)
			}
		}
		for _, p := range packaged {
			if !slices.Contains(theirs, p) {
				t.Errorf("only the ledger: %s", p)
			}
		}
	}
	t.Logf("%d of %d flipped files were found; dpkg has %d of packages, and so has the ledger", len(files), len(files), len(packaged))
}
