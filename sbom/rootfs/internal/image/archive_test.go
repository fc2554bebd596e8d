package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestPublishedFixtures opens what go-containerregistry is tested with:
// archives that Docker and Bazel wrote, and layouts.
func TestPublishedFixtures(t *testing.T) {
	dir := filepath.Join(moduletest.Dir(t, "github.com/google/go-containerregistry"), "pkg/v1")
	hello := "sha256:12660636fe55438cc3ae7424da7ac56e845cdb52493ff9cf949c47a7f57f8b43"
	one := "sha256:8897395fd26dc44ad0e2a834335b33198cb41ac4d98dfddf58eced3853fa7b17"
	two := "sha256:3610aa5267a210147ba6ca02cdd87610dfc08522de9c5f5015edd8ee14853fd8"
	three := "sha256:6b617a2706576ed038acdc3aa668cac62010386a5a3d227d83aada32085c9f29"
	bazel := "bazel build ..."
	for _, tt := range []struct {
		scheme, path, tag string
		want              sbom.Image
	}{
		{schemeDockerArchive, "tarball/testdata/hello-world-v25.tar", "",
			sbom.Image{Platform: "linux/arm64", Layers: []sbom.Layer{{Digest: hello, DiffID: hello, Size: 10752, CreatedBy: "COPY hello /"}}}},
		{schemeDockerArchive, "tarball/testdata/hello-world-v25.tar", "sha256:ee301c921b8aadc002973b2e0c3da17d701dcd994b606769a7e6eaa100b81d44",
			sbom.Image{Platform: "linux/arm64", Layers: []sbom.Layer{{Digest: hello, DiffID: hello, Size: 10752, CreatedBy: "COPY hello /"}}}},
		{schemeDockerArchive, "tarball/testdata/test_image_1.tar", "",
			sbom.Image{Platform: "linux/amd64", Layers: []sbom.Layer{{DiffID: one, Size: 10240, CreatedBy: bazel}}}},
		{schemeDockerArchive, "tarball/testdata/test_bundle.tar", "test_image_2",
			sbom.Image{Platform: "linux/amd64", Layers: []sbom.Layer{{DiffID: two, Size: 10240, CreatedBy: bazel}}}},
		{schemeDockerArchive, "tarball/testdata/test_link.tar", "bazel/v1/tarball:test_image_3",
			sbom.Image{Platform: "linux/amd64", Layers: []sbom.Layer{{DiffID: one, Size: 10240, CreatedBy: bazel},
				{DiffID: three, Size: 2048, CreatedBy: "ADD file:31f0f7fb6b901307b3d575464f66e9aefce9cfc94db1cac4d6e9bc7a10e0f5a2 in /"}}}},
		{schemeOCIDir, "layout/testdata/test_index", "1",
			sbom.Image{Digest: "sha256:eebff607b1628d67459b0596643fc07de70d702eccf030f0bc7bb6fc2b278650", Platform: "linux/amd64",
				Layers: []sbom.Layer{{Digest: "sha256:dc52c6e48a1d51a96047b059f16889bc889c4b4c28f3b36b3f93187f62fc0b2b", DiffID: one, Size: 167, CreatedBy: bazel}}}},
		{schemeOCIDir, "layout/testdata/test_index_one_image", "",
			sbom.Image{Digest: "sha256:98ceaf93e482fe91b9bfd6bba07137c098e49ee2d55e69f09fb6c951e75e0e46", Platform: "linux/amd64",
				Layers: []sbom.Layer{{Digest: "sha256:492b89b9dd3cda4596f94916d17f6901455fb8bd7f4c5a2a90df8d39c90f48a0", Size: 114,
					DiffID:    "sha256:59cd31f50f7442a662d7c31b7a12079ade16892bfb465b33da49918e7d13e747",
					CreatedBy: "COPY file:a34f6c104b4cb0668083b4de122deebb3e3629e212f82c32fec316dd8e3a1931 in /"}}}},
	} {
		t.Run(tt.path+" "+tt.tag, func(t *testing.T) {
			img := mustOpen(t, Location{tt.scheme, filepath.Join(dir, tt.path), tt.tag}, "", system())
			if diff := cmp.Diff(tt.want, img.Meta); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, tt := range []struct{ scheme, path, tag, want string }{
		{schemeDockerArchive, "tarball/testdata/test_bundle.tar", "", `contains several images: name one, as in docker-archive:`},
		{schemeDockerArchive, "tarball/testdata/test_bundle.tar", "nope", `no image has the tag "nope": there are "test_image_1", "test_image_2"`},
		{schemeDockerArchive, "tarball/testdata/null_manifest.tar", "", "manifest.json is empty"},
		{schemeDockerArchive, "tarball/testdata/no_manifest.tar", "", "it has no manifest.json"},
		{schemeDockerArchive, "tarball/testdata/content.tar", "", "it has no manifest.json"},
		{schemeOCIArchive, "tarball/testdata/test_image_1.tar", "", "write docker-archive:"},
		{schemeOCIArchive, "tarball/testdata/hello-world-v25.tar", "", "contains no image: index.json names none"},
		{schemeOCIArchive, "../crane/testdata/content.tar.zst", "", "is compressed by zstd, and only gzip is read: decompress it first: zstd -d"},
		{schemeOCIDir, "layout/testdata/test_index_media_type", "", "is not a container image"},
		{schemeOCIDir, "layout/testdata/test_gc_image_unknown_mediatype", "", "contains no image"},
	} {
		t.Run(tt.path+" "+tt.tag+" is refused", func(t *testing.T) {
			wantError(t, Location{tt.scheme, filepath.Join(dir, tt.path), tt.tag}, "", system(), tt.want)
		})
	}
}

// dockerSave is what "docker save" wrote before Docker 25.
func dockerSave(tags ...string) (kept, *dockerEntry) {
	layer := tarOf(kept{"file": []byte("content")})
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{
		Type: "layers", DiffIDs: []v1.Hash{{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}}}})
	if err != nil {
		panic(err)
	}
	entry := dockerEntry{Config: strings.TrimPrefix(digestOf(config), "sha256:") + ".json", RepoTags: tags, Layers: []string{"abc/layer.tar"}}
	return kept{entry.Config: config, "abc/layer.tar": layer}, &entry
}

func (k kept) entries(entries ...*dockerEntry) kept {
	data, err := json.Marshal(entries)
	if err != nil {
		panic(err)
	}
	k[dockerManifestFile] = data
	return k
}

func (k kept) file(t testing.TB) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(k))
}

