package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The files of an OCI layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
)

// The annotations for the names of images in a layout. containerd and Docker
// write the second one as well, with the image's full name.
const (
	annotationRefName        = "org.opencontainers.image.ref.name"
	annotationContainerdName = "io.containerd.image.name"
)

// layout is an OCI layout in a directory or a tar file.
type layout struct {
	files   files
	index   *v1.IndexManifest
	tag     string
	withTag func(tag string) string // the reference with a tag
}

func openLayoutDir(loc Location) (store, error) {
	f, err := openDirFiles(loc.Path)
	if err != nil {
		return nil, err
	}
	return openLayout(f, loc)
}

// openLayout reads the index of a layout. It owns the files.
func openLayout(f files, loc Location) (store, error) {
	l, err := readLayout(f, loc)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func readLayout(f files, loc Location) (*layout, error) {
	var version struct {
		Version string `json:"imageLayoutVersion"`
	}
	data, err := readFile(f, layoutFile, maxManifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoLayout(f, loc)
	case err != nil:
		return nil, err
	}
	if err := decode(data, &version); err != nil {
		return nil, fmt.Errorf("%s %w", layoutFile, err)
	}
	if !strings.HasPrefix(version.Version, "1.") {
		return nil, fmt.Errorf("%s has the version %s, and only 1.x is known", layoutFile, quote(version.Version))
	}
	data, err = readFile(f, indexFile, maxManifest)
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(data, "")
	if err != nil {
		return nil, fmt.Errorf("%s %w", indexFile, err)
	}
	if len(index.Manifests) > maxEntries {
		return nil, fmt.Errorf("%s has %d entries, and more than %d are not read", indexFile, len(index.Manifests), maxEntries)
	}
	return &layout{files: f, index: index, tag: loc.Tag, withTag: func(tag string) string {
		return Location{loc.Scheme, loc.Path, tag}.String()
	}}, nil
}

// errNoLayout returns an error with the probable kind of the files.
func errNoLayout(f files, loc Location) error {
	if body, _, err := f.open(dockerManifestFile); err == nil {
		body.Close()
		if loc.Scheme == schemeOCIArchive {
			return fmt.Errorf("is not an OCI layout (it has no %s) but an archive of docker save (write docker-archive:%s)", layoutFile, loc.Path)
		}
	}
	return fmt.Errorf("is not an OCI layout: it has no %s", layoutFile)
}

// readFile reads a whole small file.
func readFile(f files, name string, limit int64) ([]byte, error) {
	body, size, err := f.open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fs.ErrNotExist
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer body.Close()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, and more than %d are not read", name, size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return data, nil
}

func (l *layout) document(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return l.open(d)
}

func (l *layout) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return l.open(d)
}

func (l *layout) open(d v1.Descriptor) (io.ReadCloser, error) {
	body, size, err := l.files.open("blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("it is not in the layout: %w", fs.ErrNotExist)
	case err != nil:
		return nil, err
	case size != d.Size:
		body.Close()
		return nil, fmt.Errorf("it has %d bytes, and its descriptor has %d", size, d.Size)
	}
	return body, nil
}

func (l *layout) partial() bool { return true }

func (l *layout) Close() error { return l.files.Close() }

