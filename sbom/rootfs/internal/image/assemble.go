package image

import (
	"context"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// assemble returns the image of a manifest.
func assemble(ctx context.Context, s store, from candidate, want request) (*Image, error) {
	m, err := readManifest(ctx, s, from.desc)
	if err != nil {
		return nil, err
	}
	c, err := readConfig(ctx, s, m.Config)
	if err != nil {
		return nil, err
	}
	if err := checkLayers(m, c); err != nil {
		return nil, err
	}
	if err := checkForeign(ctx, s, m); err != nil {
		return nil, err
	}
	ran, err := decidePlatform(from, configPlatform(c), want)
	if err != nil {
		return nil, err
	}
	img := &Image{Meta: sbom.Image{Digest: from.desc.Digest.String(), Platform: ran.String()}}
	for i, d := range m.Layers {
		img.Layers = append(img.Layers, Layer{
			Layer: sbom.Layer{
				Digest: d.Digest.String(),
				DiffID: c.RootFS.DiffIDs[i].String(),
				Size:   d.Size,
			},
			MediaType: string(d.MediaType),
			Open:      openBlob(s, d),
		})
	}
	img.describe(c, m.Annotations, from.desc.Annotations)
	if from.note != "" {
		img.Notes = append(img.Notes, from.note)
	}
	return img, nil
}

// checkForeign returns an error for a layer that need not be stored with the
// image and is not. One that is (pushed by an engine that allows it, copied by
// skopeo) is a layer like others: its content has the digest in the manifest.
func checkForeign(ctx context.Context, s store, m *v1.Manifest) error {
	for i, d := range m.Layers {
		if !layerTypes[string(d.MediaType)].foreign || len(d.URLs) == 0 {
			continue
		}
		body, err := s.blob(ctx, d)
		if err == nil {
			err = body.Close()
		}
		if err != nil {
			return fmt.Errorf("layer %d of %d: it is a foreign layer (%s), which is stored at %s and not with the image: depaudit contacts no other servers, so that the image cannot be examined completely "+
				"(copy the layer into the image's store, or scan the root file system): %w", i+1, len(m.Layers), quote(string(d.MediaType)), quote(d.URLs[0]), err)
		}
	}
	return nil
}

// openBlob opens a blob with the size in its descriptor.
func openBlob(s store, d v1.Descriptor) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		body, err := s.blob(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", d.Digest, err)
		}
		return &exactReader{body: body, size: d.Size}, nil
	}
}

// decidePlatform compares the platform in the index, the platform in the
// configuration, and the requested one.
func decidePlatform(from candidate, config platform, want request) (platform, error) {
	said := from.platform
	switch {
	case config.os == "" && config.arch == "":
		config = said
	case said == (platform{}):
	case !said.sameMachine(config):
		return platform{}, fmt.Errorf("the platform of %s is %s in the index and %s in its configuration (to open it anyway, give this digest)",
			from.desc.Digest, quote(said.String()), quote(config.String()))
	case config.variant == "":
		config.variant = said.variant
	}
	if from.alone && want.named {
		switch {
		case config == platform{}:
			return platform{}, fmt.Errorf("has no platform (omit the platform %s to open it anyway)", want)
		case !want.accepts(config):
			return platform{}, fmt.Errorf("is for %s and not for %s", config, want)
		}
	}
	return config, nil
}
