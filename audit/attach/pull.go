package attach

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Releases returns the releases of the image that the reference names, or those of
// all tags of a repository, in order of date and then digest. Without one the result
// is empty. A release that cannot be read has the reason as its error; they come
// last.
func (r *Repository) Releases(ctx context.Context) ([]Release, error) {
	if r.whole {
		return r.all(ctx)
	}
	d, data, err := r.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var tags []string
	if tag, ok := r.ref.(name.Tag); ok {
		tags = []string{tag.TagStr()}
	} else if m, is, err := parseRelease(ctx, data); is {
		// The digest of a release names that one, and none that was attached to it.
		if err != nil {
			return nil, err
		}
		out, err := r.released(d.Digest, m)
		return []Release{out}, err
	}
	list := r.of(ctx, d, data, tags, true)
	return list, ctx.Err() // what was canceled is no release that cannot be read
}

// of returns the releases that are, or are attached to, one manifest.
func (r *Repository) of(ctx context.Context, at descriptor, data []byte, tags []string, tag bool) []Release {
	var out []Release
	add := func(rel Release, err error) {
		rel.Tags, rel.Err = tags, err
		out = append(out, rel)
	}
	if m, is, err := parseRelease(ctx, data); is {
		rel, bad := r.released(at.Digest, m)
		add(rel, errors.Join(err, bad))
	}
	list, err := r.referrers(ctx, at.Digest, tag)
	if err != nil {
		add(Release{Reference: r.reference(at.Digest), Subject: at.Digest}, err)
	}
	for _, d := range list {
		rel, is, err := r.read(ctx, d, at.Digest)
		if is {
			add(rel, err)
		}
	}
	slices.SortFunc(out, before)
	for i := range out {
		last := i == len(out)-1 || out[i+1].Err != nil
		out[i].Superseded = out[i].Err == nil && !last
	}
	return out
}

// read reads the manifest of an artifact that is attached to a subject. It returns
// false for one that is no release.
func (r *Repository) read(ctx context.Context, d descriptor, subject string) (Release, bool, error) {
	failed := Release{Reference: r.reference(d.Digest), Digest: d.Digest, Subject: subject}
	if !digestForm.MatchString(d.Digest) {
		failed.Reference = r.reference(subject)
		return failed, true, fmt.Errorf("what is attached has no digest that can be checked: %s", wording.Quote(d.Digest))
	}
	data, _, err := r.client.Manifest(ctx, d.Digest)
	if err != nil {
		return failed, true, gone(err, "it is listed")
	}
	if have := digestOf(data); have != d.Digest {
		return failed, true, fmt.Errorf("the registry sends a manifest with the digest %s, not %s", have, d.Digest)
	}
	m, is, err := parseRelease(ctx, data)
	if err != nil || !is {
		return failed, is, err
	}
	if m.Subject == nil || m.Subject.Digest != subject {
		return failed, true, fmt.Errorf("the registry lists it for %s, and it is of another image", subject)
	}
	rel, err := r.released(d.Digest, m)
	return rel, true, err
}

// gone explains that the registry does not have what something else in it names: it was
// deleted alone, or collected as garbage. That is no mistake of who reads it.
func gone(err error, why string) error {
	if !registry.NotFound(err) {
		return err
	}
	return fmt.Errorf("%s, and the registry does not have it (404): push it again, or delete the release together with its entry in the list", why)
}

func (r *Repository) reference(digest string) string { return r.ref.Context().Name() + "@" + digest }

// released is the release of a manifest.
func (r *Repository) released(digest string, m manifest) (Release, error) {
	rel := Release{
		Reference: r.reference(digest), Digest: digest, files: m.Layers,
		Verdict: m.Annotations[annotationVerdict], Tool: m.Annotations[annotationTool],
	}
	if m.Subject != nil {
		rel.Subject = m.Subject.Digest
	}
	var err error
	rel.Date, err = m.date()
	return rel, err
}

// all returns the releases of every tag.
func (r *Repository) all(ctx context.Context) ([]Release, error) {
	tags, err := r.tags(ctx)
	if err != nil {
		return nil, err
	}
	lists := make(map[string]bool)
	var named []string
	for _, tag := range tags {
		if referrerTag.MatchString(tag) {
			lists[tag] = true
		} else {
			named = append(named, tag)
		}
	}
	type found struct {
		at   descriptor
		data []byte
		tags []string
	}
	var mu sync.Mutex
	manifests := make(map[string]*found)
	var out []Release
	g := new(errgroup.Group)
	g.SetLimit(parallel)
	for _, tag := range named {
		g.Go(func() error {
			data, _, err := r.client.Manifest(ctx, tag)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out = append(out, Release{Reference: r.ref.Context().Name() + ":" + tag, Tags: []string{tag}, Err: err})
				return nil
			}
			digest := digestOf(data)
			if manifests[digest] == nil {
				manifests[digest] = &found{at: descriptor{Digest: digest}, data: data}
			}
			manifests[digest].tags = append(manifests[digest].tags, tag)
			return nil
		})
	}
	if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
		return nil, err
	}
	for _, digest := range slices.Sorted(maps.Keys(manifests)) {
		f := manifests[digest]
		slices.SortFunc(f.tags, specific)
		g.Go(func() error {
			list := r.of(ctx, f.at, f.data, f.tags, lists[referrerTagOf(digest)])
			mu.Lock()
			defer mu.Unlock()
			out = append(out, list...)
			return nil
		})
	}
	if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
		return nil, err
	}
	slices.SortFunc(out, before)
	return out, nil
}

