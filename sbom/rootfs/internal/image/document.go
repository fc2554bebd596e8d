package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types without a name in go-containerregistry.
const (
	dockerLayerZstd         = "application/vnd.docker.image.rootfs.diff.tar.zstd"
	ociRestrictedLayerZstd  = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
	dockerForeignLayerPlain = "application/vnd.docker.image.rootfs.foreign.diff.tar"
)

// layerType is the storage of layers of a media type.
type layerType struct {
	compression string // "gzip", "zstd" or ""
	// foreign layers may be stored elsewhere than in the registry.
	foreign bool
}

// layerTypes are the layers of the image specification and of Docker
// (https://github.com/opencontainers/image-spec/blob/main/layer.md,
// https://distribution.github.io/distribution/spec/manifest-v2-2/). eStargz
// is gzip, and zstd:chunked is zstd.
var layerTypes = map[string]layerType{
	string(types.OCIUncompressedLayer):           {},
	string(types.OCILayer):                       {compression: "gzip"},
	string(types.OCILayerZStd):                   {compression: "zstd"},
	string(types.DockerUncompressedLayer):        {},
	string(types.DockerLayer):                    {compression: "gzip"},
	dockerLayerZstd:                              {compression: "zstd"},
	string(types.OCIUncompressedRestrictedLayer): {foreign: true},
	string(types.OCIRestrictedLayer):             {compression: "gzip", foreign: true},
	ociRestrictedLayerZstd:                       {compression: "zstd", foreign: true},
	dockerForeignLayerPlain:                      {foreign: true},
	string(types.DockerForeignLayer):             {compression: "gzip", foreign: true},
}

// readIndex reads an image index or a Docker manifest list.
func readIndex(ctx context.Context, s store, d v1.Descriptor) (*v1.IndexManifest, error) {
	data, err := read(ctx, d, maxManifest, "index", s.document)
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(data, d.MediaType)
	if err != nil {
		return nil, fmt.Errorf("index %s %w", d.Digest, err)
	}
	return index, nil
}

// readManifest reads the manifest of one image, or of an attestation.
func readManifest(ctx context.Context, s store, d v1.Descriptor) (*v1.Manifest, error) {
	data, err := read(ctx, d, maxManifest, "manifest", s.document)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data, d.MediaType)
	if err != nil {
		return nil, fmt.Errorf("manifest %s %w", d.Digest, err)
	}
	return m, nil
}

// readConfig reads the configuration of an image.
func readConfig(ctx context.Context, s store, d v1.Descriptor) (*v1.ConfigFile, error) {
	if !d.MediaType.IsConfig() {
		return nil, fmt.Errorf("is not a container image: its configuration has the media type %s", quote(string(d.MediaType)))
	}
	data, err := read(ctx, d, maxConfig, "configuration", s.blob)
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("configuration %s %w", d.Digest, err)
	}
	return c, nil
}

func parseIndex(data []byte, as types.MediaType) (*v1.IndexManifest, error) {
	kind, err := parseShape(data, as)
	if err != nil {
		return nil, err
	}
	if !kind.isIndex() && kind.isManifest() {
		return nil, errors.New("is the manifest of one image, where an index was expected")
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("is not an index: %w", err)
	}
	return &index, nil
}

func parseManifest(data []byte, as types.MediaType) (*v1.Manifest, error) {
	kind, err := parseShape(data, as)
	if err != nil {
		return nil, err
	}
	if !kind.isManifest() {
		return nil, errors.New("is not a manifest: it has neither configuration nor layers")
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("is not a manifest: %w", err)
	}
	return &m, nil
}

// parseShape rejects a document that can be parsed as two kinds
// (CVE-2021-41190), or whose kind differs from its descriptor.
func parseShape(data []byte, as types.MediaType) (*shape, error) {
	var kind shape
	if err := decode(data, &kind); err != nil {
		return nil, err
	}
	switch {
	case kind.isSchema1():
		return nil, errSchema1
	case kind.SchemaVersion != nil && *kind.SchemaVersion != 2:
		return nil, fmt.Errorf("has schema version %d, and only 2 is known", *kind.SchemaVersion)
	case kind.isIndex() && kind.isManifest():
		return nil, errors.New("is an index and a manifest at once: it is ambiguous")
	case kind.MediaType != "" && as != "" && !sameKind(types.MediaType(kind.MediaType), as):
		return nil, fmt.Errorf("has the media type %s, and its descriptor has %s", quote(kind.MediaType), quote(string(as)))
	}
	return &kind, nil
}

// sameKind reports whether two media types have the same format: those of Docker
// and those of the image specification have, and tools that convert between them
// have mixed them.
func sameKind(a, b types.MediaType) bool {
	return a == b || a.IsImage() && b.IsImage() || a.IsIndex() && b.IsIndex()
}

// errSchema1 rejects the manifests of Docker before 1.10, which have no
// configuration with a digest to verify.
var errSchema1 = errors.New("is a Docker schema 1 manifest, which no current registry takes: " +
	"pull and push the image again with a current engine")

func parseConfig(data []byte) (*v1.ConfigFile, error) {
	var c v1.ConfigFile
	if err := decode(data, &c); err != nil {
		return nil, fmt.Errorf("is not an image configuration: %w", err)
	}
	return &c, nil
}

// checkLayers compares the layers of a manifest with those of a configuration.
func checkLayers(m *v1.Manifest, c *v1.ConfigFile) error {
	if err := checkConfig(len(m.Layers), c); err != nil {
		return err
	}
	for i, d := range m.Layers {
		if err := checkLayer(d); err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(m.Layers), err)
		}
	}
	return nil
}

func checkConfig(layers int, c *v1.ConfigFile) error {
	switch {
	case layers > maxLayers:
		return fmt.Errorf("has %d layers, and more than %d are not read", layers, maxLayers)
	case c.RootFS.Type != "" && c.RootFS.Type != "layers":
		return fmt.Errorf("has a root file system of type %s, and only layers are known", quote(c.RootFS.Type))
	case layers != len(c.RootFS.DiffIDs):
		return fmt.Errorf("has %d layers, and its configuration has %d", layers, len(c.RootFS.DiffIDs))
	}
	for i, id := range c.RootFS.DiffIDs {
		if id.Hex == "" {
			return fmt.Errorf("layer %d of %d has no digest in the configuration", i+1, layers)
		}
	}
	return nil
}

func checkLayer(d v1.Descriptor) error {
	if err := checkDescriptor(d); err != nil {
		return err
	}
	_, known := layerTypes[string(d.MediaType)]
	switch {
	case strings.HasSuffix(string(d.MediaType), "+encrypted"):
		return fmt.Errorf("it is encrypted (%s): scan the image before it is encrypted, or decrypt it with skopeo copy --decryption-key", quote(string(d.MediaType)))
	case !known:
		return fmt.Errorf("its media type %s is not known", quote(string(d.MediaType)))
	}
	return nil
}
