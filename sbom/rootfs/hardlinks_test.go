package rootfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// linkedPaths returns the paths of the files with several names.
func linkedPaths(t *Tree) [][]string {
	var out [][]string
	for _, names := range t.LinkedFiles() {
		var paths []string
		for _, n := range names {
			paths = append(paths, t.Path(n))
		}
		out = append(out, paths)
	}
	return out
}

func TestHardLinksOnDisk(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(p string) string { return filepath.Join(root, p) }
	must(os.Mkdir(at("d"), 0o755))
	for _, p := range []string{"a", "copy", "d/other", "empty", "outside"} {
		must(os.WriteFile(at(p), []byte("x"), 0o644))
	}
	must(os.Truncate(at("empty"), 0))
	must(os.Link(at("a"), at("d/b")))
	must(os.Link(at("a"), at("c")))
	must(os.Link(at("empty"), at("d/empty")))
	must(os.Link(at("outside"), filepath.Join(t.TempDir(), "x")))
	must(os.Symlink("a", at("s")))
	must(os.Symlink("a", at("d/s")))
	ref := Ref{Scheme: SchemeDir, Path: root}
	tree, err := Open(t.Context(), ref, Options{})
	must(err)
	defer tree.Close()
	want := [][]string{{"/a", "/c", "/d/b"}, {"/d/empty", "/empty"}}
	if diff := cmp.Diff(want, linkedPaths(tree)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := tree.Links(tree.Lookup("/d/b")); len(got) != 3 || got[0] != tree.Lookup("/a") {
		t.Errorf("Links = %v", got)
	}
	if tree.Links(tree.Lookup("/copy")) != nil || tree.Links(None) != nil {
		t.Error("a file with one name has others")
	}
	// A link that is replaced by a copy of equal content is a change.
	must(os.Remove(at("c")))
	must(os.WriteFile(at("c"), []byte("x"), 0o644))
	after, err := Open(t.Context(), ref, Options{})
	must(err)
	defer after.Close()
	if after.Names() == tree.Names() {
		t.Error("the digest does not depend on hard links")
	}
}

func TestHardLinksOfLayers(t *testing.T) {
	tree := mustOpenBlobs(t, keepAll(), layerOf(t, "a=1", "b=1", "d/", "d/x => a", "e=", "f=", "s -> a", "t => s"), layerOf(t, "d/y => a", "a=2", "g => d/x"))
	if diff := cmp.Diff([][]string{{"/d/x", "/d/y", "/g"}}, linkedPaths(tree)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHardLinksOfDevices has files with equal inodes of two devices, as a mount
// has them: those are two files.
func TestHardLinksOfDevices(t *testing.T) {
	ids := []fileID{{1, 7}, {2, 7}, {1, 7}, {}, {}}
	h := newHardLinks([]Node{3, 4, 9, 10, 11}, func(i int) (fileID, bool) { return ids[i], ids[i] != fileID{} })
	if diff := cmp.Diff([][]Node{{3, 9}}, h.names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := shared([]inodeOf{newInodeOf(5, 99), newInodeOf(1, 7), newInodeOf(2, 99), newInodeOf(3, 8)}); !cmp.Equal(got, []int32{2, 5}) {
		t.Errorf("shared = %v", got)
	}
}
