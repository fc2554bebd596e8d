package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/sbom/registry"
)

// remote is one repository of a registry.
type remote struct {
	client *registry.Client
	ref    name.Reference
	// known are the documents that were read to compute their digest.
	known map[v1.Hash][]byte
}

// openRegistry authenticates with a registry. It does not read an image.
func openRegistry(ctx context.Context, out outside, loc Location) (store, error) {
	ref, err := parseName(loc)
	if err != nil {
		return nil, err
	}
	client, err := registry.Open(ctx, out.registry, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	return &remote{client, ref, map[v1.Hash][]byte{}}, nil
}

// parseName parses the name of an image in a registry.
func parseName(loc Location) (name.Reference, error) {
	s := loc.Path
	switch {
	case isDigest(loc.Tag):
		s += "@" + loc.Tag
	case loc.Tag != "":
		s += ":" + loc.Tag
	}
	return registry.ParseName(s)
}

func (r *remote) roots(ctx context.Context) ([]v1.Descriptor, error) {
	data, header, err := r.client.Manifest(ctx, r.ref.Identifier())
	if err != nil {
		return nil, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if wanted, ok := r.ref.(name.Digest); ok && wanted.DigestStr() != digest.String() {
		return nil, fmt.Errorf("the registry sends a manifest with the digest %s, not %s", digest, wanted.DigestStr())
	}
	if said := header.Get("Docker-Content-Digest"); said != "" && strings.HasPrefix(said, "sha256:") && said != digest.String() {
		return nil, fmt.Errorf("the registry sends a manifest with the digest %s and the header Docker-Content-Digest: %s", digest, quote(said))
	}
	kind, err := documentType(header.Get("Content-Type"), data)
	if err != nil {
		return nil, err
	}
	r.known[digest] = data
	return []v1.Descriptor{{MediaType: kind, Digest: digest, Size: size}}, nil
}

// documentType returns the media type in the header of a document, or in the
// document if the header has none.
func documentType(header string, data []byte) (types.MediaType, error) {
	sent, _, err := mime.ParseMediaType(header)
	kind := types.MediaType(sent)
	if err == nil && (kind.IsIndex() || kind.IsImage() || kind.IsSchema1()) {
		return kind, nil
	}
	var s shape
	if err := decode(data, &s); err != nil {
		return "", fmt.Errorf("the registry sends %s as a manifest, which %w", quote(header), err)
	}
	switch {
	case s.MediaType != "":
		return types.MediaType(s.MediaType), nil
	case s.isSchema1():
		return types.DockerManifestSchema1, nil
	case s.isIndex():
		return types.OCIImageIndex, nil
	case s.isManifest():
		return types.OCIManifestSchema1, nil
	}
	return "", fmt.Errorf("the registry sends %s, which is not a manifest", quote(header))
}

func (r *remote) document(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if data, ok := r.known[d.Digest]; ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	data, _, err := r.client.Manifest(ctx, d.Digest.String())
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != d.Size {
		return nil, fmt.Errorf("the registry sends %d bytes, and its descriptor has %d", len(data), d.Size)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (r *remote) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return r.client.Blob(ctx, d.Digest.String(), d.Size)
}

func (r *remote) partial() bool { return false }

func (r *remote) Close() error {
	r.client.Close()
	return nil
}