func TestDockerTags(t *testing.T) {
	k, entry := dockerSave("debian:12", "example.org:5000/app:v1")
	file := k.entries(entry).file(t)
	for _, tag := range []string{"", "12", "debian:12", "docker.io/library/debian:12", "library/debian:12", "v1", "example.org:5000/app:v1",
		"sha256:" + strings.TrimSuffix(entry.Config, ".json")} {
		mustOpen(t, Location{schemeDockerArchive, file, tag}, "linux/amd64", system())
	}
	for _, tag := range []string{"debian", "13", "app:v1", "example.org/app:v1", "library/debian"} {
		wantError(t, Location{schemeDockerArchive, file, tag}, "", system(), "no image has the tag", `there are "debian:12", "example.org:5000/app:v1"`)
	}
	wantError(t, Location{schemeDockerArchive, file, ""}, "linux/arm64", system(), "is for linux/amd64 and not for linux/arm64")
	// A tag with a colon, parted at its last one.
	mustOpen(t, Location{schemeDockerArchive, file + ":debian", "12"}, "", system())
	wantError(t, Location{schemeDockerArchive, file + ":debian", "13"}, "", system(), `no image has the tag "debian:13"`)

	packed := write(t, filepath.Join(t.TempDir(), "a.tar.gz"), gzipped(tarOf(k)))
	mustOpen(t, Location{schemeDockerArchive, packed, "12"}, "", system())

	// The same image under two tags, in two entries.
	a, b := *entry, *entry
	a.RepoTags, b.RepoTags = []string{"a:1"}, []string{"b:1"}
	mustOpen(t, Location{schemeDockerArchive, k.entries(&a, &b).file(t), ""}, "", system())
}

