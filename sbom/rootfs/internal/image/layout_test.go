package image

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestOneImageEverywhere holds the ways to keep an image against each other.
func TestOneImageEverywhere(t *testing.T) {
	k := newLayout()
	d := k.image(linuxAMD64, nil)
	k.roots(tagged(d, "v1"))
	dir := k.dir(t)
	plain := write(t, filepath.Join(t.TempDir(), "plain.tar"), tarOf(k))
	packed := write(t, filepath.Join(t.TempDir(), "packed.tar.gz"), gzipped(tarOf(k)))

	want := mustOpen(t, Location{schemeOCIDir, dir, "v1"}, "", system()).Meta
	if want.Digest != d.Digest.String() || want.Platform != "linux/amd64" || len(want.Layers) != 2 {
		t.Errorf("the image is %+v", want)
	}
	if got := []string{want.Layers[0].CreatedBy, want.Layers[1].CreatedBy}; !cmp.Equal(got, []string{"RUN one for linux/amd64", "RUN two"}) {
		t.Errorf("the layers were made by %q", got)
	}
	for _, loc := range []Location{
		{schemeOCIDir, dir, ""}, {schemeOCIDir, dir, d.Digest.String()},
		{schemeOCIArchive, plain, ""}, {schemeOCIArchive, plain, "v1"}, {schemeOCIArchive, packed, "v1"},
	} {
		if diff := cmp.Diff(want, mustOpen(t, loc, "linux/amd64", system()).Meta); diff != "" {
			t.Errorf("%s: (-directory +here)\n%s", loc, diff)
		}
	}
}

func TestTags(t *testing.T) {
	k := newLayout()
	a := k.image(linuxAMD64, nil)
	b := k.image(linuxARM64, nil)
	other := k.image(linuxAMD64, func(m *v1.Manifest, _ *v1.ConfigFile) { m.Annotations = map[string]string{"x": "y"} })
	a.Platform, b.Platform, other.Platform = nil, nil, nil
	inner := k.index(other)
	attestation := k.image(platform{os: "unknown", arch: "unknown"}, nil)
	attestation.Annotations = map[string]string{annotationRefType: attestationManifest, annotationRefDigest: a.Digest.String()}

	k.roots(tagged(a, "v1"), tagged(a, "latest"), tagged(b, "example.org:5000/app:arm"), tagged(inner, "index"), attestation)
	dir := k.dir(t)
	for tag, want := range map[string]v1.Descriptor{
		"v1": a, "latest": a, "arm": b, "example.org:5000/app:arm": b, "index": other,
		a.Digest.String(): a, other.Digest.String(): other, inner.Digest.String(): other,
	} {
		platform := "linux/amd64"
		if want.Digest == b.Digest {
			platform = ""
		}
		if got := mustOpen(t, Location{schemeOCIDir, dir, tag}, platform, system()).Meta.Digest; got != want.Digest.String() {
			t.Errorf("%s is %s, not %s", tag, got, want.Digest)
		}
	}
	wantError(t, Location{schemeOCIDir, dir, "v2"}, "", system(),
		`:v2: no image has the tag "v2": there are "example.org:5000/app:arm", "index", "latest", "v1"`)
	wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), `contains several images: name one by its tag, as in oci-dir:`,
		`"index" (an index of 1), "latest" (linux/amd64, 206 B), "v1" (linux/amd64, 206 B)`)
	missing := "sha256:" + strings.Repeat("0", 64)
	wantError(t, Location{schemeOCIDir, dir, missing}, "", system(), "@"+missing, "no image has the digest", a.Digest.String())
	wantError(t, Location{schemeOCIDir, dir, attestation.Digest.String()}, "", system(), "is an attestation and not an image", a.Digest.String())

	// One tag on two images leads to none of them.
	k.roots(tagged(a, "v1"), tagged(b, "example.org/app:v1"))
	wantError(t, Location{schemeOCIDir, k.dir(t), "v1"}, "", system(), `several images have the tag "v1"`, a.Digest.String(), b.Digest.String())
	k.roots(a, b)
	wantError(t, Location{schemeOCIDir, k.dir(t), ""}, "", system(), "contains several images, none with a tag")
	wantError(t, Location{schemeOCIDir, k.dir(t), "v1"}, "", system(), "there are only images without a tag")
	k.roots()
	wantError(t, Location{schemeOCIDir, k.dir(t), ""}, "", system(), "contains no image")
	// A name that does things to a terminal.
	k.roots(tagged(a, "\x1b[2J\u202e"), tagged(b, "b"))
	wantError(t, Location{schemeOCIDir, k.dir(t), ""}, "", system(), `\x1b[2J\u202e`)
}