// roots returns the descriptors with the tag of the location.
func (l *layout) roots(ctx context.Context) ([]v1.Descriptor, error) {
	if isDigest(l.tag) {
		d, err := l.byDigest(ctx)
		return []v1.Descriptor{d}, err
	}
	var found []v1.Descriptor
	var names, others []string
	for _, d := range l.index.Manifests {
		if err := checkDescriptor(d); err != nil {
			return nil, fmt.Errorf("%s: %w", indexFile, err)
		}
		if !isRoot(d) {
			continue
		}
		tags := tagsOf(d)
		if len(tags) == 0 {
			others = append(others, d.Digest.String())
		}
		names = append(names, tags...)
		if l.tag == "" || hasTag(d, l.tag) {
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 0 && l.tag != "" && len(names) > 0:
		return nil, selection("no image has the tag %s: there are %s", quote(l.tag), list(names))
	case len(found) == 0 && l.tag != "" && len(others) > 0:
		return nil, selection("no image has the tag %s: there are only images without a tag: %s", quote(l.tag), list(others))
	case len(found) == 0:
		return nil, fmt.Errorf("contains no image: %s names none", indexFile)
	}
	if one, ok := sameImage(found); ok {
		return one, nil
	}
	found = l.complete(ctx, found)
	if one, ok := sameImage(found); ok {
		return one, nil
	}
	if l.tag != "" {
		for i := range found {
			found[i].Annotations = nil
		}
		return nil, selection("several images have the tag %s: name one by its digest: %s", quote(l.tag), choices(ctx, l, found))
	}
	names = nil
	for _, d := range found {
		names = append(names, tagsOf(d)...)
	}
	if len(names) == 0 {
		return nil, selection("contains several images, none with a tag: name one by its digest, as in %s: there are %s",
			l.withTag(found[0].Digest.String()), choices(ctx, l, found))
	}
	slices.Sort(names)
	return nil, selection("contains several images: name one by its tag, as in %s: there are %s", l.withTag(printable(names[0], 100)), choices(ctx, l, found))
}

// complete returns the images that can be scanned, or all when none can: an
// artifact beside an image, such as a signature, is not a choice.
func (l *layout) complete(ctx context.Context, found []v1.Descriptor) []v1.Descriptor {
	var out []v1.Descriptor
	for i, d := range found {
		if i >= maxInspected || inspect(ctx, l, d).fault == nil {
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		return found
	}
	return out
}

// isRoot reports whether a descriptor may be that of an image, and not of an
// attestation or another artifact.
func isRoot(d v1.Descriptor) bool {
	return !isAttestation(d) && !fromPlatform(d.Platform).isUnknown() &&
		(d.MediaType.IsImage() || d.MediaType.IsIndex() || d.MediaType.IsSchema1())
}

// sameImage reports whether descriptors are one image, with several tags or for
// several platforms: they then have one name, or none, and a platform each.
func sameImage(found []v1.Descriptor) ([]v1.Descriptor, bool) {
	unique := slices.Clone(found[:1])
	for _, d := range found[1:] {
		if !slices.ContainsFunc(unique, func(u v1.Descriptor) bool { return u.Digest == d.Digest }) {
			unique = append(unique, d)
		}
	}
	if len(unique) == 1 {
		return unique, true
	}
	name := strings.Join(tagsOf(unique[0]), " ")
	for _, d := range unique {
		if d.Platform == nil || strings.Join(tagsOf(d), " ") != name {
			return nil, false
		}
	}
	return unique, true
}

// tagsOf returns the names of a descriptor, as they are written.
func tagsOf(d v1.Descriptor) []string {
	var out []string
	for _, key := range []string{annotationRefName, annotationContainerdName} {
		if name := d.Annotations[key]; name != "" {
			out = append(out, name)
		}
	}
	return out
}

// hasTag compares a tag with the whole name, and with the part after its last
// colon for names like "example.org/app:v1".
func hasTag(d v1.Descriptor, tag string) bool {
	return slices.ContainsFunc(tagsOf(d), func(name string) bool { return name == tag || lastPart(name) == tag })
}

// lastPart returns the tag of a name, "" if it has none.
func lastPart(name string) string {
	i := strings.LastIndexByte(name, ':')
	if i < 0 || strings.ContainsRune(name[i:], '/') {
		return ""
	}
	return name[i+1:]
}

// byDigest returns a manifest or an index anywhere in the layout's indexes.
func (l *layout) byDigest(ctx context.Context) (v1.Descriptor, error) {
	f := finder{store: l, want: l.tag, seen: map[string]bool{}}
	d, err := f.find(ctx, l.index.Manifests, 1)
	switch {
	case err != nil:
		return v1.Descriptor{}, err
	case d == nil:
		return v1.Descriptor{}, selection("no image has the digest %s: %s and the indexes in it name %s", l.tag, indexFile, list(f.names))
	}
	// A reference with a digest selects this manifest, whatever the platform
	// in the index is.
	d.Platform = nil
	return *d, nil
}

// finder looks for a digest in nested indexes.
type finder struct {
	store   store
	want    string
	seen    map[string]bool
	entries int
	names   []string
}

func (f *finder) find(ctx context.Context, entries []v1.Descriptor, depth int) (*v1.Descriptor, error) {
	if f.entries += len(entries); f.entries > maxEntries {
		return nil, fmt.Errorf("has indexes of more than %d entries", maxEntries)
	}
	for _, d := range entries {
		if d.Digest.String() == f.want {
			return &d, nil
		}
		if len(f.names) <= maxListed {
			f.names = append(f.names, d.Digest.String())
		}
	}
	if depth > maxNesting {
		return nil, nil
	}
	for _, d := range entries {
		if !d.MediaType.IsIndex() || f.seen[d.Digest.String()] {
			continue
		}
		if f.seen[d.Digest.String()] = true; len(f.seen) > maxNested {
			return nil, fmt.Errorf("has more than %d indexes", maxNested)
		}
		index, err := readIndex(ctx, f.store, d)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a layout may contain only a part of its index
		}
		if err != nil {
			return nil, err
		}
		if found, err := f.find(ctx, index.Manifests, depth+1); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}
