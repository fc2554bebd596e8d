package ospkg

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// openImage makes an image of layers and opens its database.
func openImage(t *testing.T, release sbom.OS, layers ...files) *DB {
	t.Helper()
	image := empty.Image
	for _, f := range layers {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, path := range sortedKeys(f) {
			if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(path, "/"), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[path]))}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, f[path]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, []v1.Layer{layer}...); err != nil {
			t.Fatal(err)
		}
	}
	image, err := mutate.ConfigFile(image, withPlatform(t, image))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "image")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: dir},
		rootfs.Options{Platform: "linux/amd64", Keep: &rootfs.Keep{ID: "all", Content: func(string, int64, rootfs.Class) bool { return true }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	db, err := Open(context.Background(), tree, release)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func withPlatform(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	c, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", "amd64"
	return c
}

func layersOf(db *DB) map[string]int {
	out := map[string]int{}
	for _, c := range db.Components {
		out[c.Name] = c.Layer
	}
	return out
}

// TestLayers checks the layers of components. In each image the third layer
// writes the database once more, as every installation does.
func TestLayers(t *testing.T) {
	a, b := alpmPackage("a", "", "usr/a"), alpmPackage("b", "", "usr/b")
	for _, test := range []struct {
		name    string
		release sbom.OS
		layers  []files
		want    map[string]int
	}{
		{"dpkg", debian, []files{
			{dpkgStatus: record("a"), dpkgInfo + "/a.list": "/usr/a\n", "/usr/a": ""},
			{"/other": ""},
			{dpkgStatus: record("a") + record("b"), dpkgInfo + "/b.list": "/usr/b\n", "/usr/b": "", "/usr/a": "changed"},
		}, map[string]int{"a": 1, "b": 3}},
		{"distroless", debian, []files{
			{dpkgStatusD + "/a": record("a"), dpkgStatusD + "/a.md5sums": ""},
			{dpkgStatusD + "/b": record("b"), dpkgStatusD + "/b.md5sums": ""},
		}, map[string]int{"a": 1, "b": 2}},
		{"alpm", arch, []files{a, b, {"/usr/a": "changed"}}, map[string]int{"a": 1, "b": 2}},
		{"apk", alpine, []files{
			{apkDir + apkInstalled: apkRecordText("a", "F:usr", "R:a"), "/usr/a": ""},
			{"/other": ""},
			{apkDir + apkInstalled: apkRecordText("a", "F:usr", "R:a", "R:a2", "R:a3") + apkRecordText("b", "F:usr", "R:b", "R:tie1", "R:tie2", "F:usr/x") + apkRecordText("meta"),
				"/usr/b": "", "/usr/a2": "", "/usr/a3": "", "/usr/tie1": "", "/usr/tie2": ""},
			{"/usr/tie1": "changed", "/usr/tie2": "changed"},
			{"/usr/b": "changed"},
		}, map[string]int{"a": 3, "b": 4, "meta": 0}},
		{"opkg tie", sbom.OS{ID: "openwrt", VersionID: "23.05.5"}, []files{
			{opkgDir + "/status": opkgText("a"), opkgDir + "/info/a.list": "/usr/1\n/usr/2\n/usr/3\n", "/usr/1": ""},
			{"/usr/2": "", "/usr/3": ""}, // as many as in the first, with the list
		}, map[string]int{"a": 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, layersOf(openImage(t, test.release, test.layers...))); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
		})
	}
	// A directory tree has none.
	_, db := files{dpkgStatus: record("a"), dpkgInfo + "/a.list": "/usr/a\n", "/usr/a": ""}.mustOpen(t)
	if got := layersOf(db)["a"]; got != 0 {
		t.Errorf("layer %d of a directory", got)
	}
}
