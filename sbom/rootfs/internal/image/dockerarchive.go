package image

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dockerManifestFile lists the images of an archive that "docker save" made
// (https://github.com/moby/moby/blob/master/image/spec/v1.2.md). Since Docker
// 25 the archive is an OCI layout as well, and the file names blobs of it.
const dockerManifestFile = "manifest.json"

// dockerEntry is one image of that list.
type dockerEntry struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

func openLayoutTar(ctx context.Context, loc Location) (store, error) {
	f, err := openTar(ctx, loc.Path)
	if err != nil {
		return nil, err
	}
	return openLayout(f, loc)
}

// openDockerTar opens the archive of a location, and splits the location again:
// "FILE:REPO:TAG" may have been split at its last colon.
func openDockerTar(ctx context.Context, loc Location) (*tarFiles, Location, error) {
	if _, err := os.Stat(loc.Path); errors.Is(err, fs.ErrNotExist) {
		for i, c := range loc.Path {
			if c != ':' {
				continue
			}
			if info, err := os.Stat(loc.Path[:i]); err == nil && info.Mode().IsRegular() {
				tag := loc.Path[i+1:]
				if loc.Tag != "" {
					tag += ":" + loc.Tag
				}
				loc = Location{loc.Scheme, loc.Path[:i], tag}
				break
			}
		}
	}
	f, err := openTar(ctx, loc.Path)
	return f, loc, err
}

// readDockerArchive reads one image of a Docker archive.
func readDockerArchive(ctx context.Context, f *tarFiles, loc Location, want request) (*Image, error) {
	entries, err := readDockerManifest(f)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := f.find(layoutFile); err == nil {
			return nil, fmt.Errorf("is not an archive of docker save (it has no %s) but an OCI layout (write oci-archive:%s)", dockerManifestFile, loc.Path)
		}
		return nil, fmt.Errorf("is not an archive of docker save: it has no %s (load and save an archive of Docker before 1.10 again)", dockerManifestFile)
	}
	if err != nil {
		return nil, err
	}
	entry, err := chooseEntry(f, entries, loc)
	if err != nil {
		return nil, err
	}
	config, id, err := readDockerConfig(f, entry.Config)
	if err != nil {
		return nil, err
	}
	if img, err := fromLayout(ctx, f, loc, entry, id, want); img != nil || err != nil {
		return img, err
	}
	return fromEntry(f, entry, config, id, want)
}

func readDockerManifest(f files) ([]dockerEntry, error) {
	data, err := readFile(f, dockerManifestFile, maxManifest)
	if err != nil {
		return nil, err
	}
	var entries []dockerEntry
	if err := decode(data, &entries); err != nil {
		return nil, fmt.Errorf("%s %w", dockerManifestFile, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("contains no image: %s is empty", dockerManifestFile)
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("%s has %d images, and more than %d are not read", dockerManifestFile, len(entries), maxEntries)
	}
	return entries, nil
}

// chooseEntry returns the image with a tag: "repo:tag" as in the archive or in
// any equivalent form, the tag alone, or the image's identity.
func chooseEntry(f files, entries []dockerEntry, loc Location) (dockerEntry, error) {
	var found []dockerEntry
	var names []string
	for _, e := range entries {
		if len(e.RepoTags) == 0 {
			names = append(names, entryID(e))
		}
		names = append(names, e.RepoTags...)
		if loc.Tag == "" || entryID(e) == loc.Tag || slices.ContainsFunc(e.RepoTags, func(have string) bool { return sameTag(have, loc.Tag) }) {
			found = append(found, e)
		}
	}
	// One image may be listed once for each of its tags.
	found = slices.CompactFunc(found, func(a, b dockerEntry) bool {
		return a.Config == b.Config && slices.Equal(a.Layers, b.Layers)
	})
	switch {
	case len(found) == 0:
		return dockerEntry{}, selection("no image has the tag %s: there are %s", quote(loc.Tag), list(names))
	case len(found) == 1:
		return found[0], nil
	case loc.Tag != "":
		return dockerEntry{}, selection("several images have the tag %s: write the whole name: there are %s", quote(loc.Tag), listAbout(names, entryPlatforms(f, found)))
	}
	slices.Sort(names)
	return dockerEntry{}, selection("contains several images: name one, as in %s:%s:%s: there are %s", loc.Scheme, loc.Path, printable(names[0], 100), listAbout(names, entryPlatforms(f, found)))
}

// entryPlatforms returns remarks about the images of an archive by their names.
func entryPlatforms(f files, entries []dockerEntry) map[string]string {
	about := map[string]string{}
	for _, e := range entries[:min(len(entries), maxListed)] {
		c, _, err := readDockerConfig(f, e.Config)
		if err != nil {
			continue // an error when it is chosen
		}
		p := configPlatform(c).String()
		if p == "" {
			continue
		}
		for _, name := range append([]string{entryID(e)}, e.RepoTags...) {
			about[name] = " (" + printable(p, 100) + ")"
		}
	}
	return about
}

// sameTag compares the tag of an archive with that of the user.
func sameTag(have, want string) bool {
	if have == want || lastPart(have) == want {
		return true
	}
	a, err := name.NewTag(have)
	if err != nil {
		return false
	}
	b, err := name.NewTag(want)
	return err == nil && strings.ContainsAny(want, ":/") && a.Name() == b.Name()
}

// entryID returns the digest of an image's configuration, from the name of its
// file, or that name if it contains no digest.
func entryID(e dockerEntry) string {
	if h, ok := namedDigest(e.Config); ok {
		return h.String()
	}
	return e.Config
}

// namedDigest returns the digest in the name of a file: "HEX.json" in the old
// format, "blobs/sha256/HEX" in the new one, "sha256:HEX" in that of
// go-containerregistry.
func namedDigest(file string) (v1.Hash, bool) {
	file = strings.TrimSuffix(file, ".json")
	if rest, ok := strings.CutPrefix(file, "blobs/"); ok {
		file = strings.Replace(rest, "/", ":", 1)
	} else if !strings.Contains(file, ":") {
		file = "sha256:" + file
	}
	h, err := v1.NewHash(file)
	return h, err == nil
}

// readDockerConfig reads the configuration of an entry. Its digest is the
// identity of the image.
func readDockerConfig(f files, file string) (*v1.ConfigFile, v1.Hash, error) {
	what := "configuration " + quote(file)
	data, err := readFile(f, file, maxConfig)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("it is not in the archive")
		}
		return nil, v1.Hash{}, fmt.Errorf("%s: %w", what, err)
	}
	id, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if named, ok := namedDigest(file); ok {
		h, err := v1.Hasher(named.Algorithm)
		if err != nil {
			return nil, v1.Hash{}, fmt.Errorf("%s: %w", what, err)
		}
		h.Write(data)
		if got := hex.EncodeToString(h.Sum(nil)); got != named.Hex {
			return nil, v1.Hash{}, fmt.Errorf("%s is damaged or was replaced: its content has the digest %s:%s", what, named.Algorithm, got)
		}
		id = named
	}
	c, err := parseConfig(data)
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("%s %w", what, err)
	}
	return c, id, nil
}

