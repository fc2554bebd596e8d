package attach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Pushed is the result of a push.
type Pushed struct {
	Release
	// Existed is set if the release was there before.
	Existed bool
	// Tag is the tag that has the referrers, if the registry does not list them itself.
	Tag string
	// Attestations is the number of statements that are attached as such.
	Attestations int
}

// As is how a release is stored.
type As struct {
	// Own gives it the tag of the reference to itself.
	Own bool
	// Attestations attaches each signed statement to the image once more, as a bundle of
	// sigstore.
	Attestations bool
}

// Push stores the files of a directory as a release of the image that the reference
// names, after the check of [bundle.Verify] without a key; what it finds are
// [bundle.Problems]. tool is the version of this depaudit. The same files are stored once.
//
// An image that does not exist is [ErrNoImage], and a tag that is something else
// [ErrTaken]. For attestations, statements without a signature are [ErrUnsigned], and
// those that are not about the image [ErrOtherImage]: nothing is stored then.
func (r *Repository) Push(ctx context.Context, files map[string][]byte, tool string, as As) (Pushed, error) {
	about := bundle.Verify(ctx, files, tool, nil, nil)
	if len(about.Problems) > 0 {
		return Pushed{}, about.Problems
	}
	if about.Report == nil {
		return Pushed{}, fmt.Errorf("the release is of depaudit %s, whose files this version cannot read: push it with that version", wording.Quote(about.Other))
	}
	found, data, err := r.resolve(ctx)
	if err != nil && !registry.NotFound(err) {
		return Pushed{}, err
	}
	exists := err == nil
	if !exists && !as.Own {
		return Pushed{}, fmt.Errorf("%s: %w: %w", r.Name(), ErrNoImage, err)
	}
	var subject *descriptor
	if !as.Own {
		subject = &found
	}
	m, raw, err := release(files, subject, &about)
	if err != nil {
		return Pushed{}, err
	}
	if exists {
		at, is, err := parseRelease(ctx, data)
		switch {
		case is && err == nil && slices.EqualFunc(at.Layers, m.Layers, func(a, b descriptor) bool { return a.Digest == b.Digest }):
			out := Pushed{Existed: true}
			out.Release, err = r.released(found.Digest, at)
			return out, err
		case as.Own && is:
			return Pushed{}, fmt.Errorf("%s: %w: another release", r.Name(), ErrTaken)
		case as.Own:
			return Pushed{}, fmt.Errorf("%s: %w: %s", r.Name(), ErrTaken, wording.Quote(found.MediaType))
		}
	}
	var attested []attachment
	if as.Attestations && subject != nil {
		if attested, err = attestations(files, *subject, about.Manifest.Date); err != nil {
			return Pushed{}, err
		}
	}
	id := digestOf(raw)
	out := Pushed{}
	if out.Release, err = r.released(id, m); err != nil {
		return Pushed{}, err
	}
	if err := r.upload(ctx, files); err != nil {
		return Pushed{}, err
	}
	if as.Own {
		return out, r.putOwn(ctx, raw, id)
	}
	for _, a := range attested {
		if err := r.upload(ctx, map[string][]byte{"": a.content}); err != nil {
			return out, err
		}
	}
	all := append([]attachment{{manifest: m, raw: raw}}, attested...)
	if out.Existed, out.Tag, err = r.putReferrers(ctx, subject.Digest, all); err == nil {
		out.Attestations = len(attested)
	}
	return out, err
}

// resolve returns what the reference names, and its content.
func (r *Repository) resolve(ctx context.Context) (descriptor, []byte, error) {
	data, header, err := r.client.Manifest(ctx, r.ref.Identifier())
	if err != nil {
		return descriptor{}, nil, err
	}
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	d := describe(strings.TrimSpace(kind), data)
	if wanted, ok := r.ref.(name.Digest); ok && wanted.DigestStr() != d.Digest {
		return d, nil, fmt.Errorf("the registry sends a manifest with the digest %s, not %s", d.Digest, wanted.DigestStr())
	}
	if !types.MediaType(d.MediaType).IsImage() && !types.MediaType(d.MediaType).IsIndex() {
		return d, nil, fmt.Errorf("%s is %s, to which nothing can be attached", r.Name(), wording.Quote(d.MediaType))
	}
	return d, data, nil
}

// upload stores the files and the configuration, those that are not there.
func (r *Repository) upload(ctx context.Context, files map[string][]byte) error {
	blobs := map[string][]byte{digestOf([]byte(emptyConfig)): []byte(emptyConfig)}
	for _, data := range files {
		blobs[digestOf(data)] = data
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		g.Go(func() error {
			return r.client.Again(ctx, func() error { return r.uploadOne(ctx, digest, blobs[digest]) })
		})
	}
	return g.Wait()
}

// uploadOne stores one blob: a place for it, then its content
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put).
func (r *Repository) uploadOne(ctx context.Context, digest string, data []byte) error {
	do := func(method, address string, body []byte, statuses ...int) (*http.Response, error) {
		var reader io.Reader
		if body != nil {
			reader = bytes.NewReader(body)
		}
		req, err := http.NewRequestWithContext(ctx, method, address, reader)
		if err != nil {
			return nil, err
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/octet-stream")
		}
		resp, err := r.client.Do(req, statuses...)
		if err != nil {
			return nil, err
		}
		return resp, resp.Body.Close()
	}
	resp, err := do(http.MethodHead, r.client.URL("blobs", digest).String(), nil, http.StatusOK, http.StatusNotFound)
	if err != nil || resp.StatusCode == http.StatusOK {
		return err
	}
	if resp, err = do(http.MethodPost, r.client.URL("blobs", "uploads/").String(), nil, http.StatusAccepted); err != nil {
		return err
	}
	// The place may be at another server, which the guard of the client checks.
	place, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return errors.New("the registry names no place for an upload")
	}
	query := place.Query()
	query.Set("digest", digest)
	place.RawQuery = query.Encode()
	_, err = do(http.MethodPut, place.String(), data, http.StatusCreated)
	return err
}

// putOwn stores the manifest under the tag of the reference, which did not exist.
func (r *Repository) putOwn(ctx context.Context, raw []byte, id string) error {
	tag, ok := r.ref.(name.Tag)
	if !ok {
		return fmt.Errorf("%s: a release of its own needs a tag, not a digest", r.Name())
	}
	err := r.client.Again(ctx, func() error {
		resp, err := r.client.Put(ctx, tag.TagStr(), types.OCIManifestSchema1, raw, http.Header{"If-None-Match": {"*"}}, http.StatusPreconditionFailed)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	if err != nil {
		return err
	}
	// Of two pushes at the same time one has the tag.
	data, _, err := r.client.Manifest(ctx, tag.TagStr())
	if err == nil && digestOf(data) != id {
		err = fmt.Errorf("%s: %w: it was written at the same time", r.Name(), ErrTaken)
	}
	return err
}
