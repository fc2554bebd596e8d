// Package registry talks to one repository of a registry
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md): its
// name, the user's credentials, the limits of every request, and errors that have
// a hint.
//
// Names (pkg/name), credentials (pkg/authn) and the handshake
// (pkg/v1/remote/transport) are those of go-containerregistry. Its client (remote)
// is not used: it reads manifests of up to 100 MiB, parses leniently, and adds a
// referrer to an index without a look at what another writer did.
//
// A registry is not trusted. It must use https, unless it is on this machine;
// redirects, and the places that it names for an upload, are checked by a guard,
// which also ends a body that stalls. The caller compares what was read with a
// digest.
package registry

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/sbom/netguard"
	"github.com/depaudit/depaudit/sbom/wording"
)

// MaxManifest is the maximum size of a manifest or an index. Registries reject
// larger ones: the distribution specification requires at least 4 MiB, and
// distribution and registries based on it stop there.
const MaxManifest = 4 << 20

// documentTimeout is for a whole manifest or a whole handshake, so that a slow one
// ends as well. Blobs have no such limit.
const documentTimeout = 3 * time.Minute

// accepted are the media types of manifests in requests. Schema 1 is not among
// them, so that a registry with nothing else returns an error.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex),
	string(types.OCIManifestSchema1),
	string(types.DockerManifestList),
	string(types.DockerManifestSchema2),
}, ", ")

// Settings are what a client depends on besides its arguments, as a value that
// tests can replace.
type Settings struct {
	Keychain authn.Keychain
	// Roots are the certificates for registries; nil for those of the system.
	Roots *x509.CertPool
	// Dial, Header and Idle are the maximum times for a connection, the header of an
	// answer, and a body without data. Whole is that for a manifest or a handshake.
	Dial, Header, Idle, Whole time.Duration
	// Pause is doubled before each new try of a request, and Wait is the longest time
	// that a busy registry may ask for instead.
	Pause, Wait time.Duration
}

// System returns the settings of this machine.
func System() Settings {
	return Settings{
		Keychain: authn.DefaultKeychain,
		Dial:     netguard.DialTimeout,
		Header:   netguard.HeaderTimeout,
		Idle:     netguard.IdleTimeout,
		Whole:    documentTimeout,
		Pause:    retryPause,
		Wait:     maxRetryAfter,
	}
}

// Access is what a client may do.
type Access string

const (
	Read  Access = Access(transport.PullScope)
	Write Access = Access(transport.PushScope) // and read
)

// Client makes requests about one repository.
type Client struct {
	ref       name.Reference
	http      *http.Client
	base      *http.Transport
	set       Settings
	access    Access
	anonymous bool
}

// Open authenticates with the registry of a reference. It reads nothing else.
func Open(ctx context.Context, set Settings, ref name.Reference, access Access) (*Client, error) {
	repo := ref.Context()
	host := repo.RegistryStr()
	auth, err := authn.Resolve(ctx, set.Keychain, repo)
	if err != nil {
		return nil, fmt.Errorf("credentials for %s: check the Docker configuration (config.json in $DOCKER_CONFIG or ~/.docker): %w", host, err)
	}
	g, base := newGuard(set, host)
	c := &Client{ref: ref, base: base, set: set, access: access, anonymous: auth == authn.Anonymous}

	var t http.RoundTripper
	err = c.Again(ctx, func() (err error) {
		t, err = c.handshake(ctx, g, auth)
		return err
	})
	if err != nil {
		base.CloseIdleConnections()
		return nil, err
	}
	c.http = &http.Client{Transport: t, CheckRedirect: g.redirect}
	return c, nil
}

// handshake finds out how to authenticate.
func (c *Client) handshake(ctx context.Context, g *guard, auth authn.Authenticator) (http.RoundTripper, error) {
	// The time limit of the handshake must not end later requests.
	limited, cancel := context.WithTimeout(ctx, c.set.Whole)
	defer cancel()
	g.begin()
	repo := c.ref.Context()
	t, err := transport.NewWithContext(limited, repo.Registry, auth, transport.NewUserAgent(g, "depaudit"), []string{repo.Scope(string(c.access))})
	g.handshake.Store(false)
	if err != nil {
		return nil, c.Explain(g.cause(err))
	}
	return t, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.base.CloseIdleConnections() }

// ParseName parses the name of an image as Docker does: "debian" is the image of
// Docker Hub with the tag "latest". A registry on this machine need not have https.
func ParseName(s string) (name.Reference, error) {
	parsed, err := name.ParseReference(s)
	if err != nil || Climbs(s) {
		return nil, fmt.Errorf("%s is not the name of an image: write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST", wording.Quote(s))
	}
	if netguard.IsLoopback(parsed.Context().RegistryStr()) {
		return name.ParseReference(s, name.Insecure)
	}
	return parsed, nil
}

// Climbs reports whether a name would lead out of its place in a path. Package
// name accepts such names.
func Climbs(s string) bool {
	return slices.ContainsFunc(strings.Split(s, "/"), func(part string) bool { return strings.Trim(part, ".") == "" })
}

// URL returns the address of something in the repository: a manifest, a blob.
func (c *Client) URL(kind, id string) *url.URL {
	repo := c.ref.Context()
	return &url.URL{Scheme: repo.Registry.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/" + kind + "/" + id}
}

// Manifest reads a manifest by a tag or a digest. The caller compares it with the
// digest.
func (c *Client) Manifest(ctx context.Context, id string) (data []byte, header http.Header, err error) {
	err = c.Again(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL("manifests", id).String(), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", accepted)
		resp, err := c.Do(req, http.StatusOK)
		if err != nil {
			return err
		}
		header = resp.Header
		data, err = ReadManifest(resp)
		return err
	})
	return data, header, err
}

// Do makes a request and returns an error for an answer with none of the statuses.
// A manifest, and all other requests but those of blobs, must be over within the
// time of Settings.Whole. The caller closes the body.
func (c *Client) Do(req *http.Request, statuses ...int) (*http.Response, error) {
	cancel := func() {}
	if !strings.Contains(req.URL.Path, "/blobs/") {
		var ctx context.Context
		ctx, cancel = context.WithTimeout(req.Context(), c.set.Whole)
		req = req.WithContext(ctx)
	}
	resp, err := c.http.Do(req)
	if err == nil {
		if err = transport.CheckError(resp, statuses...); err == nil {
			resp.Body = &remoteBody{c, resp.Body, cancel}
			return resp, nil
		}
		err = busy(err, resp.Header)
		resp.Body.Close()
	}
	cancel()
	return nil, c.Explain(err)
}

// ReadManifest reads the body of a manifest, and closes it. One of more than
// [MaxManifest] bytes is an error.
func ReadManifest(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("the registry sends a manifest of more than %d bytes", MaxManifest)
	}
	return data, nil
}

// Put uploads a manifest.
func (c *Client) Put(ctx context.Context, id string, mediaType types.MediaType, data []byte, header http.Header, statuses ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.URL("manifests", id).String(), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	req.Header.Set("Content-Type", string(mediaType))
	return c.Do(req, append(statuses, http.StatusCreated, http.StatusOK, http.StatusAccepted)...)
}

// remoteBody explains the error of a broken connection.
type remoteBody struct {
	client *Client
	body   io.ReadCloser
	cancel context.CancelFunc
}

func (b *remoteBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = b.client.Explain(err)
	}
	return n, err
}

func (b *remoteBody) Close() error {
	err := b.body.Close()
	b.cancel()
	return err
}