func TestBrokenDockerArchives(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(kept, *dockerEntry)
		want   string
	}{
		"config missing": {func(k kept, e *dockerEntry) { delete(k, e.Config) }, "it is not in the archive"},
		"config swapped": {func(k kept, e *dockerEntry) { k[e.Config] = append(k[e.Config], ' ') }, "is damaged or was replaced"},
		"layer missing":  {func(k kept, e *dockerEntry) { delete(k, "abc/layer.tar") }, `layer 1 of 1: "abc/layer.tar" is not in the archive`},
		"layer climbs":   {func(k kept, e *dockerEntry) { e.Layers[0] = "../../../etc/passwd" }, "is not in the archive"},
		"more layers":    {func(k kept, e *dockerEntry) { e.Layers = append(e.Layers, "abc/layer.tar") }, "has 2 layers, and its configuration has 1"},
		"xz layer":       {func(k kept, e *dockerEntry) { k["abc/layer.tar"] = []byte("\xfd7zXZ\x00....") }, "is compressed by xz, which is not a format of layers"},
	} {
		t.Run(name, func(t *testing.T) {
			k, entry := dockerSave("a:1")
			tt.change(k, entry)
			wantError(t, Location{schemeDockerArchive, k.entries(entry).file(t), ""}, "", system(), tt.want)
		})
	}
	k, entry := dockerSave("a:1")
	k.entries(entry)
	k[dockerManifestFile] = []byte(`[{"Config":"a","config":"b"}]`)
	wantError(t, Location{schemeDockerArchive, k.file(t), ""}, "", system(), "twice in one object")
}

// TestDocker25 is about archives that are a layout as well.
func TestDocker25(t *testing.T) {
	k := newLayout()
	var m *v1.Manifest
	d := k.image(linuxAMD64, func(made *v1.Manifest, c *v1.ConfigFile) {
		made.Config = k.json(types.OCIConfigJSON, c)
		made.Annotations = map[string]string{annotationBaseName: "debian:12"}
		m = made
	})
	entry := &dockerEntry{Config: "blobs/sha256/" + m.Config.Digest.Hex, RepoTags: []string{"a:1"}}
	for _, l := range m.Layers {
		entry.Layers = append(entry.Layers, "blobs/sha256/"+l.Digest.Hex)
	}
	missing := v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 3, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)},
		Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}
	k.roots(k.index(missing, d)).entries(entry)
	img := mustOpen(t, Location{schemeDockerArchive, k.file(t), "a:1"}, "", system())
	if img.Meta.Digest != d.Digest.String() || img.Meta.BaseName != "debian:12" || img.Layers[0].Digest == "" {
		t.Errorf("the image is %+v", img.Meta)
	}
	if diff := cmp.Diff(img.Meta, mustOpen(t, Location{schemeOCIArchive, k.file(t), ""}, "linux/amd64", system()).Meta); diff != "" {
		t.Errorf("as a layout it is another image:\n%s", diff)
	}

	slices.Reverse(entry.Layers)
	wantError(t, Location{schemeDockerArchive, k.entries(entry).file(t), ""}, "", system(), "manifest.json and index.json name different layers")
	slices.Reverse(entry.Layers)
	k.entries(entry).roots(k.image(linuxARM64, nil))
	wantError(t, Location{schemeDockerArchive, k.file(t), ""}, "", system(), "index.json does not: it is ambiguous")
}