func TestPlatforms(t *testing.T) {
	armv6, armv7 := platform{"linux", "arm", "v6"}, platform{"linux", "arm", "v7"}
	k := newLayout()
	images := map[platform]v1.Descriptor{}
	var entries []v1.Descriptor
	for _, p := range []platform{linuxAMD64, linuxARM64, armv6, armv7, {"windows", "amd64", ""}} {
		images[p] = k.image(p, nil)
		entries = append(entries, images[p])
	}
	unnamed := k.image(platform{"linux", "riscv64", ""}, nil)
	unnamed.Platform = nil
	unknown := k.image(platform{"unknown", "unknown", ""}, nil)
	deeper := k.index(k.index(unnamed, entries[4]), unknown)
	k.roots(tagged(k.index(append(entries[:4:4], deeper)...), "all"), tagged(k.index(entries[1], unknown), "arm"))
	dir := k.dir(t)
	for asked, want := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/x86_64": "linux/amd64", "linux/amd64/v1": "linux/amd64",
		"linux/arm64": "linux/arm64", "linux/arm64/v8": "linux/arm64", "linux/aarch64": "linux/arm64",
		"linux/arm/v6": "linux/arm/v6", "linux/arm": "linux/arm/v7", "windows/amd64": "windows/amd64",
		"linux/riscv64": "linux/riscv64",
	} {
		if got := mustOpen(t, Location{schemeOCIDir, dir, "all"}, asked, system()).Meta.Platform; got != want {
			t.Errorf("asked for %s, got %s", asked, got)
		}
	}
	wantError(t, Location{schemeOCIDir, dir, "all"}, "linux/s390x", system(),
		`there is no image for linux/s390x: there are "linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "linux/riscv64", "windows/amd64": name one with --platform`)
	wantError(t, Location{schemeOCIDir, dir, "all"}, "linux/amd64/v3", system(), "there is no image for linux/amd64/v3")
	for _, bad := range []string{"linux", "linux/", "a/b/c/d", "linux/amd64\x1b", "/"} {
		wantError(t, Location{schemeOCIDir, dir, "all"}, bad, system(), "write os/architecture")
	}
	// A machine that is in no list.
	foreign := request{platform: platform{"linux", "mips", ""}}
	s, err := openLayoutDir(Location{schemeOCIDir, dir, "arm"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := choose(context.Background(), s, foreign); err == nil || !strings.Contains(err.Error(), `for linux/mips (this machine's platform): there are "linux/arm64"`) {
		t.Errorf("an index without this machine's platform: %v", err)
	}
}

// TestAlone is about images outside of an index.
func TestAlone(t *testing.T) {
	k := newLayout()
	d := k.image(platform{"plan9", "mips", ""}, nil)
	d.Platform = nil
	none := k.image(platform{}, nil)
	none.Platform = nil
	dir := k.roots(tagged(d, "d"), tagged(none, "none")).dir(t)
	if got := mustOpen(t, Location{schemeOCIDir, dir, "d"}, "", system()).Meta.Platform; got != "plan9/mips" {
		t.Errorf("the platform is %q", got)
	}
	if got := mustOpen(t, Location{schemeOCIDir, dir, "none"}, "", system()).Meta.Platform; got != "" {
		t.Errorf("the platform is %q", got)
	}
	wantError(t, Location{schemeOCIDir, dir, "d"}, "linux/amd64", system(), "is for plan9/mips and not for linux/amd64")
	wantError(t, Location{schemeOCIDir, dir, "none"}, "linux/amd64", system(), "has no platform")
}

func TestLyingIndex(t *testing.T) {
	k := newLayout()
	d := k.image(linuxAMD64, nil)
	d.Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	second := k.image(linuxARM64, func(m *v1.Manifest, _ *v1.ConfigFile) { m.Annotations = map[string]string{"x": "y"} })
	first := k.image(linuxARM64, nil)
	dir := k.roots(tagged(k.index(d), "lie"), tagged(k.index(first, second, first), "two")).dir(t)
	wantError(t, Location{schemeOCIDir, dir, "lie"}, "linux/arm64", system(), `is "linux/arm64" in the index and "linux/amd64" in its configuration`)
	if got := mustOpen(t, Location{schemeOCIDir, dir, d.Digest.String()}, "", system()).Meta.Platform; got != "linux/amd64" {
		t.Errorf("by its digest it is for %s", got)
	}
	wantError(t, Location{schemeOCIDir, dir, "two"}, "linux/arm64", system(), "there are several images for linux/arm64", first.Digest.String(), second.Digest.String())
}

func TestUntaggedIndex(t *testing.T) {
	k := newLayout()
	a, b := k.image(linuxAMD64, nil), k.image(linuxARM64, nil)
	dir := k.roots(a, b).dir(t)
	if got := mustOpen(t, Location{schemeOCIDir, dir, ""}, "linux/arm64", system()).Meta.Digest; got != b.Digest.String() {
		t.Errorf("got %s", got)
	}
}

// TestBase checks the sources of an image's base.
func TestBase(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	say := func(name string) map[string]string {
		return map[string]string{annotationBaseName: name, annotationBaseDigest: digest}
	}
	for name, tt := range map[string]struct {
		manifest, index, labels map[string]string
		want                    sbom.Image
		from                    string
		notes                   int
	}{
		"nothing":  {},
		"manifest": {manifest: say("m"), index: say("i"), labels: say("l"), want: sbom.Image{BaseName: "m", BaseDigest: digest}, from: "manifest"},
		"index":    {index: say("i"), labels: say("l"), want: sbom.Image{BaseName: "i", BaseDigest: digest}, from: "index"},
		"labels":   {labels: say("l"), want: sbom.Image{BaseName: "l", BaseDigest: digest}, from: "labels"},
		"not mixed": {manifest: map[string]string{annotationBaseName: "m"}, labels: say("l"),
			want: sbom.Image{BaseName: "m"}, from: "manifest"},
		"bad digest": {manifest: map[string]string{annotationBaseName: "m", annotationBaseDigest: "latest"},
			want: sbom.Image{BaseName: "m"}, from: "manifest", notes: 1},
		"long name": {manifest: map[string]string{annotationBaseName: strings.Repeat("m", maxText+1)}, notes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			k := newLayout()
			d := k.image(linuxAMD64, func(m *v1.Manifest, c *v1.ConfigFile) {
				m.Annotations, c.Config.Labels = tt.manifest, tt.labels
			})
			d.Annotations = tt.index
			img := mustOpen(t, Location{schemeOCIDir, k.roots(d).dir(t), ""}, "", system())
			got := sbom.Image{BaseName: img.Meta.BaseName, BaseDigest: img.Meta.BaseDigest}
			if diff := cmp.Diff(tt.want, got); diff != "" || img.BaseFrom != tt.from || len(img.Notes) != tt.notes {
				t.Errorf("from %q, notes %q, base (-want +got)\n%s", img.BaseFrom, img.Notes, diff)
			}
		})
	}
}