// specific orders the tags of one image, the most exact first: 1.2.3, 1.2, 1, latest.
func specific(a, b string) int {
	digits := func(s string) int {
		n := 0
		for _, c := range s {
			if c >= '0' && c <= '9' {
				n++
			}
		}
		return n
	}
	if c := digits(b) - digits(a); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// tags returns the tags of the repository.
func (r *Repository) tags(ctx context.Context) ([]string, error) {
	var out []string
	next := r.client.URL("tags", "list")
	next.RawQuery = url.Values{"n": {"1000"}}.Encode()
	err := r.pages(ctx, next, func(data []byte, _ *http.Response) error {
		var page struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return fmt.Errorf("the list of tags: %w", err)
		}
		for _, tag := range page.Tags {
			if !tagForm.MatchString(tag) {
				return fmt.Errorf("the registry lists the tag %s, which is none", wording.Quote(tag))
			}
		}
		if out = append(out, page.Tags...); len(out) > maxTags {
			return fmt.Errorf("the repository has more than %d tags", maxTags)
		}
		return nil
	}, http.StatusOK)
	slices.Sort(out)
	return slices.Compact(out), err
}

// File returns one file of a release, compared with its digest.
func (r *Repository) File(ctx context.Context, rel Release, file string) ([]byte, error) {
	if rel.Err != nil {
		return nil, rel.Err
	}
	i := slices.IndexFunc(rel.files, func(d descriptor) bool { return d.Annotations[annotationTitle] == file })
	if i < 0 {
		return nil, fmt.Errorf("the release has no file %s", wording.Quote(file))
	}
	if limit, ok := maxSizes[file]; ok && rel.files[i].Size > limit {
		return nil, fmt.Errorf("%s: %d bytes, of at most %d", file, rel.files[i].Size, limit)
	}
	data, err := r.blob(ctx, rel.files[i])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return data, nil
}

func (r *Repository) blob(ctx context.Context, d descriptor) ([]byte, error) {
	body, err := r.client.Blob(ctx, d.Digest, d.Size)
	if err != nil {
		return nil, gone(err, "the release has it")
	}
	defer body.Close()
	// The buffer grows with what comes: a size is only a claim.
	data, err := io.ReadAll(io.LimitReader(body, d.Size+1))
	if err != nil {
		return nil, err
	}
	if have := digestOf(data); have != d.Digest {
		return nil, fmt.Errorf("the registry sends other bytes: their digest is %s, not %s", have, d.Digest)
	}
	return data, nil
}

// Manifest returns the manifest of a release. One whose date is not that of the
// annotation, by which the newest is chosen, is an error.
func (r *Repository) Manifest(ctx context.Context, rel Release) (bundle.Manifest, error) {
	data, err := r.File(ctx, rel, bundle.ManifestFile)
	if err != nil {
		return bundle.Manifest{}, err
	}
	return manifestOf(rel, data)
}

func manifestOf(rel Release, data []byte) (bundle.Manifest, error) {
	m, err := bundle.ReadManifest(data)
	if err != nil {
		return m, fmt.Errorf("%s: %w", bundle.ManifestFile, err)
	}
	if !m.Date.Equal(rel.Date) {
		return m, fmt.Errorf("it is of %s, and its annotation in the registry has %s", m.Date.Format("2006-01-02"), rel.Date.Format("2006-01-02"))
	}
	for _, d := range rel.files {
		if file := d.Annotations[annotationTitle]; file == bundle.ReportFile && !slices.Contains(m.Files, bundle.Digest{Name: file, SHA256: strings.TrimPrefix(d.Digest, "sha256:")}) {
			return m, fmt.Errorf("%s %w", file, bundle.ErrChanged)
		}
	}
	return m, nil
}

// Images returns the digest of the image that a release is attached to and, if that
// is an index, of those in it; none for a release with a tag of its own.
func (r *Repository) Images(ctx context.Context, rel Release) ([]string, error) {
	if rel.Subject == "" {
		return nil, nil
	}
	data, _, err := r.client.Manifest(ctx, rel.Subject)
	if err != nil {
		return nil, gone(err, "the release is attached to "+rel.Subject)
	}
	if have := digestOf(data); have != rel.Subject {
		return nil, fmt.Errorf("the registry sends a manifest with the digest %s, not %s", have, rel.Subject)
	}
	var list struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("the image: %w", err)
	}
	out := []string{rel.Subject}
	for _, d := range list.Manifests {
		out = append(out, d.Digest)
	}
	return out, nil
}

// Image returns the digest of what the reference names.
func (r *Repository) Image(ctx context.Context) (string, error) {
	d, _, err := r.resolve(ctx)
	return d.Digest, err
}

// Files returns all files of a release: each has the digest of its descriptor, and
// they are those of [bundle.SumsFile]. Whether they belong together is for
// [bundle.Verify].
func (r *Repository) Files(ctx context.Context, rel Release) (map[string][]byte, error) {
	if rel.Err != nil {
		return nil, rel.Err
	}
	var mu sync.Mutex
	files := make(map[string][]byte, len(rel.files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, d := range rel.files {
		g.Go(func() error {
			file := d.Annotations[annotationTitle]
			data, err := r.File(ctx, rel, file)
			mu.Lock()
			defer mu.Unlock()
			files[file] = data
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if !bytes.Equal(files[bundle.SumsFile], bundle.Sums(files)) {
		return nil, fmt.Errorf("%s does not have the digests of the files that are there", bundle.SumsFile)
	}
	if _, err := manifestOf(rel, files[bundle.ManifestFile]); err != nil {
		return nil, err
	}
	return files, nil
}
