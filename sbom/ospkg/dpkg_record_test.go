package ospkg

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

func md5Of(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// describe prints the record of a path, and "-" without one.
func describe(t *testing.T, tree *rootfs.Tree, db *DB, r *Records, path string) string {
	t.Helper()
	f, ok := r.Of(tree.ResolveParent(path))
	if !ok {
		return "-"
	}
	return describeRecord(db, f)
}

func describeRecord(db *DB, f FileRecord) string {
	out := []string{db.Components[f.Component].Name}
	if f.Kind != 0 {
		out = append(out, f.Kind.String())
	}
	for _, flag := range []struct {
		bit  FileFlags
		name string
	}{{Conffile, "conffile"}, {Ghost, "ghost"}, {MissingOK, "missingok"}, {Mutable, "mutable"}, {Doc, "doc"}, {Excluded, "excluded"}, {Override, "override"}, {NoSum, "nosum"}} {
		if f.Flags&flag.bit != 0 {
			out = append(out, flag.name)
		}
	}
	if f.Algorithm != "" {
		out = append(out, f.Algorithm+":"+hex.EncodeToString(f.Digest)[:6])
	}
	if f.HasMode {
		out = append(out, fmt.Sprintf("%o", f.Mode))
	}
	if f.UID >= 0 || f.GID >= 0 {
		out = append(out, fmt.Sprintf("%d:%d", f.UID, f.GID))
	}
	if f.Size >= 0 {
		out = append(out, fmt.Sprintf("%d bytes", f.Size))
	}
	if f.Link != "" {
		out = append(out, "-> "+f.Link)
	}
	if f.HasCapabilities {
		out = append(out, fmt.Sprintf("caps %q", f.Capabilities))
	}
	return strings.Join(out, " ")
}

func recordsOf(tb testing.TB, db *DB) *Records {
	tb.Helper()
	r, err := db.Records(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestDpkgRecords(t *testing.T) {
	tree, db := files{
		"usr/bin/": "", "bin": "-> usr/bin",
		"etc/passwd":                  "root:x:0:0::/:\nman:x:6:12::/:\n",
		"etc/group":                   "root:x:0:\nman:x:12:\n",
		"etc/dpkg/dpkg.cfg.d/docker":  "# slim\npath-exclude=/usr/share/doc/*\npath-include /usr/share/doc/*/copyright\n",
		"etc/dpkg/dpkg.cfg.d/x.bak":   "path-exclude=*\n",
		"etc/a.conf":                  "edited",
		"usr/bin/a":                   "a",
		"usr/bin/evil":                "evil",
		"usr/bin/link":                "-> a",
		"usr/bin/b.distrib":           "b",
		"usr/share/doc/a/copyright":   "(c)",
		"usr/local/bin/":              "",
		"opt/x":                       "x",
		"var/lib/dpkg/status":         record("a", "Conffiles:", " /etc/a.conf "+md5Of("a.conf"), " /etc/gone.conf newconffile") + record("b") + record("c"),
		"var/lib/dpkg/diversions":     "/usr/bin/b\n/usr/bin/b.distrib\na\n",
		"var/lib/dpkg/statoverride":   "root man 2755 /usr/bin/a\n#6 nobody 755 /usr/bin/b.distrib\n",
		"var/lib/dpkg/info/a.list":    "/.\n/bin\n/bin/a\n/bin/evil\n/bin/link\n/usr\n/usr/share/doc/a/copyright\n/usr/share/doc/a/changelog.gz\n/bin/lost\n/etc/a.conf\n",
		"var/lib/dpkg/info/a.md5sums": md5Of("a") + "  bin/a\n" + md5Of("(c)") + "  usr/share/doc/a/copyright\n" + md5Of("x") + "  usr/share/doc/a/changelog.gz\n" + md5Of("lost") + "  bin/lost\n" + md5Of("other") + "  usr/bin/replaced\n",
		"var/lib/dpkg/info/b.list":    "/usr/bin/b\n",
		"var/lib/dpkg/info/b.md5sums": md5Of("b") + "  usr/bin/b\nnonsense\n",
		"var/lib/dpkg/info/b.prerm":   "",
		"var/lib/dpkg/info/c.list":    "/opt/x\n",
	}.mustOpen(t)
	r := recordsOf(t, db)
	for path, want := range map[string]string{
		"/usr/bin/a":                 "a file override md5:0cc175 2755 0:12",
		"/usr/bin/evil":              "a nosum",
		"/usr/bin/link":              "a",
		"/etc/a.conf":                "a file conffile md5:" + md5Of("a.conf")[:6],
		"/usr/share/doc/a/copyright": "a file md5:" + md5Of("(c)")[:6],
		"/usr/bin/b.distrib":         "b file override md5:" + md5Of("b")[:6] + " 755 6:-1",
		"/opt/x":                     "c nosum",
		"/usr":                       "-",
	} {
		if got := describe(t, tree, db, r, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	var absent []string
	for _, a := range r.Absent {
		absent = append(absent, a.Path+" "+describeRecord(db, a.FileRecord))
	}
	want := []string{
		"/bin/lost a file md5:" + md5Of("lost")[:6],
		"/etc/gone.conf a conffile",
		"/usr/share/doc/a/changelog.gz a file excluded md5:" + md5Of("x")[:6],
	}
	if diff := cmp.Diff(want, absent); diff != "" {
		t.Error(diff)
	}
	if len(r.Gaps) != 1 || r.Gaps[0].Path != "/var/lib/dpkg/info/b.md5sums" {
		t.Errorf("gaps %+v", r.Gaps)
	}
	var control []string
	for _, n := range db.Control(1) {
		control = append(control, tree.Name(n))
	}
	if diff := cmp.Diff([]string{"b.list", "b.md5sums", "b.prerm"}, control); diff != "" {
		t.Error(diff)
	}
}

func TestFnmatch(t *testing.T) {
	for _, x := range []struct {
		pattern, path string
		want          bool
	}{
		{"/usr/share/doc/*", "/usr/share/doc/a/b", true},
		{"/usr/share/doc/*/copyright", "/usr/share/doc/a/b/copyright", true},
		{"/usr/share/doc/*", "/usr/share/doc", false},
		{"/usr/share/locale/[a-df]*", "/usr/share/locale/de", true},
		{"/usr/share/locale/[!a-d]*", "/usr/share/locale/de", false},
		{"/a/[]x]", "/a/]", true},
		{"/a/[x", "/a/[x", true},
		{`/a/\*`, "/a/b", false},
		{`/a/\*`, "/a/*", true},
		{"*a?c", "/abcabc", true},
		{"", "", true},
		{"**", "", true},
	} {
		if got := fnmatch(x.pattern, x.path); got != x.want {
			t.Errorf("fnmatch(%q, %q) is %v", x.pattern, x.path, got)
		}
	}
}

// TestRecordsAgreeWithDpkg compares the files that differ from their records with
// those that dpkg -V prints, in real root file systems.
func TestRecordsAgreeWithDpkg(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	roots, _ := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_E2E_ROOTS"), "*", "var/lib/dpkg/status"))
	if len(roots) == 0 {
		t.Fatal("DEPAUDIT_E2E is set, but DEPAUDIT_E2E_ROOTS names no directory with Debian root file systems")
	}
	for _, status := range roots {
		root := strings.TrimSuffix(status, "/var/lib/dpkg/status")
		t.Run(filepath.Base(root), func(t *testing.T) {
			tree, db := openRoot(t, root)
			r := recordsOf(t, db)
			for _, gap := range r.Gaps {
				t.Errorf("gap %+v", gap)
			}
			want := map[string]bool{}
			// Its status is 1 when a file differs.
			out, _ := exec.Command("dpkg", "--root="+root, "--verify").Output()
			for line := range strings.Lines(string(out)) {
				want[strings.TrimSpace(line[strings.IndexByte(line, '/'):])] = true
			}
			got := map[string]bool{}
			compared, without := 0, 0
			for n := range rootfs.Node(tree.Len()) {
				f, ok := r.Of(n)
				if !ok || tree.Kind(n) != rootfs.File {
					continue
				}
				if f.Flags&NoSum != 0 {
					t.Errorf("%s has no digest", tree.Path(n))
				}
				if f.Algorithm == "" {
					without++
					continue
				}
				compared++
				text, err := os.ReadFile(filepath.Join(root, tree.Path(n)))
				if err != nil {
					t.Fatal(err)
				}
				if sum := md5.Sum(text); !bytes.Equal(sum[:], f.Digest) {
					got[tree.Path(n)] = true
				}
			}
			for _, a := range r.Absent {
				// dpkg -V compares what has a digest.
				if a.Kind == rootfs.File {
					got[a.Path] = true
				}
			}
			t.Logf("%d files compared, %d without a digest, %d differ, %d listed paths are absent", compared, without, len(got), len(r.Absent))
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