func TestCreatedBy(t *testing.T) {
	long := "RUN " + strings.Repeat("é", maxText)
	for in, want := range map[string]string{
		"/bin/sh -c #(nop) ADD file:abc in / ":            "ADD file:abc in /",
		`/bin/sh -c #(nop)  CMD ["bash"]`:                 `CMD ["bash"]`,
		"/bin/sh -c #(nop) nothing known":                 "/bin/sh -c #(nop) nothing known",
		"/bin/sh -c apt-get update":                       "/bin/sh -c apt-get update",
		"RUN /bin/sh -c apt-get update # buildkit":        "RUN /bin/sh -c apt-get update",
		"apt-get update # buildkit":                       "apt-get update # buildkit",
		"bazel build ...":                                 "bazel build ...",
		"RUN |1 X=y /bin/sh -c true # comment # buildkit": "RUN |1 X=y /bin/sh -c true # comment",
	} {
		if got := trimStep(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	if got := trimStep(long); len(got) > maxText+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("a step of %d bytes has %d bytes and ends in %q", len(long), len(got), got[len(got)-8:])
	}
	// With more or fewer steps than layers, the assignment is unknown.
	k := newLayout()
	d := k.image(linuxAMD64, func(_ *v1.Manifest, c *v1.ConfigFile) { c.History = c.History[:1] })
	img := mustOpen(t, Location{schemeOCIDir, k.roots(d).dir(t), ""}, "", system())
	if img.Layers[0].CreatedBy != "" || len(img.Notes) != 1 {
		t.Errorf("made by %q, notes %q", img.Layers[0].CreatedBy, img.Notes)
	}
}

// TestBrokenLayouts has one thing wrong at a time.
func TestBrokenLayouts(t *testing.T) {
	manifest := func(change func(*v1.Manifest, *v1.ConfigFile)) func(kept) {
		return func(k kept) { k.roots(k.image(linuxAMD64, change)) }
	}
	raw := func(text string) func(kept) {
		return func(k kept) { k.roots(k.add(types.OCIManifestSchema1, []byte(text))) }
	}
	layerType := func(media types.MediaType, urls ...string) func(kept) {
		return manifest(func(m *v1.Manifest, _ *v1.ConfigFile) {
			m.Layers[1].MediaType, m.Layers[1].URLs = media, urls
		})
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	for name, tt := range map[string]struct {
		make func(kept)
		want string
	}{
		"no oci-layout":      {func(k kept) { delete(k, layoutFile) }, "is not an OCI layout: it has no oci-layout"},
		"other version":      {func(k kept) { k[layoutFile] = []byte(`{"imageLayoutVersion":"2.0.0"}`) }, `has the version "2.0.0"`},
		"no index.json":      {func(k kept) { delete(k, indexFile) }, "index.json: file does not exist"},
		"index.json no JSON": {func(k kept) { k[indexFile] = []byte(`{"manifests":[`) }, "index.json is not JSON, at byte"},
		"index.json too large": {func(k kept) { k[indexFile] = make([]byte, maxManifest+1) },
			"index.json has 4194305 bytes, and more than 4194304 are not read"},
		"key twice":       {func(k kept) { k[indexFile] = []byte(`{"manifests":[],"manifests":[]}`) }, `has the key "manifests" twice`},
		"key in two ways": {func(k kept) { k[indexFile] = []byte(`{"manifests":[],"manife\u017fts":[]}`) }, "twice in one object"},
		"text after":      {func(k kept) { k[indexFile] = []byte(`{"manifests":[]} {}`) }, "has text after the end"},
		"deep":            {func(k kept) { k[indexFile] = []byte(strings.Repeat("[", 1000)) }, "nested deeper than 64 levels"},
		"no digest": {func(k kept) {
			k[indexFile] = []byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3}]}`)
		}, "a descriptor has no digest"},
		"digest with a path": {func(k kept) {
			k[indexFile] = []byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3,"digest":"sha256:../../etc/passwd"}]}`)
		}, "is not an index: found non-hex character"},
		"negative size": {func(k kept) {
			k[indexFile] = []byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":-3,"digest":"` + digest + `"}]}`)
		}, "a descriptor has the size -3"},
		"manifest missing": {func(k kept) {
			d := k.image(linuxAMD64, nil)
			delete(k, "blobs/sha256/"+d.Digest.Hex)
			k.roots(d)
		}, "it is not in the layout"},
		"manifest of another size": {func(k kept) {
			d := k.image(linuxAMD64, nil)
			d.Size++
			k.roots(d)
		}, "and its descriptor has "},
		"manifest swapped": {func(k kept) {
			d := k.image(linuxAMD64, nil)
			data := k["blobs/sha256/"+d.Digest.Hex]
			data[len(data)/2] ^= 1
			k.roots(d)
		}, "is damaged or was replaced"},
		"config swapped": {func(k kept) {
			var at string
			d := k.image(linuxAMD64, func(m *v1.Manifest, c *v1.ConfigFile) {
				m.Config = k.json(types.OCIConfigJSON, c)
				at = "blobs/sha256/" + m.Config.Digest.Hex
			})
			k[at][3] ^= 1
			k.roots(d)
		}, "configuration sha256:"},
		"config too large": {manifest(func(m *v1.Manifest, _ *v1.ConfigFile) {
			m.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Size: maxConfig + 1, Digest: v1.Hash{Algorithm: "sha256", Hex: digest[7:]}}
		}), "more than 8388608 are not read"},
		"artifact": {manifest(func(m *v1.Manifest, _ *v1.ConfigFile) {
			m.Config.MediaType, m.Config.Digest = "application/vnd.cncf.helm.config.v1+json", v1.Hash{Algorithm: "sha256", Hex: digest[7:]}
		}), `is not a container image: its configuration has the media type "application/vnd.cncf.helm.config.v1+json"`},
		"schema 1":           {raw(`{"schemaVersion":1,"fsLayers":[],"history":[]}`), "is a Docker schema 1 manifest"},
		"schema 3":           {raw(`{"schemaVersion":3,"config":{},"layers":[]}`), "schema version 3"},
		"index and manifest": {raw(`{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}`), "is an index and a manifest at once"},
		"neither":            {raw(`{"schemaVersion":2}`), "has neither configuration nor layers"},
		"announced as another": {raw(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]}`),
			`has the media type "application/vnd.oci.image.index.v1+json", and its descriptor has`},
		"not UTF-8":      {raw("{\"schemaVersion\":2,\"config\":\"\xff\"}"), "is not UTF-8"},
		"fewer diff IDs": {manifest(func(_ *v1.Manifest, c *v1.ConfigFile) { c.RootFS.DiffIDs = c.RootFS.DiffIDs[:1] }), "has 2 layers, and its configuration has 1"},
		"empty diff ID": {func(k kept) {
			k.roots(k.image(linuxAMD64, func(m *v1.Manifest, _ *v1.ConfigFile) {
				m.Layers = m.Layers[:1]
				m.Config = k.add(types.OCIConfigJSON, []byte(`{"rootfs":{"type":"layers","diff_ids":[""]}}`))
			}))
		}, "is not an image configuration"},
		"null diff ID": {func(k kept) {
			k.roots(k.image(linuxAMD64, func(m *v1.Manifest, _ *v1.ConfigFile) {
				m.Layers = m.Layers[:1]
				m.Config = k.add(types.OCIConfigJSON, []byte(`{"rootfs":{"type":"layers","diff_ids":[null]}}`))
			}))
		}, "configuration sha256:"},
		"other root":    {manifest(func(_ *v1.Manifest, c *v1.ConfigFile) { c.RootFS.Type = "baked" }), `a root file system of type "baked"`},
		"encrypted":     {layerType("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "layer 2 of 2: it is encrypted"},
		"unknown layer": {layerType("application/x-squashfs"), `its media type "application/x-squashfs" is not known`},
		"foreign layer": {func(k kept) {
			layerType(types.DockerForeignLayer, "https://example.org/x")(k)
			k.lose(lastLayer)
		}, "layer 2 of 2: it is a foreign layer"},
		"foreign OCI layer": {func(k kept) {
			layerType(types.OCIRestrictedLayer, "https://example.org/x")(k)
			k.lose(lastLayer)
		}, "https://example.org/x"},
		"too many layers": {manifest(func(m *v1.Manifest, c *v1.ConfigFile) { repeat(m, c, maxLayers+1) }), "has 1001 layers, and more than 1000 are not read"},
		"layer too large": {manifest(func(m *v1.Manifest, c *v1.ConfigFile) { m.Layers[0].Size = maxBlob + 1 }), "layer 1 of 2: a descriptor has the size"},
		"many indexes": {func(k kept) {
			d := k.index(k.image(linuxAMD64, nil))
			for range maxNesting + 1 {
				d = k.index(d)
			}
			k.roots(d)
		}, "indexes in indexes, more than 4 deep"},
		"wide indexes": {func(k kept) {
			var entries []v1.Descriptor
			for i := range maxNested + 1 {
				entries = append(entries, k.index(k.image(platform{"linux", strings.Repeat("x", i%30+1), ""}, nil), v1.Descriptor{
					MediaType: "x/y", Size: int64(i), Digest: v1.Hash{Algorithm: "sha256", Hex: digest[7:]}}))
			}
			k.roots(k.index(entries...))
		}, "has more than 64 indexes"},
		"index of nothing": {func(k kept) { k.roots(k.index()) }, "the index contains no image"},
		"index of schema 1": {func(k kept) {
			d := k.add(types.DockerManifestSchema1Signed, []byte(`{}`))
			k.roots(k.index(d))
		}, "is a Docker schema 1 manifest"},
		"a manifest announced as an index": {func(k kept) {
			d := k.image(linuxAMD64, nil)
			d.MediaType = types.OCIImageIndex
			k.roots(d)
		}, "and its descriptor has "},
	} {
		t.Run(name, func(t *testing.T) {
			k := newLayout()
			k.roots(k.image(linuxAMD64, nil))
			tt.make(k)
			wantError(t, Location{schemeOCIDir, k.dir(t), ""}, "linux/amd64", system(), tt.want)
			archive := write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(k))
			wantError(t, Location{schemeOCIArchive, archive, ""}, "linux/amd64", system(), tt.want)
		})
	}
}

// lastLayer selects the blob of the second layer of the fixture's images.
func lastLayer(d v1.Descriptor, m v1.Manifest) string { return m.Layers[1].Digest.Hex }

// lose removes a blob of the only image of the layout.
func (k kept) lose(which func(v1.Descriptor, v1.Manifest) string) {
	var index v1.IndexManifest
	if err := json.Unmarshal(k[indexFile], &index); err != nil {
		panic(err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(k["blobs/sha256/"+index.Manifests[0].Digest.Hex], &m); err != nil {
		panic(err)
	}
	delete(k, "blobs/sha256/"+which(index.Manifests[0], m))
}

// TestPartialIndex checks indexes of which not all images are stored, as docker
// save and ctr export write them.
func TestPartialIndex(t *testing.T) {
	other, mine := platform{"linux", "mips", ""}, platform{"linux", runtime.GOARCH, ""}
	layoutOf := func(change func(k kept, other, mine v1.Descriptor) []v1.Descriptor) string {
		k := newLayout()
		entries := change(k, k.image(other, nil), k.image(mine, nil))
		return k.roots(tagged(k.index(entries...), "latest")).dir(t)
	}
	forget := func(k kept, d v1.Descriptor) { delete(k, "blobs/sha256/"+d.Digest.Hex) }
	signature := func(k kept) v1.Descriptor {
		return k.image(platform{}, func(m *v1.Manifest, _ *v1.ConfigFile) {
			for i := range m.Layers {
				m.Layers[i].MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
			}
		})
	}
	absent := func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
		forget(k, mine)
		return []v1.Descriptor{mine, other}
	}
	dir := layoutOf(absent)
	img := mustOpen(t, Location{schemeOCIDir, dir, ""}, "", system())
	if img.Meta.Platform != "linux/mips" || len(img.Notes) != 1 || !strings.Contains(img.Notes[0], mine.String()) {
		t.Errorf("the only image that is stored: %s, notes %q", img.Meta.Platform, img.Notes)
	}
	wantError(t, Location{schemeOCIDir, dir, ""}, mine.String(), system(), "there is no image for "+mine.String()+" (the index names it, but manifest sha256:", `there are "linux/mips": name one with --platform`)
	for name, change := range map[string]func(k kept, other, mine v1.Descriptor) []v1.Descriptor{
		"a layer": func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
			k.roots(mine)
			k.lose(func(_ v1.Descriptor, m v1.Manifest) string { return m.Layers[0].Digest.Hex })
			return []v1.Descriptor{mine, other}
		},
		"a configuration": func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
			k.roots(mine)
			k.lose(func(_ v1.Descriptor, m v1.Manifest) string { return m.Config.Digest.Hex })
			return []v1.Descriptor{mine, other}
		},
		"an inner index": func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
			inner := k.index(mine)
			forget(k, inner)
			forget(k, mine)
			return []v1.Descriptor{inner, mine, other, signature(k)}
		},
	} {
		if img := mustOpen(t, Location{schemeOCIDir, layoutOf(change), ""}, "", system()); img.Meta.Platform != "linux/mips" {
			t.Errorf("%s is not stored: %s", name, img.Meta.Platform)
		}
	}
	// A damaged image is there, and is not left out.
	dir = layoutOf(func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
		k["blobs/sha256/"+mine.Digest.Hex][0] ^= 1
		return []v1.Descriptor{mine, other}
	})
	wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), "is damaged or was replaced")
	dir = layoutOf(func(k kept, other, mine v1.Descriptor) []v1.Descriptor {
		forget(k, mine)
		forget(k, other)
		return []v1.Descriptor{mine, other}
	})
	wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), "nothing of it can be scanned", "it is not in the layout")

	// Artifacts beside an image are no choice, whatever their tags.
	k := newLayout()
	image := k.image(mine, nil)
	image.Platform = nil
	dir = k.roots(tagged(image, "v1"), tagged(signature(k), "sha256-1234.sig")).dir(t)
	if got := mustOpen(t, Location{schemeOCIDir, dir, ""}, "", system()).Meta.Digest; got != image.Digest.String() {
		t.Errorf("beside a signature: %s", got)
	}
}

// TestSelectionErrors checks that a reference to nothing that is there is a
// mistake and not a fault of the image.
func TestSelectionErrors(t *testing.T) {
	k := newLayout()
	dir := k.roots(tagged(k.image(linuxAMD64, nil), "v1")).dir(t)
	archive := write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(k))
	for _, loc := range []Location{
		{schemeOCIDir, dir, "v2"}, {schemeOCIArchive, archive, "v2"}, {schemeOCIDir, dir, "sha256:" + strings.Repeat("0", 64)},
	} {
		_, err := Open(t.Context(), loc, "")
		var mistake *SelectionError
		if !errors.As(err, &mistake) {
			t.Errorf("%s: %v", loc, err)
		}
	}
}

func repeat(m *v1.Manifest, c *v1.ConfigFile, n int) {
	for len(m.Layers) < n {
		m.Layers = append(m.Layers, m.Layers[0])
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, c.RootFS.DiffIDs[0])
	}
}

// TestAccepted has what is unusual and right.
func TestAccepted(t *testing.T) {
	for name, change := range map[string]func(*v1.Manifest, *v1.ConfigFile){
		"as many layers as may be": func(m *v1.Manifest, c *v1.ConfigFile) { repeat(m, c, maxLayers) },
		"no layers":                func(m *v1.Manifest, c *v1.ConfigFile) { m.Layers, c.RootFS.DiffIDs, c.History = nil, nil, nil },
		"no history":               func(_ *v1.Manifest, c *v1.ConfigFile) { c.History = nil },
		"no media type":            func(m *v1.Manifest, _ *v1.ConfigFile) { m.MediaType = "" },
		"Docker's media type":      func(m *v1.Manifest, _ *v1.ConfigFile) { m.MediaType = types.DockerManifestSchema2 },
		"foreign without a URL":    func(m *v1.Manifest, _ *v1.ConfigFile) { m.Layers[0].MediaType = types.OCIRestrictedLayer },
		"foreign and stored": func(m *v1.Manifest, _ *v1.ConfigFile) {
			m.Layers[0].MediaType, m.Layers[0].URLs = types.OCIRestrictedLayer, []string{"https://example.org/x"}
			m.Layers[1].MediaType, m.Layers[1].URLs = types.DockerForeignLayer, []string{"https://example.org/y"}
		},
		"labels in two cases": func(_ *v1.Manifest, c *v1.ConfigFile) { c.Config.Labels = map[string]string{"a": "1", "A": "2"} },
	} {
		t.Run(name, func(t *testing.T) {
			k := newLayout()
			dir := k.roots(k.image(linuxAMD64, change)).dir(t)
			mustOpen(t, Location{schemeOCIDir, dir, ""}, "", system())
		})
	}
}

// TestLayerSize: what happens to a layer after the image was opened is seen.
func TestLayerSize(t *testing.T) {
	k := newLayout()
	var first v1.Descriptor
	dir := k.roots(k.image(linuxAMD64, func(m *v1.Manifest, _ *v1.ConfigFile) { first = m.Layers[0] })).dir(t)
	img, err := Open(context.Background(), Location{schemeOCIDir, dir, ""}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	blob := filepath.Join(dir, "blobs/sha256", first.Digest.Hex)
	write(t, blob, []byte("short"))
	if _, err := img.Layers[0].Open(context.Background()); err == nil || !strings.Contains(err.Error(), "it has 5 bytes, and its descriptor has") {
		t.Errorf("a layer that was cut off: %v", err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if _, err := img.Layers[0].Open(context.Background()); err == nil || !strings.Contains(err.Error(), "it is not in the layout") {
		t.Errorf("a layer that is gone: %v", err)
	}
}

// TestLinksStayInside: a layout does not get to show other files.
func TestLinksStayInside(t *testing.T) {
	k := newLayout()
	d := k.image(linuxAMD64, nil)
	dir := k.roots(d).dir(t)
	blob := filepath.Join(dir, "blobs/sha256", d.Digest.Hex)
	outside := write(t, filepath.Join(t.TempDir(), "outside"), k["blobs/sha256/"+d.Digest.Hex])
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, blob); err != nil {
		t.Fatal(err)
	}
	wantError(t, Location{schemeOCIDir, dir, ""}, "", system(), "manifest sha256:", "escapes")
	if err := os.Rename(filepath.Join(dir, indexFile), filepath.Join(dir, "other.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("other.json", filepath.Join(dir, indexFile)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "copy"), k["blobs/sha256/"+d.Digest.Hex])
	if err := errors.Join(os.Remove(blob), os.Symlink("../../copy", blob)); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Location{schemeOCIDir, dir, ""}, "", system())
}

func TestWrongPlaces(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "file"), []byte("x"))
	dir := t.TempDir()
	for _, tt := range []struct {
		loc  Location
		want string
	}{
		{Location{schemeOCIDir, filepath.Join(dir, "none"), ""}, "directory does not exist"},
		{Location{schemeOCIDir, file, ""}, "write oci-archive:" + file},
		{Location{schemeOCIArchive, dir, ""}, "write oci-dir:" + dir},
		{Location{schemeOCIArchive, filepath.Join(dir, "none"), ""}, "file does not exist"},
		{Location{schemeOCIArchive, os.DevNull, ""}, "is not a regular file"},
		{Location{schemeDockerArchive, file, ""}, "is not a complete tar file"},
		{Location{"sbom", file, ""}, `"sbom" is not a scheme of images (known are oci-dir, oci-archive, docker-archive, registry, docker)`},
	} {
		wantError(t, tt.loc, "", system(), tt.want)
	}
}

func TestCancelled(t *testing.T) {
	k := newLayout()
	path := write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(k.roots(k.image(linuxAMD64, nil))))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, Location{schemeOCIArchive, path, ""}, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
