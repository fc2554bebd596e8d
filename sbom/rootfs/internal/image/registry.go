package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// accepted are the media types of manifests in requests. Schema 1 is not among
// them, so that a registry with nothing else returns an error.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex),
	string(types.OCIManifestSchema1),
	string(types.DockerManifestList),
	string(types.DockerManifestSchema2),
}, ", ")

// registry is one repository of a registry
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md).
type registry struct {
	ref       name.Reference
	client    *http.Client
	base      *http.Transport
	out       outside
	anonymous bool
	// known are the documents that were read to compute their digest.
	known map[v1.Hash][]byte
}

// openRegistry authenticates with a registry. It does not read an image.
func openRegistry(ctx context.Context, out outside, loc Location) (store, error) {
	parsed, err := parseName(loc)
	if err != nil {
		return nil, err
	}
	repo := parsed.Context()
	host := repo.RegistryStr()
	auth, err := authn.Resolve(ctx, out.keychain, repo)
	if err != nil {
		return nil, fmt.Errorf("credentials for %s: check the Docker configuration (config.json in $DOCKER_CONFIG or ~/.docker): %w", host, err)
	}
	g, base := newGuard(out, host)
	r := &registry{ref: parsed, base: base, out: out, anonymous: auth == authn.Anonymous, known: map[v1.Hash][]byte{}}

	// The time limit of the handshake must not end later requests.
	limited, cancel := context.WithTimeout(ctx, out.whole)
	defer cancel()
	g.handshake.Store(true)
	t, err := transport.NewWithContext(limited, repo.Registry, auth, transport.NewUserAgent(g, "depaudit"), []string{repo.Scope(transport.PullScope)})
	g.handshake.Store(false)
	if err != nil {
		base.CloseIdleConnections()
		return nil, r.explain(g.cause(err))
	}
	r.client = &http.Client{Transport: t, CheckRedirect: g.redirect}
	return r, nil
}

// parseName parses the name of an image as Docker does: "debian" is the image of
// Docker Hub with the tag "latest".
func parseName(loc Location) (name.Reference, error) {
	s := loc.Path
	switch {
	case isDigest(loc.Tag):
		s += "@" + loc.Tag
	case loc.Tag != "":
		s += ":" + loc.Tag
	}
	parsed, err := name.ParseReference(s)
	if err != nil || climbs(s) {
		return nil, fmt.Errorf("%s is not the name of an image: write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST", quote(s))
	}
	if netguard.IsLoopback(parsed.Context().RegistryStr()) {
		return name.ParseReference(s, name.Insecure)
	}
	return parsed, nil
}

// climbs reports whether a name would lead out of its place in a path. Package
// name accepts such names.
func climbs(s string) bool {
	return slices.ContainsFunc(strings.Split(s, "/"), func(part string) bool { return strings.Trim(part, ".") == "" })
}

func (r *registry) roots(ctx context.Context) ([]v1.Descriptor, error) {
	resp, cancel, err := r.get(ctx, "manifests", r.ref.Identifier())
	if err != nil {
		return nil, err
	}
	defer cancel()
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	if err != nil {
		return nil, r.explain(err)
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("the registry sends a manifest of more than %d bytes", maxManifest)
	}
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if wanted, ok := r.ref.(name.Digest); ok && wanted.DigestStr() != digest.String() {
		return nil, fmt.Errorf("the registry sends a manifest with the digest %s, not %s", digest, wanted.DigestStr())
	}
	if said := resp.Header.Get("Docker-Content-Digest"); said != "" && strings.HasPrefix(said, "sha256:") && said != digest.String() {
		return nil, fmt.Errorf("the registry sends a manifest with the digest %s and the header Docker-Content-Digest: %s", digest, quote(said))
	}
	kind, err := documentType(resp.Header.Get("Content-Type"), data)
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

func (r *registry) document(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if data, ok := r.known[d.Digest]; ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return r.open(ctx, "manifests", d)
}

func (r *registry) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return r.open(ctx, "blobs", d)
}

func (r *registry) open(ctx context.Context, kind string, d v1.Descriptor) (io.ReadCloser, error) {
	resp, cancel, err := r.get(ctx, kind, d.Digest.String())
	if err != nil {
		return nil, err
	}
	if resp.ContentLength >= 0 && resp.ContentLength != d.Size {
		resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("the registry sends %d bytes, and its descriptor has %d", resp.ContentLength, d.Size)
	}
	return &remoteBody{r, resp.Body, cancel}, nil
}

// get requests a manifest or a blob. The cancel function belongs to the body.
func (r *registry) get(ctx context.Context, kind, id string) (*http.Response, context.CancelFunc, error) {
	cancel := func() {}
	if kind == "manifests" {
		ctx, cancel = context.WithTimeout(ctx, r.out.whole)
	}
	repo := r.ref.Context()
	u := url.URL{Scheme: repo.Registry.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/" + kind + "/" + id}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if kind == "manifests" {
		req.Header.Set("Accept", accepted)
	}
	resp, err := r.client.Do(req)
	if err == nil {
		if err = transport.CheckError(resp, http.StatusOK); err == nil {
			return resp, cancel, nil
		}
		resp.Body.Close()
	}
	cancel()
	return nil, nil, r.explain(err)
}

func (r *registry) partial() bool { return false }

func (r *registry) Close() error {
	r.base.CloseIdleConnections()
	return nil
}

// remoteBody explains the error of a broken connection.
type remoteBody struct {
	registry *registry
	body     io.ReadCloser
	cancel   context.CancelFunc
}

func (b *remoteBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = b.registry.explain(err)
	}
	return n, err
}

func (b *remoteBody) Close() error {
	err := b.body.Close()
	b.cancel()
	return err
}
