package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// kept is a layout in memory, by the names of its files. It can be written to
// a directory or a tar file, and be served by a registry.
type kept map[string][]byte

func newLayout() kept { return kept{layoutFile: []byte(`{"imageLayoutVersion":"1.0.0"}`)} }

func (k kept) add(media types.MediaType, data []byte) v1.Descriptor {
	sum := sha256.Sum256(data)
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	k["blobs/sha256/"+digest.Hex] = data
	return v1.Descriptor{MediaType: media, Digest: digest, Size: int64(len(data))}
}

func (k kept) json(media types.MediaType, value any) v1.Descriptor {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return k.add(media, data)
}

// layer is a tar file of one small file, compressed by gzip, with its diff ID.
func (k kept) layer(text string) (v1.Descriptor, v1.Hash) {
	plain := tarOf(kept{"file": []byte(text)})
	diff := sha256.Sum256(plain)
	return k.add(types.OCILayer, gzipped(plain)), v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(diff[:])}
}

// image is one of two layers; change may alter what it is made of.
func (k kept) image(on platform, change func(*v1.Manifest, *v1.ConfigFile)) v1.Descriptor {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	c := v1.ConfigFile{OS: on.os, Architecture: on.arch, Variant: on.variant, RootFS: v1.RootFS{Type: "layers"}}
	for _, step := range []string{"one for " + on.String(), "two"} {
		d, id := k.layer(step)
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, id)
		c.History = append(c.History, v1.History{CreatedBy: "RUN " + step + " # buildkit"}, v1.History{CreatedBy: "ENV X=Y", EmptyLayer: true})
	}
	if change != nil {
		change(&m, &c)
	}
	if m.Config.Digest.Hex == "" {
		m.Config = k.json(types.OCIConfigJSON, c)
	}
	d := k.json(types.OCIManifestSchema1, m)
	d.Platform = &v1.Platform{OS: on.os, Architecture: on.arch, Variant: on.variant}
	return d
}

func (k kept) index(entries ...v1.Descriptor) v1.Descriptor {
	return k.json(types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries})
}

// roots writes index.json.
func (k kept) roots(entries ...v1.Descriptor) kept {
	data, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: entries})
	if err != nil {
		panic(err)
	}
	k[indexFile] = data
	return k
}

func tagged(d v1.Descriptor, tag string) v1.Descriptor {
	d.Annotations = maps.Clone(d.Annotations)
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[annotationRefName] = tag
	return d
}

func (k kept) dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range k {
		write(t, filepath.Join(dir, name), data)
	}
	return dir
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func tarOf(k kept) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(k)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(k[name]))}); err != nil {
			panic(err)
		}
		if _, err := w.Write(k[name]); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func gzipped(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// linuxAMD64 is named in tests, so that they mean the same on every machine.
var (
	linuxAMD64 = platform{os: "linux", arch: "amd64"}
	linuxARM64 = platform{os: "linux", arch: "arm64"}
)

// mustOpen opens an image and holds every layer against its digests.
func mustOpen(t testing.TB, loc Location, platform string, out outside) *Image {
	t.Helper()
	img, err := open(context.Background(), loc, platform, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := img.Close(); err != nil {
			t.Error(err)
		}
	})
	checkImageLayers(t, img)
	return img
}

// checkImageLayers is what every image that opens has to satisfy.
func checkImageLayers(t testing.TB, img *Image) {
	t.Helper()
	if len(img.Layers) != len(img.Meta.Layers) {
		t.Fatalf("%d layers, and %d in Meta", len(img.Layers), len(img.Meta.Layers))
	}
	for i, l := range img.Layers {
		if l.Layer != img.Meta.Layers[i] {
			t.Errorf("layer %d is %v, and %v in Meta", i, l.Layer, img.Meta.Layers[i])
		}
		body, err := l.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(body)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatalf("layer %d: %v", i, err)
		}
		if int64(len(data)) != l.Size {
			t.Errorf("layer %d has %d bytes, and Size is %d", i, len(data), l.Size)
		}
		if got := digestOf(data); l.Digest != "" && got != l.Digest {
			t.Errorf("layer %d has the digest %s, and not %s", i, got, l.Digest)
		}
		if got := digestOf(expand(t, data, l.Compression())); got != l.DiffID {
			t.Errorf("layer %d has the diff ID %s, and not %s", i, got, l.DiffID)
		}
	}
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func expand(t testing.TB, data []byte, compression string) []byte {
	t.Helper()
	switch compression {
	case "":
		return data
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return plain
	}
	t.Fatalf("compression %q", compression)
	return nil
}

// wantError opens what cannot be opened, and compares what is said about it.
func wantError(t *testing.T, loc Location, platform string, out outside, parts ...string) {
	t.Helper()
	img, err := open(context.Background(), loc, platform, out)
	if err == nil {
		img.Close()
		t.Fatalf("%s opens", loc)
	}
	text := err.Error()
	if !strings.HasPrefix(text, "image "+loc.Scheme+":") {
		t.Errorf("the error does not say which image: %s", text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("the error is\n\t%s\nand has no\n\t%s", text, part)
		}
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == 0x202e {
			t.Errorf("the error has the character %U: %q", r, text)
		}
	}
}