// fromLayout reads the image from the archive's OCI layout, which contains the
// manifest and its digest. It returns nil without an error if there is no layout
// with images. An engine loads the image by one list or by the other, depending
// on its image store, so that both must contain the same.
func fromLayout(ctx context.Context, f *tarFiles, loc Location, entry dockerEntry, id v1.Hash, want request) (*Image, error) {
	for _, file := range []string{layoutFile, indexFile} {
		if _, err := f.find(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	src, err := readLayout(f, Location{Scheme: loc.Scheme, Path: loc.Path})
	if err != nil {
		return nil, err
	}
	if len(src.index.Manifests) == 0 {
		return nil, nil
	}
	t, err := collect(ctx, src, src.index.Manifests)
	if err != nil {
		return nil, err
	}
	for _, c := range t.images {
		m, err := readManifest(ctx, src, c.desc)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a platform that was not saved
		}
		if err != nil {
			return nil, err
		}
		if m.Config.Digest != id {
			continue
		}
		if !sameLayers(m, entry) {
			return nil, fmt.Errorf("%s and %s name different layers of the image %s: it is ambiguous", dockerManifestFile, indexFile, id)
		}
		c.alone = true
		return assemble(ctx, src, c, want)
	}
	if len(t.images) == 0 {
		return nil, nil
	}
	return nil, fmt.Errorf("%s names the image %s, and %s does not: it is ambiguous", dockerManifestFile, id, indexFile)
}

func sameLayers(m *v1.Manifest, entry dockerEntry) bool {
	return slices.EqualFunc(m.Layers, entry.Layers, func(d v1.Descriptor, file string) bool {
		h, ok := namedDigest(file)
		return ok && h == d.Digest
	})
}

// fromEntry reads an image without a manifest.
func fromEntry(f *tarFiles, entry dockerEntry, c *v1.ConfigFile, id v1.Hash, want request) (*Image, error) {
	if err := checkConfig(len(entry.Layers), c); err != nil {
		return nil, err
	}
	ran, err := decidePlatform(candidate{desc: v1.Descriptor{Digest: id}, alone: true}, configPlatform(c), want)
	if err != nil {
		return nil, err
	}
	img := &Image{Meta: sbom.Image{Platform: ran.String()}}
	for i, file := range entry.Layers {
		l, err := memberLayer(f, file)
		if err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(entry.Layers), err)
		}
		l.DiffID = c.RootFS.DiffIDs[i].String()
		img.Layers = append(img.Layers, l)
	}
	img.describe(c, nil, nil)
	return img, nil
}

// memberLayer returns a layer that is a member of an archive. Only blobs of a
// layout are named by their digest; in the older format the name of a layer is
// an identity that does not depend on its content.
func memberLayer(f *tarFiles, file string) (Layer, error) {
	m, err := f.find(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Layer{}, fmt.Errorf("%s is not in the archive", quote(file))
	}
	if err != nil {
		return Layer{}, err
	}
	kind, err := sniff(io.NewSectionReader(f.file, m.offset, m.size))
	if err != nil {
		return Layer{}, fmt.Errorf("%s: %w", quote(file), err)
	}
	l := Layer{Layer: sbom.Layer{Size: m.size}}
	switch kind {
	case "":
		l.MediaType = string(types.DockerUncompressedLayer)
	case "gzip":
		l.MediaType = string(types.DockerLayer)
	case "zstd":
		l.MediaType = dockerLayerZstd
	default:
		return Layer{}, fmt.Errorf("%s is compressed by %s, which is not a format of layers", quote(file), kind)
	}
	if h, ok := namedDigest(file); ok && strings.HasPrefix(file, "blobs/") {
		l.Digest = h.String()
	}
	l.Open = func(context.Context) (io.ReadCloser, error) {
		body, size, err := f.open(file)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", quote(file), err)
		}
		return &exactReader{body: body, size: size}, nil
	}
	return l, nil
}
