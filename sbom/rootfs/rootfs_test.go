package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/mountinfo"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// write makes a tree below root: "path/" is a directory, "path -> text" a
// symbolic link, and "path" a file that holds its own path.
func write(t testing.TB, root string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case link:
			err = os.Symlink(target, path)
		case dir != path:
			err = os.WriteFile(path, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openDir(t testing.TB, root string) *Tree {
	t.Helper()
	tree, err := Open(t.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// list is every path of a tree with the first letter of its kind.
func list(tree *Tree) []string {
	letters := map[Kind]string{Dir: "d", File: "f", Symlink: "l", Other: "o"}
	var all []string
	for n := range tree.Len() {
		all = append(all, letters[tree.Kind(Node(n))]+tree.Path(Node(n)))
	}
	return all
}

func goroot(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestOpenNumbersInPreOrder(t *testing.T) {
	root := t.TempDir()
	write(t, root, "b/z", "b/a/x", "b/a-b", "a", "c/", "b.d/q", "l -> b")
	tree := openDir(t, root)
	want := []string{"d/", "f/a", "d/b", "d/b/a", "f/b/a/x", "f/b/a-b", "f/b/z", "d/b.d", "f/b.d/q", "d/c", "l/l"}
	if diff := cmp.Diff(want, list(tree)); diff != "" {
		t.Error(diff)
	}
	if tree.Files() != 5 {
		t.Errorf("files: %d, want 5", tree.Files())
	}
	b := tree.Lookup("/b")
	if from, to := tree.Subtree(b); from != b || to != b+5 {
		t.Errorf("subtree of /b: %d to %d", from, to)
	}
	var children []string
	for n := range tree.Children(b) {
		children = append(children, tree.Name(n))
		if tree.Parent(n) != b || tree.Child(b, tree.Name(n)) != n {
			t.Errorf("%s is not a child of its parent", tree.Path(n))
		}
	}
	if diff := cmp.Diff([]string{"a", "a-b", "z"}, children); diff != "" {
		t.Error(diff)
	}
	if tree.Parent(0) != None || tree.Name(0) != "" || tree.Path(0) != "/" {
		t.Error("the root is not the root")
	}
	if tree.Target(tree.Lookup("l")) != "b" || tree.Target(b) != "" {
		t.Error("wrong target of a link")
	}
	if tree.Gaps() != nil || tree.Excluded() != nil {
		t.Errorf("gaps %v, excluded %v", tree.Gaps(), tree.Excluded())
	}
}

func TestNoneIsHarmless(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a")
	tree := openDir(t, root)
	for _, n := range []Node{None, -7, Node(tree.Len())} {
		if tree.Kind(n) != 0 || tree.Name(n) != "" || tree.Path(n) != "" || tree.Parent(n) != None || tree.Target(n) != "" ||
			tree.Child(n, "a") != None || tree.Child(n, "") != None || tree.ResolveNode(n) != n || mustGlob(t, "**").Match(tree, n) {
			t.Errorf("node %d has something", n)
		}
		for range tree.Children(n) {
			t.Errorf("node %d has children", n)
		}
		if from, to := tree.Subtree(n); from != to {
			t.Errorf("node %d has a subtree", n)
		}
		if _, err := tree.Stat(n); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of node %d: %v", n, err)
		}
		if _, err := tree.OpenFile(n); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of node %d: %v", n, err)
		}
	}
	if tree.Child(0, "") != None || tree.Child(0, "no") != None {
		t.Error("the root has a child without a name")
	}
}

func TestNamed(t *testing.T) {
	root := t.TempDir()
	// More of one name than a short chain holds, so that the table of
	// (parent, name) is used too.
	for i := range 3 * shortChain {
		write(t, root, fmt.Sprintf("d%02d/package.json", i), fmt.Sprintf("d%02d/only-%d", i, i))
	}
	tree := openDir(t, root)
	nodes := slices.Collect(tree.Named("package.json"))
	if len(nodes) != 3*shortChain || !slices.IsSorted(nodes) {
		t.Errorf("nodes: %v", nodes)
	}
	for _, n := range nodes {
		if tree.Name(n) != "package.json" || tree.Child(tree.Parent(n), "package.json") != n {
			t.Errorf("%s is not found in its directory", tree.Path(n))
		}
	}
	if tree.Child(0, "package.json") != None {
		t.Error("found in a directory that has none")
	}
	if got := slices.Collect(tree.Named("package.jso")); len(got) != 0 {
		t.Errorf("a name that is not there: %v", got)
	}
}

// TestTreeEqualsFind compares a real tree with what find(1) lists, twice, so
// that the numbers are also seen to be the same.
func TestTreeEqualsFind(t *testing.T) {
	root := goroot(t)
	first, second := openDir(t, root), openDir(t, root)
	if diff := cmp.Diff(list(first), list(second)); diff != "" {
		t.Errorf("two walks differ:\n%s", diff)
	}
	out, err := exec.CommandContext(t.Context(), "find", root, "-mindepth", "1", "-printf", `%y/%P\0`).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := append(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), "d/")
	got := list(first)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("find and the tree differ:\n%s", diff)
	}
	if len(want) < 5000 {
		t.Errorf("only %d entries in %s: nothing was compared", len(want), root)
	}
	for n := range first.Len() {
		if path := first.Path(Node(n)); first.Lookup(path) != Node(n) || n > 0 && first.Child(first.Parent(Node(n)), first.Name(Node(n))) != Node(n) {
			t.Fatalf("%s is not found by its path", path)
		}
	}
	if diff := cmp.Diff(list(first), list(fastTree(t, root))); diff != "" {
		t.Errorf("a tree built in another order differs:\n%s", diff)
	}
}

func TestStrangeNames(t *testing.T) {
	root := t.TempDir()
	names := []string{"new\nline", "\x1b[31mred", "\xff\xfe", "\u202etxet", strings.Repeat("n", 255), " ", "-rf", "...", "a\\b", "*"}
	for _, name := range names {
		write(t, root, name)
	}
	tree := openDir(t, root)
	if tree.Files() != len(names) {
		t.Errorf("%d files, want %d", tree.Files(), len(names))
	}
	for _, name := range names {
		n := tree.Child(0, name)
		data, err := tree.ReadFile(n, 1000)
		if err != nil || string(data) != name {
			t.Errorf("%q: %q, %v", name, data, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	root := t.TempDir()
	write(t, root, "file", "dangling -> nowhere")
	for path, want := range map[string]string{
		filepath.Join(root, "missing"):  "check the path",
		filepath.Join(root, "dangling"): "check the path",
		filepath.Join(root, "file"):     "not a directory",
	} {
		tree, err := Open(t.Context(), Ref{Scheme: SchemeDir, Path: path}, Options{})
		if tree != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := Open(t.Context(), Ref{Scheme: "oci", Path: root}, Options{}); err == nil || !strings.Contains(err.Error(), "has no file tree") {
		t.Errorf("unknown scheme: %v", err)
	}
}

func TestRootMayBeALink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "real/etc/hostname", "link -> real")
	tree := openDir(t, filepath.Join(dir, "link"))
	if data, err := tree.ReadFile(tree.Lookup("/etc/hostname"), 100); err != nil || string(data) != "real/etc/hostname" {
		t.Errorf("%q, %v", data, err)
	}
	if tree.Ref().String() != "dir:"+filepath.Join(dir, "link") {
		t.Errorf("reference: %s", tree.Ref())
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if tree, err := Open(ctx, Ref{Scheme: SchemeDir, Path: t.TempDir()}, Options{}); tree != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v, %v", tree, err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	called, before := 0, runtime.NumGoroutine()
	tree, err := Open(ctx, Ref{Scheme: SchemeDir, Path: goroot(t)}, Options{Progress: func(Progress) { called++; cancel() }})
	if tree != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled meanwhile: %v, %v", tree, err)
	}
	if called == 0 {
		t.Error("progress was never called: nothing was cancelled meanwhile")
	}
	timetest.Until(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func TestProgress(t *testing.T) {
	var seen []int
	tree, err := Open(t.Context(), Ref{Scheme: SchemeDir, Path: goroot(t)}, Options{Progress: func(p Progress) { seen = append(seen, p.Files) }})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if len(seen) < 2 || !slices.IsSorted(seen) || seen[len(seen)-1] != tree.Len() {
		t.Errorf("progress %v of %d", seen, tree.Len())
	}
}

func TestReadFileLimit(t *testing.T) {
	root := t.TempDir()
	write(t, root, "12345", "dir/", "link -> 12345")
	tree := openDir(t, root)
	n := tree.Lookup("12345")
	if data, err := tree.ReadFile(n, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	var limit *LimitError
	if _, err := tree.ReadFile(n, 4); !errors.As(err, &limit) || limit.Limit != 4 || limit.Path != "/12345" {
		t.Errorf("over the limit: %v", err)
	}
	for _, name := range []string{"dir", "link"} {
		if _, err := tree.ReadFile(tree.Lookup(name), 5); !errors.Is(err, errNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	info, err := tree.Stat(tree.Lookup("link"))
	if err != nil || info.Mode().Type() != fs.ModeSymlink || info.Name() != "link" {
		t.Errorf("stat of a link: %v, %v", info, err)
	}
	if info, err := tree.Stat(0); err != nil || !info.IsDir() {
		t.Errorf("stat of the root: %v, %v", info, err)
	}
	tree.Close()
	if _, err := tree.ReadFile(n, 5); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "12345")); err != nil {
		t.Fatal(err)
	}
}

// TestHostDirs walks a directory as if it were a host: what is skipped is
// skipped at the top only.
func TestHostDirs(t *testing.T) {
	root := t.TempDir()
	write(t, root, "proc/1/cmdline", "sys/x", "dev/null", "run/lock", "srv/proc/real", "tmp/real", "etc/hostname")
	d, err := openDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	w := newWalker(d, nil)
	w.skip = hostDirs
	if err := w.readMounts(func() ([]*mountinfo.Info, error) { return nil, errors.New("no /proc") }, true); err != nil {
		t.Fatal(err)
	}
	if err := w.walk(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"d/", "d/dev", "d/etc", "f/etc/hostname", "d/proc", "d/run", "d/srv", "d/srv/proc", "f/srv/proc/real", "d/sys", "d/tmp", "f/tmp/real"}
	if diff := cmp.Diff(want, list(w.build.tree())); diff != "" {
		t.Error(diff)
	}
	gaps, excluded := w.findings()
	if len(gaps) != 1 || gaps[0].Kind != sbom.GapMount || !strings.Contains(gaps[0].Detail, "no /proc") {
		t.Errorf("gaps: %v", gaps)
	}
	var paths []string
	for _, e := range excluded {
		if e.Reason != sbom.ExcludedPseudo || e.Count != 1 || e.Detail == "" {
			t.Errorf("exclusion: %+v", e)
		}
		paths = append(paths, e.Path)
	}
	if diff := cmp.Diff([]string{"/dev", "/proc", "/run", "/sys"}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestParseRef(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "crane:here/x", "x:y.tar")
	for _, test := range []struct {
		in   string
		want Ref
		err  string
	}{
		{"dir:/srv/root", Ref{Scheme: SchemeDir, Path: "/srv/root"}, ""},
		{"dir:a:b", Ref{Scheme: SchemeDir, Path: "a:b"}, ""},
		{"build", Ref{Scheme: SchemeDir, Path: "build"}, ""},
		{"./x:y", Ref{Scheme: SchemeDir, Path: "./x:y"}, ""},
		{"/", Ref{Scheme: SchemeDir, Path: "/"}, ""},
		{"host:", Ref{Scheme: SchemeHost, Path: "/"}, ""},
		{"docker:here", Ref{Scheme: SchemeDocker, Path: "here"}, ""},
		{"crane:here", Ref{Scheme: SchemeDir, Path: "crane:here"}, ""},
		{"crane:image", Ref{}, `(schemes: dir, host, oci-dir,`},
		{"docker:image:1.2", Ref{Scheme: SchemeDocker, Path: "image:1.2"}, ""},
		{"docker://image", Ref{Scheme: SchemeDocker, Path: "image"}, ""},
		{"oci-archive:x.tar", Ref{Scheme: SchemeOCIArchive, Path: "x.tar"}, ""},
		{"oci-dir:a/b:latest", Ref{Scheme: SchemeOCIDir, Path: "a/b", Tag: "latest"}, ""},
		{"docker-archive:img.tar:app:1", Ref{Scheme: SchemeDockerArchive, Path: "img.tar", Tag: "app:1"}, ""},
		{"docker-archive:x:y.tar:host:5000/app:1", Ref{Scheme: SchemeDockerArchive, Path: "x:y.tar", Tag: "host:5000/app:1"}, ""},
		{"oci-dir:a:b/c", Ref{Scheme: SchemeOCIDir, Path: "a:b/c"}, ""},
		{"oci-dir:a@sha256:0123", Ref{Scheme: SchemeOCIDir, Path: "a", Tag: "sha256:0123"}, ""},
		{"attestation:a:1#base", Ref{Scheme: SchemeAttestation, Path: "a", Tag: "1", Stage: "base"}, ""},
		{"registry:ghcr.io/a/b@sha256:0123", Ref{Scheme: SchemeRegistry, Path: "ghcr.io/a/b@sha256:0123"}, ""},
		{"sbom:-", Ref{Scheme: SchemeSBOM, Path: "-"}, ""},
		{"snapshot:before.json", Ref{Scheme: SchemeSnapshot, Path: "before.json"}, ""},
		{"host:/", Ref{}, "takes no path"},
		{"dir:", Ref{}, "path is missing"},
		{"", Ref{}, "empty"},
		{"dir:a\x00b", Ref{}, "zero byte"},
	} {
		got, err := ParseRef(test.in)
		switch {
		case test.err == "" && err != nil, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: error %v, want %q", test.in, err, test.err)
		case got != test.want:
			t.Errorf("%q: %+v, want %+v", test.in, got, test.want)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"dir:x", "host:", "a/b", "oci:x", ":", "dir:dir:host:", "x:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err != nil {
			if r != (Ref{}) {
				t.Errorf("%q: both %v and an error", s, r)
			}
			return
		}
		if r.Path == "" || r.Scheme != SchemeDir && r.Scheme != SchemeHost {
			t.Errorf("%q: %+v", s, r)
		}
		if again, err := ParseRef(r.String()); err != nil || again != r {
			t.Errorf("%q: %+v prints as %q, which is %+v, %v", s, r, r, again, err)
		}
	})
}