// tarWith is a tar file made header by header; Uname carries the content.
func tarWith(t *testing.T, headers ...*tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		h.Mode = 0o644
		body := h.Uname
		h.Uname = ""
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestTarFiles reads members by their offset.
func TestTarFiles(t *testing.T) {
	long := strings.Repeat("l", 200)
	data := tarWith(t,
		&tar.Header{Name: "./a", Uname: "A"},
		&tar.Header{Name: "/b", Uname: strings.Repeat("B", 513)},
		&tar.Header{Name: "dir/c", Uname: ""},
		&tar.Header{Name: long, Uname: "long"},
		&tar.Header{Name: "pax", Uname: "pax", PAXRecords: map[string]string{"VENDOR.x": "y"}},
		&tar.Header{Name: "dir/up", Typeflag: tar.TypeSymlink, Linkname: "../a"},
		&tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../../../../etc/passwd"},
		&tar.Header{Name: "abs", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		&tar.Header{Name: "dir/hard", Typeflag: tar.TypeLink, Linkname: "./b"},
		&tar.Header{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		&tar.Header{Name: "twice", Uname: "1"},
		&tar.Header{Name: "./twice", Uname: "2"},
		&tar.Header{Name: "last", Uname: "end"},
	)
	f, err := openTar(context.Background(), write(t, filepath.Join(t.TempDir(), "x.tar"), data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{
		"a": "A", "b": strings.Repeat("B", 513), "dir/c": "", long: "long", "pax": "pax", "dir/up": "A",
		"dir/hard": strings.Repeat("B", 513), "last": "end", "./dir/../a": "A",
	} {
		body, size, err := f.open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != want || size != int64(len(want)) {
			t.Errorf("%s has %q (size %d, error %v)", name, got, size, err)
		}
	}
	for name, want := range map[string]string{
		"out": "file does not exist", "abs": "file does not exist", "none": "file does not exist",
		"loop": "a link to a link", "twice": "twice",
	} {
		if _, _, err := f.open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBrokenTars(t *testing.T) {
	whole := tarOf(kept{"a": bytes.Repeat([]byte("A"), 2000), "b": []byte("B")})
	sparse := tarWith(t, &tar.Header{Name: "a", Uname: "x"})
	sparse[156] = tar.TypeGNUSparse
	checksum(sparse)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, "is not a tar file, or an empty one"},
		"zeros":           {make([]byte, 4096), "is not a tar file, or an empty one"},
		"cut in content":  {whole[:1500], "the archive is truncated"},
		"cut in a header": {whole[:len(whole)-1024-1024+100], "is not a complete tar file"},
		"garbage":         {bytes.Repeat([]byte("garbage "), 500), "is not a complete tar file"},
		"bad gzip":        {[]byte("\x1f\x8b garbage garbage"), "is not a gzip file"},
		"cut gzip":        {gzipped(whole)[:40], "decompressing the archive"},
		"sparse":          {sparse, "sparse"},
		"long name":       {tarWith(t, &tar.Header{Name: strings.Repeat("n", maxMemberName+1)}), "with a name of more than 512 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "x.tar"), tt.data)
			wantError(t, Location{schemeOCIArchive, file, ""}, "", system(), tt.want)
		})
	}
}

// checksum repairs a header that was changed by hand.
func checksum(block []byte) {
	copy(block[148:156], "        ")
	sum := 0
	for _, b := range block[:512] {
		sum += int(b)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// TestMembers: an archive of too many members is not gone through.
func TestMembers(t *testing.T) {
	block := tarWith(t, &tar.Header{Name: "x"})[:512]
	file := write(t, filepath.Join(t.TempDir(), "x.tar"), bytes.Repeat(block, maxMembers+1))
	wantError(t, Location{schemeOCIArchive, file, ""}, "", system(), "has more than 100000 members")
}

// TestBomb: an archive that expands without end is stopped, and leaves
// nothing behind.
func TestBomb(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	_, _, err := spill(context.Background(), zeros{}, func(n int64) error {
		if n > 10<<20 {
			return fmt.Errorf("enough")
		}
		return nil
	})
	if err == nil || err.Error() != "enough" {
		t.Errorf("a stream without end: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, _, err := spill(ctx, zeros{}, func(n int64) error {
		if n > 10<<20 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	k, entry := dockerSave("a:1")
	packed := write(t, filepath.Join(t.TempDir(), "a.tar.gz"), gzipped(tarOf(k.entries(entry))))
	img, err := Open(context.Background(), Location{schemeDockerArchive, packed, ""}, "")
	if err != nil {
		t.Fatal(err)
	}
	checkImageLayers(t, img)
	if err := img.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestExpansion: the limit is one of proportion, so that large archives can
// be read and small ones cannot fill a disk.
func TestExpansion(t *testing.T) {
	info := int64(1 << 20)
	for written, ok := range map[int64]bool{spillGrace: true, spillGrace + maxExpansion*info: false, 50 * info: true, maxSpill + 1: false} {
		if err := checkExpansion(written, info); (err == nil) != ok {
			t.Errorf("%d bytes of %d: %v", written, info, err)
		}
	}
	if err := checkExpansion(100<<30, 40<<30); err != nil {
		t.Errorf("a large archive: %v", err)
	}
}
