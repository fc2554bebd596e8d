package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The annotations that distinguish BuildKit's attestations from images
// (moby/buildkit docs/attestations/attestation-storage.md).
const (
	annotationRefType   = "vnd.docker.reference.type"
	annotationRefDigest = "vnd.docker.reference.digest"
	attestationManifest = "attestation-manifest"
)

// candidate is the manifest of an image that may be selected.
type candidate struct {
	desc v1.Descriptor
	// platform is that of the index, or else that of the configuration.
	platform platform
	// alone is set outside of an index.
	alone      bool
	inspection inspection
	// note is a remark for the reviewer of the choice.
	note string
}

// choose returns the one requested image below a reference.
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

// checkImage returns an error for a descriptor that is not that of an image.
func checkImage(d v1.Descriptor) error {
	switch {
	case d.MediaType.IsSchema1():
		return fmt.Errorf("manifest %s %w", d.Digest, errSchema1)
	case isAttestation(d):
		return fmt.Errorf("manifest %s is an attestation and not an image: name the image that it is about, %s", d.Digest, quote(d.Annotations[annotationRefDigest]))
	case !d.MediaType.IsImage():
		return fmt.Errorf("manifest %s has the media type %s, which is not that of an image", d.Digest, quote(string(d.MediaType)))
	}
	return nil
}

func isAttestation(d v1.Descriptor) bool { return d.Annotations[annotationRefType] != "" }

// tree is the content of some indexes.
type tree struct {
	images []candidate
	// absent are the indexes in it that are not stored.
	absent       []error
	attestations []v1.Descriptor
	schema1      []v1.Descriptor
}

// collect flattens indexes. An index cannot contain itself, because its digest
// would be part of its content. The limits are for an index that occurs below
// another in many places.
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
		// The same manifest may be listed for several platforms, but an index
		// is read once.
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
			// BuildKit documents that it is to be ignored.
		case d.MediaType.IsSchema1():
			c.tree.schema1 = append(c.tree.schema1, d)
		case d.MediaType.IsImage():
			image := candidate{desc: d, platform: fromPlatform(d.Platform)}
			if c.store.partial() && len(c.tree.images) < maxInspected {
				image.inspection = inspect(ctx, c.store, d)
			}
			c.tree.images = append(c.tree.images, image)
		case d.MediaType.IsIndex():
			if err := c.nested(ctx, d, depth); err != nil {
				return err
			}
		}
		// The image specification requires to ignore other media types.
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
	switch {
	case depth > 1 && c.store.partial() && errors.Is(err, fs.ErrNotExist):
		c.tree.absent = append(c.tree.absent, err)
		return nil
	case err != nil:
		return err
	}
	return c.add(ctx, index.Manifests, depth+1)
}

// pick returns the image for the requested platform.
func (t *tree) pick(ctx context.Context, s store, want request) (candidate, error) {
	images, err := t.withPlatforms(ctx, s)
	if err != nil {
		return candidate{}, err
	}
	if len(images) == 0 && len(t.schema1) > 0 {
		return candidate{}, checkImage(t.schema1[0])
	}
	var there, absent, artifacts, exact, near []candidate
	for _, c := range images {
		switch fault := c.inspection.fault; {
		case errors.Is(fault, fs.ErrNotExist):
			absent = append(absent, c)
			continue
		case fault != nil:
			artifacts = append(artifacts, c)
			continue
		}
		there = append(there, c)
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
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return candidate{}, fmt.Errorf("there are several images for %s: name one by its digest: %s", want, digests(found))
	case len(there) == 0 && len(absent)+len(artifacts) > 0:
		named := append(absent, artifacts...)
		return candidate{}, fmt.Errorf("the index names %s, and nothing of it can be scanned: %w", platforms(named), named[0].inspection.fault)
	case len(there) == 0 && len(t.absent) > 0:
		return candidate{}, t.absent[0]
	case len(there) == 0:
		return candidate{}, errors.New("the index contains no image")
	case !want.named && len(there) == 1 && len(absent) > 0:
		// docker save writes the whole index and the blobs of what was pulled.
		only := there[0]
		only.note = fmt.Sprintf("the index also names %s, of which blobs are not stored: this is %s, the only image that is", platforms(absent), only.platform)
		return only, nil
	}
	stored := ""
	for _, c := range absent {
		if want.accepts(c.platform) {
			stored = fmt.Sprintf(" (the index names it, but %v)", c.inspection.fault)
		}
	}
	return candidate{}, fmt.Errorf("there is no image for %s%s%s: there are %s: name one with --platform", want, want.origin(), stored, platforms(there))
}

// origin is an explanation of a platform that the user did not request.
func (r request) origin() string {
	if r.named {
		return ""
	}
	return " (this machine's platform)"
}

// withPlatforms returns the images, each once and with its platform. If the
// index contains no platform, it is that of the image's configuration.
func (t *tree) withPlatforms(ctx context.Context, s store) ([]candidate, error) {
	var out []candidate
	unnamed := 0
	for _, c := range t.images {
		if c.platform == (platform{}) && c.inspection.fault == nil {
			if unnamed++; unnamed > maxUnnamed {
				return nil, fmt.Errorf("has an index of more than %d images without a platform: name one by its digest", maxUnnamed)
			}
			m, err := readManifest(ctx, s, c.desc)
			if err != nil {
				return nil, err
			}
			if !m.Config.MediaType.IsConfig() {
				continue // an artifact, not an image
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
	about := map[string]string{}
	for _, c := range images {
		name := c.desc.Digest.String()
		names = append(names, name)
		if text := c.inspection.text(); text != "" {
			about[name] = " (" + text + ")"
		}
	}
	return listAbout(names, about)
}
