package image

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The annotations by which BuildKit tells attestations from images
// (moby/buildkit docs/attestations/attestation-storage.md).
const (
	annotationRefType   = "vnd.docker.reference.type"
	annotationRefDigest = "vnd.docker.reference.digest"
	attestationManifest = "attestation-manifest"
)

// candidate is the manifest of an image that may be the one.
type candidate struct {
	desc v1.Descriptor
	// platform is what the index says, else what the configuration says.
	platform platform
	// alone is set outside of an index.
	alone bool
}

// choose finds the one image that is wanted below what a reference names.
func choose(ctx context.Context, s store, want request) (candidate, error) {
	roots, err := s.roots(ctx)
	if err != nil {
		return candidate{}, err
	}
	return chooseFrom(ctx, s, roots, want)
}

func chooseFrom(ctx context.Context, s store, roots []v1.Descriptor, want request) (candidate, error) {
	if len(roots) == 1 && !roots[0].MediaType.IsIndex() {
		return candidate{desc: roots[0], platform: fromPlatform(roots[0].Platform), alone: true}, checkImage(roots[0])
	}
	t, err := collect(ctx, s, roots)
	if err != nil {
		return candidate{}, err
	}
	return t.pick(ctx, s, want)
}

// checkImage says of a descriptor why it is not the one of an image.
func checkImage(d v1.Descriptor) error {
	switch {
	case d.MediaType.IsSchema1():
		return fmt.Errorf("manifest %s %w", d.Digest, errSchema1)
	case isAttestation(d):
		return fmt.Errorf("manifest %s is an attestation and no image: name the image that it is about, %s", d.Digest, quote(d.Annotations[annotationRefDigest]))
	case !d.MediaType.IsImage():
		return fmt.Errorf("manifest %s has the media type %s, which is no image's", d.Digest, quote(string(d.MediaType)))
	}
	return nil
}

func isAttestation(d v1.Descriptor) bool { return d.Annotations[annotationRefType] != "" }

// tree is what was found below some indexes.
type tree struct {
	images       []candidate
	attestations []v1.Descriptor
	schema1      []v1.Descriptor
}

// collect flattens indexes. An index cannot hold itself, because that would
// take a digest that is part of what it is the digest of; that one lies below
// another in many places is what the limits are for.
func collect(ctx context.Context, s store, roots []v1.Descriptor) (*tree, error) {
	c := collector{store: s, seen: map[string]bool{}}
	if err := c.add(ctx, roots, 1); err != nil {
		return nil, err
	}
	return &c.tree, nil
}

type collector struct {
	store   store
	tree    tree
	seen    map[string]bool
	entries int
	indexes int
}

func (c *collector) add(ctx context.Context, entries []v1.Descriptor, depth int) error {
	c.entries += len(entries)
	if c.entries > maxEntries {
		return fmt.Errorf("has an index of more than %d entries", maxEntries)
	}
	for _, d := range entries {
		if err := checkDescriptor(d); err != nil {
			return fmt.Errorf("index: %w", err)
		}
		// The same manifest may stand for several platforms, but an index is
		// read once.
		key := d.Digest.String()
		if !d.MediaType.IsIndex() {
			key += " " + fromPlatform(d.Platform).String() + " " + d.Annotations[annotationRefDigest]
		}
		if c.seen[key] {
			continue
		}
		c.seen[key] = true
		switch {
		case d.Annotations[annotationRefType] == attestationManifest:
			c.tree.attestations = append(c.tree.attestations, d)
		case isAttestation(d), fromPlatform(d.Platform).isUnknown():
			// To be ignored, says BuildKit.
		case d.MediaType.IsSchema1():
			c.tree.schema1 = append(c.tree.schema1, d)
		case d.MediaType.IsImage():
			c.tree.images = append(c.tree.images, candidate{desc: d, platform: fromPlatform(d.Platform)})
		case d.MediaType.IsIndex():
			if err := c.nested(ctx, d, depth); err != nil {
				return err
			}
		}
		// Other media types are to be ignored, says the image specification.
	}
	return nil
}

func (c *collector) nested(ctx context.Context, d v1.Descriptor, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("has indexes in indexes, more than %d deep: name the one that is meant by its digest", maxNesting)
	}
	if c.indexes++; c.indexes > maxNested {
		return fmt.Errorf("has more than %d indexes: name the one that is meant by its digest", maxNested)
	}
	index, err := readIndex(ctx, c.store, d)
	if err != nil {
		return err
	}
	return c.add(ctx, index.Manifests, depth+1)
}

// pick takes the image for the wanted platform.
func (t *tree) pick(ctx context.Context, s store, want request) (candidate, error) {
	images, err := t.withPlatforms(ctx, s)
	if err != nil {
		return candidate{}, err
	}
	if len(images) == 0 {
		if len(t.schema1) > 0 {
			return candidate{}, checkImage(t.schema1[0])
		}
		return candidate{}, errors.New("the index holds no image")
	}
	var exact, near []candidate
	for _, c := range images {
		switch {
		case c.platform.normal() == want.normal():
			exact = append(exact, c)
		case want.accepts(c.platform):
			near = append(near, c)
		}
	}
	found := exact
	if len(found) == 0 {
		found = near
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return candidate{}, fmt.Errorf("there is no image for %s%s: there are %s: name one with --platform", want, want.origin(), platforms(images))
	}
	return candidate{}, fmt.Errorf("there are several images for %s: name one by its digest: %s", want, digests(found))
}

// origin says where a wanted platform comes from, if not from the user.
func (r request) origin() string {
	if r.named {
		return ""
	}
	return " (this machine's platform)"
}

// withPlatforms are the images, each with its platform and each once. Where
// the index names none, the image's configuration does.
func (t *tree) withPlatforms(ctx context.Context, s store) ([]candidate, error) {
	var out []candidate
	unnamed := 0
	for _, c := range t.images {
		if c.platform == (platform{}) {
			if unnamed++; unnamed > maxUnnamed {
				return nil, fmt.Errorf("has an index of more than %d images without a platform: name one by its digest", maxUnnamed)
			}
			m, err := readManifest(ctx, s, c.desc)
			if err != nil {
				return nil, err
			}
			if !m.Config.MediaType.IsConfig() {
				continue // an artifact, and no image
			}
			config, err := readConfig(ctx, s, m.Config)
			if err != nil {
				return nil, err
			}
			c.platform = configPlatform(config)
		}
		out = append(out, c)
	}
	return out, nil
}

func configPlatform(c *v1.ConfigFile) platform {
	return platform{os: c.OS, arch: c.Architecture, variant: c.Variant}
}

func platforms(images []candidate) string {
	var names []string
	for _, c := range images {
		name := c.platform.String()
		if name == "" {
			name = c.desc.Digest.String()
		}
		names = append(names, name)
	}
	return list(names)
}

func digests(images []candidate) string {
	var names []string
	for _, c := range images {
		names = append(names, c.desc.Digest.String())
	}
	return list(names)
}
