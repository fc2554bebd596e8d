package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
	"github.com/google/go-cmp/cmp"
)

// mtime is the time of all entries that layerOf makes.
const mtime = 1_700_000_000

// layerOf makes an uncompressed layer of entries: "path/" is a directory, "path
// -> text" a symbolic link, "path => target" a hard link, "path |" a FIFO,
// "path=content" a file with that content, and "path" a file that holds its
// own path.
func layerOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(mtime, 0)}
		content := e
		if name, target, ok := strings.Cut(e, " -> "); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(e, " => "); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeLink
		} else if name, ok := strings.CutSuffix(e, " |"); ok {
			h.Name, h.Typeflag = name, tar.TypeFifo
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else if name, text, ok := strings.Cut(e, "="); ok {
			h.Name, content = name, text
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatalf("%q: %v", e, err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, content)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// describe is every node of an image but the root in the form of layerOf,
// with the layer that it is from in front. Hard links are files.
func describe(t testing.TB, tree *Tree) []string {
	t.Helper()
	var all []string
	for i := 1; i < tree.Len(); i++ {
		n := Node(i)
		s := fmt.Sprintf("%d %s", tree.Layer(n), tree.Path(n)[1:])
		switch tree.Kind(n) {
		case Dir:
			s += "/"
		case Symlink:
			s += " -> " + tree.Target(n)
		case Other:
			s += " |"
		case File:
			content, err := tree.ReadFile(n, 1<<20)
			if err != nil {
				t.Errorf("%s: %v", s, err)
			}
			if tree.Path(n)[1:] != string(content) {
				s += "=" + string(content)
			}
		}
		all = append(all, s)
	}
	return all
}

func TestMerge(t *testing.T) {
	type layers [][]string
	for _, test := range []struct {
		name   string
		layers layers
		want   []string
		gaps   []string // parts of the gaps, in order
	}{
		{"whiteout", layers{{"a", "b", "d/", "d/x"}, {".wh.a", "d/.wh.x"}},
			[]string{"1 b", "1 d/"}, nil},
		{"whiteout of a directory", layers{{"d/", "d/e/", "d/e/f", "k"}, {".wh.d"}}, []string{"1 k"}, nil},
		{"whiteout without a name", layers{{"a"}, {".wh.b", "no/where/.wh.x", "a/.wh.x"}}, []string{"1 a"}, nil},
		{"whiteout in the lowest layer", layers{{".wh.a", "a"}}, []string{"1 a"}, nil},
		{"whiteout before what replaces it", layers{{"a", "d/", "d/old"}, {".wh.a", "a=new", ".wh.d", "d/", "d/new"}},
			[]string{"2 a=new", "2 d/", "2 d/new"}, nil},
		{"whiteout after what replaces it", layers{{"a", "d/", "d/old"}, {"a=new", ".wh.a", "d/", "d/new", ".wh.d"}},
			[]string{"2 a=new", "2 d/", "2 d/new"}, nil},
		{"whiteout of a directory with new content but no entry", layers{{"d/", "d/old", "d/e/", "d/e/old"}, {"d/e/new", ".wh.d"}},
			[]string{"2 d/", "2 d/e/", "2 d/e/new"}, nil},
		{"a whiteout, and again", layers{{"d/", "d/a"}, {".wh.d", ".wh.d", "d/.wh.a", "d/.wh..wh..opq"}}, nil, nil},
		{"whiteout and back", layers{{"a", "d/", "d/x"}, {".wh.a", ".wh.d"}, {"a=3", "d/", "d/y"}},
			[]string{"3 a=3", "3 d/", "3 d/y"}, nil},
		{"opaque", layers{{"d/", "d/a", "d/e/", "d/e/f", "k"}, {"d/", "d/.wh..wh..opq", "d/new"}},
			[]string{"2 d/", "2 d/new", "1 k"}, nil},
		{"opaque after its siblings", layers{{"d/", "d/a", "d/e/", "d/e/f"}, {"d/", "d/e/", "d/e/g", "d/.wh..wh..opq"}},
			[]string{"2 d/", "2 d/e/", "2 d/e/g"}, nil},
		{"opaque without a directory entry", layers{{"d/", "d/a", "d/e/", "d/e/f"}, {"d/.wh..wh..opq", "d/e/g"}},
			[]string{"1 d/", "2 d/e/", "2 d/e/g"}, nil},
		{"opaque root", layers{{"a", "d/", "d/x"}, {".wh..wh..opq", "b"}}, []string{"2 b"}, nil},
		{"opaque of nothing", layers{{"a"}, {"x/.wh..wh..opq"}}, []string{"1 a"}, nil},
		{"whiteouts do not reach their own layer", layers{{"x"}, {"a", ".wh.a", "d/", "d/y", ".wh..wh..opq"}},
			[]string{"2 a", "2 d/", "2 d/y"}, nil},
		{"leftovers of AUFS", layers{{".wh..wh.aufs", ".wh..wh.plnk/", ".wh..wh.plnk/1.2", ".wh..wh.orph/", "a"}}, []string{"1 a"}, nil},
		{"whiteout of itself", layers{{"d/", "d/a"}, {"d/.wh.", "d/.wh..", "d/.wh..."}}, []string{"1 d/", "1 d/a"},
			[]string{"whiteout without a name", "whiteout without a name", "whiteout without a name"}},
		{"a directory named like a whiteout", layers{{"a", "b"}, {".wh.a/", "x/.wh.y/z"}}, []string{"1 b", "2 x/", "2 x/.wh.y/", "2 x/.wh.y/z"}, nil},

		{"file over directory", layers{{"d/", "d/a", "d/e/", "d/e/f"}, {"d"}}, []string{"2 d"}, nil},
		{"directory over file", layers{{"d"}, {"d/", "d/a"}}, []string{"2 d/", "2 d/a"}, nil},
		{"directory over directory", layers{{"d/", "d/a"}, {"d/"}}, []string{"2 d/", "1 d/a"}, nil},
		{"directory over link", layers{{"real/", "real/a", "d -> real"}, {"d/", "d/b"}}, []string{"2 d/", "2 d/b", "1 real/", "1 real/a"}, nil},
		{"link over directory", layers{{"d/", "d/a"}, {"d -> x"}}, []string{"2 d -> x"}, nil},
		{"FIFO over file", layers{{"a"}, {"a |"}}, []string{"2 a |"}, nil},
		{"last of duplicates", layers{{"a=1", "a=2", "d/", "d/x", "d=file", "l -> 1", "l -> 2"}}, []string{"1 a=2", "1 d=file", "1 l -> 2"}, nil},
		{"missing parents", layers{{"x/y/z"}}, []string{"1 x/", "1 x/y/", "1 x/y/z"}, nil},
		{"a file above", layers{{"a"}, {"a/b", "a/c/"}}, []string{"1 a"}, []string{"a component of its path is a file", "a component of its path is a file"}},

		{"hard link", layers{{"a=1", "b => a"}}, []string{"1 a=1", "1 b=1"}, nil},
		{"hard link to a lower layer", layers{{"a=1", "d/", "d/x=2"}, {"b => a", "e/y => /d/x"}},
			[]string{"1 a=1", "2 b=1", "1 d/", "1 d/x=2", "2 e/", "2 e/y=2"}, nil},
		{"hard link keeps what its target was", layers{{"a=1", "b => a", "a=2"}, {"a=3"}}, []string{"2 a=3", "1 b=1"}, nil},
		{"hard link outlives its target", layers{{"a=1"}, {"b => a", ".wh.a"}}, []string{"2 b=1"}, nil},
		{"hard link to a link", layers{{"l -> x", "m => l"}, {".wh.l"}}, []string{"1 m -> x"}, nil},
		{"hard link over what holds its target", layers{{"d/", "d/a=1"}, {"d => d/a"}}, []string{"2 d=1"}, nil},
		{"hard link through a link", layers{{"real/", "real/a=1", "d -> /real"}, {"b => d/a"}}, []string{"2 b=1", "1 d -> /real", "1 real/", "1 real/a=1"}, nil},
		{"hard link to nothing", layers{{"b => a", "a", "d/", "x => d", "y => /"}}, []string{"1 a", "1 d/"},
			[]string{`"a": the target does not exist`, `"d": the target is a directory`, "root"}},
		{"hard link to itself", layers{{"a=1"}, {"a => a"}}, []string{"1 a=1"}, []string{"to itself"}},
		{"hard link to a whiteout", layers{{"a"}, {".wh.a => a"}}, nil, nil},
		{"hard link to a file that is not in this layer any more", layers{{"a"}, {".wh.a"}, {"b => a"}}, nil, []string{"the target does not exist"}},
		{"hard link that climbs", layers{{"b => ../../etc/passwd"}}, nil, []string{"climbs out"}},

		{"parent is a link", layers{{"usr/", "usr/lib/", "lib -> usr/lib"}, {"lib/x"}}, []string{"1 lib -> usr/lib", "1 usr/", "1 usr/lib/", "2 usr/lib/x=lib/x"}, nil},
		{"parent is a link out", layers{{"lib -> ../../../usr"}, {"lib/x"}}, []string{"1 lib -> ../../../usr", "2 usr/", "2 usr/x=lib/x"}, nil},
		{"parent is a link to nothing", layers{{"l -> no/such/../one"}, {"l/x"}}, []string{"1 l -> no/such/../one", "2 no/", "2 no/one/", "2 no/one/x=l/x"}, nil},
		{"parents are links in circles", layers{{"a -> b", "b -> a"}, {"a/x"}}, []string{"1 a -> b", "1 b -> a"}, []string{"circles"}},
		{"replaces through a link", layers{{"d/", "d/pkg/", "d/pkg/meta", "l -> d"}, {"l/pkg"}}, []string{"1 d/", "2 d/pkg=l/pkg", "1 l -> d"}, []string{"replaces a file through a symbolic link"}},
		{"whiteout through a link", layers{{"d/", "d/a", "l -> d"}, {"l/.wh.a", "l/.wh..wh..opq"}}, []string{"1 d/", "1 d/a", "1 l -> d"},
			[]string{"whiteout was not applied", "whiteout was not applied"}},
		{"opaque directory that was a link", layers{{"d/", "d/a", "l -> d"}, {"l/", "l/.wh..wh..opq", "l/b"}}, []string{"1 d/", "1 d/a", "2 l/", "2 l/b"}, nil},
		{"whiteout of a link before what is behind it", layers{{"d/", "d/a", "l -> d"}, {".wh.l", "l/x", "d"}}, []string{"2 d", "2 l/", "2 l/x"}, nil},
		{"whiteout of a link after what is behind it", layers{{"d/", "d/a", "l -> d"}, {"l/x", ".wh.l"}}, []string{"1 d/", "1 d/a", "2 d/x=l/x"}, nil},
		{"whiteout of a link", layers{{"d/", "d/a", "l -> d"}, {".wh.l"}}, []string{"1 d/", "1 d/a"}, nil},

		{"climbing", layers{{"../a", "x/../../b", "/../c", "d/../ok=1", "..", "a/.."}}, []string{"1 ok=1"},
			[]string{"climbs out", "climbs out", "climbs out", "climbs out", "replace the root"}},
		{"absolute", layers{{"/etc/", "//etc//x", "./etc/./y", "/"}}, []string{"1 etc/", "1 etc/x=//etc//x", "1 etc/y=./etc/./y"}, nil},
		{"the root as a file", layers{{"a"}, {". -> x"}}, []string{"1 a"}, []string{"replace the root"}},
		{"the root is described", layers{{"./", "a"}}, []string{"1 a"}, nil},
		{"an empty layer", layers{{"a"}, {}, {"b"}}, []string{"1 a", "3 b"}, nil},
		{"the same layer twice", layers{{"a=1", "d/", "d/x"}, {"a=2", ".wh.d"}, {"a=1", "d/", "d/x"}}, []string{"3 a=1", "3 d/", "3 d/x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var blobs [][]byte
			for _, entries := range test.layers {
				blobs = append(blobs, layerOf(t, entries...))
			}
			tree := mustOpenBlobs(t, keepAll(), blobs...)
			if diff := cmp.Diff(test.want, describe(t, tree)); diff != "" {
				t.Error(diff)
			}
			gaps := tree.Gaps()
			if len(gaps) != len(test.gaps) {
				t.Fatalf("gaps %v, want %q", gaps, test.gaps)
			}
			for i, g := range gaps {
				if !slices.ContainsFunc(test.gaps, func(s string) bool { return strings.Contains(g.Detail, s) }) || !strings.Contains(g.Detail, "layer ") {
					t.Errorf("gap %d is %v, want %q", i, g, test.gaps)
				}
			}
		})
	}
}

// TestMergeIsLinear has layers that would take hours if taking away a tree
// cost more than putting it there.
func TestMergeIsLinear(t *testing.T) {
	const n = 2000
	wide, flips := []string{"d/"}, []string{"d/"}
	var outs, deep, chain []string
	for i := range n {
		wide = append(wide, fmt.Sprintf("d/%d", i))
		outs = append(outs, "d/.wh..wh..opq", ".wh.d", fmt.Sprintf("d/.wh.%d", i))
		flips = append(flips, "d/x", "d=file", "d/")
	}
	path := ""
	for range n / 10 {
		path += "a/"
		deep, chain = append(deep, path), append(chain, path+".wh.a")
	}
	m := newMerge()
	entries := 0
	for i, list := range [][]string{wide, outs, append(wide, outs...), flips, deep, chain} {
		x, err := layer.Read(t.Context(), memoryBlob(i+1, layerOf(t, list...)), layer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if err := m.apply(t.Context(), uint16(i+1), x); err != nil {
			t.Fatal(err)
		}
		entries += len(list)
	}
	// Paths of the deep ones have a hundred components on average.
	if most := int64(5*entries + n/10*n/10*2); m.steps > most {
		t.Errorf("%d steps for %d entries, want at most %d", m.steps, entries, most)
	}
	if tree := m.tree(); tree.Len() != 3 || len(tree.Gaps()) > 0 { // the root, d and a
		t.Errorf("%d nodes, %v", tree.Len(), tree.Gaps())
	}
}

// TestMergeIsBounded has paths through links that would take days.
func TestMergeIsBounded(t *testing.T) {
	m := newMerge()
	m.steps = maxSteps
	x, err := layer.Read(t.Context(), memoryBlob(1, layerOf(t, "a/b")), layer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := m.apply(t.Context(), 1, x); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Error(err)
	}
}

func TestNotKept(t *testing.T) {
	opts := Options{Classify: firstByte, Keep: &Keep{ID: "some", Content: func(path string, size int64, class Class) bool {
		return path == "/keep" && size == 4 && class == 'k'
	}}}
	tree := mustOpenBlobs(t, opts, layerOf(t, "keep", "other", "empty="))
	if data, err := tree.ReadFile(tree.Lookup("/keep"), 10); err != nil || string(data) != "keep" {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := tree.ReadFile(tree.Lookup("/empty"), 10); err != nil || len(data) != 0 {
		t.Errorf("an empty file: %q, %v", data, err)
	}
	other := tree.Lookup("/other")
	var notKept *NotKeptError
	if _, err := tree.OpenFile(other); !errors.As(err, &notKept) || notKept.Path != "/other" || notKept.TooLarge {
		t.Errorf("not kept: %v", err)
	}
	if class, mode, err := tree.Classify(other); class != 'o' || mode != 0o644 || err != nil {
		t.Errorf("class %d, mode %v, %v", class, mode, err)
	}
	if info, err := tree.Stat(other); err != nil || info.Size() != 5 || info.ModTime().Unix() != mtime {
		t.Errorf("%v, %v", info, err)
	}
}

// TestKeptByAnotherName asks for contents under names that the layer with the
// content does not know.
func TestKeptByAnotherName(t *testing.T) {
	keep := Options{Keep: &Keep{ID: "METADATA", Content: func(path string, _ int64, _ Class) bool { return strings.HasSuffix(path, "/METADATA") }}}
	for _, cached := range []bool{false, true} {
		if cached {
			keep.Cache = t.TempDir() + "/cache"
		}
		tree := mustOpenBlobs(t, keep,
			layerOf(t, "opt/", "opt/a=1", "opt/b=2", "opt/c=3", "opt/d=4", "opt/METADATA=5", "real/", "x/METADATA => opt/a", "y/METADATA -> ../opt/b", "dir -> ../real"),
			layerOf(t, "z/METADATA => opt/c", "w/METADATA -> /opt/again", "opt/again => opt/d", "v/METADATA -> METADATA"),
			layerOf(t, "opt/d=changed"))
		for path, want := range map[string]string{
			"/x/METADATA": "1", "/opt/a": "1", "/y/METADATA": "2", "/opt/b": "2", "/z/METADATA": "3", "/w/METADATA": "4", "/opt/again": "4", "/opt/METADATA": "5",
		} {
			if data, err := tree.ReadFile(tree.Resolve(path), 10); err != nil || string(data) != want {
				t.Errorf("%s: %q, %v, want %q", path, data, err, want)
			}
		}
		var notKept *NotKeptError
		if _, err := tree.ReadFile(tree.Lookup("/opt/d"), 10); !errors.As(err, &notKept) {
			t.Errorf("/opt/d of the last layer, which no link leads to: %v", err)
		}
	}
}

func TestContentIsLikeAFile(t *testing.T) {
	tree := mustOpenBlobs(t, keepAll(), layerOf(t, "a=0123456789", "b=x"))
	f, err := tree.OpenFile(tree.Lookup("a"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Name() != "/a" {
		t.Errorf("name %q", f.Name())
	}
	var b [20]byte
	if n, err := f.ReadAt(b[:], 7); n != 3 || err != io.EOF || string(b[:3]) != "789" {
		t.Errorf("read past the end: %d, %v, %q", n, err, b[:n])
	}
	if at, err := f.Seek(-2, io.SeekEnd); at != 8 || err != nil {
		t.Errorf("seek: %d, %v", at, err)
	}
	if rest, err := io.ReadAll(f); string(rest) != "89" || err != nil {
		t.Errorf("rest %q, %v", rest, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Read(b[:]); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	tree.Close()
	if _, err := tree.OpenFile(tree.Lookup("b")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after the tree was closed: %v", err)
	}
	if tree.Path(tree.Lookup("b")) != "/b" || tree.Image().Layers[0].Digest == "" {
		t.Error("the index is gone")
	}
}

// TestGapsAreBounded has more wrong entries than are named.
func TestGapsAreBounded(t *testing.T) {
	var many []string
	for i := range 3 * maxGaps {
		many = append(many, fmt.Sprintf("x => %s/%d", strings.Repeat("n", 100), i), fmt.Sprintf("../%d", i))
	}
	tree := mustOpenBlobs(t, keepAll(), layerOf(t, many...))
	gaps := tree.Gaps()
	if len(gaps) != maxGaps+1 {
		t.Fatalf("%d gaps", len(gaps))
	}
	if g := gaps[0]; g.Kind != sbom.GapLimit || !strings.HasPrefix(g.Detail, fmt.Sprint(6*maxGaps-maxGaps)+" more") {
		t.Errorf("the last gap is %v", g)
	}
}
