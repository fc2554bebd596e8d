package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// index is a list of referrers. Its entries are kept as they are: other programs
// write entries too, with fields that this one does not know.
type index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     []json.RawMessage `json:"manifests"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// referrerTagOf is the tag for the referrers of a digest.
func referrerTagOf(digest string) string { return strings.Replace(digest, ":", "-", 1) }

// putReferrers stores manifests about a subject, and sees to it that each is listed:
// by the registry, or under the returned tag. existed is set if the first was there before.
func (r *Repository) putReferrers(ctx context.Context, subject string, all []attachment) (existed bool, tag string, err error) {
	var promised []attachment
	for i, a := range all {
		before, _, err := r.client.Manifest(ctx, digestOf(a.raw))
		switch {
		case err == nil:
			existed = existed || i == 0 && digestOf(before) == digestOf(a.raw)
		case !registry.NotFound(err):
			return existed, tag, err
		}
		lists, err := r.putReferrer(ctx, subject, a)
		if err != nil {
			return existed, tag, err
		}
		if lists {
			promised = append(promised, a)
			continue
		}
		// Some registries list referrers and do not send the header.
		if missing, err := r.unlisted(ctx, subject, []attachment{a}); err != nil {
			return existed, tag, err
		} else if len(missing) > 0 {
			tag = referrerTagOf(subject)
			if err := r.addToTag(ctx, subject, a.entry()); err != nil {
				return existed, tag, err
			}
		}
	}
	return existed, tag, r.keepListed(ctx, subject, promised)
}

// putReferrer stores a manifest, and returns whether the registry promises to list it.
func (r *Repository) putReferrer(ctx context.Context, subject string, a attachment) (lists bool, err error) {
	err = r.client.Again(ctx, func() error {
		resp, err := r.client.Put(ctx, digestOf(a.raw), types.OCIManifestSchema1, a.raw, nil)
		if err != nil {
			return err
		}
		lists = resp.Header.Get("OCI-Subject") == subject
		return resp.Body.Close()
	})
	return lists, err
}

// keepListed waits until the registry lists what it promised to list, and stores again
// what it lost. Some registries read, change and write their list as a client does that
// keeps it under a tag, so that two writers at once lose the entry of one.
func (r *Repository) keepListed(ctx context.Context, subject string, all []attachment) error {
	for attempt := 1; len(all) > 0; attempt++ {
		if err := r.wait(ctx, attempt-1, digestOf(all[0].raw)); err != nil {
			return err
		}
		var err error
		if all, err = r.unlisted(ctx, subject, all); err != nil {
			return err
		}
		if len(all) > 0 && attempt == maxAttempts {
			return errors.New("the registry takes the release and does not list it as attached: push it again")
		}
		for _, a := range all {
			if _, err := r.putReferrer(ctx, subject, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlisted returns those that the registry does not list.
func (r *Repository) unlisted(ctx context.Context, subject string, all []attachment) (missing []attachment, err error) {
	lists := map[string][]descriptor{}
	for _, a := range all {
		list, ok := lists[a.ArtifactType]
		if !ok {
			if list, _, err = r.fromAPI(ctx, subject, a.ArtifactType); err != nil {
				return nil, err
			}
			lists[a.ArtifactType] = list
		}
		if !slices.ContainsFunc(list, func(d descriptor) bool { return d.Digest == digestOf(a.raw) }) {
			missing = append(missing, a)
		}
	}
	return missing, nil
}

// wait gives other writers the time to write. Those that began together must not come
// back together.
func (r *Repository) wait(ctx context.Context, attempt int, digest string) error {
	return r.sleep(ctx, time.Duration(attempt+1)*r.pause+r.pause*time.Duration(digest[len(digest)-1]%16)/8)
}

// maxAttempts is how often an entry is added to an index that other writers replace.
const maxAttempts = 10

// addToTag adds an entry to the index under the tag of a subject, until it is found there.
func (r *Repository) addToTag(ctx context.Context, subject string, entry descriptor) error {
	tag := referrerTagOf(subject)
	own, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		list, entries, condition, err := r.tagged(ctx, subject)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(entries, func(d descriptor) bool { return d.Digest == entry.Digest }) {
			return nil
		}
		if attempt == maxAttempts {
			return fmt.Errorf("other writers replace the list of what is attached (tag %s), and the release is stored and not listed: push it again", tag)
		}
		list.Manifests = append(list.Manifests, own)
		data, err := json.Marshal(list)
		if err != nil {
			return err
		}
		if len(data) > registry.MaxManifest || len(list.Manifests) > maxReferrers {
			return fmt.Errorf("the tag %s lists %d artifacts, and has no room for another: delete those that are not needed", tag, len(entries))
		}
		err = r.client.Again(ctx, func() error {
			resp, err := r.client.Put(ctx, tag, types.OCIImageIndex, data, condition, http.StatusPreconditionFailed)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		})
		if err != nil {
			return err
		}
		if err := r.wait(ctx, attempt, entry.Digest); err != nil {
			return err
		}
	}
}

// errNoList is the error for a manifest that is no list of referrers.
var errNoList = errors.New("not a list of what is attached: copies that take one entry of a list write that (write `skopeo sync --all`)")

// tagged reads the index under the tag of a subject. condition are the headers of a
// write that only replaces what was read. No tag is an empty index, and so is the
// subject itself, which `cosign copy` stores there.
func (r *Repository) tagged(ctx context.Context, subject string) (index, []descriptor, http.Header, error) {
	tag, empty := referrerTagOf(subject), index{SchemaVersion: 2, MediaType: string(types.OCIImageIndex)}
	data, header, err := r.client.Manifest(ctx, tag)
	if registry.NotFound(err) {
		return empty, nil, http.Header{"If-None-Match": {"*"}}, nil
	}
	if err != nil {
		return index{}, nil, nil, err
	}
	var condition http.Header
	if etag := header.Get("ETag"); etag != "" {
		condition = http.Header{"If-Match": {etag}}
	}
	if digestOf(data) == subject {
		return empty, nil, condition, nil
	}
	list, entries, err := parseIndex(ctx, data)
	if err != nil {
		return list, nil, nil, fmt.Errorf("the tag %s: %w", tag, err)
	}
	return list, entries, condition, nil
}

func parseIndex(ctx context.Context, data []byte) (index, []descriptor, error) {
	var list index
	if err := strictjson.Unmarshal(ctx, data, &list); err != nil {
		return list, nil, fmt.Errorf("the list of what is attached: %w", err)
	}
	if list.MediaType != string(types.OCIImageIndex) {
		return list, nil, fmt.Errorf("is %s, and %w", wording.Quote(list.MediaType), errNoList)
	}
	if len(list.Manifests) > maxReferrers {
		return list, nil, fmt.Errorf("more than %d artifacts are attached", maxReferrers)
	}
	var entries []descriptor
	for i, raw := range list.Manifests {
		var d descriptor
		if err := strictjson.Unmarshal(ctx, raw, &d); err != nil {
			return list, nil, fmt.Errorf("entry %d of what is attached: %w", i+1, err)
		}
		entries = append(entries, d)
	}
	return list, entries, nil
}

// referrers returns the artifacts that are attached to a digest and may be releases,
// each once. The list under the tag is read too: some registries answer for artifacts
// that they do not list, and one that got the API later has older artifacts there.
func (r *Repository) referrers(ctx context.Context, digest string, tag bool) ([]descriptor, error) {
	list, has, err := r.fromAPI(ctx, digest, ArtifactType)
	if err == nil && tag {
		var tagged []descriptor
		if _, tagged, _, err = r.tagged(ctx, digest); has && errors.Is(err, errNoList) {
			err = nil // a registry with the API leaves the tag to others
		}
		list = append(list, tagged...)
	}
	if err != nil {
		return nil, err
	}
	return candidates(list), nil
}

// candidates are the entries that may be releases. Some registries give the type of
// the configuration as that of the artifact, or none.
func candidates(list []descriptor) []descriptor {
	var out []descriptor
	for _, d := range list {
		known := d.ArtifactType == ArtifactType || d.ArtifactType == emptyType || d.ArtifactType == ""
		if known && d.MediaType == string(types.OCIManifestSchema1) && !slices.ContainsFunc(out, func(o descriptor) bool { return o.Digest == d.Digest }) {
			out = append(out, d)
		}
	}
	return out
}

// fromAPI returns what the registry lists as attached to a digest and of a type, and
// false if it has no list
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers).
func (r *Repository) fromAPI(ctx context.Context, digest, artifactType string) (out []descriptor, ok bool, err error) {
	if r.noAPI.Load() {
		return nil, false, nil
	}
	next := r.client.URL("referrers", digest)
	next.RawQuery = url.Values{"artifactType": {artifactType}}.Encode()
	err = r.pages(ctx, next, func(data []byte, resp *http.Response) error {
		if resp.StatusCode != http.StatusOK {
			// A registry with the API answers with an empty list for what has no
			// referrers, and for what does not exist.
			r.noAPI.Store(resp.StatusCode == http.StatusNotFound)
			return nil
		}
		if kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); kind != string(types.OCIImageIndex) {
			return nil // the page of a proxy
		}
		ok = true
		_, entries, err := parseIndex(ctx, data)
		out = append(out, entries...)
		if err == nil && len(out) > maxReferrers {
			err = fmt.Errorf("more than %d artifacts are attached", maxReferrers)
		}
		return err
	}, http.StatusOK, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented)
	return out, ok, err
}

// pages reads a list that the registry may send in pages, each linked by the one
// before.
func (r *Repository) pages(ctx context.Context, next *url.URL, each func([]byte, *http.Response) error, statuses ...int) error {
	for range maxPages {
		var data []byte
		var resp *http.Response
		err := r.client.Again(ctx, func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil)
			if err != nil {
				return err
			}
			if resp, err = r.client.Do(req, statuses...); err != nil {
				return err
			}
			data, err = registry.ReadManifest(resp)
			return err
		})
		if err != nil {
			return err
		}
		if err := each(data, resp); err != nil {
			return err
		}
		link := nextLink(resp.Header.Values("Link"))
		if link == "" || resp.StatusCode != http.StatusOK {
			return nil
		}
		to, err := next.Parse(link)
		if err != nil || to.Host != next.Host || to.Scheme != next.Scheme || to.Path != next.Path {
			return fmt.Errorf("the registry continues a list at %s, another place", wording.Quote(link))
		}
		if *to == *next {
			return errors.New("the registry continues a list where it began")
		}
		next = to
	}
	return fmt.Errorf("a list of more than %d pages", maxPages)
}

// nextLink returns the address of the next page
// (https://www.rfc-editor.org/rfc/rfc8288).
func nextLink(headers []string) string {
	for _, h := range headers {
		for part := range strings.SplitSeq(h, ",") {
			address, params, ok := strings.Cut(part, ">")
			if _, address, has := strings.Cut(address, "<"); ok && has && (strings.Contains(params, `rel="next"`) || strings.Contains(params, "rel=next")) {
				return address
			}
		}
	}
	return ""
}
