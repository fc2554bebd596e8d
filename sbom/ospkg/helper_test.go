package ospkg

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

var debian = sbom.OS{ID: "debian", VersionID: "12"}

// files has the contents of a root by path. A path that ends with "/" is a
// directory, a content that starts with "-> " is a symbolic link.
type files map[string]string

func (f files) plant(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	// Links first, so that files below them are written to their targets.
	for _, links := range []bool{true, false} {
		for path, text := range f {
			target, isLink := strings.CutPrefix(text, "-> ")
			switch {
			case isLink != links:
			case isLink:
				mkdir(tb, filepath.Dir(filepath.Join(root, path)))
				if err := os.Symlink(target, filepath.Join(root, path)); err != nil {
					tb.Fatal(err)
				}
			case strings.HasSuffix(path, "/"):
				mkdir(tb, filepath.Join(root, path))
			default:
				writeFile(tb, root, path, text)
			}
		}
	}
	return root
}

func (f files) open(tb testing.TB, release sbom.OS) (*rootfs.Tree, *DB, error) {
	tb.Helper()
	t, err := openTree(tb, f.plant(tb))
	if err != nil {
		tb.Fatal(err)
	}
	db, err := Open(context.Background(), t, release)
	return t, db, err
}

// mustOpen opens a valid database.
func (f files) mustOpen(tb testing.TB) (*rootfs.Tree, *DB) {
	tb.Helper()
	t, db, err := f.open(tb, debian)
	if err != nil {
		tb.Fatal(err)
	}
	if db == nil {
		tb.Fatal("no database found")
	}
	return t, db
}

// record returns an installed package with more fields.
func record(name string, fields ...string) string {
	return "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n" +
		strings.Join(append(fields, ""), "\n") + "\n"
}

func mkdir(tb testing.TB, path string) {
	tb.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		tb.Fatal(err)
	}
}

func writeFile(tb testing.TB, root, path, text string) {
	tb.Helper()
	path = filepath.Join(root, path)
	mkdir(tb, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// owner returns the name of the package that owns a path, "" for none. The
// path must exist.
func owner(tb testing.TB, t *rootfs.Tree, db *DB, path string) string {
	tb.Helper()
	n := t.ResolveParent(path)
	if n == rootfs.None {
		tb.Fatalf("%s is not there", path)
	}
	id := db.Owner(n)
	if db.Owns(n) != (id != "") {
		tb.Errorf("Owns(%s) is %v, Owner is %q", path, db.Owns(n), id)
	}
	name, _, _ := strings.Cut(id[strings.LastIndexByte(id, '/')+1:], "@")
	return name
}

func gapDetails(db *DB) []string {
	var out []string
	for _, g := range db.Gaps {
		out = append(out, string(g.Kind)+" "+g.Path+": "+g.Detail)
	}
	return out
}

func noticeDetails(db *DB) []string {
	var out []string
	for _, n := range db.Notices {
		out = append(out, string(n.Kind)+" "+n.Path+": "+n.Detail)
	}
	return out
}

// checkEqual compares two databases of one tree and their records of files.
func checkEqual(t *testing.T, first, second *DB) {
	t.Helper()
	parts := cmp.Comparer(func(a, b recordPart) bool { return slices.Equal(a.moved, b.moved) })
	if diff := cmp.Diff(first, second, cmp.AllowUnexported(DB{}), parts); diff != "" {
		t.Fatalf("another run differs:\n%s", diff)
	}
	if !reflect.DeepEqual(recordsOf(t, first), recordsOf(t, second)) {
		t.Fatal("the records of another run differ")
	}
}

// checkRecords compares the files of a root with their records, and the
// differences with what is wanted.
func checkRecords(t *testing.T, tree *rootfs.Tree, root string, r *Records, want []string) {
	t.Helper()
	for _, gap := range r.Gaps {
		t.Errorf("gap %+v", gap)
	}
	var got []string
	compared := 0
	for n := range rootfs.Node(tree.Len()) {
		f, ok := r.Of(n)
		if !ok {
			continue
		}
		compared++
		path := filepath.Join(root, tree.Path(n))
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		mode := uint32(info.Mode().Perm())
		for _, bit := range []struct {
			of fs.FileMode
			is uint32
		}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
			if info.Mode()&bit.of != 0 {
				mode |= bit.is
			}
		}
		differs := ""
		switch kind := tree.Kind(n); {
		case f.Kind != 0 && f.Kind != kind:
			differs = "kind"
		case kind == rootfs.Symlink && f.Link != "" && f.Link != tree.Target(n):
			differs = "link"
		case kind == rootfs.File && f.Algorithm != "":
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(hashOf(f.Algorithm, text), f.Digest) || f.Size >= 0 && f.Size != int64(len(text)) {
				differs = "content"
			}
		}
		if f.HasMode && f.Mode != mode {
			differs = strings.TrimPrefix(differs+", mode", ", ")
		}
		if differs != "" {
			got = append(got, tree.Path(n)+": "+differs)
		}
	}
	for _, a := range r.Absent {
		if a.Flags&(Ghost|MissingOK) == 0 {
			got = append(got, a.Path+": absent")
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	t.Logf("%d files compared", compared)
}

func hashOf(algorithm string, text []byte) []byte {
	switch algorithm {
	case "md5":
		sum := md5.Sum(text)
		return sum[:]
	case "sha1":
		sum := sha1.Sum(text)
		return sum[:]
	case "sha256":
		sum := sha256.Sum256(text)
		return sum[:]
	}
	return nil
}
