package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// markRoot is a small root, opened with a class for files that start with
// "!", and recorded.
func markRoot(t *testing.T) (string, *Tree) {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"a/x": "!", "a/y": "text", "b/c/z": "!", "log": "one"} {
		full := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a/x", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	tree := openRecorded(t, root)
	tree.Record()
	return root, tree
}

func bang(head []byte) Class {
	if len(head) > 0 && head[0] == '!' {
		return 7
	}
	return 0
}

func openRecorded(t *testing.T, root string) *Tree {
	t.Helper()
	tree, err := Open(t.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{Classify: bang})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func marksOf(t *testing.T, tree *Tree, now time.Time) *Fingerprints {
	t.Helper()
	m, err := tree.Fingerprints(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		t.Skip("this system does not tell when a file was changed")
	}
	return m
}

// same is what both comparisons say.
func same(t *testing.T, root string, m *Fingerprints) (before, after bool) {
	t.Helper()
	before, err := Same(t.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{Classify: bang}, m)
	if err != nil {
		t.Fatal(err)
	}
	if after, err = openRecorded(t, root).Unchanged(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestMarksSayWhatWasAsked(t *testing.T) {
	_, tree := markRoot(t)
	class, perm, err := tree.Classify(tree.Lookup("/a/x"))
	if class != 7 || perm != 0o644 || err != nil {
		t.Fatalf("%d, %v, %v", class, perm, err)
	}
	if _, err := tree.ReadFile(tree.Lookup("/a/y"), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Stat(tree.Lookup("/link")); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.OpenFile(tree.Lookup("/b/c")); err == nil {
		t.Fatal("a directory was opened")
	}
	got := make(map[string]Read)
	for _, m := range marksOf(t, tree, time.Now().Add(time.Hour)).Files {
		if m.Read != 0 {
			got[tree.Path(m.Node)] = m.Read
		}
		if m.Name != tree.Name(m.Node) || m.Parent != tree.Parent(m.Node) || m.Dir != (tree.Kind(m.Node) == Dir) || m.Fingerprint == (Fingerprint{}) {
			t.Errorf("%s: %+v", tree.Path(m.Node), m)
		}
		if tree.Path(m.Node) == "/a/x" && (m.Class != 7 || m.Perm != 0o644) {
			t.Errorf("%+v", m)
		}
	}
	want := map[string]Read{"/a/x": ReadClass, "/a/y": ReadContent, "/link": ReadInfo, "/b/c": ReadContent | ReadFailed}
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for p, a := range want {
		if got[p] != a {
			t.Errorf("%s: %b, want %b", p, got[p], a)
		}
	}
	if _, err := openRecorded(t, t.TempDir()).Fingerprints(t.Context(), time.Time{}); err == nil {
		t.Error("fingerprints of a tree that was not recorded")
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		name string
		same bool
		do   func(root string) error
	}{
		{"nothing", true, func(string) error { return nil }},
		{"a class that stays", true, func(root string) error { return os.WriteFile(filepath.Join(root, "log"), []byte("one\ntwo"), 0o644) }},
		{"a class that changes", false, func(root string) error { return os.WriteFile(filepath.Join(root, "log"), []byte("!"), 0o644) }},
		{"permissions", false, func(root string) error { return os.Chmod(filepath.Join(root, "log"), 0o755) }},
		{"content that was read", false, func(root string) error { return os.WriteFile(filepath.Join(root, "a/y"), []byte("tixt"), 0o644) }},
		{"a name", false, func(root string) error { return os.Mkdir(filepath.Join(root, "b/c/d"), 0o755) }},
		{"a link", false, func(root string) error {
			return errors.Join(os.Remove(filepath.Join(root, "link")), os.Symlink("a/y", filepath.Join(root, "link")))
		}},
		{"a directory that is a link", false, func(root string) error {
			return errors.Join(os.Rename(filepath.Join(root, "b/c"), filepath.Join(root, "b/d")), os.Symlink("d", filepath.Join(root, "b/c")))
		}},
		{"another root of the same names", false, func(root string) error {
			return errors.Join(os.Rename(root, root+".old"), os.CopyFS(root, os.DirFS(root+".old")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, tree := markRoot(t)
			for _, p := range []string{"/log", "/a/x", "/b/c/z"} {
				if _, _, err := tree.Classify(tree.Lookup(p)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := tree.ReadFile(tree.Lookup("/a/y"), 100); err != nil {
				t.Fatal(err)
			}
			m := marksOf(t, tree, time.Now().Add(time.Hour))
			timetest.Tick(t, t.TempDir())
			if err := c.do(root); err != nil {
				t.Fatal(err)
			}
			if before, after := same(t, root, m); before != c.same || after != c.same {
				t.Errorf("without a walk %t, with one %t", before, after)
			}
		})
	}
}

// Forged fingerprints are compared, and never trusted to be complete.
func TestSameOfBrokenMarks(t *testing.T) {
	root, tree := markRoot(t)
	if _, _, err := tree.Classify(tree.Lookup("/a/x")); err != nil {
		t.Fatal(err)
	}
	good := marksOf(t, tree, time.Now().Add(time.Hour))
	if before, after := same(t, root, good); !before || !after {
		t.Fatal("nothing changed")
	}
	for name, spoil := range map[string]func(m *Fingerprints){
		"no files":         func(m *Fingerprints) { m.Files = nil },
		"no root":          func(m *Fingerprints) { m.Files = m.Files[1:] },
		"another root":     func(m *Fingerprints) { m.Root = "x" },
		"no mounts":        func(m *Fingerprints) { m.Mounts = "" },
		"other mounts":     func(m *Fingerprints) { m.Mounts = "x" },
		"no state":         func(m *Fingerprints) { m.Files[1].Fingerprint = Fingerprint{} },
		"a failure":        func(m *Fingerprints) { m.Files[2].Read |= ReadFailed },
		"a name with ..":   func(m *Fingerprints) { m.Files[1].Name = ".." },
		"a name with /":    func(m *Fingerprints) { m.Files[1].Name = "a/../a" },
		"an empty name":    func(m *Fingerprints) { m.Files[1].Name = "" },
		"a parent of none": func(m *Fingerprints) { m.Files[1].Parent = None },
		"a file as parent": func(m *Fingerprints) { m.Files[3].Parent = m.Files[2].Node },
		"a missing parent": func(m *Fingerprints) { m.Files[len(m.Files)-1].Parent = 1000 },
	} {
		m := *good
		m.Files = slices.Clone(good.Files)
		spoil(&m)
		if before, _ := same(t, root, &m); before {
			t.Errorf("%s: the same", name)
		}
	}
	none := Fingerprints{}
	if before, after := same(t, root, &none); before || after {
		t.Error("no fingerprints are the same as something")
	}
	gone, err := Same(t.Context(), Ref{Scheme: SchemeDir, Path: root + ".none"}, Options{}, good)
	if gone || err != nil {
		t.Errorf("a root that is not there: %t, %v", gone, err)
	}
}

func TestRecall(t *testing.T) {
	root, tree := markRoot(t)
	for _, p := range []string{"/log", "/a/x", "/a/y"} {
		if _, _, err := tree.Classify(tree.Lookup(p)); err != nil {
			t.Fatal(err)
		}
	}
	known := make(map[Fingerprint]FileFingerprint)
	for _, m := range marksOf(t, tree, time.Now().Add(time.Hour)).Files {
		m.Class += 20 // so that an answer from memory shows
		known[m.Fingerprint] = m
	}
	timetest.Tick(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(root, "log"), []byte("!"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := openRecorded(t, root)
	if err := again.Recall(t.Context(), known, func(n Node) bool { return again.Path(n) != "/a/y" }); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]Class{"/a/x": 27, "/a/y": 0, "/log": 7, "/b/c/z": 7} {
		if class, _, err := again.Classify(again.Lookup(p)); class != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", p, class, err, want)
		}
	}
}

// A file that was written while a snapshot was taken has no state: its times
// could stay what they are when it is written again.
func TestRacyMarks(t *testing.T) {
	start := time.Now()
	root, tree := markRoot(t)
	old := filepath.Join(root, "a/x")
	for _, p := range []string{"/log", "/a/x"} {
		if _, _, err := tree.Classify(tree.Lookup(p)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range marksOf(t, tree, start).Files {
		if m.Fingerprint != (Fingerprint{}) {
			t.Errorf("%s has a state", tree.Path(m.Node))
		}
	}
	// Without a clock, the latest change is now: on a slow machine that of one file.
	if err := os.Chmod(old, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, m := range marksOf(t, tree, time.Time{}).Files {
		if m.Fingerprint != (Fingerprint{}) && tree.Path(m.Node) == "/a/x" {
			t.Error("the file that was changed last has a state")
		}
	}
	// The time of modification can be set, and identifies nothing.
	if err := os.Chtimes(old, start.Add(-time.Hour), start.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, m := range marksOf(t, tree, start).Files {
		if m.Fingerprint != (Fingerprint{}) {
			t.Errorf("%s has a state by its time of modification", tree.Path(m.Node))
		}
	}
}

func TestNamesTellTreesApart(t *testing.T) {
	digest := func(make func(b *builder, add func(parent int32, name string, kind Kind) int32)) [32]byte {
		b := newBuilder()
		make(b, func(parent int32, name string, kind Kind) int32 {
			n, err := b.add(parent, []byte(name), kind)
			if err != nil {
				t.Fatal(err)
			}
			return n
		})
		return b.tree().Names()
	}
	seen := make(map[[32]byte]int)
	for i, make := range []func(b *builder, add func(int32, string, Kind) int32){
		func(*builder, func(int32, string, Kind) int32) {},
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "a", File) },
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "a", Dir) },
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "a", Other) },
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "a", Symlink) },
		func(b *builder, add func(int32, string, Kind) int32) {
			if err := b.setTarget(add(0, "a", Symlink), []byte("b")); err != nil {
				t.Fatal(err)
			}
		},
		func(_ *builder, add func(int32, string, Kind) int32) { add(add(0, "a", Dir), "b", File) },
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "a", Dir); add(0, "b", File) },
		func(_ *builder, add func(int32, string, Kind) int32) { add(0, "ab", File) },
	} {
		d := digest(make)
		if j, ok := seen[d]; ok {
			t.Errorf("trees %d and %d have the same digest", i, j)
		}
		seen[d] = i
	}
}

// Questions come from many goroutines.
func TestRecordSideBySide(t *testing.T) {
	_, tree := markRoot(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for n := range Node(tree.Len()) {
				tree.Classify(n)
				tree.Stat(n)
			}
		})
	}
	group.Wait()
	for _, m := range marksOf(t, tree, time.Now().Add(time.Hour)).Files {
		want := ReadClass | ReadInfo
		if tree.Kind(m.Node) != File {
			want |= ReadFailed
		}
		if m.Read != want || m.Perm&^fs.ModePerm != 0 {
			t.Errorf("%s: %+v", tree.Path(m.Node), m)
		}
	}
}
